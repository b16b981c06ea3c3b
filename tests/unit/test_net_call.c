#include "net_support.h"

#include "net/call.h"

typedef struct made {
    sio_loop *loop;
    unsigned calls;
    unsigned drops;
} made;

static void on_call(void *user) {
    made *m = user;
    m->calls++;
    sio_loop_stop(m->loop);
}

static void on_drop(void *user) {
    made *m = user;
    m->drops++;
}

START_TEST(a_call_is_made_from_the_loop) {
    bool dead = false;
    made m = {.loop = net_loop(NULL)};
    ck_assert_int_eq(sio_loop_call(m.loop, &dead, on_call, on_drop, &m), 0);
    ck_assert_uint_eq(m.calls, 0);
    ck_assert_int_eq(sio_loop_run(m.loop), 0);
    sio_loop_free(m.loop);
    ck_assert_uint_eq(m.calls, 1);
    ck_assert_uint_eq(m.drops, 0);
}
END_TEST

static void stop(void *arg, bool cancelled) {
    (void)cancelled;
    sio_loop_stop(arg);
}

START_TEST(a_call_for_the_dead_is_dropped) {
    bool dead = false;
    made m = {.loop = net_loop(NULL)};
    ck_assert_int_eq(sio_loop_call(m.loop, &dead, on_call, NULL, &m), 0);
    ck_assert_int_eq(sio_loop_call(m.loop, &dead, on_call, on_drop, &m), 0);
    dead = true;
    ck_assert_int_eq(sio_loop_post(m.loop, stop, m.loop), 0);
    ck_assert_int_eq(sio_loop_run(m.loop), 0);
    sio_loop_free(m.loop);
    ck_assert_uint_eq(m.calls, 0);
    ck_assert_uint_eq(m.drops, 1);
}
END_TEST

START_TEST(a_call_is_dropped_with_its_loop) {
    bool dead = false;
    made m = {.loop = net_loop(NULL)};
    ck_assert_int_eq(sio_loop_call(m.loop, &dead, on_call, on_drop, &m), 0);
    sio_loop_free(m.loop);
    ck_assert_uint_eq(m.calls, 0);
    ck_assert_uint_eq(m.drops, 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_call");
    TCase *tc = tcase_create("net_call");
    tcase_add_test(tc, a_call_is_made_from_the_loop);
    tcase_add_test(tc, a_call_for_the_dead_is_dropped);
    tcase_add_test(tc, a_call_is_dropped_with_its_loop);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
