/* A WebSocket of the engine: one Engine.IO packet a message (Engine.IO protocol, WebSocket
 * transport; RFC 6455; RFC 7692). It belongs to a session as its transport or as its probe, and
 * lets go of it when either ends. */
#include "engine_session.h"

#include "mem.h"

#include <net/log.h>

#include <string.h>

/* How long the peer's own Close frame is awaited. */
enum { CLOSE_LINGER_MS = 30000 };

/* Messages up to this are copied into the stream; larger ones are handed over by reference. */
enum { COPY_MAX = 4096 };

enum { CLOSE_POLICY = 1008 }; /* RFC 6455 §7.4.1 */

/* A message has begun to arrive. */
typedef struct ws_wait {
    sio_timer timer;
    uint64_t received; /* since it was started */
    bool fresh;        /* a message was complete since then: the one in progress is another */
} ws_wait;

/* The peer has closed, or broken a rule. */
typedef struct ws_ending {
    sio_task task;
    int err; /* 0: it has closed */
    uint16_t code;
} ws_ending;

struct sio_ws_link {
    sio_engine *engine;
    sio_engine_session *session; /* NULL once it has let go */
    sio_stream *stream;          /* NULL once it is closed */
    sio_ws *ws;                  /* from the beginning of a message to its end */
    ws_wait *wait;               /* NULL: nothing is awaited, or not for long */
    ws_ending *ending;           /* NULL: it is not near, or it is over */
    sio_ws_pong *pong;           /* NULL: none waits for room */
    uint32_t refs;
    uint8_t deflate_bits; /* 0: no compression */
    bool probe;
    bool base64;
    bool batch; /* frames of the queue are on their way */
    /* The packets in the stream. Those behind `older_end` are `newer`; where each one ends is not
     * kept. */
    uint64_t written; /* bytes of all frames so far */
    uint64_t older_end;
    uint32_t older;
    uint32_t newer;
};

/* ---- life ---- */

static void wait_end(sio_ws_link *link) {
    ws_wait *wait = link->wait;
    link->wait = NULL;
    if (wait) {
        sio_timer_done(&wait->timer);
        sio_mem_release(link->engine->mem, wait);
    }
}

static void ending_done(sio_ws_link *link) {
    ws_ending *ending = link->ending;
    link->ending = NULL;
    if (ending) {
        sio_task_cancel(&ending->task);
        sio_mem_release(link->engine->mem, ending);
    }
}

static void drop_pong(sio_ws_link *link) {
    sio_mem_release(link->engine->mem, link->pong);
    link->pong = NULL;
}

static void link_unref(sio_ws_link *link) {
    if (--link->refs != 0) {
        return;
    }
    wait_end(link);
    ending_done(link);
    drop_pong(link);
    sio_ws_free(link->ws);
    sio_mem_release(link->engine->mem, link);
}

/* The link's own reference goes with its stream. */
static void let_go(sio_ws_link *link) {
    sio_engine_session *session = link->session;
    link->session = NULL;
    wait_end(link);
    ending_done(link);
    drop_pong(link);
    if (session) {
        if (session->ws == link) {
            session->ws = NULL;
        }
        if (session->probe == link) {
            session->probe = NULL;
        }
    }
    link_unref(link);
}

static void write_close(sio_ws_link *link, uint16_t code) {
    uint8_t frame[SIO_WS_HEADER_MAX + 2];
    sio_buf out = {.data = frame, .cap = sizeof(frame), .max = sizeof(frame)};
    if (sio_ws_write_close(&out, code, (sio_str){NULL, 0}, NULL) == 0) {
        (void)sio_stream_write(link->stream, out.data, out.len);
    }
}

static void end_stream(sio_ws_link *link, uint16_t code) {
    sio_stream *stream = link->stream;
    write_close(link, code);
    link->stream = NULL;
    sio_stream_close(stream, CLOSE_LINGER_MS);
    let_go(link);
}

void sio_ws_link_close(sio_ws_link *link) {
    if (link && link->stream) {
        end_stream(link, 0);
    }
}

void sio_ws_link_abort(sio_ws_link *link) {
    if (link && link->stream) {
        sio_stream *stream = link->stream;
        link->stream = NULL;
        sio_stream_free(stream);
        let_go(link);
    }
}

