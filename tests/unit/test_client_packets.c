/* From messages to sockets. Ids in comments: the reference client's connection tests (SC). */
#include "client_fixture.h"

#include <sio/parser.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

START_TEST(each_packet_goes_to_its_namespace) {
    sio_client *client = client_make(NULL);
    sio_socket *root = client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    watch(root, "e");
    watch(a, "e");
    fake_open();
    client_accept("/", "1");
    client_accept("/a", "2");
    trace_clear();
    fake_text("2[\"e\",1]");
    fake_text("2/a,[\"e\",2]");
    fake_text("2/A,[\"e\",3]");
    fake_text("2/a/,[\"e\",4]");
    EXPECT("/ e [1]", "/a e [2]");
    /* What is for nobody is ignored. */
    fake_text("0/unknown,{\"sid\":\"x\"}");
    fake_text("4/unknown,{\"message\":\"no\"}");
    fake_text("1/unknown,");
    fake_text("3/unknown,1[]");
    fake_text("0{\"sid\":\"again\"}");
    EXPECT_NOTHING();
    ck_assert_str_eq(sio_socket_id(root), "1");
}
END_TEST

START_TEST(refused_after_it_was_accepted) {
    sio_socket *socket = client_connected(NULL);
    ck_assert_int_eq(sio_socket_emit_ackf(socket, "q", 0, trace_reply, NULL, ""), 0);
    trace_clear();
    fake_text("4{\"message\":\"no more\"}");
    EXPECT("(closing)", "client close forced close", "/ disconnect io server disconnect",
           "ack DISCONNECTED", "/ connect_error no more");
    ck_assert(!sio_socket_connected(socket));
    ck_assert(!sio_socket_active(socket));
    ck_assert_int_eq(sio_socket_connect(socket), 0);
    fake_open();
    client_accept("/", "id2");
    ck_assert(sio_socket_connected(socket));
}
END_TEST

static const char *const broken[] = {
    "",
    "7",
    "9[]",
    "x",
    "2{\"a\":1}",
    "2[]",
    "2[\"connect\"]",
    "2[\"disconnect\"]",
    "2[{}]",
    "2[\"a\"",
    "2[\"a\"]]",
    "2[\"a\",\xff]",
    "3{\"a\":1}",
    "0[]",
    "1{}",
    "4 1",
    "51[\"a\"]",
    "5-[\"a\"]",
    "511-[\"a\",{\"_placeholder\":true,\"num\":0}]",
    "51-[\"a\",{\"_placeholder\":true,\"num\":1}]",
    "51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]",
};

START_TEST(what_cannot_be_decoded_ends_the_connection) { /* SC-48 */
    sio_socket *socket = client_connected(NULL);
    fake_text(broken[_i]);
    EXPECT("(closing)", "client close parse error", "/ disconnect parse error");
    ck_assert(sio_socket_active(socket));
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
    ck_assert_uint_eq(fake_live(), 1);
}
END_TEST

