#include "args_support.h"

#include <stdlib.h>
#include <string.h>

static int parse(sio_args *args, const char *json, unsigned flags, uint32_t attachments) {
    return sio_args_parse(args, json, strlen(json), flags, attachments, NULL);
}

START_TEST(an_event_has_a_name_and_arguments) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_uint_eq(sio_args_count(args), 0);
    expect_written(args, "");
    ck_assert_int_eq(parse(args, "[\"n\\u00e9\",1,\"x\"]", SIO_ARGS_EVENT, 0), 0);
    sio_str name = sio_args_name(args);
    ck_assert_uint_eq(name.len, 3);
    ck_assert_mem_eq(name.ptr, "n\xC3\xA9", 3);
    ck_assert_uint_eq(sio_args_count(args), 2);
    ck_assert_int_eq(sio_args_kind(args, 0), SIO_KIND_NUMBER);
    ck_assert_int_eq(sio_args_kind(args, 1), SIO_KIND_STRING);
    ck_assert_int_eq(sio_args_kind(args, 2), SIO_KIND_NONE);
    ck_assert_int_eq(sio_args_kind(args, SIZE_MAX), SIO_KIND_NONE);
    expect_written(args, "1,\"x\"");

    ck_assert_int_eq(parse(args, "[1,\"x\"]", 0, 0), 0);
    ck_assert_uint_eq(sio_args_name(args).len, 0);
    ck_assert_uint_eq(sio_args_count(args), 2);
    ck_assert_int_eq(parse(args, "[]", 0, 0), 0);
    ck_assert_uint_eq(sio_args_count(args), 0);
    ck_assert_int_eq(parse(args, "[\"only\"]", SIO_ARGS_EVENT, 0), 0);
    ck_assert_uint_eq(sio_args_count(args), 0);
    expect_written(args, "");
    sio_args_unref(args);
    sio_args_unref(NULL);
}
END_TEST

START_TEST(what_is_no_event_is_refused) {
    static const char *const texts[] = {"[]",          "[true,\"foo\"]", "[null,\"bar\"]",
                                        "[{}]",        "[[\"a\"]]",      "{}",
                                        "\"invalid\"", "null",           "[" P(0) "]"};
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_int_eq(parse(args, texts[i], SIO_ARGS_EVENT | SIO_ARGS_BINARY, 1),
                         SIO_ERR_SIO_PAYLOAD);
        ck_assert_uint_eq(sio_args_count(args), 0);
        ck_assert_uint_eq(sio_args_name(args).len, 0);
    }
    sio_args_unref(args);
}
END_TEST

START_TEST(limits_are_exact) {
    sio_args_limits limits = SIO_ARGS_LIMITS_INIT;
    limits.max_args = 3;
    limits.max_depth = 2;
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_parse(args, "[1,2,3]", 7, 0, 0, &limits), 0);
    ck_assert_int_eq(sio_args_parse(args, "[1,2,3,4]", 9, 0, 0, &limits), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_args_parse(args, "[[1]]", 5, 0, 0, &limits), 0);
    ck_assert_int_eq(sio_args_parse(args, "[[{}]]", 6, 0, 0, &limits), SIO_ERR_JSON_DEPTH);
    sio_args_unref(args);
}
END_TEST

START_TEST(many_arguments_are_held) {
    sio_buf text = {0};
    sio_buf_add_byte(&text, '[');
    for (unsigned i = 0; i < 5000; i++) {
        if (i > 0) {
            sio_buf_add_byte(&text, ',');
        }
        sio_buf_add_u64(&text, i);
    }
    sio_buf_add_byte(&text, ']');
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(sio_args_parse(args, (const char *)text.data, text.len, 0, 0, NULL), 0);
        ck_assert_uint_eq(sio_args_count(args), 5000);
        ck_assert_int_eq(sio_args_int(args, 0), 0);
        ck_assert_int_eq(sio_args_int(args, 4999), 4999);
        if (round == 1) {
            sio_args_reset(args);
            ck_assert_uint_eq(sio_args_count(args), 0);
        }
    }
    sio_buf_free(&text);
    sio_args_unref(args);
}
END_TEST

