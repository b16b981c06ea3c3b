#include "args_support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#define P(n) "{\"_placeholder\":true,\"num\":" #n "}"
#define BYTES(text) ((sio_bytes){(const uint8_t *)(text), sizeof(text) - 1})

static sio_args *fresh(void) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    return args;
}

static void expect_attachment(const sio_args *args, uint32_t n, const char *expected) {
    sio_bytes data = sio_args_attachment(args, n);
    ck_assert_uint_eq(data.len, strlen(expected));
    ck_assert_mem_eq(data.ptr, expected, data.len);
}

START_TEST(each_type_is_written) {
    sio_args *args = fresh();
    ck_assert_int_eq(sio_args_add_str(args, SIO_STR("a\0b")), 0);
    ck_assert_int_eq(sio_args_add_string(args, "text"), 0);
    ck_assert_int_eq(sio_args_add_string(args, NULL), 0);
    ck_assert_int_eq(sio_args_add_int(args, INT64_MIN), 0);
    ck_assert_int_eq(sio_args_add_uint(args, UINT64_MAX), 0);
    ck_assert_int_eq(sio_args_add_double(args, 0.1), 0);
    ck_assert_int_eq(sio_args_add_double(args, NAN), 0);
    ck_assert_int_eq(sio_args_add_bool(args, true), 0);
    ck_assert_int_eq(sio_args_add_bool(args, false), 0);
    ck_assert_int_eq(sio_args_add_null(args), 0);
    ck_assert_int_eq(sio_args_add_raw(args, SIO_STR(" {\"a\": [1e400]} ")), 0);
    ck_assert_int_eq(sio_args_add_json(args, NULL), 0);
    expect_written(args, "\"a\\u0000b\",\"text\",null,-9223372036854775808,18446744073709551615,"
                         "0.1,null,true,false,null,{\"a\": [1e400]},null");
    static const sio_kind kinds[] = {SIO_KIND_STRING, SIO_KIND_STRING, SIO_KIND_NULL,
                                     SIO_KIND_NUMBER, SIO_KIND_NUMBER, SIO_KIND_NUMBER,
                                     SIO_KIND_NULL,   SIO_KIND_BOOL,   SIO_KIND_BOOL,
                                     SIO_KIND_NULL,   SIO_KIND_OBJECT, SIO_KIND_NULL};
    for (size_t i = 0; i < 12; i++) {
        ck_assert_int_eq(sio_args_kind(args, i), kinds[i]);
    }
    ck_assert_uint_eq(sio_args_count(args), 12);
    ck_assert_int_eq(sio_args_int(args, 3), INT64_MIN);
    sio_args_reset(args);
    ck_assert_int_eq(sio_args_add_int(args, 1), 0);
    expect_written(args, "1");
    sio_args_unref(args);
}
END_TEST

START_TEST(what_is_refused_leaves_nothing) {
    sio_args *args = fresh();
    ck_assert_int_eq(sio_args_add_int(args, 1), 0);
    ck_assert_int_eq(sio_args_add_string(args, "caf\xE9"), SIO_ERR_JSON_UTF8);
    ck_assert_int_eq(sio_args_add_raw(args, SIO_STR("[1,]")), SIO_ERR_JSON_SYNTAX);
    ck_assert_int_eq(sio_args_add_raw(args, SIO_STR("1,2")), SIO_ERR_JSON_TRAILING);
    ck_assert_int_eq(sio_args_add_raw(args, SIO_STR("")), SIO_ERR_JSON_SYNTAX);
    cJSON *list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, sio_json_binary("x", 1));
    cJSON_AddItemToArray(list, cJSON_CreateRaw("]"));
    ck_assert_int_eq(sio_args_add_json(args, list), SIO_ERR_JSON_SYNTAX);
    cJSON_Delete(list);
    ck_assert_int_eq(sio_args_add_arg(args, args, 0), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_args_add_all(args, args), SIO_ERR_INVALID);
    sio_args *other = fresh();
    ck_assert_int_eq(sio_args_add_arg(args, other, 0), SIO_ERR_NOT_FOUND);
    sio_args_unref(other);
    ck_assert_uint_eq(sio_args_attachment_count(args), 0);
    ck_assert_uint_eq(sio_args_count(args), 1);
    expect_written(args, "1");
    sio_args_unref(args);
}
END_TEST

