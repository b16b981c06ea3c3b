/* The HTTP front: takes accepted streams, reads requests with deadlines and limits, and routes
 * them: the engine's path to the engine, the client bundle and served folders to files, the rest to
 * the application's handler or 404. Answers in order on kept-alive connections, also to pipelined
 * requests. A connection that upgraded to WebSocket leaves the front. */
#ifndef SIO_SERVER_FRONT_H
#define SIO_SERVER_FRONT_H

#include "engine.h"

#include <net/stream.h>
#include <sio/server.h>

typedef struct sio_front sio_front;

typedef struct sio_front_options {
    sio_engine *engine; /* borrowed, outlives the front; NULL: none yet */
    uint64_t max_body;  /* of requests that are not the engine's, too */
    uint32_t header_timeout_ms;
    uint32_t body_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t min_receive_rate;   /* bytes per second that win a body its time again; 0: none do */
    uint32_t max_connections;    /* 0: no limit; upgraded ones count; beyond it: 503 */
    uint32_t max_per_address;    /* 0: no limit */
    struct sio_shared *shared;   /* borrowed: both limits hold for all its members; NULL: alone */
    const sio_server_cors *cors; /* copied; NULL: none */
    const char *client_dir;      /* copied; the browser bundles below the engine's path */
    sio_counters *counters;      /* borrowed; NULL: the front counts for itself */
    uint32_t stray_upgrade_ms;   /* how long an upgrade request of nobody stays; 0: for ever */
    const char *client_version;  /* NULL: find it out */
    const char *const *trusted_proxies; /* copied */
    size_t trusted_proxy_count;
} sio_front_options;

/* Errors: SIO_ERR_INVALID, SIO_ERR_NOT_FOUND (client_dir), SIO_ERR_NOMEM. */
int sio_front_new(sio_front **out, sio_loop *loop, const sio_front_options *options);

/* Route the path of a further engine, which is borrowed and outlives the front.
 * Errors: SIO_ERR_EXISTS, SIO_ERR_NOMEM. */
int sio_front_mount_engine(sio_front *front, sio_engine *engine);

/* Every connection is cut. Before the engine is freed. NULL is allowed. */
void sio_front_free(sio_front *front);

/* Take over an accepted stream. `is_tls`: not usable before its on_connected. */
void sio_front_accept(sio_front *front, sio_stream *stream);

/* The same for one from which `early` was read already, which is copied. The stream is consumed.
 * Errors: SIO_ERR_LIMIT, SIO_ERR_NOMEM. */
int sio_front_adopt(sio_front *front, sio_stream *stream, sio_bytes early);

/* Of several fronts, each on a loop of its own, the one that a request belongs to. */
typedef struct sio_front_elsewhere {
    /* Asked for each request on an engine's path, before anything else has looked at it. Everything
     * is borrowed for the call, and nothing may be done to the front in it.
     * @return negative: it stays here; else what `send` is told */
    int (*where)(void *ctx, const sio_engine *engine, const sio_http1_head *head);
    /* The connection of such a request, with it and all that comes behind it: owned by the callee,
     * for the other front's sio_front_arrive. Answers to earlier requests travel along. */
    void (*send)(void *ctx, int where, sio_parcel *parcel);
    void *ctx;
} sio_front_elsewhere;

/* Copied. NULL: every request stays here, as it does at first. */
void sio_front_set_elsewhere(sio_front *front, const sio_front_elsewhere *elsewhere);

/* Take over a connection that another front has sent, on this front's loop. The parcel is consumed.
 * It was let in and counted where it was accepted, so limits do not refuse it; a front that has
 * closed its idle connections does, and counts that. */
void sio_front_arrive(sio_front *front, sio_parcel *parcel);

/* Close idle connections now and the others after their present answer. With `keep_idle` those that
 * wait for a request go on, for the polls of sessions that are ending, until this is called again
 * without. */
void sio_front_close(sio_front *front, bool keep_idle);
/* Take connections again. */
void sio_front_reopen(sio_front *front);

/* Connections that are open, upgraded ones not counted. */
size_t sio_front_count(const sio_front *front);

/* The requests that the application keeps are lost to it, now. */
void sio_front_lose_requests(sio_front *front);
void sio_front_on_request(sio_front *front, sio_request_fn fn, void *user);
void sio_front_on_upgrade(sio_front *front, sio_request_fn fn, void *user);
/* Answer GET of exactly this path with what `write` appends; a `content_type` of static text.
 * `path` is copied. NULL: none any more. Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM. */
typedef int (*sio_front_page_fn)(void *ctx, sio_buf *out);
int sio_front_set_page(sio_front *front, const char *path, const char *content_type,
                       sio_front_page_fn write, void *ctx);
int sio_front_serve_dir(sio_front *front, const char *prefix, const char *dir);

#endif
