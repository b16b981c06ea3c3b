#include "client_state.h"

#include "options.h"
#include "socket.h"

#include "mem.h"
#include "net/call.h"

#include <string.h>

/* ---- making and freeing ---- */

static void write_log(void *user, int level, const char *scope, const char *text) {
    sio_client *client = user;
    if (!client->dead) {
        client->log_fn(scope, text, client->log_user);
    }
}

static int make_loop(sio_client *client, const sio_client_options *options) {
    client->log_fn = options->log;
    client->log_user = options->log_user;
    if (options->log) {
        client->log = (sio_log){write_log, client, SIO_LOG_DEBUG};
    }
    sio_loop_options loop = {.base = options->base, .mem = options->mem, .log = client->log};
    int rc = sio_loop_new(&client->loop, &loop);
    if (rc == 0) {
        client->mem = sio_loop_mem(client->loop);
        sio_buf_init(&client->encode, 0, client->mem);
        sio_buf_init(&client->decoded, 0, client->mem);
    }
    return rc;
}

static void on_quiet(void *ctx) {
    sio_client_check_idle(ctx);
}

static int make(sio_client *client, const char *url, const sio_client_options *options) {
    sio_loop_on_quiet(client->loop, on_quiet, client);
    int rc = sio_client_options_apply(client, url, options);
    if (rc == 0) {
        rc = sio_manager_init(client);
    }
    if (rc == 0) {
        rc = sio_handlers_init(&client->handlers, client->loop);
    }
    if (rc == 0) {
        rc = sio_table_init(&client->by_nsp, client->loop);
    }
    if (rc == 0) {
        rc = sio_args_new(&client->scratch, client->mem);
    }
    if (rc == 0) {
        rc = sio_args_new(&client->no_args, client->mem);
    }
    return rc;
}

/* Everything, then the loop. In no callback of the loop. */
static void destroy(void *ctx) {
    sio_client *client = ctx;
    sio_manager_done(client);
    while (!sio_list_empty(&client->sockets)) {
        sio_socket_free(SIO_CONTAINER(client->sockets.next, sio_socket, link));
    }
    sio_handlers_done(&client->handlers);
    sio_table_done(&client->by_nsp);
    sio_args_unref(client->scratch);
    sio_args_unref(client->no_args);
    sio_buf_free(&client->encode);
    sio_buf_free(&client->decoded);
    sio_client_options_free(client);
    pthread_mutex_destroy(&client->starting);
    bool has_mem = client->mem != NULL; /* it goes with the loop */
    sio_mem mem = has_mem ? *client->mem : (sio_mem){0};
    sio_loop_free(client->loop);
    pthread_mutex_destroy(&client->post_lock);
    sio_mem_release(has_mem ? &mem : NULL, client);
}

int sio_client_new(sio_client **out, const char *url, const sio_client_options *options) {
    sio_client_options full;
    int rc = sio_client_options_read(&full, options);
    if (rc != 0) {
        return rc;
    }
    sio_client *client = sio_mem_zalloc(full.mem, sizeof(*client));
    if (!client) {
        return SIO_ERR_NOMEM;
    }
    sio_list_init(&client->sockets);
    sio_list_init(&client->attempts);
    sio_list_init(&client->posted);
    sio_list_init(&client->cache_link);
    client->refs = 1;
    sio_waits_init(&client->opens);
    sio_waits_init(&client->sent);
    sio_task_init(&client->failed_task, NULL, NULL);
    sio_task_init(&client->opened_task, NULL, NULL);
    pthread_mutex_init(&client->post_lock, NULL);
    pthread_mutex_init(&client->starting, NULL);
    rc = make_loop(client, &full);
    if (rc != 0) {
        sio_mem_release(full.mem, client);
        return rc;
    }
    rc = make(client, url, &full);
    if (rc != 0) {
        destroy(client);
        return rc;
    }
    *out = client;
    return 0;
}

static void finish(sio_client *client) {
    client->finishing = true;
    if (client->running) {
        sio_loop_stop(client->loop); /* whoever runs it destroys it */
    } else if (!sio_loop_in_callback(client->loop)) {
        destroy(client);
    } else {
        sio_loop_after(client->loop, destroy, client);
    }
}

void sio_client_leave(sio_client *client) {
    if (--client->depth == 0 && client->dead && !client->finishing) {
        finish(client);
    }
}

/* Not asked of the loop, which learns of its thread only when that runs. */
static bool in_own_thread(const sio_client *client) {
    return client->has_thread && pthread_equal(pthread_self(), client->thread);
}

/* Everyone who waits is told, exactly once. */
static void end_waiting(sio_socket *socket) {
    sio_socket_end_losing(socket, SIO_ERR_DISCONNECTED);
    sio_socket_forget_auth(socket);
    sio_socket_end_acks(socket, true);
    sio_socket_end_kept(socket, SIO_ERR_DISCONNECTED);
    sio_socket_end_queue(socket, SIO_ERR_DISCONNECTED);
}

bool sio_client_in_thread(const sio_client *client) {
    return client->has_thread ? in_own_thread(client) : sio_loop_in_thread(client->loop);
}

