#include "client_support.h"

#include "transport_ws.h"

typedef struct world {
    sio_loop *loop;
    srv srv;
    sio_url url;
    char url_text[64];
    sio_engine_request request;
    sio_ws_client *ws;
    unsigned opens, written, ends;
    char messages[SRV_TEXT];
    bool broken, free_on_open, free_on_message;
    int err;
    uint16_t code;
} world;

static void release(world *w) {
    sio_ws_client_free(w->ws);
    w->ws = NULL;
}

static void on_open(void *ctx, sio_ws_client *ws) {
    world *w = ctx;
    w->opens++;
    if (w->free_on_open) {
        release(w);
    }
    sio_loop_stop(w->loop);
}

static void on_message(void *ctx, sio_ws_client *ws, bool binary, uint8_t *data, size_t len) {
    world *w = ctx;
    if (w->free_on_message) {
        release(w);
    }
    char number[32];
    snprintf(number, sizeof number, "<%zu>", len);
    const char *text = (const char *)data;
    bool whole = !binary && len < 300;
    srv_note(w->messages, whole ? text : number, whole ? len : strlen(number));
    sio_loop_stop(w->loop);
}

static void on_written(void *ctx, sio_ws_client *ws) {
    world *w = ctx;
    w->written++;
    sio_loop_stop(w->loop);
}

static void on_end(void *ctx, sio_ws_client *ws, const sio_transport_end *end, bool broken) {
    world *w = ctx;
    ck_assert_ptr_eq(ws, w->ws);
    ck_assert_ptr_nonnull(end->detail);
    w->ends++;
    w->err = end->err;
    w->code = end->close_code;
    w->broken = broken;
    release(w);
    sio_loop_stop(w->loop);
}

static const sio_ws_client_callbacks callbacks = {on_open, on_message, on_written, on_end};

static void begin(world *w) {
    memset(w, 0, sizeof *w);
    w->loop = net_loop(NULL);
    srv_start(&w->srv, w->loop);
    snprintf(w->url_text, sizeof w->url_text, "ws://127.0.0.1:%u", w->srv.port);
    ck_assert_int_eq(sio_url_parse(&w->url, (sio_str){w->url_text, strlen(w->url_text)}), 0);
    sio_cengine_options options = {.url = &w->url, .path = "/e", .revision = 4};
    ck_assert_int_eq(sio_engine_request_init(&w->request, w->loop, &options), 0);
}

static void start(world *w) {
    sio_ws_client_options options = {.request = &w->request,
                                     .sid = "S/1",
                                     .max_message = 300000,
                                     .callbacks = &callbacks,
                                     .ctx = w};
    ck_assert_int_eq(sio_ws_client_new(&w->ws, w->loop, &options), 0);
}

static void end(world *w) {
    release(w);
    sio_engine_request_done(&w->request);
    srv_stop(&w->srv);
    sio_loop_free(w->loop);
}

#define UNTIL(w, condition)                                                                        \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            net_run((w)->loop);                                                                    \
        }                                                                                          \
    } while (0)

/* Behind the response in the same segment, in fragments, and one that fills several reads. */
START_TEST(messages_in) {
    world w;
    begin(&w);
    w.srv.fault = SRV_RAW_FRAME;
    w.srv.raw = "\x01\x02he\x80\x03llo";
    w.srv.raw_len = 9;
    start(&w);
    UNTIL(&w, w.messages[0]);
    ck_assert_str_eq(w.messages, "[hello]");
    char *big = calloc(1, 200000);
    srv_frame(w.srv.ws, SIO_WS_BINARY, big, 200000);
    free(big);
    srv_frame_text(w.srv.ws, "after");
    UNTIL(&w, strstr(w.messages, "after"));
    ck_assert_str_eq(w.messages, "[hello][<200000>][after]");
    end(&w);
}
END_TEST

static sio_eio_item item_of(size_t len) {
    char *bytes = calloc(1, len);
    sio_eio_item item = {.type = SIO_EIO_MESSAGE};
    ck_assert_int_eq(sio_eio_message_new(&item.message, true, bytes, len, NULL), 0);
    free(bytes);
    return item;
}

