#include "support.h"

#include <sio/packet.h>

#include <stdlib.h>
#include <string.h>

#include "sio_decode.h"

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

static const sio_decoder_options protocol5 = SIO_DECODER_OPTIONS_INIT;

static sio_decoder_options protocol4(void) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.protocol = 4;
    return options;
}

static sio_args *scratch;

static void setup(void) {
    ck_assert_int_eq(sio_args_new(&scratch, NULL), 0);
}

static void teardown(void) {
    sio_args_unref(scratch);
}

/* Decodes an exact heap copy; `*kept` is to be freed by the caller. */
static int decode(const sio_decoder_options *options, sio_str text, sio_packet *out, char **kept) {
    sio_decoder decoder;
    ck_assert_int_eq(sio_decoder_init(&decoder, options), 0);
    *kept = malloc(text.len ? text.len : 1);
    ck_assert_ptr_nonnull(*kept);
    memcpy(*kept, text.ptr, text.len);
    int rc = sio_decoder_text(&decoder, scratch, *kept, text.len, out);
    sio_decoder_reset(&decoder);
    return rc;
}

static void same(sio_str got, const char *expected, const char *what) {
    ck_assert_msg(got.len == strlen(expected) &&
                      (got.len == 0 || memcmp(got.ptr, expected, got.len) == 0),
                  "%s: %.*s, not %s", what, SIO_STR_ARG(got), expected);
}

typedef struct valid_row {
    const char *text;
    sio_packet_type type;
    const char *nsp;
    int64_t id; /* -1 for none */
    const char *payload;
    const char *name;
    const char *args; /* NULL when the packet has none */
} valid_row;

static const valid_row valid[] = {
    {"0", SIO_PACKET_CONNECT, "/", -1, "", "", NULL},
    {"0/", SIO_PACKET_CONNECT, "/", -1, "", "", NULL},
    {"0/,", SIO_PACKET_CONNECT, "/", -1, "", "", NULL},
    {"0/admin", SIO_PACKET_CONNECT, "/admin", -1, "", "", NULL},
    {"0/admin,", SIO_PACKET_CONNECT, "/admin", -1, "", "", NULL},
    {"0/admin,{\"a\":1}", SIO_PACKET_CONNECT, "/admin", -1, "{\"a\":1}", "", NULL},
    {"0/admin?x=1,{}", SIO_PACKET_CONNECT, "/admin?x=1", -1, "{}", "", NULL},
    {"012{}", SIO_PACKET_CONNECT, "/", 12, "{}", "", NULL},
    {"1", SIO_PACKET_DISCONNECT, "/", -1, "", "", NULL},
    {"1/admin,", SIO_PACKET_DISCONNECT, "/admin", -1, "", "", NULL},
    {"2[\"a\"]", SIO_PACKET_EVENT, "/", -1, "", "a", ""},
    {"2[\"a\",1,{}]", SIO_PACKET_EVENT, "/", -1, "", "a", "1,{}"},
    {"2[1]", SIO_PACKET_EVENT, "/", -1, "", "1", ""},
    {"2[1.5,\"x\"]", SIO_PACKET_EVENT, "/", -1, "", "1.5", "\"x\""},
    {"2[-0]", SIO_PACKET_EVENT, "/", -1, "", "0", ""},
    {"2/a,1[\"x\"]", SIO_PACKET_EVENT, "/a", 1, "", "x", ""},
    {"212[\"foo\"]", SIO_PACKET_EVENT, "/", 12, "", "foo", ""},
    {"20[\"a\"]", SIO_PACKET_EVENT, "/", 0, "", "a", ""},
    {"2007[\"a\"]", SIO_PACKET_EVENT, "/", 7, "", "a", ""},
    {"29007199254740991[\"a\"]", SIO_PACKET_EVENT, "/", INT64_C(9007199254740991), "", "a", ""},
    {"2[\"connection\"]", SIO_PACKET_EVENT, "/", -1, "", "connection", ""},
    {"2[\"error\",{\"_placeholder\":true,\"num\":0}]", SIO_PACKET_EVENT, "/", -1, "", "error",
     "{\"_placeholder\":true,\"num\":0}"},
    {"2[ \"a\" , 1 ] ", SIO_PACKET_EVENT, "/", -1, "", "a", "1"},
    {"3/admin,13[\"bar\"]", SIO_PACKET_ACK, "/admin", 13, "", "", "\"bar\""},
    {"312[]", SIO_PACKET_ACK, "/", 12, "", "", ""},
    {"312", SIO_PACKET_ACK, "/", 12, "", "", ""},
    {"3[]", SIO_PACKET_ACK, "/", -1, "", "", ""},
    {"3", SIO_PACKET_ACK, "/", -1, "", "", ""},
    {"4", SIO_PACKET_CONNECT_ERROR, "/", -1, "", "", NULL},
    {"4\"no\"", SIO_PACKET_CONNECT_ERROR, "/", -1, "\"no\"", "", NULL},
    {"4/a,{\"message\":\"no\"}", SIO_PACKET_CONNECT_ERROR, "/a", -1, "{\"message\":\"no\"}", "",
     NULL},
};