/* Tell the session that this WebSocket has ended. `err` 0: it was closed. */
static void report_end(sio_engine_session *session, bool probe, int err) {
    sio_time now = sio_loop_now(session->engine->loop);
    if (probe) {
        sio_eio_session_probe_closed(&session->eio, err, now);
    } else {
        sio_eio_session_transport_closed(&session->eio, err, now);
    }
    sio_engine_session_pump(session);
}

/* The peer's doing, or the network's: the stream ends with `code` in a Close frame where it still
 * can be written, and the session hears of it. */
static void fail(sio_ws_link *link, int err, uint16_t code, bool writable) {
    sio_engine_session *session = link->session;
    bool probe = link->probe;
    if (writable) {
        end_stream(link, code);
    } else {
        sio_ws_link_abort(link);
    }
    if (session) {
        report_end(session, probe, err);
    }
}

/* ---- decoders ---- */

/* Between two messages a decoder knows nothing of its connection, so that one serves all that are
 * read in turn. Whose message has begun keeps it. */

static sio_ws **spare_decoder(const sio_ws_link *link) {
    return &link->engine->decoders[link->deflate_bits != 0];
}

static int make_decoder(sio_ws_link *link) {
    sio_engine *engine = link->engine;
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    options.role = SIO_WS_SERVER;
    options.max_message = engine->settings.max_payload;
    options.buffers = sio_loop_message_mem(engine->loop);
    options.inflater = link->deflate_bits != 0 ? engine->inflater : NULL;
    return sio_ws_new(&link->ws, &options, engine->mem);
}

static int take_decoder(sio_ws_link *link) {
    if (link->ws) {
        return 0;
    }
    sio_ws **spare = spare_decoder(link);
    link->ws = *spare;
    *spare = NULL;
    return link->ws ? 0 : make_decoder(link);
}

/* It has used up all that it was given. */
static void give_decoder_back(sio_ws_link *link) {
    sio_ws **spare = spare_decoder(link);
    if (*spare) {
        sio_ws_free(link->ws);
    } else {
        *spare = link->ws;
    }
    link->ws = NULL;
}

static bool is_partial(const sio_ws_link *link) {
    return link->ws && sio_ws_is_partial(link->ws);
}

/* ---- messages that take long ---- */

static void on_wait(void *ctx) {
    sio_ws_link *link = ctx;
    const sio_engine_settings *settings = &link->engine->settings;
    ws_wait *wait = link->wait;
    uint64_t enough = sio_rate_bytes(settings->min_receive_rate, settings->message_timeout_ms);
    if (!is_partial(link)) {
        wait_end(link);
    } else if (wait->fresh || wait->received >= enough) {
        wait->fresh = false;
        wait->received = 0;
        sio_timer_start(&wait->timer, settings->message_timeout_ms);
    } else {
        SIO_COUNT(link->engine->counters->receive_timeouts);
        SIO_LOG(sio_loop_log(link->engine->loop), SIO_LOG_INFO, "engine:ws",
                "%s: a message did not come in time", link->session ? link->session->id : "");
        fail(link, SIO_ERR_TIMEOUT, CLOSE_POLICY, true);
    }
}

/* Without memory for it the session ends. */
static void wait_begin(sio_ws_link *link) {
    sio_engine *engine = link->engine;
    ws_wait *wait = sio_mem_zalloc(engine->mem, sizeof(*wait));
    if (!wait || sio_timer_init(&wait->timer, engine->loop, on_wait, link) != 0) {
        sio_mem_release(engine->mem, wait);
        fail(link, SIO_ERR_NOMEM, 0, false);
        return;
    }
    link->wait = wait;
    sio_timer_start(&wait->timer, engine->settings.message_timeout_ms);
}

/* After a read. What was begun is remembered until the timer fires: messages that come in pieces
 * mostly follow each other. */
static void watch_partial(sio_ws_link *link, size_t len) {
    if (link->wait) {
        link->wait->received += len;
        link->wait->fresh = link->wait->fresh || !is_partial(link);
    } else if (link->engine->settings.message_timeout_ms > 0 && is_partial(link)) {
        wait_begin(link);
    }
}