START_TEST(while_the_namespace_is_not_connected) {
    client_socket(client_make(NULL), "/");
    fake_open();
    trace_clear();
    fake_text("garbage");
    EXPECT("(closing)", "client close parse error");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(attachments_out_of_place) {
    sio_socket *socket = client_connected(NULL);
    watch(socket, "b");
    if (_i == 0) {
        fake_binary("x", 1); /* without a packet */
    } else {
        fake_text("51-[\"b\",{\"_placeholder\":true,\"num\":0}]");
        fake_text("2[\"b\"]"); /* instead of it */
    }
    EXPECT("(closing)", "client close parse error", "/ disconnect parse error");
}
END_TEST

START_TEST(half_a_packet_does_not_reach_the_next_connection) {
    sio_socket *socket = client_connected(NULL);
    watch(socket, "b");
    fake_text("52-[\"b\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    fake_binary("x", 1);
    fake_cut();
    pass(101);
    fake_open();
    client_accept("/", "id2");
    trace_clear();
    fake_text("2[\"b\",1]");
    EXPECT("/ b [1]");
}
END_TEST

START_TEST(nothing_is_taken_from_an_engine_that_was_given_up) {
    fake.close_never = true;
    sio_socket *socket = client_connected(NULL);
    sio_cengine *old = fake_engine();
    watch(socket, "e");
    sio_client_close(sio_socket_client(socket));
    trace_clear();
    fake_text("2[\"e\"]");
    fake_text("garbage");
    fake_ping();
    EXPECT_NOTHING();
    fake_close(old, SIO_EIO_REASON_FORCED_CLOSE, NULL);
    EXPECT_NOTHING();
}
END_TEST

START_TEST(protocol_4_error_on_the_root_concerns_all) {
    sio_client_options o = client_options();
    o.eio_version = 3;
    sio_client *client = client_make(&o);
    sio_socket *root = client_socket(client, "/");
    sio_socket *a = client_socket(client, "/a");
    client_socket(client, "/b");
    fake_open();
    fake_text("0/a");
    trace_clear();
    fake.close_inside = true;
    fake_text("4\"not authorized\"");
    EXPECT("/ connect_error not authorized", "/b connect_error not authorized");
    ck_assert(!sio_socket_active(root));
    ck_assert(sio_socket_connected(a));
    ck_assert_int_eq(sio_socket_connect(root), 0); /* it has to be asked for now */
    EXPECT("> 0");
    fake_text("4{\"code\":1}");
    EXPECT("/ connect_error ");
    sio_socket_disconnect(a);
    EXPECT("> 1/a,", "(closing)", "client close forced close",
           "/a disconnect io client disconnect");
}
END_TEST

START_TEST(protocol_4_error_that_leaves_nobody) {
    sio_client_options o = client_options();
    o.eio_version = 3;
    sio_client *client = client_make(&o);
    client_socket(client, "/");
    client_socket(client, "/b");
    fake_open();
    trace_clear();
    fake.close_inside = true; /* the message goes with the connection */
    fake_text("4[1]");
    EXPECT("/ connect_error  [1]", "(closing)", "client close forced close",
           "/b connect_error  [1]");
    pass(60000);
    EXPECT_NOTHING();
}
END_TEST

static const sio_str no_name = {NULL, 0};

/* The server's packet in MessagePack, with these arguments. */
static void fake_msgpack(sio_packet_type type, const char *name, const uint64_t *id,
                         const char *format, ...) {
    sio_packet_head head = {.type = type, .has_id = id != NULL, .id = id ? *id : 0};
    sio_args *args = NULL;
    sio_buf buf;
    va_list values;
    va_start(values, format);
    ck_assert_int_eq(sio_args_new_vf(&args, NULL, format, values), 0);
    va_end(values);
    sio_buf_init(&buf, 0, NULL);
    ck_assert_int_eq(sio_parser_encode(SIO_PARSER_MSGPACK, &buf, &head,
                                       name ? (sio_str){name, strlen(name)} : no_name, args,
                                       no_name),
                     0);
    fake_binary(buf.data, buf.len);
    sio_buf_free(&buf);
    sio_args_unref(args);
}

static void fake_msgpack_connected(void) {
    sio_buf buf;
    sio_buf_init(&buf, 0, NULL);
    ck_assert_int_eq(sio_parser_encode_connected(SIO_PARSER_MSGPACK, &buf, (sio_str){"/", 1},
                                                 (sio_str){"id1", 3}, no_name),
                     0);
    fake_binary(buf.data, buf.len);
    sio_buf_free(&buf);
}

static sio_socket *msgpack_connected(void) {
    sio_client_options o = client_options();
    o.parser = SIO_PARSER_MSGPACK;
    o.auth = "{\"t\":1}";
    sio_socket *socket = client_socket(client_make(&o), "/");
    fake_open();
    EXPECT("attempt", "client open", "> <83a47479706500a46461746181a17401a36e7370a12f>");
    fake_msgpack_connected();
    EXPECT("/ connect");
    return socket;
}

START_TEST(msgpack_comes_as_one_binary_message) {
    sio_socket *socket = msgpack_connected();
    watch(socket, "e");
    fake_msgpack(SIO_PACKET_EVENT, "e", NULL, "B s", "\x00\xff", (size_t)2, "x");
    EXPECT("/ e [{\"_placeholder\":true,\"num\":0},\"x\"<00ff>]");
    ck_assert_int_eq(
        sio_socket_emit_ackf(socket, "q", 0, trace_reply, NULL, "B", "\x07", (size_t)1), 0);
    trace_clear();
    fake_msgpack(SIO_PACKET_ACK, NULL, &(uint64_t){0}, "i", 5);
    EXPECT("ack ok [5]");
    sio_socket_disconnect(socket);
    EXPECT("> <82a47479706501a36e7370a12f>", "(closing)", "client close forced close",
           "/ disconnect io client disconnect");
}
END_TEST

static const char *const no_msgpack[] = {
    "", "\xc1", "\x90", "\x81\xa4type", "\x81\xa4type\x09", "2[\"e\"]"};

START_TEST(what_is_no_msgpack_packet_ends_the_connection) {
    sio_socket *socket = msgpack_connected();
    watch(socket, "e");
    fake_binary(no_msgpack[_i], strlen(no_msgpack[_i]));
    EXPECT("(closing)", "client close parse error", "/ disconnect parse error");
    pass(101);
    EXPECT("client reconnect_attempt 1", "attempt");
}
END_TEST

START_TEST(text_where_msgpack_is_spoken_ends_the_connection) {
    msgpack_connected();
    fake_text("2[\"e\"]");
    EXPECT("(closing)", "client close parse error", "/ disconnect parse error");
}
END_TEST

START_TEST(msgpack_is_kept_as_well) {
    sio_client_options o = client_options();
    o.parser = SIO_PARSER_MSGPACK;
    sio_socket *socket = client_socket(client_make(&o), "/");
    ck_assert_int_eq(sio_socket_on_any_outgoing(socket, trace_event, tag("leaving")), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "k", "B", "\x01\x02", (size_t)2), 0);
    fake_open();
    trace_clear();
    fake_msgpack_connected();
    EXPECT("/ k [{\"_placeholder\":true,\"num\":0}<0102>]",
           "> <83a47479706502a46461746192a16bc4020102a36e7370a12f>", "/ connect");
    ck_assert_int_eq(sio_socket_emitf(socket, "n", "B", "\x03", (size_t)1), 0);
    EXPECT("/ n [{\"_placeholder\":true,\"num\":0}<03>]",
           "> <83a47479706502a46461746192a16ec40103a36e7370a12f>");
}
END_TEST

START_TEST(msgpack_refusal) {
    sio_client_options o = client_options();
    o.parser = SIO_PARSER_MSGPACK;
    client_socket(client_make(&o), "/");
    fake_open();
    trace_clear();
    sio_buf out = {0};
    ck_assert_int_eq(sio_parser_encode_connect_error(SIO_PARSER_MSGPACK, &out, SIO_STR("/"),
                                                     SIO_STR("no"), SIO_STR("{\"code\":1}")),
                     0);
    fake_binary(out.data, out.len);
    sio_buf_free(&out);
    EXPECT("(closing)", "client close forced close", "/ connect_error no {\"code\":1}");
}
END_TEST

/* An early event lives until the answer to CONNECT; what is kept is read again for those who watch
 * while that answer is being handed out. The packets' text is larger than what is held on to. */
START_TEST(msgpack_early_and_kept) {
    static char text[100001];
    sio_client_options o = client_options();
    o.parser = SIO_PARSER_MSGPACK;
    sio_socket *socket = client_socket(client_make(&o), "/");
    watch(socket, "early");
    ck_assert_int_eq(sio_socket_on_any_outgoing(socket, trace_event, NULL), 0);
    ck_assert_int_eq(sio_socket_emitf(socket, "k", "B", "\x01", (size_t)1), 0);
    fake_open();
    fake_msgpack(SIO_PACKET_EVENT, "early", NULL, "B s", "\x03", (size_t)1, "y");
    memset(text, 'x', sizeof text - 1);
    fake_msgpack(SIO_PACKET_EVENT, "nobody", NULL, "s", text);
    trace_clear();
    fake_msgpack_connected();
    EXPECT("/ early [{\"_placeholder\":true,\"num\":0},\"y\"<03>]",
           "/ k [{\"_placeholder\":true,\"num\":0}<01>]",
           "> <83a47479706502a46461746192a16bc40101a36e7370a12f>", "/ connect");
}
END_TEST

/* What is small on the wire may be larger as JSON, within bounds. */
START_TEST(msgpack_that_grows) {
    enum { HEAD = 23, NILS = 99 };
    char data[HEAD + NILS + 1] = "\x83\xa4type\x02\xa3nsp\xa1/\xa4"
                                 "data\xdc\x00\x64\xa1"
                                 "e";
    sio_client_options o = client_options();
    o.parser = SIO_PARSER_MSGPACK;
    o.max_message = _i == 0 ? 90 : 80; /* six times that is the limit */
    sio_socket *socket = client_socket(client_make(&o), "/");
    fake_open();
    fake_msgpack_connected();
    trace_clear();
    memset(data + HEAD, 0xc0, NILS); /* each "null," */
    fake_binary(data, HEAD + NILS);
    if (_i == 0) {
        EXPECT_NOTHING();
        ck_assert(sio_socket_connected(socket));
    } else {
        EXPECT("(closing)", "client close parse error", "/ disconnect parse error");
    }
}
END_TEST

static int msgpack_scenario(const sio_mem *mem, void *arg) {
    sio_client_options o = client_options();
    sio_client *client = NULL;
    o.mem = mem;
    o.parser = SIO_PARSER_MSGPACK;
    int rc = sio_client_new(&client, "http://localhost", &o);
    sio_socket *socket = rc == 0 ? sio_client_socket(client, "/") : NULL;
    if (rc == 0) {
        rc = socket ? sio_socket_on_any_outgoing(socket, trace_event, NULL) : SIO_ERR_NOMEM;
    }
    if (rc == 0) {
        rc = sio_socket_emitf(socket, "kept", "B", "\x02", (size_t)1);
    }
    if (fake_engine_or_null()) {
        fake_open();
    }
    if (fake_engine_or_null()) {
        fake_msgpack_connected();
    }
    if (fake_engine_or_null()) {
        fake_msgpack(SIO_PACKET_EVENT, "e", NULL, "B s", "\x03", (size_t)1, "y");
    }
    if (rc == 0) {
        rc = sio_socket_emitf(socket, "e", "B", "\x02", (size_t)1);
    }
    sio_client_free(client);
    turn();
    return rc;
}

START_TEST(msgpack_without_memory) {
    test_mem_sweep(msgpack_scenario, NULL);
    trace_clear();
}
END_TEST

/* ---- the log ---- */

static char logged[1024];

static void keep_packets(const char *scope, const char *text, void *user) {
    size_t used = strlen(logged);
    if (strcmp(scope, "socket.io-client:packet") == 0) {
        snprintf(logged + used, sizeof(logged) - used, "%s|", text);
    }
}

START_TEST(the_log_shows_packets_but_no_credentials) {
    sio_client_options options = client_options();
    options.log = keep_packets;
    options.log_packets = true;
    options.auth = "{\"token\":\"secret\"}";
    logged[0] = '\0';
    sio_socket *socket = client_socket(client_make(&options), "/");
    ck_assert_int_eq(sio_socket_emitf(socket, "kept", "B", (const void *)"xyz", (size_t)3), 0);
    fake_open();
    client_accept("/", "id1");
    ck_assert_int_eq(sio_socket_emitf(socket, "a", "s", "\x7f"), 0);
    fake_text("51-[\"b\",{\"_placeholder\":true,\"num\":0}]");
    fake_binary("\x01\x02", 2);
    ck_assert_str_eq(logged, "> 0...|< 0...|"
                             "> 51-[\"kept\",{\"_placeholder\":true,\"num\":0}]|> 3 bytes|"
                             "> 2[\"a\",\"\\x7f\"]|"
                             "< 51-[\"b\",{\"_placeholder\":true,\"num\":0}]|< 2 bytes|");
    trace_clear();
}
END_TEST

START_TEST(the_log_cuts_long_packets) {
    sio_client_options options = client_options();
    char text[1500] = "2[\"x\",\"";
    memset(text + strlen(text), 'y', 1400);
    memcpy(text + 1408, "\"]", 3);
    options.log = keep_packets;
    options.log_packets = true;
    client_connected(&options);
    logged[0] = '\0';
    fake_text(text);
    ck_assert_uint_eq(strlen(logged), 2 + 900 + 4);
    ck_assert_int_eq(strncmp(logged, "< 2[\"x\",\"yyy", 12), 0);
    ck_assert_str_eq(logged + 2 + 900, "...|");
    trace_clear();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client_packets");
    TCase *tc = tcase_create("packets");
    tcase_add_checked_fixture(tc, client_setup, client_teardown);
    tcase_add_test(tc, each_packet_goes_to_its_namespace);
    tcase_add_test(tc, refused_after_it_was_accepted);
    tcase_add_loop_test(tc, what_cannot_be_decoded_ends_the_connection, 0,
                        (int)(sizeof(broken) / sizeof(broken[0])));
    tcase_add_test(tc, while_the_namespace_is_not_connected);
    tcase_add_loop_test(tc, attachments_out_of_place, 0, 2);
    tcase_add_test(tc, half_a_packet_does_not_reach_the_next_connection);
    tcase_add_test(tc, nothing_is_taken_from_an_engine_that_was_given_up);
    tcase_add_test(tc, protocol_4_error_on_the_root_concerns_all);
    tcase_add_test(tc, protocol_4_error_that_leaves_nobody);
    tcase_add_test(tc, msgpack_comes_as_one_binary_message);
    tcase_add_loop_test(tc, what_is_no_msgpack_packet_ends_the_connection, 0,
                        (int)(sizeof(no_msgpack) / sizeof(no_msgpack[0])));
    tcase_add_test(tc, text_where_msgpack_is_spoken_ends_the_connection);
    tcase_add_test(tc, msgpack_is_kept_as_well);
    tcase_add_test(tc, msgpack_refusal);
    tcase_add_test(tc, msgpack_early_and_kept);
    tcase_add_loop_test(tc, msgpack_that_grows, 0, 2);
    tcase_add_test(tc, msgpack_without_memory);
    tcase_add_test(tc, the_log_shows_packets_but_no_credentials);
    tcase_add_test(tc, the_log_cuts_long_packets);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
