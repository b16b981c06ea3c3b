#include "support.h"

#include <sio/packet.h>

#include <stdlib.h>
#include <string.h>

static const sio_str none = {NULL, 0};
static sio_args *args;
static sio_buf out;

static void setup(void) {
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    sio_buf_init(&out, 0, NULL);
}

static void teardown(void) {
    sio_args_unref(args);
    sio_buf_free(&out);
}

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

static void written(const char *expected) {
    ck_assert_msg(out.len == strlen(expected) && memcmp(out.data, expected, out.len) == 0,
                  "%.*s, not %s", (int)out.len, (const char *)out.data, expected);
    out.len = 0;
}

static int event(const char *nsp, int64_t id, const char *name, const char *offset) {
    sio_packet_head head = {
        .type = SIO_PACKET_EVENT, .has_id = id >= 0, .id = (uint64_t)id, .nsp = str(nsp)};
    return sio_packet_encode(&out, &head, str(name), args, str(offset));
}

static int ack(const char *nsp, uint64_t id) {
    sio_packet_head head = {.type = SIO_PACKET_ACK, .has_id = true, .id = id, .nsp = str(nsp)};
    return sio_packet_encode(&out, &head, none, args, none);
}

/* PP-01 PP-04 PP-06 SP1 SP4 SP6 */
START_TEST(sp4_sp6_events) {
    ck_assert_int_eq(event("/", -1, "a", ""), 0);
    written("2[\"a\"]");
    ck_assert_int_eq(sio_args_addf(args, "ir", 1, "{}"), 0);
    ck_assert_int_eq(event("", -1, "a", ""), 0);
    written("2[\"a\",1,{}]");
    ck_assert_int_eq(event("/test", 1, "q\"\n", ""), 0);
    written("2/test,1[\"q\\\"\\n\",1,{}]");
    ck_assert_int_eq(event("/", 0, "", ""), 0);
    written("20[\"\",1,{}]");
    ck_assert_int_eq(event("/", INT64_C(9007199254740991), "a", ""), 0);
    written("29007199254740991[\"a\",1,{}]");
}
END_TEST

/* PP-05 SP5 */
START_TEST(sp5_a_number_as_name) {
    sio_packet_head head = {.type = SIO_PACKET_EVENT, .name_is_number = true};
    ck_assert_int_eq(sio_packet_encode(&out, &head, str("1"), NULL, none), 0);
    written("2[1]");
    ck_assert_int_eq(sio_packet_encode(&out, &head, str("-1.5e9"), NULL, none), 0);
    written("2[-1.5e9]");
    static const char *const bad[] = {"", "x", "1,2", "null", "\"1\"", "01", " 1", "[1]"};
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(sio_packet_encode(&out, &head, str(bad[i]), NULL, none), SIO_ERR_INVALID);
        ck_assert_uint_eq(out.len, 0);
    }
}
END_TEST

/* PP-01 PP-07 SP7 */
START_TEST(sp7_acks) {
    ck_assert_int_eq(ack("/", 123), 0);
    written("3123[]");
    ck_assert_int_eq(sio_args_addf(args, "is", 1, "a"), 0);
    ck_assert_int_eq(ack("/admin", 0), 0);
    written("3/admin,0[1,\"a\"]");
}
END_TEST

/* PP-01 PA-01 PA-06 PB-03 SP22 */
START_TEST(binary_is_announced) {
    ck_assert_int_eq(sio_args_addf(args, "B", "\x01\x02", (size_t)2), 0);
    ck_assert_int_eq(event("/admin", 3, "a", ""), 0);
    written("51-/admin,3[\"a\",{\"_placeholder\":true,\"num\":0}]");
    ck_assert_int_eq(ack("/", 0), 0);
    written("61-0[{\"_placeholder\":true,\"num\":0}]");
    ck_assert_uint_eq(sio_args_attachment(args, 0).len, 2);
}
END_TEST

START_TEST(the_recovery_offset_is_the_last_argument) {
    ck_assert_int_eq(event("/", -1, "e", "Q7xPRaA"), 0);
    written("2[\"e\",\"Q7xPRaA\"]");
    ck_assert_int_eq(sio_args_addf(args, "iB", 1, "x", (size_t)1), 0);
    ck_assert_int_eq(event("/", -1, "bin", "Q7xPRaD.0"), 0);
    written("51-[\"bin\",1,{\"_placeholder\":true,\"num\":0},\"Q7xPRaD.0\"]");
}
END_TEST

