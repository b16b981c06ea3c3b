#include "conn.h"

#include "connect.h"
#include "delivery.h"
#include "namespace.h"
#include "old_auth.h"
#include "peer.h"

#include "mem.h"

#include <string.h>

static const char SERVER_LEFT[] = "server namespace disconnect";

sio_conn *sio_conn_ref(sio_conn *conn) {
    conn->refs++;
    return conn;
}

void sio_conn_unref(sio_conn *conn) {
    if (--conn->refs != 0) {
        return;
    }
    sio_engine_session_unref(conn->engine);
    sio_mem_release(conn->server->mem, conn);
}

bool sio_conn_is_old(const sio_conn *conn) {
    return conn->session.options->protocol == 4;
}

/* ---- sending ---- */

int sio_conn_begin(sio_conn *conn, sio_buf **buf) {
    if (!conn->open) {
        return SIO_ERR_DISCONNECTED;
    }
    *buf = &conn->server->encode;
    return sio_eio_message_begin(*buf);
}

int sio_conn_send(sio_conn *conn, unsigned flags) {
    int rc = sio_engine_session_send_buf(conn->engine, &conn->server->encode,
                                         sio_parser_is_binary(conn->server->parser), flags);
    return rc == SIO_ERR_CLOSED ? SIO_ERR_DISCONNECTED : rc;
}

int sio_conn_send_attachments(sio_conn *conn, const sio_args *args, unsigned flags) {
    bool inside = sio_parser_is_binary(conn->server->parser);
    uint32_t count = args && !inside ? sio_args_attachment_count(args) : 0;
    for (uint32_t i = 0; i < count; i++) {
        sio_buf *buf = NULL;
        sio_bytes data = sio_args_attachment(args, i);
        int rc = sio_conn_begin(conn, &buf);
        if (rc == 0) {
            rc = sio_buf_add(buf, data.ptr, data.len);
        }
        if (rc == 0) {
            rc = sio_engine_session_send_buf(conn->engine, buf, true,
                                             flags & ~(unsigned)SIO_EIO_VOLATILE);
        }
        if (rc != 0) {
            sio_engine_session_fail(conn->engine, rc);
            return rc;
        }
    }
    return 0;
}

/* Send a packet without arguments that `encode` has appended; what does not fit into memory ends
 * the connection, because the client waits for it. */
static void send_control(sio_conn *conn, int encoded) {
    int rc = encoded == 0 ? sio_conn_send(conn, SIO_EIO_COMPRESS) : encoded;
    if (rc != 0 && conn->open) {
        SIO_LOG(&conn->server->log, SIO_LOG_WARN, "socket.io:client", "closing: %s",
                sio_error_text(rc));
        sio_engine_session_fail(conn->engine, rc);
    }
}

static int encode_refusal(const sio_conn *conn, sio_buf *buf, sio_str nsp,
                          const sio_refusal *refusal) {
    const char *text = refusal->message ? refusal->message : "";
    sio_str message = {text, strlen(text)};
    sio_str data = {refusal->data, refusal->data ? strlen(refusal->data) : 0};
    return refusal->by_middleware && sio_conn_is_old(conn)
               ? sio_packet_encode_error_v4(buf, nsp, message, data)
               : sio_parser_encode_connect_error(conn->server->parser, buf, nsp, message, data);
}

static void send_refusal(sio_conn *conn, sio_str nsp, const sio_refusal *refusal) {
    SIO_COUNT(conn->server->counters.namespaces_refused);
    sio_buf *buf = NULL;
    int rc = sio_conn_begin(conn, &buf);
    send_control(conn, rc != 0 ? rc : encode_refusal(conn, buf, nsp, refusal));
}

void sio_conn_refuse(sio_conn *conn, uint16_t slot, const sio_refusal *refusal) {
    send_refusal(conn, sio_session_nsp(&conn->session, slot), refusal);
    sio_session_refuse(&conn->session, slot);
}

