#include "support.h"

#include "hub_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t seed[2] = {1, 2};
static const sio_recovery_limits plenty = {
    .keep_ms = 1000, .max_sessions = 1000, .max_events = 100000, .max_bytes = 100000000};

static sio_cluster_message *event_for(const char *name, const char *room, const sio_mem *mem) {
    sio_buf scratch;
    sio_cluster_message *message = NULL;
    const char *const rooms[] = {room};
    const sio_cluster_content content = {.type = SIO_CLUSTER_BROADCAST,
                                         .packet.name = {name, strlen(name)},
                                         .opts = {.rooms = rooms, .room_count = room ? 1u : 0u}};
    sio_buf_init(&scratch, 0, mem);
    if (sio_cluster_message_new(&message, &content, NULL, &scratch, 0, mem) != 0) {
        message = NULL;
    }
    sio_buf_free(&scratch);
    return message;
}

/* An event of member 0; its offset into `offset`, unless that is NULL. */
static uint64_t add(sio_hub_log *log, const char *name, const char *room, char *offset,
                    sio_time now) {
    sio_cluster_message *message = event_for(name, room, NULL);
    ck_assert_int_eq(sio_hub_log_add(log, message, 0, 0, false, now), 0);
    if (offset) {
        snprintf(offset, SIO_OFFSET_MAX + 1, "%.*s", message->offset_len, message->offset);
    }
    uint64_t number = message->number;
    sio_cluster_message_unref(message);
    return number;
}

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

static int persist(sio_hub_log *log, const char *pid, const char *room, sio_time now) {
    const char *rooms[] = {room};
    const sio_adapter_session session = {.size = sizeof(session),
                                         .pid = str(pid),
                                         .sid = SIO_STR("the id"),
                                         .rooms = rooms,
                                         .room_count = 1,
                                         .data = "{}"};
    return sio_hub_log_persist(log, &session, 0, now);
}

static void expect_missed(sio_hub_log *log, const char *pid, const char *offset, sio_time now,
                          const char *wanted) {
    char got[256] = "";
    sio_hub_restored restored;
    uint64_t seen = sio_hub_log_last(log);
    ck_assert_int_eq(sio_hub_log_restore(log, &restored, str(pid), str(offset), 0, seen, now), 0);
    ck_assert_str_eq(restored.session->session.data, "{}");
    ck_assert_str_eq(restored.session->session.sid.ptr, "the id");
    ck_assert_uint_eq(restored.session->session.room_count, 1);
    for (size_t i = 0; i < restored.count; i++) {
        sio_str name = restored.missed[i]->content.packet.name;
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s ", SIO_STR_ARG(name));
    }
    ck_assert_str_eq(got, wanted);
    sio_hub_restored_free(&restored, NULL);
}

static void expect_nothing(sio_hub_log *log, const char *pid, const char *offset, sio_time now) {
    sio_hub_restored restored;
    ck_assert_int_eq(sio_hub_log_restore(log, &restored, str(pid), str(offset), 0, 99, now),
                     SIO_ERR_NOT_FOUND);
}

/* ---- one member ---- */

/* AD18 AD19: session persisted and restored; missed: broadcast, own room, foreign except */
START_TEST(what_was_missed_is_given_back) {
    sio_hub_log *log;
    char offset[SIO_OFFSET_MAX + 1];
    ck_assert_int_eq(sio_hub_log_new(&log, &plenty, seed, NULL), 0);
    add(log, "before", NULL, NULL, 0);
    add(log, "last", NULL, offset, 0);
    ck_assert_int_eq(persist(log, "p", "room", 0), 0);
    ck_assert(sio_hub_log_has_session(log, SIO_STR("p")));
    add(log, "all", NULL, NULL, 0);
    add(log, "mine", "room", NULL, 0);
    add(log, "other", "elsewhere", NULL, 0);
    expect_missed(log, "p", offset, 0, "all mine ");
    ck_assert(!sio_hub_log_has_session(log, SIO_STR("p")));
    expect_nothing(log, "p", offset, 0); /* once only */
    sio_hub_log_free(log);
}
END_TEST

