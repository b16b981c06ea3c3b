#include "args_support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static sio_args *parsed(const char *json, unsigned flags, uint32_t attachments) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_parse(args, json, strlen(json), flags, attachments, NULL), 0);
    return args;
}

static void expect_str(sio_str got, const char *expected, size_t len) {
    ck_assert_ptr_nonnull(got.ptr);
    ck_assert_uint_eq(got.len, len);
    ck_assert_mem_eq(got.ptr, expected, len);
}

START_TEST(names_are_decoded_text) {
    static const struct {
        const char *json;
        const char *name;
        size_t len;
    } cases[] = {
        {"[\"plain\"]", "plain", 5},    {"[\"\"]", "", 0},
        {"[\"a\\u0000b\"]", "a\0b", 3}, {"[1]", "1", 1},
        {"[1.50]", "1.5", 3},           {"[-0]", "0", 1},
        {"[1e21]", "1e+21", 5},         {"[1e400]", "Infinity", 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_args *args = parsed(cases[i].json, SIO_ARGS_EVENT, 0);
        expect_str(sio_args_name(args), cases[i].name, cases[i].len);
        expect_str(sio_args_name(args), cases[i].name, cases[i].len);
        sio_args_unref(args);
    }
}
END_TEST

START_TEST(getters_give_the_empty_value_for_other_types) {
    static const char *const texts[] = {"[null]", "[true]", "[1]", "[\"s\"]",
                                        "[[1]]",  "[{}]",   "[]"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        sio_args *args = parsed(texts[i], 0, 0);
        sio_kind kind = sio_args_kind(args, 0);
        if (kind != SIO_KIND_STRING) {
            expect_str(sio_args_str(args, 0), "", 0);
            ck_assert_str_eq(sio_args_string(args, 0), "");
        }
        if (kind != SIO_KIND_NUMBER) {
            ck_assert_int_eq(sio_args_int(args, 0), 0);
            ck_assert(!sio_args_is_int(args, 0));
            ck_assert(sio_args_double(args, 0) == 0);
        }
        if (kind != SIO_KIND_BOOL) {
            ck_assert(!sio_args_bool(args, 0));
        }
        ck_assert_uint_eq(sio_args_binary(args, 0).len, 0);
        ck_assert_uint_eq(sio_args_raw(args, 7).len, 0);
        const struct cJSON *tree;
        ck_assert_int_eq(sio_args_json(&tree, args, 7), SIO_ERR_NOT_FOUND);
        sio_args_unref(args);
    }
}
END_TEST

START_TEST(strings_are_decoded_and_kept) {
    sio_args *args =
        parsed("[\"plain\",\"a\\tb\",\"\",\"\\ud800\",\"\\u0041\\u0000B\",\"\xC3\xA9\"]", 0, 0);
    for (int round = 0; round < 2; round++) {
        expect_str(sio_args_str(args, 0), "plain", 5);
        ck_assert_str_eq(sio_args_string(args, 0), "plain");
        expect_str(sio_args_str(args, 1), "a\tb", 3);
        ck_assert_str_eq(sio_args_string(args, 1), "a\tb");
        expect_str(sio_args_str(args, 2), "", 0);
        ck_assert_str_eq(sio_args_string(args, 2), "");
        expect_str(sio_args_str(args, 3), "\xEF\xBF\xBD", 3);
        expect_str(sio_args_str(args, 4), "A\0B", 3);
        ck_assert_str_eq(sio_args_string(args, 4), ""); /* never cut */
        expect_str(sio_args_str(args, 5), "\xC3\xA9", 2);
    }
    ck_assert_ptr_eq(sio_args_string(args, 0), sio_args_string(args, 0));
    ck_assert_ptr_eq(sio_args_str(args, 1).ptr, sio_args_str(args, 1).ptr);
    sio_args_unref(args);
}
END_TEST

START_TEST(decoded_strings_stay_while_more_are_decoded) {
    sio_buf json = {0};
    sio_buf_add_byte(&json, '[');
    for (unsigned i = 0; i < 500; i++) {
        sio_buf_add_text(&json, i > 0 ? ",\"\\n" : "\"\\n");
        sio_buf_add_u64(&json, i);
        sio_buf_add_byte(&json, '"');
    }
    sio_buf_add_byte(&json, ']');
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_parse(args, (const char *)json.data, json.len, 0, 0, NULL), 0);
    const char *texts[500];
    for (unsigned i = 0; i < 500; i++) {
        texts[i] = sio_args_string(args, i);
    }
    for (unsigned i = 0; i < 500; i++) {
        ck_assert_int_eq(texts[i][0], '\n');
        ck_assert_uint_eq(strtoul(texts[i] + 1, NULL, 10), i);
    }
    sio_args_unref(args);
    sio_buf_free(&json);
}
END_TEST

