#include "client_support.h"

#include <event2/event.h>
#include <sio/engine_client.h>

/* The server runs in a loop on an event base that the client shares. */
typedef struct world {
    struct event_base *base;
    sio_loop *loop;
    srv srv;
    sio_engine_client *client;
    unsigned opens, upgrades, closes, drains;
    bool free_on_close, close_on_message;
    char messages[SRV_TEXT];
    char reason[64];
    int err;
} world;

static void on_open(sio_engine_client *client, void *user) {
    world *w = user;
    w->opens++;
    ck_assert_int_eq(sio_engine_client_send(client, false, "hello", 5), 0);
    ck_assert_int_eq(sio_engine_client_run(client), SIO_ERR_STATE);
}

static void on_message(sio_engine_client *client, bool binary, const void *data, size_t len,
                       void *user) {
    world *w = user;
    srv_note(w->messages, binary ? "<binary>" : data, binary ? 8 : len);
    if (w->close_on_message) {
        sio_engine_client_close(client);
    }
}

static void on_upgrade(sio_engine_client *client, void *user) {
    world *w = user;
    w->upgrades++;
}

static void on_drain(sio_engine_client *client, void *user) {
    world *w = user;
    w->drains++;
}

static void on_close(sio_engine_client *client, const char *reason, const sio_client_error *error,
                     void *user) {
    world *w = user;
    w->closes++;
    w->err = error ? error->err : 0;
    snprintf(w->reason, sizeof w->reason, "%s", reason);
    if (w->free_on_close) {
        sio_engine_client_free(client);
        w->client = NULL;
    }
}

static const sio_engine_client_callbacks callbacks = {.size = sizeof callbacks,
                                                      .on_open = on_open,
                                                      .on_message = on_message,
                                                      .on_upgrade = on_upgrade,
                                                      .on_drain = on_drain,
                                                      .on_close = on_close};

static void begin(world *w, bool upgrades) {
    memset(w, 0, sizeof *w);
    w->base = event_base_new();
    sio_loop_options options = {.base = w->base};
    ck_assert_int_eq(sio_loop_new(&w->loop, &options), 0);
    srv_start(&w->srv, w->loop);
    w->srv.upgrades = upgrades;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", w->srv.port);
    sio_client_options client = SIO_CLIENT_OPTIONS_INIT;
    client.base = w->base;
    ck_assert_int_eq(sio_engine_client_new(&w->client, url, &client, &callbacks, w), 0);
    ck_assert_str_eq(sio_engine_client_id(w->client), "");
}

static void end(world *w) {
    sio_engine_client_free(w->client);
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    srv_stop(&w->srv);
    sio_loop_free(w->loop);
    event_base_free(w->base);
}

#define UNTIL(w, condition)                                                                        \
    while (!(condition)) {                                                                         \
        event_base_loop((w)->base, EVLOOP_ONCE);                                                   \
    }

/* EC-01 EC-05 */
START_TEST(a_session) {
    world w;
    begin(&w, true);
    UNTIL(&w, strstr(w.messages, "[upgraded]"));
    ck_assert_uint_eq(w.opens, 1);
    ck_assert_uint_eq(w.upgrades, 1);
    ck_assert_ptr_nonnull(strstr(w.srv.heads, "/engine.io/?EIO=4"));
    ck_assert_str_eq(sio_engine_client_transport(w.client), "websocket");
    ck_assert_str_eq(sio_engine_client_id(w.client), "S/1");
    ck_assert_int_eq(sio_engine_client_send(w.client, true, "abc", 3), 0);
    UNTIL(&w, strstr(w.srv.frames, "[<3>]"));
    sio_engine_client_close(w.client);
    UNTIL(&w, w.closes);
    ck_assert_str_eq(w.reason, "forced close");
    ck_assert_int_eq(w.err, 0);
    ck_assert_int_eq(sio_engine_client_send(w.client, false, "x", 1), SIO_ERR_CLOSED);
    ck_assert_ptr_null(sio_engine_client_transport(w.client));
    ck_assert_int_eq(sio_engine_client_run(w.client), SIO_ERR_STATE);
    end(&w);
}
END_TEST

