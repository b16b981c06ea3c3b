#include "client_support.h"

#include "engine.h"

#include <sys/socket.h>

typedef enum step { ON_NOTHING, ON_OPEN, ON_MESSAGE, ON_PING, ON_UPGRADE, ON_DRAIN, ON_CLOSE } step;

typedef struct world {
    test_mem mem; /* the client's; the server has a loop of its own only where this may fail */
    sio_loop *loop;
    srv srv;
    sio_cengine *engine;
    sio_cengine_options options;
    char url_text[64];
    sio_url url;
    unsigned opens, pings, upgrades, drains, closes;
    char messages[SRV_TEXT];
    sio_eio_reason reason;
    bool has_error;
    int err, status;
    uint16_t code;
    char message[96], detail[300];
    step free_at, close_at;
    const char *send_on_open;
} world;

static void send_text(world *w, const char *text, unsigned flags, int expected) {
    sio_buf buf = {0};
    ck_assert_int_eq(sio_eio_message_begin(&buf), 0);
    ck_assert_int_eq(sio_buf_add_text(&buf, text), 0);
    ck_assert_int_eq(sio_cengine_send_buf(w->engine, &buf, false, flags), expected);
    ck_assert_uint_eq(buf.len, 0);
    sio_buf_free(&buf);
}

static void send_binary(world *w, size_t len) {
    sio_eio_message *message;
    uint8_t *bytes = calloc(1, len);
    ck_assert_int_eq(sio_eio_message_new(&message, true, bytes, len, NULL), 0);
    ck_assert_int_eq(sio_cengine_send(w->engine, message, 0), 0);
    sio_eio_message_unref(message);
    free(bytes);
}

static void reached(world *w, step at) {
    sio_loop_stop(w->loop);
    ck_assert_msg(w->engine, "a callback after the end");
    if (w->close_at == at) {
        sio_cengine_close(w->engine);
    }
    if (w->free_at == at) {
        sio_cengine_free(w->engine);
        w->engine = NULL;
    }
}

static void on_open(void *ctx) {
    world *w = ctx;
    w->opens++;
    if (w->send_on_open) {
        send_text(w, w->send_on_open, 0, 0);
    }
    reached(w, ON_OPEN);
}

static void on_message(void *ctx, bool binary, uint8_t *data, size_t len) {
    world *w = ctx;
    char number[32];
    if (binary) {
        snprintf(number, sizeof number, "<%zu>", len);
    }
    srv_note(w->messages, binary ? number : (const char *)data, binary ? strlen(number) : len);
    if (len > 0) {
        data[0] = '!'; /* it is ours for the call */
    }
    reached(w, ON_MESSAGE);
    if (len > 0) {
        data[0] = '?';
    }
}

static void on_ping(void *ctx) {
    world *w = ctx;
    w->pings++;
    reached(w, ON_PING);
}

static void on_upgrade(void *ctx) {
    world *w = ctx;
    w->upgrades++;
    reached(w, ON_UPGRADE);
}

static void on_drain(void *ctx) {
    world *w = ctx;
    w->drains++;
    reached(w, ON_DRAIN);
}

static void on_close(void *ctx, sio_eio_reason reason, const sio_cengine_error *error) {
    world *w = ctx;
    w->closes++;
    w->reason = reason;
    w->has_error = error != NULL;
    if (error) {
        w->err = error->err;
        w->status = error->http_status;
        w->code = error->close_code;
        snprintf(w->message, sizeof w->message, "%s", error->message);
        snprintf(w->detail, sizeof w->detail, "%s", error->detail);
    }
    reached(w, ON_CLOSE);
}

static const sio_cengine_callbacks callbacks = {on_open,    on_message, on_ping,
                                                on_upgrade, on_drain,   on_close};

static void aim(world *w, const char *host, uint16_t port) {
    snprintf(w->url_text, sizeof w->url_text, "http://%s:%u/", host, port);
    ck_assert_int_eq(sio_url_parse(&w->url, (sio_str){w->url_text, strlen(w->url_text)}), 0);
}

static void begin(world *w, sio_eio_transport transport) {
    memset(w, 0, sizeof *w);
    test_mem_init(&w->mem);
    w->loop = net_loop(&w->mem.mem);
    srv_start(&w->srv, w->loop);
    aim(w, "127.0.0.1", w->srv.port);
    w->options = (sio_cengine_options){
        .url = &w->url,
        .path = "/engine.io",
        .transport = transport,
        .revision = 4,
        .max_message = 100000,
        .max_queued = 1000000,
        .connect_timeout = 15000,
        .compress_threshold = 1024,
        .callbacks = &callbacks,
        .ctx = w,
    };
}

static void start(world *w) {
    w->options.revision = w->srv.revision;
    ck_assert_int_eq(sio_cengine_new(&w->engine, w->loop, &w->options), 0);
    ck_assert_str_eq(sio_cengine_id(w->engine), "");
}

static void end(world *w) {
    sio_cengine_free(w->engine);
    srv_stop(&w->srv);
    sio_loop_free(w->loop);
    ck_assert_uint_eq(w->mem.live, 0);
}

/* Every callback of either side ends a turn; go on until the condition holds. */
#define UNTIL(w, condition)                                                                        \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            net_run((w)->loop);                                                                    \
        }                                                                                          \
    } while (0)

