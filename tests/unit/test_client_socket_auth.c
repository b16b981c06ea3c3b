/* Credentials of CONNECT: values, and asked of the application for each connection. */
#include "client_fixture.h"

#include <stdio.h>

static sio_auth_request *kept;
static int asked;
static bool answers_later;

static void setup(void) {
    client_setup();
    kept = NULL;
    asked = 0;
}

static void at_once(sio_socket *socket, sio_auth_request *request, void *user) {
    char json[32];
    snprintf(json, sizeof json, " {\"n\":%d}", ++asked);
    ck_assert_int_eq(sio_auth_answer(request, "[]"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_auth_answer(request, json), 0);
}

static void later(sio_socket *socket, sio_auth_request *request, void *user) {
    trace("%s asks %s", sio_socket_namespace(socket), (const char *)user);
    kept = request;
}

START_TEST(asked_before_each_attempt) { /* SS-18 */
    sio_client *client = client_make(NULL);
    sio_client_set_auth_fn(client, at_once, NULL);
    client_socket(client, "/");
    fake_open();
    EXPECT("attempt", "client open", "> 0{\"n\":1}");
    client_accept("/", "a");
    fake_cut();
    trace_clear();
    pass(101);
    fake_open();
    EXPECT("client reconnect_attempt 1", "attempt", "client open", "> 0{\"n\":2}",
           "client reconnect 1");
}
END_TEST

START_TEST(answered_later) {
    sio_socket *socket = client_socket(client_make(NULL), "/a");
    sio_socket_set_auth_fn(socket, later, tag("me"));
    fake_open();
    EXPECT("attempt", "client open", "/a asks me");
    ck_assert_int_eq(sio_socket_connect(socket), 0); /* quirk 8: one CONNECT for a connection */
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_auth_answer(kept, NULL), 0);
    EXPECT("> 0/a,");
    client_accept("/a", "x");
    EXPECT("/a connect");
}
END_TEST

/* quirk 13: an answer for a connection that is gone */
START_TEST(a_late_answer_does_not_reach_the_next_connection) {
    sio_socket *socket = client_socket(client_make(NULL), "/");
    sio_socket_set_auth_fn(socket, later, tag("first"));
    fake_open();
    sio_auth_request *first = kept;
    fake_cut();
    sio_socket_set_auth_fn(socket, later, tag("second"));
    pass(101);
    fake_open();
    trace_clear();
    ck_assert_int_eq(sio_auth_answer(first, "{\"old\":1}"), SIO_ERR_DISCONNECTED);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_auth_answer(kept, "{\"new\":1}"), 0);
    EXPECT("> 0{\"new\":1}");
}
END_TEST

START_TEST(no_credentials) {
    sio_socket *socket = client_socket(client_make(NULL), "/");
    sio_socket_set_auth_fn(socket, later, tag("me"));
    fake_open();
    trace_clear();
    ck_assert_int_eq(sio_auth_fail(kept, "no token"), 0);
    EXPECT("(closing)", "client close forced close", "/ connect_error no token");
    ck_assert(!sio_socket_active(socket));
    turn();
    ck_assert_int_eq(sio_socket_set_auth(socket, "{}"), 0); /* instead of asking */
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    fake_open();
    EXPECT("attempt", "client open", "> 0{}");
}
END_TEST

START_TEST(disconnected_or_freed_meanwhile) {
    sio_client *client = client_make(NULL);
    sio_socket *socket = client_socket(client, "/");
    sio_socket_set_auth_fn(socket, later, tag("me"));
    fake_open();
    if (_i == 0) {
        sio_socket_disconnect(socket);
    } else {
        client_forget(client);
        sio_client_free(client);
    }
    turn();
    ck_assert_int_eq(_i == 0 ? sio_auth_answer(kept, "{}") : sio_auth_fail(kept, NULL),
                     SIO_ERR_DISCONNECTED);
}
END_TEST

static void free_inside(sio_socket *socket, sio_auth_request *request, void *user) {
    kept = request;
    client_forget(sio_socket_client(socket));
    sio_client_free(sio_socket_client(socket));
}

START_TEST(freed_while_asked) {
    sio_client_set_auth_fn(sio_socket_client(client_socket(client_make(NULL), "/")), free_inside,
                           NULL);
    fake_open();
    turn();
    ck_assert_uint_eq(fake_live(), 0);
    ck_assert_int_eq(sio_auth_answer(kept, NULL), SIO_ERR_DISCONNECTED);
}
END_TEST

START_TEST(value_of_the_client) { /* SS-17 */
    sio_client *client = client_make(NULL);
    ck_assert_int_eq(sio_client_set_auth(client, "{"), SIO_ERR_JSON_SYNTAX);
    ck_assert_int_eq(sio_client_set_auth(client, "{\"t\":1}"), 0);
    sio_socket *other = client_socket(client, "/b");
    ck_assert_int_eq(sio_socket_set_auth(other, "{\"t\":2}"), 0);
    client_socket(client, "/");
    fake_open();
    EXPECT("attempt", "client open", "> 0/b,{\"t\":2}", "> 0{\"t\":1}");
}
END_TEST

/* ---- without memory ---- */

static void answer_text(sio_socket *socket, sio_auth_request *request, void *user) {
    (void)sio_auth_answer(request, "{\"asked\":1}");
}

static int memory_scenario(const sio_mem *mem, void *arg) {
    sio_client_options o = client_options();
    sio_client *client = NULL;
    o.mem = mem;
    o.auth = "{\"given\":1}";
    kept = NULL;
    int rc = sio_client_new(&client, "http://localhost", &o);
    sio_socket *root = rc == 0 ? sio_client_socket(client, "/") : NULL;
    sio_socket *other = root ? sio_client_socket(client, "/n") : NULL;
    if (rc == 0 && !other) {
        rc = SIO_ERR_NOMEM;
    }
    if (rc == 0) {
        rc = sio_client_set_auth(client, "{\"new\":2}");
    }
    if (rc == 0) {
        rc = sio_socket_set_auth(root, "{\"own\":3}");
        sio_socket_set_auth_fn(other, answers_later ? later : answer_text, tag("me"));
    }
    if (fake_engine_or_null()) {
        fake_open();
    }
    if (kept) {
        int answered = sio_auth_answer(kept, "{\"late\":1}");
        rc = rc == 0 ? answered : rc;
    }
    if (rc == 0 && fake_engine_or_null()) {
        client_accept("/n", "id");
        rc = sio_socket_connected(other) ? 0 : SIO_ERR_NOMEM;
    }
    sio_client_free(client);
    turn();
    return rc;
}

/* Whatever fails, the request is answered once and nothing is left. */
START_TEST(without_memory) {
    answers_later = _i;
    test_mem_sweep(memory_scenario, NULL);
    trace_clear();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_socket_auth");
    TCase *tc = tcase_create("auth");
    tcase_add_checked_fixture(tc, setup, client_teardown);
    tcase_add_test(tc, asked_before_each_attempt);
    tcase_add_test(tc, answered_later);
    tcase_add_test(tc, a_late_answer_does_not_reach_the_next_connection);
    tcase_add_test(tc, no_credentials);
    tcase_add_loop_test(tc, disconnected_or_freed_meanwhile, 0, 2);
    tcase_add_test(tc, freed_while_asked);
    tcase_add_test(tc, value_of_the_client);
    tcase_add_loop_test(tc, without_memory, 0, 2);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
