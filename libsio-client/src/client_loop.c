#include "client_state.h"

#include "mem.h"

#include <string.h>

/* ---- making ---- */

static void write_log(void *user, int level, const char *scope, const char *text) {
    sio_client_loop *home = user;
    if (!home->silent) {
        home->log_fn(scope, text, home->log_user);
    }
}

static int make_loop(sio_client_loop *home, const sio_client_loop_options *options) {
    home->log_fn = options->log;
    home->log_user = options->log_user;
    sio_loop_options loop = {.base = options->base, .mem = options->mem};
    if (options->log) {
        loop.log = (sio_log){write_log, home, SIO_LOG_DEBUG};
    }
    int rc = sio_loop_new(&home->loop, &loop);
    if (rc == 0) {
        home->mem = sio_loop_mem(home->loop);
        sio_buf_init(&home->encode, 0, home->mem);
    }
    return rc;
}

static void on_quiet(void *ctx) {
    sio_client_loop_check_idle(ctx);
}

static int make(sio_client_loop *home) {
    sio_loop_on_quiet(home->loop, on_quiet, home);
    int rc = sio_args_new(&home->scratch, home->mem);
    return rc == 0 ? sio_args_new(&home->no_args, home->mem) : rc;
}

static int read_options(sio_client_loop_options *out, const sio_client_loop_options *options) {
    *out = (sio_client_loop_options)SIO_CLIENT_LOOP_OPTIONS_INIT;
    if (options) {
        if (options->size < sizeof(options->size) || options->size > sizeof(*out)) {
            return SIO_ERR_INVALID;
        }
        memcpy(out, options, options->size);
    }
    return 0;
}

int sio_client_loop_new(sio_client_loop **out, const sio_client_loop_options *options) {
    sio_client_loop_options full;
    int rc = read_options(&full, options);
    if (rc != 0) {
        return rc;
    }
    sio_client_loop *home = sio_mem_zalloc(full.mem, sizeof(*home));
    if (!home) {
        return SIO_ERR_NOMEM;
    }
    sio_list_init(&home->clients);
    sio_list_init(&home->dead);
    sio_list_init(&home->rules);
    rc = make_loop(home, &full);
    if (rc != 0) {
        sio_mem_release(full.mem, home);
        return rc;
    }
    pthread_mutex_init(&home->post_lock, NULL);
    pthread_mutex_init(&home->starting, NULL);
    rc = make(home);
    if (rc != 0) {
        sio_client_loop_destroy(home);
        return rc;
    }
    *out = home;
    return 0;
}

/* ---- freeing ---- */

void sio_client_loop_destroy(sio_client_loop *home) {
    sio_args_unref(home->scratch);
    sio_args_unref(home->no_args);
    sio_buf_free(&home->encode);
    sio_tls_unref(home->tls.newest);
    bool has_mem = home->mem != NULL; /* it goes with the loop */
    sio_mem mem = has_mem ? *home->mem : (sio_mem){0};
    sio_loop_free(home->loop);
    pthread_mutex_destroy(&home->post_lock);
    pthread_mutex_destroy(&home->starting);
    while (!sio_list_empty(&home->dead)) {
        sio_list *first = sio_list_shift(&home->dead);
        sio_mem_release(has_mem ? &mem : NULL, SIO_CONTAINER(first, sio_client, home_link));
    }
    sio_mem_release(has_mem ? &mem : NULL, home);
}

void sio_client_loop_free(sio_client_loop *loop) {
    if (!loop) {
        return;
    }
    while (!sio_list_empty(&loop->clients)) {
        sio_client_free(SIO_CONTAINER(loop->clients.next, sio_client, home_link));
    }
    /* What other threads posted is dropped with the loop, and asks its client then. */
    for (sio_list *at = loop->dead.next; at != &loop->dead; at = at->next) {
        sio_client_empty(SIO_CONTAINER(at, sio_client, home_link));
    }
    sio_client_loop_destroy(loop);
}

/* Those that nothing posted refers to any more. Outside of all callbacks. */
static void bury(void *ctx) {
    sio_client_loop *home = ctx;
    sio_list *next;
    for (sio_list *at = home->dead.next; at != &home->dead; at = next) {
        sio_client *client = SIO_CONTAINER(at, sio_client, home_link);
        next = at->next;
        if (atomic_load(&client->posts) == 0) {
            sio_list_remove(at);
            sio_client_empty(client);
            sio_mem_release(home->mem, client);
        }
    }
}

void sio_client_loop_bury(sio_client_loop *home, sio_client *client) {
    sio_list_push(&home->dead, &client->home_link);
    sio_client_loop_bury_soon(home);
}

void sio_client_loop_bury_soon(sio_client_loop *home) {
    if (sio_loop_in_callback(home->loop)) {
        sio_loop_after(home->loop, bury, home);
    } else {
        bury(home);
    }
}

/* ---- running ---- */

static bool is_idle(const sio_client_loop *home) {
    if (sio_loop_stream_count(home->loop) > 0) {
        return false;
    }
    for (sio_list *at = home->clients.next; at != &home->clients; at = at->next) {
        if (!sio_client_is_idle(SIO_CONTAINER(at, sio_client, home_link))) {
            return false;
        }
    }
    return true;
}

void sio_client_loop_check_idle(sio_client_loop *home) {
    if (home->running && !home->has_thread && is_idle(home)) {
        sio_loop_stop(home->loop);
    }
}

int sio_client_loop_run(sio_client_loop *loop) {
    if (loop->running || sio_loop_in_callback(loop->loop)) {
        return SIO_ERR_STATE;
    }
    if (is_idle(loop)) {
        return 0;
    }
    loop->running = true;
    int rc = sio_loop_run(loop->loop);
    loop->running = false;
    return rc;
}

void sio_client_loop_stop(sio_client_loop *loop) {
    sio_loop_stop(loop->loop);
}

size_t sio_client_loop_count(const sio_client_loop *loop) {
    size_t count = 0;
    for (sio_list *at = loop->clients.next; at != &loop->clients; at = at->next) {
        count++;
    }
    return count;
}