static void check_args(const valid_row *row, const sio_packet *packet) {
    if (!row->args) {
        ck_assert_ptr_null(packet->args);
        return;
    }
    ck_assert_ptr_eq(packet->args, scratch);
    same(sio_args_name(packet->args), row->name, row->text);
    sio_buf out = {0};
    ck_assert_int_eq(sio_args_write(packet->args, &out), 0);
    same((sio_str){(const char *)out.data, out.len}, row->args, row->text);
    sio_buf_free(&out);
}

/* PP-01 PP-02 PP-03 PP-04 PP-05 PP-06 PP-07 PP-08 PP-09 SP1 SP2 SP3 SP4 SP5 SP6 SP7 IO81 */
START_TEST(valid_texts) {
    const valid_row *row = &valid[_i];
    sio_packet packet;
    char *kept;
    int rc = decode(&protocol5, str(row->text), &packet, &kept);
    ck_assert_msg(rc == 1, "%s gave %d", row->text, rc);
    ck_assert_int_eq(packet.type, row->type);
    same(packet.nsp, row->nsp, row->text);
    same(packet.nsp_query, "", row->text);
    same(packet.payload, row->payload, row->text);
    ck_assert_int_eq(packet.has_id, row->id >= 0);
    if (row->id >= 0) {
        ck_assert_uint_eq(packet.id, (uint64_t)row->id);
    }
    check_args(row, &packet);
    free(kept);
}
END_TEST

typedef struct invalid_row {
    const char *text;
    int err;
} invalid_row;

