/**
 * @file session.h
 * @brief The namespaces of one connection: who may send which Socket.IO packet when.
 *
 * A `sio_session` judges decoded packets, for either role. It keeps a small table of namespaces,
 * hands out a slot number for each, and says in one call what a packet means: the caller acts.
 * It writes nothing and calls nothing back; replies are written with sio/packet.h.
 *
 * Server: CONNECT makes a slot pending (SIO_SESSION_CONNECT); the caller runs its middlewares and
 * answers with sio_session_accept or sio_session_refuse. Client: sio_session_open makes a slot
 * pending and says whether a CONNECT is to be sent.
 */
#ifndef SIO_SESSION_H
#define SIO_SESSION_H

#include <sio/error.h>
#include <sio/packet.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which side of the connection the session is. */
typedef enum sio_role { SIO_ROLE_SERVER = 0, SIO_ROLE_CLIENT = 1 } sio_role;

/** A slot number that names no slot. */
#define SIO_SLOT_NONE UINT16_MAX

/** Limits, shared by any number of sessions. */
typedef struct sio_session_options {
    size_t size;                 /**< sizeof(sio_session_options), set by the macro */
    sio_role role;               /**< SIO_ROLE_SERVER by default */
    unsigned protocol;           /**< 5 or 4; 0 means 5 */
    uint16_t max_connected;      /**< namespaces; 0 means 64 */
    uint16_t max_pending;        /**< namespaces whose CONNECT is not answered; 0 means 16 */
    uint32_t max_nsp_bytes;      /**< longest namespace name; 0 means 1024 */
    uint32_t connect_timeout_ms; /**< server: until the first namespace is joined; 0 means 45000 */
    const sio_mem *mem;          /**< borrowed; NULL means the C library's */
} sio_session_options;

#define SIO_SESSION_OPTIONS_INIT                                                                   \
    { sizeof(sio_session_options), SIO_ROLE_SERVER, 0, 0, 0, 0, 0, NULL }

/** One namespace of a session. Read it through the functions below. */
typedef struct sio_session_slot {
    char *name; /**< owned copy, except for "/" */
    void *user;
    uint32_t name_len;
    uint16_t state;
    uint16_t next_free;
} sio_session_slot;

/** The namespaces of one connection: the caller's struct. The first namespace costs no further
 * memory when it is "/". */
typedef struct sio_session {
    const sio_session_options *options; /**< borrowed, shared */
    sio_session_slot *slots;            /**< NULL while `first` is enough */
    sio_time deadline;                  /**< SIO_TIME_NEVER once a namespace was joined */
    uint16_t slot_count;                /**< slots that were ever used */
    uint16_t slot_cap;
    uint16_t connected;
    uint16_t pending;
    uint16_t free_slot;
    uint16_t root; /**< protocol 4 client: what the server granted */
    sio_session_slot first;
} sio_session;

/** What a received packet means. */
typedef enum sio_session_kind {
    /** Nothing to do: for a namespace that is not, or no longer, of interest (client). */
    SIO_SESSION_IGNORE,
    /** Server: a client asks for a namespace. The slot is pending until sio_session_accept or
     * sio_session_refuse; `packet->payload` is its auth, empty meaning `{}`. */
    SIO_SESSION_CONNECT,
    /** Server: a CONNECT that cannot be. There is no slot: answer with a CONNECT_ERROR that says
     * what `err` means: SIO_ERR_LIMIT, too many namespaces; SIO_ERR_SIO_NAMESPACE, no namespace can
     * have this name. */
    SIO_SESSION_REFUSE,
    /** Client: the namespace is connected; `packet->payload` holds sid and pid, empty in
     * protocol 4. See sio_connect_reply_parse. */
    SIO_SESSION_CONNECTED,
    /** Client: the namespace was refused (`packet->payload`); its slot is free again, `user` is
     * what it held. In protocol 4 an error on "/" concerns every namespace: `slot` is then
     * SIO_SLOT_NONE, and the pending slots are to be closed by the caller. */
    SIO_SESSION_REFUSED,
    /** Client: CONNECT without sid, so the peer speaks an older protocol: report
     * SIO_ERR_SIO_OLD_SERVER on this namespace. The slot stays pending. */
    SIO_SESSION_OLD_SERVER,
    /** An event for the slot. */
    SIO_SESSION_EVENT,
    /** Client: an event before the answer to CONNECT: keep it and deliver it upon
     * SIO_SESSION_CONNECTED (Socket.IO 5, connection state recovery). */
    SIO_SESSION_EVENT_EARLY,
    /** An acknowledgement for the slot. */
    SIO_SESSION_ACK,
    /** The peer left the namespace. The slot is free again; `user` is what it held. */
    SIO_SESSION_DISCONNECT,
    /** Client: a CONNECT was accepted that had been given up before (sio_session_abandon): write a
     * DISCONNECT. When `slot` is not SIO_SLOT_NONE, the namespace was opened again meanwhile and is
     * pending: then write its CONNECT. */
    SIO_SESSION_LEAVE,
    /** Client: the pending namespace had to wait for the answer to a CONNECT that was given up:
     * write its CONNECT now. */
    SIO_SESSION_ASK
} sio_session_kind;

