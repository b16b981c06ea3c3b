#include "support.h"

#include "json_tree.h"
#include "mem.h"

#include <math.h>
#include <string.h>

static void expect_print(const cJSON *item, const char *expected) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_json_print(&out, item), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, 0), 0);
    ck_assert_str_eq((const char *)out.data, expected);
    sio_buf_free(&out);
}

static void expect_error(const cJSON *item, int expected) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_buf_add_text(&out, "before"), 0);
    ck_assert_int_eq(sio_json_print(&out, item), expected);
    ck_assert_uint_eq(out.len, 6);
    sio_buf_free(&out);
}

START_TEST(prints_as_javascript_does) {
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddNumberToObject(tree, "int", 5);
    cJSON_AddNumberToObject(tree, "large", 9007199254740991.0);
    cJSON_AddNumberToObject(tree, "fine", 0.1 + 0.2);
    cJSON_AddNumberToObject(tree, "nan", NAN);
    cJSON_AddNumberToObject(tree, "inf", -INFINITY);
    cJSON_AddNumberToObject(tree, "zero", -0.0);
    cJSON_AddStringToObject(tree, "key \"\n", "\x01/\xC3\xA9");
    cJSON_AddNullToObject(tree, "null");
    cJSON_AddTrueToObject(tree, "true");
    cJSON_AddFalseToObject(tree, "false");
    cJSON_AddRawToObject(tree, "raw", " [ 1.50 ] ");
    cJSON_AddArrayToObject(tree, "array");
    cJSON_AddObjectToObject(tree, "object");
    expect_print(tree, "{\"int\":5,\"large\":9007199254740991,\"fine\":0.30000000000000004,"
                       "\"nan\":null,\"inf\":null,\"zero\":0,\"key \\\"\\n\":\"\\u0001/\xC3\xA9\","
                       "\"null\":null,\"true\":true,\"false\":false,\"raw\":[ 1.50 ],\"array\":[],"
                       "\"object\":{}}");
    /* Only the item itself, not what stands beside it. */
    expect_print(tree->child, "5");
    cJSON_Delete(tree);
}
END_TEST

START_TEST(binary_is_numbered_depth_first) {
    cJSON *tree = cJSON_CreateArray();
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(tree, cJSON_CreateNumber(1));
    cJSON_AddItemToArray(tree, object);
    cJSON_AddItemToObject(object, "b", sio_json_binary("x", 1));
    cJSON *list = cJSON_AddArrayToObject(object, "a");
    cJSON_AddItemToArray(list, sio_json_binary("x", 1));
    cJSON_AddItemToArray(tree, sio_json_binary("", 0));
    cJSON_AddItemReferenceToArray(tree, object->child);
    expect_print(tree, "[1,{\"b\":{\"_placeholder\":true,\"num\":0},"
                       "\"a\":[{\"_placeholder\":true,\"num\":1}]},"
                       "{\"_placeholder\":true,\"num\":2},{\"_placeholder\":true,\"num\":0}]");
    cJSON_Delete(tree);
}
END_TEST

START_TEST(too_many_binary_nodes_are_refused) {
    cJSON *tree = cJSON_CreateArray();
    for (int i = 0; i < SIO_JSON_MAX_BINARIES; i++) {
        cJSON_AddItemToArray(tree, sio_json_binary(NULL, 0));
    }
    sio_buf out = {0};
    ck_assert_int_eq(sio_json_print(&out, tree), 0);
    sio_buf_free(&out);
    cJSON_AddItemToArray(tree, sio_json_binary(NULL, 0));
    expect_error(tree, SIO_ERR_SIO_TOO_MANY_ATTACHMENTS);
    cJSON_Delete(tree);
}
END_TEST

/* A chain of arrays, the innermost given out. */
static cJSON *chain(int depth, cJSON **innermost) {
    cJSON *tree = cJSON_CreateArray();
    *innermost = tree;
    for (int i = 1; i < depth; i++) {
        cJSON *inner = cJSON_CreateArray();
        cJSON_AddItemToArray(*innermost, inner);
        *innermost = inner;
    }
    return tree;
}

START_TEST(depth_is_limited_exactly) {
    cJSON *innermost;
    cJSON *tree = chain(SIO_JSON_MAX_DEPTH, &innermost);
    cJSON_AddItemToArray(innermost, cJSON_CreateNumber(1));
    sio_buf out = {0};
    ck_assert_int_eq(sio_json_print(&out, tree), 0);
    ck_assert_uint_eq(out.len, 2 * SIO_JSON_MAX_DEPTH + 1);
    sio_buf_free(&out);
    cJSON_AddItemToArray(innermost, cJSON_CreateRaw("[]"));
    expect_error(tree, SIO_ERR_JSON_DEPTH);
    cJSON_DeleteItemFromArray(innermost, 1);
    cJSON_AddItemToArray(innermost, cJSON_CreateArray());
    expect_error(tree, SIO_ERR_JSON_CYCLE);
    cJSON_Delete(tree);
}
END_TEST