void sio_conn_welcome(sio_conn *conn, const sio_peer *peer) {
    sio_str nsp = {peer->ns->name, peer->ns->name_len};
    sio_str sid = {peer->id, sio_conn_is_old(conn) ? 0 : peer->id_len};
    sio_str pid = {peer->extra->pid, peer->extra->pid ? strlen(peer->extra->pid) : 0};
    sio_buf *buf = NULL;
    int rc = sio_conn_begin(conn, &buf);
    if (rc == 0) {
        rc = sio_parser_encode_connected(conn->server->parser, buf, nsp, sid, pid);
    }
    send_control(conn, rc);
}

static void send_disconnect(sio_conn *conn, uint16_t slot) {
    sio_buf *buf = NULL;
    int rc = sio_conn_begin(conn, &buf);
    if (rc == 0) {
        rc = sio_parser_encode_disconnect(conn->server->parser, buf,
                                          sio_session_nsp(&conn->session, slot));
    }
    send_control(conn, rc);
}

void sio_conn_forget(sio_conn *conn, uint16_t slot, const void *peer) {
    if (sio_session_user(&conn->session, slot) == peer) {
        sio_session_set_user(&conn->session, slot, NULL);
    }
}

void sio_conn_leave(sio_conn *conn, uint16_t slot) {
    if (conn->open && sio_session_is_connected(&conn->session, slot)) {
        send_disconnect(conn, slot);
        sio_session_leave(&conn->session, slot);
    }
}

/* ---- ending ---- */

/* A peer's end takes it out of its slot, also when another one's handler brought it about. */
static void end_peers(sio_conn *conn, const char *reason, int err) {
    uint16_t slot = SIO_SLOT_NONE;
    while ((slot = sio_session_next(&conn->session, slot)) != SIO_SLOT_NONE) {
        sio_peer *peer = sio_session_user(&conn->session, slot);
        if (peer) {
            sio_peer_end(peer, reason, err);
        }
    }
}

void sio_conn_disconnect_all(sio_conn *conn) {
    sio_conn_ref(conn);
    uint16_t slot = SIO_SLOT_NONE;
    while ((slot = sio_session_next(&conn->session, slot)) != SIO_SLOT_NONE) {
        sio_peer *peer = sio_session_user(&conn->session, slot);
        if (peer && sio_session_is_connected(&conn->session, slot)) {
            sio_conn_leave(conn, slot);
            sio_peer_end(peer, SERVER_LEFT, 0);
        }
    }
    if (conn->open) {
        sio_engine_session_close(conn->engine, false);
    }
    sio_conn_unref(conn);
}

/* The client broke the protocol, or never joined a namespace. */
static void close_by_force(sio_conn *conn, const char *why) {
    SIO_LOG(&conn->server->log, SIO_LOG_INFO, "socket.io:client", "closing %s: %s",
            sio_engine_session_id(conn->engine), why);
    sio_conn_ref(conn);
    sio_engine_session_close(conn->engine, false);
    end_peers(conn, "forced server close", 0);
    sio_conn_unref(conn);
}

static void wait_end(sio_conn *conn) {
    sio_conn_wait *wait = conn->wait;
    conn->wait = NULL;
    if (wait) {
        sio_timer_done(&wait->timer);
        sio_mem_release(conn->server->mem, wait);
    }
}

static sio_time partial_due(const sio_conn *conn) {
    return conn->wait->partial_at + conn->session.options->connect_timeout_ms + 1;
}

/* A packet whose attachments are awaited. A timer that was started for an earlier one waits for the
 * rest of its time: most come at once, and then nobody has to start or stop a timer for them. */
static void partial_elapsed(sio_conn *conn) {
    sio_time due = partial_due(conn);
    if (sio_loop_now(conn->server->loop) < due) {
        sio_timer_start_at(&conn->wait->timer, due);
    } else {
        close_by_force(conn, "the attachments of a packet did not come in time");
    }
}

/* One timer serves both: before the first namespace is joined no event is accepted. */
static void on_timer(void *ctx) {
    sio_conn *conn = ctx;
    if (sio_session_deadline(&conn->session) != SIO_TIME_NEVER) {
        close_by_force(conn, "no namespace was joined in time");
    } else if (sio_decoder_is_partial(&conn->decoder)) {
        partial_elapsed(conn);
    } else {
        wait_end(conn);
    }
}

