#include "support.h"

#include <sio/ack_table.h>

#include <string.h>

static sio_ack_entry entry(uint64_t id, sio_time deadline) {
    return (sio_ack_entry){.id = id, .deadline = deadline, .kind = (uint32_t)id + 1};
}

static int add(sio_ack_table *t, uint64_t id, sio_time deadline) {
    sio_ack_entry e = entry(id, deadline);
    return sio_ack_table_add(t, &e);
}

START_TEST(an_empty_table_costs_no_memory) {
    test_mem m;
    test_mem_init(&m);
    sio_ack_table t;
    sio_ack_table_init(&t, 0, &m.mem);
    sio_ack_entry got;
    ck_assert_int_eq(sio_ack_table_take(&t, 0, &got), SIO_ERR_NOT_FOUND);
    ck_assert(!sio_ack_table_drop(&t, &got));
    ck_assert(!sio_ack_table_expire(&t, SIO_TIME_NEVER, &got));
    ck_assert_uint_eq(sio_ack_table_deadline(&t), SIO_TIME_NEVER);
    ck_assert_uint_eq(m.live, 0);

    ck_assert_int_eq(add(&t, 0, 5), 0);
    ck_assert_uint_eq(m.live, 1);
    ck_assert_int_eq(sio_ack_table_take(&t, 0, &got), 0);
    ck_assert_uint_eq(got.kind, 1);
    ck_assert_uint_eq(m.live, 0);
    sio_ack_table_free(&t);
    sio_ack_table_free(NULL);
}
END_TEST

START_TEST(an_id_is_answered_once) {
    sio_ack_table t;
    sio_ack_table_init(&t, 0, NULL);
    ck_assert_int_eq(add(&t, 7, SIO_TIME_NEVER), 0);
    ck_assert_int_eq(add(&t, 7, SIO_TIME_NEVER), SIO_ERR_EXISTS);
    ck_assert_int_eq(add(&t, 8, SIO_TIME_NEVER), 0);
    sio_ack_entry got;
    ck_assert_int_eq(sio_ack_table_take(&t, 7, &got), 0);
    ck_assert_int_eq(sio_ack_table_take(&t, 7, &got), SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_ack_table_take(&t, (UINT64_C(1) << 53) - 1, &got), SIO_ERR_NOT_FOUND);
    sio_ack_table_free(&t);
    ck_assert_uint_eq(sio_ack_table_count(&t), 0);
}
END_TEST

START_TEST(the_number_is_bounded) {
    sio_ack_table t;
    sio_ack_table_init(&t, 3, NULL);
    for (uint64_t id = 0; id < 3; id++) {
        ck_assert_int_eq(add(&t, id, 1), 0);
    }
    ck_assert_int_eq(add(&t, 3, 1), SIO_ERR_LIMIT);
    sio_ack_table_free(&t);
    sio_ack_table_init(&t, 0, NULL);
    for (uint64_t id = 0; id < 1000; id++) {
        ck_assert_int_eq(add(&t, id, 1), 0);
    }
    ck_assert_int_eq(add(&t, 1000, 1), SIO_ERR_LIMIT);
    sio_ack_table_free(&t);
}
END_TEST

START_TEST(expires_by_deadline_then_age) {
    sio_ack_table t;
    sio_ack_table_init(&t, 0, NULL);
    static const sio_time deadlines[] = {50, 10, SIO_TIME_NEVER, 10, 30, 50, 20};
    for (uint64_t id = 0; id < 7; id++) {
        ck_assert_int_eq(add(&t, id, deadlines[id]), 0);
    }
    ck_assert_uint_eq(sio_ack_table_deadline(&t), 10);
    sio_ack_entry got;
    ck_assert(!sio_ack_table_expire(&t, 9, &got));
    static const uint64_t order[] = {1, 3, 6, 4};
    for (size_t i = 0; i < 4; i++) {
        ck_assert(sio_ack_table_expire(&t, 49, &got));
        ck_assert_uint_eq(got.id, order[i]);
    }
    ck_assert(!sio_ack_table_expire(&t, 49, &got));
    ck_assert_uint_eq(sio_ack_table_deadline(&t), 50);
    ck_assert(sio_ack_table_expire(&t, 50, &got));
    ck_assert(sio_ack_table_expire(&t, 50, &got));
    ck_assert_uint_eq(got.id, 5);
    ck_assert(!sio_ack_table_expire(&t, SIO_TIME_NEVER, &got));
    ck_assert_uint_eq(sio_ack_table_deadline(&t), SIO_TIME_NEVER);
    ck_assert_uint_eq(sio_ack_table_count(&t), 1);
    sio_ack_table_free(&t);
}
END_TEST

START_TEST(drops_the_oldest_first_and_may_grow_meanwhile) {
    sio_ack_table t;
    sio_ack_table_init(&t, 0, NULL);
    for (uint64_t id = 0; id < 20; id++) {
        ck_assert_int_eq(add(&t, id * 3, id % 2 ? id : SIO_TIME_NEVER), 0);
    }
    sio_ack_entry got;
    for (uint64_t i = 0; i < 21; i++) {
        ck_assert(sio_ack_table_drop(&t, &got));
        ck_assert_uint_eq(got.id, i * 3);
        if (i == 5) {
            ck_assert_int_eq(add(&t, 60, 1), 0);
        }
    }
    ck_assert(!sio_ack_table_drop(&t, &got));
}
END_TEST