/* No more is handed to the connection than keeps it busy. */
START_TEST(writes_stop_early) {
    world w;
    begin(&w);
    start(&w);
    UNTIL(&w, w.opens);
    sio_eio_item items[10];
    for (int i = 0; i < 10; i++) {
        items[i] = item_of(100000);
    }
    int done = sio_ws_client_write(w.ws, items, 10);
    ck_assert_int_eq(done, 3);
    ck_assert(!sio_ws_client_takes(w.ws, 1, 0));
    w.written = 0;
    UNTIL(&w, w.written);
    ck_assert_uint_eq(sio_ws_client_queued(w.ws), 0);
    ck_assert(sio_ws_client_takes(w.ws, 1, 0));
    ck_assert(!sio_ws_client_takes(w.ws, 20000, 0));
    ck_assert_int_eq(sio_ws_client_write_message(w.ws, (const uint8_t *)"t", 1, false), 0);
    for (int i = 0; i < 10; i++) {
        sio_eio_message_unref(items[i].message);
    }
    UNTIL(&w, strstr(w.srv.frames, "4t"));
    ck_assert_str_eq(w.srv.frames, "[<100000>][<100000>][<100000>][4t]");
    end(&w);
}
END_TEST

/* A flood of pings costs one pong. */
START_TEST(newest_ping_is_answered) {
    world w;
    begin(&w);
    w.srv.fault = SRV_RAW_FRAME;
    w.srv.raw = "\x89\x01"
                "a\x89\x01"
                "b\x89\x01"
                "c";
    w.srv.raw_len = 9;
    start(&w);
    UNTIL(&w, w.srv.frames[0]);
    net_run_for(w.loop, 1);
    ck_assert_str_eq(w.srv.frames, "[pong]");
    end(&w);
}
END_TEST

START_TEST(close_frames) {
    world w;
    begin(&w);
    start(&w);
    UNTIL(&w, w.opens);
    if (_i == 0) {
        sio_ws_client_close(w.ws);
        w.ws = NULL;
        UNTIL(&w, w.srv.ws_closes);
        ck_assert_uint_eq(w.srv.ws_code, SIO_WS_NO_CODE);
        ck_assert_uint_eq(w.ends, 0);
    } else {
        srv_frame(w.srv.ws, SIO_WS_CLOSE, "\x03\xe8", _i == 1 ? 2 : 0);
        UNTIL(&w, w.ends && w.srv.ws_closes);
        ck_assert_uint_eq(w.code, _i == 1 ? 1000 : SIO_WS_NO_CODE);
        ck_assert_uint_eq(w.srv.ws_code, w.code);
        ck_assert(!w.broken);
        ck_assert_int_eq(w.err, SIO_ERR_CLOSED);
    }
    end(&w);
}
END_TEST

START_TEST(faults) {
    static const struct {
        const char *raw;
        size_t len;
        int err;
        uint16_t code;
    } cases[] = {
        {"\x81\x81"
         "abcde",
         7, SIO_ERR_WS_MASK, 1002},
        {"\x83\x00", 2, SIO_ERR_WS_OPCODE, 1002},
        {"\x81\x01\xff", 3, SIO_ERR_WS_UTF8, 1007},
        {"\x82\x7f\0\0\0\0\xff\xff\xff\xff", 10, SIO_ERR_WS_TOO_LARGE, 1009},
        {"\xc1\x01x", 3, SIO_ERR_WS_RSV, 1002},
        {"\x88\x02\x03\xed", 4, SIO_ERR_WS_CLOSE_CODE, 1002},
    };
    world w;
    begin(&w);
    w.srv.fault = SRV_RAW_FRAME;
    w.srv.raw = cases[_i].raw;
    w.srv.raw_len = cases[_i].len;
    start(&w);
    UNTIL(&w, w.ends && w.srv.ws_closes);
    ck_assert_str_eq(sio_error_name(w.err), sio_error_name(cases[_i].err));
    ck_assert(w.broken);
    ck_assert_uint_eq(w.srv.ws_code, cases[_i].code);
    end(&w);
}
END_TEST

START_TEST(freed_inside) {
    world w;
    begin(&w);
    w.srv.fault = SRV_RAW_FRAME;
    w.srv.raw = "\x01\x02he\x80\x03llo\x81\x01x";
    w.srv.raw_len = 12;
    w.free_on_open = _i == 0;
    w.free_on_message = _i == 1;
    start(&w);
    UNTIL(&w, !w.ws);
    net_run_for(w.loop, 1);
    ck_assert_str_eq(w.messages, _i ? "[hello]" : "");
    ck_assert_uint_eq(w.ends, 0);
    end(&w);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_transport_ws");
    TCase *tc = tcase_create("websocket");
    tcase_add_test(tc, messages_in);
    tcase_add_test(tc, writes_stop_early);
    tcase_add_test(tc, newest_ping_is_answered);
    tcase_add_loop_test(tc, close_frames, 0, 3);
    tcase_add_loop_test(tc, faults, 0, 6);
    tcase_add_loop_test(tc, freed_inside, 0, 2);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