/* ---- reading ---- */

static void on_packet(sio_ws_link *link, const sio_eio_packet *packet) {
    sio_engine_session *session = link->session;
    if (link->probe) {
        sio_time now = sio_loop_now(link->engine->loop);
        sio_eio_session_probe_packet(&session->eio, packet, now);
        sio_engine_session_pump(session);
    } else {
        sio_engine_session_receive(session, packet, sio_ws_has_more(link->ws));
    }
}

static void on_data(sio_ws_link *link, const sio_ws_event *event) {
    int revision = sio_eio_session_revision(&link->session->eio);
    sio_bytes data = {event->data, event->len};
    sio_counters *counters = link->engine->counters;
    sio_eio_packet packet;
    if (link->wait) {
        link->wait->fresh = true;
    }
    SIO_COUNT(counters->packets_in_websocket);
    SIO_FIGURE_ADD(counters->bytes_in_websocket, data.len);
    if (event->kind == SIO_WS_BINARY) {
        sio_eio_decode_binary(&packet, revision, data);
    } else {
        int rc = sio_eio_decode_text(&packet, revision, data, &link->engine->scratch);
        if (rc != 0) {
            SIO_COUNT(counters->decode_errors);
            fail(link, rc, sio_error_close_code(rc), true);
            return;
        }
    }
    on_packet(link, &packet);
}

static void send_pong(sio_ws_link *link, const void *data, size_t len) {
    uint8_t frame[SIO_WS_HEADER_MAX + SIO_WS_CONTROL_MAX];
    sio_buf out = {.data = frame, .cap = sizeof(frame), .max = sizeof(frame)};
    if (sio_ws_write_frame(&out, SIO_WS_PONG, data, len, false, NULL) == 0) {
        (void)sio_stream_write(link->stream, out.data, out.len);
    }
}

/* Each ping is answered while the peer reads. When it does not, only the newest pong is kept, until
 * there is room for it (RFC 6455 §5.5.3). */
static void on_ping(sio_ws_link *link, const sio_ws_event *event) {
    if (sio_stream_queued(link->stream) <= COPY_MAX) {
        drop_pong(link);
        send_pong(link, event->data, event->len);
        return;
    }
    if (!link->pong) {
        link->pong = sio_mem_zalloc(link->engine->mem, sizeof(*link->pong));
    }
    if (link->pong) {
        sio_ws_pong_set(link->pong, event);
    }
}

static void send_kept_pong(sio_ws_link *link) {
    if (link->pong) {
        send_pong(link, link->pong->data, link->pong->len);
        drop_pong(link);
    }
}

static void on_ending(void *ctx) {
    sio_ws_link *link = ctx;
    int err = link->ending->err;
    uint16_t code = link->ending->code;
    ending_done(link);
    fail(link, err, code, true);
}

/* The end follows what is being done for the messages that came before in the same read: they are
 * answered first. */
static void begin_ending(sio_ws_link *link, int err, uint16_t code) {
    sio_engine *engine = link->engine;
    ws_ending *ending = sio_mem_zalloc(engine->mem, sizeof(*ending));
    if (!ending) {
        fail(link, err, code, true);
        return;
    }
    ending->err = err;
    ending->code = code;
    sio_task_init(&ending->task, on_ending, link);
    link->ending = ending;
    sio_loop_defer(engine->loop, &ending->task);
}

static void on_event(sio_ws_link *link, const sio_ws_event *event) {
    switch (event->kind) {
    case SIO_WS_TEXT:
    case SIO_WS_BINARY:
        on_data(link, event);
        break;
    case SIO_WS_PING:
        on_ping(link, event);
        break;
    case SIO_WS_CLOSE:
        begin_ending(link, 0, event->code == SIO_WS_NO_CODE ? 0 : event->code);
        break;
    default:
        break;
    }
}

