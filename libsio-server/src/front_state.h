/* What the files of the HTTP front share: the front, its connections, and the request in progress
 * on each of them. */
#ifndef SIO_SERVER_FRONT_STATE_H
#define SIO_SERVER_FRONT_STATE_H

#include "cors.h"
#include "counters.h"
#include "crowd.h"
#include "exchange.h"
#include "file_cache.h"
#include "front.h"
#include "proxies.h"
#include "static_files.h"

#include <net/list.h>
#include <net/timer.h>

typedef struct sio_front_conn sio_front_conn;

enum { SIO_CLIENT_ETAG_MAX = 64 };

/* A folder that is served below a prefix. */
typedef struct sio_front_dir {
    struct sio_front_dir *next; /* a prefix that is not longer */
    int fd;
    size_t prefix_len;
    char prefix[]; /* begins and ends with a slash */
} sio_front_dir;

/* An engine whose path is the front's to route. */
typedef struct sio_front_mount {
    struct sio_front_mount *next; /* a path that is not longer */
    sio_engine *engine;
} sio_front_mount;

/* A page that is made when it is asked for. */
typedef struct sio_front_page {
    char *path; /* NULL: there is none */
    const char *content_type;
    sio_front_page_fn write;
    void *ctx;
} sio_front_page;

struct sio_front {
    const sio_mem *mem;
    sio_loop *loop;
    sio_engine *engine;      /* that of the options: also the client bundle's; may be NULL */
    sio_front_mount *mounts; /* longest path first */
    sio_list stray;          /* upgrade requests of nobody */
    uint32_t stray_ms;
    sio_http1_scratch *scratch;
    sio_buf head;                      /* the answer's head that is being written */
    char remote[SIO_ADDRESS_TEXT_MAX]; /* for sio_exchange_remote */
    sio_cors cors;
    sio_proxies proxies;
    sio_list requests;                     /* those the application keeps */
    sio_front_dir *dirs;                   /* longest prefix first */
    int client_dir;                        /* -1: none */
    char client_etag[SIO_CLIENT_ETAG_MAX]; /* of all its files, with its quotes */
    sio_file_cache files;
    sio_front_page page;
    sio_front_elsewhere elsewhere; /* `where` is NULL: nowhere */
    sio_counters *counters;
    sio_counters own_counters; /* when nobody gave any */
    sio_request_fn handler;
    void *handler_user;
    sio_request_fn upgrade_handler;
    void *upgrade_user;
    uint64_t max_body;
    uint32_t header_timeout_ms;
    uint32_t body_timeout_ms;
    uint32_t idle_timeout_ms;
    uint64_t body_bytes; /* in body_timeout_ms, to have it again */
    uint32_t max_connections;
    struct sio_shared *shared; /* NULL: this front is alone */
    sio_crowd *crowd;          /* NULL: addresses have no limit */
    sio_list conns;
    sio_list gone; /* without a stream; freed when no callback uses them any more */
    sio_task reap; /* frees those */
    size_t count;  /* of `conns` */
    bool closing;
    bool keeps_idle; /* while it is closing */
};

/* Whether connections end with their present answer. */
static inline bool sio_front_ends(const sio_front *front) {
    return front->closing && !front->keeps_idle;
}

/* What a connection's timer waits for. */
typedef enum sio_front_wait {
    SIO_WAIT_NOTHING, /* it is the turn of whoever answers */
    SIO_WAIT_HEAD,
    SIO_WAIT_BODY,
    SIO_WAIT_PEER, /* to read what was sent, or to ask again */
} sio_front_wait;

/* What the application had read from a connection that it handed in. */
typedef struct sio_front_early {
    size_t len;
    uint8_t data[];
} sio_front_early;

struct sio_front_conn {
    sio_list link;
    sio_front *front;
    sio_stream *stream; /* NULL once it is closed or given away */
    sio_http1_parser *parser;
    sio_exchange *exchange; /* the request in progress until it is answered */
    sio_timer timer;
    sio_task go_on;         /* an answer came from outside of reading */
    sio_front_early *early; /* to be read first; NULL: nothing */
    uint64_t received;      /* since the timer was started for SIO_WAIT_BODY */
    uint64_t unsent;        /* when the timer was started for SIO_WAIT_PEER */
    uint64_t file_left;
    int file;     /* being sent as an answer's body; -1: none */
    uint8_t wait; /* sio_front_wait */
    bool in_body; /* more of the present message will come, answered or not */
    bool shaking; /* the TLS handshake is not through */
    bool served;  /* a request has come */
    bool reading; /* the parser is being pulled */
    bool stalled; /* the peer must read its answers first */
    bool paused;  /* its stream */
    bool closing; /* when all is sent; nothing is read any more */
    bool eof;
};

