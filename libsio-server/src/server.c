#include "server_state.h"

#include "adapter.h"
#include "conn.h"
#include "delivery.h"
#include "group.h"
#include "namespace.h"
#include "next.h"
#include "options.h"
#include "parent.h"
#include "peer.h"

#include "mem.h"
#include "net/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- making ---- */

static void report_left_out(void *ctx) {
    sio_server *server = ctx;
    uint32_t left_out;
    const char *scope;
    sio_server_enter(server);
    while (!server->dead && (scope = sio_log_limit_report(&server->log_limit, &left_out)) != NULL) {
        char text[64];
        snprintf(text, sizeof(text), "%" PRIu32 " more lines were left out", left_out);
        server->log_fn(scope, text, server->log_user);
    }
    sio_server_leave(server);
}

/* The first line that is left out starts the timer: all are accounted for within a second. What is
 * said before there is a timer comes from the application's own calls. */
static void write_log(void *user, int level, const char *scope, const char *text) {
    sio_server *server = user;
    if (server->dead) {
        return;
    }
    if (!server->log_timer.loop ||
        sio_log_limit_take(&server->log_limit, scope, sio_loop_now(server->loop))) {
        server->log_fn(scope, text, server->log_user);
    } else if (!sio_timer_running(&server->log_timer)) {
        sio_timer_start(&server->log_timer, SIO_LOG_LIMIT_MS);
    }
}

static int make_loop(sio_server *server, const sio_server_options *options) {
    server->log_fn = options->log;
    server->log_user = options->log_user;
    server->log_limit.per_second =
        options->max_log_lines == UINT32_MAX ? 0 : options->max_log_lines;
    if (options->log) {
        server->log = (sio_log){write_log, server, SIO_LOG_DEBUG};
    }
    sio_loop_options loop = {.base = options->base, .mem = options->mem, .log = server->log};
    int rc = sio_loop_new(&server->loop, &loop);
    if (rc == 0) {
        server->mem = sio_loop_mem(server->loop);
        sio_buf_init(&server->encode, 0, sio_loop_message_mem(server->loop));
    }
    return rc;
}

static int make_engine(sio_server *server, const sio_server_options *options) {
    sio_engine_settings engine = {
        .eio = &server->eio,
        .path = options->path,
        .no_trailing_slash = options->no_trailing_slash,
        .polling = !options->disable_polling,
        .websocket = !options->disable_websocket,
        .allow_eio3 = options->allow_eio3,
        .deflate = options->per_message_deflate,
        .compress_threshold = options->compress_threshold,
        .max_payload = options->max_payload,
        .cookie = options->cookie,
        .http_compression = !options->disable_http_compression,
        .http_threshold = options->http_compress_threshold,
        .callbacks = &sio_conn_callbacks,
        .user = server,
        .counters = &server->counters,
        .queue = server->queue,
        .budget = &server->budget,
        .settles_later = true,
        .tag = sio_group_tag(server),
        .message_timeout_ms = options->message_timeout_ms,
        .min_receive_rate = options->min_receive_rate,
    };
    if (options->engine_only) {
        return 0;
    }
    int rc = sio_engine_new(&server->engine, server->loop, &engine);
    if (rc == 0) {
        server->engines[server->engine_count++] = server->engine;
    }
    return rc;
}

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static int write_metrics(void *ctx, sio_buf *out) {
    return sio_server_write_metrics(ctx, out);
}

/* Once a second while there are sessions, and once more. */
static bool on_measured(void *ctx) {
    sio_server *server = ctx;
    if (server->shared) {
        sio_server_note_queues(server);
    }
    return sio_server_own_sessions(server) > 0;
}