static void read_events(sio_ws_link *link) {
    sio_ws_event event;
    int rc = 0;
    while (link->session && (rc = sio_ws_next(link->ws, &event)) == 1) {
        on_event(link, &event);
    }
    if (!link->session) {
        return;
    }
    if (rc < 0) {
        SIO_COUNT(link->engine->counters->decode_errors);
        SIO_LOG(sio_loop_log(link->engine->loop), SIO_LOG_INFO, "engine:ws", "%s: %s",
                link->session->id, sio_error_text(rc));
        begin_ending(link, rc, sio_error_close_code(rc));
    } else if (!link->ending && !sio_ws_is_partial(link->ws)) {
        give_decoder_back(link);
    }
}

/* Hand it what was read: into its own room, or elsewhere. */
static int feed(sio_ws_link *link, uint8_t *data, size_t len) {
    uint8_t *room;
    size_t room_len;
    if (link->ws && sio_ws_pending_room(link->ws, &room, &room_len) == 1 && room == data) {
        return sio_ws_pending_filled(link->ws, len);
    }
    int rc = take_decoder(link);
    return rc != 0 ? rc : sio_ws_feed(link->ws, data, len);
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    sio_ws_link *link = ctx;
    if (link->ending) {
        return;
    }
    link->refs++;
    int rc = feed(link, data, len);
    if (rc != 0) {
        fail(link, rc, sio_error_close_code(rc), true);
    } else {
        read_events(link);
        if (link->session) {
            watch_partial(link, len);
        }
    }
    link_unref(link);
}

static uint8_t *want_room(void *ctx, size_t *len) {
    sio_ws_link *link = ctx;
    uint8_t *room;
    return link->ws && sio_ws_pending_room(link->ws, &room, len) == 1 ? room : NULL;
}

static void on_eof(void *ctx) {
    fail(ctx, 0, 0, false);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    fail(ctx, 0, 0, false);
}

static void on_low(void *ctx) {
    const sio_ws_link *link = ctx;
    if (link->session) {
        sio_pressure_ease(link->session);
    }
}

static void on_drain(void *ctx) {
    sio_ws_link *link = ctx;
    link->older = 0;
    link->newer = 0;
    send_kept_pong(link);
    on_low(link);
    if (!link->batch) {
        return;
    }
    link->batch = false;
    if (link->session && !link->probe) {
        sio_engine_session *session = sio_engine_session_ref(link->session);
        sio_eio_session_written(&session->eio, sio_loop_now(session->engine->loop));
        sio_engine_session_sent(session);
        sio_engine_session_pump(session);
        sio_engine_session_unref(session);
    }
}

static const sio_stream_callbacks callbacks = {
    .on_read = on_read,
    .on_eof = on_eof,
    .on_error = on_error,
    .on_drain = on_drain,
    .on_low = on_low,
    .want_room = want_room,
};

/* ---- the handshake ---- */

/* RFC 6455 §11.3: neither key nor version may come more than once, so two are as good as none. */
static sio_str find_only(const sio_http1_head *head, sio_str name) {
    return sio_http1_count(head, name) == 1 ? sio_http1_find(head, name) : (sio_str){NULL, 0};
}

/* What a request says, with room for lists that come in several lines. */
typedef struct ws_fields {
    sio_ws_request request;
    sio_buf connection;
    sio_buf protocol;
    sio_buf extensions;
} ws_fields;

static void fields_done(ws_fields *fields) {
    sio_buf_free(&fields->connection);
    sio_buf_free(&fields->protocol);
    sio_buf_free(&fields->extensions);
}

static int fields_read(ws_fields *fields, const sio_http1_head *head, const sio_mem *mem) {
    sio_ws_request *request = &fields->request;
    sio_buf_init(&fields->connection, 0, mem);
    sio_buf_init(&fields->protocol, 0, mem);
    sio_buf_init(&fields->extensions, 0, mem);
    *request = (sio_ws_request){
        .method = head->method,
        .upgrade = find_only(head, SIO_STR("Upgrade")),
        .key = find_only(head, SIO_STR("Sec-WebSocket-Key")),
        .version = find_only(head, SIO_STR("Sec-WebSocket-Version")),
    };
    int rc = sio_http1_join(&request->connection, head, SIO_STR("Connection"), &fields->connection);
    if (rc == 0) {
        rc = sio_http1_join(&request->protocol, head, SIO_STR("Sec-WebSocket-Protocol"),
                            &fields->protocol);
    }
    return rc != 0 ? rc
                   : sio_http1_join(&request->extensions, head, SIO_STR("Sec-WebSocket-Extensions"),
                                    &fields->extensions);
}