/* PP-17 SP20 */
START_TEST(what_cannot_be_sent_is_refused_whole) {
    ck_assert_int_eq(sio_buf_add_byte(&out, '4'), 0);
    ck_assert_int_eq(event("/a,b", -1, "a", ""), SIO_ERR_SIO_NAMESPACE);
    ck_assert_int_eq(event("a", -1, "a", ""), SIO_ERR_SIO_NAMESPACE);
    ck_assert_int_eq(event("/a\x01", -1, "a", ""), SIO_ERR_SIO_NAMESPACE);
    ck_assert_int_eq(event("/", -1, "disconnect", ""), SIO_ERR_RESERVED);
    ck_assert_int_eq(event("/", -1, "a\xff", ""), SIO_ERR_JSON_UTF8);
    ck_assert_int_eq(event("/", INT64_C(1) << 53, "a", ""), SIO_ERR_INVALID);
    sio_packet_head head = {.type = SIO_PACKET_ACK};
    ck_assert_int_eq(sio_packet_encode(&out, &head, none, args, none), SIO_ERR_INVALID);
    head = (sio_packet_head){.type = SIO_PACKET_CONNECT, .has_id = true};
    ck_assert_int_eq(sio_packet_encode(&out, &head, none, args, none), SIO_ERR_INVALID);
    written("4");
}
END_TEST

/* PP-01 PP-02 SP2 */
START_TEST(sp2_connect) {
    ck_assert_int_eq(sio_packet_encode_connect(&out, str("/woot"), none, str("{\"t\":\"1\"}")), 0);
    written("0/woot,{\"t\":\"1\"}");
    ck_assert_int_eq(sio_packet_encode_connect(&out, str("/"), none, none), 0);
    written("0");
    ck_assert_int_eq(sio_packet_encode_connect(&out, str("/admin"), str("a=b"), none), 0);
    written("0/admin?a=b,");
    ck_assert_int_eq(sio_packet_encode_connect(&out, none, str("a=b"), none), 0);
    written("0/?a=b,");
    ck_assert_int_eq(sio_packet_encode_connect(&out, str("/a"), str("x,y"), none),
                     SIO_ERR_SIO_NAMESPACE);
    ck_assert_int_eq(sio_packet_encode_connect(&out, str("/a"), none, str("[]")),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_packet_encode_connect(&out, str("/a"), none, str("{")),
                     SIO_ERR_SIO_PAYLOAD);
    written("");
}
END_TEST

/* T5-17, T5-19 and the EIO3 reply. */
START_TEST(connect_replies) {
    ck_assert_int_eq(sio_packet_encode_connected(&out, str("/"), str("ID"), none), 0);
    written("0{\"sid\":\"ID\"}");
    ck_assert_int_eq(sio_packet_encode_connected(&out, str("/custom"), str("ID"), str("P")), 0);
    written("0/custom,{\"sid\":\"ID\",\"pid\":\"P\"}");
    ck_assert_int_eq(sio_packet_encode_connected(&out, str("/admin"), none, none), 0);
    written("0/admin,");
}
END_TEST

/* SP8, SP9, T5-21 and the verified sessions. */
/* PP-01 PP-08 PP-09 */
START_TEST(connect_errors) {
    ck_assert_int_eq(
        sio_packet_encode_connect_error(&out, str("/random"), str("Invalid namespace"), none), 0);
    written("4/random,{\"message\":\"Invalid namespace\"}");
    ck_assert_int_eq(
        sio_packet_encode_connect_error(&out, str("/admin"), str("no"), str("{\"c\":1}")), 0);
    written("4/admin,{\"message\":\"no\",\"data\":{\"c\":1}}");
    ck_assert_int_eq(sio_packet_encode_connect_error(&out, str("/foo?a=b"), str("x"), none), 0);
    written("4/foo?a=b,{\"message\":\"x\"}");
    ck_assert_int_eq(sio_packet_encode_connect_error(&out, str("/a\tb"), str("x"), none), 0);
    written("4/a\tb,{\"message\":\"x\"}");
    ck_assert_int_eq(sio_packet_encode_error_v4(&out, str("/admin"), str("no"), str("{\"c\":1}")),
                     0);
    written("4/admin,{\"c\":1}");
    ck_assert_int_eq(sio_packet_encode_error_v4(&out, str("/"), str("Not authorized"), none), 0);
    written("4\"Not authorized\"");
    ck_assert_int_eq(sio_packet_encode_error_v4(&out, str("/"), none, str("{")),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_packet_encode_connect_error(&out, str("/"), str("x"), str("01")),
                     SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_packet_encode_connect_error(&out, str("/a,b"), str("x"), none),
                     SIO_ERR_SIO_NAMESPACE);
    written("");
}
END_TEST

/* PP-01 PP-03 SP3 */
START_TEST(sp3_disconnect) {
    ck_assert_int_eq(sio_packet_encode_disconnect(&out, str("/")), 0);
    written("1");
    ck_assert_int_eq(sio_packet_encode_disconnect(&out, str("/woot")), 0);
    written("1/woot,");
}
END_TEST

START_TEST(a_long_namespace_needs_no_room_on_the_stack) {
    static char nsp[5000];
    memset(nsp, 'n', sizeof(nsp));
    nsp[0] = '/';
    ck_assert_int_eq(sio_packet_encode_disconnect(&out, (sio_str){nsp, sizeof(nsp)}), 0);
    ck_assert_uint_eq(out.len, sizeof(nsp) + 2);
    ck_assert_int_eq(out.data[0], '1');
    ck_assert_mem_eq(out.data + 1, nsp, sizeof(nsp));
    ck_assert_int_eq(out.data[out.len - 1], ',');
}
END_TEST

