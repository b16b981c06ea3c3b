#include "client_support.h"

#include "engine.h"
#include "network.h"

#include <unistd.h>

#if SIO_HAVE_TLS
#include "net_tls_support.h"

#include <openssl/ssl.h>
#endif

/* What sio/client_network.h promises, and servers that break off or deceive, over both transports.
 */

typedef struct world {
    sio_loop *loop;
    srv srv;
    sio_cengine *engine;
    sio_cengine_options options;
    sio_client_network given;
    sio_client_network network;
    bool worked;
    char url_text[64];
    sio_url url;
    unsigned opens, upgrades, closes;
    char messages[SRV_TEXT];
    sio_eio_reason reason;
    sio_client_error error;
    char message[64], detail[300];
} world;

static void on_open(void *ctx) {
    world *w = ctx;
    w->opens++;
    sio_loop_stop(w->loop);
}

static void on_message(void *ctx, bool binary, uint8_t *data, size_t len) {
    world *w = ctx;
    char hex[64] = "";
    for (size_t i = 0; binary && i < len && i < 30; i++) {
        snprintf(hex + 2 * i, sizeof hex - 2 * i, "%02x", data[i]);
    }
    srv_note(w->messages, binary ? hex : (const char *)data, binary ? strlen(hex) : len);
    sio_loop_stop(w->loop);
}

static void on_upgrade(void *ctx) {
    world *w = ctx;
    w->upgrades++;
    sio_loop_stop(w->loop);
}

static void on_close(void *ctx, sio_eio_reason reason, const sio_cengine_error *error) {
    world *w = ctx;
    w->closes++;
    w->reason = reason;
    if (error) {
        w->error = *error;
        snprintf(w->message, sizeof w->message, "%s", error->message);
        snprintf(w->detail, sizeof w->detail, "%s", error->detail);
    }
    sio_loop_stop(w->loop);
}

static const sio_cengine_callbacks callbacks = {
    .on_open = on_open, .on_message = on_message, .on_upgrade = on_upgrade, .on_close = on_close};

static void aim(world *w, const char *scheme, uint16_t port) {
    snprintf(w->url_text, sizeof w->url_text, "%s://127.0.0.1:%u/", scheme, port);
    ck_assert_int_eq(sio_url_parse(&w->url, (sio_str){w->url_text, strlen(w->url_text)}), 0);
}

static void begin(world *w) {
    memset(w, 0, sizeof *w);
    w->loop = net_loop(NULL);
    srv_start(&w->srv, w->loop);
    aim(w, "http", w->srv.port);
    w->given = (sio_client_network)SIO_CLIENT_NETWORK_INIT;
    w->options = (sio_cengine_options){
        .url = &w->url,
        .path = "/engine.io",
        .revision = 4,
        .max_message = 100000,
        .max_queued = 1000000,
        .connect_timeout = 15000,
        .deflate = true,
        .network = &w->network,
        .websocket_worked = &w->worked,
        .callbacks = &callbacks,
        .ctx = w,
    };
}

static void start(world *w) {
    ck_assert_int_eq(sio_network_copy(&w->network, &w->given, NULL), 0);
    ck_assert_int_eq(sio_cengine_new(&w->engine, w->loop, &w->options), 0);
    sio_network_free(&w->network, NULL); /* it is not needed any more */
}

static void stop(world *w) {
    sio_cengine_free(w->engine);
    w->engine = NULL;
}

static void end(world *w) {
    stop(w);
    srv_stop(&w->srv);
    sio_loop_free(w->loop);
}

#define UNTIL(w, condition)                                                                        \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            net_run((w)->loop);                                                                    \
        }                                                                                          \
    } while (0)

static void send_binary(world *w) {
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, true, (const uint8_t *)"abc", 3, NULL), 0);
    ck_assert_int_eq(sio_cengine_send(w->engine, message, 0), 0);
    sio_eio_message_unref(message);
}

/* ---- the order of transports ---- */

/* ES-04 */
START_TEST(websocket_refused_then_polling) {
    world w;
    begin(&w);
    w.given.transports = "websocket,polling";
    w.given.try_all_transports = true;
    w.srv.fault = SRV_WRONG_ACCEPT;
    w.srv.upgrades = true;
    start(&w);
    UNTIL(&w, w.opens || w.closes);
    ck_assert_uint_eq(w.opens, 1);
    ck_assert_int_eq(sio_cengine_transport(w.engine), SIO_EIO_POLLING);
    net_run_for(w.loop, 5);
    ck_assert_uint_eq(w.closes + w.srv.probes, 0);
    end(&w);
}
END_TEST