static void refuse(sio_exchange *exchange, const sio_ws_refusal *refusal) {
    sio_bytes body = {(const uint8_t *)refusal->body, strlen(refusal->body)};
    sio_exchange_answer_and_close(
        exchange, refusal->status, "text/html", body,
        refusal->send_version ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : NULL);
}

static int agree_on_compression(sio_ws_link *link, const sio_ws_agreement *agreement) {
    sio_engine *engine = link->engine;
    if (!agreement->deflate) {
        return 0;
    }
    link->deflate_bits = agreement->deflate_params.server_max_window_bits;
    return engine->inflater ? 0 : sio_ws_inflater_new(&engine->inflater, 15, false, engine->mem);
}

static int switch_protocols(sio_ws_link *link, sio_ws_rest *rest, sio_exchange *exchange,
                            const sio_ws_agreement *agreement) {
    sio_buf head;
    sio_buf_init(&head, 0, link->engine->mem);
    int rc = sio_ws_handshake_respond(&head, agreement);
    if (rc == 0) {
        rc = sio_exchange_upgrade(exchange, (sio_bytes){head.data, head.len}, &link->stream,
                                  &rest->data, &rest->len);
    } else {
        sio_exchange_destroy(exchange);
    }
    sio_buf_free(&head);
    return rc;
}

/* Without memory for it the connection goes. */
static int link_new(sio_ws_link **out, sio_ws_rest *rest, sio_engine *engine,
                    sio_exchange *exchange, const sio_ws_agreement *agreement) {
    sio_ws_link *link = sio_mem_zalloc(engine->mem, sizeof(*link));
    if (!link) {
        sio_exchange_destroy(exchange);
        return SIO_ERR_NOMEM;
    }
    link->engine = engine;
    link->refs = 1;
    int rc = agree_on_compression(link, agreement);
    if (rc != 0) {
        sio_exchange_destroy(exchange);
    } else {
        rc = switch_protocols(link, rest, exchange, agreement);
    }
    if (rc != 0) {
        link_unref(link);
        return rc;
    }
    sio_stream_set_callbacks(link->stream, &callbacks, link);
    link->refs++; /* until sio_ws_link_start: what comes between may end the session */
    *out = link;
    return 0;
}

/* Returns 0 or what it was refused for. */
static int agree(sio_ws_agreement *out, const sio_engine *engine, sio_exchange *exchange,
                 const sio_ws_request *request) {
    static const sio_ws_deflate_options lean = SIO_WS_DEFLATE_OPTIONS_INIT;
    sio_ws_handshake_options options = SIO_WS_HANDSHAKE_OPTIONS_INIT;
    sio_ws_refusal refusal;
    options.deflate = engine->settings.deflate ? &lean : NULL;
    options.closing = engine->closing;
    if (sio_ws_handshake_accept(out, &refusal, request, &options) != 0) {
        refuse(exchange, &refusal);
        return SIO_ERR_WS_HANDSHAKE;
    }
    return 0;
}

int sio_ws_link_accept(sio_ws_link **out, sio_ws_rest *rest, sio_engine_session *session,
                       sio_exchange *exchange, bool base64) {
    sio_engine *engine = session->engine;
    ws_fields fields;
    sio_ws_agreement agreement;
    int rc = fields_read(&fields, sio_exchange_head(exchange), engine->mem);
    if (rc != 0) {
        sio_exchange_destroy(exchange);
    } else {
        rc = agree(&agreement, engine, exchange, &fields.request);
    }
    if (rc == 0) {
        sio_engine_session_headers(session, exchange);
        rc = link_new(out, rest, engine, exchange, &agreement);
    }
    if (rc == 0) {
        (*out)->base64 = base64;
    }
    fields_done(&fields);
    return rc;
}

void sio_ws_link_attach(sio_ws_link *link, sio_engine_session *session, bool probe) {
    link->session = session;
    link->probe = probe;
    if (probe) {
        session->probe = link;
    } else {
        session->ws = link;
    }
}

