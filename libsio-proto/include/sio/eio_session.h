/**
 * @file eio_session.h
 * @brief The state of one Engine.IO session, server or client, revision 4 or 3, without I/O.
 *
 * The caller owns the connections. It tells the session what happened (a packet, a poll, a closed
 * connection, time), then
 *   1. pulls events with sio_eio_session_next() until there is none,
 *   2. pulls what to write with sio_eio_session_output() and confirms each piece with
 *      sio_eio_session_consume(), until there is none (at once or at the end of a loop's turn),
 *   3. asks sio_eio_session_deadline() when to call sio_eio_session_elapsed().
 * Nothing calls back; every function may be called in any state. A session belongs to one thread.
 *
 * A session knows nothing of Socket.IO.
 */
#ifndef SIO_EIO_SESSION_H
#define SIO_EIO_SESSION_H

#include <sio/eio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sio_eio_role { SIO_EIO_SERVER, SIO_EIO_CLIENT } sio_eio_role;

typedef enum sio_eio_transport { SIO_EIO_POLLING, SIO_EIO_WEBSOCKET } sio_eio_transport;

/** "polling" or "websocket". Static text, never NULL. */
SIO_API const char *sio_eio_transport_name(sio_eio_transport transport);

typedef enum sio_eio_state {
    SIO_EIO_STATE_OPENING,
    SIO_EIO_STATE_OPEN,
    SIO_EIO_STATE_CLOSING, /**< close was asked for, what was queued is still going out */
    SIO_EIO_STATE_CLOSED
} sio_eio_state;

/** "opening", "open", "closing" or "closed". Static text, never NULL. */
SIO_API const char *sio_eio_state_name(sio_eio_state state);

/** Why a session closed. */
typedef enum sio_eio_reason {
    SIO_EIO_REASON_NONE, /**< it has not */
    SIO_EIO_REASON_TRANSPORT_CLOSE,
    SIO_EIO_REASON_TRANSPORT_ERROR,
    SIO_EIO_REASON_PING_TIMEOUT,
    SIO_EIO_REASON_PARSE_ERROR,
    SIO_EIO_REASON_FORCED_CLOSE
} sio_eio_reason;

/** The reference's text: "transport close", "ping timeout" ... Static, never NULL. */
SIO_API const char *sio_eio_reason_text(sio_eio_reason reason);

/** Settings that many sessions share. Zero fields mean the default. */
typedef struct sio_eio_config {
    size_t size;                 /**< sizeof(sio_eio_config) */
    uint32_t ping_interval;      /**< ms; 25000. A client gets it from its server */
    uint32_t ping_timeout;       /**< ms; 20000. A client gets it from its server */
    uint32_t upgrade_timeout;    /**< ms from the start of an upgrade to its end; 10000 */
    uint32_t close_timeout;      /**< ms that a closing server session waits for a poll; 30000 */
    uint64_t max_payload;        /**< bytes, announced by a server; 1000000 */
    bool no_upgrade;             /**< server: announce and accept none; client: attempt none */
    uint32_t max_queue_messages; /**< default: no limit */
    size_t max_queue_bytes;      /**< bytes of data in queued messages; default: no limit */
    const sio_mem *mem;          /**< borrowed with the configuration; NULL: the C library's */
} sio_eio_config;

#define SIO_EIO_CONFIG_INIT                                                                        \
    { sizeof(sio_eio_config), 0, 0, 0, 0, 0, false, 0, 0, NULL }

/** A session: the caller's struct, which may be moved. Members are private; they are here so that
 * the checks on the path of each message are inlined. */
typedef struct sio_eio_session {
    const sio_eio_config *config;
    union {
        sio_eio_item one;    /* while queue_cap is 1: no memory for a single packet */
        sio_eio_item *items; /* while queue_cap is more */
    } queue;
    uint32_t queue_cap;
    uint32_t queue_head;
    uint32_t queue_count;
    uint32_t in_flight; /* client: packets at the head handed over, not yet written */
    size_t queue_bytes;
    sio_time ping_at;
    sio_time dead_at;
    sio_time upgrade_at;
    sio_time noop_at;
    sio_time linger_at;
    uint64_t max_payload;
    uint32_t ping_interval;
    uint32_t ping_timeout;
    uint32_t flags;
    uint16_t events;
    int16_t close_error;
    int16_t probe_error;
    uint8_t role;
    uint8_t revision;
    uint8_t transport;
    uint8_t state;
    uint8_t reason;
    uint8_t probe;
    uint8_t answer;
    uint8_t probe_pongs;
    bool plain;  /* a message has no effect on the session */
    bool direct; /* see sio_eio_session_direct */
} sio_eio_session;