/* ES-05 */
START_TEST(polling_refused_then_websocket) {
    world w;
    begin(&w);
    w.given.transports = "polling,websocket";
    w.given.try_all_transports = true;
    w.srv.fault = SRV_STATUS;
    start(&w);
    UNTIL(&w, w.srv.requests > 0);
    w.srv.fault = SRV_GOOD;
    UNTIL(&w, w.opens || w.closes);
    ck_assert_uint_eq(w.opens, 1);
    ck_assert_int_eq(sio_cengine_transport(w.engine), SIO_EIO_WEBSOCKET);
    end(&w);
}
END_TEST

/* ES-06 */
START_TEST(no_second_try_without_being_told) {
    world w;
    begin(&w);
    w.given.transports = "polling,websocket";
    w.srv.fault = SRV_STATUS;
    start(&w);
    UNTIL(&w, w.closes);
    ck_assert_uint_eq(w.srv.requests, 1);
    ck_assert_str_eq(w.message, "xhr poll error");
    ck_assert_int_eq(w.error.http_status, 400);
    ck_assert_int_eq(w.error.stage, SIO_CLIENT_STAGE_HTTP);
    ck_assert_str_eq(w.error.transport, "polling");
    end(&w);
}
END_TEST

START_TEST(both_refused) {
    world w;
    begin(&w);
    w.given.transports = "websocket,polling";
    w.given.try_all_transports = true;
    w.srv.fault = SRV_STATUS;
    start(&w);
    UNTIL(&w, w.closes);
    ck_assert_uint_eq(w.srv.requests, 2);
    ck_assert_str_eq(w.message, "xhr poll error");
    end(&w);
}
END_TEST

/* ET-01 ET-02 */
START_TEST(a_websocket_that_worked_is_remembered) {
    for (int remember = 0; remember < 2; remember++) {
        world w;
        begin(&w);
        w.given.transports = "polling,websocket";
        w.given.remember_upgrade = remember;
        w.srv.upgrades = true;
        start(&w);
        UNTIL(&w, w.upgrades);
        ck_assert(w.worked);
        stop(&w);
        start(&w);
        UNTIL(&w, w.opens == 2);
        ck_assert_int_eq(sio_cengine_transport(w.engine),
                         remember ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING);
        end(&w);
    }
}
END_TEST

/* The head of the list that is dropped is the one that failed, also when it stands behind. */
/* Quirk 16 */
START_TEST(a_memory_that_is_wrong_is_corrected) {
    world w;
    begin(&w);
    w.given.transports = "polling,websocket";
    w.given.remember_upgrade = true;
    w.given.try_all_transports = true;
    w.worked = true;
    w.srv.fault = SRV_WRONG_ACCEPT;
    start(&w);
    UNTIL(&w, w.opens || w.closes);
    ck_assert_uint_eq(w.opens, 1);
    ck_assert_int_eq(sio_cengine_transport(w.engine), SIO_EIO_POLLING);
    ck_assert(!w.worked);
    end(&w);
}
END_TEST

/* ES-01 */
START_TEST(no_upgrade) {
    for (int i = 0; i < 2; i++) {
        world w;
        begin(&w);
        w.given.transports = i ? "polling" : NULL;
        w.options.upgrade = true;
        w.given.no_upgrade = !i;
        w.srv.upgrades = true;
        start(&w);
        UNTIL(&w, w.srv.held);
        net_run_for(w.loop, 5);
        ck_assert_uint_eq(w.srv.probes, 0);
        ck_assert_ptr_null(strstr(w.srv.heads, "transport=websocket"));
        end(&w);
    }
}
END_TEST

/* ---- requests ---- */

