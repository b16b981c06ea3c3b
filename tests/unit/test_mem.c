#include "support.h"

#include "mem.h"

#include <string.h>

START_TEST(nothing_is_allocated_for_nothing) {
    test_mem t;
    test_mem_init(&t);
    ck_assert_ptr_null(sio_mem_alloc(&t.mem, 0));
    ck_assert_ptr_null(sio_mem_zalloc(&t.mem, 0));
    ck_assert_ptr_null(sio_mem_alloc_array(&t.mem, 0, 8));
    ck_assert_ptr_null(sio_mem_alloc_array(&t.mem, 8, 0));
    ck_assert_ptr_null(sio_mem_resize(&t.mem, NULL, 0));
    ck_assert_ptr_null(sio_mem_alloc(NULL, 0));
    sio_mem_release(&t.mem, NULL);
    sio_mem_release(NULL, NULL);
    ck_assert_uint_eq(t.calls, 0);
}
END_TEST

START_TEST(a_product_that_overflows_is_refused) {
    test_mem t;
    test_mem_init(&t);
    void *old = sio_mem_alloc(&t.mem, 8);
    ck_assert_ptr_nonnull(old);
    ck_assert_ptr_null(sio_mem_alloc_array(&t.mem, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(sio_mem_alloc_array(NULL, SIZE_MAX / 8 + 1, 8));
    ck_assert_ptr_null(sio_mem_resize_array(&t.mem, old, SIZE_MAX / 2, 3));
    ck_assert_uint_eq(t.calls, 1);
    sio_mem_release(&t.mem, old);
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

static void use_allocator(const sio_mem *mem) {
    uint8_t *zeros = sio_mem_zalloc(mem, 64);
    ck_assert_ptr_nonnull(zeros);
    for (int i = 0; i < 64; i++) {
        ck_assert_uint_eq(zeros[i], 0);
    }
    zeros[63] = 7;
    zeros = sio_mem_resize_array(mem, zeros, 64, 4);
    ck_assert_ptr_nonnull(zeros);
    ck_assert_uint_eq(zeros[63], 7);
    sio_mem_release(mem, zeros);
}

START_TEST(works_over_the_users_and_the_c_librarys_allocator) {
    test_mem t;
    test_mem_init(&t);
    use_allocator(&t.mem);
    ck_assert_uint_eq(t.calls, 2);
    ck_assert_uint_eq(t.live, 0);
    use_allocator(NULL);
}
END_TEST

START_TEST(copies_text_with_a_nul_behind_it) {
    static const char text[] = {'a', '\0', 'b'};
    char *copy = sio_mem_strndup(NULL, text, sizeof(text));
    ck_assert_mem_eq(copy, "a\0b", 4);
    sio_mem_release(NULL, copy);

    copy = sio_mem_strndup(NULL, NULL, 0);
    ck_assert_str_eq(copy, "");
    sio_mem_release(NULL, copy);

    ck_assert_ptr_null(sio_mem_strndup(NULL, text, SIZE_MAX));
}
END_TEST

START_TEST(says_when_there_is_no_memory) {
    test_mem t;
    test_mem_init(&t);
    t.fail_at = 1;
    t.fail_rest = true;
    ck_assert_ptr_null(sio_mem_zalloc(&t.mem, 8));
    ck_assert_ptr_null(sio_mem_strndup(&t.mem, "text", 4));
    ck_assert_uint_eq(t.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("mem");
    TCase *tc = tcase_create("mem");
    tcase_add_test(tc, nothing_is_allocated_for_nothing);
    tcase_add_test(tc, a_product_that_overflows_is_refused);
    tcase_add_test(tc, works_over_the_users_and_the_c_librarys_allocator);
    tcase_add_test(tc, copies_text_with_a_nul_behind_it);
    tcase_add_test(tc, says_when_there_is_no_memory);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