/* AD20 AD21: unknown pid, unknown offset */
START_TEST(what_is_unknown_is_not_given) {
    static const char *const bad[] = {"",          "x",         "AAAAAAAA.1", "........",
                                      "AAAAAAAA.", "AAAAAAAA1", "AAAAAAAA.g"};
    sio_hub_log *log;
    sio_hub_log *other;
    char offset[SIO_OFFSET_MAX + 1];
    char foreign[SIO_OFFSET_MAX + 1];
    const uint64_t second[2] = {3, 4};
    ck_assert_int_eq(sio_hub_log_new(&log, &plenty, seed, NULL), 0);
    ck_assert_int_eq(sio_hub_log_new(&other, &plenty, second, NULL), 0);
    add(log, "e", NULL, offset, 0);
    add(other, "e", NULL, foreign, 0);
    ck_assert_str_ne(offset, foreign); /* those of another life are not mistaken */
    ck_assert_int_eq(persist(log, "p", "room", 0), 0);
    expect_nothing(log, "q", offset, 0);
    expect_nothing(log, "p", foreign, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[SIO_OFFSET_MAX + 1];
        snprintf(text, sizeof(text), "%s", bad[i]);
        expect_nothing(log, "p", text, 0);
        if (strlen(text) > 8) { /* with the beginning of ours */
            memcpy(text, offset, 8);
            ck_assert_int_eq(sio_hub_log_has_offset(log, str(text)), strcmp(text, offset) == 0);
        }
    }
    offset[strlen(offset) - 1]++; /* not yet */
    expect_nothing(log, "p", offset, 0);
    offset[strlen(offset) - 1] -= 2;
    expect_nothing(log, "p", offset, 0);
    sio_hub_log_free(log);
    sio_hub_log_free(other);
    sio_hub_log_free(NULL);
}
END_TEST

START_TEST(a_session_replaces_that_of_before) {
    sio_hub_log *log;
    char offset[SIO_OFFSET_MAX + 1];
    ck_assert_int_eq(sio_hub_log_new(&log, &plenty, seed, NULL), 0);
    add(log, "e", NULL, offset, 0);
    ck_assert_int_eq(persist(log, "p", "old", 0), 0);
    ck_assert_int_eq(persist(log, "p", "new", 0), 0);
    ck_assert_uint_eq(sio_hub_log_session_count(log), 1);
    add(log, "no", "old", NULL, 0);
    add(log, "yes", "new", NULL, 0);
    expect_missed(log, "p", offset, 0, "yes ");
    sio_hub_log_free(log);
}
END_TEST

/* ---- limits ---- */

START_TEST(time_is_limited) {
    sio_hub_log *log;
    char first[SIO_OFFSET_MAX + 1];
    char second[SIO_OFFSET_MAX + 1];
    ck_assert_int_eq(sio_hub_log_new(&log, &plenty, seed, NULL), 0);
    add(log, "one", NULL, first, 1000);
    add(log, "two", NULL, second, 1500);
    ck_assert_int_eq(persist(log, "p", "r", 1500), 0);
    expect_nothing(log, "p", first, 2001);
    expect_missed(log, "p", second, 2001, "");
    ck_assert_int_eq(persist(log, "q", "r", 2001), 0);
    ck_assert(sio_hub_log_sweep(log, 2400));
    ck_assert(!sio_hub_log_sweep(log, 5000));
    ck_assert_uint_eq(sio_hub_log_event_count(log), 0);
    ck_assert_uint_eq(sio_hub_log_bytes(log), 0);
    add(log, "three", NULL, first, 6000); /* it goes on */
    ck_assert_int_eq(persist(log, "p", "r", 6000), 0);
    add(log, "four", NULL, NULL, 6000);
    expect_missed(log, "p", first, 6000, "four ");
    sio_hub_log_free(log);
}
END_TEST

START_TEST(numbers_are_limited) {
    sio_hub_log *log;
    sio_recovery_limits few = plenty;
    char offset[SIO_OFFSET_MAX + 1];
    few.max_events = 100;
    few.max_sessions = 2;
    ck_assert_int_eq(sio_hub_log_new(&log, &few, seed, NULL), 0);
    add(log, "e", NULL, offset, 0);
    for (int i = 0; i < 99; i++) {
        add(log, "e", NULL, NULL, 0);
    }
    ck_assert(sio_hub_log_has_offset(log, str(offset)));
    add(log, "e", NULL, NULL, 0);
    ck_assert(!sio_hub_log_has_offset(log, str(offset)));
    ck_assert_uint_eq(sio_hub_log_event_count(log), 100);
    ck_assert_int_eq(persist(log, "a", "r", 0), 0);
    ck_assert_int_eq(persist(log, "b", "r", 0), 0);
    ck_assert_int_eq(persist(log, "c", "r", 0), 0);
    ck_assert(!sio_hub_log_has_session(log, SIO_STR("a")));
    ck_assert(sio_hub_log_has_session(log, SIO_STR("c")));
    sio_hub_log_free(log);
}
END_TEST