/* ET-11 ET-16 ET-25 */
/* EU-08 ET-21 */
START_TEST(what_each_transport_asks) {
    world w;
    begin(&w);
    sio_client_header own = {"X-Own", "polling"};
    sio_client_transport_options polling = SIO_CLIENT_TRANSPORT_OPTIONS_INIT;
    polling.headers = &own;
    polling.header_count = 1;
    polling.query = "p=1";
    sio_http1_header common = {SIO_STR("X-Common"), SIO_STR("1")};
    w.options.headers = &common;
    w.options.header_count = 1;
    w.options.query = "q=1";
    w.options.upgrade = true;
    w.given.polling = &polling;
    w.given.timestamps = SIO_CLIENT_TIMESTAMPS_ALWAYS;
    w.given.timestamp_param = "stamp";
    w.given.no_trailing_slash = true;
    w.srv.upgrades = true;
    start(&w);
    UNTIL(&w, w.upgrades);
    const char *ws = strstr(w.srv.heads, "GET /engine.io?q=1&EIO=4&transport=websocket&stamp=");
    ck_assert_ptr_nonnull(ws);
    ck_assert_ptr_nonnull(strstr(ws, "X-Common: 1"));
    ck_assert_int_eq(strncmp(w.srv.heads, "[GET /engine.io?p=1&EIO=4&transport=polling&stamp=", 50),
                     0);
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "X-Own: polling"));
    ck_assert(strstr(w.srv.heads, "X-Common: 1") > strstr(w.srv.heads, "transport=websocket"));
    end(&w);
}
END_TEST

/* ET-22 EN-06 EN-07, quirk 19: beside those of the application, which stay. */
START_TEST(cookies_come_back) {
    static const char raw[] = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/engine.io\r\n"
                              "Set-Cookie: b=2; Secure\r\nContent-Length: 1\r\n\r\n6";
    for (int keep = 0; keep < 2; keep++) {
        world w;
        begin(&w);
        sio_http1_header own = {SIO_STR("Cookie"), SIO_STR("mine=0")};
        w.options.headers = &own;
        w.options.header_count = 1;
        w.given.with_credentials = keep;
        w.srv.fault = SRV_RAW_POLL;
        w.srv.raw = raw;
        w.srv.raw_len = sizeof raw - 1;
        start(&w);
        UNTIL(&w, w.srv.held);
        ck_assert_ptr_nonnull(strstr(w.srv.heads, "Cookie: mine=0\r\n"));
        ck_assert((strstr(w.srv.heads, "Cookie: mine=0; a=1\r\n") != NULL) == keep);
        ck_assert_ptr_null(strstr(w.srv.heads, "b=2"));
        end(&w);
    }
}
END_TEST

START_TEST(binary_as_text) {
    world w;
    begin(&w);
    w.given.transports = "websocket";
    w.given.force_base64 = true;
    start(&w);
    UNTIL(&w, w.opens);
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "transport=websocket&b64=1"));
    send_binary(&w);
    UNTIL(&w, w.srv.frames[0]);
    ck_assert_str_eq(w.srv.frames, "[bYWJj]");
    srv_frame_text(w.srv.ws, "bYWJj");
    UNTIL(&w, w.messages[0]);
    ck_assert_str_eq(w.messages, "[616263]");
    end(&w);
}
END_TEST

static void send_word(world *w, const char *text) {
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, false, text, strlen(text), NULL), 0);
    ck_assert_int_eq(sio_cengine_send(w->engine, message, 0), 0);
    sio_eio_message_unref(message);
}

/* EB-01 EB-02 EB-03 EB-05 EB-06 EB-07: bytes and then text keep their order and kind, on polling
 * and after the upgrade, as they are and as text. */
START_TEST(binary_before_and_after_the_upgrade) {
    bool upgrade = _i & 1, base64 = _i & 2;
    world w;
    begin(&w);
    w.options.upgrade = upgrade;
    w.given.force_base64 = base64;
    w.srv.upgrades = upgrade;
    start(&w);
    UNTIL(&w, upgrade ? w.upgrades && strstr(w.messages, "upgraded") : w.srv.held != NULL);
    w.messages[0] = w.srv.frames[0] = '\0';
    send_binary(&w);
    send_word(&w, "\xe2\x82\xac");
    if (!upgrade) {
        srv_poll(&w.srv, "bAAECAwT/\x1e"
                         "4\xe2\x82\xac");
    } else if (base64) {
        srv_frame_text(w.srv.ws, "bAAECAwT/");
        srv_frame_text(w.srv.ws, "4\xe2\x82\xac");
    } else {
        srv_frame(w.srv.ws, SIO_WS_BINARY, "\0\1\2\3\4\xff", 6);
        srv_frame_text(w.srv.ws, "4\xe2\x82\xac");
    }
    UNTIL(&w, strstr(w.messages, "\xe2\x82\xac") &&
                  strstr(upgrade ? w.srv.frames : w.srv.posted, "4\xe2\x82\xac"));
    ck_assert_str_eq(w.messages, "[0001020304ff][\xe2\x82\xac]");
    ck_assert_str_eq(upgrade ? w.srv.frames : w.srv.posted, !upgrade ? "[bYWJj\x1e"
                                                                       "4\xe2\x82\xac]"
                                                            : base64 ? "[bYWJj][4\xe2\x82\xac]"
                                                                     : "[<3>][4\xe2\x82\xac]");
    end(&w);
}
END_TEST

