/* The whole client above a simulated libsio-net (tests/sim), so that time passes in no time. The
 * input plays its application, inside callbacks too, and the server: one that answers as it should
 * while the first byte says so, with bytes, packets, errors and ends of connections of the input's
 * choice in between.
 *
 * The input is drawn byte by byte; behind its end everything is zero, which means nothing. Nothing
 * may be used after its end; each acknowledgement and each on_sent comes exactly once, or never
 * when the event was refused; and in the end no memory, connection, timer or loop is left. */
#include <sio/client.h>
#include <sio/ws.h>

#include <net/listener.h>

#include "../sim/memory.h"
#include "../sim/net.h"
#include "base64.h"
#include "draw.h"
#include "sha1.h"

#include <stdio.h>

enum {
    WIRES = 6,
    SOCKETS = 3,
    KEPT = 8,
    RECORDS = 1200,
    CALLBACKS_MAX = 800,
    STEPS_MAX = 400,
    INPUT_MAX = 8192,
    TEXT_MAX = 64
};

/* How the client and its server are set, by bits of the first byte. */
enum { REV3 = 4, MSGPACK = 8, RETRIES = 16, POLITE = 32, SMALL = 64 };

/* One connection as the server sees it. */
typedef struct wire {
    sio_stream *stream;
    sio_buf in;     /* the request so far */
    sio_ws *ws;     /* once it was upgraded */
    bool is_asking; /* a GET that waits for packets */
} wire;

typedef struct record {
    bool wants_ack, wants_sent, refused;
    unsigned acks, sents;
} record;

typedef struct world {
    draw in;
    uint8_t how;
    sim_memory memory;
    sio_loop *loop; /* the server's */
    sio_listener *listener;
    wire wires[WIRES];
    sio_buf unsent;     /* packets for the next poll */
    sio_client *client; /* NULL once it was freed */
    sio_socket *sockets[SOCKETS];
    sio_auth_request *auths[KEPT];
    sio_ack *acks[KEPT];
    sio_args *args[KEPT];
    record records[RECORDS];
    size_t record_count;
    unsigned callbacks, depth;
} world;

static world w;

static uint8_t next(void) {
    return draw_byte(&w.in);
}

/* ---- the server: writing ---- */

static void say(wire *at, const void *data, size_t len) {
    if (at->stream && len > 0) {
        REQUIRE(sio_stream_write(at->stream, data, len) == 0);
    }
}

static void say_text(wire *at, const char *text) {
    say(at, text, strlen(text));
}

static void answer(wire *at, const char *status, const void *body, size_t len) {
    char head[160];
    int head_len =
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                 "Set-Cookie: lb=%u; Path=/\r\n\r\n",
                 status, w.how & MSGPACK ? "application/octet-stream" : "text/plain", len, w.depth);
    say(at, head, (size_t)head_len);
    say(at, body, len);
    at->is_asking = false;
}

/* In the form of the revision. */
static void add_packet(sio_buf *payload, const char *text, size_t len) {
    if (w.how & REV3) {
        REQUIRE(sio_buf_add_u64(payload, len) == 0 && sio_buf_add_byte(payload, ':') == 0);
    } else if (payload->len > 0) {
        REQUIRE(sio_buf_add_byte(payload, 0x1e) == 0);
    }
    REQUIRE(sio_buf_add(payload, text, len) == 0);
}

static void answer_poll(wire *at) {
    if (at->is_asking && w.unsent.len > 0) {
        answer(at, "200 OK", w.unsent.data, w.unsent.len);
        w.unsent.len = 0;
    }
}

/* By WebSocket when there is one, else with the next poll. */
static void send_packet(wire *at, const char *text, size_t len) {
    if (at->ws) {
        sio_buf frame = {0};
        REQUIRE(sio_ws_write_frame(&frame, SIO_WS_TEXT, text, len, false, NULL) == 0);
        say(at, frame.data, frame.len);
        sio_buf_free(&frame);
    } else if (w.unsent.len < INPUT_MAX) {
        add_packet(&w.unsent, text, len);
        for (unsigned i = 0; i < WIRES; i++) {
            answer_poll(&w.wires[i]);
        }
    }
}

