/* A whole server above the simulated libsio-net (tests/sim): long-polling, WebSocket and the
 * upgrade, both revisions, recovery, compression, timeouts. The input plays its clients, hostile
 * and not, lets time pass, and chooses what the application's callbacks do
 * (server_application.h).
 *
 * The first byte is the settings; then each step is a byte: what happens, on which connection,
 * and how much time passes behind it. Nothing may be used after its end; every answer that the
 * application awaits comes once; what the server sends over WebSocket is valid; and in the end no
 * memory, session, connection, timer or loop is left. */
#include "server_application.h"

#include <sio/ws.h>

#include <net/stream.h>

#include "../sim/memory.h"
#include "../sim/net.h"

#include <stdio.h>

enum { WIRES = 4, STEPS_MAX = 400, TEXT_MAX = 125, SID_MAX = 40, HEARD_MAX = 16384 };

/* The settings, by bits of the first byte. */
enum { RECOVERY = 1, COMPRESS = 2, MSGPACK = 4, SMALL = 8, SHORT_PINGS = 16, POLITE = 32 };

typedef enum phase { HTTP, UPGRADING, WEBSOCKET } phase;

/* One connection as the client sees it. */
typedef struct wire {
    sio_stream *stream;
    phase phase;
    sio_ws *ws;
    sio_buf heard; /* of the response to an upgrade */
} wire;

typedef struct world {
    uint8_t how;
    sim_memory memory;
    sio_loop *loop; /* the clients' */
    sio_ws_inflater *inflater;
    wire wires[WIRES];
    char sid[SID_MAX]; /* the last session's */
    char pid[SID_MAX];
    char offset[SID_MAX];
    bool passed;
} world;

static world w;

/* ---- what clients hear ---- */

static void hang_up(wire *at, bool reset) {
    if (at->stream && reset) {
        sio_stream_abort(at->stream);
    } else if (at->stream) {
        sio_stream_close(at->stream, 100);
    }
    sio_ws_free(at->ws);
    sio_buf_free(&at->heard);
    *at = (wire){.stream = NULL};
}

/* The text between `before` and the next quote. */
static void note_text(char out[SID_MAX], const uint8_t *data, size_t len, const char *before) {
    const uint8_t *at = len > 0 ? memmem(data, len, before, strlen(before)) : NULL;
    if (at) {
        at += strlen(before);
        const uint8_t *end = memchr(at, '"', len - (size_t)(at - data));
        if (end && end - at < SID_MAX) {
            memcpy(out, at, (size_t)(end - at));
            out[end - at] = '\0';
        }
    }
}

static void say_frame(wire *at, sio_ws_opcode kind, const void *data, size_t len) {
    static const uint8_t key[4] = {1, 2, 3, 4};
    sio_buf frame = {0};
    if (at->stream && at->phase != HTTP) {
        REQUIRE(sio_ws_write_frame(&frame, kind, data, len, false, key) == 0);
        REQUIRE(sio_stream_write(at->stream, frame.data, frame.len) == 0);
        sio_buf_free(&frame);
    }
}

static void on_message(wire *at, const sio_ws_event *event) {
    bool is_ping = event->len == 1 && event->data[0] == '2';
    note_text(w.pid, event->data, event->len, "\"pid\":\"");
    note_text(w.offset, event->data, event->len, "1,\"");
    if (is_ping && w.how & POLITE) {
        say_frame(at, SIO_WS_TEXT, "3", 1);
    }
}

static void hear_frames(wire *at, uint8_t *data, size_t len) {
    sio_ws_event event;
    int rc = sio_ws_feed(at->ws, data, len);
    REQUIRE(rc == 0);
    while ((rc = sio_ws_next(at->ws, &event)) == 1) {
        if (event.kind == SIO_WS_TEXT) {
            on_message(at, &event);
        }
    }
    REQUIRE(rc == 0);
}

static void hear_response(wire *at, const uint8_t *data, size_t len) {
    static const char status[] = "HTTP/1.1 101";
    REQUIRE(sio_buf_add(&at->heard, data, len) == 0);
    const uint8_t *end = memmem(at->heard.data, at->heard.len, "\r\n\r\n", 4);
    if (!end) {
        return;
    }
    if (memcmp(at->heard.data, status, sizeof(status) - 1) != 0) {
        at->phase = HTTP;
        return;
    }
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    options.role = SIO_WS_CLIENT;
    options.max_message = UINT64_MAX;
    options.inflater =
        memmem(at->heard.data, at->heard.len, "permessage-deflate", 18) ? w.inflater : NULL;
    REQUIRE(sio_ws_new(&at->ws, &options, NULL) == 0);
    at->phase = WEBSOCKET;
    size_t head = (size_t)(end - at->heard.data) + 4;
    if (head < at->heard.len) {
        hear_frames(at, at->heard.data + head, at->heard.len - head);
    }
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    wire *at = ctx;
    note_text(w.sid, data, len, "\"sid\":\"");
    note_text(w.pid, data, len, "\"pid\":\"");
    if (at->phase == WEBSOCKET) {
        hear_frames(at, data, len);
    } else if (at->phase == UPGRADING && at->heard.len < HEARD_MAX) {
        hear_response(at, data, len);
    }
}

