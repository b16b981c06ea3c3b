#include "server_support.h"

#include "engine_session.h"

static server_test t;

static const sio_engine_callbacks callbacks = SIO_ENGINE_CALLBACKS_INIT;

static void start(void) {
    t = (server_test){0};
    engine_start(&t, &(sio_engine_settings){.polling = true, .websocket = true});
}

static void stop(void) {
    engine_stop(&t);
}

START_TEST(refuses_impossible_options) {
    sio_engine *engine = NULL;
    sio_engine_settings options = {.eio = &t.eio, .path = "socket.io", .polling = true};
    ck_assert_int_eq(sio_engine_new(&engine, t.loop, &options), SIO_ERR_INVALID);
    options = (sio_engine_settings){.eio = &t.eio, .path = "/socket.io"};
    ck_assert_int_eq(sio_engine_new(&engine, t.loop, &options), SIO_ERR_INVALID);
    ck_assert_ptr_null(engine);
    sio_engine_free(NULL);
}
END_TEST

START_TEST(its_path_is_a_prefix_with_a_slash) {
    ck_assert(sio_engine_has_path(t.engine, SIO_STR("/engine.io/")));
    ck_assert(sio_engine_has_path(t.engine, SIO_STR("/engine.io/anything")));
    ck_assert(!sio_engine_has_path(t.engine, SIO_STR("/engine.io")));
    ck_assert(!sio_engine_has_path(t.engine, SIO_STR("/engine.iofoo")));
    ck_assert(!sio_engine_has_path(t.engine, SIO_STR("")));
    sio_engine *engine;
    sio_engine_settings options = {
        .eio = &t.eio, .path = "/x/", .polling = true, .callbacks = &callbacks};
    ck_assert_int_eq(sio_engine_new(&engine, t.loop, &options), 0);
    ck_assert(sio_engine_has_path(engine, SIO_STR("/x/")));
    ck_assert(!sio_engine_has_path(engine, SIO_STR("/x")));
    sio_engine_free(engine);
}
END_TEST

/* E18 */
START_TEST(counts_its_sessions) {
    poller p;
    raw_client ws;
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 0);
    poller_open(&p, &t, "EIO=4");
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 1);
    ws_connect(&ws, &t, "EIO=4", NULL);
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 2);
    raw_close(&ws);
    server_until(&t, sio_engine_session_count(t.engine) == 1);
    poller_post(&p, "1");
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 0);
    ck_assert_uint_eq(t.opens, 2);
    ck_assert_uint_eq(t.closes, 2);
    poller_close(&p);
}
END_TEST

/* E45 E67: The engine's stop, with discard: a held GET gets a close, a WebSocket its Close frame.
 */
START_TEST(closes_every_session_at_once) {
    poller held, idle;
    raw_client ws;
    poller_open(&held, &t, "EIO=4");
    poller_open(&idle, &t, "EIO=4");
    ws_connect(&ws, &t, "EIO=4", NULL);
    poller_poll(&held);
    server_settle(&t);
    sio_engine_close(t.engine, true);
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 0);
    ck_assert_uint_eq(t.closes, 3);
    ck_assert_int_eq(t.reason, SIO_EIO_REASON_FORCED_CLOSE);
    poller_expect(&held, "1");
    ws_expect_close(&ws, 0);
    poller_expect_gone(&idle);
    sio_engine_close(t.engine, true);
    poller_close(&held);
    poller_close(&idle);
    raw_close(&ws);
}
END_TEST

/* E69: Without discard what is queued goes out first. */
START_TEST(closes_gracefully) {
    poller p;
    raw_client ws;
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "4queued");
    ws_connect(&ws, &t, "EIO=4", NULL);
    ws_text(&ws, "4a");
    server_until(&t, t.messages == 2);
    sio_engine_close(t.engine, false);
    ws_expect(&ws, "4a");
    ws_expect_close(&ws, 0);
    poller_get(&p, "4queued");
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 1);
    poller_get(&p, "6\x1e"
                   "1");
    ck_assert_uint_eq(sio_engine_session_count(t.engine), 0);
    poller_close(&p);
    raw_close(&ws);
}
END_TEST

START_TEST(freeing_it_closes_what_is_open) {
    poller p;
    raw_client ws;
    poller_open(&p, &t, "EIO=4");
    poller_poll(&p);
    ws_connect(&ws, &t, "EIO=4", NULL);
    server_settle(&t);
    ck_assert_uint_eq(t.opens, 2);
    poller_close(&p);
    raw_close(&ws);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("engine");
    TCase *tc = tcase_create("engine");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, refuses_impossible_options);
    tcase_add_test(tc, its_path_is_a_prefix_with_a_slash);
    tcase_add_test(tc, counts_its_sessions);
    tcase_add_test(tc, closes_every_session_at_once);
    tcase_add_test(tc, closes_gracefully);
    tcase_add_test(tc, freeing_it_closes_what_is_open);
    return test_run(suite);
}