/* Errors: SIO_ERR_NOMEM. */
static int wait_begin(sio_conn *conn) {
    sio_conn_wait *wait = sio_mem_zalloc(conn->server->mem, sizeof(*wait));
    if (!wait || sio_timer_init(&wait->timer, conn->server->loop, on_timer, conn) != 0) {
        sio_mem_release(conn->server->mem, wait);
        return SIO_ERR_NOMEM;
    }
    conn->wait = wait;
    return 0;
}

/* A packet whose attachments are awaited holds memory, but not for ever, and not for who has joined
 * nothing that it could be for (CVE-2026-48804). */
static void watch_partial(sio_conn *conn, bool begins) {
    if (sio_session_next(&conn->session, SIO_SLOT_NONE) == SIO_SLOT_NONE) {
        SIO_COUNT(conn->server->counters.decode_errors);
        close_by_force(conn, sio_error_text(SIO_ERR_SIO_VIOLATION));
        return;
    }
    if (!conn->wait && wait_begin(conn) != 0) {
        sio_engine_session_fail(conn->engine, SIO_ERR_NOMEM);
        return;
    }
    if (begins) {
        conn->wait->partial_at = sio_loop_now(conn->server->loop);
    }
    if (!sio_timer_running(&conn->wait->timer)) {
        sio_timer_start_at(&conn->wait->timer, partial_due(conn));
    }
}

void sio_conn_joined(sio_conn *conn) {
    if (!sio_decoder_is_partial(&conn->decoder)) {
        wait_end(conn);
    } else if (conn->wait) {
        sio_timer_start_at(&conn->wait->timer, partial_due(conn));
    }
}

/* ---- receiving ---- */

static void on_connect(sio_conn *conn, const sio_packet *packet, uint16_t slot) {
    if (packet->nsp_query.len == 0) {
        sio_connect_start(conn, slot, packet->payload);
        return;
    }
    sio_buf auth;
    sio_buf_init(&auth, 0, conn->server->mem);
    int rc = sio_old_auth_write(&auth, packet->nsp_query);
    if (rc == 0) {
        sio_connect_start(conn, slot, (sio_str){(const char *)auth.data, auth.len});
    } else {
        sio_engine_session_fail(conn->engine, rc);
    }
    sio_buf_free(&auth);
}

static void on_disconnect(sio_peer *peer) {
    if (peer) {
        sio_peer_end(peer, "client namespace disconnect", 0);
    }
}

static void refuse_at_once(sio_conn *conn, sio_str nsp, int err) {
    const char *text = err == SIO_ERR_LIMIT ? "Too many namespaces" : "Invalid namespace";
    send_refusal(conn, nsp, &(sio_refusal){.message = text});
}

static void on_packet(sio_conn *conn, const sio_packet *packet) {
    sio_session_action action;
    int rc = sio_session_receive(&conn->session, packet, &action);
    if (rc != 0) {
        SIO_COUNT(conn->server->counters.decode_errors);
        close_by_force(conn, sio_error_text(rc));
        return;
    }
    switch (action.kind) {
    case SIO_SESSION_CONNECT:
        on_connect(conn, packet, action.slot);
        break;
    case SIO_SESSION_REFUSE:
        refuse_at_once(conn, packet->nsp, action.err);
        break;
    case SIO_SESSION_EVENT:
        sio_peer_receive(action.user, packet);
        break;
    case SIO_SESSION_ACK:
        sio_peer_acknowledged(action.user, packet);
        break;
    case SIO_SESSION_DISCONNECT:
        on_disconnect(action.user);
        break;
    default:
        break;
    }
}

/* What cannot be decoded: every peer hears of it, then the connection ends. */
static void reject(sio_conn *conn, int err, sio_str message) {
    char text[SIO_PACKET_ERROR_TEXT_MAX];
    sio_packet_error_text(err, message, text);
    SIO_COUNT(conn->server->counters.decode_errors);
    SIO_LOG(&conn->server->log, SIO_LOG_INFO, "socket.io:parser", "closing %s: %s",
            sio_engine_session_id(conn->engine), text);
    sio_conn_ref(conn);
    uint16_t slot = SIO_SLOT_NONE;
    while (conn->open && (slot = sio_session_next(&conn->session, slot)) != SIO_SLOT_NONE) {
        sio_peer *peer = sio_session_user(&conn->session, slot);
        if (peer) {
            sio_peer_ref(peer);
            sio_peer_report_error(peer, err, text, NULL);
            sio_peer_unref(peer);
        }
    }
    if (conn->open) {
        sio_engine_session_close(conn->engine, false);
    }
    sio_conn_unref(conn);
}