START_TEST(integers_are_exact_or_nearest) {
    static const struct {
        const char *json;
        int64_t value;
        bool exact;
    } cases[] = {
        {"[0]", 0, true},
        {"[-0]", 0, true},
        {"[-0.0]", 0, true},
        {"[42]", 42, true},
        {"[9007199254740993]", INT64_C(9007199254740993), true},
        {"[9223372036854775807]", INT64_MAX, true},
        {"[-9223372036854775808]", INT64_MIN, true},
        {"[9223372036854775808]", INT64_MAX, false},
        {"[-9223372036854775809]", INT64_MIN, false},
        {"[1e3]", 1000, true},
        {"[1.0]", 1, true},
        {"[1.9]", 1, false},
        {"[-1.9]", -1, false},
        {"[1e400]", INT64_MAX, false},
        {"[-1e400]", INT64_MIN, false},
        {"[1e18]", INT64_C(1000000000000000000), true},
        {"[1e19]", INT64_MAX, false},
        {"[5e-324]", 0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_args *args = parsed(cases[i].json, 0, 0);
        ck_assert_int_eq(sio_args_int(args, 0), cases[i].value);
        ck_assert_msg(sio_args_is_int(args, 0) == cases[i].exact, "%s", cases[i].json);
        sio_args_unref(args);
    }
}
END_TEST

START_TEST(doubles_and_booleans) {
    sio_args *args = parsed("[0.1,1e400,-2,true,false]", 0, 0);
    ck_assert(sio_args_double(args, 0) == 0.1);
    ck_assert(isinf(sio_args_double(args, 1)));
    ck_assert(sio_args_double(args, 2) == -2);
    ck_assert(sio_args_bool(args, 3));
    ck_assert(!sio_args_bool(args, 4));
    sio_args_unref(args);
}
END_TEST

START_TEST(trees_are_built_once_with_binary_nodes) {
    sio_args *args = parsed("[\"e\",{\"a\":[" P(0) "," P(1) "," P(0) "]}," P(1) ",[1]]",
                            SIO_ARGS_EVENT | SIO_ARGS_BINARY, 2);
    ck_assert_int_eq(sio_args_set_attachment(args, 0, (sio_bytes){(const uint8_t *)"zero", 4}), 0);
    ck_assert_int_eq(sio_args_set_attachment(args, 1, (sio_bytes){(const uint8_t *)"one", 3}), 0);
    const cJSON *tree;
    const cJSON *again;
    ck_assert_int_eq(sio_args_json(&tree, args, 0), 0);
    ck_assert_int_eq(sio_args_json(&again, args, 0), 0);
    ck_assert_ptr_eq(tree, again);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "a");
    sio_bytes first = sio_json_binary_get(cJSON_GetArrayItem(list, 0));
    ck_assert_uint_eq(first.len, 4);
    ck_assert_mem_eq(first.ptr, "zero", 4);
    /* However often it is referred to, an attachment is held once. */
    ck_assert_ptr_eq(sio_json_binary_get(cJSON_GetArrayItem(list, 2)).ptr, first.ptr);
    ck_assert_int_eq(sio_args_json(&tree, args, 1), 0);
    ck_assert_mem_eq(sio_json_binary_get(tree).ptr, "one", 3);
    ck_assert_int_eq(sio_args_json(&tree, args, 2), 0);
    ck_assert_int_eq(cJSON_GetArraySize(tree), 1);
    /* New bytes, new trees. */
    ck_assert_int_eq(sio_args_set_attachment(args, 1, (sio_bytes){(const uint8_t *)"new", 3}), 0);
    ck_assert_int_eq(sio_args_json(&tree, args, 1), 0);
    ck_assert_mem_eq(sio_json_binary_get(tree).ptr, "new", 3);
    sio_args_unref(args);
}
END_TEST