static void on_eof(void *ctx) {
    hang_up(ctx, false);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    hang_up(ctx, true);
}

static const sio_stream_callbacks callbacks = {
    .on_read = on_read, .on_eof = on_eof, .on_error = on_error};

/* ---- what clients do ---- */

static void dial(wire *at) {
    sio_address address;
    if (at->stream) {
        return;
    }
    REQUIRE(sio_address_literal(&address, SIM_ADDRESS, 80) == 0);
    sio_stream_connect_options options = {
        .addresses = &address, .address_count = 1, .callbacks = &callbacks, .ctx = at};
    REQUIRE(sio_stream_connect(&at->stream, w.loop, &options) == 0);
}

static void say(wire *at, const void *data, size_t len) {
    dial(at);
    if (len > 0) {
        REQUIRE(sio_stream_write(at->stream, data, len) == 0);
    }
}

static void ask(wire *at, const char *method, const char *query, const char *fields,
                const char *body) {
    char head[512];
    int len = snprintf(head, sizeof(head),
                       "%s /socket.io/?%s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n",
                       method, query, fields, strlen(body));
    say(at, head, (size_t)len);
    say(at, body, strlen(body));
}

static const char *query_of(bool websocket, bool with_sid, bool old) {
    static char text[128];
    snprintf(text, sizeof(text), "EIO=%d&transport=%s%s%s", old ? 3 : 4,
             websocket ? "websocket" : "polling", with_sid ? "&sid=" : "", with_sid ? w.sid : "");
    return text;
}

static void upgrade(wire *at, bool with_sid, bool old) {
    static const char fields[] =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
        "client_no_context_takeover\r\n";
    if (at->stream) {
        hang_up(at, false);
    }
    char head[640];
    int len = snprintf(head, sizeof(head), "GET /socket.io/?%s HTTP/1.1\r\nHost: h\r\n%s\r\n",
                       query_of(true, with_sid, old), fields);
    say(at, head, (size_t)len);
    at->phase = UPGRADING;
}

