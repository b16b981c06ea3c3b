/* A namespace: CONNECT and its answers, events, acknowledgements of received events, handlers.
 * Ids in comments: the reference client's test suites (SC connection, SS socket, SV recovery, EM
 * emitter). */
#include "client_fixture.h"

#include <stdio.h>
#include <string.h>

static void expect_connect(const char *sent) {
    fake_open();
    EXPECT("attempt", "client open", sent);
}

/* ---- making it ---- */

START_TEST(names) {
    sio_client *client = client_make(NULL);
    ck_assert_str_eq(sio_socket_namespace(sio_client_socket(client, NULL)), "/");
    ck_assert_str_eq(sio_socket_namespace(sio_client_socket(client, "")), "/");
    ck_assert_str_eq(sio_socket_namespace(sio_client_socket(client, "admin")), "/admin");
    ck_assert_str_eq(sio_socket_namespace(sio_client_socket(client, "/a b/")), "/a b/");
    ck_assert_ptr_eq(sio_client_socket(client, "admin"), sio_client_socket(client, "/admin"));
    ck_assert_ptr_null(sio_client_socket(client, "/a,b"));
    ck_assert_ptr_null(sio_client_socket(client, "/a\n"));
    ck_assert_ptr_eq(sio_socket_client(sio_client_socket(client, "/")), client);
}
END_TEST

START_TEST(url_path_is_the_namespace) {
    sio_client_options o = client_options();
    sio_client *client = NULL;
    ck_assert_int_eq(sio_client_new(&client, "http://localhost/some/%20Where?x=1#f", &o), 0);
    ck_assert_str_eq(sio_socket_namespace(sio_client_socket(client, NULL)), "/some/%20Where");
    sio_client_free(client);
}
END_TEST

START_TEST(user_pointer) {
    int x;
    sio_socket *socket = client_socket(client_make(NULL), "/");
    ck_assert_ptr_null(sio_socket_user(socket));
    sio_socket_set_user(socket, &x);
    ck_assert_ptr_eq(sio_socket_user(socket), &x);
}
END_TEST

START_TEST(asking_for_it_again_connects_it) { /* SC-45 SC-46 */
    sio_socket *socket = client_connected(NULL);
    sio_client *client = sio_socket_client(socket);
    sio_socket_disconnect(socket);
    trace_clear();
    ck_assert(!sio_socket_active(socket));
    ck_assert_ptr_eq(sio_client_socket(client, "/"), socket);
    ck_assert(sio_socket_active(socket));
    ck_assert_ptr_eq(sio_client_socket(client, "/"), socket);
    expect_connect("> 0");
    ck_assert_int_eq(sio_socket_connect(socket), 0); /* quirk 8: not asked for twice */
    EXPECT_NOTHING();
    client_accept("/", "id2");
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    EXPECT("/ connect");
}
END_TEST

/* ---- auth ---- */

START_TEST(auth_of_the_client_and_of_the_socket) { /* SS-17 SS-18 */
    sio_client_options o = client_options();
    o.auth = "{\"token\":\"c\"}";
    sio_client *client = client_make(&o);
    client_socket(client, "/");
    sio_socket *own = client_socket(client, "/own");
    ck_assert_int_eq(sio_socket_set_auth(own, "{\"a\":[1]}"), 0);
    ck_assert_int_eq(sio_socket_set_auth(own, "{\"a\":"), SIO_ERR_JSON_SYNTAX);
    ck_assert_int_eq(sio_socket_set_auth(own, "[1]"), SIO_ERR_INVALID);
    fake_open();
    EXPECT("attempt", "client open", "> 0{\"token\":\"c\"}", "> 0/own,{\"a\":[1]}");
    ck_assert_int_eq(sio_socket_set_auth(own, " {\"b\":2}"), 0); /* for the next attempt */
    fake_cut();
    pass(101);
    trace_clear();
    fake_open();
    EXPECT("client open", "> 0{\"token\":\"c\"}", "> 0/own,{\"b\":2}", "client reconnect 1");
    ck_assert_int_eq(sio_socket_set_auth(own, NULL), 0);
    fake_cut();
    pass(101);
    trace_clear();
    fake_open();
    EXPECT("client open", "> 0{\"token\":\"c\"}", "> 0/own,{\"token\":\"c\"}",
           "client reconnect 1");
}
END_TEST

