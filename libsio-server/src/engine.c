#include "engine_request.h"

#include "mem.h"

#include <string.h>

static int copy_path(sio_engine *engine, const sio_engine_settings *settings) {
    size_t len = strlen(settings->path);
    bool slash = len > 1 && settings->path[len - 1] == '/';
    char *copy = sio_mem_alloc(engine->mem, len + 2);
    if (!copy) {
        return SIO_ERR_NOMEM;
    }
    memcpy(copy, settings->path, len);
    if (settings->no_trailing_slash) {
        len -= slash;
    } else if (copy[len - 1] != '/') {
        copy[len++] = '/';
    }
    copy[len] = '\0';
    engine->path = (sio_str){copy, len};
    return 0;
}

/* ---- listeners ---- */

static void note_interest(sio_engine *engine, const sio_engine_callbacks *callbacks) {
    engine->watches_packets = engine->watches_packets || callbacks->on_packet;
    engine->watches_queue = engine->watches_queue || callbacks->on_flush || callbacks->on_drain ||
                            callbacks->on_packet_create;
}

/* An older program knows fewer members. */
static int listener_new(sio_engine_listener **out, sio_engine *engine,
                        const sio_engine_callbacks *callbacks, void *user) {
    if (callbacks->size < sizeof(callbacks->size) || callbacks->size > sizeof(*callbacks)) {
        return SIO_ERR_INVALID;
    }
    sio_engine_listener *listener = sio_mem_zalloc(engine->mem, sizeof(*listener));
    if (!listener) {
        return SIO_ERR_NOMEM;
    }
    memcpy(&listener->callbacks, callbacks, callbacks->size);
    listener->user = user;
    note_interest(engine, &listener->callbacks);
    *out = listener;
    return 0;
}

/* The owner's stay last: what they do to a message nobody else shall see. */
int sio_engine_watch(sio_engine *engine, const sio_engine_callbacks *callbacks, void *user) {
    sio_engine_listener *listener;
    int rc = callbacks ? listener_new(&listener, engine, callbacks, user) : SIO_ERR_INVALID;
    if (rc != 0) {
        return rc;
    }
    sio_engine_listener **at = &engine->listeners;
    while ((*at)->next) {
        at = &(*at)->next;
    }
    listener->next = *at;
    *at = listener;
    return 0;
}

int sio_engine_headers_add(sio_engine_headers *headers, const char *name, const char *value) {
    if (!name || !value) {
        return SIO_ERR_INVALID;
    }
    return sio_http1_write_header(headers->out, (sio_str){name, strlen(name)},
                                  (sio_str){value, strlen(value)});
}

/* ---- life ---- */

static int make(sio_engine *engine, const sio_engine_settings *settings) {
    int rc = sio_table_init(&engine->sessions, engine->loop);
    if (rc == 0) {
        rc = sio_request_forms_init(&engine->forms, engine->loop);
    }
    if (rc == 0) {
        rc = copy_path(engine, settings);
    }
    if (rc == 0) {
        rc = listener_new(&engine->listeners, engine, settings->callbacks, settings->user);
    }
    if (rc == 0) {
        rc = sio_poll_answers_init(&engine->answers, settings->cookie, settings->http_compression,
                                   settings->http_threshold, engine->mem);
    }
    return rc;
}

int sio_engine_new(sio_engine **out, sio_loop *loop, const sio_engine_settings *settings) {
    const sio_mem *mem = sio_loop_mem(loop);
    if (settings->path[0] != '/' || !(settings->polling || settings->websocket)) {
        return SIO_ERR_INVALID;
    }
    sio_engine *engine = sio_mem_zalloc(mem, sizeof(*engine));
    if (!engine) {
        return SIO_ERR_NOMEM;
    }
    engine->loop = loop;
    engine->mem = mem;
    engine->settings = *settings;
    engine->counters = settings->counters ? settings->counters : &engine->own_counters;
    engine->eio = *settings->eio;
    engine->budget = settings->budget ? settings->budget : &engine->own_budget;
    sio_pressure_init(engine);
    engine->eio.no_upgrade = engine->eio.no_upgrade || !settings->websocket;
    sio_list_init(&engine->all);
    sio_list_init(&engine->requests);
    sio_buf_init(&engine->scratch, 0, mem);
    sio_buf_init(&engine->body, 0, mem);
    int rc = make(engine, settings);
    if (rc != 0) {
        sio_engine_free(engine);
        return rc;
    }
    *out = engine;
    return 0;
}

static void free_hooks(sio_engine *engine) {
    while (engine->listeners) {
        sio_engine_listener *listener = engine->listeners;
        engine->listeners = listener->next;
        sio_mem_release(engine->mem, listener);
    }
    while (engine->middlewares) {
        sio_engine_middleware *middleware = engine->middlewares;
        engine->middlewares = middleware->next;
        sio_mem_release(engine->mem, middleware);
    }
}

void sio_engine_reopen(sio_engine *engine) {
    engine->closing = false;
}