void sio_ws_link_start(sio_ws_link *link, sio_ws_rest rest) {
    if (!link->session) {
        sio_ws_link_close(link);
    } else if (link->stream && rest.len > 0) {
        on_read(link, rest.data, rest.len);
    }
    link_unref(link);
}

void sio_ws_link_promote(sio_ws_link *link) {
    if (link) {
        link->probe = false;
    }
}

/* ---- writing ---- */

static void release_message(void *message) {
    sio_eio_message_unref(message);
}

static void release_blob(void *blob) {
    sio_blob_unref(blob);
}

static void note_frame(sio_ws_link *link, size_t len) {
    link->written += len;
    link->newer++;
}

static int write_frame(sio_ws_link *link, sio_bytes frame, void (*release)(void *), void *owner) {
    note_frame(link, frame.len);
    return sio_stream_write_ref(link->stream, frame.ptr, frame.len, release, owner);
}

static sio_ws_deflater *deflater(sio_ws_link *link) {
    sio_ws_deflater **slot = &link->engine->deflaters[link->deflate_bits - 8];
    if (!*slot) {
        (void)sio_ws_deflater_new(slot, link->deflate_bits, false, 0, 0, link->engine->mem);
    }
    return *slot;
}

/* One frame around the compressed packet. Errors: SIO_ERR_NOMEM and those of zlib. */
static int deflate_frame(sio_ws_link *link, sio_buf *out, sio_bytes packet, bool binary) {
    sio_ws_deflater *compressor = deflater(link);
    uint8_t header[SIO_WS_HEADER_MAX];
    if (!compressor) {
        return SIO_ERR_NOMEM;
    }
    sio_buf payload;
    sio_buf_init(&payload, 0, link->engine->mem);
    int rc = sio_ws_deflate(compressor, &payload, packet.ptr, packet.len);
    if (rc == 0) {
        size_t len = sio_ws_write_header(header, binary ? SIO_WS_BINARY : SIO_WS_TEXT, true, true,
                                         payload.len, NULL);
        rc = sio_buf_add(out, header, len);
    }
    if (rc == 0) {
        rc = sio_buf_add(out, payload.data, payload.len);
    }
    sio_buf_free(&payload);
    return rc;
}

static int revision_of(const sio_ws_link *link) {
    return sio_eio_session_revision(&link->session->eio);
}

/* The compressed frame of a message is made once for all receivers with the same window and the
 * same bytes in it: revision 3 has the packet's type in front of binary data. */
static uint32_t deflated_key(const sio_ws_link *link, const sio_eio_message *message) {
    enum { WITH_TYPE = 0x100 };
    bool with_type = sio_eio_message_is_binary(message) && revision_of(link) != 4;
    return link->deflate_bits | (with_type ? WITH_TYPE : 0u);
}

static int write_deflated(sio_ws_link *link, sio_eio_message *message, sio_bytes packet) {
    uint32_t key = deflated_key(link, message);
    const sio_blob *frame = sio_eio_message_deflated(message, key);
    if (!frame) {
        sio_blob *fresh;
        sio_buf out;
        sio_buf_init(&out, 0, link->engine->mem);
        int rc = deflate_frame(link, &out, packet, sio_eio_message_is_binary(message));
        if (rc == 0) {
            rc = sio_blob_take(&fresh, &out);
        }
        if (rc != 0) {
            sio_buf_free(&out);
            return rc;
        }
        (void)sio_eio_message_set_deflated(message, key, fresh);
        frame = fresh;
        return write_frame(link, (sio_bytes){frame->data, frame->len}, release_blob, fresh);
    }
    sio_blob *shared = sio_blob_ref((sio_blob *)(uintptr_t)frame);
    return write_frame(link, (sio_bytes){shared->data, shared->len}, release_blob, shared);
}

static void count_out(const sio_ws_link *link, size_t len) {
    sio_counters *counters = link->engine->counters;
    SIO_COUNT(counters->packets_out_websocket);
    SIO_FIGURE_ADD(counters->bytes_out_websocket, len);
}

static bool compresses(const sio_ws_link *link, unsigned flags, size_t len) {
    return link->deflate_bits != 0 && (flags & SIO_EIO_COMPRESS) != 0 &&
           len >= link->engine->settings.compress_threshold;
}