/* ---- answers to CONNECT ---- */

START_TEST(id_is_the_servers) { /* SS-01 SS-02 */
    sio_client *client = client_make(NULL);
    sio_socket *root = client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    ck_assert_str_eq(sio_socket_id(root), "");
    fake_open();
    client_accept("/", "r");
    client_accept("/a", "\\u0061");
    ck_assert_str_eq(sio_socket_id(root), "r");
    ck_assert_str_eq(sio_socket_id(a), "a");
    ck_assert_str_eq(sio_client_engine_id(client), "engine1");
    ck_assert(!sio_socket_recovered(root));
}
END_TEST

START_TEST(server_of_version_2) { /* SC-27 */
    static const char *const answers[] = {"0", "0{}", "0{\"sid\":1}", "0{\"sid\":\"\"}"};
    sio_socket *socket = client_socket(client_make(NULL), "/");
    expect_connect("> 0");
    fake_text(answers[_i]);
    EXPECT("/ connect_error It seems you are trying to reach a Socket.IO server in v2.x with a "
           "v3.x client");
    ck_assert(sio_socket_active(socket));
    ck_assert(!sio_socket_connected(socket));
    client_accept("/", "late");
    EXPECT("/ connect");
}
END_TEST

START_TEST(refused) { /* SS-19 SS-20 */
    sio_client *client = client_make(NULL);
    sio_socket *root = client_socket(client, "/");
    sio_socket *no = client_socket(client, "/no");
    fake_open();
    client_accept("/", "id");
    trace_clear();
    fake_text("4/no,{\"message\":\"Auth \\\"failed\\\"\",\"data\":{\"code\":403,\"why\":[\"x\"]}}");
    EXPECT("/no connect_error Auth \"failed\" {\"code\":403,\"why\":[\"x\"]}");
    ck_assert(!sio_socket_active(no));
    ck_assert(!sio_socket_connected(no));
    ck_assert(sio_socket_connected(root));
    fake_cut();
    pass(101);
    trace_clear();
    fake_open();
    EXPECT("client open", "> 0", "client reconnect 1"); /* not asked for again */
    ck_assert_int_eq(sio_socket_connect(no), 0);
    EXPECT("> 0/no,");
    fake_text("4/no,{\"message\":\"Invalid namespace\"}");
    EXPECT("/no connect_error Invalid namespace");
}
END_TEST

static int last_status;

static void keep_status(sio_socket *socket, const sio_event *event, void *user) {
    last_status = event->status;
}

START_TEST(refusal_of_the_last_socket_closes) {
    static const char *const answers[] = {"4{\"message\":\"no\"}", "4\"no\"", "4{}"};
    static const char *const told[] = {"/ connect_error no", "/ connect_error no",
                                       "/ connect_error "};
    fake.close_inside = _i == 0; /* the payload goes with the connection */
    sio_socket *socket = client_socket(client_make(NULL), "/");
    ck_assert_int_eq(sio_socket_on(socket, "connect_error", keep_status, NULL), 0);
    expect_connect("> 0");
    fake_text(answers[_i]);
    EXPECT("(closing)", "client close forced close", told[_i]);
    ck_assert_int_eq(last_status, SIO_ERR_SIO_REFUSED);
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    expect_connect("> 0");
}
END_TEST

