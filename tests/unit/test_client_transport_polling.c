#include "client_support.h"

#include "transport_polling.h"

typedef struct world {
    sio_loop *loop;
    srv srv;
    sio_url url;
    char url_text[64];
    sio_engine_request request;
    char *sid;
    sio_polling *polling;
    char packets[SRV_TEXT];
    unsigned polled, posted, failed;
    int free_at; /* packets */
    int count;
    int err, status;
    char message[64], detail[300];
} world;

static void on_packet(void *ctx, const sio_eio_packet *packet) {
    world *w = ctx;
    char text[64];
    snprintf(text, sizeof text, "%s%s:%zu", sio_eio_type_name(packet->type),
             packet->binary ? "+" : "", packet->data.len);
    srv_note(w->packets, text, strlen(text));
    if (++w->count == w->free_at) {
        sio_polling_free(w->polling, 0);
        w->polling = NULL;
    }
    sio_loop_stop(w->loop);
}

static void on_polled(void *ctx) {
    world *w = ctx;
    w->polled++;
    sio_loop_stop(w->loop);
}

static void on_posted(void *ctx) {
    world *w = ctx;
    w->posted++;
    sio_loop_stop(w->loop);
}

static void on_failed(void *ctx, const sio_transport_end *end) {
    world *w = ctx;
    w->failed++;
    w->err = end->err;
    w->status = end->http_status;
    snprintf(w->message, sizeof w->message, "%s", end->message);
    snprintf(w->detail, sizeof w->detail, "%s", end->detail);
    sio_loop_stop(w->loop);
}

static const sio_polling_callbacks callbacks = {on_packet, on_polled, on_posted, on_failed};

static void begin(world *w, int revision, const char *raw) {
    memset(w, 0, sizeof *w);
    w->loop = net_loop(NULL);
    srv_start(&w->srv, w->loop);
    w->srv.revision = revision;
    w->srv.fault = raw ? SRV_RAW : SRV_GOOD;
    w->srv.raw = raw;
    w->srv.raw_len = raw ? strlen(raw) : 0;
    snprintf(w->url_text, sizeof w->url_text, "http://127.0.0.1:%u", w->srv.port);
    ck_assert_int_eq(sio_url_parse(&w->url, (sio_str){w->url_text, strlen(w->url_text)}), 0);
    sio_cengine_options options = {.url = &w->url, .path = "/e", .revision = revision};
    ck_assert_int_eq(sio_engine_request_init(&w->request, w->loop, &options), 0);
    ck_assert_int_eq(
        sio_polling_new(&w->polling, w->loop, &w->request, &w->sid, 1000, &callbacks, w), 0);
}

static void end(world *w) {
    sio_polling_free(w->polling, 0);
    sio_engine_request_done(&w->request);
    srv_stop(&w->srv);
    sio_loop_free(w->loop);
}

static void wait_for(world *w, const unsigned *count) {
    while (*count == 0) {
        net_run(w->loop);
    }
}

#define OK "HTTP/1.1 200 OK\r\nContent-Type: "

START_TEST(answers) {
    static const struct {
        int revision;
        const char *raw, *packets;
    } cases[] = {
        {4,
         OK "x\r\n\r\n4a\x1e"
            "2\x1e"
            "bAQI=",
         "[message:1][ping:0][message+:2]"},
        {4,
         OK "x\r\n\r\n4a\x1e"
            "9\x1e"
            "4b",
         "[message:1][error:0]"},
        {4, OK "x\r\nContent-Length: 0\r\n\r\n", "[error:0]"},
        {3, OK "x\r\n\r\n2:4a1:2", "[message:1][ping:0]"},
        {3, OK "x\r\n\r\n3:4a", "[error:0]"},
        {3, OK "application/octet-stream\r\n\r\n\x01\x02\xff\x04z", "[message+:1]"},
    };
    world w;
    begin(&w, cases[_i].revision, cases[_i].raw);
    ck_assert_int_eq(sio_polling_get(w.polling), 0);
    wait_for(&w, &w.polled);
    ck_assert_str_eq(w.packets, cases[_i].packets);
    ck_assert_uint_eq(w.failed, 0);
    end(&w);
}
END_TEST

START_TEST(freed_between_packets) {
    world w;
    begin(&w, 4,
          OK "x\r\n\r\n4a\x1e"
             "4b\x1e"
             "4c");
    w.free_at = 2;
    ck_assert_int_eq(sio_polling_get(w.polling), 0);
    while (w.count < 2) {
        net_run(w.loop);
    }
    net_run_for(w.loop, 1);
    ck_assert_str_eq(w.packets, "[message:1][message:1]");
    ck_assert_uint_eq(w.polled, 0);
    end(&w);
}
END_TEST

START_TEST(refused_requests) {
    world w;
    begin(&w, 4, "HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope");
    sio_eio_item item = {.type = SIO_EIO_CLOSE};
    int rc = _i ? sio_polling_post(w.polling, &item, 1) : sio_polling_get(w.polling);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(sio_polling_posting(w.polling), _i);
    wait_for(&w, &w.failed);
    ck_assert_int_eq(w.err, SIO_ERR_HTTP_STATUS);
    ck_assert_int_eq(w.status, 403);
    ck_assert_str_eq(w.message, _i ? "xhr post error" : "xhr poll error");
    ck_assert_str_eq(w.detail, "nope");
    end(&w);
}
END_TEST

START_TEST(posts) {
    world w;
    begin(&w, 4, NULL);
    sio_eio_message *message;
    ck_assert_int_eq(sio_eio_message_new(&message, true, "\1\2\3", 3, NULL), 0);
    sio_eio_item items[] = {{.type = SIO_EIO_PONG}, {.message = message, .type = SIO_EIO_MESSAGE}};
    ck_assert_int_eq(sio_polling_post(w.polling, items, 2), 0);
    sio_eio_message_unref(message);
    wait_for(&w, &w.posted);
    ck_assert_str_eq(w.srv.posted, "[3\x1e"
                                   "bAQID]");
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "\r\nContent-Type: text/plain;charset=UTF-8\r\n"));
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "\r\nAccept: */*\r\n"));
    ck_assert(!sio_polling_posting(w.polling));
    end(&w);
}
END_TEST

/* Freed with a linger, the last words still go out. */
START_TEST(last_post) {
    world w;
    begin(&w, 4, NULL);
    sio_eio_item item = {.type = SIO_EIO_CLOSE};
    ck_assert_int_eq(sio_polling_post(w.polling, &item, 1), 0);
    wait_for(&w, &w.posted);
    ck_assert_int_eq(sio_polling_post(w.polling, &item, 1), 0);
    sio_polling_free(w.polling, 1000);
    w.polling = NULL;
    while (w.srv.close_posts < 2) {
        net_run(w.loop);
    }
    end(&w);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_transport_polling");
    TCase *tc = tcase_create("polling");
    tcase_add_loop_test(tc, answers, 0, 6);
    tcase_add_test(tc, freed_between_packets);
    tcase_add_loop_test(tc, refused_requests, 0, 2);
    tcase_add_test(tc, posts);
    tcase_add_test(tc, last_post);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
