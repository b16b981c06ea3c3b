#include "support.h"

#include "middleware.h"

static void first(void) {
}

static void second(void) {
}

START_TEST(a_list_is_never_changed) {
    sio_chain *chain = NULL;
    int user = 0;
    ck_assert_uint_eq(sio_chain_count(NULL), 0);
    ck_assert_int_eq(sio_chain_add(&chain, first, &user, NULL), 0);
    sio_chain *old = sio_chain_ref(chain);
    ck_assert_int_eq(sio_chain_add(&chain, second, NULL, NULL), 0);
    ck_assert_ptr_ne(old, chain);
    ck_assert_uint_eq(sio_chain_count(old), 1);
    ck_assert_uint_eq(sio_chain_count(chain), 2);
    ck_assert(chain->items[0].fn == first);
    ck_assert_ptr_eq(chain->items[0].user, &user);
    ck_assert(chain->items[1].fn == second);
    sio_chain_unref(old);
    sio_chain_unref(chain);
    sio_chain_unref(NULL);
    ck_assert_ptr_null(sio_chain_ref(NULL));
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_chain *chain = NULL;
    (void)arg;
    int rc = sio_chain_add(&chain, first, NULL, mem);
    if (rc == 0) {
        rc = sio_chain_add(&chain, second, NULL, mem);
        ck_assert_uint_eq(sio_chain_count(chain), rc == 0 ? 2 : 1);
    }
    sio_chain_unref(chain);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_middleware");
    TCase *tc = tcase_create("server_middleware");
    tcase_add_test(tc, a_list_is_never_changed);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