START_TEST(white_space_between_arguments_is_not_passed_on) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(parse(args, " [ \"e\" , 1 ,\t[ 2 ]\n, {} ] ", SIO_ARGS_EVENT, 0), 0);
    expect_written(args, "1,[ 2 ],{}");
    sio_str raw = sio_args_raw(args, 1);
    ck_assert_uint_eq(raw.len, 5);
    ck_assert_mem_eq(raw.ptr, "[ 2 ]", 5);
    sio_args_unref(args);
}
END_TEST

START_TEST(pass_through_keeps_every_byte) {
    static const char text[] =
        "12345678901234567890123,1e400,-0,0.10,\"\\u0000\\ud800\\/\",{\"a\":1,"
        "\"a\":2}";
    sio_buf whole = {0};
    sio_buf_add_text(&whole, "[\"e\",");
    sio_buf_add_text(&whole, text);
    sio_buf_add_byte(&whole, ']');
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(
        sio_args_parse(args, (const char *)whole.data, whole.len, SIO_ARGS_EVENT, 0, NULL), 0);
    expect_written(args, text);
    sio_args_unref(args);
    sio_buf_free(&whole);
}
END_TEST

START_TEST(placeholders_are_checked) {
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        {"[" P(0) "]", 0},
        {"[" P(1) "]", 0},
        {"[" P(2) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P(-1) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P(0.5) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P(1e300) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P(1e0) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P(1.0) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P(99999999999999999999) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P("splice") "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[" P(null) "]", SIO_ERR_SIO_PLACEHOLDER},
        {"[{\"_placeholder\":true}]", SIO_ERR_SIO_PLACEHOLDER},
        {"[[[{\"a\":[{\"_placeholder\":true}]}]]]", SIO_ERR_SIO_PLACEHOLDER},
        {"[{\"_placeholder\":1,\"num\":9}]", 0},
        {"[{\"_placeholder\":\"true\",\"num\":9}]", 0},
        {"[{\"_placeholder\":true,\"_placeholder\":false,\"num\":9}]", 0},
        {"[{\"_placeholder\":true,\"num\":0,\"num\":9}]", SIO_ERR_SIO_PLACEHOLDER},
        {"[{\"_placeholder\":true,\"num\":9,\"num\":0}]", 0},
        {"[{\"\\u005fplaceholder\":true,\"num\":9}]", SIO_ERR_SIO_PLACEHOLDER},
        {"[{\"_placeholder\":true,\"\\u006eum\":1}]", 0},
        {"[{\"_placeholder\":true,\"num\":{\"num\":0}}]", SIO_ERR_SIO_PLACEHOLDER},
        {"[{\"_placeholder\":{\"_placeholder\":true,\"num\":0},\"num\":9}]", 0},
        {"[{\"num\":0,\"x\":[],\"_placeholder\":true}]", 0},
        {"[[\"_placeholder\",true,\"num\",9]]", 0},
    };
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = parse(args, cases[i].text, SIO_ARGS_BINARY, 2);
        ck_assert_msg(rc == cases[i].rc, "%s gives %d", cases[i].text, rc);
        /* Without the flag these are all ordinary data. */
        ck_assert_int_eq(parse(args, cases[i].text, 0, 0), 0);
        ck_assert_int_ne(sio_args_kind(args, 0), SIO_KIND_BINARY);
        ck_assert_uint_eq(sio_args_attachment_count(args), 0);
    }
    sio_args_unref(args);
}
END_TEST

