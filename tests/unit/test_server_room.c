#include "support.h"

#include "room.h"

#include <net/loop.h>
#include <sio/error.h>

#include <stdlib.h>
#include <string.h>

static sio_loop *loop;
static sio_room_index rooms;

static void setup(void) {
    ck_assert_int_eq(sio_loop_new(&loop, NULL), 0);
    ck_assert_int_eq(sio_room_index_init(&rooms, loop), 0);
}

static void teardown(void) {
    ck_assert_uint_eq(rooms.by_name.count, 0);
    sio_room_index_done(&rooms);
    sio_loop_free(loop);
}

START_TEST(joining_twice_is_one_membership) {
    sio_room_set a;
    sio_room_set_init(&a);
    ck_assert_int_eq(sio_room_join(&rooms, &a, "red"), 0);
    ck_assert_int_eq(sio_room_join(&rooms, &a, "red"), 0);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(sio_room_find(&rooms, "red")->count, 1);
    ck_assert(sio_room_leave(&rooms, &a, "red"));
    ck_assert(!sio_room_leave(&rooms, &a, "red"));
    ck_assert_ptr_null(sio_room_find(&rooms, "red"));
}
END_TEST

START_TEST(a_room_lives_as_long_as_its_members) {
    sio_room_set a, b;
    sio_room_set_init(&a);
    sio_room_set_init(&b);
    ck_assert_int_eq(sio_room_join(&rooms, &a, "red"), 0);
    ck_assert_int_eq(sio_room_join(&rooms, &a, ""), 0);
    ck_assert_int_eq(sio_room_join(&rooms, &b, "red"), 0);
    sio_room_leave_all(&rooms, &a);
    ck_assert_uint_eq(a.count, 0);
    ck_assert_ptr_null(sio_room_find(&rooms, ""));
    ck_assert(!sio_room_has(sio_room_find(&rooms, "red"), &a));
    ck_assert(sio_room_has(sio_room_find(&rooms, "red"), &b));
    sio_room_leave_all(&rooms, &b);
}
END_TEST

enum { SETS = 12, NAMES = 15, STEPS = 1000000 };

/* Against a plain table of who is where. */
START_TEST(agrees_with_a_simple_model) {
    sio_room_set sets[SETS];
    bool in[SETS][NAMES] = {{false}};
    unsigned seed = 1;
    for (int i = 0; i < SETS; i++) {
        sio_room_set_init(&sets[i]);
    }
    for (unsigned step = 0, steps = test_steps(STEPS); step < steps; step++) {
        seed = seed * 1103515245u + 12345u;
        unsigned who = (seed >> 8) % SETS, where = (seed >> 16) % NAMES, what = (seed >> 24) % 16;
        char name[2] = {(char)('a' + where), '\0'};
        if (what == 0) {
            sio_room_leave_all(&rooms, &sets[who]);
            memset(in[who], 0, sizeof(in[who]));
        } else if (what < 9) {
            ck_assert_int_eq(sio_room_join(&rooms, &sets[who], name), 0);
            in[who][where] = true;
        } else {
            ck_assert(sio_room_leave(&rooms, &sets[who], name) == in[who][where]);
            in[who][where] = false;
        }
        size_t members = 0, joined = 0;
        for (int i = 0; i < SETS; i++) {
            members += in[i][where];
        }
        for (int i = 0; i < NAMES; i++) {
            joined += in[who][i];
        }
        const sio_room *room = sio_room_find(&rooms, name);
        ck_assert_uint_eq(room ? room->count : 0, members);
        ck_assert_uint_eq(sets[who].count, joined);
    }
    for (int i = 0; i < SETS; i++) {
        sio_room_leave_all(&rooms, &sets[i]);
    }
}
END_TEST

START_TEST(a_held_room_stays) {
    sio_room_set set;
    sio_room_set_init(&set);
    sio_room *room = sio_room_hold(&rooms, "h");
    ck_assert_ptr_eq(sio_room_find(&rooms, "h"), room);
    ck_assert_int_eq(sio_room_join(&rooms, &set, "h"), 0);
    ck_assert(sio_room_leave(&rooms, &set, "h"));
    ck_assert_ptr_eq(sio_room_find(&rooms, "h"), room);
    ck_assert(sio_room_forget(&rooms, room));
    ck_assert(!sio_room_forget(&rooms, room));
    ck_assert_int_eq(sio_room_join(&rooms, &set, "h"), 0);
    ck_assert_ptr_ne(sio_room_find(&rooms, "h"), room);
    sio_room_unhold(&rooms, room);
    ck_assert(sio_room_leave(&rooms, &set, "h"));
    ck_assert_ptr_eq(sio_room_hold(&rooms, "i"), sio_room_find(&rooms, "i"));
    sio_room_unhold(&rooms, sio_room_find(&rooms, "i"));
    ck_assert_ptr_null(sio_room_find(&rooms, "i"));
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_loop *own = NULL;
    sio_room_index index;
    sio_room_set set;
    int rc = sio_loop_new(&own, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    sio_room_set_init(&set);
    rc = sio_room_index_init(&index, own);
    for (int i = 0; rc == 0 && i < 10; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        rc = sio_room_join(&index, &set, name);
    }
    sio_room_leave_all(&index, &set);
    sio_room_index_done(&index);
    sio_loop_free(own);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("room");
    TCase *tc = tcase_create("room");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, joining_twice_is_one_membership);
    tcase_add_test(tc, a_room_lives_as_long_as_its_members);
    tcase_add_test(tc, agrees_with_a_simple_model);
    tcase_add_test(tc, a_held_room_stays);
    suite_add_tcase(suite, tc);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, survives_failing_allocations);
    suite_add_tcase(suite, memory);
    return test_run(suite);
}