void sio_engine_free(sio_engine *engine) {
    if (!engine) {
        return;
    }
    sio_engine_requests_orphan(engine);
    sio_engine_close(engine, true);
    free_hooks(engine);
    sio_eio_message_unref(engine->initial);
    sio_table_done(&engine->sessions);
    sio_request_forms_done(&engine->forms);
    sio_buf_free(&engine->scratch);
    sio_buf_free(&engine->body);
    sio_poll_answers_done(&engine->answers);
    sio_ws_free(engine->decoders[0]);
    sio_ws_free(engine->decoders[1]);
    sio_ws_inflater_free(engine->inflater);
    for (size_t i = 0; i < sizeof(engine->deflaters) / sizeof(engine->deflaters[0]); i++) {
        sio_ws_deflater_free(engine->deflaters[i]);
    }
    sio_mem_release(engine->mem, (char *)(uintptr_t)engine->path.ptr);
    sio_mem_release(engine->mem, engine);
}

void sio_engine_silence(sio_engine *engine, bool owner_too) {
    sio_engine_listener *listener = engine->listeners;
    for (; listener && (owner_too || listener->next); listener = listener->next) {
        listener->callbacks = (sio_engine_callbacks){0};
    }
    sio_engine_requests_orphan(engine);
}

/* ---- closing ---- */

/* Each walk begins anew, because on_close may do anything. */
static void close_each(sio_engine *engine, void (*close_one)(sio_engine_session *session)) {
    sio_list closing;
    sio_list_init(&closing);
    sio_list_splice(&closing, &engine->all);
    sio_list *node;
    while ((node = sio_list_shift(&closing)) != NULL) {
        sio_engine_session *session = SIO_CONTAINER(node, sio_engine_session, link);
        sio_list_push(&engine->all, node);
        close_one(session);
    }
}

static void close_gracefully(sio_engine_session *session) {
    sio_engine_session_close(session, false);
}

static void close_discarding(sio_engine_session *session) {
    sio_engine_session_close(session, true);
}

static bool has_messages(const sio_engine_session *session) {
    size_t count;
    const sio_eio_item *items = sio_eio_session_queue(&session->eio, &count);
    for (size_t i = 0; i < count; i++) {
        if (items[i].type == SIO_EIO_MESSAGE) {
            return true;
        }
    }
    return false;
}

static void shut_down(sio_engine_session *session) {
    bool polling = sio_eio_session_transport(&session->eio) == SIO_EIO_POLLING;
    bool unreachable = polling && !session->poll && !has_messages(session);
    sio_engine_session_close(session, unreachable);
}

void sio_engine_close(sio_engine *engine, bool discard) {
    engine->closing = true;
    close_each(engine, discard ? close_discarding : close_gracefully);
}

void sio_engine_shut_down(sio_engine *engine) {
    engine->closing = true;
    close_each(engine, shut_down);
}

void sio_engine_close_now(sio_engine *engine) {
    engine->closing = true;
    close_each(engine, sio_engine_session_end_now);
}

/* ---- asking ---- */

const char *sio_engine_path(const sio_engine *engine) {
    return engine->path.ptr;
}

size_t sio_engine_session_count(const sio_engine *engine) {
    return engine->count;
}

sio_engine_session *sio_engine_session_find(const sio_engine *engine, const char *id) {
    return sio_table_get(&engine->sessions, id, strlen(id));
}

sio_engine_session *sio_engine_session_next(const sio_engine *engine,
                                            const sio_engine_session *session) {
    sio_list *next = session ? session->link.next : engine->all.next;
    return next == &engine->all ? NULL : SIO_CONTAINER(next, sio_engine_session, link);
}

/* As in the reference the path is a prefix: "/socket.io/anything" belongs to the engine, too. One
 * without its slash still ends at a slash or the path's end. */
bool sio_engine_has_path(const sio_engine *engine, sio_str path) {
    size_t len = engine->path.len;
    if (path.len < len || memcmp(path.ptr, engine->path.ptr, len) != 0) {
        return false;
    }
    return engine->path.ptr[len - 1] == '/' || path.len == len || path.ptr[len] == '/';
}

/* ---- hooks ---- */

int sio_engine_use(sio_engine *engine, sio_engine_request_fn fn, void *user) {
    sio_engine_middleware *middleware = sio_mem_zalloc(engine->mem, sizeof(*middleware));
    if (!middleware) {
        return SIO_ERR_NOMEM;
    }
    middleware->fn = fn;
    middleware->user = user;
    sio_engine_middleware **at = &engine->middlewares;
    while (*at) {
        at = &(*at)->next;
    }
    *at = middleware;
    return 0;
}

void sio_engine_set_allow_request(sio_engine *engine, sio_engine_request_fn fn, void *user) {
    engine->allow_request = fn;
    engine->allow_request_user = user;
}

void sio_engine_set_generate_id(sio_engine *engine, sio_engine_request_fn fn, void *user) {
    engine->generate_id = fn;
    engine->generate_id_user = user;
}

int sio_engine_set_initial_message(sio_engine *engine, bool binary, const void *data, size_t len) {
    sio_eio_message *message = NULL;
    int rc = data ? sio_eio_message_new(&message, binary, data, len, engine->mem) : 0;
    if (rc == 0) {
        sio_eio_message_unref(engine->initial);
        engine->initial = message;
    }
    return rc;
}