static int make_front(sio_server *server, const sio_server_options *options) {
    sio_front_options front = {
        .engine = server->engine,
        .max_body = options->max_payload,
        .header_timeout_ms = options->header_timeout_ms,
        .body_timeout_ms = options->body_timeout_ms,
        .idle_timeout_ms = options->idle_timeout_ms,
        .min_receive_rate = options->min_receive_rate,
        .max_connections = options->max_connections,
        .max_per_address = options->max_connections_per_address,
        .shared = server->shared,
        .cors = options->cors,
        .trusted_proxies = options->trusted_proxies,
        .trusted_proxy_count = options->trusted_proxy_count,
        .client_dir = options->engine_only ? NULL : options->client_dir,
        .stray_upgrade_ms =
            options->keep_unhandled_upgrades ? 0 : options->destroy_upgrade_timeout_ms,
        .client_version = options->client_version,
        .counters = &server->counters,
    };
    int rc = sio_front_new(&server->front, server->loop, &front);
    if (rc == 0 && options->metrics_path) {
        rc = sio_front_set_page(server->front, options->metrics_path, METRICS_TYPE, write_metrics,
                                server);
    }
    return rc;
}

static void closed_if_empty(void *ctx);
static void sessions_ended(void *ctx);
static void close_deadline(void *ctx);

/* Member 0 makes what all count and limit together. */
static int share(sio_server *server, const sio_server_options *options) {
    sio_shared *shared;
    if (!server->group) {
        return 0;
    }
    if (sio_group_is_other(server)) {
        sio_server_share(server, sio_server_member(server, 0)->shared);
        return 0;
    }
    int rc = sio_shared_new(&shared, server->loop, options->threads,
                            options->max_connections_per_address);
    if (rc == 0) {
        sio_server_share(server, shared);
        sio_shared_unref(shared);
    }
    return rc;
}

static int make(sio_server *server, const sio_server_options *options) {
    sio_loop_on_quiet(server->loop, closed_if_empty, server);
    sio_task_init(&server->no_sessions, sessions_ended, server);
    server->budget.empty = &server->no_sessions;
    int rc = share(server, options);
    if (rc == 0 && options->tls) {
        rc = sio_server_make_tls(server, &server->tls, options->tls);
    }
    if (rc == 0) {
        rc = sio_table_init(&server->namespaces, server->loop);
    }
    if (rc == 0) {
        rc = sio_handlers_init(&server->on_new_namespace, server->loop);
    }
    if (rc == 0) {
        rc = sio_timer_init(&server->close_timer, server->loop, close_deadline, server);
    }
    if (rc == 0) {
        rc = sio_timer_init(&server->log_timer, server->loop, report_left_out, server);
    }
    if (rc == 0) {
        rc = sio_lag_init(&server->lag, server->loop, &server->counters, on_measured, server);
    }
    if (rc == 0) {
        rc = sio_args_new(&server->scratch, server->mem);
    }
    if (rc == 0) {
        rc = sio_args_new(&server->no_args, server->mem);
    }
    if (rc == 0) {
        rc = make_engine(server, options);
    }
    if (rc == 0) {
        rc = make_front(server, options);
    }
    if (rc == 0 && !sio_server_of(server, "/")) {
        rc = SIO_ERR_NOMEM;
    }
    return rc;
}

/* Everything below, then the loop. */
void sio_server_destroy(sio_server *server) {
    sio_group *group = sio_group_is_other(server) ? NULL : server->group;
    sio_group_destroy_others(group);
    sio_delivery_done(server);
    sio_next_orphan_all(server);
    sio_front_free(server->front);
    for (size_t i = 0; i < server->engine_count; i++) {
        sio_engine_free(server->engines[i]);
    }
    sio_task_cancel(&server->idle_task);
    sio_task_cancel(&server->no_sessions);
    sio_table_iter it = sio_table_iter_start(&server->namespaces);
    sio_namespace *ns;
    while ((ns = sio_table_next(&server->namespaces, &it)) != NULL) {
        sio_table_remove(&server->namespaces, ns->name, ns->name_len);
        sio_namespace_free(ns);
    }
    sio_table_done(&server->namespaces);
    sio_parents_done(server);
    sio_timer_done(&server->close_timer);
    sio_timer_done(&server->log_timer);
    sio_lag_done(&server->lag);
    sio_args_unref(server->scratch);
    sio_args_unref(server->no_args);
    sio_buf_free(&server->encode);
    sio_buf_free(&server->parser_text);
    sio_tls_unref(server->tls);
    bool has_mem = server->mem != NULL; /* it goes with the loop */
    sio_mem mem = has_mem ? *server->mem : (sio_mem){0};
    sio_server_unshare(server);
    sio_loop_free(server->loop);
    sio_mem_release(has_mem ? &mem : NULL, server);
    sio_group_free(group);
}