static void expect_closed(world *w, sio_eio_reason reason, int err) {
    UNTIL(w, w->closes > 0);
    net_run_for(w->loop, 1);
    ck_assert_uint_eq(w->closes, 1);
    ck_assert_str_eq(sio_eio_reason_text(w->reason), sio_eio_reason_text(reason));
    ck_assert_str_eq(sio_error_name(w->has_error ? w->err : 0), sio_error_name(err));
}

/* The one of the fixture, over polling unless the test says otherwise. */
static world t;

static void setup(void) {
    begin(&t, SIO_EIO_POLLING);
}

static void teardown(void) {
    end(&t);
}

/* To be said before the start. */
static void over(sio_eio_transport transport) {
    t.options.transport = transport;
}

/* Open, and the next poll is held. */
static void open_polling(void) {
    start(&t);
    UNTIL(&t, t.srv.held);
}

static void open_websocket(void) {
    over(SIO_EIO_WEBSOCKET);
    start(&t);
    UNTIL(&t, t.opens);
}

/* ---- polling ---- */

static void polling_session(world *w, const char *expect_post, const char *expect_close) {
    w->send_on_open = "hello";
    start(w);
    UNTIL(w, w->srv.posted[0]);
    ck_assert_str_eq(w->srv.posted, expect_post);
    ck_assert_str_eq(sio_cengine_id(w->engine), "S/1");
    ck_assert_int_eq(sio_cengine_state(w->engine), SIO_EIO_STATE_OPEN);
    srv_poll(&w->srv, "4world");
    UNTIL(w, w->messages[0] && w->drains);
    ck_assert_str_eq(w->messages, "[world]");
    send_text(w, "last", 0, 0);
    sio_cengine_close(w->engine);
    ck_assert_uint_eq(w->closes, 0);
    expect_closed(w, SIO_EIO_REASON_FORCED_CLOSE, 0);
    ck_assert(!w->has_error);
    ck_assert_uint_eq(w->srv.close_posts, 1);
    ck_assert_str_eq(w->srv.posted, expect_close);
    ck_assert_uint_eq(w->srv.accepted, 2);
    send_text(w, "late", 0, SIO_ERR_CLOSED);
}

/* EC-01 */
START_TEST(polling) {
    polling_session(&t, "[4hello]", "[4hello][4last][1]");
}
END_TEST

START_TEST(polling_revision_3) {
    t.srv.revision = 3;
    polling_session(&t, "[6:4hello]", "[6:4hello][5:4last][1:1]");
    ck_assert_ptr_nonnull(strstr(t.srv.heads, "EIO=3&transport=polling&t="));
    ck_assert_ptr_nonnull(strstr(t.srv.heads, "&b64=1"));
}
END_TEST

START_TEST(polling_connections_that_do_not_stay) {
    t.srv.fault = SRV_NO_KEEP;
    t.send_on_open = "a";
    start(&t);
    for (int i = 0; i < 4; i++) {
        UNTIL(&t, t.srv.held);
        t.messages[0] = '\0';
        srv_poll(&t.srv, "4b");
        UNTIL(&t, t.messages[0]);
    }
    ck_assert_uint_gt(t.srv.accepted, 4);
    ck_assert_uint_eq(t.closes, 0);
}
END_TEST

START_TEST(polling_binary_and_several_packets) {
    open_polling();
    send_binary(&t, 3);
    send_text(&t, "x", 0, 0);
    srv_poll(&t.srv, "4one\x1e"
                     "bAQIDBA==\x1e"
                     "2\x1e"
                     "4two");
    UNTIL(&t, strstr(t.messages, "two") && strchr(t.srv.posted, '3'));
    ck_assert_str_eq(t.messages, "[one][<4>][two]");
    ck_assert_uint_eq(t.pings, 1);
    ck_assert_ptr_nonnull(strstr(t.srv.posted, "bAAAA\x1e"
                                               "4x"));
}
END_TEST

/* EC-03 EC-04 */
START_TEST(polling_characters_of_several_bytes) {
    static const char text[] = "caf\xc3\xa9 \xe2\x82\xac\xe2\x98\x83 \xf0\x9d\x84\x9e "
                               "\xee\x80\x80\xf4\x8f\xbf\xbf";
    char packet[64], noted[64];
    t.srv.revision = _i;
    t.send_on_open = text;
    start(&t);
    UNTIL(&t, t.srv.posted[0] && t.srv.held);
    /* Revision 3 counts in units of UTF-16: 10 in the basic plane, 2 each beyond, and the type. */
    snprintf(noted, sizeof noted, "[%s4%s]", _i == 3 ? "15:" : "", text);
    ck_assert_str_eq(t.srv.posted, noted);
    snprintf(packet, sizeof packet, "%s4%s", _i == 3 ? "15:" : "", text);
    srv_conn *c = t.srv.held;
    t.srv.held = NULL;
    srv_reply(c, 200, packet);
    UNTIL(&t, t.messages[0]);
    snprintf(noted, sizeof noted, "[%s]", text);
    ck_assert_str_eq(t.messages, noted);
}
END_TEST

static void expect_post(const char **at, size_t len) {
    const char *end = strchr(*at, ']');
    ck_assert(**at == '[' && end);
    ck_assert_uint_eq((size_t)(end - *at) - 1, len);
    *at = end + 1;
}