static void send_binary(wire *at, const void *data, size_t len) {
    sio_buf frame = {0};
    if (at->ws) {
        REQUIRE(sio_ws_write_frame(&frame, SIO_WS_BINARY, data, len, false, NULL) == 0);
        say(at, frame.data, frame.len);
    } else if (sio_buf_add_byte(&frame, 'b') == 0) {
        REQUIRE(sio_base64_add(&frame, data, len) == 0);
        send_packet(at, (const char *)frame.data, frame.len);
    }
    sio_buf_free(&frame);
}

static const char *open_packet(uint8_t which) {
    static const char *const packets[] = {
        "0{\"sid\":\"S\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,"
        "\"maxPayload\":1000000}",
        "0{\"sid\":\"S\",\"upgrades\":[],\"pingInterval\":300,\"pingTimeout\":200,\"maxPayload\":"
        "20}",
        "0{\"sid\":\"\",\"upgrades\":[\"websocket\"],\"pingInterval\":1,\"pingTimeout\":1}",
        "0{}",
    };
    return packets[which % 4];
}

static void send_open(wire *at, uint8_t which) {
    const char *packet = open_packet(which);
    send_packet(at, packet, strlen(packet));
}

/* ---- the server as it should be ---- */

static bool has(const wire *at, const char *text) {
    return at->in.len > 0 && memmem(at->in.data, at->in.len, text, strlen(text));
}

static void accept_upgrade(wire *at) {
    static const char name[] = "Sec-WebSocket-Key: ";
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof(guid)];
    uint8_t hash[SIO_SHA1_LEN];
    char accept[29] = {0};
    const uint8_t *key = memmem(at->in.data, at->in.len, name, sizeof(name) - 1);
    if (!key || key + sizeof(name) - 1 + 24 > at->in.data + at->in.len) {
        return;
    }
    memcpy(text, key + sizeof(name) - 1, 24);
    memcpy(text + 24, guid, sizeof(guid));
    sio_sha1(hash, text, 24 + sizeof(guid) - 1);
    sio_base64_encode(accept, hash, sizeof(hash));
    say_text(at, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: ");
    say_text(at, accept);
    say_text(at, "\r\n\r\n");
    REQUIRE(sio_ws_new(&at->ws, NULL, NULL) == 0);
    if (!has(at, "sid=")) {
        send_open(at, 0);
    }
}

/* "40/nsp,{auth}": accepted. */
static void accept_namespace(wire *at, const char *text, size_t len) {
    const char *end = memchr(text, ',', len);
    size_t name = len > 2 && text[2] == '/' ? (end ? (size_t)(end - text) + 1 : len) : 2;
    char reply[128];
    if (name < 64) {
        int reply_len = snprintf(reply, sizeof(reply), "%.*s%s{\"sid\":\"s%u\",\"pid\":\"p\"}",
                                 (int)name, text, name > 2 && !end ? "," : "", w.callbacks);
        send_packet(at, reply, (size_t)reply_len);
    }
}

static void on_packet(wire *at, const char *text, size_t len) {
    if (len == 6 && memcmp(text, "2probe", 6) == 0) {
        send_packet(at, "3probe", 6);
    } else if (len > 0 && text[0] == '2' && w.how & REV3) {
        send_packet(at, "3", 1);
    } else if (len > 1 && memcmp(text, "40", 2) == 0) {
        accept_namespace(at, text, len);
    }
}

static void on_posted(wire *at, const char *body, size_t len) {
    while (len > 0) {
        const char *end = memchr(body, 0x1e, len);
        size_t packet = end ? (size_t)(end - body) : len;
        on_packet(at, body, packet);
        packet += end != NULL;
        body += packet;
        len -= packet;
    }
    answer(at, "200 OK", "ok", 2);
}