/** Begin a session in state OPENING. Nothing is allocated.
 * @param session the caller's struct
 * @param transport what it is born on
 * @param config borrowed for the session's life; NULL means all defaults */
SIO_API void sio_eio_session_init(sio_eio_session *session, sio_eio_role role,
                                  sio_eio_transport transport, int revision,
                                  const sio_eio_config *config);

/** Release the queue. In any state; no event comes of it. NULL is allowed. */
SIO_API void sio_eio_session_free(sio_eio_session *session);

/** Server: queue the open packet and go to OPEN; the heartbeat starts (Engine.IO protocol,
 * handshake). What is sent next joins the same first response.
 * @param sid borrowed for the call
 * @return 0, SIO_ERR_STATE unless OPENING on the server, SIO_ERR_INVALID for a bad sid,
 *         SIO_ERR_NOMEM */
SIO_API int sio_eio_session_open(sio_eio_session *session, sio_str sid, sio_time now);

/* ---- state ---- */

static inline sio_eio_state sio_eio_session_state(const sio_eio_session *session) {
    return (sio_eio_state)session->state;
}

static inline sio_eio_transport sio_eio_session_transport(const sio_eio_session *session) {
    return (sio_eio_transport)session->transport;
}

/** 4 or 3. */
static inline int sio_eio_session_revision(const sio_eio_session *session) {
    return session->revision;
}

/** A second connection is taking over: server, while a WebSocket probes; client, from the answer
 * to its probe to the switch. */
SIO_API bool sio_eio_session_upgrading(const sio_eio_session *session);

/** The session began on polling and is on a WebSocket now. */
SIO_API bool sio_eio_session_upgraded(const sio_eio_session *session);

/** A packet sent now would be handed over at once: open, nothing queued, and a poll is held
 * (server), no POST is running (client), or the WebSocket's last batch was written. */
SIO_API bool sio_eio_session_writable(const sio_eio_session *session);

/** A message may be written to the WebSocket past the queue without overtaking anything: open, on
 * a WebSocket, nothing queued, not upgrading. Whether the connection can take it is the caller's
 * matter, who may call sio_eio_session_busy() afterwards. */
static inline bool sio_eio_session_direct(const sio_eio_session *session) {
    return session->direct;
}

/** Packets queued, those of a client's running POST included, and their bytes of data. */
static inline size_t sio_eio_session_queued(const sio_eio_session *session) {
    return session->queue_count;
}
static inline size_t sio_eio_session_queued_bytes(const sio_eio_session *session) {
    return session->queue_bytes;
}

/** The queued packets in order, also after the close. Borrowed until the next call that is not
 * const. @return NULL when there is none; `*count` is set always */
SIO_API const sio_eio_item *sio_eio_session_queue(const sio_eio_session *session, size_t *count);

/** Drop the queue of a closed session. No effect in other states. */
SIO_API void sio_eio_session_clear(sio_eio_session *session);

/* ---- sending and closing ---- */

/** Queue a message.
 * @param message the session takes a reference of its own when it succeeds
 * @param flags SIO_EIO_COMPRESS, SIO_EIO_VOLATILE
 * @param tag comes back in the batch; the caller's, 0 for none
 * @return 0; SIO_ERR_CLOSED while closing or closed; SIO_ERR_STATE on a server session before
 *         sio_eio_session_open; SIO_ERR_DISCARDED for a volatile message while not writable;
 *         SIO_ERR_EIO_QUEUE_FULL when a limit of the configuration would be passed; SIO_ERR_NOMEM
 */
SIO_API int sio_eio_session_send(sio_eio_session *session, sio_eio_message *message, unsigned flags,
                                 uint32_t tag);

/** Close with the reason "forced close". What is queued goes out first, unless `discard`: then the
 * queue is dropped and the session closes at once. */
SIO_API void sio_eio_session_close(sio_eio_session *session, bool discard, sio_time now);

/* ---- events ---- */