/* PP-10 SP10 */
START_TEST(a_tree_without_end_is_refused) {
    sio_args *args = fresh();
    cJSON *tree = cJSON_CreateObject();
    ck_assert_ptr_nonnull(cJSON_AddNumberToObject(tree, "n", 1));
    ck_assert(cJSON_AddItemReferenceToObject(tree, "self", tree));
    ck_assert_int_eq(sio_args_add_json(args, tree), SIO_ERR_JSON_CYCLE);
    ck_assert_uint_eq(sio_args_count(args), 0);
    cJSON_Delete(tree);
    sio_args_unref(args);
}
END_TEST

/* PA-02 PA-04 PB-02 */
START_TEST(attachments_are_numbered_depth_first) {
    sio_args *args = fresh();
    ck_assert_int_eq(sio_args_add_binary(args, BYTES("first")), 0);
    cJSON *object = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(object, "b");
    cJSON_AddItemToArray(list, sio_json_binary("second", 6));
    cJSON *inner = cJSON_CreateObject();
    cJSON_AddItemToArray(list, inner);
    cJSON_AddItemToObject(inner, "c", sio_json_binary("third", 5));
    ck_assert_int_eq(sio_args_add_json(args, object), 0);
    cJSON_Delete(object);
    sio_blob *blob;
    ck_assert_int_eq(sio_blob_new(&blob, "fourth", 6, NULL), 0);
    ck_assert_int_eq(sio_args_add_blob(args, blob), 0);
    ck_assert_ptr_eq(sio_args_attachment(args, 3).ptr, blob->data);
    sio_blob_unref(blob);
    cJSON *node = sio_json_binary("fifth", 5);
    ck_assert_int_eq(sio_args_add_json(args, node), 0);
    cJSON_Delete(node);
    expect_written(args, P(0) ",{\"b\":[" P(1) ",{\"c\":" P(2) "}]}," P(3) "," P(4));
    ck_assert_uint_eq(sio_args_attachment_count(args), 5);
    static const char *const texts[] = {"first", "second", "third", "fourth", "fifth"};
    for (uint32_t i = 0; i < 5; i++) {
        expect_attachment(args, i, texts[i]);
    }
    ck_assert_int_eq(sio_args_kind(args, 3), SIO_KIND_BINARY);
    ck_assert_uint_eq(sio_args_binary(args, 3).len, 5);
    sio_args_unref(args);
}
END_TEST

START_TEST(received_arguments_pass_through_renumbered) {
    static const char json[] = "[\"e\"," P(2) ",{ \"a\" : [" P(1) ", " P(2) "," P(
        1) "]},\"\\ud800\","
           "{\"x\":{\"_placeholder\":true,\"num\":0},\"num\":0,"
           "\"_placeholder\":true}]";
    sio_args *view = fresh();
    ck_assert_int_eq(
        sio_args_parse(view, json, sizeof(json) - 1, SIO_ARGS_EVENT | SIO_ARGS_BINARY, 4, NULL), 0);
    ck_assert_int_eq(sio_args_set_attachment(view, 0, BYTES("zero")), 0);
    ck_assert_int_eq(sio_args_set_attachment(view, 1, BYTES("one")), 0);
    ck_assert_int_eq(sio_args_set_attachment(view, 2, BYTES("two")), 0);
    sio_args *args = fresh();
    ck_assert_int_eq(sio_args_add_binary(args, BYTES("own")), 0);
    ck_assert_int_eq(sio_args_add_arg(args, view, 1), 0);
    expect_written(args, P(0) ",{ \"a\" : [" P(1) ", " P(2) "," P(1) "]}");
    expect_attachment(args, 1, "one");
    expect_attachment(args, 2, "two");
    sio_args_reset(args);

    ck_assert_int_eq(sio_args_add_string(args, "to"), 0);
    ck_assert_int_eq(sio_args_add_all(args, view), 0);
    expect_written(args,
                   "\"to\"," P(0) ",{ \"a\" : [" P(1) ", " P(0) "," P(1) "]},\"\\ud800\"," P(2));
    ck_assert_uint_eq(sio_args_attachment_count(args), 3); /* the unused one is left behind */
    expect_attachment(args, 0, "two");
    expect_attachment(args, 1, "one");
    expect_attachment(args, 2, "zero");
    ck_assert_int_eq(sio_args_kind(args, 1), SIO_KIND_BINARY);
    ck_assert_mem_eq(sio_args_binary(args, 4).ptr, "zero", 4);

    /* From one built list to another the bytes are shared. */
    sio_args *third = fresh();
    ck_assert_int_eq(sio_args_add_arg(third, args, 4), 0);
    ck_assert_ptr_eq(sio_args_attachment(third, 0).ptr, sio_args_attachment(args, 2).ptr);
    sio_args_unref(third);
    sio_args_unref(args);
    sio_args_unref(view);
}
END_TEST

