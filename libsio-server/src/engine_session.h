/* One session of the engine: drives the protocol's state machine with what its connections bring,
 * and carries out what the machine wants written. */
#ifndef SIO_SERVER_ENGINE_SESSION_H
#define SIO_SERVER_ENGINE_SESSION_H

#include "engine.h"
#include "exchange.h"
#include "poll_answers.h"

#include <net/list.h>
#include <net/table.h>
#include <net/timer.h>
#include <sio/ws.h>

struct sio_engine {
    sio_loop *loop;
    const sio_mem *mem;
    sio_engine_options options; /* the path is owned */
    sio_str path;               /* with its trailing slash */
    sio_table sessions;         /* by id */
    sio_list all;
    size_t count;
    bool closing;
    sio_buf scratch;               /* base64 of the packet that is being decoded */
    sio_buf body;                  /* of the answer that is being written */
    sio_poll_answers answers;      /* what goes with it */
    sio_ws_inflater *inflater;     /* one for all: no context takeover */
    sio_ws_deflater *deflaters[8]; /* by window bits 8 to 15, made on demand */
};

typedef struct sio_ws_link sio_ws_link;

enum { SIO_SID_TEXT = 24 };

struct sio_engine_session {
    sio_engine *engine;
    sio_eio_session eio;
    void *user;
    sio_list link; /* in sio_engine.all while it is known */
    sio_timer timer;
    sio_task pump_task;

    sio_exchange *poll; /* the GET that is held */
    sio_poll_traits poll_traits;
    sio_exchange *post; /* the POST whose body is awaited */
    sio_ws_link *ws;
    sio_ws_link *probe;

    sio_http1_head *request; /* a copy */
    char *remote;
    char *jsonp; /* the `j` parameter, NULL without */
    uint64_t issued_ms;
    int fail_error;
    uint32_t refs;
    bool secure;
    bool base64; /* binary goes out as text */
    bool cookie_written;
    bool opened; /* on_open was called */
    bool ended;  /* on_close was called */
    bool pumping;
    bool released;         /* the engine's own reference was given back */
    char id[SIO_SID_TEXT]; /* NUL-terminated */
};

/* What a handshake request said. */
typedef struct sio_engine_params {
    sio_str sid; /* raw */
    int revision;
    bool polling;
    bool websocket;
    bool base64;
    bool has_sid;
    bool has_j;
    sio_str j; /* raw */
} sio_engine_params;

/* A new session in the engine's table, one reference, not begun. Errors: SIO_ERR_NOMEM,
 * SIO_ERR_RANDOM. */
int sio_engine_session_new(sio_engine_session **out, sio_engine *engine,
                           const sio_exchange *exchange, const sio_engine_params *params,
                           sio_eio_transport transport);

/* Events to the engine's user, output to the connections, timer. */
void sio_engine_session_pump(sio_engine_session *session);
/* The same, after the present callback: what it does besides joins the same output. */
void sio_engine_session_pump_soon(sio_engine_session *session);

/* A message came in: to the engine's user. */
void sio_engine_session_deliver(sio_engine_session *session, const sio_eio_packet *packet);

/* Tell the engine's user of the session, once. */
void sio_engine_session_announce(sio_engine_session *session);

/* ---- transport_polling.c ---- */

/* A GET or POST for the session; answers by itself whatever happens. */
void sio_polling_request(sio_engine_session *session, sio_exchange *exchange);
/* Carry out and consume output POLL. */
void sio_polling_answer(sio_engine_session *session, const sio_eio_output *out);
void sio_polling_drop_post(sio_engine_session *session);
/* The session is gone: its requests are answered. */
void sio_polling_end(sio_engine_session *session);

/* ---- transport_ws.c ---- */

/* Answer the upgrade request. What came behind the request is left in the link until
 * sio_ws_link_start, which must follow. Errors: SIO_ERR_WS_HANDSHAKE (answered), SIO_ERR_NOMEM. */
int sio_ws_link_accept(sio_ws_link **out, sio_engine *engine, sio_exchange *exchange, bool base64);
void sio_ws_link_attach(sio_ws_link *link, sio_engine_session *session, bool probe);
/* Read what came behind the request, or close a link that no session took. */
void sio_ws_link_start(sio_ws_link *link);
void sio_ws_link_promote(sio_ws_link *link);
/* Write packets. Errors: SIO_ERR_NOMEM. */
int sio_ws_link_write(sio_ws_link *link, const sio_eio_item *items, size_t count);
int sio_ws_link_write_message(sio_ws_link *link, sio_eio_message *message, unsigned flags);
int sio_ws_link_write_buf(sio_ws_link *link, sio_buf *buf, bool binary, unsigned flags);
size_t sio_ws_link_queued(const sio_ws_link *link);
/* Send a Close frame without a status code; the link lets go of its session and goes. NULL is
 * allowed in both. */
void sio_ws_link_close(sio_ws_link *link);
/* Cut it. */
void sio_ws_link_abort(sio_ws_link *link);

#endif