typedef enum sio_eio_event_kind {
    SIO_EIO_EVENT_NONE,
    SIO_EIO_EVENT_MESSAGE,   /**< from sio_eio_session_packet only: deliver the packet's data */
    SIO_EIO_EVENT_OPEN,      /**< from sio_eio_session_packet only: a client's handshake was taken;
                                  sio_eio_handshake_read on the packet's data succeeds */
    SIO_EIO_EVENT_PING,      /**< a ping was queued */
    SIO_EIO_EVENT_PONG,      /**< a ping came and its pong was queued */
    SIO_EIO_EVENT_HEARTBEAT, /**< the peer's heartbeat came in */
    SIO_EIO_EVENT_PROBE_START, /**< client: open a WebSocket to probe; then
                                    sio_eio_session_probe_open or _probe_closed */
    SIO_EIO_EVENT_UPGRADING,   /**< the probe was answered */
    SIO_EIO_EVENT_UPGRADE,     /**< the probing WebSocket is the transport now */
    SIO_EIO_EVENT_PROBE_END,   /**< the upgrade failed or was given up, see `error`; the session
                                    goes on as it was, unless CLOSE follows */
    SIO_EIO_EVENT_DRAIN,       /**< the queue has run empty: server, all was handed over; client,
                                    all was written */
    SIO_EIO_EVENT_CLOSE        /**< exactly once, the last event, with `reason` and `error` */
} sio_eio_event_kind;

typedef struct sio_eio_event {
    sio_eio_event_kind kind;
    sio_eio_reason reason; /**< CLOSE */
    int error;             /**< CLOSE, PROBE_END: 0 or the SIO_ERR_* that describes the cause */
} sio_eio_event;

/** The next event. Pull after each of the calls below; events of one kind that are not pulled in
 * between become one.
 * @return false when there is none, `out` is then untouched */
SIO_API bool sio_eio_session_next(sio_eio_session *session, sio_eio_event *out);

/** sio_eio_session_packet past its first check. */
SIO_API sio_eio_event_kind sio_eio_session_packet_slow(sio_eio_session *session,
                                                       const sio_eio_packet *packet, sio_time now);

/** A packet came on the session's transport: a frame of its WebSocket, a packet of a POST (server)
 * or of a poll response (client).
 * @param packet borrowed for the call; type ERROR for what could not be decoded
 * @return MESSAGE, OPEN or NONE; other effects are pulled with sio_eio_session_next afterwards */
static inline sio_eio_event_kind
sio_eio_session_packet(sio_eio_session *session, const sio_eio_packet *packet, sio_time now) {
    if (session->plain && packet->type == SIO_EIO_MESSAGE) {
        return SIO_EIO_EVENT_MESSAGE;
    }
    return sio_eio_session_packet_slow(session, packet, now);
}

/* ---- the transport ---- */

/** The transport failed or ended: the WebSocket was closed or broke, a request failed, a body was
 * unacceptable.
 * @param error 0 closes with "transport close"; a SIO_ERR_* with "transport error" and that
 *        description. A POST that is itself the fault (SIO_ERR_EIO_CONTENT) is completed first with
 *        sio_eio_session_post_complete, so that it can be answered instead of dropped */
SIO_API void sio_eio_session_transport_closed(sio_eio_session *session, int error, sio_time now);

/** The batch consumed last was written: by the WebSocket, or (client) its POST was answered. Call
 * it from the connection's completion, not from inside the write (server behaviour, "writable"). */
SIO_API void sio_eio_session_written(sio_eio_session *session, sio_time now);

/** The WebSocket cannot take more for now, or a message was written directly in this turn: until
 * sio_eio_session_written there is no output of frames, and the session is not writable. */
SIO_API void sio_eio_session_busy(sio_eio_session *session);

/* ---- polling, server ---- */

/** A GET arrived. It is held until there is output of kind POLL.
 * @return 0; SIO_ERR_EIO_OVERLAP when one is held already: answer this one with 400 and an empty
 *         body, the session has closed; SIO_ERR_CLOSED; SIO_ERR_STATE when the transport is not
 *         polling (both: the request is refused, no change) */
SIO_API int sio_eio_session_poll(sio_eio_session *session, sio_time now);

/** The connection of the held GET was lost. */
SIO_API void sio_eio_session_poll_aborted(sio_eio_session *session, sio_time now);

/** The head of a POST arrived.
 * @return 0; SIO_ERR_EIO_POST_OVERLAP when one is running already: answer this one with 400 and an
 *         empty body, the session has closed; SIO_ERR_CLOSED, SIO_ERR_STATE as
 *         sio_eio_session_poll */