/** The judgement of one packet. */
typedef struct sio_session_action {
    sio_session_kind kind;
    uint16_t slot; /**< SIO_SLOT_NONE where none is meant */
    void *user;    /**< the slot's user pointer */
    int err;       /**< why SIO_SESSION_REFUSE; else 0 */
} sio_session_action;

/** Prepare a session. Nothing is allocated.
 * @param options borrowed for the session's life
 * @param now for the connect deadline of a server
 * @return 0, or SIO_ERR_INVALID for an unknown size, role, protocol or limits that do not fit */
SIO_API int sio_session_init(sio_session *session, const sio_session_options *options,
                             sio_time now);

/** Release all slots. The user pointers are not touched; walk them first with sio_session_next.
 * NULL is allowed. */
SIO_API void sio_session_free(sio_session *session);

/** Judge a decoded packet (Socket.IO protocol 5, exchange of namespaces).
 * @param packet borrowed for the call
 * @param out what it means, set on success
 * @return 0; SIO_ERR_SIO_VIOLATION: the connection is to be closed (server: CONNECT for a joined
 *         or pending namespace, CONNECT_ERROR, anything else for one that is not joined; client:
 *         never); SIO_ERR_NOMEM */
SIO_API int sio_session_receive(sio_session *session, const sio_packet *packet,
                                sio_session_action *out);

/** Server: the pending slot is joined; `user` is kept in it. The connect deadline is over for
 * good. Write the CONNECT reply (sio_packet_encode_connected).
 * @return 0, SIO_ERR_STATE when the slot is not pending, SIO_ERR_LIMIT when max_connected
 *         namespaces are joined already: then refuse it */
SIO_API int sio_session_accept(sio_session *session, uint16_t slot, void *user);

/** Server: the pending slot is refused and free again. Write the CONNECT_ERROR.
 * @return 0, or SIO_ERR_STATE when the slot is not pending */
SIO_API int sio_session_refuse(sio_session *session, uint16_t slot);

/** Server: join a namespace on our own account, as protocol 4 does with "/" after the handshake.
 * The slot is pending, as after SIO_SESSION_CONNECT.
 * @return 0, SIO_ERR_EXISTS, SIO_ERR_LIMIT, SIO_ERR_SIO_NAMESPACE, SIO_ERR_NOMEM */
SIO_API int sio_session_connect_implicit(sio_session *session, sio_str nsp, uint16_t *slot);

/** What sio_session_open found. */
typedef enum sio_session_opening {
    SIO_OPENING_SEND = 0,     /**< pending; send a CONNECT now */
    SIO_OPENING_WAIT = 1,     /**< pending; send nothing: protocol 4 connects "/" by itself, or
                                   SIO_SESSION_LEAVE or _ASK will tell when */
    SIO_OPENING_CONNECTED = 2 /**< protocol 4: "/" is connected already, treat as answered */
} sio_session_opening;