START_TEST(bytes_are_limited) {
    sio_hub_log *log;
    sio_recovery_limits few = plenty;
    few.max_bytes = 10000;
    ck_assert_int_eq(sio_hub_log_new(&log, &few, seed, NULL), 0);
    ck_assert_int_eq(persist(log, "a", "r", 0), 0);
    for (int i = 0; i < 1000; i++) {
        add(log, "e", NULL, NULL, 0);
        ck_assert_uint_le(sio_hub_log_bytes(log), 10000);
    }
    ck_assert(sio_hub_log_has_session(log, SIO_STR("a"))); /* events go first */
    char *big = malloc(20000);
    memset(big, 'x', 19999);
    big[19999] = '\0';
    sio_cluster_message *message = event_for(big, NULL, NULL);
    ck_assert_int_eq(sio_hub_log_add(log, message, 0, 0, false, 0), SIO_ERR_LIMIT);
    ck_assert_int_eq(persist(log, "b", big, 0), SIO_ERR_LIMIT);
    sio_cluster_message_unref(message);
    free(big);
    sio_hub_log_free(log);
}
END_TEST

static int all_of_it(const sio_mem *mem, void *arg) {
    sio_hub_log *log;
    sio_hub_restored restored;
    char offset[SIO_OFFSET_MAX + 1];
    int rc = sio_hub_log_new(&log, &plenty, seed, mem);
    if (rc != 0) {
        return rc;
    }
    for (int i = 0; rc == 0 && i < 70; i++) {
        sio_cluster_message *message = event_for("e", NULL, mem);
        rc = message ? sio_hub_log_add(log, message, 0, 0, false, 0) : SIO_ERR_NOMEM;
        if (rc == 0 && i == 0) {
            snprintf(offset, sizeof(offset), "%.*s", message->offset_len, message->offset);
            rc = persist(log, "p", "r", 0);
        }
        sio_cluster_message_unref(message);
    }
    if (rc == 0) {
        rc = sio_hub_log_restore(log, &restored, SIO_STR("p"), str(offset), 1, 70, 0);
        if (rc == 0) {
            ck_assert_uint_eq(restored.count, 69);
            rc = sio_hub_log_persist(log, &restored.session->session, 1, 0);
            sio_hub_restored_free(&restored, mem);
        } else {
            ck_assert(sio_hub_log_has_session(log, SIO_STR("p"))); /* nothing has changed */
        }
    }
    sio_hub_log_free(log);
    return rc;
}

START_TEST(survives_short_memory) {
    test_mem_sweep(all_of_it, NULL);
}
END_TEST

/* ---- members and clients at random ----
 *
 * Members have inboxes, clients are cut off with any part of what was sent to them, and come back
 * anywhere. In the end each has received every event that concerns it exactly once, and those of
 * each member in the order in which they were sent. */

enum { MEMBERS = 4, CLIENTS = 12, EVENTS = 4000, QUEUE = 8192 };

typedef struct sent_event {
    unsigned member;
    int room; /* -1: all */
    bool here_only;
    bool not_sent;
} sent_event;

typedef struct model_member {
    sio_cluster_message *inbox[QUEUE];
    int tokens[QUEUE]; /* instead of a message: client + 1 */
    uint64_t seen[QUEUE];
    size_t head, tail, stored;
    uint64_t passed;
} model_member;

typedef struct model_client {
    bool connected;
    bool waiting; /* its token is in an inbox */
    unsigned member;
    int home; /* where what goes to one member only is for it, too; -1: nowhere */
    int room;
    uint64_t queue[EVENTS]; /* sent, not received */
    size_t queued;
    uint64_t got[EVENTS + 1]; /* received, in order */
    size_t got_count;
    uint64_t since; /* events up to this number were sent before it was there */
    char offset[SIO_OFFSET_MAX + 1];
    bool eligible[EVENTS + 1]; /* of events that went to one member only */
} model_client;