static void on_message(sio_engine_session *engine, bool binary, uint8_t *data, size_t len,
                       void *user) {
    sio_conn *conn = sio_engine_session_user(engine);
    if (!conn || conn->server->dead) {
        return;
    }
    sio_args *scratch = conn->server->scratch;
    sio_packet packet;
    int rc = binary ? sio_decoder_binary(&conn->decoder, scratch, data, len, &packet)
                    : sio_decoder_text(&conn->decoder, scratch, (const char *)data, len, &packet);
    if (rc == 1) {
        sio_conn_ref(conn);
        on_packet(conn, &packet);
        if (binary && conn->open && !sio_parser_is_binary(conn->server->parser)) {
            sio_decoder_reset(&conn->decoder);
        }
        sio_conn_unref(conn);
    } else if (rc == 0) {
        watch_partial(conn, !binary);
    } else {
        reject(conn, rc, (sio_str){(const char *)data, binary ? 0 : len});
    }
}

/* ---- the engine's other events ---- */

static int conn_init(sio_conn *conn, sio_server *server, sio_engine_session *engine) {
    bool old = sio_engine_session_revision(engine) == 3;
    conn->server = server;
    conn->refs = 1;
    int rc = wait_begin(conn);
    if (rc == 0) {
        rc = sio_decoder_init(&conn->decoder, old ? &server->decoder4 : &server->decoder5);
    }
    if (rc == 0) {
        rc = sio_session_init(&conn->session, old ? &server->session4 : &server->session5,
                              sio_loop_now(server->loop));
    }
    return rc;
}

/* A client of Socket.IO 2.x is in "/" without asking. */
static void connect_root(sio_conn *conn) {
    uint16_t slot;
    if (sio_session_connect_implicit(&conn->session, SIO_STR("/"), &slot) == 0) {
        sio_connect_start(conn, slot, (sio_str){NULL, 0});
    }
}

static void on_open(sio_engine_session *engine, void *user) {
    sio_server *server = user;
    sio_conn *conn = server->dead ? NULL : sio_mem_zalloc(server->mem, sizeof(*conn));
    if (!conn) {
        sio_engine_session_close(engine, true);
        return;
    }
    if (conn_init(conn, server, engine) != 0) {
        wait_end(conn);
        sio_mem_release(server->mem, conn);
        sio_engine_session_close(engine, true);
        return;
    }
    conn->engine = sio_engine_session_ref(engine);
    conn->open = true;
    sio_lag_start(&server->lag);
    sio_engine_session_set_user(engine, conn);
    sio_timer_start_at(&conn->wait->timer, sio_session_deadline(&conn->session));
    if (sio_conn_is_old(conn)) {
        sio_conn_ref(conn);
        connect_root(conn);
        sio_conn_unref(conn);
    }
}

/* A WebSocket that was closed: what came before the end counts, as in the reference. */
static void hear_out(sio_conn *conn, const sio_engine_session *engine, sio_eio_reason reason) {
    if (reason == SIO_EIO_REASON_TRANSPORT_CLOSE &&
        sio_engine_session_transport(engine) == SIO_EIO_WEBSOCKET) {
        sio_delivery_flush(conn->server, conn);
    }
}

static void on_close(sio_engine_session *engine, sio_eio_reason reason, int err, void *user) {
    sio_conn *conn = sio_engine_session_user(engine);
    if (!conn) {
        return;
    }
    hear_out(conn, engine, reason);
    conn->open = false;
    sio_engine_session_set_user(engine, NULL);
    wait_end(conn);
    sio_decoder_reset(&conn->decoder);
    sio_connect_abandon_all(conn);
    end_peers(conn, sio_eio_reason_text(reason), err);
    sio_session_free(&conn->session);
    sio_conn_unref(conn);
}

const sio_engine_callbacks sio_conn_callbacks = {
    .size = sizeof(sio_engine_callbacks),
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
    .on_slow = sio_conn_slow,
    .on_caught_up = sio_conn_caught_up,
};