/* EC-06 EC-07: full to the last byte, in order; what is larger goes alone. */
START_TEST(polling_posts_are_filled) {
    static const size_t sizes[] = {99, 30, 30, 35, 33, 99, 150, 1};
    t.srv.max_payload = 100;
    open_polling();
    for (size_t i = 0; i < 8; i++) {
        char text[160] = "";
        for (size_t n = 0; n < sizes[i]; n++) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s", sizes[i] == 33 ? "\xe2\x82\xac" : "m");
        }
        send_text(&t, text, 0, 0);
    }
    UNTIL(&t, t.drains && strstr(t.srv.posted, "[4m]"));
    const char *at = t.srv.posted;
    expect_post(&at, 100);
    expect_post(&at, 31 + 1 + 31 + 1 + 36);
    expect_post(&at, 100);
    expect_post(&at, 100);
    expect_post(&at, 151);
    expect_post(&at, 2);
    ck_assert_str_eq(at, "");
}
END_TEST

/* EN-05 EB-04: binary counts as the base64 it is sent as. */
START_TEST(polling_posts_with_binary_are_filled) {
    t.srv.max_payload = 100;
    open_polling();
    send_binary(&t, 72);
    send_binary(&t, 20);
    send_text(&t, "12345678901234567890", 0, 0);
    send_binary(&t, 20);
    send_binary(&t, 72);
    send_text(&t, "end", 0, 0);
    UNTIL(&t, strstr(t.srv.posted, "4end"));
    const char *at = t.srv.posted;
    expect_post(&at, 97);
    expect_post(&at, 29 + 1 + 21 + 1 + 29);
    expect_post(&at, 97);
    expect_post(&at, 4);
}
END_TEST

/* ES-11 E76 */
START_TEST(polling_post_too_large) {
    t.srv.fault = SRV_STATUS_POST;
    t.srv.post_status = 413;
    t.send_on_open = "too much for it";
    start(&t);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_HTTP_STATUS);
    ck_assert_str_eq(t.message, "xhr post error");
    ck_assert_int_eq(t.status, 413);
    ck_assert_str_eq(t.detail, "status 413");
}
END_TEST

/* EC-05 EC-11 EC-12: what was sent before a close that waits goes out, nothing after it does. */
START_TEST(close_delivers_what_was_sent_before) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    start(&t);
    UNTIL(&t, t.opens);
    send_text(&t, "before", 0, 0);
    sio_cengine_close(t.engine);
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, false, "after", 5, NULL), 0);
    ck_assert_int_eq(sio_cengine_send(t.engine, message, 0), SIO_ERR_CLOSED);
    sio_eio_message_unref(message);
    expect_closed(&t, SIO_EIO_REASON_FORCED_CLOSE, 0);
    UNTIL(&t, _i ? t.srv.ws_closes : t.srv.close_posts);
    ck_assert_str_eq(_i ? t.srv.frames : t.srv.posted, _i ? "[4before]" : "[4before][1]");
}
END_TEST

/* No batch is larger than the server said it takes. */
START_TEST(polling_max_payload) {
    open_polling();
    char text[601];
    memset(text, 'm', 600);
    text[600] = '\0';
    send_text(&t, text, 0, 0);
    send_text(&t, text, 0, 0);
    UNTIL(&t, t.drains);
    const char *second = strchr(t.srv.posted + 1, '[');
    ck_assert_ptr_nonnull(second);
    ck_assert_int_eq(second - t.srv.posted, 603);
}
END_TEST

START_TEST(server_ends_polling) {
    open_polling();
    srv_poll(&t.srv, "1");
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_CLOSE, SIO_ERR_CLOSED);
    ck_assert_uint_eq(t.srv.close_posts, 0);
}
END_TEST

/* ---- WebSocket ---- */

/* EC-02 */
START_TEST(websocket) {
    over(SIO_EIO_WEBSOCKET);
    t.send_on_open = "hello";
    start(&t);
    UNTIL(&t, t.srv.frames[0]);
    srv_frame_text(t.srv.ws, "4world");
    srv_frame(t.srv.ws, SIO_WS_BINARY, "abc", 3);
    srv_frame(t.srv.ws, SIO_WS_PING, "p", 1);
    srv_frame_text(t.srv.ws, "2");
    UNTIL(&t, t.pings && strstr(t.srv.frames, "[3]"));
    ck_assert_str_eq(t.messages, "[world][<3>]");
    send_binary(&t, 70000);
    send_text(&t, "last", 0, 0);
    sio_cengine_close(t.engine);
    expect_closed(&t, SIO_EIO_REASON_FORCED_CLOSE, 0);
    UNTIL(&t, t.srv.ws_closes);
    ck_assert_uint_eq(t.srv.ws_code, SIO_WS_NO_CODE);
    ck_assert_ptr_nonnull(strstr(t.srv.frames, "[4hello]"));
    ck_assert_ptr_nonnull(strstr(t.srv.frames, "[pong]"));
    ck_assert_ptr_nonnull(strstr(t.srv.frames, "[<70000>][4last]"));
    ck_assert_uint_eq(t.srv.accepted, 1);
    ck_assert_ptr_null(strstr(t.srv.heads, "&t="));
}
END_TEST