START_TEST(namespace_too_long_for_the_protocol) {
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    sio_client *client = client_make(NULL);
    sio_socket *socket = sio_client_socket(client, name);
    ck_assert_int_eq(sio_socket_on(socket, "connect_error", keep_status, NULL), 0);
    fake_open();
    ck_assert_int_eq(last_status, SIO_ERR_SIO_NAMESPACE);
    ck_assert(!sio_socket_active(socket)); /* the next connection would not do better */
    pass(60000);
    ck_assert_uint_eq(fake_made(), 1);
}
END_TEST

START_TEST(connect_that_cannot_be_sent_is_tried_again) {
    sio_socket *socket = client_socket(client_make(NULL), "/");
    fake.fail_send = SIO_ERR_NOMEM;
    fake_open();
    EXPECT("attempt", "client open", "/ connect_error out of memory", "(failing)",
           "client close transport error");
    ck_assert(sio_socket_active(socket));
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
    fake_open();
    EXPECT("client open", "> 0", "client reconnect 1");
}
END_TEST

/* ---- protocol 4 ---- */

static sio_client *old_client(void) {
    sio_client_options o = client_options();
    o.eio_version = 3;
    o.auth = "{\"ignored\":1}";
    return client_make(&o);
}

START_TEST(protocol_4) {
    sio_client *client = old_client();
    sio_socket *root = client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    ck_assert_int_eq(fake_last_attempt()->revision, 3);
    expect_connect("> 0/a,");
    fake_text("0");
    EXPECT("/ connect");
    fake_text("0/a");
    EXPECT("/a connect");
    ck_assert_str_eq(sio_socket_id(root), "engine1");
    ck_assert_str_eq(sio_socket_id(a), "/a#engine1");

    sio_socket_disconnect(root);
    ck_assert_int_eq(sio_socket_connect(root), 0); /* now it has to be asked for */
    EXPECT("> 1", "/ disconnect io client disconnect", "> 0");
    fake_text("0");
    EXPECT("/ connect");
    fake_text("1"); /* the server's: the others live on */
    EXPECT("/ disconnect io server disconnect");
    ck_assert(sio_socket_connected(a));
    fake_text("2/a,[\"x\",\"y\"]");
    watch(a, "x");
    fake_text("2/a,[\"x\",\"y\"]");
    EXPECT("/a x [\"y\"]");
    ck_assert(!sio_socket_recovered(a));
}
END_TEST

START_TEST(protocol_4_late_root_is_connected_at_once) {
    sio_client *client = old_client();
    client_socket(client, "/a");
    fake_open();
    fake_text("0");
    trace_clear();
    sio_socket *root = client_socket(client, "/");
    ck_assert(sio_socket_connected(root));
    ck_assert_str_eq(sio_socket_id(root), "engine1");
}
END_TEST

/* ---- events ---- */

static void check_types(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert(sio_event_is(event, "t"));
    ck_assert_uint_eq(sio_event_count(event), 7);
    ck_assert_str_eq(sio_event_string(event, 0), "\xe2\x98\x83");
    ck_assert_int_eq(sio_event_int(event, 1), 42);
    ck_assert(sio_event_double(event, 2) == -1.5);
    ck_assert(sio_event_bool(event, 3));
    ck_assert_int_eq(sio_event_kind(event, 4), SIO_KIND_BOOL); /* SC-09 */
    ck_assert_int_eq(sio_event_kind(event, 5), SIO_KIND_NULL);
    ck_assert_int_eq(sio_event_kind(event, 6), SIO_KIND_OBJECT);
    ck_assert_int_eq(sio_event_int(event, 0), 0);
    ck_assert_str_eq(sio_event_string(event, 9), "");
    ck_assert_ptr_null(event->ack);
    trace("checked");
}

