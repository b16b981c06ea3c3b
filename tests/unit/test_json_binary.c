#include "support.h"

#include "json_binary.h"

#include <string.h>

static void expect_bytes(const cJSON *item, const char *data, size_t len) {
    ck_assert(sio_json_is_binary(item));
    sio_bytes bytes = sio_json_binary_get(item);
    ck_assert_uint_eq(bytes.len, len);
    ck_assert_mem_eq(bytes.ptr, data, len);
}

START_TEST(holds_any_bytes) {
    cJSON *item = sio_json_binary("a\0b\xFF", 4);
    expect_bytes(item, "a\0b\xFF", 4);
    ck_assert(cJSON_IsInvalid(item));
    cJSON_Delete(item);
    item = sio_json_binary(NULL, 0);
    expect_bytes(item, "", 0);
    cJSON_Delete(item);
}
END_TEST

START_TEST(other_nodes_are_not_binary) {
    cJSON *items[] = {NULL,
                      cJSON_CreateString("odd or even"),
                      cJSON_CreateStringReference("odd or even"),
                      cJSON_CreateStringReference(&"odd or even"[1]),
                      cJSON_CreateRaw("1"),
                      cJSON_CreateNull(),
                      cJSON_CreateArray(),
                      cJSON_CreateObjectReference(NULL)};
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        ck_assert(!sio_json_is_binary(items[i]));
        ck_assert_uint_eq(sio_json_binary_get(items[i]).len, 0);
        cJSON_Delete(items[i]);
    }
}
END_TEST

START_TEST(lives_in_trees) {
    cJSON *object = cJSON_CreateObject();
    cJSON *array = cJSON_AddArrayToObject(object, "list");
    ck_assert(cJSON_AddItemToObject(object, "copied key", sio_json_binary("one", 3)));
    ck_assert(cJSON_AddItemToObjectCS(object, "constant key", sio_json_binary("two", 3)));
    ck_assert(cJSON_AddItemToArray(array, sio_json_binary("three", 5)));
    cJSON *one = cJSON_GetObjectItemCaseSensitive(object, "copied key");
    expect_bytes(one, "one", 3);
    expect_bytes(cJSON_GetObjectItemCaseSensitive(object, "constant key"), "two", 3);
    expect_bytes(cJSON_GetArrayItem(array, 0), "three", 5);
    /* A reference shares the bytes. */
    ck_assert(cJSON_AddItemReferenceToArray(array, one));
    expect_bytes(cJSON_GetArrayItem(array, 1), "one", 3);
    ck_assert(cJSON_ReplaceItemInArray(array, 0, sio_json_binary("four", 4)));
    expect_bytes(cJSON_GetArrayItem(array, 0), "four", 4);
    cJSON *detached = cJSON_DetachItemFromObjectCaseSensitive(object, "copied key");
    cJSON_DeleteItemFromArray(array, 1);
    expect_bytes(detached, "one", 3);
    cJSON_Delete(detached);
    cJSON_Delete(object);
}
END_TEST

START_TEST(a_duplicate_is_never_taken_for_binary) {
    for (int round = 0; round < 100; round++) {
        char data[100] = "bytes before a NUL";
        cJSON *item = sio_json_binary(data, sizeof(data));
        cJSON *copy = cJSON_Duplicate(item, 1);
        cJSON_Delete(item);
        cJSON *again = cJSON_Duplicate(copy, 1);
        ck_assert(!sio_json_is_binary(copy));
        ck_assert(!sio_json_is_binary(again));
        cJSON *list = cJSON_CreateArray();
        ck_assert(cJSON_AddItemReferenceToArray(list, again));
        ck_assert(!sio_json_is_binary(cJSON_GetArrayItem(list, 0)));
        cJSON_Delete(list);
        cJSON_Delete(copy);
        cJSON_Delete(again);
    }
}
END_TEST

START_TEST(an_object_becomes_a_reference) {
    cJSON *binary = sio_json_binary("data", 4);
    cJSON *root = cJSON_CreateObject();
    cJSON *object = cJSON_AddObjectToObject(root, "a");
    cJSON_AddTrueToObject(object, "_placeholder");
    sio_json_binary_refer(object, binary);
    expect_bytes(object, "data", 4);
    ck_assert_str_eq(object->string, "a");
    ck_assert_ptr_eq(sio_json_binary_get(object).ptr, sio_json_binary_get(binary).ptr);
    cJSON_Delete(root);
    expect_bytes(binary, "data", 4);
    cJSON_Delete(binary);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_binary");
    TCase *tc = tcase_create("json_binary");
    tcase_add_test(tc, holds_any_bytes);
    tcase_add_test(tc, other_nodes_are_not_binary);
    tcase_add_test(tc, lives_in_trees);
    tcase_add_test(tc, a_duplicate_is_never_taken_for_binary);
    tcase_add_test(tc, an_object_becomes_a_reference);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