START_TEST(websocket_revision_3) {
    over(SIO_EIO_WEBSOCKET);
    t.srv.revision = 3;
    t.srv.ping_interval = 1;
    start(&t);
    UNTIL(&t, t.opens && t.pings && strstr(t.srv.frames, "[2]"));
    srv_frame_text(t.srv.ws, "3");
    srv_frame(t.srv.ws, SIO_WS_BINARY, "\x04xy", 3);
    send_binary(&t, 4);
    UNTIL(&t, t.messages[0] && strstr(t.srv.frames, "[<5>]"));
    ck_assert_str_eq(t.messages, "[<2>]");
}
END_TEST

START_TEST(websocket_large_message_arrives_in_place) {
    open_websocket();
    char *big = malloc(90000);
    memset(big, 'x', 90000);
    srv_frame(t.srv.ws, SIO_WS_BINARY, big, 90000);
    free(big);
    UNTIL(&t, t.messages[0]);
    ck_assert_str_eq(t.messages, "[<90000>]");
}
END_TEST

START_TEST(websocket_small_messages_without_memory) {
    open_websocket();
    send_text(&t, "first", 0, 0);
    UNTIL(&t, t.srv.frames[0]);
    sio_buf buf = {0};
    ck_assert_int_eq(sio_eio_message_begin(&buf), 0);
    ck_assert_int_eq(sio_buf_add_text(&buf, "0123456789"), 0);
    size_t cap = buf.cap;
    size_t calls = t.mem.calls;
    t.mem.fail_at = calls + 2; /* the stream's own queue may take one chunk */
    t.mem.fail_rest = true;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(sio_cengine_send_buf(t.engine, &buf, i & 1, 0), 0);
        ck_assert_uint_eq(buf.cap, cap);
        ck_assert_int_eq(sio_eio_message_begin(&buf), 0);
        ck_assert_int_eq(sio_buf_add_text(&buf, "0123456789"), 0);
    }
    ck_assert_uint_le(t.mem.calls, calls + 1);
    t.mem.fail_at = 0;
    ck_assert(!sio_cengine_writable(t.engine));
    send_text(&t, "v", SIO_EIO_VOLATILE, SIO_ERR_DISCARDED);
    UNTIL(&t, sio_cengine_writable(t.engine));
    sio_buf_free(&buf);
}
END_TEST

/* ET-24 */
START_TEST(websocket_deflate) {
    t.srv.deflate = t.options.deflate = true;
    open_websocket();
    char text[3000];
    memset(text, 'd', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    send_text(&t, text, SIO_EIO_COMPRESS, 0);
    send_text(&t, text, 0, 0);
    send_text(&t, "small", SIO_EIO_COMPRESS, 0);
    UNTIL(&t, strstr(t.srv.frames, "small"));
    ck_assert_str_eq(t.srv.frames, "[4..3000][4..3000][4small]");
    bool offered = strstr(t.srv.heads, "permessage-deflate") != NULL;
    ck_assert_int_eq(offered, SIO_HAVE_DEFLATE);
    /* One that is to be, and long enough. */
    ck_assert_uint_eq(t.srv.compressed, SIO_HAVE_DEFLATE);
}
END_TEST

/* ET-23 */
START_TEST(websocket_deflate_from_the_first_byte) {
    t.srv.deflate = t.options.deflate = true;
    t.options.compress_threshold = 0;
    open_websocket();
    send_text(&t, "short", SIO_EIO_COMPRESS, 0);
    send_text(&t, "plain", 0, 0);
    UNTIL(&t, strstr(t.srv.frames, "plain"));
    ck_assert_str_eq(t.srv.frames, "[4short][4plain]");
    ck_assert_uint_eq(t.srv.compressed, SIO_HAVE_DEFLATE);
}
END_TEST

START_TEST(websocket_closed_by_the_server) {
    open_websocket();
    srv_frame(t.srv.ws, SIO_WS_CLOSE, "\x0f\xa1later", 7);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_CLOSE, SIO_ERR_CLOSED);
    ck_assert_uint_eq(t.code, 4001);
    ck_assert_str_eq(t.detail, "later");
    UNTIL(&t, t.srv.ws_closes);
    ck_assert_uint_eq(t.srv.ws_code, 4001);
}
END_TEST

/* ES-12: a server that was sent too much. */
START_TEST(websocket_closed_for_the_size) {
    open_websocket();
    srv_frame(t.srv.ws, SIO_WS_CLOSE, "\x03\xf1", 2);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_CLOSE, SIO_ERR_CLOSED);
    ck_assert_uint_eq(t.code, 1009);
    ck_assert_str_eq(t.message, "websocket connection closed");
}
END_TEST

START_TEST(websocket_lost) {
    open_websocket();
    sio_stream_abort(t.srv.ws->stream);
    t.srv.ws->stream = NULL;
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_CLOSE, SIO_ERR_RESET);
    ck_assert_uint_eq(t.code, 1006);
}
END_TEST

START_TEST(ping_timeout) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    t.srv.ping_interval = 1;
    t.srv.ping_timeout = 0;
    start(&t);
    expect_closed(&t, SIO_EIO_REASON_PING_TIMEOUT, 0);
    ck_assert(!t.has_error);
    UNTIL(&t, !_i || t.srv.ws_closes);
}
END_TEST

/* ---- upgrade ---- */