static const char *known_packet(uint8_t which) {
    static char recovering[160];
    static const char *const packets[] = {
        "40",
        "40/static,",
        "40/room-1,",
        "40/room-2,{\"a\":1}",
        "40/late-1,",
        "40/none,",
        "41",
        "41/room-1,",
        "42[\"a\"]",
        "421[\"a\",1]",
        "42/room-1,7[\"b\",1]",
        "42[\"error\"]",
        "430[1]",
        "431[1]",
        "43/room-1,0[]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "452-/room-1,[\"a\",{\"_placeholder\":true,\"num\":1}]",
        "bAAEC",
        "2probe",
        "5",
        "2",
        "3",
        "1",
        "6",
        "4x",
    };
    enum { COUNT = sizeof(packets) / sizeof(packets[0]) };
    if (which % (COUNT + 1) < COUNT) {
        return packets[which % (COUNT + 1)];
    }
    snprintf(recovering, sizeof(recovering), "40{\"pid\":\"%s\",\"offset\":\"%s\"}", w.pid,
             w.offset);
    return recovering;
}

/* Of revision 3 with its length, else with another packet behind it perhaps. */
static void post_packets(wire *at, uint8_t how) {
    char body[512];
    const char *packet = known_packet(drawn());
    if (how & 1) {
        snprintf(body, sizeof(body), "%zu:%s", strlen(packet), packet);
    } else if (how & 2) {
        int len = snprintf(body, sizeof(body), "%s\x1e", packet);
        snprintf(body + len, sizeof(body) - (size_t)len, "%s", known_packet(drawn()));
    } else {
        snprintf(body, sizeof(body), "%s", packet);
    }
    ask(at, "POST", query_of(false, true, how & 1), "", body);
}

static void ask_oddly(wire *at, uint8_t how) {
    static const char *const requests[] = {
        "OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\nOrigin: http://x\r\n"
        "\r\n",
        "GET /socket.io/socket.io.js HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n",
        "GET /socket.io/?EIO=4&transport=polling&sid=none HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
        "GET /socket.io/?EIO=4&transport=polling&j=7 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: "
        "gzip\r\n\r\n",
        "GET /socket.io/?EIO=5&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /other HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.0\r\n\r\n",
    };
    const char *request = requests[how % 8];
    say(at, request, strlen(request));
}

static void say_frame_drawn(wire *at, uint8_t how) {
    static const sio_ws_opcode kinds[] = {SIO_WS_TEXT, SIO_WS_BINARY, SIO_WS_PING,
                                          SIO_WS_PONG, SIO_WS_CLOSE,  SIO_WS_CONTINUATION};
    sio_bytes bytes = draw_bytes(&app.in, drawn() % (TEXT_MAX + 1));
    say_frame(at, kinds[how % 6], bytes.ptr, bytes.len);
}

/* ---- a run ---- */

static void on_mark(void *ctx) {
    w.passed = true;
}

static void pass_time(uint64_t ms) {
    sim_event mark;
    sim_event_init(&mark, on_mark, NULL);
    w.passed = false;
    sim_event_after(&mark, ms * 1000);
    for (unsigned i = 0; i < 5000 && !w.passed && sim_step(); i++) {
    }
    sim_event_cancel(&mark);
}

static void act_on_wire(wire *at, uint8_t what) {
    const char *packet;
    sio_bytes bytes;
    switch (what) {
    case 0:
        upgrade(at, false, drawn() & 1);
        break;
    case 1:
        ask(at, "GET", query_of(false, false, drawn() & 1), "", "");
        break;
    case 2:
        ask(at, "GET", query_of(false, true, drawn() & 1), "Accept-Encoding: gzip\r\n", "");
        break;
    case 3:
        post_packets(at, drawn());
        break;
    case 4:
        upgrade(at, true, drawn() & 1);
        break;
    case 5:
    case 6:
        packet = known_packet(drawn());
        say_frame(at, SIO_WS_TEXT, packet, strlen(packet));
        break;
    case 7:
        say_frame_drawn(at, drawn());
        break;
    case 8:
        bytes = draw_bytes(&app.in, drawn());
        say(at, bytes.ptr, bytes.len);
        break;
    case 9:
        hang_up(at, drawn() & 1);
        break;
    default:
        ask_oddly(at, drawn());
        break;
    }
}

static void step(void) {
    static const uint16_t pauses[] = {0, 3, 60, 2000};
    uint8_t what = drawn();
    wire *at = &w.wires[(what >> 4) % WIRES];
    switch (what & 15) {
    case 11:
        pass_time(drawn() * UINT64_C(200));
        break;
    case 12:
    case 13:
        answer_one(what >> 4);
        break;
    case 14:
    case 15:
        act_on_server(drawn());
        break;
    default:
        act_on_wire(at, what & 15);
        break;
    }
    if (what >> 6) {
        pass_time(pauses[what >> 6]);
    }
}

static void start(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sim_net_begin(w.how);
    sim_memory_init(&w.memory, 1);
    REQUIRE(sio_loop_new(&w.loop, NULL) == 0);
    int rc = sio_ws_inflater_new(&w.inflater, 15, false, NULL);
    REQUIRE(rc == 0 || rc == SIO_ERR_UNSUPPORTED);
    recovery.max_sessions = 3;
    options.mem = &w.memory.mem;
    options.allow_eio3 = !(w.how & MSGPACK);
    options.recovery = w.how & RECOVERY ? &recovery : NULL;
    options.per_message_deflate = (w.how & COMPRESS) != 0;
    options.compress_threshold = 4;
    options.http_compress_threshold = 4;
    options.parser = w.how & MSGPACK ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
    options.metrics_path = "/metrics";
    if (w.how & SMALL) {
        options.max_payload = 300;
        options.max_queued_bytes = 3000;
        options.max_pending_acks = 4;
        options.max_namespaces = 2;
        options.max_connections = 3;
        options.max_reply_bytes = 100;
    }
    if (w.how & SHORT_PINGS) {
        options.ping_interval_ms = 300;
        options.ping_timeout_ms = 200;
        options.connect_timeout_ms = 1000;
        options.upgrade_timeout_ms = 100;
    }
    start_server(&options);
    REQUIRE(sio_server_listen(app.server, NULL, 80) == 0);
}

static void finish(void) {
    app.callbacks = MAX_CALLBACKS;
    answer_all();
    pass_time(100);
    answer_all();
    for (unsigned i = 0; i < WIRES; i++) {
        hang_up(&w.wires[i], true);
    }
    give_back_peers();
    pass_time(200000); /* polling sessions end when their pings do */
    check_nobody();
    end_server();
    pass_time(1000);
    check_records();
    sio_ws_inflater_free(w.inflater);
    sio_loop_free(w.loop);
    sim_memory_check_empty(&w.memory, "the server");
    sim_net_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memset(&app, 0, sizeof(app));
    memset(&w, 0, sizeof(w));
    app.in = (draw){data, size};
    w.how = drawn();
    start();
    for (unsigned i = 0; i < STEPS_MAX && app.in.left > 0; i++) {
        step();
    }
    finish();
    return 0;
}