START_TEST(attachments_are_handed_in_later) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_set_attachment(args, 0, (sio_bytes){NULL, 0}), SIO_ERR_STATE);
    ck_assert_int_eq(
        parse(args, "[\"e\"," P(1) ",[" P(0) "]]", SIO_ARGS_EVENT | SIO_ARGS_BINARY, 2), 0);
    ck_assert_int_eq(sio_args_kind(args, 0), SIO_KIND_BINARY);
    ck_assert_int_eq(sio_args_kind(args, 1), SIO_KIND_ARRAY);
    ck_assert_uint_eq(sio_args_binary(args, 0).len, 0);
    const uint8_t first[] = {1, 2, 3};
    ck_assert_int_eq(sio_args_set_attachment(args, 0, (sio_bytes){first, 3}), 0);
    ck_assert_int_eq(sio_args_set_attachment(args, 2, (sio_bytes){first, 3}), SIO_ERR_NOT_FOUND);
    sio_blob *second;
    ck_assert_int_eq(sio_blob_new(&second, "xy", 2, NULL), 0);
    ck_assert_int_eq(sio_args_set_blob(args, 2, second), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_args_set_blob(args, 1, second), 0);
    sio_blob_unref(second);
    ck_assert_uint_eq(sio_args_binary(args, 0).len, 2);
    ck_assert_mem_eq(sio_args_binary(args, 0).ptr, "xy", 2);
    ck_assert_uint_eq(sio_args_binary(args, 1).len, 0); /* an array is no binary */
    ck_assert_ptr_eq(sio_args_attachment(args, 0).ptr, first);
    ck_assert_uint_eq(sio_args_attachment(args, 2).len, 0);
    expect_written(args, P(1) ",[" P(0) "]");
    sio_args_unref(args);
}
END_TEST

/* Receive into memory that is gone afterwards. */
static int receive(sio_args *args, bool keep) {
    static const char text[] = "[\"ev\\t\",\"plain\",\"esc\\n\"," P(0) "]";
    char *json = malloc(sizeof(text) - 1);
    uint8_t *data = malloc(4);
    if (!json || !data) {
        free(json);
        free(data);
        return SIO_ERR_NOMEM;
    }
    memcpy(json, text, sizeof(text) - 1);
    memcpy(data, "data", 4);
    int rc =
        sio_args_parse(args, json, sizeof(text) - 1, SIO_ARGS_EVENT | SIO_ARGS_BINARY, 1, NULL);
    rc = rc != 0 ? rc : sio_args_set_attachment(args, 0, (sio_bytes){data, 4});
    if (rc == 0) {
        (void)sio_args_str(args, 0);
        (void)sio_args_string(args, 0);
        rc = keep ? sio_args_keep(args) : 0;
    }
    memset(json, '!', sizeof(text) - 1);
    free(json);
    free(data);
    return rc;
}

static void check_received(const sio_args *args) {
    ck_assert_uint_eq(sio_args_name(args).len, 3);
    ck_assert_str_eq(sio_args_string(args, 0), "plain");
    ck_assert_str_eq(sio_args_string(args, 1), "esc\n");
    ck_assert_mem_eq(sio_args_str(args, 0).ptr, "plain", 5);
    ck_assert_uint_eq(sio_args_binary(args, 2).len, 4);
    ck_assert_mem_eq(sio_args_binary(args, 2).ptr, "data", 4);
}

START_TEST(kept_arguments_own_their_memory) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(receive(args, true), 0);
    check_received(args);
    ck_assert_int_eq(sio_args_keep(args), 0);
    check_received(args);
    sio_args_unref(args);
}
END_TEST

START_TEST(a_reference_outlives_the_view) {
    sio_args *args;
    sio_args *first;
    sio_args *second;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(receive(args, true), 0);
    ck_assert_int_eq(sio_args_ref(&first, args), 0);
    ck_assert_ptr_ne(first, args);
    ck_assert_int_eq(sio_args_ref(&second, first), 0);
    ck_assert_ptr_eq(first, second);
    /* The attachment was kept as a blob, which is shared. */
    ck_assert_ptr_eq(sio_args_attachment(args, 0).ptr, sio_args_attachment(first, 0).ptr);
    ck_assert_int_eq(parse(args, "[9]", 0, 0), 0);
    check_received(first);
    ck_assert_int_eq(parse(first, "[9]", 0, 0), SIO_ERR_STATE);
    ck_assert_int_eq(sio_args_add_null(first), SIO_ERR_STATE);
    sio_args_reset(first);
    check_received(first);
    sio_args_unref(first);
    check_received(second);
    ck_assert_int_eq(sio_args_add_null(second), SIO_ERR_STATE);
    sio_args_unref(second);
    sio_args_unref(args);
}
END_TEST

