#include "net/weak.h"
#include "support.h"

START_TEST(a_holder_sees_the_object_until_it_ends) {
    int object = 0;
    sio_weak *place = NULL;
    sio_weak *held = sio_weak_get(&place, &object, NULL);
    ck_assert_ptr_nonnull(held);
    ck_assert_ptr_eq(sio_weak_get(&place, &object, NULL), held);
    ck_assert_ptr_eq(held->object, &object);
    ck_assert_ptr_null(sio_weak_mem(held));
    sio_weak_ref(held);
    sio_weak_end(&place);
    ck_assert_ptr_null(place);
    ck_assert_ptr_null(held->object);
    sio_weak_unref(held);
    sio_weak_end(&place);
}
END_TEST

START_TEST(it_outlives_whoever_lent_the_allocator) {
    test_mem counted;
    test_mem_init(&counted);
    sio_mem lent = counted.mem;
    sio_weak *place = NULL;
    sio_weak *held = sio_weak_get(&place, &lent, &lent);
    sio_weak_ref(held);
    sio_weak_end(&place);
    lent = (sio_mem){0};
    ck_assert_ptr_eq(sio_weak_mem(held)->user, counted.mem.user);
    sio_weak_unref(held);
    ck_assert_uint_eq(counted.live, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_weak");
    TCase *tc = tcase_create("net_weak");
    tcase_add_test(tc, a_holder_sees_the_object_until_it_ends);
    tcase_add_test(tc, it_outlives_whoever_lent_the_allocator);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
