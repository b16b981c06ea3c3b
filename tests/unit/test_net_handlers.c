#include "support.h"

#include <net/handlers.h>
#include <net/loop.h>

#include <sio/error.h>

#include <string.h>

/* Handlers here write their own letter, so that a run reads as a word. */
static char trace[64];

static void note(void *user) {
    size_t len = strlen(trace);
    ck_assert_uint_lt(len + 1, sizeof(trace));
    trace[len] = *(const char *)user;
    trace[len + 1] = '\0';
}

static sio_loop *loop;
static sio_handlers handlers;

static void setup(void) {
    ck_assert_int_eq(sio_loop_new(&loop, NULL), 0);
    ck_assert_int_eq(sio_handlers_init(&handlers, loop), 0);
    trace[0] = '\0';
}

static void teardown(void) {
    sio_handlers_done(&handlers);
    sio_loop_free(loop);
}

static void add(const char *name, char *letter, bool once) {
    ck_assert_int_eq(sio_handlers_add(&handlers, name, (sio_handler_fn)note, letter, once), 0);
}

static void run(const char *name) {
    sio_handler_walk walk;
    sio_handler handler;
    sio_handlers_begin(&walk, sio_handlers_named(&handlers, name, strlen(name)));
    while (sio_handlers_next(&walk, &handler)) {
        ((void (*)(void *))handler.fn)(handler.user);
    }
    sio_handlers_end(&walk, &handlers);
}

START_TEST(run_in_the_order_they_were_added) {
    static char a[] = "a", b[] = "b", c[] = "c";
    add("x", b, false);
    add("x", a, false);
    add("y", c, false);
    add("x", b, false);
    run("x");
    run("nobody");
    ck_assert_str_eq(trace, "bab");
}
END_TEST

START_TEST(once_means_once) {
    static char a[] = "a", b[] = "b";
    add("x", a, true);
    add("x", b, false);
    run("x");
    run("x");
    ck_assert_str_eq(trace, "abb");
    ck_assert_int_eq(sio_handlers_remove(&handlers, "x", (sio_handler_fn)note, a),
                     SIO_ERR_NOT_FOUND);
}
END_TEST

START_TEST(removing_takes_effect_at_once) {
    static char a[] = "a", b[] = "b", c[] = "c";
    add("x", a, false);
    add("x", b, false);
    add("x", c, false);
    sio_handler_walk walk;
    sio_handler handler;
    sio_handlers_begin(&walk, sio_handlers_named(&handlers, "x", 1));
    ck_assert(sio_handlers_next(&walk, &handler));
    ck_assert_ptr_eq(handler.user, a);
    ck_assert_int_eq(sio_handlers_remove(&handlers, "x", (sio_handler_fn)note, b), 0);
    ck_assert(sio_handlers_next(&walk, &handler));
    ck_assert_ptr_eq(handler.user, c);
    ck_assert(!sio_handlers_next(&walk, &handler));
    sio_handlers_end(&walk, &handlers);
}
END_TEST

START_TEST(adding_takes_effect_for_the_next_event) {
    static char letters[9][2] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    add("x", letters[0], false);
    sio_handler_walk walk;
    sio_handler handler;
    sio_handlers_begin(&walk, sio_handlers_named(&handlers, "x", 1));
    for (int i = 1; i < 9; i++) {
        add("x", letters[i], false); /* the list's memory moves */
    }
    ck_assert(sio_handlers_next(&walk, &handler));
    ck_assert_ptr_eq(handler.user, letters[0]);
    ck_assert(!sio_handlers_next(&walk, &handler));
    sio_handlers_end(&walk, &handlers);
    run("x");
    ck_assert_str_eq(trace, "abcdefghi");
}
END_TEST

START_TEST(the_last_removal_inside_an_event_is_safe) {
    static char a[] = "a";
    add("x", a, false);
    sio_handler_walk outer, inner;
    sio_handler handler;
    sio_handlers_begin(&outer, sio_handlers_named(&handlers, "x", 1));
    sio_handlers_begin(&inner, sio_handlers_named(&handlers, "x", 1));
    ck_assert_int_eq(sio_handlers_remove(&handlers, "x", (sio_handler_fn)note, a), 0);
    ck_assert(!sio_handlers_next(&inner, &handler));
    sio_handlers_end(&inner, &handlers);
    ck_assert(!sio_handlers_next(&outer, &handler));
    sio_handlers_end(&outer, &handlers);
    ck_assert_ptr_null(sio_handlers_named(&handlers, "x", 1));
    ck_assert(!sio_handlers_any(&handlers, "x", 1));
}
END_TEST

START_TEST(the_list_of_every_event) {
    static char a[] = "a";
    add(NULL, a, false);
    ck_assert(sio_handlers_any(&handlers, "whatever", 8));
    ck_assert_int_eq(sio_handlers_remove(&handlers, NULL, (sio_handler_fn)note, a), 0);
    ck_assert(!sio_handlers_any(&handlers, "whatever", 8));
    ck_assert_int_eq(sio_handlers_remove(&handlers, NULL, (sio_handler_fn)note, a),
                     SIO_ERR_NOT_FOUND);
}
END_TEST