static void destroy(void *ctx) {
    sio_server_destroy(ctx);
}

int sio_server_make(sio_server **out, const sio_server_options *options, sio_group *group,
                    unsigned index) {
    sio_server *server = sio_mem_zalloc(options->mem, sizeof(*server));
    if (!server) {
        return SIO_ERR_NOMEM;
    }
    server->index = index;
    sio_list_init(&server->ending);
    sio_list_init(&server->nexts);
    sio_delivery_init(server);
    sio_parents_init(server);
    int rc = make_loop(server, options);
    if (rc != 0) {
        sio_mem_release(options->mem, server);
        return rc;
    }
    sio_server_options_apply(server, options);
    server->group = group;
    rc = make(server, options);
    if (rc != 0) {
        server->group = NULL; /* it is not a member yet */
        sio_server_destroy(server);
        return rc;
    }
    *out = server;
    return 0;
}

/* Every member is there when the first is set up. */
static int set_up(sio_server *server, const sio_server_options *options) {
    int rc = 0;
    sio_server *at = server;
    sio_server_enter(server);
    for (unsigned i = 0; rc == 0 && at && options->setup; i++) {
        rc = options->setup(at, i, options->setup_user);
        rc = rc == 0 && server->dead ? SIO_ERR_STATE : rc;
        at = rc == 0 ? sio_server_member(server, i + 1) : NULL;
    }
    sio_group_ready(server);
    if (rc != 0) {
        sio_server_free(server);
    }
    sio_server_leave(server);
    return rc;
}

int sio_server_new(sio_server **out, const sio_server_options *options) {
    sio_server_options full;
    sio_server *server;
    int rc = sio_server_options_read(&full, options);
    if (rc != 0) {
        return rc;
    }
    rc =
        full.threads > 1 ? sio_group_new(&server, &full) : sio_server_make(&server, &full, NULL, 0);
    if (rc == 0) {
        rc = set_up(server, &full);
    }
    if (rc == 0) {
        *out = server;
    }
    return rc;
}

/* ---- running ---- */

int sio_server_run(sio_server *server) {
    if (server->running || sio_group_is_other(server)) {
        return SIO_ERR_STATE;
    }
    int rc = sio_group_start(server);
    if (rc != 0) {
        return rc;
    }
    server->running = true;
    rc = sio_loop_run(server->loop);
    server->running = false;
    if (server->dead) {
        destroy(server);
    } else {
        sio_group_halt(server);
    }
    return rc;
}

void sio_server_stop(sio_server *server) {
    if (!sio_group_is_other(server)) {
        sio_loop_stop(server->loop);
    }
}

int sio_server_post(sio_server *server, void (*fn)(void *user), void (*drop)(void *user),
                    void *user) {
    return sio_loop_call(server->loop, &server->dead, fn, drop, user);
}

/* ---- closing ---- */

/* Any peer that is connected; one whose end has begun already only if `leaving`. */
static sio_peer *connected_peer(const sio_server *server, bool leaving) {
    sio_table_iter it = sio_table_iter_start(&server->namespaces);
    sio_namespace *ns;
    while ((ns = sio_table_next(&server->namespaces, &it)) != NULL) {
        for (sio_list *at = ns->peers.next; at != &ns->peers; at = at->next) {
            sio_peer *peer = SIO_CONTAINER(at, sio_peer, link);
            if (leaving || !peer->leaving) {
                return peer;
            }
        }
    }
    return NULL;
}

/* The handlers may do anything, so every step looks afresh. */
static void end_all_peers(sio_server *server, bool leaving) {
    sio_peer *peer;
    while ((peer = connected_peer(server, leaving)) != NULL) {
        sio_peer_end(peer, "server shutting down", 0);
    }
}

/* Those whose end was interrupted by the callback that frees the server. */
static void end_all_acks(sio_server *server) {
    while (!sio_list_empty(&server->ending)) {
        sio_peer *peer = SIO_CONTAINER(server->ending.next, sio_peer, link);
        sio_peer_end_acks(peer);
        sio_list_remove(&peer->link);
    }
}

