#include "args_support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

START_TEST(every_letter_takes_its_arguments) {
    sio_args *args;
    sio_args *other;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_new(&other, NULL), 0);
    ck_assert_int_eq(sio_args_addf(other, "iB", 7, "seven", (size_t)5), 0);
    cJSON *tree = cJSON_CreateArray();
    cJSON_AddItemToArray(tree, sio_json_binary("t", 1));
    ck_assert_int_eq(sio_args_addf(args, "s S i I u U, d b b n B j r a s", "text", "cut here",
                                   (size_t)3, -1, INT64_MIN, 4000000000u, UINT64_MAX, 0.25, 2, 0,
                                   "\0\1", (size_t)2, tree, "{\"raw\":1}", other, "last"),
                     0);
    expect_written(
        args, "\"text\",\"cut\",-1,-9223372036854775808,4000000000,"
              "18446744073709551615,0.25,true,false,null," P(0) ",[" P(1) "],{\"raw\":1},"
                                                                          "7," P(2) ",\"last\"");
    ck_assert_uint_eq(sio_args_count(args), 16);
    ck_assert_uint_eq(sio_args_attachment_count(args), 3);
    ck_assert_mem_eq(sio_args_attachment(args, 2).ptr, "seven", 5);
    cJSON_Delete(tree);
    sio_args_unref(other);
    sio_args_unref(args);
}
END_TEST

START_TEST(null_pointers_are_null_or_nothing) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, ""), 0);
    ck_assert_int_eq(sio_args_addf(args, " , "), 0);
    ck_assert_uint_eq(sio_args_count(args), 0);
    ck_assert_int_eq(sio_args_addf(args, "s S j r B a d", (const char *)NULL, (const char *)NULL,
                                   (size_t)0, (const cJSON *)NULL, (const char *)NULL,
                                   (const void *)NULL, (size_t)0, (const sio_args *)NULL, INFINITY),
                     0);
    expect_written(args, "null,\"\",null,null," P(0) ",null");
    sio_args_unref(args);
}
END_TEST

START_TEST(a_failure_takes_everything_back) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "i B", 1, "x", (size_t)1), 0);
    ck_assert_int_eq(sio_args_addf(args, "i B r s", 2, "y", (size_t)1, P(0), "\xFF"),
                     SIO_ERR_JSON_UTF8);
    ck_assert_int_eq(sio_args_addf(args, "i ?", 3), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_args_addf(args, "r", "nonsense"), SIO_ERR_JSON_SYNTAX);
    ck_assert_int_eq(sio_args_addf(args, "a", args), SIO_ERR_INVALID);
    ck_assert_uint_eq(sio_args_attachment_count(args), 1);
    expect_written(args, "1," P(0));
    sio_args_unref(args);
}
END_TEST

static int make(sio_args **out, const sio_mem *mem, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int rc = sio_args_new_vf(out, mem, format, values);
    va_end(values);
    return rc;
}

static int make_scenario(const sio_mem *mem, void *arg) {
    sio_args *args = NULL;
    int rc = make(&args, mem, "s B", "text", "x", (size_t)1);
    ck_assert((args != NULL) == (rc == 0));
    sio_args_unref(args);
    return rc;
}

START_TEST(a_list_is_made_of_a_format) {
    sio_args *args = NULL;
    ck_assert_int_eq(make(&args, NULL, "i ?", 1), SIO_ERR_INVALID);
    ck_assert_ptr_null(args);
    ck_assert_int_eq(make(&args, NULL, "i s", 1, "x"), 0);
    expect_written(args, "1,\"x\"");
    sio_args_unref(args);
    test_mem_sweep(make_scenario, NULL);
}
END_TEST

static int format_scenario(const sio_mem *mem, void *arg) {
    sio_args *args;
    int rc = sio_args_new(&args, mem);
    if (rc != 0) {
        return rc;
    }
    rc = sio_args_addf(args, "s i B r s B", "a text that does not fit in the first piece of memory",
                       1, "x", (size_t)1, "[1,2,3]", "another", "y", (size_t)1);
    ck_assert_uint_eq(sio_args_count(args), rc == 0 ? 6 : 0);
    ck_assert_uint_eq(sio_args_attachment_count(args), rc == 0 ? 2 : 0);
    sio_args_unref(args);
    return rc;
}

START_TEST(formats_survive_every_failed_allocation) {
    test_mem_sweep(format_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("args_format");
    TCase *tc = tcase_create("args_format");
    tcase_add_test(tc, every_letter_takes_its_arguments);
    tcase_add_test(tc, null_pointers_are_null_or_nothing);
    tcase_add_test(tc, a_failure_takes_everything_back);
    tcase_add_test(tc, a_list_is_made_of_a_format);
    tcase_add_test(tc, formats_survive_every_failed_allocation);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