START_TEST(prepending_puts_first) {
    static char a[] = "a", b[] = "b";
    add("x", a, false);
    ck_assert_int_eq(sio_handlers_prepend(&handlers, "x", (sio_handler_fn)note, b, true), 0);
    ck_assert_int_eq(sio_handlers_prepend(&handlers, "new", (sio_handler_fn)note, b, false), 0);
    run("x");
    run("x");
    run("new");
    ck_assert_str_eq(trace, "baab");
}
END_TEST

/* IO127: also inside two events at once nothing is skipped, repeated or newly run. */
START_TEST(prepending_inside_an_event_takes_effect_for_the_next) {
    static char a[] = "a", b[] = "b", c[] = "c";
    sio_handler_walk outer, inner;
    sio_handler handler;
    add(NULL, a, false);
    add(NULL, b, false);
    sio_handlers_begin(&outer, &handlers.any);
    ck_assert(sio_handlers_next(&outer, &handler));
    sio_handlers_begin(&inner, &handlers.any);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(sio_handlers_prepend(&handlers, NULL, (sio_handler_fn)note, c, false), 0);
    }
    ck_assert(sio_handlers_next(&inner, &handler));
    ck_assert_ptr_eq(handler.user, a);
    ck_assert(sio_handlers_next(&inner, &handler));
    ck_assert(!sio_handlers_next(&inner, &handler));
    sio_handlers_end(&inner, &handlers);
    ck_assert(sio_handlers_next(&outer, &handler));
    ck_assert_ptr_eq(handler.user, b);
    ck_assert(!sio_handlers_next(&outer, &handler));
    sio_handlers_end(&outer, &handlers);
    ck_assert_uint_eq(sio_handlers_count(&handlers, NULL), 7);
}
END_TEST

static void count_name(sio_str name, void *user) {
    ck_assert(name.len == 1 && (name.ptr[0] == 'x' || name.ptr[0] == 'y'));
    ++*(int *)user;
}

START_TEST(removes_many_and_counts) {
    static char a[] = "a", b[] = "b";
    int names = 0;
    add("x", a, false);
    add("x", b, true);
    add("y", a, false);
    add(NULL, a, false);
    sio_handlers_names(&handlers, count_name, &names);
    ck_assert_int_eq(names, 2);
    ck_assert_uint_eq(sio_handlers_count(&handlers, "x"), 2);
    ck_assert_uint_eq(sio_handlers_count(&handlers, "z"), 0);
    sio_handlers_remove_name(&handlers, "x");
    sio_handlers_remove_name(&handlers, "z");
    ck_assert_uint_eq(sio_handlers_count(&handlers, "x"), 0);
    ck_assert_uint_eq(sio_handlers_count(&handlers, NULL), 1);
    sio_handlers_remove_name(&handlers, NULL);
    ck_assert_uint_eq(sio_handlers_count(&handlers, NULL), 0);
    add(NULL, b, false);
    sio_handlers_remove_all(&handlers);
    ck_assert_uint_eq(sio_handlers_count(&handlers, "y"), 0);
    ck_assert_uint_eq(sio_handlers_count(&handlers, NULL), 0);
    run("y");
    ck_assert_str_eq(trace, "");
}
END_TEST

START_TEST(copies) {
    static char a[] = "a", b[] = "b";
    sio_handlers other;
    ck_assert_int_eq(sio_handlers_init(&other, loop), 0);
    ck_assert_int_eq(sio_handlers_add(&other, "x", (sio_handler_fn)note, b, true), 0);
    ck_assert_int_eq(sio_handlers_add(&other, NULL, (sio_handler_fn)note, b, false), 0);
    add("x", a, false);
    ck_assert_int_eq(sio_handlers_copy(&handlers, &other), 0);
    sio_handlers_done(&other);
    run("x");
    run("x");
    ck_assert_str_eq(trace, "aba");
    ck_assert_uint_eq(sio_handlers_count(&handlers, NULL), 1);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_loop *own = NULL;
    int rc = sio_loop_new(&own, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    sio_handlers table;
    rc = sio_handlers_init(&table, own);
    if (rc == 0) {
        for (int i = 0; rc == 0 && i < 5; i++) {
            rc =
                sio_handlers_add(&table, i % 2 ? "odd" : "even", (sio_handler_fn)note, NULL, i > 2);
        }
        if (rc == 0) {
            rc = sio_handlers_prepend(&table, NULL, (sio_handler_fn)note, NULL, false);
        }
        sio_handlers copy;
        if (rc == 0 && sio_handlers_init(&copy, own) == 0) {
            rc = sio_handlers_copy(&copy, &table);
            sio_handlers_done(&copy);
        }
        sio_handlers_done(&table);
    }
    sio_loop_free(own);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("handlers");
    TCase *tc = tcase_create("handlers");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, run_in_the_order_they_were_added);
    tcase_add_test(tc, once_means_once);
    tcase_add_test(tc, removing_takes_effect_at_once);
    tcase_add_test(tc, adding_takes_effect_for_the_next_event);
    tcase_add_test(tc, the_last_removal_inside_an_event_is_safe);
    tcase_add_test(tc, the_list_of_every_event);
    tcase_add_test(tc, prepending_puts_first);
    tcase_add_test(tc, prepending_inside_an_event_takes_effect_for_the_next);
    tcase_add_test(tc, removes_many_and_counts);
    tcase_add_test(tc, copies);
    suite_add_tcase(suite, tc);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, survives_failing_allocations);
    suite_add_tcase(suite, memory);
    return test_run(suite);
}