START_TEST(upgrade_loses_nothing) {
    t.options.upgrade = true;
    t.srv.upgrades = true;
    t.send_on_open = "m0";
    start(&t);
    UNTIL(&t, t.opens);
    char name[24];
    char up[2 * SRV_TEXT];
    char expected[SRV_TEXT] = "";
    for (int i = 1; t.upgrades == 0 || i < 10; i++) {
        ck_assert_msg(t.closes == 0, "%s: %s", t.message, t.detail);
        snprintf(name, sizeof name, "m%d", i);
        send_text(&t, name, 0, 0);
        if (t.srv.held && t.srv.switches == 0) {
            snprintf(name, sizeof name, "4s%d", i);
            srv_poll(&t.srv, name);
            srv_note(expected, name + 1, strlen(name) - 1);
        }
        net_run(t.loop);
    }
    send_text(&t, "end", 0, 0);
    UNTIL(&t, strstr(t.srv.frames, "4end") && strstr(t.messages, "upgraded"));
    srv_note(expected, "upgraded", 8);
    ck_assert_str_eq(t.messages, expected);
    ck_assert_uint_eq(t.upgrades, 1);
    ck_assert_int_eq(sio_cengine_transport(t.engine), SIO_EIO_WEBSOCKET);
    snprintf(up, sizeof up, "%s%s", t.srv.posted, t.srv.frames);
    const char *at = up;
    for (int i = 0; strstr(at, "4m"); i++) {
        at = strstr(at, "4m") + 2;
        ck_assert_int_eq(atoi(at), i);
    }
    ck_assert_ptr_nonnull(strstr(t.srv.frames, "[2probe][5]"));
    sio_cengine_close(t.engine);
    expect_closed(&t, SIO_EIO_REASON_FORCED_CLOSE, 0);
    ck_assert_uint_eq(t.srv.close_posts, 0);
}
END_TEST

/* The session goes on as it was. */
START_TEST(upgrade_fails) {
    static const srv_fault faults[] = {SRV_CLOSE_PROBE, SRV_CLOSE_PROBE_PING, SRV_WRONG_ACCEPT,
                                       SRV_CLOSE_WS_OPEN};
    t.options.upgrade = true;
    t.srv.upgrades = true;
    t.srv.fault = faults[_i];
    start(&t);
    UNTIL(&t, t.srv.held && t.srv.accepted == 2);
    for (int i = 0; i < 3; i++) {
        net_run_for(t.loop, 1);
    }
    send_text(&t, "still", 0, 0);
    srv_poll(&t.srv, "4here");
    UNTIL(&t, strstr(t.srv.posted, "4still") && t.messages[0]);
    ck_assert_uint_eq(t.upgrades, 0);
    ck_assert_uint_eq(t.closes, 0);
    ck_assert_int_eq(sio_cengine_transport(t.engine), SIO_EIO_POLLING);
}
END_TEST

/* ---- faults ---- */

typedef struct fault_case {
    srv_fault fault;
    sio_eio_transport transport;
    sio_eio_reason reason;
    int err;
    const char *message;
    const char *raw;
    int status;
    const char *detail;
} fault_case;