START_TEST(typed_arguments) { /* SC-09 SC-10 SC-35 SC-36 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on(socket, "t", check_types, NULL), 0);
    fake_text("2[\"t\",\"\\u2603\",42,-1.5,true,false,null,{\"a\":[]}]");
    EXPECT("checked");
}
END_TEST

START_TEST(binary_then_text_in_order) { /* SC-38 SC-41 */
    sio_socket *socket = client_connected(NULL);
    watch(socket, "b");
    watch(socket, "t");
    fake_text("52-[\"b\",{\"_placeholder\":true,\"num\":0},[{\"_placeholder\":true,\"num\":1}]]");
    fake_binary("\x00\xff", 2);
    EXPECT_NOTHING();
    fake_binary("", 0);
    fake_text("2[\"t\"]");
    EXPECT("/ b [{\"_placeholder\":true,\"num\":0},[{\"_placeholder\":true,\"num\":1}]<00ff><>]",
           "/ t []");
}
END_TEST

static void disconnect_it(sio_socket *socket, const sio_event *event, void *user) {
    sio_socket_disconnect(socket);
}

START_TEST(arguments_outlive_the_connection_they_came_over) {
    fake.close_inside = true;
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on(socket, "b", disconnect_it, NULL), 0);
    watch(socket, "b");
    fake_text("51-[\"b\",{\"_placeholder\":true,\"num\":0},\"text\"]");
    fake_binary("\x01\x02", 2);
    EXPECT("> 1", "(closing)", "client close forced close", "/ disconnect io client disconnect",
           "/ b [{\"_placeholder\":true,\"num\":0},\"text\"<0102>]");
}
END_TEST

START_TEST(early_events_come_before_connect) { /* the reference's receiveBuffer */
    sio_socket *socket = client_socket(client_make(NULL), "/");
    watch(socket, "e");
    watch(socket, "b");
    expect_connect("> 0");
    fake_text("2[\"e\",1]");
    fake_text("51-[\"b\",{\"_placeholder\":true,\"num\":0}]");
    fake_binary("\x07", 1);
    fake_text("29[\"e\",2]");
    EXPECT_NOTHING();
    client_accept("/", "id");
    EXPECT("/ e [1]", "/ b [{\"_placeholder\":true,\"num\":0}<07>]", "/ e [2] ack?", "/ connect");
}
END_TEST

START_TEST(early_events_of_a_lost_connection_are_forgotten) {
    sio_client *client = client_make(NULL);
    sio_socket *socket = client_socket(client, "/");
    watch(socket, "e");
    fake_open();
    fake_text("21[\"e\",1]"); /* its id means nothing to the next connection */
    fake_cut();
    pass(101);
    fake_open();
    trace_clear();
    client_accept("/", "id");
    EXPECT("/ connect");
}
END_TEST

START_TEST(handler_of_an_early_event_disconnects) {
    sio_socket *socket = client_socket(client_make(NULL), "/");
    ck_assert_int_eq(sio_socket_on(socket, "e", disconnect_it, NULL), 0);
    watch(socket, "e");
    fake_open();
    fake_text("2[\"e\",1]");
    fake_text("2[\"e\",2]");
    trace_clear();
    client_accept("/", "id");
    EXPECT("> 1", "(closing)", "client close forced close", "/ disconnect io client disconnect",
           "/ e [1]");
}
END_TEST

START_TEST(early_events_are_limited) {
    sio_client_options o = client_options();
    o.max_buffered = 2;
    client_socket(client_make(&o), "/");
    fake_open();
    fake_text("2[\"e\",1]");
    fake_text("2[\"e\",2]");
    trace_clear();
    fake_text("2[\"e\",3]");
    EXPECT("(closing)", "client close transport error");
    pass(101);
    fake_open();
    fake_text("2[\"e\",1]");
    fake_text("2[\"e\",2]");
    EXPECT("client reconnect_attempt 1", "attempt", "client open", "> 0", "client reconnect 1");
}
END_TEST

/* ---- handlers ---- */

static char order[64];

static void note_letter(char letter) {
    size_t len = strlen(order);
    ck_assert_uint_lt(len + 1, sizeof(order));
    order[len] = letter;
    order[len + 1] = '\0';
}