/* One request, when it is there as a whole. */
static void serve(wire *at) {
    const uint8_t *end = at->in.len > 0 ? memmem(at->in.data, at->in.len, "\r\n\r\n", 4) : NULL;
    if (!end) {
        return;
    }
    size_t head = (size_t)(end - at->in.data) + 4;
    const char *field = memmem(at->in.data, head, "Content-Length: ", 16);
    size_t body = field ? strtoul(field + 16, NULL, 10) : 0;
    if (at->in.len - head < body) {
        return;
    }
    if (has(at, "Upgrade: websocket")) {
        accept_upgrade(at);
    } else if (memcmp(at->in.data, "POST", 4) == 0) {
        on_posted(at, (const char *)at->in.data + head, body);
    } else if (has(at, "sid=")) {
        at->is_asking = true;
        answer_poll(at);
    } else {
        sio_buf payload = {0};
        add_packet(&payload, open_packet(0), strlen(open_packet(0)));
        answer(at, "200 OK", payload.data, payload.len);
        sio_buf_free(&payload);
    }
    at->in.len = 0;
}

static void hear_frames(wire *at, uint8_t *data, size_t len) {
    sio_ws_event event;
    int rc = sio_ws_feed(at->ws, data, len);
    while (rc == 0 && (rc = sio_ws_next(at->ws, &event)) == 1) {
        if (event.kind == SIO_WS_TEXT && w.how & POLITE) {
            on_packet(at, (const char *)event.data, event.len);
        }
        rc = 0;
    }
    /* Whatever the server does, what a client sends is in order. */
    REQUIRE(rc == 0 || rc == SIO_ERR_STATE);
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    wire *at = ctx;
    if (at->ws) {
        hear_frames(at, data, len);
    } else if (at->in.len + len < INPUT_MAX) {
        REQUIRE(sio_buf_add(&at->in, data, len) == 0);
        if (w.how & POLITE) {
            serve(at);
        }
    }
}

static void hang_up(wire *at, bool reset) {
    sio_stream *stream = at->stream;
    at->stream = NULL;
    if (stream && reset) {
        sio_stream_abort(stream);
    } else if (stream) {
        sio_stream_close(stream, 100);
    }
    sio_ws_free(at->ws);
    sio_buf_free(&at->in);
    *at = (wire){.stream = NULL};
}

static void on_end(void *ctx) {
    hang_up(ctx, false);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    hang_up(ctx, true);
}

static const sio_stream_callbacks callbacks = {
    .on_read = on_read, .on_eof = on_end, .on_error = on_error};

static void on_accept(void *ctx, sio_stream *stream) {
    for (unsigned i = 0; i < WIRES; i++) {
        if (!w.wires[i].stream) {
            w.wires[i].stream = stream;
            sio_stream_set_callbacks(stream, &callbacks, &w.wires[i]);
            return;
        }
    }
    sio_stream_abort(stream);
}

/* ---- the application ---- */

static bool may_act(void) {
    return w.client && w.depth < 4 && w.callbacks++ < CALLBACKS_MAX;
}

static void act(void);

static void act_inside(void) {
    if (may_act()) {
        w.depth++;
        act();
        w.depth--;
    }
}

static void on_reply(const sio_event *reply, void *user) {
    record *r = user;
    REQUIRE(r->wants_ack && !r->refused && r->acks++ == 0);
    act_inside();
}

static void on_sent(int status, void *user) {
    record *r = user;
    REQUIRE(r->wants_sent && !r->refused && r->sents++ == 0);
    act_inside();
}

static void emit(sio_socket *socket, uint8_t how) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    sio_args *args;
    if (w.record_count == RECORDS || sio_args_new(&args, NULL) != 0) {
        return;
    }
    record *r = &w.records[w.record_count++];
    r->wants_ack = (how & 1) != 0;
    r->wants_sent = (how & 2) != 0;
    options.on_ack = r->wants_ack ? on_reply : NULL;
    options.on_sent = r->wants_sent ? on_sent : NULL;
    options.user = r;
    options.is_volatile = (how & 4) != 0;
    options.timeout_ms = how & 8 ? 1 + how : 0;
    if (how & 16) {
        REQUIRE(sio_args_addf(args, "sB", "text", "bin", (size_t)3) == 0);
    }
    r->refused = sio_socket_emit(socket, how & 32 ? "disconnect" : "up", args, &options) != 0;
    REQUIRE(!r->refused || r->acks + r->sents == 0);
    sio_args_unref(args);
}