void sio_server_all_closed(sio_server *server) {
    void (*fn)(void *) = server->on_closed;
    server->all_closed = true;
    server->on_closed = NULL;
    sio_loop_stop(server->loop);
    if (fn) {
        fn(server->on_closed_user);
    }
}

static void closed(sio_server *server) {
    server->closed = true;
    sio_timer_stop(&server->close_timer);
    if (sio_group_closed(server)) {
        sio_server_all_closed(server);
    }
}

static void closed_if_empty(void *ctx) {
    sio_server *server = ctx;
    if (server->closing && !server->closed && !server->dead && server->adapters_closing == 0 &&
        sio_server_own_sessions(server) == 0 && sio_loop_stream_count(server->loop) == 0) {
        closed(server);
    }
}

/* Nobody comes for a last poll any more. */
void sio_server_sessions_ended(sio_server *server) {
    if (server->closing && !server->closed && !server->dead) {
        sio_front_close(server->front, false);
        closed_if_empty(server);
    }
}

/* A connection that is idle here may be the one over which a client of another member polls. */
static void sessions_ended(void *ctx) {
    sio_server *server = ctx;
    if (server->closing && sio_server_session_count(server) == 0) {
        sio_group_sessions_ended(server);
        sio_server_sessions_ended(server);
    }
}

static void close_deadline(void *ctx) {
    sio_server *server = ctx;
    for (size_t i = 0; i < server->engine_count; i++) {
        sio_engine_close(server->engines[i], true);
    }
    if (!server->closed && !server->dead) {
        sio_front_close(server->front, false);
        closed(server);
    }
}

static void adapter_closed(int status, void *user) {
    sio_server *server = user;
    server->adapters_closing--;
    closed_if_empty(server);
}

static sio_namespace *namespace_with_adapter(const sio_server *server) {
    sio_table_iter it = sio_table_iter_start(&server->namespaces);
    sio_namespace *ns;
    while ((ns = sio_table_next(&server->namespaces, &it)) != NULL) {
        if (!ns->adapter_ended) {
            return ns;
        }
    }
    return sio_parent_with_adapter(server);
}

/* What is awaited from adapters ends, with callbacks, so every step looks afresh. */
static void end_adapters(sio_server *server, bool waiting) {
    sio_namespace *ns;
    while ((ns = namespace_with_adapter(server)) != NULL) {
        server->adapters_closing += waiting;
        sio_adapter_end(ns, waiting ? adapter_closed : NULL, server);
    }
}

void sio_server_close_member(sio_server *server, uint32_t deadline_ms) {
    sio_server_enter(server);
    server->closing = true;
    sio_timer_start(&server->close_timer, deadline_ms);
    server->adapters_closing = 1; /* not before this function is through */
    end_all_peers(server, false);
    if (!server->dead) {
        end_adapters(server, true);
    }
    if (!server->dead) {
        for (size_t i = 0; i < server->engine_count; i++) {
            sio_engine_shut_down(server->engines[i]);
        }
        sio_front_close(server->front, sio_server_session_count(server) > 0);
    }
    server->adapters_closing--;
    closed_if_empty(server);
    sio_server_leave(server);
}

int sio_server_close(sio_server *server, uint32_t deadline_ms, void (*done)(void *user),
                     void *user) {
    if (server->closing || sio_group_is_other(server)) {
        return SIO_ERR_STATE;
    }
    int rc = sio_group_start(server);
    if (rc != 0) {
        return rc;
    }
    server->on_closed = done;
    server->on_closed_user = user;
    sio_server_stop_listening(server);
    sio_group_close(server, deadline_ms);
    sio_server_close_member(server, deadline_ms);
    return 0;
}

/* An adapter that has ended cannot begin again, so there is a new one. */
static void renew_adapters(sio_server *server) {
    sio_table_iter it = sio_table_iter_start(&server->namespaces);
    sio_namespace *ns;
    while ((ns = sio_table_next(&server->namespaces, &it)) != NULL) {
        sio_adapter_renew(ns);
    }
    sio_parents_renew_adapters(server);
}