SIO_API int sio_eio_session_post(sio_eio_session *session, sio_time now);

/** The POST's body is complete, or was refused (413). Call it before feeding the packets; whatever
 * they do, the POST is then answered. No effect when output DROP_POST took it away. */
SIO_API void sio_eio_session_post_complete(sio_eio_session *session);

/** The connection of the running POST was lost. */
SIO_API void sio_eio_session_post_aborted(sio_eio_session *session, sio_time now);

/* ---- polling, client ---- */

/** The GET was answered with 200 and all its packets were fed. */
SIO_API void sio_eio_session_polled(sio_eio_session *session, sio_time now);

/* ---- upgrade ---- */

/** Server: a WebSocket with the session's id arrived. Client: the WebSocket that PROBE_START asked
 * for is open.
 * @return 0; SIO_ERR_STATE: not upgradable (again), or not asked for: close that WebSocket without
 *         a status code; SIO_ERR_CLOSED likewise */
SIO_API int sio_eio_session_probe_open(sio_eio_session *session, sio_time now);

/** A packet came on the probing WebSocket. Anything but the upgrade's own packets ends it.
 * @param packet borrowed for the call */
SIO_API void sio_eio_session_probe_packet(sio_eio_session *session, const sio_eio_packet *packet,
                                          sio_time now);

/** The probing WebSocket was closed, broke, or could not be opened.
 * @param error 0 or a SIO_ERR_*, handed on in PROBE_END (0: SIO_ERR_CLOSED) */
SIO_API void sio_eio_session_probe_closed(sio_eio_session *session, int error, sio_time now);

/* ---- output ---- */

typedef enum sio_eio_output_kind {
    SIO_EIO_OUTPUT_NONE,
    SIO_EIO_OUTPUT_POLL,       /**< server: answer the held GET with the items */
    SIO_EIO_OUTPUT_DROP_POST,  /**< server: destroy the connection of the running POST */
    SIO_EIO_OUTPUT_GET,        /**< client: send a GET */
    SIO_EIO_OUTPUT_POST,       /**< client: send a POST with the items */
    SIO_EIO_OUTPUT_FRAMES,     /**< write the items on the WebSocket, one frame each */
    SIO_EIO_OUTPUT_CLOSE,      /**< close the WebSocket without a status code */
    SIO_EIO_OUTPUT_PROBE,      /**< write the items on the probing WebSocket */
    SIO_EIO_OUTPUT_CLOSE_PROBE /**< close the probing WebSocket without a status code */
} sio_eio_output_kind;

typedef struct sio_eio_output {
    sio_eio_output_kind kind;
    const sio_eio_item *items; /**< borrowed until the next call that is not const */
    size_t count;
    bool compress; /**< at least one item may be compressed */
    bool queued;   /**< the items are the queue's ("flush"), not the session's own */
} sio_eio_output;

/** What is to be written next. The answer stays the same until something happens. A server's batch
 * is its whole queue; a client's POST holds as many packets as the server's maxPayload allows, at
 * least one (Engine.IO protocol, client obligations).
 * @return false when there is nothing, `out` is then untouched */
SIO_API bool sio_eio_session_output(const sio_eio_session *session, sio_eio_output *out);

/** The output was carried out or handed to the connection; its items are no longer borrowed.
 * @param out as given by sio_eio_session_output, with nothing called in between; where `queued`,
 *        its `count` may have been lowered to what was handed over, at least 1 */
SIO_API void sio_eio_session_consume(sio_eio_session *session, const sio_eio_output *out,
                                     sio_time now);

/* ---- time ---- */

/** When to call sio_eio_session_elapsed at the latest; SIO_TIME_NEVER once closed. It changes with
 * any call. */
SIO_API sio_time sio_eio_session_deadline(const sio_eio_session *session);

/** Do what is due at `now`; nothing when that is before the deadline. */
SIO_API void sio_eio_session_elapsed(sio_eio_session *session, sio_time now);

/** Client: the server's ping is overdue although sio_eio_session_elapsed was not called yet, after
 * a suspend for example; what is sent now would be lost. */
SIO_API bool sio_eio_session_overdue(const sio_eio_session *session, sio_time now);

#ifdef __cplusplus
}
#endif

#endif
