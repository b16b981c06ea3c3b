/* One session of the engine: drives the protocol's state machine with what its connections bring,
 * and carries out what the machine wants written. */
#ifndef SIO_SERVER_ENGINE_SESSION_H
#define SIO_SERVER_ENGINE_SESSION_H

#include "counters.h"
#include "engine.h"
#include "exchange.h"
#include "kept_request.h"
#include "poll_answers.h"

#include <net/list.h>
#include <net/table.h>
#include <net/timer.h>
#include <sio/ws.h>

/* One of those who are told what the engine does: its watchers, then its owner. */
typedef struct sio_engine_listener {
    struct sio_engine_listener *next;
    sio_engine_callbacks callbacks;
    void *user;
} sio_engine_listener;

/* Call a member of every listener that has it. None is ever removed, and a new one is not the last;
 * those that are silenced meanwhile have no members. */
#define SIO_ENGINE_TELL(engine, member, ...)                                                       \
    do {                                                                                           \
        sio_engine_listener *tell_ = (engine)->listeners;                                          \
        for (; tell_; tell_ = tell_->next) {                                                       \
            if (tell_->callbacks.member) {                                                         \
                tell_->callbacks.member(__VA_ARGS__, tell_->user);                                 \
            }                                                                                      \
        }                                                                                          \
    } while (0)

struct sio_engine_headers {
    sio_buf *out;
};

typedef struct sio_engine_middleware {
    struct sio_engine_middleware *next;
    sio_engine_request_fn fn;
    void *user;
} sio_engine_middleware;

struct sio_engine {
    sio_loop *loop;
    const sio_mem *mem;
    sio_engine_settings settings; /* without its pointers */
    sio_eio_config eio;
    sio_str path; /* NUL-terminated; with its trailing slash, unless that is not wanted */
    sio_engine_listener *listeners;
    sio_engine_middleware *middlewares;
    sio_engine_request_fn allow_request;
    void *allow_request_user;
    sio_engine_request_fn generate_id;
    void *generate_id_user;
    sio_eio_message *initial; /* sent behind the open packet; NULL: none */
    sio_list requests;        /* those that hooks decide upon */
    sio_table sessions;       /* by id */
    sio_request_forms forms;  /* of what is kept of their requests */
    sio_list all;
    size_t count;
    bool closing;
    bool watches_packets; /* somebody has on_packet */
    bool watches_queue;   /* somebody has on_flush, on_drain or on_packet_create: nothing goes past
                             the queue */
    sio_counters *counters;
    sio_counters own_counters; /* when nobody gave any */
    sio_engine_budget *budget;
    sio_engine_budget own_budget;  /* likewise */
    size_t quiet;                  /* as that of the budget, for the engine's own limits */
    sio_buf scratch;               /* base64 of the packet that is being decoded */
    sio_buf body;                  /* of the answer that is being written */
    sio_poll_answers answers;      /* what goes with it */
    sio_ws *decoders[2];           /* that nobody uses; the second knows compression */
    sio_ws_inflater *inflater;     /* one for all: no context takeover */
    sio_ws_deflater *deflaters[8]; /* by window bits 8 to 15, made on demand */
};

typedef struct sio_ws_link sio_ws_link;

/* Somebody waits for a message to be written. */
typedef struct sio_engine_sent {
    struct sio_engine_sent *next;
    void (*done)(void *user, int status);
    void *user;
} sio_engine_sent;

typedef struct sio_engine_sent_queue {
    sio_engine_sent *first, *last;
} sio_engine_sent_queue;

/* Those of a session. */
typedef struct sio_engine_sents {
    sio_engine_sent_queue waiting; /* for their batch, in the order of the queue's tagged items */
    sio_engine_sent_queue flying;  /* for their batch to be written */
} sio_engine_sents;

struct sio_engine_session {
    sio_engine *engine;
    sio_eio_session eio;
    void *user;
    sio_list link;    /* in sio_engine.all while it is known */
    size_t charged;   /* of its queue, to the budget */
    sio_time slow_at; /* since when it is slow */
    sio_timer timer;
    sio_task pump_task;

    sio_exchange *poll; /* the GET that is held */
    sio_exchange *post; /* the POST whose body is awaited */
    sio_ws_link *ws;
    sio_ws_link *probe;

    sio_kept_request request;
    uint64_t issued_ms;
    char *certificate;       /* its subject; NULL: the client showed none */
    sio_engine_sents *sents; /* made with the first */
    uint32_t refs;
    int16_t fail_error;
    sio_poll_traits poll_traits;
    uint16_t id_len;
    bool certificate_verified : 1;
    bool secure : 1;
    bool jsonp : 1;  /* answers are scripts */
    bool base64 : 1; /* binary goes out as text */
    bool cookie_written : 1;
    bool greeted : 1;      /* the first response was given */
    bool counted : 1;      /* as a session that began */
    bool on_websocket : 1; /* and as one of those that are there */
    bool opened : 1;       /* on_open was called */
    bool ended : 1;        /* on_close was called */
    bool pumping : 1;
    bool more : 1; /* of what arrived, behind the message being handed on */
    bool settled : 1;
    bool slow : 1;
    bool slow_told : 1; /* that it is */
    bool released : 1;  /* the engine's own reference was given back */
    /* The id, the peer's address, with JSONP its `j` parameter, all NUL-terminated; then what the
     * request needs for itself. */
    char id[];
};