static void end_client(void) {
    sio_client *client = w.client;
    w.client = NULL;
    sio_client_free(client);
}

static void give_back(unsigned slot) {
    sio_ack *ack = w.acks[slot];
    sio_args *args = w.args[slot];
    w.acks[slot] = NULL;
    w.args[slot] = NULL;
    if (ack) {
        sio_ack_send(ack, args);
    }
    sio_ack_unref(ack);
    sio_args_unref(args);
}

static void keep(const sio_event *event) {
    for (unsigned i = 0; i < KEPT; i++) {
        if (!w.acks[i] && !w.args[i]) {
            if (event->ack) {
                REQUIRE(sio_ack_ref(&w.acks[i], event->ack) == 0);
            }
            REQUIRE(sio_args_ref(&w.args[i], event->args) == 0);
            return;
        }
    }
}

static void answer_auth(sio_auth_request *request, uint8_t how) {
    if (how & 1) {
        sio_auth_fail(request, "no");
        return;
    }
    if (how & 2) {
        REQUIRE(sio_auth_answer(request, "[") == SIO_ERR_JSON_SYNTAX); /* so it is still ours */
    }
    sio_auth_answer(request, how & 4 ? "{\"token\":1}" : NULL);
}

static void on_auth(sio_socket *socket, sio_auth_request *request, void *user) {
    uint8_t how = next();
    for (unsigned i = 0; how & 8 && i < KEPT; i++) {
        if (!w.auths[i]) {
            w.auths[i] = request;
            act_inside();
            return;
        }
    }
    answer_auth(request, how);
    act_inside();
}

static void on_event(sio_socket *socket, const sio_event *event, void *user) {
    REQUIRE(w.client);
    if (!may_act()) {
        return;
    }
    w.depth++;
    uint8_t how = next();
    if (how & 1 && event->ack) {
        sio_ack_send(event->ack, event->args);
    }
    if (how & 2) {
        keep(event);
    }
    if (how & 4) {
        act();
    }
    w.depth--;
}

static void on_client_event(sio_client *client, const sio_event *event, void *user) {
    REQUIRE(w.client == client);
    act_inside();
}

static void on_opened(int status, void *user) {
    unsigned *pending = user;
    REQUIRE((*pending)-- > 0);
    act_inside();
}

static unsigned opening;

static void open_client(void) {
    opening++;
    if (sio_client_open_then(w.client, on_opened, &opening) != 0) {
        opening--;
    }
}

static void set_up(sio_socket *socket) {
    REQUIRE(sio_socket_on(socket, "connect", on_event, NULL) == 0);
    REQUIRE(sio_socket_on(socket, "connect_error", on_event, NULL) == 0);
    REQUIRE(sio_socket_on(socket, "disconnect", on_event, NULL) == 0);
    REQUIRE(sio_socket_on(socket, "a", on_event, NULL) == 0);
    REQUIRE(sio_socket_once(socket, "b", on_event, NULL) == 0);
    REQUIRE(sio_socket_on_any(socket, on_event, NULL) == 0);
    REQUIRE(sio_socket_on_any_outgoing(socket, on_event, NULL) == 0);
}

static void act_on_client(uint8_t what) {
    switch (what % 10) {
    case 1:
        sio_client_close(w.client);
        break;
    case 2:
        open_client();
        break;
    case 3:
        sio_client_network_lost(w.client);
        break;
    case 4:
        sio_client_set_transports(w.client, (sio_client_transports)(what / 10 % 3));
        break;
    case 5:
        sio_client_set_reconnection(w.client, what & 64);
        break;
    case 6:
        sio_client_set_auth(w.client, what & 64 ? "{\"a\":1}" : NULL);
        break;
    case 7:
        sio_client_set_url(w.client, what & 64 ? "http://" SIM_NAME : "http://10.0.0.8:80/x");
        break;
    case 8:
        sio_client_set_reconnection_delay(w.client, 1 + what, 1000);
        break;
    case 9:
        if (what == 249) {
            end_client();
        }
        break;
    default:
        break;
    }
}