START_TEST(cycles_are_refused) {
    cJSON *innermost;
    cJSON *tree = chain(3, &innermost);
    innermost->child = tree; /* below itself */
    expect_error(tree, SIO_ERR_JSON_CYCLE);
    innermost->child = NULL;
    cJSON_Delete(tree);

    tree = cJSON_CreateArray();
    for (int i = 0; i < 3; i++) {
        cJSON_AddItemToArray(tree, cJSON_CreateNumber(i));
    }
    cJSON *last = tree->child->prev;
    last->next = tree->child; /* beside itself, back to the head */
    expect_error(tree, SIO_ERR_JSON_CYCLE);
    last->next = tree->child->next; /* and into the middle */
    expect_error(tree, SIO_ERR_JSON_CYCLE);
    last->next = last;
    expect_error(tree, SIO_ERR_JSON_CYCLE);
    last->next = NULL;
    expect_print(tree, "[0,1,2]");
    cJSON_Delete(tree);
}
END_TEST

START_TEST(what_is_no_json_is_refused) {
    expect_error(NULL, SIO_ERR_TYPE);
    cJSON item = {.type = cJSON_Invalid};
    expect_error(&item, SIO_ERR_TYPE);
    item.type = cJSON_String;
    expect_error(&item, SIO_ERR_TYPE);
    item.type = cJSON_Raw;
    expect_error(&item, SIO_ERR_TYPE);
    char bad[] = "[1,]";
    item.valuestring = bad;
    expect_error(&item, SIO_ERR_JSON_SYNTAX);
    char latin[] = "caf\xE9";
    item.type = cJSON_String;
    item.valuestring = latin;
    expect_error(&item, SIO_ERR_JSON_UTF8);
    cJSON object = {.type = cJSON_Object, .child = &item};
    item.type = cJSON_NULL;
    item.prev = &item;
    item.valuestring = NULL;
    expect_print(&object, "{\"\":null}"); /* a member without a key, as cJSON prints it */
    item.string = latin;
    expect_error(&object, SIO_ERR_JSON_UTF8);
    cJSON *binary = sio_json_binary("x", 1);
    cJSON *copy = cJSON_Duplicate(binary, 1);
    expect_error(copy, SIO_ERR_TYPE);
    cJSON_Delete(copy);
    cJSON_Delete(binary);
}
END_TEST

START_TEST(look_alikes_are_noticed) {
    static const struct {
        const char *text;
        bool looks_alike;
    } cases[] = {
        {"{\"_placeholder\":true}", true},
        {"[[{\"a\":1,\"_placeholder\":true,\"num\":0}]]", true},
        {"{\"_placeholder\":1}", false},
        {"[\"_placeholder\",true]", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cJSON *tree = NULL;
        ck_assert_int_eq(sio_json_parse(&tree, cases[i].text, strlen(cases[i].text), 0), 0);
        cJSON *raw = cJSON_CreateRaw(cases[i].text);
        cJSON *items[] = {tree, raw};
        for (size_t k = 0; k < 2; k++) {
            sio_buf out = {0};
            sio_json_printer printer = {.out = &out, .max_depth = 10};
            ck_assert_int_eq(sio_json_print_tree(&printer, items[k]), 0);
            ck_assert_int_eq(printer.looks_alike, cases[i].looks_alike);
            sio_buf_free(&out);
            cJSON_Delete(items[k]);
        }
    }
}
END_TEST

static int print_scenario(const sio_mem *mem, void *arg) {
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    int rc = sio_json_print(&out, arg);
    ck_assert(rc == 0 || out.len == 0);
    sio_buf_free(&out);
    return rc;
}

START_TEST(printing_survives_every_failed_allocation) {
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddItemToObject(tree, "b", sio_json_binary("x", 1));
    cJSON_AddStringToObject(tree, "key \n", "a string that is somewhat longer than the others are");
    cJSON_AddRawToObject(tree, "raw", "[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6]");
    for (int i = 0; i < 20; i++) {
        cJSON_AddItemToObject(tree, "more", sio_json_binary("y", 1));
    }
    test_mem_sweep(print_scenario, tree);
    cJSON_Delete(tree);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_print");
    TCase *tc = tcase_create("json_print");
    tcase_add_test(tc, prints_as_javascript_does);
    tcase_add_test(tc, binary_is_numbered_depth_first);
    tcase_add_test(tc, too_many_binary_nodes_are_refused);
    tcase_add_test(tc, depth_is_limited_exactly);
    tcase_add_test(tc, cycles_are_refused);
    tcase_add_test(tc, what_is_no_json_is_refused);
    tcase_add_test(tc, look_alikes_are_noticed);
    tcase_add_test(tc, printing_survives_every_failed_allocation);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