/* What a handshake request said. */
typedef struct sio_engine_params {
    sio_str transport; /* raw */
    sio_str sid;       /* raw */
    int revision;
    bool polling;
    bool websocket;
    bool base64;
    bool has_sid;
    bool has_j;
    sio_str j; /* raw */
} sio_engine_params;

/* A new session in the engine's table, one reference, not begun. `id` NULL: a random one.
 * Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_engine_session_new(sio_engine_session **out, sio_engine *engine,
                           const sio_exchange *exchange, const sio_engine_params *params,
                           const char *id, sio_eio_transport transport);

/* The `j` parameter, raw; NULL without JSONP. */
const char *sio_engine_session_jsonp(const sio_engine_session *session);

/* Have the hooks add to the headers of a response that the session is about to give. */
void sio_engine_session_headers(sio_engine_session *session, sio_exchange *exchange);

/* Events to the engine's user, output to the connections, timer. */
void sio_engine_session_pump(sio_engine_session *session);
/* The same, after the present callback: what it does besides joins the same output. */
void sio_engine_session_pump_soon(sio_engine_session *session);

/* A packet came in on the transport, and has its effect; a message goes to the engine's user.
 * `more` has arrived with it. */
void sio_engine_session_receive(sio_engine_session *session, const sio_eio_packet *packet,
                                bool more);

/* The batch that was handed over last was written. */
void sio_engine_session_sent(sio_engine_session *session);

/* Tell the engine's user of the session, once. */
void sio_engine_session_announce(sio_engine_session *session);

/* End it now, also while it is being pumped. */
void sio_engine_session_end_now(sio_engine_session *session);

/* ---- engine_pressure.c ---- */

/* Before the engine's first session. */
void sio_pressure_init(sio_engine *engine);
/* The number of the budget's sessions has changed. */
void sio_pressure_share(sio_engine *engine);

/* Past the first look of sio_pressure_admit. */
int sio_pressure_check(sio_engine_session *session, size_t total, size_t len);

/* Before `len` bytes more are queued for the session, whose queue then holds `total`. Notes a new
 * maximum, and whether the session has become slow. 0, or SIO_ERR_EIO_QUEUE_FULL: they are not to
 * be queued, and the session ends soon. */
static inline int sio_pressure_admit(sio_engine_session *session, size_t total, size_t len) {
    const sio_engine *engine = session->engine;
    bool quiet = total <= engine->quiet && total <= SIO_FIGURE(engine->budget->quiet);
    return quiet ? 0 : sio_pressure_check(session, total, len);
}

/* After the session's own queue has changed. */
void sio_pressure_charge(sio_engine_session *session);
/* It is not slow any more. */
void sio_pressure_forget(sio_engine_session *session);
/* After what waits has become less, or its transport another one. */
void sio_pressure_ease(sio_engine_session *session);
/* Tell the engine's user what has changed. */
void sio_pressure_tell(sio_engine_session *session);
/* When a session that stays slow ends; SIO_TIME_NEVER. */
sio_time sio_pressure_deadline(const sio_engine_session *session);
/* End it, if that has come. */
void sio_pressure_elapsed(sio_engine_session *session, sio_time now);

/* ---- transport_polling.c ---- */

/* A GET or POST for the session; answers by itself whatever happens. `body` is that of a POST that
 * has arrived already, else NULL. */
void sio_polling_request(sio_engine_session *session, sio_exchange *exchange,
                         const sio_bytes *body);
/* Carry out and consume output POLL. */
void sio_polling_answer(sio_engine_session *session, const sio_eio_output *out);
void sio_polling_drop_post(sio_engine_session *session);
/* The session is gone: its requests are answered. */
void sio_polling_end(sio_engine_session *session);

/* ---- transport_ws.c ---- */

/* What came behind an upgrade request; where it was read. */
typedef struct sio_ws_rest {
    uint8_t *data;
    size_t len;
} sio_ws_rest;

/* Answer the upgrade request on behalf of the session. `rest` is for sio_ws_link_start, which must
 * follow. Errors: SIO_ERR_WS_HANDSHAKE (answered), SIO_ERR_NOMEM. */
int sio_ws_link_accept(sio_ws_link **out, sio_ws_rest *rest, sio_engine_session *session,
                       sio_exchange *exchange, bool base64);
void sio_ws_link_attach(sio_ws_link *link, sio_engine_session *session, bool probe);
/* Read what came behind the request, or close a link that no session took. */
void sio_ws_link_start(sio_ws_link *link, sio_ws_rest rest);
void sio_ws_link_promote(sio_ws_link *link);
/* Write packets. Errors: SIO_ERR_NOMEM. */
int sio_ws_link_write(sio_ws_link *link, const sio_eio_item *items, size_t count);
int sio_ws_link_write_message(sio_ws_link *link, sio_eio_message *message, unsigned flags);
int sio_ws_link_write_buf(sio_ws_link *link, sio_buf *buf, bool binary, unsigned flags);
size_t sio_ws_link_queued(const sio_ws_link *link);
/* Packets in there: exact when the queue was empty of late, else at most twice as many. */
size_t sio_ws_link_messages(sio_ws_link *link);
/* Have sio_pressure_ease called when no more than `bytes` are left. */
void sio_ws_link_tell_low(sio_ws_link *link, size_t bytes);
/* Send a Close frame without a status code; the link lets go of its session and goes. NULL is
 * allowed in both. */
void sio_ws_link_close(sio_ws_link *link);
/* Cut it. */
void sio_ws_link_abort(sio_ws_link *link);

#endif