/* Quirk 3: the time limit of requests works. */
START_TEST(a_request_that_takes_too_long) {
    world w;
    begin(&w);
    w.given.request_timeout_ms = 5;
    w.srv.fault = SRV_SILENT;
    start(&w);
    UNTIL(&w, w.closes);
    ck_assert_str_eq(w.message, "xhr poll error");
    ck_assert_int_eq(w.error.err, SIO_ERR_TIMEOUT);
    ck_assert_int_eq(w.error.stage, SIO_CLIENT_STAGE_TIMEOUT);
    ck_assert_int_eq(w.error.http_status, 0);
    end(&w);
}
END_TEST

/* ET-19 ET-20: what the reference's agent is for. Both transports go where they are told, whatever
 * the URL says. */
START_TEST(both_transports_use_the_unix_socket) {
    world w;
    begin(&w);
    sio_listener_free(w.srv.listener);
    char path[64];
    snprintf(path, sizeof path, "@libsio-engine-%d", (int)getpid());
    sio_listener_options options = {.unix_path = path, .on_accept = srv_accept, .ctx = &w.srv};
    ck_assert_int_eq(sio_listener_new(&w.srv.listener, w.loop, &options, NULL), 0);
    snprintf(w.url_text, sizeof w.url_text, "http://no_such_host.invalid/");
    ck_assert_int_eq(sio_url_parse(&w.url, (sio_str){w.url_text, strlen(w.url_text)}), 0);
    w.given.unix_path = path;
    w.options.upgrade = true;
    w.srv.upgrades = true;
    start(&w);
    UNTIL(&w, w.upgrades);
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "transport=polling"));
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "transport=websocket"));
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "Host: no_such_host.invalid\r\n"));
    end(&w);
}
END_TEST

/* ---- hostile servers ---- */

static void expect_raw(bool websocket, const char *raw, size_t len, int err) {
    world w;
    begin(&w);
    w.given.transports = websocket ? "websocket" : "polling";
    w.srv.fault = SRV_RAW;
    w.srv.raw = raw;
    w.srv.raw_len = len;
    start(&w);
    UNTIL(&w, w.closes);
    net_run_for(w.loop, 0);
    ck_assert_uint_eq(w.closes, 1);
    ck_assert_uint_eq(w.opens, 0);
    ck_assert_int_lt(w.error.err, 0);
    ck_assert_int_ne(w.error.stage, SIO_CLIENT_STAGE_NONE);
    ck_assert_str_ne(w.detail, "");
    if (err != 0) {
        ck_assert_str_eq(sio_error_name(w.error.err), sio_error_name(err));
    }
    end(&w);
}

START_TEST(cut_at_every_byte) {
    static const char polling[] = "HTTP/1.1 200 OK\r\nContent-Length: 82\r\n\r\n"
                                  "0{\"sid\":\"S\",\"upgrades\":[],\"pingInterval\":25000,"
                                  "\"pingTimeout\":20000,\"maxPayload\":1000}";
    static const char websocket[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
    for (size_t len = 0; len < sizeof polling - 1; len++) {
        expect_raw(false, polling, len, 0);
    }
    for (size_t len = 0; len < sizeof websocket; len++) {
        expect_raw(true, websocket, len, 0);
    }
}
END_TEST

/* Quirk 18: redirects are not followed. */
START_TEST(answers_that_are_none) {
    static const struct {
        const char *raw;
        int polling;
        int websocket;
    } rows[] = {
        {"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
         SIO_ERR_HTTP_STATUS, SIO_ERR_HTTP_STATUS},
        {"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
         SIO_ERR_HTTP_STATUS, SIO_ERR_HTTP_STATUS},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", SIO_ERR_EIO_PACKET,
         SIO_ERR_HTTP_STATUS},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", SIO_ERR_EIO_PACKET, SIO_ERR_HTTP_STATUS},
        {"HTTP/1.1 204 No Content\r\n\r\n", SIO_ERR_HTTP_STATUS, SIO_ERR_HTTP_STATUS},
        {"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n0", SIO_ERR_HTTP_BODY_TOO_LARGE, 0},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 0,
         SIO_ERR_WS_HANDSHAKE},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
         0, SIO_ERR_WS_ACCEPT},
        {"SSH-2.0-OpenSSH_9\r\n\r\n", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_raw(false, rows[i].raw, strlen(rows[i].raw), rows[i].polling);
        expect_raw(true, rows[i].raw, strlen(rows[i].raw), rows[i].websocket);
    }
}
END_TEST

