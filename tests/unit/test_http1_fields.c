#include "support.h"

#include <sio/http1.h>

#include <string.h>

static const sio_http1_header lines[] = {
    {{"Accept", 6}, {"a, b", 4}},
    {{"X", 1}, {"", 0}},
    {{"accept", 6}, {"c;q=1 ,\td", 9}},
};
static const sio_http1_head head = {
    .method = {"GET", 3},
    .target = {"/t", 2},
    .host = {"h", 1},
    .minor = 1,
    .headers = lines,
    .header_count = 3,
    .keep_alive = true,
    .length = 7,
};

START_TEST(test_find_and_count) {
    sio_str value = sio_http1_find(&head, SIO_STR("ACCEPT"));
    ck_assert_uint_eq(value.len, 4);
    ck_assert_ptr_eq(value.ptr, lines[0].value.ptr);
    ck_assert_ptr_nonnull(sio_http1_find(&head, SIO_STR("x")).ptr);
    ck_assert_ptr_null(sio_http1_find(&head, SIO_STR("accep")).ptr);
    ck_assert_uint_eq(sio_http1_count(&head, SIO_STR("accept")), 2);
    ck_assert_uint_eq(sio_http1_count(&head, SIO_STR("y")), 0);
}
END_TEST

static int join(const sio_mem *mem, void *arg) {
    sio_str value = {"old", 3};
    sio_buf joined;
    sio_buf_init(&joined, 0, mem);
    int rc = sio_http1_join(&value, arg, SIO_STR("ACCEPT"), &joined);
    if (rc == 0) {
        ck_assert_uint_eq(value.len, lines[0].value.len + 1 + lines[2].value.len);
        ck_assert_mem_eq(value.ptr, lines[0].value.ptr, lines[0].value.len);
        ck_assert_int_eq(value.ptr[lines[0].value.len], ',');
        ck_assert_mem_eq(value.ptr + lines[0].value.len + 1, "c;q=1 ,\td", 9);
        ck_assert_int_eq(sio_http1_join(&value, arg, SIO_STR("x"), &joined), 0);
        ck_assert_ptr_eq(value.ptr, sio_http1_find(arg, SIO_STR("x")).ptr);
        ck_assert_int_eq(sio_http1_join(&value, arg, SIO_STR("y"), &joined), 0);
        ck_assert_ptr_null(value.ptr);
    } else {
        ck_assert_uint_eq(value.len, 3);
    }
    sio_buf_free(&joined);
    return rc;
}

START_TEST(test_join) {
    sio_http1_head source = head;
    test_mem_sweep(join, &source);
    sio_str value;
    sio_buf small;
    sio_buf_init(&small, 5, NULL);
    ck_assert_int_eq(sio_http1_join(&value, &head, SIO_STR("accept"), &small), SIO_ERR_LIMIT);
    sio_buf_free(&small);
}
END_TEST

START_TEST(test_tokens) {
    ck_assert(sio_http1_has_token(SIO_STR("keep-alive, Upgrade"), SIO_STR("upgrade")));
    ck_assert(sio_http1_has_token(SIO_STR(",, \tUPGRADE\t ,"), SIO_STR("upgrade")));
    ck_assert(!sio_http1_has_token(SIO_STR("upgraded, xupgrade"), SIO_STR("upgrade")));
    ck_assert(!sio_http1_has_token(SIO_STR("upgrade;q=1"), SIO_STR("upgrade")));
    ck_assert(!sio_http1_has_token(SIO_STR(""), SIO_STR("upgrade")));
    ck_assert(!sio_http1_has_token(SIO_STR(",,"), SIO_STR("")));
    ck_assert(sio_http1_header_has_token(&head, SIO_STR("accept"), SIO_STR("D")));
    ck_assert(!sio_http1_header_has_token(&head, SIO_STR("accept"), SIO_STR("c")));
    ck_assert(!sio_http1_header_has_token(&head, SIO_STR("x"), SIO_STR("a")));
}
END_TEST

START_TEST(test_grammar) {
    ck_assert(sio_http1_is_token(SIO_STR("X-a!")));
    ck_assert(!sio_http1_is_token(SIO_STR("")));
    ck_assert(!sio_http1_is_token(SIO_STR("a b")));
    ck_assert(!sio_http1_is_token(SIO_STR("a:")));
    ck_assert(sio_http1_is_value(SIO_STR("")));
    ck_assert(sio_http1_is_value(SIO_STR("a\tb \xff")));
    ck_assert(!sio_http1_is_value(SIO_STR("a\r\nb")));
    ck_assert(!sio_http1_is_value(SIO_STR("a\0b")));
    ck_assert(!sio_http1_is_value(SIO_STR("\x7f")));
}
END_TEST

static int copy(const sio_mem *mem, void *arg) {
    sio_http1_head *kept;
    int rc = sio_http1_head_copy(&kept, arg, mem);
    if (rc == 0) {
        ck_assert_ptr_ne(kept->headers, lines);
        ck_assert_uint_eq(kept->header_count, 3);
        ck_assert_mem_eq(kept->headers[2].value.ptr, "c;q=1 ,\td", 9);
        ck_assert_ptr_ne(kept->headers[2].value.ptr, lines[2].value.ptr);
        ck_assert_mem_eq(kept->target.ptr, "/t", 2);
        ck_assert_uint_eq(kept->length, 7);
        ck_assert(kept->keep_alive);
        sio_http1_head_free(kept, mem);
    }
    return rc;
}

START_TEST(test_copy) {
    sio_http1_head source = head;
    test_mem_sweep(copy, &source);
    sio_http1_head_free(NULL, NULL);
}
END_TEST

int main(void) {
    Suite *s = suite_create("http1_fields");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, test_find_and_count);
    tcase_add_test(tc, test_join);
    tcase_add_test(tc, test_tokens);
    tcase_add_test(tc, test_grammar);
    tcase_add_test(tc, test_copy);
    suite_add_tcase(s, tc);
    return test_run(s);
}