#define ERROR SIO_EIO_REASON_TRANSPORT_ERROR
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define UNKNOWN_SESSION                                                                            \
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 41\r\n\r\n"                                       \
    "{\"code\":1,\"message\":\"Session ID unknown\"}"
#define OLD_SERVER "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client"

static const fault_case fault_cases[] = {
    {SRV_CLOSE_ACCEPT, SIO_EIO_POLLING, ERROR, 0, "xhr poll error", NULL, 0, NULL},
    {SRV_CLOSE_REQUEST, SIO_EIO_POLLING, ERROR, 0, "xhr poll error", NULL, 0, NULL},
    {SRV_CLOSE_POLL, SIO_EIO_POLLING, ERROR, 0, "xhr poll error", NULL, 0, NULL},
    {SRV_CLOSE_POST, SIO_EIO_POLLING, ERROR, 0, "xhr post error", NULL, 0, NULL},
    {SRV_STATUS, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_STATUS, "xhr poll error", NULL, 400,
     "{\"code\":5,\"message\":\"Unsupported protocol version\"}"},
    {SRV_STATUS_POST, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_STATUS, "xhr post error", NULL, 500,
     "ok"},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_SYNTAX, "xhr poll error", "garbage\r\n\r\n", 0,
     NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_TRUNCATED, "xhr poll error",
     OK_HEAD "Content-Length: 10\r\n\r\n0{", 200, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_BODY_TOO_LARGE, "xhr poll error",
     OK_HEAD "Content-Length: 100001\r\n\r\n0{", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_ENCODING, "xhr poll error",
     OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n0{", 200, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_PACKET, "server error",
     OK_HEAD "Content-Length: 0\r\n\r\n", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_PACKET, "server error",
     OK_HEAD "Content-Length: 5\r\n\r\nhello", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_HANDSHAKE, NULL,
     OK_HEAD "Content-Length: 3\r\n\r\n0{}", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_SIO_OLD_SERVER, OLD_SERVER,
     OK_HEAD "Content-Length: 25\r\n\r\n18:0{\"sid\":\"S\",\"x\":2}2:40", 0, "v2.x"},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_PACKET, "server error",
     OK_HEAD "Content-Length: 5\r\n\r\n92:0x", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_PACKET, "server error",
     OK_HEAD "Content-Length: 3\r\n\r\n:0{", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_PACKET, "server error",
     OK_HEAD "Content-Length: 4\r\n\r\n96:0", 0, NULL},
    {SRV_RAW_POLL, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_PACKET, "server error",
     OK_HEAD "Content-Length: 6\r\n\r\n96:0{}", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_HANDSHAKE, NULL,
     OK_HEAD "Content-Length: 2\r\n\r\n4x", 0, NULL},
    {SRV_RAW, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_STATUS, "xhr poll error",
     "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 302, "status 302"},
    {SRV_RAW_POLL, SIO_EIO_POLLING, ERROR, SIO_ERR_EIO_PACKET, "server error",
     OK_HEAD "Content-Length: 5\r\n\r\nxyzzy", 0, NULL},
    {SRV_RAW_POLL, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_STATUS, "xhr poll error", UNKNOWN_SESSION,
     400, "{\"code\":1,\"message\":\"Session ID unknown\"}"},
    {SRV_RAW, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_HTTP_STATUS, "websocket error", UNKNOWN_SESSION,
     400, "Unexpected server response: 400"},
    {SRV_RAW_POLL, SIO_EIO_POLLING, ERROR, SIO_ERR_HTTP_CHUNK, "xhr poll error",
     OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 200, NULL},
    {SRV_CLOSE_ACCEPT, SIO_EIO_WEBSOCKET, ERROR, 0, "websocket error", NULL, 0, NULL},
    {SRV_CLOSE_REQUEST, SIO_EIO_WEBSOCKET, ERROR, 0, "websocket error", NULL, 0, NULL},
    {SRV_STATUS, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_HTTP_STATUS, "websocket error", NULL, 400,
     "Unexpected server response: 400"},
    {SRV_RAW, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_HTTP_SYNTAX, "websocket error", "what?\r\n\r\n", 0,
     NULL},
    {SRV_RAW, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_HTTP_STATUS, "websocket error",
     OK_HEAD "Content-Length: 0\r\n\r\n", 200, "Unexpected server response: 200"},
    {SRV_WRONG_ACCEPT, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_WS_ACCEPT, "websocket error", NULL, 101,
     NULL},
    {SRV_CLOSE_WS_OPEN, SIO_EIO_WEBSOCKET, SIO_EIO_REASON_TRANSPORT_CLOSE, SIO_ERR_CLOSED,
     "websocket connection closed", NULL, 0, NULL},
    {SRV_CLOSE_WS_MESSAGE, SIO_EIO_WEBSOCKET, SIO_EIO_REASON_TRANSPORT_CLOSE, 0,
     "websocket connection closed", NULL, 0, NULL},
    {SRV_RAW_FRAME, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_WS_RSV, "websocket error", "\xf1\x01x", 0,
     NULL},
    {SRV_RAW_FRAME, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_WS_UTF8, "websocket error", "\x81\x01\xff", 0,
     NULL},
    {SRV_RAW_FRAME, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_EIO_PACKET, "server error", "\x81\x01x", 0,
     NULL},
    {SRV_RAW_FRAME, SIO_EIO_WEBSOCKET, ERROR, SIO_ERR_EIO_HANDSHAKE, NULL, "\x81\x02\x30{", 0,
     NULL},
};

/* ES-13 ES-14 */
START_TEST(server_faults) {
    const fault_case *c = &fault_cases[_i];
    over(c->transport);
    t.srv.fault = c->fault;
    t.srv.raw = c->raw;
    t.srv.raw_len = c->raw ? strlen(c->raw) : 0;
    t.send_on_open = "hello";
    start(&t);
    UNTIL(&t, t.closes);
    expect_closed(&t, c->reason, c->err ? c->err : t.err);
    ck_assert(t.has_error);
    ck_assert_int_ne(t.err, 0);
    if (c->message) {
        ck_assert_str_eq(t.message, c->message);
    }
    ck_assert_int_eq(t.status, c->status);
    if (c->detail) {
        ck_assert_ptr_nonnull(strstr(t.detail, c->detail));
    }
    ck_assert_str_ne(t.detail, "");
}
END_TEST

START_TEST(websocket_message_too_large) {
    t.options.max_message = 1000;
    open_websocket();
    char big[1001] = {0};
    srv_frame(t.srv.ws, SIO_WS_BINARY, big, sizeof big);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_WS_TOO_LARGE);
    ck_assert_uint_eq(t.code, 1009);
    UNTIL(&t, t.srv.ws_closes);
    ck_assert_uint_eq(t.srv.ws_code, 1009);
}
END_TEST

START_TEST(refused) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    sio_listener_free(t.srv.listener);
    t.srv.listener = NULL;
    start(&t);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_CONNECT);
    ck_assert_str_eq(t.message, _i ? "websocket error" : "xhr poll error");
    ck_assert_int_eq(t.status, 0);
}
END_TEST

START_TEST(unresolvable) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    aim(&t, "no_such_host.invalid", 80);
    start(&t);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_RESOLVE);
    ck_assert_ptr_nonnull(strstr(t.detail, "no_such_host.invalid: "));
}
END_TEST

START_TEST(connect_timeout) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    t.srv.fault = SRV_SILENT;
    t.options.connect_timeout = 5;
    start(&t);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_TIMEOUT);
    ck_assert_str_eq(t.message, "timeout");
    ck_assert_uint_eq(t.opens, 0);
}
END_TEST