/* Bodies, heads and messages that never end: they are cut at the limit, whatever they announced. */
START_TEST(answers_without_end) {
    static const struct {
        bool websocket;
        const char *head;
        const char *again;
        int err;
    } rows[] = {
        {false, "HTTP/1.1 200 OK\r\n\r\n4", "xxxxxxxxxxxxxxxx", SIO_ERR_HTTP_BODY_TOO_LARGE},
        {false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
         "10\r\nxxxxxxxxxxxxxxxx\r\n", SIO_ERR_HTTP_BODY_TOO_LARGE},
        {false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
         "xxxxxxxxxxxxxxxx", SIO_ERR_HTTP_BODY_TOO_LARGE},
        {false, "HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyy", SIO_ERR_HTTP_HEAD_TOO_LARGE},
        {false, "HTTP/1.1 400 Bad\r\n\r\n", "xxxxxxxxxxxxxxxx", SIO_ERR_HTTP_BODY_TOO_LARGE},
        {true, "HTTP/1.1 101 Switching Protocols\r\nX: ", "yyyyyyyyyyyyyyyy",
         SIO_ERR_HTTP_HEAD_TOO_LARGE},
    };
    enum { REPEAT = 10000 };
    size_t head = strlen(rows[_i].head), piece = strlen(rows[_i].again);
    char *raw = malloc(head + REPEAT * piece);
    memcpy(raw, rows[_i].head, head);
    for (size_t i = 0; i < REPEAT; i++) {
        memcpy(raw + head + i * piece, rows[_i].again, piece);
    }
    expect_raw(rows[_i].websocket, raw, head + REPEAT * piece, rows[_i].err);
    free(raw);
}
END_TEST

/* A frame that announces more than is taken, and fragments that add up to it. */
START_TEST(messages_without_end) {
    world w;
    begin(&w);
    w.given.transports = "websocket";
    start(&w);
    UNTIL(&w, w.opens);
    if (_i == 0) {
        srv_send(w.srv.ws, "\x82\x7f\x00\x00\x00\xff\xff\xff\xff\xff", 10);
    } else {
        static const char zeros[4096];
        srv_send(w.srv.ws, "\x02\x00", 2);
        for (int i = 0; i < 100; i++) {
            srv_send(w.srv.ws, "\x00\x7e\x10\x00", 4);
            srv_send(w.srv.ws, zeros, sizeof zeros);
        }
    }
    UNTIL(&w, w.closes);
    ck_assert_str_eq(sio_error_name(w.error.err), "WS_TOO_LARGE");
    ck_assert_str_eq(w.messages, "");
    end(&w);
}
END_TEST

/* What a server does not read stays within the limit, and then the connection ends. */
START_TEST(a_server_that_stops_reading) {
    static const size_t limit = 200000;
    static uint8_t bytes[10000];
    world w;
    begin(&w);
    w.given.transports = _i ? "websocket" : "polling";
    w.options.max_queued = limit;
    start(&w);
    UNTIL(&w, w.opens && (w.srv.ws || w.srv.held));
    if (_i) {
        sio_stream_pause(w.srv.ws->stream);
    } else {
        sio_listener_free(w.srv.listener); /* the connection of the POST is never accepted */
        w.srv.listener = NULL;
    }
    int rc = 0;
    unsigned sent = 0;
    for (; rc == 0; sent++) {
        sio_eio_message *message;
        ck_assert_uint_lt(sent, 100000); /* the kernel's buffers are finite too */
        ck_assert_int_eq(sio_eio_message_new(&message, true, bytes, sizeof bytes, NULL), 0);
        rc = sio_cengine_send(w.engine, message, 0);
        sio_eio_message_unref(message);
        net_run_for(w.loop, 0);
        ck_assert_uint_le(sio_loop_queued(w.loop), 2 * limit);
        if (w.closes) {
            break; /* the POST found nobody */
        }
    }
    UNTIL(&w, w.closes);
    ck_assert_uint_eq(w.closes, 1);
    if (_i) {
        ck_assert_str_eq(sio_error_name(w.error.err), "EIO_QUEUE_FULL");
        ck_assert_int_eq(w.error.stage, SIO_CLIENT_STAGE_LOCAL);
    } else {
        ck_assert_int_lt(w.error.err, 0);
    }
    end(&w);
}
END_TEST

