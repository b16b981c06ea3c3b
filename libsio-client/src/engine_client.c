#include <sio/engine_client.h>

#include "client_state.h"
#include "options.h"

#include "mem.h"

#include <string.h>

struct sio_engine_client {
    sio_client settings; /* of the manager's struct only what attempts are made with */
    sio_cengine *engine; /* NULL once closed */
    sio_engine_client_callbacks callbacks;
    void *user;
    sio_client_log_fn log_fn;
    void *log_user;
    bool running;
    bool freed;
};

/* ---- life ---- */

static void destroy(void *ctx) {
    sio_engine_client *c = ctx;
    sio_client_options_free(&c->settings);
    bool has_mem = c->settings.mem != NULL; /* it goes with the loop */
    sio_mem mem = has_mem ? *c->settings.mem : (sio_mem){0};
    sio_loop_free(c->settings.loop);
    sio_mem_release(has_mem ? &mem : NULL, c);
}

void sio_engine_client_free(sio_engine_client *client) {
    sio_engine_client *c = client;
    if (!c || c->freed) {
        return;
    }
    c->freed = true;
    sio_cengine_free(c->engine);
    c->engine = NULL;
    if (c->running) {
        sio_loop_stop(c->settings.loop); /* whoever runs it destroys it */
    } else if (sio_loop_in_callback(c->settings.loop)) {
        sio_loop_after(c->settings.loop, destroy, c);
    } else {
        destroy(c);
    }
}

/* ---- events ---- */

static void on_open(void *ctx) {
    sio_engine_client *c = ctx;
    if (c->callbacks.on_open) {
        c->callbacks.on_open(c, c->user);
    }
}

static void on_message(void *ctx, bool binary, uint8_t *data, size_t len) {
    sio_engine_client *c = ctx;
    if (c->callbacks.on_message) {
        c->callbacks.on_message(c, binary, data, len, c->user);
    }
}

static void on_ping(void *ctx) {
    sio_engine_client *c = ctx;
    if (c->callbacks.on_ping) {
        c->callbacks.on_ping(c, c->user);
    }
}

static void on_upgrade(void *ctx) {
    sio_engine_client *c = ctx;
    if (c->callbacks.on_upgrade) {
        c->callbacks.on_upgrade(c, c->user);
    }
}

static void on_drain(void *ctx) {
    sio_engine_client *c = ctx;
    if (c->callbacks.on_drain) {
        c->callbacks.on_drain(c, c->user);
    }
}

static void on_close(void *ctx, sio_eio_reason reason, const sio_cengine_error *error) {
    sio_engine_client *c = ctx;
    sio_cengine *engine = c->engine;
    c->engine = NULL;
    sio_loop_stop(c->settings.loop);
    if (c->callbacks.on_close) {
        c->callbacks.on_close(c, sio_eio_reason_text(reason), error, c->user);
    }
    sio_cengine_free(engine); /* the error's texts are its own */
}

static const sio_cengine_callbacks engine_callbacks = {
    .on_open = on_open,
    .on_message = on_message,
    .on_ping = on_ping,
    .on_upgrade = on_upgrade,
    .on_drain = on_drain,
    .on_close = on_close,
};

/* ---- making ---- */

static void write_log(void *user, int level, const char *scope, const char *text) {
    sio_engine_client *c = user;
    if (!c->freed) {
        c->log_fn(scope, text, c->log_user);
    }
}

static int make_loop(sio_engine_client *c, const sio_client_options *options) {
    sio_client *s = &c->settings;
    sio_log log = {.fn = NULL};
    c->log_fn = options->log;
    c->log_user = options->log_user;
    if (options->log) {
        log = (sio_log){write_log, c, SIO_LOG_DEBUG};
    }
    sio_loop_options loop = {.base = options->base, .mem = options->mem, .log = log};
    int rc = sio_loop_new(&s->loop, &loop);
    if (rc == 0) {
        s->mem = sio_loop_mem(s->loop);
        s->log = sio_loop_log(s->loop);
    }
    return rc;
}

static int make_engine(sio_engine_client *c) {
    sio_url url = sio_client_url(&c->settings);
    sio_cengine_options options =
        sio_client_engine_options(&c->settings, &url, &engine_callbacks, c);
    return sio_cengine_new(&c->engine, c->settings.loop, &options);
}

static int take_callbacks(sio_engine_client_callbacks *out,
                          const sio_engine_client_callbacks *callbacks) {
    if (!callbacks || callbacks->size < sizeof(callbacks->size) || callbacks->size > sizeof(*out)) {
        return SIO_ERR_INVALID;
    }
    *out = (sio_engine_client_callbacks){.size = sizeof(*out)};
    memcpy(out, callbacks, callbacks->size);
    return 0;
}

static bool has_path(const sio_client_options *options) {
    return options && options->size > offsetof(sio_client_options, path) && options->path;
}

int sio_engine_client_new(sio_engine_client **out, const char *url,
                          const sio_client_options *options,
                          const sio_engine_client_callbacks *callbacks, void *user) {
    sio_client_options full;
    sio_engine_client_callbacks taken;
    int rc = sio_client_options_read(&full, options);
    if (rc == 0 && full.loop) {
        rc = SIO_ERR_UNSUPPORTED;
    }
    if (rc == 0) {
        rc = take_callbacks(&taken, callbacks);
    }
    if (rc != 0) {
        return rc;
    }
    full.path = has_path(options) ? full.path : "/engine.io";
    sio_engine_client *c = sio_mem_zalloc(full.mem, sizeof(*c));
    if (!c) {
        return SIO_ERR_NOMEM;
    }
    c->callbacks = taken;
    c->user = user;
    rc = make_loop(c, &full);
    if (rc != 0) {
        sio_mem_release(full.mem, c);
        return rc;
    }
    rc = sio_client_options_apply(&c->settings, url, &full);
    if (rc == 0) {
        rc = make_engine(c);
    }
    if (rc != 0) {
        sio_engine_client_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

/* ---- running ---- */

int sio_engine_client_run(sio_engine_client *client) {
    sio_engine_client *c = client;
    if (c->running || !c->engine || sio_loop_in_callback(c->settings.loop)) {
        return SIO_ERR_STATE;
    }
    c->running = true;
    int rc = sio_loop_run(c->settings.loop);
    c->running = false;
    if (c->freed) {
        destroy(c);
    }
    return rc;
}

void sio_engine_client_stop(sio_engine_client *client) {
    sio_loop_stop(client->settings.loop);
}

/* ---- using ---- */

int sio_engine_client_send(sio_engine_client *client, bool binary, const void *data, size_t len) {
    if (!client->engine) {
        return SIO_ERR_CLOSED;
    }
    sio_eio_message *message;
    int rc = sio_eio_message_new(&message, binary, data, len, client->settings.mem);
    if (rc == 0) {
        rc = sio_cengine_send(client->engine, message, SIO_EIO_COMPRESS);
        sio_eio_message_unref(message);
    }
    return rc;
}

void sio_engine_client_close(sio_engine_client *client) {
    if (client->engine) {
        sio_cengine_close(client->engine);
    }
}

const char *sio_engine_client_id(const sio_engine_client *client) {
    return client->engine ? sio_cengine_id(client->engine) : "";
}

const char *sio_engine_client_transport(const sio_engine_client *client) {
    return client->engine ? sio_eio_transport_name(sio_cengine_transport(client->engine)) : NULL;
}