static uint32_t state;
static sio_hub_log *model_log;
static sent_event *events; /* by number */
static uint64_t event_count;
static model_member *members;
static model_client *clients;
static char offsets[EVENTS + 1][SIO_OFFSET_MAX + 1];

static unsigned random_below(unsigned n) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

static void to_client(model_client *c, uint64_t number) {
    c->queue[c->queued++] = number;
}

static void to_clients(unsigned member, uint64_t number) {
    for (int i = 0; i < CLIENTS; i++) {
        model_client *c = &clients[i];
        if (c->connected && c->member == member &&
            (events[number].room < 0 || events[number].room == c->room)) {
            to_client(c, number);
        }
    }
}

static void enqueue(model_member *m, sio_cluster_message *message, int token, uint64_t seen) {
    ck_assert_uint_lt(m->tail, QUEUE);
    m->inbox[m->tail] = message;
    m->tokens[m->tail] = token;
    m->seen[m->tail++] = seen;
}

static void emit(void) {
    char room_name[16];
    unsigned member = random_below(MEMBERS);
    int room = (int)random_below(4) - 1;
    bool here_only = random_below(8) == 0;
    model_member *m = &members[member];
    snprintf(room_name, sizeof(room_name), "r%d", room);
    sio_cluster_message *message = event_for("e", room < 0 ? NULL : room_name, NULL);
    uint64_t low = m->stored > 0 ? m->passed + 1 : 0;
    ck_assert_int_eq(sio_hub_log_add(model_log, message, member, low, here_only, 0), 0);
    if (low == 0) {
        m->passed = message->number;
    }
    uint64_t number = message->number;
    ck_assert_uint_eq(number, ++event_count);
    snprintf(offsets[number], sizeof(offsets[number]), "%.*s", message->offset_len,
             message->offset);
    events[number] = (sent_event){.member = member, .room = room, .here_only = here_only};
    for (unsigned i = 0; !here_only && i < MEMBERS; i++) {
        if (i != member) {
            enqueue(&members[i], sio_cluster_message_ref(message), 0, 0);
            members[i].stored++;
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].eligible[number] = clients[i].home == (int)member;
    }
    to_clients(member, number);
    sio_cluster_message_unref(message);
}

static void restore_client(unsigned member, model_client *c, int index, uint64_t seen) {
    char pid[16];
    sio_hub_restored restored;
    snprintf(pid, sizeof(pid), "p%d", index);
    c->waiting = false;
    c->home = (int)member;
    int rc = sio_hub_log_restore(model_log, &restored, str(pid), str(c->offset), member, seen, 0);
    if (rc != 0) { /* on too many members in too short a time: later, as if it had just come */
        ck_assert_int_eq(rc, SIO_ERR_NOT_FOUND);
        ck_assert(sio_hub_log_has_session(model_log, str(pid)));
        memset(c->got, 0, sizeof(c->got));
        c->got_count = 0;
        c->since = sio_hub_log_last(model_log);
        c->offset[0] = '\0';
        c->connected = true;
        c->member = member;
        c->queued = 0;
        return;
    }
    c->connected = true;
    c->member = member;
    c->queued = 0;
    for (size_t i = 0; i < restored.count; i++) {
        to_client(c, restored.missed[i]->number);
    }
    sio_hub_restored_free(&restored, NULL);
}

static void work(unsigned member) {
    model_member *m = &members[member];
    if (m->head == m->tail) {
        m->head = m->tail = 0;
        return;
    }
    size_t at = m->head++;
    sio_cluster_message *message = m->inbox[at];
    if (m->tokens[at]) {
        restore_client(member, &clients[m->tokens[at] - 1], m->tokens[at] - 1, m->seen[at]);
        return;
    }
    m->stored--;
    m->passed = message->number;
    to_clients(member, message->number);
    sio_cluster_message_unref(message);
}

static void receive(model_client *c, size_t count) {
    count = count < c->queued ? count : c->queued;
    for (size_t i = 0; i < count; i++) {
        c->got[c->got_count++] = c->queue[i];
        ck_assert_uint_le(c->got_count, EVENTS);
        memcpy(c->offset, offsets[c->queue[i]], sizeof(c->offset));
    }
    memmove(c->queue, c->queue + count, (c->queued - count) * sizeof(c->queue[0]));
    c->queued -= count;
}