START_TEST(placeholders_are_data_where_they_do_not_count) {
    sio_args *args = parsed("[" P(0) "]", 0, 0);
    const cJSON *tree;
    ck_assert_int_eq(sio_args_json(&tree, args, 0), 0);
    ck_assert(cJSON_IsObject(tree));
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "_placeholder")));
    sio_args_unref(args);
}
END_TEST

START_TEST(a_tree_cannot_hold_nul) {
    sio_args *args = parsed("[{\"a\":\"\\u0000\"},{\"b\":1}]", 0, 0);
    const cJSON *tree = NULL;
    ck_assert_int_eq(sio_args_json(&tree, args, 0), SIO_ERR_JSON_NUL);
    ck_assert_ptr_null(tree);
    ck_assert_int_eq(sio_args_json(&tree, args, 1), 0);
    sio_args_unref(args);
}
END_TEST

START_TEST(built_lists_are_read_like_received_ones) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "s B i d j", "a\nb", "bin", (size_t)3, -5, 0.5, NULL), 0);
    ck_assert_str_eq(sio_args_string(args, 0), "a\nb");
    ck_assert_mem_eq(sio_args_binary(args, 1).ptr, "bin", 3);
    const cJSON *tree;
    ck_assert_int_eq(sio_args_json(&tree, args, 1), 0);
    ck_assert_mem_eq(sio_json_binary_get(tree).ptr, "bin", 3);
    ck_assert_int_eq(sio_args_int(args, 2), -5);
    ck_assert(sio_args_double(args, 3) == 0.5);
    ck_assert_int_eq(sio_args_kind(args, 4), SIO_KIND_NULL);
    /* What was decoded does not outlive a change. */
    ck_assert_int_eq(sio_args_addf(args, "B", "more", (size_t)4), 0);
    ck_assert_int_eq(sio_args_json(&tree, args, 5), 0);
    ck_assert_mem_eq(sio_json_binary_get(tree).ptr, "more", 4);
    ck_assert_str_eq(sio_args_string(args, 0), "a\nb");
    sio_args_unref(args);
}
END_TEST

static int get_scenario(const sio_mem *mem, void *arg) {
    static const char json[] = "[1.5,\"a\\nb\",\"plain\",[{\"k\":" P(0) "}]]";
    sio_args *args;
    int rc = sio_args_new(&args, mem);
    if (rc != 0) {
        return rc;
    }
    rc = sio_args_parse(args, json, sizeof(json) - 1, SIO_ARGS_EVENT | SIO_ARGS_BINARY, 1, NULL);
    const cJSON *tree = NULL;
    if (rc == 0) {
        /* A getter without memory gives the empty value. */
        size_t len = sio_args_name(args).len;
        ck_assert(len == 3 || len == 0);
        len = sio_args_str(args, 0).len;
        ck_assert(len == 3 || len == 0);
        len = strlen(sio_args_string(args, 1));
        ck_assert(len == 5 || len == 0);
        rc = sio_args_json(&tree, args, 2);
    }
    sio_args_unref(args);
    return rc;
}

START_TEST(getters_survive_every_failed_allocation) {
    test_mem_sweep(get_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("args_get");
    TCase *tc = tcase_create("args_get");
    tcase_add_test(tc, names_are_decoded_text);
    tcase_add_test(tc, getters_give_the_empty_value_for_other_types);
    tcase_add_test(tc, strings_are_decoded_and_kept);
    tcase_add_test(tc, decoded_strings_stay_while_more_are_decoded);
    tcase_add_test(tc, integers_are_exact_or_nearest);
    tcase_add_test(tc, doubles_and_booleans);
    tcase_add_test(tc, trees_are_built_once_with_binary_nodes);
    tcase_add_test(tc, placeholders_are_data_where_they_do_not_count);
    tcase_add_test(tc, a_tree_cannot_hold_nul);
    tcase_add_test(tc, built_lists_are_read_like_received_ones);
    tcase_add_test(tc, getters_survive_every_failed_allocation);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