START_TEST(freed_in_its_last_callback) {
    world w;
    begin(&w, false);
    w.free_on_close = true;
    w.srv.fault = SRV_STATUS;
    UNTIL(&w, w.closes);
    ck_assert_str_eq(w.reason, "transport error");
    ck_assert_int_eq(w.err, SIO_ERR_HTTP_STATUS);
    end(&w);
}
END_TEST

START_TEST(freed_at_any_time) {
    for (int turns = 0; turns < 12; turns++) {
        world w;
        begin(&w, true);
        for (int i = 0; i < turns; i++) {
            event_base_loop(w.base, EVLOOP_NONBLOCK);
        }
        end(&w);
        ck_assert_uint_eq(w.closes, 0);
    }
}
END_TEST

START_TEST(run_ends_with_the_session) {
    world w = {.opens = 0};
    sio_engine_client *client;
    ck_assert_int_eq(sio_engine_client_new(&client, "http://127.0.0.1:1", NULL, &callbacks, &w), 0);
    ck_assert_int_eq(sio_engine_client_run(client), 0);
    ck_assert_uint_eq(w.closes, 1);
    ck_assert_int_eq(w.err, SIO_ERR_CONNECT);
    sio_engine_client_free(client);
    sio_engine_client_free(NULL);
}
END_TEST

START_TEST(bad_arguments) {
    sio_engine_client *client = NULL;
    sio_engine_client_callbacks none = {.size = 0};
    ck_assert_int_eq(sio_engine_client_new(&client, "nowhere", NULL, &callbacks, NULL),
                     SIO_ERR_URL);
    ck_assert_int_eq(sio_engine_client_new(&client, "http://a", NULL, &none, NULL),
                     SIO_ERR_INVALID);
    ck_assert_int_eq(sio_engine_client_new(&client, "http://a", NULL, NULL, NULL), SIO_ERR_INVALID);
    ck_assert_ptr_null(client);
}
END_TEST

static void stop_at_ping(sio_engine_client *client, void *user) {
    world *w = user;
    w->drains++;
    sio_engine_client_stop(client);
}

static void take_line(const char *scope, const char *text, void *user) {
    world *w = user;
    w->upgrades += scope && text;
}

START_TEST(a_ping_is_told_and_run_is_stopped) {
    static const sio_engine_client_callbacks few = {.size = sizeof few, .on_ping = stop_at_ping};
    world w;
    char url[64];
    begin(&w, false);
    sio_engine_client_free(w.client);
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    options.base = w.base;
    options.log = take_line;
    options.log_user = &w;
    snprintf(w.srv.poll, sizeof w.srv.poll, "2");
    snprintf(url, sizeof url, "http://127.0.0.1:%u", w.srv.port);
    ck_assert_int_eq(sio_engine_client_new(&w.client, url, &options, &few, &w), 0);
    ck_assert_int_eq(sio_engine_client_run(w.client), 0);
    ck_assert_uint_eq(w.drains, 1);
    ck_assert_uint_gt(w.upgrades, 0);
    end(&w);
}
END_TEST

static void open_or_close(sio_engine_client *client, void *user) {
    if (sio_engine_client_send(client, false, "hello", 5) != 0) {
        sio_engine_client_close(client);
    }
}

/* What could be sent arrives, or the session ends. */
static int memory_scenario(const sio_mem *mem, void *arg) {
    sio_engine_client_callbacks shy = callbacks;
    world w;
    char url[64];
    shy.on_open = open_or_close;
    begin(&w, false);
    sio_engine_client_free(w.client);
    w.client = NULL;
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    options.base = w.base;
    options.mem = mem;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", w.srv.port);
    int rc = sio_engine_client_new(&w.client, url, &options, &shy, &w);
    if (rc == 0) {
        UNTIL(&w, w.closes || strstr(w.srv.posted, "4hello"));
        rc = w.closes ? SIO_ERR_NOMEM : 0;
    }
    end(&w);
    return rc;
}

START_TEST(memory_runs_out) {
    test_mem_sweep(memory_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_engine_client");
    TCase *tc = tcase_create("engine_client");
    tcase_add_test(tc, a_session);
    tcase_add_test(tc, freed_in_its_last_callback);
    tcase_add_test(tc, freed_at_any_time);
    tcase_add_test(tc, run_ends_with_the_session);
    tcase_add_test(tc, a_ping_is_told_and_run_is_stopped);
    tcase_add_test(tc, bad_arguments);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