struct sio_exchange {
    sio_front_conn *conn; /* NULL once it is over and only its memory is left */
    const sio_exchange_callbacks *callbacks;
    void *ctx;
    sio_http1_head *head; /* a copy, when the parser cannot keep it any longer */
    sio_buf headers;      /* whole lines for the answer, whoever gives it */
    sio_buf late_headers; /* the same, behind its own */
    sio_buf body;
    uint64_t length;
    bool chunked;
    bool has_body;
    bool whole; /* all of it is here */
    bool claimed;
    bool head_only; /* the answer has no body */
    bool streaming; /* the answer has begun and goes on */
    bool keep_alive;
    bool expects_continue; /* and was not told to */
    bool old;              /* HTTP/1.0 */
    bool awaits_drain;     /* its turn comes when the answers before it are sent */
};

/* ---- front_conn.c ---- */

/* Take the stream over, also when memory is short: it is closed then. `early` was read from it and
 * is copied. `shaking`: its TLS handshake is to come. Errors: SIO_ERR_NOMEM. */
int sio_front_conn_new(sio_front *front, sio_stream *stream, sio_bytes early, bool shaking);

/* Close when what was queued is sent. */
void sio_front_conn_finish(sio_front_conn *conn);
/* Close at once. */
void sio_front_conn_cut(sio_front_conn *conn);
/* Close at once and tell whoever holds the request. */
void sio_front_conn_lost(sio_front_conn *conn, int err);
/* The stream is somebody else's now. */
sio_stream *sio_front_conn_give(sio_front_conn *conn);
/* The descriptor is. Errors: SIO_ERR_STATE over TLS and while something is unsent: it is as it was.
 */
int sio_front_conn_give_fd(sio_front_conn *conn, int *fd);
/* Take the connection out of the loop, from the head on that the parser has just read. Errors:
 * SIO_ERR_STATE, SIO_ERR_NOMEM: it is as it was. */
int sio_front_conn_pack(sio_front_conn *conn, sio_parcel **parcel);
/* Neither a request nor a part of one is there. */
bool sio_front_conn_idle(const sio_front_conn *conn);
/* The present request was answered: go on, now or from the loop. */
void sio_front_conn_answered(sio_front_conn *conn);
/* A part of the answer was queued. */
void sio_front_conn_wrote(sio_front_conn *conn);
/* Send this file as the rest of an answer; it is owned from now on. */
void sio_front_conn_send_file(sio_front_conn *conn, int fd, uint64_t size);
/* Free the memory of those that are gone. */
void sio_front_reap(void *front);

/* ---- front.c ---- */

/* The engine that this path is of; NULL: none. */
sio_engine *sio_front_engine(const sio_front *front, sio_str path);
/* Find out whose request it is, and hand it over. */
void sio_front_route(sio_front *front, sio_exchange *exchange);

/* ---- front_move.c ---- */

/* Should this request, whose head the parser has just read, be answered by another front, its
 * connection goes there. @return whether it has left, or is cut for want of memory */
bool sio_front_send_away(sio_front_conn *conn, const sio_http1_head *head);

/* ---- front_stray.c ---- */

/* An upgrade request that is nobody's: its connection ends after a while, without an answer. */
void sio_front_stray(sio_front *front, sio_exchange *exchange);
/* End those that are left. */
void sio_front_stray_close(sio_front *front);

/* ---- exchange.c ---- */

/* From the head in the parser. NULL: out of memory. */
sio_exchange *sio_exchange_new(sio_front_conn *conn, const sio_http1_head *head);
/* Its memory. */
void sio_exchange_free(sio_exchange *exchange, const sio_mem *mem);
/* Tell its holder, if any, and free it. Its connection does not know it any more. */
void sio_exchange_abort(sio_exchange *exchange, const sio_mem *mem, int err);
/* With a text that says what the status means. */
void sio_exchange_answer_status(sio_exchange *exchange, int status, const char *extra);
/* `size` bytes of the file from its present position on as the body; it is owned from now on, also
 * on failure. */
void sio_exchange_answer_file(sio_exchange *exchange, int status, const char *content_type, int fd,
                              uint64_t size, const char *extra);
/* As sio_front_conn_give_fd, for an upgrade request without a body; the exchange is gone then. */
int sio_exchange_give_fd(sio_exchange *exchange, int *fd);
/* What lies behind such a request. Valid for the present callback. */
sio_bytes sio_exchange_rest(const sio_exchange *exchange);
/* An answer to what never became a request; the connection closes after it. */
void sio_front_conn_answer_error(sio_front_conn *conn, int err);

/* ---- request.c ---- */

void sio_request_route(sio_front *front, sio_exchange *exchange);
/* To the application's handler of upgrades. */
void sio_request_route_upgrade(sio_front *front, sio_exchange *exchange);

/* ---- page.c ---- */

/* @return whether it was the page's path, and is answered */
bool sio_page_route(sio_front *front, sio_exchange *exchange, sio_str path);

/* ---- client_files.c ---- */

/* Find out what version the bundles in front->client_dir are of, unless `version` says it.
 * Errors: SIO_ERR_INVALID for a version that could not stand in an ETag. */
int sio_client_files_init(sio_front *front, const char *version);

/* @return whether it was a file of the bundle, and is answered */
bool sio_client_files_route(sio_front *front, sio_exchange *exchange, sio_str path);

#endif