static void cut(int index) {
    model_client *c = &clients[index];
    char pid[16];
    char room[16];
    if (!c->connected || c->offset[0] == '\0') {
        return;
    }
    receive(c, random_below(4)); /* on its way, and arrives, or does not */
    snprintf(pid, sizeof(pid), "p%d", index);
    snprintf(room, sizeof(room), "r%d", c->room);
    const char *rooms[] = {"x", room};
    const sio_adapter_session session = {.size = sizeof(session),
                                         .pid = str(pid),
                                         .sid = SIO_STR("s"),
                                         .rooms = rooms,
                                         .room_count = 2,
                                         .data = "{}"};
    ck_assert_int_eq(sio_hub_log_persist(model_log, &session, c->member, 0), 0);
    c->connected = false;
    c->queued = 0;
}

static void come_back(int index) {
    model_client *c = &clients[index];
    if (c->connected || c->waiting) {
        return;
    }
    unsigned member = random_below(MEMBERS);
    c->waiting = true;
    c->home = c->home == (int)member ? c->home : -1;
    enqueue(&members[member], NULL, index + 1, sio_hub_log_last(model_log));
}

static void step(void) {
    unsigned what = random_below(100);
    int index = (int)random_below(CLIENTS);
    if (what < 30 && event_count < EVENTS) {
        emit();
    } else if (what < 70) {
        work(random_below(MEMBERS));
    } else if (what < 85) {
        receive(&clients[index], random_below(6));
    } else if (what < 89) {
        cut(index);
    } else {
        come_back(index);
    }
}

static bool should_have(const model_client *c, uint64_t number) {
    const sent_event *e = &events[number];
    return number > c->since && (e->room < 0 || e->room == c->room) &&
           (!e->here_only || c->eligible[number]);
}

static void check_client(int index) {
    const model_client *c = &clients[index];
    unsigned *times = calloc(EVENTS + 1, sizeof(*times));
    uint64_t last[MEMBERS] = {0};
    for (size_t i = 0; i < c->got_count; i++) {
        uint64_t number = c->got[i];
        times[number]++;
        unsigned member = events[number].member;
        ck_assert_msg(number > last[member], "client %d: %u behind %u of member %u", index,
                      (unsigned)number, (unsigned)last[member], member);
        last[member] = number;
    }
    for (uint64_t n = 1; n <= event_count; n++) {
        if (n > c->since) {
            ck_assert_msg(times[n] == should_have(c, n), "client %d: event %u came %u times", index,
                          (unsigned)n, times[n]);
        }
    }
    free(times);
}

static void run_model(uint32_t from) {
    state = from;
    event_count = 0;
    events = calloc(EVENTS + 1, sizeof(*events));
    members = calloc(MEMBERS, sizeof(*members));
    clients = calloc(CLIENTS, sizeof(*clients));
    ck_assert_int_eq(sio_hub_log_new(&model_log, &plenty, seed, NULL), 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].connected = true;
        clients[i].member = random_below(MEMBERS);
        clients[i].home = (int)clients[i].member;
        clients[i].room = (int)random_below(3);
    }
    unsigned steps = test_steps(EVENTS * 4);
    for (unsigned i = 0; i < steps; i++) {
        step();
    }
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < CLIENTS; i++) {
            come_back(i);
            receive(&clients[i], EVENTS);
        }
        for (unsigned m = 0; m < MEMBERS; m++) {
            more |= members[m].head < members[m].tail;
            work(m);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        receive(&clients[i], EVENTS);
        ck_assert(clients[i].connected);
        check_client(i);
    }
    sio_hub_log_free(model_log);
    free(events);
    free(members);
    free(clients);
}

START_TEST(nothing_is_lost_or_doubled) {
    for (uint32_t i = 0; i < 8; i++) {
        run_model(i * 7919 + 1);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server hub log");
    TCase *one = tcase_create("one member");
    tcase_add_test(one, what_was_missed_is_given_back);
    tcase_add_test(one, what_is_unknown_is_not_given);
    tcase_add_test(one, a_session_replaces_that_of_before);
    tcase_add_test(one, time_is_limited);
    tcase_add_test(one, numbers_are_limited);
    tcase_add_test(one, bytes_are_limited);
    tcase_add_test(one, survives_short_memory);
    suite_add_tcase(suite, one);
    TCase *model = tcase_create("model");
    tcase_add_test(model, nothing_is_lost_or_doubled);
    suite_add_tcase(suite, model);
    return test_run(suite);
}
