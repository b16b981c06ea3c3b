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

/* A crowd that has gone leaves no memory behind, and the table may be filled again. */
START_TEST(an_emptied_table_gives_memory_back) {
    test_mem mem;
    sio_table table;
    test_mem_init(&mem);
    sio_loop *loop = net_loop(&mem.mem);
    item *items = make_items();
    ck_assert_int_eq(sio_table_init(&table, loop), 0);
    size_t before = mem.live_size;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < KEYS; i++) {
            ck_assert_int_eq(sio_table_put(&table, items[i].key, strlen(items[i].key), items + i),
                             0);
        }
        for (size_t i = 0; i < KEYS - 5; i++) {
            ck_assert_ptr_eq(sio_table_remove(&table, items[i].key, strlen(items[i].key)),
                             items + i);
            sio_table_settle(&table);
        }
        ck_assert_uint_lt(mem.live_size - before, 1024 * sizeof(sio_table_entry));
        for (size_t i = KEYS - 5; i < KEYS; i++) {
            ck_assert_ptr_eq(sio_table_remove(&table, items[i].key, strlen(items[i].key)),
                             items + i);
        }
    }
    sio_table_done(&table);
    sio_loop_free(loop);
    free(items);
    ck_assert_uint_eq(mem.live, 0);
}
END_TEST

/* ---- names that collide ---- */

enum { NAMES = 1 << 16, NAME_LEN = 32 };

/* "Aa" and "BB" have one sum under multipliers of 31, so these 2^16 names have, too; their sum of
 * bytes is not the same, but takes 17 values only. */
static void colliding_name(char *name, unsigned number) {
    for (int i = 0; i < NAME_LEN / 2; i++) {
        memcpy(name + 2 * i, number >> i & 1 ? "BB" : "Aa", 2);
    }
}

static uint32_t times_31(const char *name) {
    uint32_t hash = 0;
    for (int i = 0; i < NAME_LEN; i++) {
        hash = hash * 31 + (uint8_t)name[i];
    }
    return hash;
}

/* How far all entries are from where their hash wants them, together. */
static size_t probes(const sio_table *table) {
    size_t sum = 0;
    for (size_t i = 0; i < table->cap; i++) {
        if (table->entries[i].value) {
            sum += (i - table->entries[i].hash) & (table->cap - 1);
        }
    }
    return sum;
}

START_TEST(names_made_to_collide_do_not) {
    sio_table table;
    sio_loop *loop = net_loop(NULL);
    char(*names)[NAME_LEN] = calloc(NAMES, NAME_LEN);
    unsigned equal = 0;
    unsigned put = 0;
    ck_assert_int_eq(sio_table_init(&table, loop), 0);
    for (unsigned i = 0; i < NAMES; i++) {
        colliding_name(names[i], i);
        equal += times_31(names[i]) == times_31(names[0]);
        put += sio_table_put(&table, names[i], NAME_LEN, names[i]) == 0;
    }
    ck_assert_uint_eq(equal, NAMES);
    ck_assert_uint_eq(put, NAMES);
    /* Half full, a random hash needs half a step each; colliding ones would need 32,768. */
    ck_assert_uint_lt(probes(&table), 2 * NAMES);
    sio_table_done(&table);
    free(names);
    sio_loop_free(loop);
}
END_TEST

START_TEST(needs_no_loop) {
    const uint64_t seed[2] = {3, 5};
    sio_table table;
    sio_table_init_seeded(&table, NULL, seed);
    ck_assert_ptr_null(sio_table_get(&table, "a", 1));
    ck_assert_int_eq(sio_table_put(&table, "a", 1, &table), 0);
    ck_assert_ptr_eq(sio_table_get(&table, "a", 1), &table);
    ck_assert_uint_eq(table.seed[0], 3);
    ck_assert_uint_eq(table.seed[1], 5);
    sio_table_done(&table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_table");
    TCase *tc = tcase_create("net_table");
    tcase_add_test(tc, it_agrees_with_a_model_through_random_steps);
    tcase_add_test(tc, keys_are_bytes);
    tcase_add_test(tc, no_allocation_is_taken_for_granted);
    tcase_add_test(tc, an_emptied_table_gives_memory_back);
    tcase_add_test(tc, names_made_to_collide_do_not);
    tcase_add_test(tc, needs_no_loop);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