/* What is written as it was read: T5-26 to T5-29 echoed. */
START_TEST(encoding_what_was_decoded_gives_the_same_text) {
    static const char *const texts[] = {
        "2[\"message\",1,\"2\",{\"3\":[true]}]",
        "2456[\"message-with-ack\",1,\"2\",{\"3\":[false]}]",
        "2/a,[\"a\"]",
        "2[1,\"a\",{}]",
        "2[\"\xe2\x82\xac\\u0000\\ud800\",\"\\u0000\\ud800\"]",
        "3456[1,\"2\",{\"3\":[false]}]",
        "3/a,0[]",
        "51-[\"baz\",{\"_placeholder\":true,\"num\":0}]",
        /* clang-format off */
        "52-789[\"m\",[{\"_placeholder\":true,\"num\":0},{\"c\":{\"_placeholder\":true,\"num\":1}}]]",
        /* clang-format on */
        "62-789[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]",
    };
    const char *text = texts[_i];
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    sio_decoder decoder;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), 0);
    sio_packet packet;
    int rc = sio_decoder_text(&decoder, args, text, strlen(text), &packet);
    while (rc == 0) {
        rc = sio_decoder_binary(&decoder, args, (const uint8_t *)"x", 1, &packet);
    }
    ck_assert_int_eq(rc, 1);
    sio_packet_head head = {
        .type = packet.type,
        .has_id = packet.has_id,
        .name_is_number = packet.name_is_number,
        .id = packet.id,
        .nsp = packet.nsp,
    };
    ck_assert_int_eq(sio_packet_encode(&out, &head, none, packet.args, none), 0);
    if (_i == 4) { /* a name is decoded and written anew */
        text = "2[\"\xe2\x82\xac\\u0000\xef\xbf\xbd\",\"\\u0000\\ud800\"]";
    }
    written(text);
    sio_decoder_reset(&decoder);
}
END_TEST

static int encode_scenario(const sio_mem *mem, void *arg) {
    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    sio_packet_head head = {.type = SIO_PACKET_EVENT, .has_id = true, .id = 1, .nsp = str("/a")};
    static char name[200];
    memset(name, 'x', sizeof(name));
    int rc = sio_buf_add_byte(&buf, '4');
    size_t before = buf.len;
    if (rc == 0) {
        rc = sio_packet_encode(&buf, &head, (sio_str){name, sizeof(name)}, args, str("offset"));
    }
    if (rc == 0) {
        before = buf.len;
        rc = sio_packet_encode_connect_error(&buf, str("/b"), (sio_str){name, 200}, str("1"));
    }
    if (rc == 0) {
        before = buf.len;
        rc = sio_packet_encode_connected(&buf, str("/b"), (sio_str){name, 200}, str("p"));
    }
    if (rc == 0) {
        before = buf.len;
        rc = sio_packet_encode_connect(&buf, (sio_str){"/bbbbbbbbbbbbbbbbbbbbbbbbbb", 27},
                                       (sio_str){name, 200}, str("{}"));
    }
    ck_assert(rc == 0 || buf.len == before);
    sio_buf_free(&buf);
    return rc;
}

START_TEST(survives_failing_allocations) {
    ck_assert_int_eq(sio_args_addf(args, "sB", "text", "x", (size_t)1), 0);
    test_mem_sweep(encode_scenario, NULL);
}
END_TEST

START_TEST(respects_the_maximum_of_the_buffer) {
    ck_assert_int_eq(sio_args_addf(args, "s", "0123456789"), 0);
    for (size_t max = 1; max < 20; max++) {
        sio_buf small;
        sio_buf_init(&small, max, NULL);
        sio_packet_head head = {.type = SIO_PACKET_EVENT};
        int rc = sio_packet_encode(&small, &head, str("a"), args, none);
        ck_assert_int_eq(rc, max < 19 ? SIO_ERR_LIMIT : 0);
        ck_assert_uint_eq(small.len, max < 19 ? 0 : 19);
        sio_buf_free(&small);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_encode");
    TCase *tc = tcase_create("encode");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, sp4_sp6_events);
    tcase_add_test(tc, sp5_a_number_as_name);
    tcase_add_test(tc, sp7_acks);
    tcase_add_test(tc, binary_is_announced);
    tcase_add_test(tc, the_recovery_offset_is_the_last_argument);
    tcase_add_test(tc, what_cannot_be_sent_is_refused_whole);
    tcase_add_test(tc, sp2_connect);
    tcase_add_test(tc, connect_replies);
    tcase_add_test(tc, connect_errors);
    tcase_add_test(tc, sp3_disconnect);
    tcase_add_test(tc, a_long_namespace_needs_no_room_on_the_stack);
    tcase_add_loop_test(tc, encoding_what_was_decoded_gives_the_same_text, 0, 10);
    tcase_add_test(tc, survives_failing_allocations);
    tcase_add_test(tc, respects_the_maximum_of_the_buffer);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