/* ---- what the settings promise about a WebSocket ---- */

START_TEST(subprotocols_are_asked_for) {
    world w;
    begin(&w);
    w.given.transports = "websocket";
    w.given.protocols = "chat, superchat";
    start(&w);
    UNTIL(&w, w.opens);
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "Sec-WebSocket-Protocol: chat, superchat"));
    end(&w);
}
END_TEST

/* What the server chooses must be among them. */
START_TEST(another_subprotocol_is_refused) {
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\nSec-WebSocket-Protocol: other\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    world w;
    begin(&w);
    w.given.transports = "websocket";
    w.given.protocols = "chat";
    w.srv.fault = SRV_RAW;
    w.srv.raw = answer;
    w.srv.raw_len = sizeof answer - 1;
    start(&w);
    UNTIL(&w, w.closes);
    ck_assert_int_lt(w.error.err, 0);
    ck_assert_uint_eq(w.opens, 0);
    end(&w);
}
END_TEST

/* ET-23 ET-24: compress_threshold, and no_deflate */
START_TEST(compression_by_the_settings) {
    static const uint32_t thresholds[] = {1, 5, 6, 0, 1};
    world w;
    begin(&w);
    w.given.transports = "websocket";
    w.given.compress_threshold = thresholds[_i];
    w.given.no_deflate = _i == 4;
    w.srv.deflate = true;
    start(&w);
    UNTIL(&w, w.opens);
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, false, "1234", 4, NULL),
                     0); /* 5 with the type */
    ck_assert_int_eq(sio_cengine_send(w.engine, message, SIO_EIO_COMPRESS), 0);
    sio_eio_message_unref(message);
    UNTIL(&w, w.srv.frames[0]);
    ck_assert_str_eq(w.srv.frames, "[41234]");
    ck_assert_uint_eq(w.srv.compressed, SIO_HAVE_DEFLATE && _i < 2);
    ck_assert_int_eq(strstr(w.srv.heads, "permessage-deflate") != NULL,
                     SIO_HAVE_DEFLATE && _i != 4);
    end(&w);
}
END_TEST

#if SIO_HAVE_TLS
/* ---- certificates ---- */

static unsigned warnings;

static void count_warnings(void *user, int level, const char *scope, const char *text) {
    warnings += level == SIO_LOG_WARN && strstr(text, "TLS VERIFICATION IS OFF") != NULL;
}

/* Each attempt says so, as loud as the log can; one that verifies does not. */
START_TEST(insecure_is_warned_of) {
    for (int insecure = 0; insecure < 2; insecure++) {
        world w;
        sio_loop *logged;
        begin(&w);
        sio_loop_options loop = {.base = sio_loop_base(w.loop),
                                 .log = {count_warnings, NULL, SIO_LOG_DEBUG}};
        sio_tls_options tls = {.insecure = insecure != 0};
        ck_assert_int_eq(sio_loop_new(&logged, &loop), 0);
        ck_assert_int_eq(sio_tls_client_new(&w.options.tls, &tls, NULL, NULL), 0);
        aim(&w, "https", w.srv.port);
        ck_assert_int_eq(sio_network_copy(&w.network, &w.given, NULL), 0);
        warnings = 0;
        for (unsigned attempt = 1; attempt <= 2; attempt++) {
            ck_assert_int_eq(sio_cengine_new(&w.engine, logged, &w.options), 0);
            ck_assert_uint_eq(warnings, insecure ? attempt : 0);
            stop(&w);
        }
        sio_network_free(&w.network, NULL);
        sio_tls_unref(w.options.tls);
        sio_loop_free(logged);
        end(&w);
    }
}
END_TEST

static void accept_tls(void *ctx, sio_stream *stream) {
    sio_stream **slot = ctx;
    sio_stream_free(*slot);
    *slot = stream;
}

typedef enum fault { SELF_SIGNED, EXPIRED, WRONG_HOST, UNKNOWN_CA, OLD_TLS } fault;