START_TEST(tls_is_needed) {
    over(SIO_EIO_WEBSOCKET);
    t.url.tls = true;
    ck_assert_int_eq(sio_cengine_new(&t.engine, t.loop, &t.options), SIO_ERR_INVALID);
    t.url.tls = false;
    t.options.query = "a b";
    ck_assert_int_eq(sio_cengine_new(&t.engine, t.loop, &t.options), SIO_ERR_INVALID);
}
END_TEST

/* ---- ending from our side ---- */

/* Quirk 15: the request is cut, so that no session is left behind. */
START_TEST(close_before_open) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    t.srv.fault = SRV_SILENT;
    start(&t);
    UNTIL(&t, t.srv.requests);
    sio_cengine_close(t.engine);
    sio_cengine_close(t.engine);
    expect_closed(&t, SIO_EIO_REASON_FORCED_CLOSE, 0);
    UNTIL(&t, !t.srv.conns[0].stream);
}
END_TEST

START_TEST(fail_is_deferred) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    start(&t);
    UNTIL(&t, t.opens);
    sio_cengine_fail(t.engine, SIO_ERR_NOMEM);
    ck_assert_uint_eq(t.closes, 0);
    send_text(&t, "late", 0, SIO_ERR_CLOSED);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_NOMEM);
}
END_TEST

