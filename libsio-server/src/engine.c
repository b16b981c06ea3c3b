#include "engine.h"

#include "engine_session.h"

#include "mem.h"

#include <string.h>

static int copy_path(sio_engine *engine, const char *path) {
    size_t len = strlen(path);
    bool slash = len > 0 && path[len - 1] == '/';
    char *copy = sio_mem_alloc(engine->mem, len + 2);
    if (!copy) {
        return SIO_ERR_NOMEM;
    }
    memcpy(copy, path, len);
    if (!slash) {
        copy[len++] = '/';
    }
    copy[len] = '\0';
    engine->path = (sio_str){copy, len};
    return 0;
}

int sio_engine_new(sio_engine **out, sio_loop *loop, const sio_engine_options *options) {
    const sio_mem *mem = sio_loop_mem(loop);
    if (options->path[0] != '/' || !(options->polling || options->websocket)) {
        return SIO_ERR_INVALID;
    }
    sio_engine *engine = sio_mem_zalloc(mem, sizeof(*engine));
    if (!engine) {
        return SIO_ERR_NOMEM;
    }
    engine->loop = loop;
    engine->mem = mem;
    engine->options = *options;
    sio_list_init(&engine->all);
    sio_buf_init(&engine->scratch, 0, mem);
    sio_buf_init(&engine->body, 0, mem);
    int rc = sio_table_init(&engine->sessions, loop);
    if (rc == 0) {
        rc = copy_path(engine, options->path);
    }
    if (rc == 0) {
        rc = sio_poll_answers_init(&engine->answers, options->cookie, options->http_compression,
                                   options->http_threshold, mem);
    }
    if (rc != 0) {
        sio_engine_free(engine);
        return rc;
    }
    *out = engine;
    return 0;
}

/* Each walk begins anew, because on_close may do anything. */
static void close_all(sio_engine *engine, bool discard) {
    sio_list closing;
    sio_list_init(&closing);
    sio_list_splice(&closing, &engine->all);
    sio_list *node;
    while ((node = sio_list_shift(&closing)) != NULL) {
        sio_engine_session *session = SIO_CONTAINER(node, sio_engine_session, link);
        sio_list_push(&engine->all, node);
        sio_engine_session_close(session, discard);
    }
}

void sio_engine_close(sio_engine *engine, bool discard) {
    engine->closing = true;
    close_all(engine, discard);
}

void sio_engine_reopen(sio_engine *engine) {
    engine->closing = false;
}

void sio_engine_free(sio_engine *engine) {
    if (!engine) {
        return;
    }
    sio_engine_close(engine, true);
    sio_table_done(&engine->sessions);
    sio_buf_free(&engine->scratch);
    sio_buf_free(&engine->body);
    sio_poll_answers_done(&engine->answers);
    sio_ws_inflater_free(engine->inflater);
    for (size_t i = 0; i < sizeof(engine->deflaters) / sizeof(engine->deflaters[0]); i++) {
        sio_ws_deflater_free(engine->deflaters[i]);
    }
    sio_mem_release(engine->mem, (char *)(uintptr_t)engine->path.ptr);
    sio_mem_release(engine->mem, engine);
}

size_t sio_engine_session_count(const sio_engine *engine) {
    return engine->count;
}

/* As in the reference the path is a prefix: "/socket.io/anything" belongs to the engine, too. */
bool sio_engine_has_path(const sio_engine *engine, sio_str path) {
    return path.len >= engine->path.len &&
           memcmp(path.ptr, engine->path.ptr, engine->path.len) == 0;
}