static void add_letter(sio_socket *socket, const sio_event *event, void *user) {
    note_letter(*(const char *)user);
}

static char letter_b[] = "b", letter_a[] = "a", letter_c[] = "c";

static void remove_b(sio_socket *socket, const sio_event *event, void *user) {
    note_letter('-');
    (void)sio_socket_off(socket, "x", add_letter, letter_b);
    (void)sio_socket_on(socket, "x", add_letter, letter_c);
    (void)sio_socket_off(socket, "x", remove_b, NULL);
}

START_TEST(handlers_in_order_and_removal) { /* EM-02 EM-03 EM-05 EM-06 EM-07, SS-28 SS-30 */
    sio_socket *socket = client_connected(NULL);
    order[0] = '\0';
    ck_assert_int_eq(sio_socket_on(socket, "x", add_letter, letter_a), 0);
    ck_assert_int_eq(sio_socket_on(socket, "x", remove_b, NULL), 0);
    ck_assert_int_eq(sio_socket_on(socket, "x", add_letter, letter_b), 0);
    ck_assert_int_eq(sio_socket_on(socket, "__proto__", add_letter, letter_c), 0);
    fake_text("2[\"x\"]");
    ck_assert_str_eq(order, "a-"); /* the removed one not any more, the added one not yet */
    order[0] = '\0';
    fake_text("2[\"x\"]");
    fake_text("2[\"__proto__\"]");
    fake_text("2[\"other\"]");
    ck_assert_str_eq(order, "acc");
    ck_assert_int_eq(sio_socket_off(socket, "x", add_letter, letter_b), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_socket_off(socket, "none", add_letter, NULL), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_socket_off(socket, NULL, add_letter, NULL), SIO_ERR_NOT_FOUND);
}
END_TEST

START_TEST(once_and_any) { /* EM-04 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_once(socket, "x", trace_event, NULL), 0);
    ck_assert_int_eq(sio_socket_on_any(socket, trace_event, NULL), 0);
    fake_text("2[\"x\",1]");
    EXPECT("/ x [1]", "/ x [1]");
    fake_text("2[\"x\",2]");
    fake_text("2[7]"); /* a numeric name */
    EXPECT("/ x [2]", "/ 7 []");
    fake_text("30[1]"); /* acknowledgements and the library's events are none of its business */
    ck_assert_int_eq(sio_socket_off(socket, NULL, trace_event, NULL), 0);
    fake_text("2[\"x\",3]");
    fake_cut();
    EXPECT("client close transport close", "/ disconnect transport close");
}
END_TEST

/* ---- acknowledging what the server asked ---- */

static sio_ack *kept;
static int ack_result;

static void reply_twice(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_ptr_nonnull(event->ack);
    ck_assert_int_eq(sio_ack_sendf(event->ack, "i s", 7, "seven"), 0);
    ck_assert_int_eq(sio_ack_sendf(event->ack, "i", 8), SIO_ERR_STATE);
}

static void reply_binary(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_ack_sendf(event->ack, "B i", "\x09\x09", (size_t)2, 1), 0);
}

static void keep_ack(sio_socket *socket, const sio_event *event, void *user) {
    ck_assert_int_eq(sio_ack_ref(&kept, event->ack), 0);
}

static void close_then_reply(sio_socket *socket, const sio_event *event, void *user) {
    sio_client_close(sio_socket_client(socket));
    ack_result = sio_ack_sendf(event->ack, "i", 1);
}