START_TEST(queue_full) {
    over(_i ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
    t.options.max_queued = 100;
    start(&t);
    UNTIL(&t, t.opens);
    char text[61];
    memset(text, 'q', 60);
    text[60] = '\0';
    send_text(&t, text, 0, 0);
    send_text(&t, text, 0, SIO_ERR_EIO_QUEUE_FULL);
    expect_closed(&t, SIO_EIO_REASON_TRANSPORT_ERROR, SIO_ERR_EIO_QUEUE_FULL);
}
END_TEST

static void play(world *w) {
    bool told = false;
    for (int i = 0; i < 2000 && w->engine && w->closes == 0; i++) {
        net_run_for(w->loop, 0);
        if (w->opens && !told && w->engine) {
            bool ready = w->srv.ws || w->srv.held;
            if (ready && w->srv.ws && !w->options.upgrade) {
                srv_frame_text(w->srv.ws, "2");
                srv_frame_text(w->srv.ws, "4a");
                srv_frame_text(w->srv.ws, "4b");
                told = true;
            } else if (ready && w->srv.held) {
                srv_poll(&w->srv, "2\x1e"
                                  "4a\x1e"
                                  "4b");
                told = true;
            }
        }
        if (told && w->engine && w->pings && w->messages[0] && w->drains &&
            (w->upgrades || !w->options.upgrade)) {
            sio_cengine_close(w->engine);
        }
    }
}

START_TEST(free_inside_each_callback) {
    for (int how = 0; how < 3; how++) {
        world w;
        begin(&w, how == 1 ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
        w.options.upgrade = w.srv.upgrades = how == 2;
        w.send_on_open = "x";
        if (_i == ON_UPGRADE && how != 2) {
            end(&w);
            continue;
        }
        w.free_at = (step)_i;
        start(&w);
        play(&w);
        ck_assert_msg(!w.engine, "callback %d was not reached (%d)", _i, how);
        ck_assert_uint_eq(w.closes, _i == ON_CLOSE);
        net_run_for(w.loop, 1);
        end(&w);
    }
}
END_TEST

START_TEST(close_inside_each_callback) {
    for (int how = 0; how < 3; how++) {
        world w;
        begin(&w, how == 1 ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
        w.options.upgrade = w.srv.upgrades = how == 2;
        w.send_on_open = "x";
        w.close_at = (step)_i;
        start(&w);
        play(&w);
        expect_closed(&w, SIO_EIO_REASON_FORCED_CLOSE, 0);
        end(&w);
    }
}
END_TEST

/* ---- memory ---- */

typedef struct sweep {
    sio_eio_transport transport;
    bool upgrade;
    bool deflate;
} sweep;

/* The client fails at each of its allocations. The server lives in a loop of its own with memory
 * enough, on the same event base. */
static int oom_session(const sio_mem *mem, void *arg) {
    const sweep *how = arg;
    world w;
    memset(&w, 0, sizeof w);
    sio_loop *mine;
    sio_loop *theirs = net_loop(NULL);
    int rc = sio_loop_new(&mine, &(sio_loop_options){.mem = mem, .base = sio_loop_base(theirs)});
    if (rc != 0) {
        sio_loop_free(theirs);
        return rc;
    }
    w.loop = theirs;
    srv_start(&w.srv, theirs);
    w.srv.deflate = how->deflate;
    w.srv.upgrades = how->upgrade;
    aim(&w, "127.0.0.1", w.srv.port);
    w.options = (sio_cengine_options){
        .url = &w.url,
        .path = "/engine.io",
        .transport = how->transport,
        .upgrade = how->upgrade,
        .revision = 4,
        .deflate = how->deflate,
        .compress_threshold = 2,
        .connect_timeout = 1000,
        .callbacks = &callbacks,
        .ctx = &w,
    };
    rc = sio_cengine_new(&w.engine, mine, &w.options);
    if (rc == 0) {
        bool sent = false;
        for (int i = 0; w.closes == 0; i++) {
            ck_assert_int_lt(i, 5000);
            net_run_for(theirs, 0);
            bool ready = w.opens && (w.srv.ws || w.srv.held) && (w.upgrades || !how->upgrade);
            if (!sent && ready) {
                sent = true;
                sio_eio_message *message;
                ck_assert_int_eq(sio_eio_message_new(&message, false, "hello", 5, NULL), 0);
                if (sio_cengine_send(w.engine, message, SIO_EIO_COMPRESS) != 0) {
                    sio_cengine_fail(w.engine, SIO_ERR_NOMEM);
                }
                sio_eio_message_unref(message);
                if (w.srv.ws) {
                    srv_frame_text(w.srv.ws, "bAAAA");
                    srv_frame_text(w.srv.ws, "2");
                } else {
                    srv_poll(&w.srv, "bAAAA\x1e"
                                     "2");
                }
            }
            /* Without memory an upgrade fails and the session goes on. */
            bool got = w.messages[0] &&
                       strstr(how->transport == SIO_EIO_WEBSOCKET || how->upgrade ? w.srv.frames
                                                                                  : w.srv.posted,
                              "4hello");
            if (got || (how->upgrade && i > 200)) {
                sio_cengine_close(w.engine);
            }
        }
        rc = w.reason == SIO_EIO_REASON_FORCED_CLOSE && w.messages[0] ? 0 : SIO_ERR_NOMEM;
    }
    sio_cengine_free(w.engine);
    sio_loop_free(mine);
    srv_stop(&w.srv);
    sio_loop_free(theirs);
    return rc;
}

START_TEST(out_of_memory) {
    static const sweep sweeps[] = {
        {SIO_EIO_WEBSOCKET, false, SIO_HAVE_DEFLATE},
        {SIO_EIO_POLLING, false, false},
        {SIO_EIO_POLLING, true, false},
    };
    sweep how = sweeps[_i];
    test_mem_sweep(oom_session, &how);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_engine");
    TCase *polls = tcase_create("polling");
    tcase_add_checked_fixture(polls, setup, teardown);
    tcase_add_test(polls, polling);
    tcase_add_test(polls, polling_revision_3);
    tcase_add_test(polls, polling_connections_that_do_not_stay);
    tcase_add_test(polls, polling_binary_and_several_packets);
    tcase_add_loop_test(polls, polling_characters_of_several_bytes, 3, 5);
    tcase_add_test(polls, polling_posts_are_filled);
    tcase_add_test(polls, polling_posts_with_binary_are_filled);
    tcase_add_test(polls, polling_post_too_large);
    tcase_add_loop_test(polls, close_delivers_what_was_sent_before, 0, 2);
    tcase_add_test(polls, polling_max_payload);
    tcase_add_test(polls, server_ends_polling);
    suite_add_tcase(suite, polls);
    TCase *ws = tcase_create("websocket");
    tcase_add_checked_fixture(ws, setup, teardown);
    tcase_add_test(ws, websocket);
    tcase_add_test(ws, websocket_revision_3);
    tcase_add_test(ws, websocket_large_message_arrives_in_place);
    tcase_add_test(ws, websocket_small_messages_without_memory);
    tcase_add_test(ws, websocket_deflate);
    tcase_add_test(ws, websocket_deflate_from_the_first_byte);
    tcase_add_test(ws, websocket_closed_for_the_size);
    tcase_add_test(ws, websocket_closed_by_the_server);
    tcase_add_test(ws, websocket_lost);
    tcase_add_test(ws, websocket_message_too_large);
    tcase_add_loop_test(ws, ping_timeout, 0, 2);
    suite_add_tcase(suite, ws);
    TCase *upgrades = tcase_create("upgrade");
    tcase_add_checked_fixture(upgrades, setup, teardown);
    tcase_add_test(upgrades, upgrade_loses_nothing);
    tcase_add_loop_test(upgrades, upgrade_fails, 0, 4);
    suite_add_tcase(suite, upgrades);
    TCase *faults = tcase_create("faults");
    tcase_add_checked_fixture(faults, setup, teardown);
    tcase_add_loop_test(faults, server_faults, 0,
                        (int)(sizeof fault_cases / sizeof fault_cases[0]));
    tcase_add_loop_test(faults, refused, 0, 2);
    tcase_add_loop_test(faults, unresolvable, 0, 2);
    tcase_add_loop_test(faults, connect_timeout, 0, 2);
    tcase_add_test(faults, tls_is_needed);
    suite_add_tcase(suite, faults);
    TCase *ends = tcase_create("ending");
    tcase_add_checked_fixture(ends, setup, teardown);
    tcase_add_loop_test(ends, close_before_open, 0, 2);
    tcase_add_loop_test(ends, fail_is_deferred, 0, 2);
    tcase_add_loop_test(ends, queue_full, 0, 2);
    suite_add_tcase(suite, ends);
    TCase *inside = tcase_create("ending inside callbacks");
    tcase_add_loop_test(inside, free_inside_each_callback, ON_OPEN, ON_CLOSE + 1);
    tcase_add_loop_test(inside, close_inside_each_callback, ON_OPEN, ON_DRAIN + 1);
    suite_add_tcase(suite, inside);
    TCase *memory = tcase_create("memory");
    tcase_add_loop_test(memory, out_of_memory, 0, 3);
    suite_add_tcase(suite, memory);
    return test_run(suite);
}