/** Client: ask for a namespace.
 * @param nsp copied
 * @param user kept in the slot
 * @param slot receives the number
 * @return a sio_session_opening; SIO_ERR_EXISTS when it is pending or connected, SIO_ERR_LIMIT,
 *         SIO_ERR_SIO_NAMESPACE, SIO_ERR_STATE for a server, SIO_ERR_NOMEM */
SIO_API int sio_session_open(sio_session *session, sio_str nsp, void *user, uint16_t *slot);

/** Our side leaves a namespace, or gives up a pending one: the slot is free again. Write a
 * DISCONNECT when it was connected.
 * @return 1 when it was connected, 0 when it was pending, SIO_ERR_STATE when it was free */
SIO_API int sio_session_leave(sio_session *session, uint16_t slot);

/** Client: give up a pending namespace whose CONNECT was sent. Answers do not say which CONNECT
 * they are for, so in protocol 5 the namespace waits for this one even when it is opened again, and
 * leaves what was accepted for nobody (SIO_SESSION_LEAVE). The slot is out of use for the caller,
 * though it counts as pending until the answer. Protocol 4: as sio_session_leave().
 * @return 0, or SIO_ERR_STATE when the slot is not pending */
SIO_API int sio_session_abandon(sio_session *session, uint16_t slot);

/** Walk the slots in use: pass SIO_SLOT_NONE to begin, then the number returned before. The slot
 * just returned may be left in between.
 * @return a slot number, SIO_SLOT_NONE at the end */
SIO_API uint16_t sio_session_next(const sio_session *session, uint16_t slot);

/** The slot of a namespace, pending or connected; SIO_SLOT_NONE when there is none. */
SIO_API uint16_t sio_session_find(const sio_session *session, sio_str nsp);

/** Whether the slot is connected; false for free and pending ones. */
SIO_API bool sio_session_is_connected(const sio_session *session, uint16_t slot);

/** Whether the slot is pending. */
SIO_API bool sio_session_is_pending(const sio_session *session, uint16_t slot);

/** The namespace of a slot in use; borrowed until it is freed. Empty for a free slot. */
SIO_API sio_str sio_session_nsp(const sio_session *session, uint16_t slot);

/** The user pointer of a slot in use; NULL for a free one. */
SIO_API void *sio_session_user(const sio_session *session, uint16_t slot);

/** Change the user pointer of a slot in use; nothing happens for a free one. */
SIO_API void sio_session_set_user(sio_session *session, uint16_t slot, void *user);

/** Server: when the connection is to be closed for want of a namespace; SIO_TIME_NEVER after the
 * first was joined, and for clients. */
SIO_API sio_time sio_session_deadline(const sio_session *session);

/** What a server's CONNECT reply says. */
typedef struct sio_connect_reply {
    sio_str sid; /**< socket id; empty from a server of protocol 4 */
    sio_str pid; /**< private id when the server offers recovery, else empty */
} sio_connect_reply;

/** Read the payload of a CONNECT reply. Members of another type than string are as if missing.
 * @param payload raw JSON object, or empty; borrowed
 * @param text decoded strings are appended here; the views of `out` point into it
 * @param out set on success; empty views for what is missing
 * @return 0, SIO_ERR_SIO_PAYLOAD when it is no JSON object, SIO_ERR_LIMIT, SIO_ERR_NOMEM */
SIO_API int sio_connect_reply_parse(sio_str payload, sio_buf *text, sio_connect_reply *out);

/** What a server's CONNECT_ERROR says. */
typedef struct sio_connect_error {
    const char *message; /**< NUL-terminated; "" when there was none */
    sio_str data;        /**< raw JSON of the error's data; empty when there was none */
} sio_connect_error;

/** Read the payload of a CONNECT_ERROR (protocol 5: an object with `message` and `data`; protocol
 * 4: a string, which is the message, or any other value, which is the data).
 * @param payload raw JSON, or empty; borrowed
 * @param text everything is appended here; the views of `out` point into it
 * @param out set on success
 * @return 0, SIO_ERR_SIO_PAYLOAD when it is no valid JSON, SIO_ERR_LIMIT, SIO_ERR_NOMEM */
SIO_API int sio_connect_error_parse(sio_str payload, sio_buf *text, sio_connect_error *out);

#ifdef __cplusplus
}
#endif

#endif