static void refuse_certificate(fault kind, bool websocket, int err) {
    world w;
    begin(&w);
    w.given.transports = websocket ? "websocket" : "polling";
    net_cert root = net_cert_make(NULL, NULL, 100);
    net_cert leaf = net_cert_make(kind == SELF_SIGNED ? NULL : &root,
                                  kind == WRONG_HOST ? "DNS:other.test" : "IP:127.0.0.1",
                                  kind == EXPIRED ? -1 : 100);
    sio_tls *server_tls;
    sio_tls *client_tls;
    sio_tls_options server = {.cert_pem = leaf.cert_pem, .key_pem = leaf.key_pem};
    sio_tls_options client = {.ca_pem = kind == UNKNOWN_CA ? NULL : root.cert_pem,
                              .min_version = kind == OLD_TLS ? 13 : 0};
    ck_assert_int_eq(sio_tls_server_new(&server_tls, &server, NULL, NULL), 0);
    ck_assert_int_eq(sio_tls_client_new(&client_tls, &client, NULL, NULL), 0);
    if (kind == OLD_TLS) {
        SSL_CTX_set_max_proto_version(sio_tls_context(server_tls), TLS1_2_VERSION);
    }
    sio_stream *accepted = NULL;
    sio_listener *listener;
    sio_listener_options listen = {
        .host = "127.0.0.1", .tls = server_tls, .on_accept = accept_tls, .ctx = &accepted};
    ck_assert_int_eq(sio_listener_new(&listener, w.loop, &listen, NULL), 0);
    aim(&w, "https", sio_listener_port(listener));
    w.options.tls = client_tls;
    start(&w);
    UNTIL(&w, w.closes);
    ck_assert_str_eq(sio_error_name(w.error.err), sio_error_name(err));
    ck_assert_int_eq(w.error.stage, SIO_CLIENT_STAGE_TLS);
    ck_assert_int_eq(w.error.http_status, 0);
    ck_assert_str_ne(w.detail, "");
    sio_stream_free(accepted);
    sio_listener_free(listener);
    sio_tls_unref(server_tls);
    sio_tls_unref(client_tls);
    net_cert_free(&root);
    net_cert_free(&leaf);
    end(&w);
}

/* Five faults over two transports: ten refusals. */
START_TEST(certificates_that_are_refused) {
    static const int expected[] = {SIO_ERR_TLS_SELF_SIGNED, SIO_ERR_TLS_EXPIRED, SIO_ERR_TLS_HOST,
                                   SIO_ERR_TLS_ISSUER, SIO_ERR_TLS_PROTOCOL};
    refuse_certificate((fault)(_i / 2), _i % 2, expected[_i / 2]);
}
END_TEST

#endif

int main(void) {
    Suite *suite = suite_create("client_engine_network");
    TCase *tc = tcase_create("network");
    tcase_add_test(tc, websocket_refused_then_polling);
    tcase_add_test(tc, polling_refused_then_websocket);
    tcase_add_test(tc, no_second_try_without_being_told);
    tcase_add_test(tc, both_refused);
    tcase_add_test(tc, a_websocket_that_worked_is_remembered);
    tcase_add_test(tc, a_memory_that_is_wrong_is_corrected);
    tcase_add_test(tc, no_upgrade);
    tcase_add_test(tc, what_each_transport_asks);
    tcase_add_test(tc, cookies_come_back);
    tcase_add_test(tc, binary_as_text);
    tcase_add_loop_test(tc, binary_before_and_after_the_upgrade, 0, 4);
    tcase_add_test(tc, both_transports_use_the_unix_socket);
    tcase_add_test(tc, a_request_that_takes_too_long);
    tcase_add_test(tc, cut_at_every_byte);
    tcase_add_test(tc, answers_that_are_none);
    tcase_add_loop_test(tc, answers_without_end, 0, 6);
    tcase_add_loop_test(tc, messages_without_end, 0, 2);
    tcase_add_loop_test(tc, a_server_that_stops_reading, 0, 2);
    tcase_add_test(tc, subprotocols_are_asked_for);
    tcase_add_test(tc, another_subprotocol_is_refused);
    tcase_add_loop_test(tc, compression_by_the_settings, 0, 5);
#if SIO_HAVE_TLS
    tcase_add_loop_test(tc, certificates_that_are_refused, 0, 10);
    tcase_add_test(tc, insecure_is_warned_of);
#endif
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