static const invalid_row invalid[] = {
    /* a type of its own */
    {"", SIO_ERR_SIO_TYPE},
    {"7", SIO_ERR_SIO_TYPE},
    {"999", SIO_ERR_SIO_TYPE}, /* SP17 */
    {"a[\"x\"]", SIO_ERR_SIO_TYPE},
    {"-1", SIO_ERR_SIO_TYPE},
    {" 2[\"a\"]", SIO_ERR_SIO_TYPE},
    /* ids and what is between head and JSON */
    {"21.5[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"2-1[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"2abc[\"a\"]", SIO_ERR_SIO_PAYLOAD}, /* T5-32 */
    {"abc", SIO_ERR_SIO_TYPE},            /* T5-22, T5-30 */
    {"2 [\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"2\n[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"21 [\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"2+1[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"21e3[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"299999999999999999999[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"29007199254740992[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"218446744073709551617[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    {"318446744073709551616[]", SIO_ERR_SIO_PAYLOAD},
    {"2,[\"a\"]", SIO_ERR_SIO_PAYLOAD},
    /* payloads of another kind */
    {"0[]", SIO_ERR_SIO_PAYLOAD},
    {"0null", SIO_ERR_SIO_PAYLOAD},
    {"0\"x\"", SIO_ERR_SIO_PAYLOAD},
    {"0 ", SIO_ERR_SIO_PAYLOAD},
    {"1{}", SIO_ERR_SIO_PAYLOAD},
    {"1,", SIO_ERR_SIO_PAYLOAD},
    {"1[]", SIO_ERR_SIO_PAYLOAD},
    {"4[]", SIO_ERR_SIO_PAYLOAD},
    {"4 ", SIO_ERR_SIO_PAYLOAD},
    {"41[]", SIO_ERR_SIO_PAYLOAD},
    {"4null", SIO_ERR_SIO_PAYLOAD},
    {"4\"", SIO_ERR_SIO_PAYLOAD},
    {"312{}", SIO_ERR_SIO_PAYLOAD},
    {"3\"x\"", SIO_ERR_SIO_PAYLOAD},
    {"2[]", SIO_ERR_SIO_PAYLOAD},
    {"2{}", SIO_ERR_SIO_PAYLOAD}, /* T5-31 */
    {"2\"a\"", SIO_ERR_SIO_PAYLOAD},
    {"2[\"a\"]x", SIO_ERR_SIO_PAYLOAD},
    {"2[\"a\"", SIO_ERR_SIO_PAYLOAD},
    {"2[\"a\",]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"a\",01]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"a\xff\"]", SIO_ERR_SIO_PAYLOAD},
    {"2", SIO_ERR_SIO_PAYLOAD},
    {"212", SIO_ERR_SIO_PAYLOAD},
    {"2/a,", SIO_ERR_SIO_PAYLOAD},
    {"2/a[\"x\"]", SIO_ERR_SIO_PAYLOAD}, /* all of it is the namespace */
    {"2[[]]", SIO_ERR_SIO_PAYLOAD},
    {"2[{}]", SIO_ERR_SIO_PAYLOAD},
    {"2[{\"toString\":\"foo\"}]", SIO_ERR_SIO_PAYLOAD},
    {"2[null,\"bar\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[true,\"foo\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"connect\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"connect_error\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"disconnect\",\"123\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"disconnecting\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"newListener\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"removeListener\"]", SIO_ERR_SIO_PAYLOAD},
    {"2[\"c\\u006fnnect\"]", SIO_ERR_SIO_PAYLOAD},
    /* SP15, as the reference's test has them */
    {"442[\"some\",\"data\"", SIO_ERR_SIO_PAYLOAD},
    {"0/admin,\"invalid\"", SIO_ERR_SIO_PAYLOAD},
    {"1/admin,{}", SIO_ERR_SIO_PAYLOAD},
    {"2/admin,\"invalid", SIO_ERR_SIO_PAYLOAD},
    {"2/admin,{}", SIO_ERR_SIO_PAYLOAD},
    /* SP11, SP16: attachments */
    {"5", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"51", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"5a-", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"51.23-", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"5-[\"a\"]", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"50-[\"x\"]", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"5000-[\"x\"]", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"5-1-[\"x\"]", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"5+1-[\"x\"]", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"5 1-[\"x\"]", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"51e0-[\"x\"]", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"6", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"59999999999999999999999a", SIO_ERR_SIO_ATTACHMENT_COUNT},
    {"511-[\"x\"]", SIO_ERR_SIO_TOO_MANY_ATTACHMENTS},
    {"51000000000-[\"x\"]", SIO_ERR_SIO_TOO_MANY_ATTACHMENTS},
    {"54294967297-[\"x\"]", SIO_ERR_SIO_TOO_MANY_ATTACHMENTS},
    {"518446744073709551617-[\"x\"]", SIO_ERR_SIO_TOO_MANY_ATTACHMENTS},
    {"51-", SIO_ERR_SIO_PAYLOAD},
    {"61-3", SIO_ERR_SIO_PAYLOAD},
    {"51-[{\"_placeholder\":true,\"num\":0}]", SIO_ERR_SIO_PAYLOAD},
    {"51-[\"connect\"]", SIO_ERR_SIO_PAYLOAD},
    /* SP23: numbers of placeholders */
    {"51-[\"a\",{\"_placeholder\":true,\"num\":\"splice\"}]", SIO_ERR_SIO_PLACEHOLDER},
    {"51-[\"a\",{\"_placeholder\":true,\"num\":1}]", SIO_ERR_SIO_PLACEHOLDER},
    {"51-[\"a\",{\"_placeholder\":true,\"num\":-1}]", SIO_ERR_SIO_PLACEHOLDER},
    {"51-[\"a\",{\"_placeholder\":true,\"num\":0.5}]", SIO_ERR_SIO_PLACEHOLDER},
    {"51-[\"a\",{\"_placeholder\":true,\"num\":1e300}]", SIO_ERR_SIO_PLACEHOLDER},
    {"51-[\"a\",{\"_placeholder\":true}]", SIO_ERR_SIO_PLACEHOLDER},
    {"51-[\"a\",{\"_placeholder\":true,\"num\":10}]", SIO_ERR_SIO_PLACEHOLDER},
};

/* PP-11 PP-15 PB-04 PB-05 SP20 */
START_TEST(invalid_texts) {
    const invalid_row *row = &invalid[_i];
    sio_packet packet;
    memset(&packet, 0xa5, sizeof(packet));
    sio_packet before = packet;
    char *kept;
    int rc = decode(&protocol5, str(row->text), &packet, &kept);
    ck_assert_msg(rc == row->err, "%s gave %d, not %d", row->text, rc, row->err);
    ck_assert_mem_eq(&packet, &before, sizeof(packet));
    free(kept);
}
END_TEST

/* PP-12 SP12 */
START_TEST(sp12_the_number_of_attachments_is_an_option) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.max_attachments = 2;
    sio_packet packet;
    char *kept;
    ck_assert_int_eq(decode(&options, str("53-[\"a\"]"), &packet, &kept),
                     SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    free(kept);
    ck_assert_int_eq(decode(&options, str("52-[\"a\"]"), &packet, &kept), 0);
    free(kept);
    options.max_attachments = UINT32_MAX;
    ck_assert_int_eq(decode(&options, str("565537-[\"a\"]"), &packet, &kept),
                     SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    free(kept);
    ck_assert_int_eq(decode(&options, str("565536-[\"a\"]"), &packet, &kept), 0);
    free(kept);
}
END_TEST

START_TEST(long_runs_of_digits_are_refused_without_memory) {
    enum { LEN = 1000000 };
    static char text[LEN];
    memset(text, '9', LEN);
    test_mem m;
    test_mem_init(&m);
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.mem = &m.mem;
    sio_packet packet;
    uint32_t attachments;
    text[0] = '2';
    ck_assert_int_eq(sio_packet_read(&options, scratch, text, LEN, &packet, &attachments),
                     SIO_ERR_SIO_PAYLOAD);
    text[0] = '5';
    ck_assert_int_eq(sio_packet_read(&options, scratch, text, LEN, &packet, &attachments),
                     SIO_ERR_SIO_ATTACHMENT_COUNT);
    text[LEN - 1] = '-';
    ck_assert_int_eq(sio_packet_read(&options, scratch, text, LEN, &packet, &attachments),
                     SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    ck_assert_uint_eq(m.calls, 0);
}
END_TEST

START_TEST(a_number_as_name_is_marked) {
    sio_packet packet;
    char *kept;
    ck_assert_int_eq(decode(&protocol5, str("2[ 1e2]"), &packet, &kept), 1);
    ck_assert(packet.name_is_number);
    same(sio_args_name(packet.args), "100", "1e2");
    free(kept);
    ck_assert_int_eq(decode(&protocol5, str("2[\"1\"]"), &packet, &kept), 1);
    ck_assert(!packet.name_is_number);
    free(kept);
}
END_TEST

START_TEST(nesting_is_bounded) {
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.args.max_depth = 3;
    sio_packet packet;
    char *kept;
    ck_assert_int_eq(decode(&options, str("2[\"a\",[[]]]"), &packet, &kept), 1);
    free(kept);
    ck_assert_int_eq(decode(&options, str("2[\"a\",[[[]]]]"), &packet, &kept), SIO_ERR_SIO_PAYLOAD);
    free(kept);
    ck_assert_int_eq(decode(&options, str("0{\"a\":[[]]}"), &packet, &kept), 1);
    free(kept);
    ck_assert_int_eq(decode(&options, str("0{\"a\":[[[]]]}"), &packet, &kept), SIO_ERR_SIO_PAYLOAD);
    free(kept);
}
END_TEST

START_TEST(v4_splits_the_query_off_every_namespace) {
    sio_decoder_options options = protocol4();
    sio_packet packet;
    char *kept;
    ck_assert_int_eq(decode(&options, str("0/admin?token=abc&uid=1%20x,"), &packet, &kept), 1);
    same(packet.nsp, "/admin", "nsp");
    same(packet.nsp_query, "token=abc&uid=1%20x", "query");
    free(kept);
    ck_assert_int_eq(decode(&options, str("2/admin?a?b,[\"x\"]"), &packet, &kept), 1);
    same(packet.nsp, "/admin", "nsp");
    same(packet.nsp_query, "a?b", "query");
    free(kept);
    ck_assert_int_eq(decode(&options, str("0/?a=b"), &packet, &kept), 1);
    same(packet.nsp, "/", "nsp");
    same(packet.nsp_query, "a=b", "query");
    free(kept);
    ck_assert_int_eq(decode(&options, str("0//host/../x?"), &packet, &kept), 1);
    same(packet.nsp, "//host/../x", "nsp");
    same(packet.nsp_query, "", "query");
    free(kept);
}
END_TEST

START_TEST(v4_errors_carry_any_value) {
    static const char *const texts[] = {"4\"no\"", "4/a,[1]", "4null", "412", "4true"};
    sio_decoder_options options = protocol4();
    for (size_t i = 0; i < 5; i++) {
        sio_packet packet;
        char *kept;
        ck_assert_msg(decode(&options, str(texts[i]), &packet, &kept) == 1, "%s", texts[i]);
        ck_assert_int_eq(packet.type, SIO_PACKET_CONNECT_ERROR);
        free(kept);
    }
    sio_packet packet;
    char *kept;
    ck_assert_int_eq(decode(&options, str("4nul"), &packet, &kept), SIO_ERR_SIO_PAYLOAD);
    free(kept);
    ck_assert_int_eq(decode(&options, str("2[\"disconnect\"]"), &packet, &kept),
                     SIO_ERR_SIO_PAYLOAD);
    free(kept);
}
END_TEST

START_TEST(error_texts_are_those_of_the_reference) {
    static const struct {
        int err;
        const char *text, *expected;
    } rows[] = {
        {SIO_ERR_SIO_TYPE, "7", "unknown packet type 7"},
        {SIO_ERR_SIO_TYPE, "999", "unknown packet type 9"},
        {SIO_ERR_SIO_TYPE, "abc", "unknown packet type NaN"},
        {SIO_ERR_SIO_TYPE, "", "unknown packet type NaN"},
        {SIO_ERR_SIO_PAYLOAD, "2{}", "invalid payload"},
        {SIO_ERR_SIO_ATTACHMENT_COUNT, "5", "Illegal attachments"},
        {SIO_ERR_SIO_TOO_MANY_ATTACHMENTS, "", "too many attachments"},
        {SIO_ERR_SIO_PLACEHOLDER, "", "illegal attachments"},
        {SIO_ERR_SIO_PLAINTEXT, "", "got plaintext data when reconstructing a packet"},
        {SIO_ERR_SIO_BINARY, "", "got binary data when not reconstructing a packet"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[SIO_PACKET_ERROR_TEXT_MAX];
        size_t len = sio_packet_error_text(rows[i].err, str(rows[i].text), out);
        ck_assert_str_eq(out, rows[i].expected);
        ck_assert_uint_eq(len, strlen(out));
    }
}
END_TEST

START_TEST(options_are_checked) {
    sio_decoder decoder;
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.protocol = 3;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), SIO_ERR_INVALID);
    options.protocol = 4;
    options.size = 4;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), SIO_ERR_INVALID);
    sio_decoder_reset(NULL);
}
END_TEST

static int decode_scenario(const sio_mem *mem, void *arg) {
    sio_args *args;
    int rc = sio_args_new(&args, mem);
    if (rc != 0) {
        return rc;
    }
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.mem = mem;
    sio_decoder decoder;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), 0);
    sio_packet packet;
    static const char text[] = "2/a,1[\"\\u0065cho\",1,2,3,4,5,6,7,8,9,[1,2,3]]";
    rc = sio_decoder_text(&decoder, args, text, sizeof(text) - 1, &packet);
    sio_decoder_reset(&decoder);
    sio_args_unref(args);
    return rc == 1 ? 0 : rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(decode_scenario, NULL);
}
END_TEST

START_TEST(a_warm_decoder_does_not_allocate) {
    test_mem m;
    test_mem_init(&m);
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, &m.mem), 0);
    sio_decoder_options options = SIO_DECODER_OPTIONS_INIT;
    options.mem = &m.mem;
    sio_decoder decoder;
    ck_assert_int_eq(sio_decoder_init(&decoder, &options), 0);
    static const char text[] = "2[\"echo\",\"xxxxxxxxxxxxxxxx\"]";
    sio_buf out;
    sio_buf_init(&out, 0, &m.mem);
    size_t warm = 0;
    for (int i = 0; i < 3; i++) {
        sio_packet packet;
        ck_assert_int_eq(sio_decoder_text(&decoder, args, text, sizeof(text) - 1, &packet), 1);
        sio_packet_head head = {.type = SIO_PACKET_EVENT, .nsp = packet.nsp};
        out.len = 0;
        ck_assert_int_eq(
            sio_packet_encode(&out, &head, (sio_str){NULL, 0}, args, (sio_str){NULL, 0}), 0);
        ck_assert_uint_eq(out.len, sizeof(text) - 1);
        ck_assert_mem_eq(out.data, text, out.len);
        ck_assert(i == 0 || m.calls == warm);
        warm = m.calls;
    }
    sio_buf_free(&out);
    sio_args_unref(args);
    ck_assert_uint_eq(m.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_decode");
    TCase *tc = tcase_create("decode");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, valid_texts, 0, (int)(sizeof(valid) / sizeof(valid[0])));
    tcase_add_loop_test(tc, invalid_texts, 0, (int)(sizeof(invalid) / sizeof(invalid[0])));
    tcase_add_test(tc, sp12_the_number_of_attachments_is_an_option);
    tcase_add_test(tc, long_runs_of_digits_are_refused_without_memory);
    tcase_add_test(tc, a_number_as_name_is_marked);
    tcase_add_test(tc, nesting_is_bounded);
    tcase_add_test(tc, v4_splits_the_query_off_every_namespace);
    tcase_add_test(tc, v4_errors_carry_any_value);
    tcase_add_test(tc, error_texts_are_those_of_the_reference);
    tcase_add_test(tc, options_are_checked);
    tcase_add_test(tc, survives_failing_allocations);
    tcase_add_test(tc, a_warm_decoder_does_not_allocate);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