START_TEST(replies) { /* SC-07 SC-08 */
    sio_client *client = client_make(NULL);
    sio_socket *socket = client_socket(client, "/n");
    fake_open();
    client_accept("/n", "id");
    trace_clear();
    ck_assert_int_eq(sio_socket_on(socket, "q", reply_twice, NULL), 0);
    ck_assert_int_eq(sio_socket_on(socket, "b", reply_binary, NULL), 0);
    ck_assert_int_eq(sio_socket_on(socket, "k", keep_ack, NULL), 0);
    fake_text("2/n,12[\"q\"]");
    fake_text("2/n,9007199254740991[\"b\"]");
    fake_text("2/n,13[\"none\"]");
    fake_text("2/n,14[\"k\"]");
    EXPECT("> 3/n,12[7,\"seven\"]", "> 61-/n,9007199254740991[{\"_placeholder\":true,\"num\":0},1]",
           "> <0909>");
    turn();
    ck_assert_int_eq(sio_ack_send(kept, NULL), 0);
    EXPECT("> 3/n,14[]");
    sio_ack_unref(kept);
}
END_TEST

START_TEST(reply_after_the_connection) { /* quirk 23 */
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_on(socket, "k", keep_ack, NULL), 0);
    ck_assert_int_eq(sio_socket_on(socket, "c", close_then_reply, NULL), 0);
    fake_text("21[\"k\"]");
    fake_cut();
    pass(101);
    fake_open();
    client_accept("/", "id2");
    trace_clear();
    ck_assert_int_eq(sio_ack_send(kept, NULL), SIO_ERR_DISCONNECTED);
    EXPECT_NOTHING();
    sio_ack_unref(kept);
    fake_text("22[\"c\"]");
    ck_assert_int_eq(ack_result, SIO_ERR_DISCONNECTED);
}
END_TEST