void sio_server_reopen_member(sio_server *server) {
    server->closing = false;
    server->closed = false;
    server->all_closed = false;
    server->adapters_closing = 0; /* after a deadline some never told */
    renew_adapters(server);
    for (size_t i = 0; i < server->engine_count; i++) {
        sio_engine_reopen(server->engines[i]);
    }
    sio_front_reopen(server->front);
}

static void finish(sio_server *server) {
    server->finishing = true;
    if (server->running || sio_group_is_other(server)) {
        /* sio_server_run() destroys it, or member 0 when all threads have ended. */
        sio_loop_stop(server->loop);
    } else if (!sio_loop_in_callback(server->loop)) {
        destroy(server);
    } else {
        sio_loop_after(server->loop, destroy, server);
    }
}

void sio_server_leave(sio_server *server) {
    if (--server->depth == 0 && server->dead && !server->finishing) {
        finish(server);
    }
}

/* Those of Socket.IO are ended without their owner, when their peers have been. */
static void end_raw_sessions(sio_server *server) {
    for (size_t i = 0; i < server->engine_count; i++) {
        if (server->engines[i] != server->engine) {
            sio_engine_close_now(server->engines[i]);
        }
    }
}

void sio_server_free_member(sio_server *server) {
    if (server->dead) {
        return;
    }
    sio_server_enter(server);
    end_all_peers(server, true);
    end_all_acks(server);
    sio_front_lose_requests(server->front);
    end_adapters(server, false);
    if (server->on_closed) {
        sio_server_all_closed(server);
    }
    end_raw_sessions(server);
    server->dead = true;
    for (size_t i = 0; i < server->engine_count; i++) {
        sio_engine_silence(server->engines[i], server->engines[i] != server->engine);
    }
    sio_front_on_request(server->front, NULL, NULL);
    sio_server_leave(server);
}

void sio_server_free(sio_server *server) {
    if (!server || server->dead || sio_group_is_other(server)) {
        return;
    }
    sio_server_enter(server);
    sio_server_stop_listening(server);
    sio_group_end(server);
    sio_server_free_member(server);
    sio_server_leave(server);
}

/* ---- engines ---- */

sio_engine *sio_server_engine(const sio_server *server) {
    return server->engine;
}

static int mount(sio_server *server, sio_engine_settings *settings) {
    sio_engine *engine;
    settings->counters = &server->counters;
    settings->budget = &server->budget;
    settings->tag = sio_group_tag(server);
    int rc = sio_engine_new(&engine, server->loop, settings);
    if (rc == 0) {
        rc = sio_front_mount_engine(server->front, engine);
        if (rc != 0) {
            sio_engine_free(engine);
        }
    }
    if (rc == 0) {
        server->engines[server->engine_count++] = engine;
    }
    return rc;
}

int sio_server_add_engine(sio_engine **out, sio_server *server, const sio_engine_options *options) {
    sio_engine_settings settings;
    sio_engine_options full;
    sio_eio_config eio;
    if (server->closing || server->engine_count == SIO_SERVER_MAX_ENGINES) {
        return server->closing ? SIO_ERR_STATE : SIO_ERR_LIMIT;
    }
    int rc = sio_engine_options_read(&settings, &full, &eio, server, options);
    if (rc == 0) {
        rc = mount(server, &settings);
    }
    if (rc == 0) {
        *out = server->engines[server->engine_count - 1];
    }
    return rc;
}

/* ---- the rest ---- */

void sio_server_set_user(sio_server *server, void *user) {
    server->user = user;
}

void *sio_server_user(const sio_server *server) {
    return server->user;
}

void sio_server_on_request(sio_server *server, sio_request_fn fn, void *user) {
    sio_front_on_request(server->front, fn, user);
}

void sio_server_on_upgrade(sio_server *server, sio_request_fn fn, void *user) {
    sio_front_on_upgrade(server->front, fn, user);
}

int sio_server_serve_dir(sio_server *server, const char *prefix, const char *dir) {
    return sio_front_serve_dir(server->front, prefix, dir);
}