static void act_on_socket(sio_socket *socket, uint8_t what) {
    switch (what % 12) {
    case 1:
    case 2:
        emit(socket, next());
        break;
    case 3:
        sio_socket_disconnect(socket);
        break;
    case 4:
        sio_socket_connect(socket);
        break;
    case 5:
        sio_socket_clear_kept(socket);
        break;
    case 6:
        sio_socket_clear_queue(socket);
        break;
    case 7:
        sio_socket_off(socket, "a", on_event, NULL);
        break;
    case 8:
        sio_socket_off_all(socket);
        set_up(socket);
        break;
    case 9:
        sio_socket_set_auth_fn(socket, what & 64 ? on_auth : NULL, NULL);
        break;
    case 10:
        sio_socket_set_ack_timeout(socket, what);
        break;
    case 11:
        sio_socket_post_emitf(socket, "posted", "i", 1);
        break;
    default:
        break;
    }
}

static void act(void) {
    uint8_t what = next();
    unsigned slot = what % KEPT;
    sio_auth_request *request = w.auths[slot];
    switch (what >> 5) {
    case 0:
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        act_on_socket(w.sockets[what % SOCKETS], next());
        break;
    case 5:
        give_back(slot);
        break;
    case 6:
        w.auths[slot] = NULL;
        if (request) {
            answer_auth(request, next());
        }
        break;
    default:
        act_on_client(next());
        break;
    }
}

/* ---- what the input does ---- */

static bool passed;

static void on_mark(void *ctx) {
    passed = true;
}

static void pass_time(uint64_t us) {
    sim_event mark;
    sim_event_init(&mark, on_mark, NULL);
    passed = false;
    sim_event_after(&mark, us);
    for (unsigned i = 0; i < 5000 && !passed && sim_step(); i++) {
    }
    sim_event_cancel(&mark);
}