void sio_client_free(sio_client *client) {
    if (!client || client->dead) {
        return;
    }
    if (client->has_thread && !in_own_thread(client)) {
        sio_client_stop(client);
    }
    sio_client_enter(client);
    sio_list_remove(&client->cache_link);
    client->dead = true; /* first, so that nothing new can be awaited */
    for (sio_list *at = client->sockets.next; at != &client->sockets; at = at->next) {
        end_waiting(SIO_CONTAINER(at, sio_socket, link));
    }
    sio_waits_end(&client->sent, SIO_ERR_DISCONNECTED, client->mem);
    sio_waits_end(&client->opens, SIO_ERR_DISCONNECTED, client->mem);
    sio_client_end_posted(client, SIO_ERR_DISCONNECTED);
    sio_client_leave(client);
}

/* ---- running ---- */

static bool is_idle(const sio_client *client) {
    return client->phase == SIO_CLIENT_CLOSED && !client->reconnecting &&
           sio_list_empty(&client->attempts) && sio_loop_stream_count(client->loop) == 0;
}

void sio_client_check_idle(sio_client *client) {
    if (client->running && !client->has_thread && is_idle(client)) {
        sio_loop_stop(client->loop);
    }
}

int sio_client_run(sio_client *client) {
    if (client->running) {
        return SIO_ERR_STATE;
    }
    if (is_idle(client)) {
        return 0;
    }
    client->running = true;
    int rc = sio_loop_run(client->loop);
    client->running = false;
    if (client->dead) {
        destroy(client);
    }
    return rc;
}

static void *thread_main(void *arg) {
    sio_client *client = arg;
    pthread_mutex_lock(&client->starting); /* until `thread` is set */
    pthread_mutex_unlock(&client->starting);
    (void)sio_loop_run(client->loop);
    if (client->dead) {
        pthread_detach(pthread_self());
        destroy(client);
    }
    return NULL;
}

int sio_client_start(sio_client *client) {
    if (client->running) {
        return SIO_ERR_STATE;
    }
    if (client->options.base) {
        return SIO_ERR_UNSUPPORTED;
    }
    client->running = true;
    pthread_mutex_lock(&client->starting);
    int failed = pthread_create(&client->thread, NULL, thread_main, client);
    client->has_thread = !failed;
    client->running = !failed;
    pthread_mutex_unlock(&client->starting);
    return failed ? SIO_ERR_NOMEM : 0;
}

void sio_client_stop(sio_client *client) {
    sio_loop_stop(client->loop);
    if (client->has_thread && !in_own_thread(client)) {
        pthread_join(client->thread, NULL);
        /* It may have ended before, by itself: then this stop is still pending, and would end the
         * next run. A run with a stop pending does nothing but take it. */
        sio_loop_stop(client->loop);
        (void)sio_loop_run(client->loop);
        client->has_thread = false;
        client->running = false;
    }
}

int sio_client_post(sio_client *client, void (*fn)(void *user), void (*drop)(void *user),
                    void *user) {
    return sio_loop_call(client->loop, &client->dead, fn, drop, user);
}

/* ---- events ---- */

void sio_client_hand_out(sio_client *client, sio_event *event, const char *name) {
    sio_handler_walk walk;
    sio_handler handler;
    event->name = (sio_str){name, strlen(name)};
    if (!event->args) {
        event->args = client->no_args;
    }
    sio_client_enter(client);
    sio_handlers_begin(&walk, sio_handlers_named(&client->handlers, name, event->name.len));
    while (!client->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_client_fn)handler.fn)(client, event, handler.user);
    }
    sio_handlers_end(&walk, &client->handlers);
    sio_client_leave(client);
}

int sio_client_on(sio_client *client, const char *event, sio_client_fn fn, void *user) {
    return sio_handlers_add(&client->handlers, event, (sio_handler_fn)fn, user, false);
}

int sio_client_once(sio_client *client, const char *event, sio_client_fn fn, void *user) {
    return sio_handlers_add(&client->handlers, event, (sio_handler_fn)fn, user, true);
}

void sio_client_off_event(sio_client *client, const char *event) {
    sio_handlers_remove_name(&client->handlers, event);
}

void sio_client_off_all(sio_client *client) {
    sio_handlers_remove_all(&client->handlers);
}

size_t sio_client_handler_count(const sio_client *client, const char *event) {
    return sio_handlers_count(&client->handlers, event);
}

int sio_client_off(sio_client *client, const char *event, sio_client_fn fn, void *user) {
    return sio_handlers_remove(&client->handlers, event, (sio_handler_fn)fn, user);
}

/* ---- what is known ---- */

const char *sio_client_transport(const sio_client *client) {
    return client->phase == SIO_CLIENT_OPEN
               ? sio_eio_transport_name(sio_cengine_transport(client->current->engine))
               : NULL;
}

uint32_t sio_client_kept(const sio_client *client, uint64_t *bytes) {
    if (bytes) {
        *bytes = client->buffered_bytes;
    }
    return client->buffered;
}

const char *sio_client_engine_id(const sio_client *client) {
    return client->phase == SIO_CLIENT_OPEN ? sio_cengine_id(client->current->engine) : "";
}

void sio_client_set_user(sio_client *client, void *user) {
    client->user = user;
}

void *sio_client_user(const sio_client *client) {
    return client->user;
}