START_TEST(a_warm_view_allocates_nothing) {
    test_mem t;
    test_mem_init(&t);
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, &t.mem), 0);
    size_t warm = 0;
    for (int round = 0; round < 10; round++) {
        ck_assert_int_eq(parse(args, "[\"event\",\"a\\nb\",\"plain\",12]", SIO_ARGS_EVENT, 0), 0);
        ck_assert_str_eq(sio_args_string(args, 0), "a\nb");
        ck_assert_str_eq(sio_args_string(args, 1), "plain");
        ck_assert_int_eq(sio_args_int(args, 2), 12);
        if (round == 0) {
            warm = t.calls;
        }
        ck_assert_uint_eq(t.calls, warm);
    }
    sio_args_unref(args);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

START_TEST(large_memory_is_given_back) {
    test_mem t;
    test_mem_init(&t);
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, &t.mem), 0);
    size_t len = 1000000;
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    memset(text, 'a', len);
    memcpy(text, "[\"", 2);
    memcpy(text + len - 2, "\"]", 2);
    ck_assert_int_eq(sio_args_parse(args, text, len, 0, 0, NULL), 0);
    ck_assert_uint_eq(strlen(sio_args_string(args, 0)), len - 4);
    ck_assert_int_eq(sio_args_keep(args), 0);
    free(text);
    ck_assert_uint_gt(t.live_size, len);
    sio_args_reset(args);
    ck_assert_uint_lt(t.live_size, 4096);
    sio_args_unref(args);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

static int receive_scenario(const sio_mem *mem, void *arg) {
    sio_args *args;
    int rc = sio_args_new(&args, mem);
    if (rc != 0) {
        return rc;
    }
    sio_args *kept = NULL;
    rc = receive(args, true);
    if (rc == 0) {
        (void)sio_args_name(args);
        (void)sio_args_string(args, 0);
        (void)sio_args_string(args, 1);
        rc = sio_args_ref(&kept, args);
    }
    rc = rc != 0 ? rc : parse(args, "[1,2,3,4,5,6,7,8,9,10,11,12]", 0, 0);
    const struct cJSON *tree;
    rc = rc != 0 ? rc : sio_args_json(&tree, kept, 2);
    sio_args *wide = NULL;
    rc = rc != 0 ? rc : sio_args_ref(&wide, args);
    sio_args_unref(wide);
    sio_args_unref(kept);
    sio_args_unref(args);
    return rc;
}

START_TEST(receiving_survives_every_failed_allocation) {
    test_mem_sweep(receive_scenario, NULL);
}
END_TEST

START_TEST(a_look_alike_is_not_sent_beside_attachments) {
    sio_args *view;
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&view, NULL), 0);
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(parse(view, "[" P(7) "]", 0, 0), 0);
    expect_written(view, P(7));
    ck_assert_int_eq(sio_args_add_arg(args, view, 0), 0);
    expect_written(args, P(7));
    ck_assert_int_eq(sio_args_add_binary(args, (sio_bytes){(const uint8_t *)"x", 1}), 0);
    sio_buf out = {0};
    ck_assert_int_eq(sio_args_write(args, &out), SIO_ERR_SIO_PLACEHOLDER);
    ck_assert_uint_eq(out.len, 0);
    sio_args_unref(args);
    sio_args_unref(view);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("args");
    TCase *tc = tcase_create("args");
    tcase_add_test(tc, an_event_has_a_name_and_arguments);
    tcase_add_test(tc, what_is_no_event_is_refused);
    tcase_add_test(tc, limits_are_exact);
    tcase_add_test(tc, many_arguments_are_held);
    tcase_add_test(tc, white_space_between_arguments_is_not_passed_on);
    tcase_add_test(tc, pass_through_keeps_every_byte);
    tcase_add_test(tc, placeholders_are_checked);
    tcase_add_test(tc, attachments_are_handed_in_later);
    tcase_add_test(tc, kept_arguments_own_their_memory);
    tcase_add_test(tc, a_reference_outlives_the_view);
    tcase_add_test(tc, a_warm_view_allocates_nothing);
    tcase_add_test(tc, large_memory_is_given_back);
    tcase_add_test(tc, receiving_survives_every_failed_allocation);
    tcase_add_test(tc, a_look_alike_is_not_sent_beside_attachments);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