START_TEST(walks_and_takes_what_was_returned) {
    sio_ack_table t;
    sio_ack_table_init(&t, 0, NULL);
    for (uint64_t id = 0; id < 10; id++) {
        ck_assert_int_eq(add(&t, id, id), 0);
    }
    uint32_t cursor = 0;
    sio_ack_entry got, taken;
    uint64_t expected = 0;
    while (sio_ack_table_walk(&t, &cursor, &got)) {
        ck_assert_uint_eq(got.id, expected++);
        if (got.id % 2 == 0) {
            ck_assert_int_eq(sio_ack_table_take(&t, got.id, &taken), 0);
        }
    }
    ck_assert_uint_eq(expected, 10);
    ck_assert_uint_eq(sio_ack_table_count(&t), 5);
    cursor = 0;
    while (sio_ack_table_walk(&t, &cursor, &got)) {
        ck_assert_int_eq(sio_ack_table_take(&t, got.id, &taken), 0);
    }
    ck_assert_uint_eq(sio_ack_table_count(&t), 0);
}
END_TEST

/* A plain array as model; ids step as if a counter were shared with other tables. */
enum { MODEL_SIZE = 300, MODEL_STEPS = 60000 };

typedef struct model {
    sio_ack_entry entries[MODEL_SIZE];
    size_t count;
} model;

static void model_remove(model *m, uint64_t id) {
    for (size_t i = 0; i < m->count; i++) {
        if (m->entries[i].id == id) {
            memmove(m->entries + i, m->entries + i + 1, (m->count - i - 1) * sizeof(m->entries[0]));
            m->count--;
            return;
        }
    }
    ck_abort_msg("id %lu is not in the model", (unsigned long)id);
}

static const sio_ack_entry *model_earliest(const model *m) {
    const sio_ack_entry *best = NULL;
    for (size_t i = 0; i < m->count; i++) {
        if (m->entries[i].deadline != SIO_TIME_NEVER &&
            (!best || m->entries[i].deadline < best->deadline)) {
            best = &m->entries[i];
        }
    }
    return best;
}

static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

START_TEST(agrees_with_a_plain_array) {
    sio_ack_table t;
    sio_ack_table_init(&t, MODEL_SIZE, NULL);
    model m = {.count = 0};
    uint64_t state = 42;
    uint64_t id = 0;
    sio_ack_entry got;
    for (int step = 0; step < MODEL_STEPS; step++) {
        uint32_t choice = next_random(&state) % 10;
        /* Let the table fill and empty in turn. */
        bool filling = (step / 3000) % 2 == 0;
        if (choice < (filling ? 7u : 3u) && m.count < MODEL_SIZE) {
            id += 1 + next_random(&state) % 5;
            sio_time deadline =
                next_random(&state) % 4 == 0 ? SIO_TIME_NEVER : next_random(&state) % 50;
            ck_assert_int_eq(add(&t, id, deadline), 0);
            m.entries[m.count++] = entry(id, deadline);
        } else if (choice < 8 && m.count > 0) {
            uint64_t victim = m.entries[next_random(&state) % m.count].id;
            ck_assert_int_eq(sio_ack_table_take(&t, victim, &got), 0);
            ck_assert_uint_eq(got.kind, (uint32_t)victim + 1);
            model_remove(&m, victim);
        } else if (choice == 8) {
            const sio_ack_entry *best = model_earliest(&m);
            ck_assert_int_eq(sio_ack_table_expire(&t, 40, &got), best && best->deadline <= 40);
            if (best && best->deadline <= 40) {
                ck_assert_uint_eq(got.id, best->id);
                model_remove(&m, got.id);
            }
        } else {
            ck_assert_int_eq(sio_ack_table_take(&t, id + 1, &got), SIO_ERR_NOT_FOUND);
        }
        const sio_ack_entry *best = model_earliest(&m);
        ck_assert_uint_eq(sio_ack_table_deadline(&t), best ? best->deadline : SIO_TIME_NEVER);
        ck_assert_uint_eq(sio_ack_table_count(&t), m.count);
    }
    for (size_t i = 0; i < m.count; i++) {
        ck_assert(sio_ack_table_drop(&t, &got));
        ck_assert_uint_eq(got.id, m.entries[i].id);
    }
    ck_assert(!sio_ack_table_drop(&t, &got));
}
END_TEST

static int growing_scenario(const sio_mem *mem, void *arg) {
    sio_ack_table t;
    sio_ack_table_init(&t, 0, mem);
    int rc = 0;
    for (uint64_t id = 0; id < 40 && rc == 0; id++) {
        rc = add(&t, id, id);
        if (rc != 0) {
            ck_assert_int_eq(rc, SIO_ERR_NOMEM);
            ck_assert_uint_eq(sio_ack_table_count(&t), id);
        }
    }
    sio_ack_table_free(&t);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(growing_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_ack");
    TCase *tc = tcase_create("ack");
    tcase_add_test(tc, an_empty_table_costs_no_memory);
    tcase_add_test(tc, an_id_is_answered_once);
    tcase_add_test(tc, the_number_is_bounded);
    tcase_add_test(tc, expires_by_deadline_then_age);
    tcase_add_test(tc, drops_the_oldest_first_and_may_grow_meanwhile);
    tcase_add_test(tc, walks_and_takes_what_was_returned);
    tcase_add_test(tc, agrees_with_a_plain_array);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
