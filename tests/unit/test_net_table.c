#include "net_support.h"

#include "net/random.h"
#include "net/table.h"

#include <stdio.h>

enum { KEYS = 3000 };

typedef struct item {
    char key[16];
    bool in;
    bool seen;
} item;

static item *make_items(void) {
    item *items = calloc(KEYS, sizeof *items);
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(items[i].key, sizeof items[i].key, "key%zu", i);
    }
    return items;
}

static size_t walk(sio_table *table, bool remove) {
    size_t count = 0;
    sio_table_iter it = sio_table_iter_start(table);
    for (item *i; (i = sio_table_next(table, &it)) != NULL;) {
        ck_assert(i->in);
        ck_assert(!i->seen);
        i->seen = true;
        count++;
        if (remove && count % 3 != 0) {
            ck_assert_ptr_eq(sio_table_remove(table, i->key, strlen(i->key)), i);
            i->in = false;
        }
    }
    return count;
}

START_TEST(it_agrees_with_a_model_through_random_steps) {
    sio_loop *loop = net_loop(NULL);
    item *items = make_items();
    sio_table table;
    ck_assert_int_eq(sio_table_init(&table, loop), 0);
    ck_assert_ptr_null(sio_table_get(&table, "x", 1));
    ck_assert_ptr_null(sio_table_remove(&table, "x", 1));
    size_t count = 0;
    unsigned random = 1;
    for (size_t step = 0; step < 60000; step++) {
        random = random * 1103515245 + 12345;
        item *i = &items[random / 4096 % KEYS];
        size_t len = strlen(i->key);
        ck_assert_ptr_eq(sio_table_get(&table, i->key, len), i->in ? i : NULL);
        if (step / 20000 % 2 == 0 || (random & 2048) != 0) {
            ck_assert_int_eq(sio_table_put(&table, i->key, len, i), i->in ? SIO_ERR_EXISTS : 0);
            count += !i->in;
            i->in = true;
        } else {
            ck_assert_ptr_eq(sio_table_remove(&table, i->key, len), i->in ? i : NULL);
            count -= i->in;
            i->in = false;
        }
        ck_assert_uint_eq(table.count, count);
    }
    ck_assert_uint_eq(walk(&table, false), count);
    for (size_t i = 0; i < KEYS; i++) {
        ck_assert(items[i].seen == items[i].in);
        items[i].seen = false;
    }
    /* Removing what the walk just gave neither hides nor repeats another. */
    ck_assert_uint_eq(walk(&table, true), count);
    for (size_t i = 0; i < KEYS; i++) {
        ck_assert_ptr_eq(sio_table_get(&table, items[i].key, strlen(items[i].key)),
                         items[i].in ? &items[i] : NULL);
    }
    size_t cap = table.cap;
    sio_table_trim(&table);
    ck_assert_uint_lt(table.cap, cap);
    for (size_t i = 0; i < KEYS; i++) {
        ck_assert_ptr_eq(sio_table_get(&table, items[i].key, strlen(items[i].key)),
                         items[i].in ? &items[i] : NULL);
    }
    sio_table_done(&table);
    free(items);
    sio_loop_free(loop);
}
END_TEST

START_TEST(keys_are_bytes) {
    sio_loop *loop = net_loop(NULL);
    sio_table table;
    int values[4];
    ck_assert_int_eq(sio_table_init(&table, loop), 0);
    ck_assert_int_eq(sio_table_put(&table, "", 0, &values[0]), 0);
    ck_assert_int_eq(sio_table_put(&table, "a\0b", 3, &values[1]), 0);
    ck_assert_int_eq(sio_table_put(&table, "a\0c", 3, &values[2]), 0);
    ck_assert_int_eq(sio_table_put(&table, "a", 1, &values[3]), 0);
    ck_assert_ptr_eq(sio_table_get(&table, NULL, 0), &values[0]);
    ck_assert_ptr_eq(sio_table_get(&table, "a\0b", 3), &values[1]);
    ck_assert_ptr_eq(sio_table_get(&table, "a\0c", 3), &values[2]);
    ck_assert_int_eq(sio_table_put(&table, "n", 1, NULL), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_table_put(&table, NULL, 1, values), SIO_ERR_INVALID);
    sio_table_done(&table);
    ck_assert_int_eq(sio_table_init(&table, loop), 0);
    sio_table_trim(&table);
    sio_table_done(&table);
    sio_loop_free(loop);
}
END_TEST

static int table_scenario(const sio_mem *mem, void *arg) {
    static char keys[100];
    sio_loop *loop;
    sio_table table;
    int rc = sio_loop_new(&loop, &(sio_loop_options){.mem = mem});
    if (rc != 0) {
        return rc;
    }
    ck_assert_int_eq(sio_table_init(&table, loop), 0);
    for (size_t i = 0; i < sizeof keys && rc == 0; i++) {
        keys[i] = (char)i;
        rc = sio_table_put(&table, &keys[i], 1, &keys[i]);
        ck_assert_uint_eq(table.count, rc == 0 ? i + 1 : i);
    }
    sio_table_done(&table);
    sio_loop_free(loop);
    return rc;
}

START_TEST(no_allocation_is_taken_for_granted) {
    test_mem_sweep(table_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_table");
    TCase *tc = tcase_create("net_table");
    tcase_add_test(tc, it_agrees_with_a_model_through_random_steps);
    tcase_add_test(tc, keys_are_bytes);
    tcase_add_test(tc, no_allocation_is_taken_for_granted);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