START_TEST(look_alikes_are_kept_apart) {
    sio_args *args = fresh();
    ck_assert_int_eq(sio_args_add_raw(args, SIO_STR("[" P(0) "]")), 0);
    expect_written(args, "[" P(0) "]");
    sio_buf out = {0};
    sio_args *copy = fresh();
    ck_assert_int_eq(sio_args_add_all(copy, args), 0);
    expect_written(copy, "[" P(0) "]");
    ck_assert_uint_eq(sio_args_attachment_count(copy), 0);
    ck_assert_int_eq(sio_args_add_binary(copy, BYTES("x")), 0);
    ck_assert_int_eq(sio_args_write(copy, &out), SIO_ERR_SIO_PLACEHOLDER);
    sio_args_unref(copy);

    cJSON *object = cJSON_CreateObject();
    cJSON_AddTrueToObject(object, "_placeholder");
    sio_args_reset(args);
    ck_assert_int_eq(sio_args_add_json(args, object), 0);
    expect_written(args, "{\"_placeholder\":true}");
    cJSON_AddItemToObject(object, "data", sio_json_binary("x", 1));
    sio_args_reset(args);
    ck_assert_int_eq(sio_args_add_json(args, object), 0);
    ck_assert_int_eq(sio_args_write(args, &out), SIO_ERR_SIO_PLACEHOLDER);
    /* Taking it back makes the list good again. */
    sio_args_reset(args);
    ck_assert_int_eq(sio_args_add_binary(args, BYTES("x")), 0);
    expect_written(args, P(0));
    cJSON_Delete(object);
    sio_args_unref(args);
}
END_TEST