START_TEST(reply_after_the_client) {
    test_mem mem;
    test_mem_init(&mem);
    sio_client_options o = client_options();
    o.mem = &mem.mem;
    sio_socket *socket = client_connected(&o);
    sio_client *client = sio_socket_client(socket);
    ck_assert_int_eq(sio_socket_on(socket, "k", keep_ack, NULL), 0);
    fake_text("21[\"k\"]");
    client_forget(client);
    sio_client_free(client);
    ck_assert_int_eq(sio_ack_send(kept, NULL), SIO_ERR_DISCONNECTED);
    sio_ack_unref(kept);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

/* ---- leaving ---- */

START_TEST(server_disconnects) { /* no reconnection by itself, but by sio_socket_connect */
    sio_client *client = client_make(NULL);
    sio_socket *root = client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    fake_open();
    client_accept("/", "1");
    client_accept("/a", "2");
    trace_clear();
    fake_text("1/a,");
    EXPECT("/a disconnect io server disconnect");
    ck_assert(!sio_socket_active(a));
    ck_assert_int_eq(sio_socket_connect(a), 0);
    EXPECT("> 0/a,");
    client_accept("/a", "3");
    fake_text("1/a,");
    trace_clear();
    fake_text("1");
    EXPECT("(closing)", "client close forced close", "/ disconnect io server disconnect");
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_int_eq(sio_socket_connect(root), 0);
    expect_connect("> 0");
}
END_TEST

START_TEST(disconnect_of_one_that_is_not_connected) {
    sio_client *client = client_make(NULL);
    client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    watch(a, "e");
    fake_open();
    trace_clear();
    sio_socket_disconnect(a);
    sio_socket_disconnect(a);
    client_accept("/a", "late"); /* crossed it on the way */
    fake_text("2/a,[\"e\"]");
    EXPECT("> 1/a,"); /* or the server would keep it there */
    ck_assert(!sio_socket_connected(a));
}
END_TEST

/* An answer does not say which CONNECT it is for, and servers close on a second one meanwhile. */
START_TEST(asked_for_again_before_the_answer) {
    static const char *const answers[] = {"0/a,{\"sid\":\"old\",\"pid\":\"p1\"}",
                                          "4/a,{\"message\":\"no\"}", "1/a,"};
    sio_client *client = client_make(NULL);
    client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    watch(a, "e");
    fake_open();
    client_accept("/", "root");
    trace_clear();
    for (int i = 0; i < 2; i++) {
        sio_socket_disconnect(a);
        ck_assert_int_eq(sio_socket_connect(a), 0);
    }
    fake_text("2/a,[\"e\",\"for nobody\"]");
    EXPECT_NOTHING();
    fake_text(answers[_i]);
    if (_i == 0) {
        EXPECT("> 1/a,", "> 0/a,");
    } else {
        EXPECT("> 0/a,");
    }
    ck_assert(!sio_socket_connected(a));
    fake_text("0/a,{\"sid\":\"new\",\"pid\":\"p2\"}");
    EXPECT("/a connect");
    ck_assert_str_eq(sio_socket_id(a), "new");
    ck_assert(!sio_socket_recovered(a));
}
END_TEST

START_TEST(what_was_given_up_goes_with_the_connection) {
    sio_client *client = client_make(NULL);
    client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    fake_open();
    client_accept("/", "root");
    sio_socket_disconnect(a);
    ck_assert_int_eq(sio_socket_connect(a), 0);
    fake_cut();
    pass(101);
    trace_clear();
    fake_open();
    EXPECT("client open", "> 0", "> 0/a,", "client reconnect 1");
    client_accept("/a", "new");
    EXPECT("/a connect");
}
END_TEST

/* ---- recovery ---- */

START_TEST(recovery) { /* SV-01, quirk 14 */
    sio_client_options o = client_options();
    o.auth = "{\"t\":1}";
    sio_client *client = client_make(&o);
    sio_socket *socket = client_socket(client, "/");
    watch(socket, "n");
    fake_open();
    fake_text("0{\"sid\":\"s\",\"pid\":\"p1\"}");
    fake_text("2[\"n\",1,\"off1\"]");
    fake_text("2[\"n\",2,\"off2\"]");
    fake_text("25[\"n\",\"not an offset\"]"); /* an id: the last argument is the callback */
    fake_text("2[\"n\",3]");
    ck_assert(!sio_socket_recovered(socket));
    fake_cut();
    pass(101);
    trace_clear();
    fake_open();
    EXPECT("client open", "> 0{\"pid\":\"p1\",\"offset\":\"off2\",\"t\":1}", "client reconnect 1");
    fake_text("2[\"n\",4,\"off4\"]"); /* some servers send them before the answer */
    fake_text("0{\"sid\":\"s\",\"pid\":\"p1\"}");
    EXPECT("/ n [4,\"off4\"]", "/ connect");
    ck_assert(sio_socket_recovered(socket));
    ck_assert_str_eq(sio_socket_id(socket), "s");
    fake_cut();
    pass(101);
    trace_clear();
    fake_open();
    EXPECT("client open", "> 0{\"pid\":\"p1\",\"offset\":\"off4\",\"t\":1}", "client reconnect 1");
    fake_text("0{\"sid\":\"s2\",\"pid\":\"p2\"}");
    ck_assert(!sio_socket_recovered(socket));
    fake_cut();
    pass(101);
    trace_clear();
    fake_open(); /* quirk 14: the offset belonged to the other session */
    EXPECT("client open", "> 0{\"pid\":\"p2\",\"t\":1}", "client reconnect 1");
    client_accept("/", "s3");
    fake_cut();
    pass(101);
    trace_clear();
    fake_open();
    EXPECT("client open", "> 0{\"t\":1}", "client reconnect 1");
}
END_TEST

/* ---- freeing inside each event ---- */

static void free_it(sio_socket *socket, const sio_event *event, void *user) {
    sio_client *client = sio_socket_client(socket);
    trace("freed");
    client_forget(client);
    sio_client_free(client);
}

static void later(sio_socket *socket, const sio_event *event, void *user) {
    ck_abort_msg("a handler ran after the client was freed");
}

START_TEST(free_in_each_event) {
    static const char *const events[] = {"connect", "connect_error", "disconnect", "early",
                                         "event",   "any",           "refused",    "with_id",
                                         "kick",    "leave"};
    const char *what = events[_i / 2];
    fake.close_inside = _i % 2 == 1;
    sio_socket *socket = sio_client_socket(client_make(NULL), "/");
    const char *name = strcmp(what, "refused") == 0                              ? "connect_error"
                       : strcmp(what, "kick") == 0 || strcmp(what, "leave") == 0 ? "disconnect"
                                                                                 : what;
    if (strcmp(what, "any") == 0) {
        ck_assert_int_eq(sio_socket_on_any(socket, free_it, NULL), 0);
        name = "event";
    } else {
        ck_assert_int_eq(sio_socket_on(socket, name, free_it, NULL), 0);
    }
    ck_assert_int_eq(sio_socket_on(socket, name, later, NULL), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "kept", ""), 0);
    if (strcmp(what, "connect_error") == 0) {
        fake_break(SIO_ERR_CONNECT, "x", "");
    } else {
        fake_open();
        if (strcmp(what, "refused") == 0) {
            fake_text("4{\"message\":\"no\",\"data\":[1]}");
        } else {
            fake_text("2[\"early\"]");
            fake_text("2[\"early\"]");
            client_accept("/", "id");
        }
    }
    if (_i / 2 == 2) {
        fake_cut();
    } else if (_i / 2 == 4 || _i / 2 == 5) {
        fake_text("2[\"event\",1]");
    } else if (_i / 2 == 7) {
        fake_text("27[\"with_id\",1]");
    } else if (_i / 2 == 8) {
        fake_text("1");
    } else if (_i / 2 == 9) {
        sio_socket_disconnect(socket);
    }
    trace_clear();
    pass(60000);
    EXPECT_NOTHING();
    ck_assert_uint_eq(fake_live(), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_socket");
    TCase *tc = tcase_create("socket");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, names);
    tcase_add_test(tc, url_path_is_the_namespace);
    tcase_add_test(tc, user_pointer);
    tcase_add_test(tc, asking_for_it_again_connects_it);
    tcase_add_test(tc, auth_of_the_client_and_of_the_socket);
    tcase_add_test(tc, id_is_the_servers);
    tcase_add_loop_test(tc, server_of_version_2, 0, 4);
    tcase_add_test(tc, refused);
    tcase_add_loop_test(tc, refusal_of_the_last_socket_closes, 0, 3);
    tcase_add_test(tc, namespace_too_long_for_the_protocol);
    tcase_add_test(tc, connect_that_cannot_be_sent_is_tried_again);
    tcase_add_test(tc, protocol_4);
    tcase_add_test(tc, protocol_4_late_root_is_connected_at_once);
    tcase_add_test(tc, typed_arguments);
    tcase_add_test(tc, binary_then_text_in_order);
    tcase_add_test(tc, arguments_outlive_the_connection_they_came_over);
    tcase_add_test(tc, early_events_come_before_connect);
    tcase_add_test(tc, early_events_of_a_lost_connection_are_forgotten);
    tcase_add_test(tc, handler_of_an_early_event_disconnects);
    tcase_add_test(tc, early_events_are_limited);
    tcase_add_test(tc, handlers_in_order_and_removal);
    tcase_add_test(tc, once_and_any);
    tcase_add_test(tc, replies);
    tcase_add_test(tc, reply_after_the_connection);
    tcase_add_test(tc, reply_after_the_client);
    tcase_add_test(tc, server_disconnects);
    tcase_add_test(tc, disconnect_of_one_that_is_not_connected);
    tcase_add_loop_test(tc, asked_for_again_before_the_answer, 0, 3);
    tcase_add_test(tc, what_was_given_up_goes_with_the_connection);
    tcase_add_test(tc, recovery);
    tcase_add_loop_test(tc, free_in_each_event, 0, 20);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