static void send_known_packet(wire *at) {
    static const char *const packets[] = {
        "40{\"sid\":\"s\"}",
        "40{\"sid\":\"s\",\"pid\":\"p\"}",
        "40/a,{\"sid\":\"t\"}",
        "40/a?x=1,{\"sid\":\"t\"}",
        "41",
        "41/a,",
        "42[\"a\",1]",
        "42[\"b\",{\"x\":[]},\"offset\"]",
        "421[\"a\"]",
        "42/a,2[\"a\",null]",
        "430[1]",
        "431[]",
        "43/a,0[\"x\"]",
        "44{\"message\":\"no\"}",
        "44/a,{\"message\":\"no\",\"data\":{}}",
        "44\"old\"",
        "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "452-/a,[\"b\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]",
        "461-0[{\"_placeholder\":true,\"num\":0}]",
        "2",
        "3",
        "2probe",
        "3probe",
        "6",
        "1",
        "42[\"connect\"]",
        "49",
        "0{}",
    };
    const char *packet = packets[next() % (sizeof(packets) / sizeof(packets[0]))];
    send_packet(at, packet, strlen(packet));
}

static void send_error(wire *at, uint8_t which) {
    static const char *const answers[][2] = {
        {"400 Bad Request", "{\"code\":1,\"message\":\"Session ID unknown\"}"},
        {"403 Forbidden", ""},
        {"503 Service Unavailable", "<html>"},
        {"200 OK", ""},
        {"302 Found", "x"},
        {"204 No Content", ""},
        {"200 OK", "ok"},
        {"200 OK", "40\x1e"
                   "bAAEC\x1e"
                   "42[\"a\"]"},
    };
    const char *const *choice = answers[which % 8];
    answer(at, choice[0], choice[1], strlen(choice[1]));
}

static void act_as_server(wire *at, uint8_t what) {
    sio_bytes bytes;
    switch (what) {
    case 0:
        serve(at);
        break;
    case 1:
        send_known_packet(at);
        break;
    case 2:
        bytes = draw_bytes(&w.in, next() % TEXT_MAX);
        send_packet(at, (const char *)bytes.ptr, bytes.len);
        break;
    case 3:
        bytes = draw_bytes(&w.in, next() % TEXT_MAX);
        send_binary(at, bytes.ptr, bytes.len);
        break;
    case 4:
        bytes = draw_bytes(&w.in, next());
        say(at, bytes.ptr, bytes.len);
        break;
    case 5:
        send_error(at, next());
        break;
    case 6:
        send_open(at, next());
        break;
    default:
        hang_up(at, next() & 1);
        break;
    }
}

static void step(void) {
    uint8_t what = next();
    wire *at = &w.wires[(what >> 4) % WIRES];
    unsigned kind = what & 15;
    if (kind < 8) {
        act_as_server(at, (uint8_t)kind);
    } else if (kind < 11) {
        pass_time((what >> 4) * UINT64_C(1000));
    } else if (kind == 11) {
        pass_time((what >> 4) * UINT64_C(2000000));
    } else {
        act_inside();
    }
}

/* ---- a run ---- */

static void start(void) {
    static const char *const names[SOCKETS] = {"/", "/a", "/b?x=1"};
    sio_listener_options listening = {.port = 80, .on_accept = on_accept};
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    sim_net_begin(w.how);
    sim_memory_init(&w.memory, 1);
    REQUIRE(sio_loop_new(&w.loop, NULL) == 0);
    REQUIRE(sio_listener_new(&w.listener, w.loop, &listening, NULL) == 0);
    options.mem = &w.memory.mem;
    options.transports = (sio_client_transports)((w.how & 3) % 3);
    options.eio_version = w.how & REV3 ? 3 : 4;
    options.parser =
        (w.how & (MSGPACK | REV3)) == MSGPACK ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
    options.retries = w.how & RETRIES ? 2 : 0;
    options.ack_timeout_ms = w.how & RETRIES ? 300 : 0;
    if (w.how & SMALL) {
        options.max_buffered = 4;
        options.max_pending_acks = 4;
        options.max_retry_queue = 4;
        options.max_message = 400;
        options.max_queued_bytes = 2000;
    }
    REQUIRE(sio_client_new(&w.client, "http://" SIM_ADDRESS ":80", &options) == 0);
    REQUIRE(sio_client_on(w.client, "open", on_client_event, NULL) == 0);
    REQUIRE(sio_client_on(w.client, "error", on_client_event, NULL) == 0);
    REQUIRE(sio_client_on(w.client, "close", on_client_event, NULL) == 0);
    REQUIRE(sio_client_on(w.client, "reconnect_attempt", on_client_event, NULL) == 0);
    for (unsigned i = 0; i < SOCKETS; i++) {
        w.sockets[i] = sio_client_socket(w.client, names[i]);
        REQUIRE(w.sockets[i]);
        set_up(w.sockets[i]);
    }
}

static void finish(void) {
    w.callbacks = CALLBACKS_MAX;
    if (w.client) {
        end_client();
    }
    for (unsigned i = 0; i < KEPT; i++) {
        if (w.auths[i]) {
            answer_auth(w.auths[i], 0);
        }
        give_back(i);
    }
    for (size_t i = 0; i < w.record_count; i++) {
        const record *r = &w.records[i];
        REQUIRE(r->refused || r->acks == r->wants_ack);
        REQUIRE(r->refused || r->sents == r->wants_sent);
    }
    REQUIRE(opening == 0);
    for (unsigned i = 0; i < WIRES; i++) {
        hang_up(&w.wires[i], true);
    }
    sio_buf_free(&w.unsent);
    sio_listener_free(w.listener);
    pass_time(1000000);
    sio_loop_free(w.loop);
    sim_memory_check_empty(&w.memory, "the client");
    sim_net_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memset(&w, 0, sizeof(w));
    opening = 0;
    w.in = (draw){data, size};
    w.how = next();
    start();
    for (unsigned i = 0; i < STEPS_MAX && w.in.left > 0; i++) {
        step();
    }
    finish();
    return 0;
}