START_TEST(limits_hold) {
    sio_args *args = fresh();
    for (int i = 0; i < SIO_ARGS_MAX_ATTACHMENTS; i++) {
        if (sio_args_add_binary(args, BYTES("")) != 0) {
            ck_abort_msg("attachment %d is refused", i);
        }
    }
    ck_assert_int_eq(sio_args_add_binary(args, BYTES("")), SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    cJSON *node = sio_json_binary("x", 1);
    ck_assert_int_eq(sio_args_add_json(args, node), SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    cJSON_Delete(node);
    ck_assert_uint_eq(sio_args_attachment_count(args), SIO_ARGS_MAX_ATTACHMENTS);
    sio_args_reset(args);
    for (int i = 0; i < SIO_ARGS_MAX_ARGS; i++) {
        if (sio_args_add_null(args) != 0) {
            ck_abort_msg("argument %d is refused", i);
        }
    }
    ck_assert_int_eq(sio_args_add_null(args), SIO_ERR_LIMIT);
    ck_assert_uint_eq(sio_args_count(args), SIO_ARGS_MAX_ARGS);
    sio_args_unref(args);
}
END_TEST

/* A tree as deep as our own receiver takes it, which counts the argument list. */
START_TEST(what_is_sent_can_be_received) {
    cJSON *tree = cJSON_CreateArray();
    cJSON *innermost = tree;
    for (int i = 1; i < SIO_JSON_MAX_DEPTH - 1; i++) {
        cJSON *inner = cJSON_CreateArray();
        cJSON_AddItemToArray(innermost, inner);
        innermost = inner;
    }
    sio_args *args = fresh();
    ck_assert_int_eq(sio_args_add_json(args, tree), 0);
    sio_buf out = {0};
    sio_buf_add_byte(&out, '[');
    ck_assert_int_eq(sio_args_write(args, &out), 0);
    sio_buf_add_byte(&out, ']');
    sio_args *view = fresh();
    ck_assert_int_eq(sio_args_parse(view, (const char *)out.data, out.len, 0, 0, NULL), 0);
    sio_str raw = sio_args_raw(view, 0);
    ck_assert_int_eq(sio_args_add_raw(args, raw), 0);
    cJSON_AddItemToArray(innermost, cJSON_CreateArray());
    ck_assert_int_eq(sio_args_add_json(args, tree), SIO_ERR_JSON_CYCLE);
    cJSON_Delete(tree);
    sio_args_unref(view);
    sio_args_unref(args);
    sio_buf_free(&out);
}
END_TEST

START_TEST(only_an_unshared_built_list_is_appended_to) {
    sio_args *args = fresh();
    sio_args *second;
    ck_assert_int_eq(sio_args_add_int(args, 1), 0);
    ck_assert_int_eq(sio_args_ref(&second, args), 0);
    ck_assert_ptr_eq(second, args);
    ck_assert_int_eq(sio_args_add_int(args, 2), SIO_ERR_STATE);
    ck_assert_int_eq(sio_args_addf(args, "i", 2), SIO_ERR_STATE);
    sio_args_unref(second);
    ck_assert_int_eq(sio_args_add_int(args, 2), 0);
    expect_written(args, "1,2");
    ck_assert_int_eq(sio_args_parse(args, "[9]", 3, 0, 0, NULL), 0);
    ck_assert_int_eq(sio_args_add_int(args, 2), SIO_ERR_STATE);
    ck_assert_int_eq(sio_args_addf(args, "i", 2), SIO_ERR_STATE);
    expect_written(args, "9");
    sio_args_unref(args);
}
END_TEST

static int build_scenario(const sio_mem *mem, void *arg) {
    static const char json[] = "[" P(1) ",[" P(0) "]]";
    sio_args *view = NULL;
    sio_args *args = NULL;
    int rc = sio_args_new(&view, mem);
    rc = rc != 0 ? rc : sio_args_new(&args, mem);
    rc = rc != 0 ? rc : sio_args_parse(view, json, sizeof(json) - 1, SIO_ARGS_BINARY, 2, NULL);
    rc = rc != 0 ? rc : sio_args_add_string(args, "text \n with an escape and some length to it");
    rc = rc != 0 ? rc : sio_args_add_json(args, arg);
    for (int i = 0; rc == 0 && i < 10; i++) {
        rc = sio_args_add_double(args, 0.5);
    }
    rc = rc != 0 ? rc : sio_args_add_all(args, view);
    rc = rc != 0 ? rc : sio_args_add_binary(args, BYTES("bytes"));
    if (rc != 0 && args) {
        /* Whatever failed, the list is whole. */
        sio_buf out = {0};
        ck_assert_int_eq(sio_buf_add_byte(&out, '['), 0);
        ck_assert_int_eq(sio_args_write(args, &out), 0);
        ck_assert_int_eq(sio_buf_add_byte(&out, ']'), 0);
        ck_assert_int_eq(sio_json_validate((const char *)out.data, out.len, 0), 0);
        sio_buf_free(&out);
    }
    sio_args_unref(args);
    sio_args_unref(view);
    return rc;
}

START_TEST(building_survives_every_failed_allocation) {
    cJSON *tree = cJSON_CreateArray();
    cJSON_AddItemToArray(tree, sio_json_binary("x", 1));
    cJSON_AddItemToArray(tree, sio_json_binary("y", 1));
    test_mem_sweep(build_scenario, tree);
    cJSON_Delete(tree);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("args_build");
    TCase *tc = tcase_create("args_build");
    tcase_add_test(tc, each_type_is_written);
    tcase_add_test(tc, what_is_refused_leaves_nothing);
    tcase_add_test(tc, a_tree_without_end_is_refused);
    tcase_add_test(tc, attachments_are_numbered_depth_first);
    tcase_add_test(tc, received_arguments_pass_through_renumbered);
    tcase_add_test(tc, look_alikes_are_kept_apart);
    tcase_add_test(tc, limits_hold);
    tcase_add_test(tc, what_is_sent_can_be_received);
    tcase_add_test(tc, only_an_unshared_built_list_is_appended_to);
    tcase_add_test(tc, building_survives_every_failed_allocation);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
