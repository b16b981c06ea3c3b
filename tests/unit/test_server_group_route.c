#include "server_support.h"

#include "group.h"

#include <stdio.h>

static int setup(sio_server *server, unsigned index, void *user) {
    return 0;
}

START_TEST(each_member_has_a_tag) {
    sio_server *server;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.setup = setup;
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    ck_assert_int_eq(sio_group_tag(server), '\0');
    sio_server_free(server);
    options.threads = SIO_GROUP_MAX;
    ck_assert_int_eq(sio_server_new(&server, &options), 0);
    ck_assert_int_eq(sio_group_tag(server), 'A');
    ck_assert_int_eq(sio_group_tag(sio_server_member(server, 63)), '_');
    sio_server_free(server);
}
END_TEST

/* ---- requests ---- */

static server_test t;

static void start(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.threads = 3;
    options.setup = setup;
    server_start(&t, &options);
}

static void stop(void) {
    server_stop(&t);
}

static void handshake(raw_client *c, char sid[64]) {
    http_answer answer;
    http_send(c, "GET", "/socket.io/?EIO=4&transport=polling", "", NULL, 0);
    ck_assert(http_receive(c, &answer));
    ck_assert_int_eq(answer.status, 200);
    ck_assert_int_eq(sscanf(answer.body, "0{\"sid\":\"%20[^\"]\"", sid), 1);
    http_answer_free(&answer);
}

static void open_each(char sids[3][64]) {
    for (unsigned i = 0; i < 3; i++) {
        raw_client c;
        char sid[64];
        raw_open(&c, &t);
        handshake(&c, sid);
        memcpy(sids[sid[0] - 'A'], sid, sizeof(sid));
        raw_close(&c);
    }
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(sids[i][0], "ABC"[i]);
    }
}

static void request(raw_client *c, const char *method, const char *sid, const char *body) {
    char target[256];
    snprintf(target, sizeof(target), "/socket.io/?EIO=4&transport=polling&sid=%s", sid);
    http_send(c, method, target, "", body, body ? strlen(body) : 0);
}

/* One connection serves the sessions of all members, in any order. */
START_TEST(a_connection_goes_where_its_requests_do) {
    static const unsigned order[] = {2, 0, 1, 1, 2, 0, 2};
    char sids[3][64];
    raw_client c;
    open_each(sids);
    raw_open(&c, &t);
    for (unsigned i = 0; i < 3; i++) {
        request(&c, "POST", sids[i], "40");
        http_expect_answer(&c, 200, "ok");
        request(&c, "GET", sids[i], NULL);
        http_expect_answer(&c, 200, NULL);
    }
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        request(&c, "POST", sids[order[i]], "42[\"x\"]");
        http_expect_answer(&c, 200, "ok");
    }
    raw_close(&c);
}
END_TEST

/* Sent ahead of the answers, they are answered in order. */
START_TEST(requests_that_were_sent_ahead_are_answered_in_order) {
    char sids[3][64];
    raw_client c;
    open_each(sids);
    raw_open(&c, &t);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 3; i++) {
            request(&c, "POST", sids[i], round == 0 ? "40" : "42[\"x\"]");
        }
        request(&c, "GET", "nobody", NULL);
    }
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 3; i++) {
            http_expect_answer(&c, 200, "ok");
        }
        http_expect_answer(&c, 400, "{\"code\":1,\"message\":\"Session ID unknown\"}");
    }
    raw_close(&c);
}
END_TEST

/* The WebSocket of an upgrade comes over a connection that may be on any loop. */
START_TEST(an_upgrade_goes_to_its_session) {
    char sids[3][64];
    open_each(sids);
    for (unsigned i = 0; i < 3; i++) {
        char query[256];
        raw_client c;
        snprintf(query, sizeof(query), "EIO=4&sid=%s", sids[i]);
        ws_open(&c, &t, query, "");
        ws_text(&c, "2probe");
        ws_expect(&c, "3probe");
        raw_close(&c);
    }
}
END_TEST

static void expect_unknown(const char *sid) {
    char target[256];
    snprintf(target, sizeof(target), "/socket.io/?EIO=4&transport=polling&sid=%s", sid);
    http_expect(&t, "GET", target, "", NULL, 400,
                "{\"code\":1,\"message\":\"Session ID unknown\"}");
}

START_TEST(what_is_nobodys_is_unknown) {
    static const char *const sids[] = {"D", "_", "%41", "~", "!x", "A", "Bb", "C%00"};
    for (size_t i = 0; i < sizeof(sids) / sizeof(sids[0]); i++) {
        for (unsigned turn = 0; turn < 3; turn++) {
            expect_unknown(sids[i]);
        }
    }
}
END_TEST

/* All come over one connection, as from a proxy. */
START_TEST(new_sessions_go_where_there_are_few) {
    enum { ALL = 90, MEAN = ALL / 3 };
    unsigned of_each[3] = {0};
    raw_client c;
    raw_open(&c, &t);
    for (unsigned i = 0; i < ALL; i++) {
        char sid[64];
        handshake(&c, sid);
        of_each[sid[0] - 'A']++;
    }
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_ge(of_each[i], MEAN / 2);
        ck_assert_uint_le(of_each[i], MEAN * 3 / 2);
    }
    raw_close(&c);
}
END_TEST

/* Only an engine's sessions have tags. */
START_TEST(other_paths_stay_where_they_are) {
    raw_client c;
    raw_open(&c, &t);
    for (const char *sid = "ABC"; *sid; sid++) {
        char target[] = "/other?sid=x";
        target[sizeof(target) - 2] = *sid;
        http_send(&c, "GET", target, "", NULL, 0);
        http_expect_answer(&c, 404, NULL);
    }
    raw_close(&c);
    sio_counters now = SIO_COUNTERS_INIT;
    ck_assert_int_eq(sio_server_read_counters(t.server, &now), 0);
    ck_assert_uint_eq(now.connections_moved, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_group_route");
    TCase *all = tcase_create("all");
    tcase_add_test(all, each_member_has_a_tag);
    suite_add_tcase(suite, all);

    TCase *requests = tcase_create("requests");
    tcase_add_checked_fixture(requests, start, stop);
    tcase_add_test(requests, a_connection_goes_where_its_requests_do);
    tcase_add_test(requests, requests_that_were_sent_ahead_are_answered_in_order);
    tcase_add_test(requests, an_upgrade_goes_to_its_session);
    tcase_add_test(requests, what_is_nobodys_is_unknown);
    tcase_add_test(requests, new_sessions_go_where_there_are_few);
    tcase_add_test(requests, other_paths_stay_where_they_are);
    suite_add_tcase(suite, requests);
    return test_run(suite);
}
