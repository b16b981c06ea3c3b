#include "support.h"

#include "json_tree.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int parse(cJSON **out, const char *text) {
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    int rc = sio_json_parse(out, copy, len, 0);
    free(copy);
    return rc;
}

static cJSON *parsed(const char *text) {
    cJSON *tree = NULL;
    ck_assert_int_eq(parse(&tree, text), 0);
    return tree;
}

static void expect_reprinted(const char *text, const char *expected) {
    cJSON *tree = parsed(text);
    sio_buf out = {0};
    ck_assert_int_eq(sio_json_print(&out, tree), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, 0), 0);
    ck_assert_str_eq((const char *)out.data, expected);
    sio_buf_free(&out);
    cJSON_Delete(tree);
}

START_TEST(builds_what_cjson_expects) {
    cJSON *tree =
        parsed(" { \"a\" : [ 1 , -2.5 , \"x\\ty\" , true , false , null , { } , [ ] ] } ");
    ck_assert(cJSON_IsObject(tree));
    cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "a");
    ck_assert_int_eq(cJSON_GetArraySize(list), 8);
    ck_assert_int_eq(cJSON_GetArrayItem(list, 0)->valueint, 1);
    ck_assert(cJSON_GetNumberValue(cJSON_GetArrayItem(list, 1)) == -2.5);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(list, 2)), "x\ty");
    ck_assert(cJSON_IsTrue(cJSON_GetArrayItem(list, 3)));
    ck_assert(cJSON_IsFalse(cJSON_GetArrayItem(list, 4)));
    ck_assert(cJSON_IsNull(cJSON_GetArrayItem(list, 5)));
    ck_assert(cJSON_IsObject(cJSON_GetArrayItem(list, 6)));
    ck_assert(cJSON_IsArray(cJSON_GetArrayItem(list, 7)));
    /* Lists are as cJSON makes them, so its functions that change them work. */
    ck_assert(cJSON_AddItemToArray(list, cJSON_CreateNumber(9)));
    cJSON_DeleteItemFromArray(list, 0);
    ck_assert_int_eq(cJSON_GetArrayItem(list, 7)->valueint, 9);
    cJSON_Delete(tree);
}
END_TEST