int sio_ws_link_write_message(sio_ws_link *link, sio_eio_message *message, unsigned flags) {
    bool as_text = link->base64 && sio_eio_message_is_binary(message);
    sio_bytes bytes;
    count_out(link, sio_eio_message_data(message).len);
    if (!as_text && compresses(link, flags, sio_eio_message_data(message).len)) {
        int rc = sio_eio_message_bytes(&bytes, message, SIO_EIO_FORM_PACKET, revision_of(link));
        return rc != 0 ? rc : write_deflated(link, message, bytes);
    }
    sio_eio_form form = as_text ? SIO_EIO_FORM_TEXT_FRAME : SIO_EIO_FORM_FRAME;
    int rc = sio_eio_message_bytes(&bytes, message, form, revision_of(link));
    if (rc != 0) {
        return rc;
    }
    sio_eio_message_ref(message);
    return write_frame(link, bytes, release_message, message);
}

/* Small messages go straight from the encoder's buffer into the stream's: what is binary as it is,
 * text behind its type. */
static int write_copied(sio_ws_link *link, sio_buf *buf, bool binary) {
    uint8_t header[SIO_WS_HEADER_MAX];
    size_t before = SIO_EIO_HEADROOM - (binary ? 0 : 1);
    uint8_t *packet = buf->data + before;
    size_t len = buf->len - before;
    if (!binary) {
        packet[0] = '4';
    }
    count_out(link, len);
    sio_ws_opcode opcode = binary ? SIO_WS_BINARY : SIO_WS_TEXT;
    size_t header_len = sio_ws_write_header(header, opcode, true, false, len, NULL);
    uint8_t *room = sio_stream_room(link->stream, header_len + len);
    buf->len = 0;
    if (!room) {
        return SIO_ERR_NOMEM;
    }
    memcpy(room, header, header_len);
    if (len > 0) {
        memcpy(room + header_len, packet, len);
    }
    sio_stream_commit(link->stream, header_len + len);
    note_frame(link, header_len + len);
    return 0;
}

int sio_ws_link_write_buf(sio_ws_link *link, sio_buf *buf, bool binary, unsigned flags) {
    size_t len = buf->len - SIO_EIO_HEADROOM;
    bool as_it_is = !binary || (revision_of(link) == 4 && !link->base64);
    if (as_it_is && len <= COPY_MAX && !compresses(link, flags, len)) {
        return write_copied(link, buf, binary);
    }
    sio_eio_message *message;
    int rc = sio_eio_message_take(&message, binary, buf);
    if (rc == 0) {
        rc = sio_ws_link_write_message(link, message, flags);
        sio_eio_message_unref(message);
    }
    return rc;
}

static int write_item(sio_ws_link *link, const sio_eio_item *item) {
    if (item->message && item->type == SIO_EIO_MESSAGE) {
        return sio_ws_link_write_message(link, item->message, item->flags);
    }
    sio_bytes frame;
    int rc = sio_eio_item_bytes(&frame, item, SIO_EIO_FORM_FRAME, revision_of(link));
    count_out(link, rc == 0 ? frame.len : 0);
    note_frame(link, rc == 0 ? frame.len : 0);
    return rc != 0 ? rc : sio_stream_write(link->stream, frame.ptr, frame.len);
}

int sio_ws_link_write(sio_ws_link *link, const sio_eio_item *items, size_t count) {
    link->batch = true;
    for (size_t i = 0; i < count; i++) {
        int rc = write_item(link, &items[i]);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

size_t sio_ws_link_queued(const sio_ws_link *link) {
    return link->stream ? sio_stream_queued(link->stream) : 0;
}

size_t sio_ws_link_messages(sio_ws_link *link) {
    size_t queued = sio_ws_link_queued(link);
    uint64_t sent = link->written > queued ? link->written - queued : 0;
    if (sent >= link->older_end) {
        link->older = link->newer;
        link->newer = 0;
        link->older_end = link->written;
    }
    return queued > 0 ? (size_t)link->older + link->newer : 0;
}

void sio_ws_link_tell_low(sio_ws_link *link, size_t bytes) {
    if (link->stream) {
        sio_stream_tell_low(link->stream, bytes);
    }
}