START_TEST(numbers_are_doubles_with_saturated_ints) {
    static const struct {
        const char *text;
        double value;
        int integer;
    } cases[] = {
        {"0", 0, 0},
        {"2147483647", INT_MAX, INT_MAX},
        {"2147483648", 2147483648.0, INT_MAX},
        {"-99999999999", -99999999999.0, INT_MIN},
        {"9007199254740993", 9007199254740992.0, INT_MAX},
        {"1e400", INFINITY, INT_MAX},
        {"-1e400", -INFINITY, INT_MIN},
        {"0.30000000000000004", 0.30000000000000004, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cJSON *tree = parsed(cases[i].text);
        ck_assert(tree->valuedouble == cases[i].value);
        ck_assert_int_eq(tree->valueint, cases[i].integer);
        cJSON_Delete(tree);
    }
    cJSON *zero = parsed("-0");
    ck_assert(signbit(zero->valuedouble));
    cJSON_Delete(zero);
}
END_TEST

START_TEST(a_nul_is_an_error_never_a_cut) {
    static const char *const texts[] = {"\"a\\u0000b\"", "[\"\\u0000\"]", "{\"a\\u0000\":1}",
                                        "{\"a\":[{\"b\":\"\\u0000\"}]}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cJSON *tree = NULL;
        ck_assert_int_eq(parse(&tree, texts[i]), SIO_ERR_JSON_NUL);
        ck_assert_ptr_null(tree);
    }
}
END_TEST

START_TEST(what_is_no_json_gives_no_tree) {
    cJSON *tree = NULL;
    ck_assert_int_eq(parse(&tree, ""), SIO_ERR_JSON_SYNTAX);
    ck_assert_int_eq(parse(&tree, "[1,]"), SIO_ERR_JSON_SYNTAX);
    ck_assert_int_eq(parse(&tree, "[1]x"), SIO_ERR_JSON_TRAILING);
    ck_assert_int_eq(sio_json_parse(&tree, "[[1]]", 5, 1), SIO_ERR_JSON_DEPTH);
    ck_assert_ptr_null(tree);
}
END_TEST

START_TEST(the_last_of_equal_keys_counts_in_the_first_place) {
    expect_reprinted("{\"a\":1,\"a\":2}", "{\"a\":2}");
    expect_reprinted("{\"a\":1,\"b\":2,\"a\":3,\"c\":4,\"a\":5}", "{\"a\":5,\"b\":2,\"c\":4}");
    expect_reprinted("{\"x\":0,\"a\":1,\"\\u0061\":[2]}", "{\"x\":0,\"a\":[2]}");
    expect_reprinted("{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}");
    expect_reprinted("{\"a\":{\"b\":1,\"b\":2},\"c\":0,\"a\":{\"d\":1,\"d\":2}}",
                     "{\"a\":{\"d\":2},\"c\":0}");
    expect_reprinted("{\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,"
                     "\"k9\":9,\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13,\"k14\":14,\"k15\":15,"
                     "\"k16\":16,\"k17\":17,\"k1\":18,\"k9\":19,\"k9\":20,\"k17\":21}",
                     "{\"k1\":18,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,"
                     "\"k9\":20,\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13,\"k14\":14,\"k15\":15,"
                     "\"k16\":16,\"k17\":21}");
}
END_TEST

/* Lookups in cJSON are linear: what we do while building must not be worse than n log n. */
START_TEST(fifty_thousand_keys_are_no_burden) {
    sio_buf text = {0};
    sio_buf_add_byte(&text, '{');
    for (uint64_t i = 0; i < 50000; i++) {
        sio_buf_add_text(&text, i > 0 ? ",\"a common prefix " : "\"a common prefix ");
        sio_buf_add_u64(&text, i % 49000);
        sio_buf_add_text(&text, "\":");
        sio_buf_add_u64(&text, i);
    }
    sio_buf_add_byte(&text, '}');
    cJSON *tree = NULL;
    ck_assert_int_eq(sio_json_parse(&tree, (const char *)text.data, text.len, 0), 0);
    ck_assert_int_eq(cJSON_GetArraySize(tree), 49000);
    ck_assert_int_eq(tree->child->valueint, 49000);
    ck_assert_int_eq(tree->child->prev->valueint, 48999);
    cJSON_Delete(tree);
    sio_buf_free(&text);
}
END_TEST

static const cJSON *give(void *arg, uint32_t num) {
    cJSON **nodes = arg;
    return nodes[num];
}

START_TEST(placeholders_become_binary_nodes) {
    static const char text[] =
        "{\"a\":{\"_placeholder\":true,\"num\":1},\"b\":[{\"_placeholder\":1,\"num\":1},"
        "{\"num\":5,\"_placeholder\":false,\"num\":0,\"_placeholder\":true,\"x\":[[]]}]}";
    cJSON *nodes[] = {sio_json_binary("zero", 4), sio_json_binary("one", 3)};
    cJSON *tree = NULL;
    ck_assert_int_eq(sio_json_build(&tree, text, sizeof(text) - 1, give, nodes, NULL), 0);
    cJSON *a = cJSON_GetObjectItemCaseSensitive(tree, "a");
    cJSON *b = cJSON_GetObjectItemCaseSensitive(tree, "b");
    ck_assert_mem_eq(sio_json_binary_get(a).ptr, "one", 3);
    ck_assert(cJSON_IsObject(cJSON_GetArrayItem(b, 0)));
    ck_assert_mem_eq(sio_json_binary_get(cJSON_GetArrayItem(b, 1)).ptr, "zero", 4);
    cJSON_Delete(tree);
    cJSON_Delete(nodes[0]);
    cJSON_Delete(nodes[1]);
}
END_TEST

/* cJSON's memory has no user pointer, so the failing allocator is static here. */
static size_t hook_calls;
static size_t hook_fail_at;
static size_t hook_live;

static void *hook_malloc(size_t size) {
    if (++hook_calls == hook_fail_at) {
        return NULL;
    }
    void *memory = malloc(size);
    hook_live += memory != NULL;
    return memory;
}

static void hook_free(void *memory) {
    hook_live -= memory != NULL;
    free(memory);
}

START_TEST(building_survives_every_failed_allocation) {
    static const char text[] =
        "{\"a\":[1,\"two\",{\"three\":\"\\u0033\"}],\"b\":{\"c\":[]},\"a\":\"again\"}";
    cJSON_Hooks hooks = {hook_malloc, hook_free};
    cJSON_InitHooks(&hooks);
    cJSON *tree = NULL;
    ck_assert_int_eq(sio_json_parse(&tree, text, sizeof(text) - 1, 0), 0);
    cJSON_Delete(tree);
    ck_assert_uint_eq(hook_live, 0);
    size_t calls = hook_calls;
    for (size_t at = 1; at <= calls; at++) {
        hook_calls = 0;
        hook_fail_at = at;
        ck_assert_int_eq(sio_json_parse(&tree, text, sizeof(text) - 1, 0), SIO_ERR_NOMEM);
        ck_assert_uint_eq(hook_live, 0);
    }
    hook_calls = 0;
    hook_fail_at = 1;
    ck_assert_ptr_null(sio_json_binary("x", 1));
    cJSON_InitHooks(NULL);
}
END_TEST

static int sort_scenario(const sio_mem *mem, void *arg) {
    static const char text[] =
        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,"
        "\"10\":1,\"11\":1,\"12\":1,\"13\":1,\"14\":1,\"15\":1,\"16\":1,\"1\":2}";
    cJSON *tree = NULL;
    int rc = sio_json_build(&tree, text, sizeof(text) - 1, NULL, NULL, mem);
    cJSON_Delete(tree);
    return rc;
}

START_TEST(sorting_survives_every_failed_allocation) {
    test_mem_sweep(sort_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_build");
    TCase *tc = tcase_create("json_build");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, builds_what_cjson_expects);
    tcase_add_test(tc, numbers_are_doubles_with_saturated_ints);
    tcase_add_test(tc, a_nul_is_an_error_never_a_cut);
    tcase_add_test(tc, what_is_no_json_gives_no_tree);
    tcase_add_test(tc, the_last_of_equal_keys_counts_in_the_first_place);
    tcase_add_test(tc, fifty_thousand_keys_are_no_burden);
    tcase_add_test(tc, placeholders_become_binary_nodes);
    tcase_add_test(tc, building_survives_every_failed_allocation);
    tcase_add_test(tc, sorting_survives_every_failed_allocation);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
