#include "net_support.h"

#include "recovery_store.h"

#include <string.h>

static sio_loop *loop;
static sio_recovery_store *store;

static void begin(sio_recovery_limits limits) {
    loop = net_loop(NULL);
    ck_assert_int_eq(sio_recovery_store_new(&store, loop, &limits), 0);
}

static void end(void) {
    sio_recovery_store_free(store);
    sio_loop_free(loop);
}

static const sio_recovery_limits roomy = {
    .keep_ms = 60000, .max_sessions = 10, .max_events = 100, .max_bytes = 1 << 20};

/* Sends event `name` to `room` but not to `except`, both perhaps NULL. */
static sio_str add(const char *name, const char *room, const char *except) {
    static char kept[8][SIO_OFFSET_MAX];
    static size_t next;
    sio_target target = {0};
    sio_str offset;
    if (room) {
        sio_target_to(&target, room);
    }
    if (except) {
        sio_target_except(&target, except);
    }
    ck_assert_int_eq(
        sio_recovery_store_add(store, (sio_str){name, strlen(name)}, NULL, &target, &offset), 0);
    char *copy = kept[next++ % 8];
    memcpy(copy, offset.ptr, offset.len);
    return (sio_str){copy, offset.len};
}

static const char *own_rooms[] = {"me", "blue"};

static void persist(const char *pid) {
    sio_stored_session session = {.pid = {pid, strlen(pid)},
                                  .sid = SIO_STR("me"),
                                  .data = SIO_STR("{\"n\":1}"),
                                  .rooms = own_rooms,
                                  .room_count = 2};
    ck_assert_int_eq(sio_recovery_store_persist(store, &session), 0);
}

static bool is(sio_str got, const char *text) {
    return got.len == strlen(text) && memcmp(got.ptr, text, got.len) == 0;
}

/* AD18: what was kept comes back, once, with nothing missed. */
START_TEST(a_session_comes_back_once) {
    begin(roomy);
    sio_stored_session *session = NULL;
    sio_str offset = add("first", NULL, NULL);
    persist("secret");
    ck_assert_uint_eq(sio_recovery_store_session_count(store), 1);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("secret"), offset, &session), 0);
    ck_assert(is(session->pid, "secret"));
    ck_assert(is(session->sid, "me"));
    ck_assert(is(session->data, "{\"n\":1}"));
    ck_assert_uint_eq(session->room_count, 2);
    ck_assert_str_eq(session->rooms[1], "blue");
    ck_assert_ptr_null(sio_recovery_store_missed(store, session, offset));
    sio_stored_session_free(store, session);
    ck_assert_uint_eq(sio_recovery_store_session_count(store), 0);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("secret"), offset, &session),
                     SIO_ERR_NOT_FOUND);
    end();
}
END_TEST

/* AD20 AD21 */
START_TEST(an_unknown_pid_or_offset_is_refused) {
    begin(roomy);
    sio_stored_session *session = NULL;
    sio_str offset = add("first", NULL, NULL);
    persist("secret");
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("other"), offset, &session),
                     SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(
        sio_recovery_store_restore(store, SIO_STR("secret"), SIO_STR("nonsense"), &session),
        SIO_ERR_NOT_FOUND);
    ck_assert_ptr_null(session);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("secret"), offset, &session), 0);
    sio_stored_session_free(store, session);
    end();
}
END_TEST

/* What could not be sent is not kept either; whoever saw it last begins anew. */
START_TEST(an_event_is_forgotten) {
    begin(roomy);
    sio_stored_session *session = NULL;
    char copy[2][SIO_OFFSET_MAX];
    sio_str first = add("first", NULL, NULL);
    memcpy(copy[0], first.ptr, first.len);
    first.ptr = copy[0];
    sio_str second = add("second", NULL, NULL);
    memcpy(copy[1], second.ptr, second.len);
    second.ptr = copy[1];
    persist("secret");
    sio_recovery_store_forget(store, second);
    sio_recovery_store_forget(store, second);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("secret"), second, &session),
                     SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("secret"), first, &session), 0);
    ck_assert_ptr_null(sio_recovery_store_missed(store, session, first));
    sio_stored_session_free(store, session);
    end();
}
END_TEST

/* AD19 */
START_TEST(missed_is_what_concerned_the_session) {
    static const char *const expected[] = {"all", "mine", "room", "except other"};
    begin(roomy);
    sio_stored_session *session = NULL;
    sio_str offset = add("seen", NULL, NULL);
    persist("secret");
    add("all", NULL, NULL);
    add("mine", "me", NULL);
    add("others", "red", NULL);
    add("room", "blue", NULL);
    add("except me", NULL, "me");
    add("except room", "me", "blue");
    add("except other", "blue", "red");
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("secret"), offset, &session), 0);
    size_t count = 0;
    const sio_stored_event *event;
    while ((event = sio_recovery_store_missed(store, session, offset)) != NULL) {
        ck_assert_uint_lt(count, 4);
        ck_assert(is(event->name, expected[count++]));
        offset = (sio_str){event->offset, event->offset_len};
    }
    ck_assert_uint_eq(count, 4);
    sio_stored_session_free(store, session);
    end();
}
END_TEST

START_TEST(arguments_are_kept_with_the_event) {
    begin(roomy);
    sio_args *args;
    sio_target target = {0};
    sio_str offset;
    sio_stored_session *session = NULL;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "s B", "text", "\1\2", (size_t)2), 0);
    sio_str before = add("seen", NULL, NULL);
    ck_assert_int_eq(sio_recovery_store_add(store, SIO_STR("e"), args, &target, &offset), 0);
    sio_args_unref(args);
    persist("p");
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("p"), before, &session), 0);
    const sio_stored_event *event = sio_recovery_store_missed(store, session, before);
    ck_assert_ptr_nonnull(event);
    ck_assert_str_eq(sio_args_string(event->args, 0), "text");
    ck_assert_uint_eq(sio_args_binary(event->args, 1).len, 2);
    sio_stored_session_free(store, session);
    end();
}
END_TEST

START_TEST(offsets_never_repeat) {
    begin(roomy);
    sio_str last = add("e", NULL, NULL);
    for (int i = 0; i < 50; i++) {
        sio_str offset = add("e", NULL, NULL);
        ck_assert(offset.len != last.len || memcmp(offset.ptr, last.ptr, last.len) != 0);
        last = offset;
    }
    ck_assert_uint_eq(sio_recovery_store_event_count(store), 51);
    end();
}
END_TEST

START_TEST(the_oldest_events_and_sessions_go_first) {
    begin((sio_recovery_limits){
        .keep_ms = 60000, .max_sessions = 2, .max_events = 3, .max_bytes = 1 << 20});
    sio_stored_session *session = NULL;
    sio_str first = add("a", NULL, NULL);
    sio_str second = add("b", NULL, NULL);
    persist("p1");
    persist("p2");
    persist("p3");
    ck_assert_uint_eq(sio_recovery_store_session_count(store), 2);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("p1"), second, &session),
                     SIO_ERR_NOT_FOUND);
    add("c", NULL, NULL);
    add("d", NULL, NULL);
    ck_assert_uint_eq(sio_recovery_store_event_count(store), 3);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("p2"), first, &session),
                     SIO_ERR_NOT_FOUND);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("p2"), second, &session), 0);
    sio_stored_session_free(store, session);
    end();
}
END_TEST

START_TEST(a_pid_is_kept_once) {
    begin(roomy);
    persist("p");
    uint64_t bytes = sio_recovery_store_bytes(store);
    persist("p");
    ck_assert_uint_eq(sio_recovery_store_session_count(store), 1);
    ck_assert_uint_eq(sio_recovery_store_bytes(store), bytes);
    end();
}
END_TEST

START_TEST(bytes_are_bounded) {
    enum { MOST = 4096 };
    char text[1000];
    memset(text, 'x', sizeof text);
    begin((sio_recovery_limits){
        .keep_ms = 60000, .max_sessions = 100, .max_events = 100, .max_bytes = MOST});
    sio_args *args;
    sio_target target = {0};
    sio_str offset;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_add_str(args, (sio_str){text, sizeof text}), 0);
    persist("p");
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(sio_recovery_store_add(store, SIO_STR("e"), args, &target, &offset), 0);
        ck_assert_uint_le(sio_recovery_store_bytes(store), MOST);
    }
    ck_assert_uint_lt(sio_recovery_store_event_count(store), 4);
    ck_assert_uint_eq(sio_recovery_store_session_count(store), 1);
    sio_args_unref(args);
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(sio_args_add_str(args, (sio_str){text, sizeof text}), 0);
    }
    ck_assert_int_eq(sio_recovery_store_add(store, SIO_STR("e"), args, &target, &offset),
                     SIO_ERR_LIMIT);
    sio_args_unref(args);
    end();
}
END_TEST

START_TEST(what_is_too_old_is_gone) {
    begin((sio_recovery_limits){
        .keep_ms = 5, .max_sessions = 10, .max_events = 10, .max_bytes = 1 << 20});
    sio_stored_session *session = NULL;
    sio_str offset = add("a", NULL, NULL);
    persist("p");
    net_run_for(loop, 20);
    ck_assert_int_eq(sio_recovery_store_restore(store, SIO_STR("p"), offset, &session),
                     SIO_ERR_NOT_FOUND);
    ck_assert_uint_eq(sio_recovery_store_session_count(store), 0);
    ck_assert_uint_eq(sio_recovery_store_event_count(store), 0);
    ck_assert_uint_eq(sio_recovery_store_bytes(store), 0);
    end();
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    (void)arg;
    sio_loop *own = NULL;
    sio_recovery_store *kept = NULL;
    sio_stored_session *session = NULL;
    sio_target target = {.rooms = {"room"}, .room_count = 1};
    sio_str offset = {NULL, 0};
    sio_stored_session mine = {
        .pid = SIO_STR("p"), .sid = SIO_STR("me"), .rooms = own_rooms, .room_count = 2};
    int rc = sio_loop_new(&own, &(sio_loop_options){.mem = mem});
    if (rc == 0) {
        rc = sio_recovery_store_new(&kept, own, &roomy);
    }
    if (rc == 0) {
        rc = sio_recovery_store_add(kept, SIO_STR("e"), NULL, &target, &offset);
    }
    if (rc == 0) {
        rc = sio_recovery_store_persist(kept, &mine);
    }
    if (rc == 0) {
        rc = sio_recovery_store_restore(kept, SIO_STR("p"), offset, &session);
    }
    sio_stored_session_free(kept, session);
    sio_recovery_store_free(kept);
    sio_loop_free(own);
    return rc;
}

START_TEST(memory_runs_out) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_recovery_store");
    TCase *tc = tcase_create("server_recovery_store");
    tcase_add_test(tc, a_session_comes_back_once);
    tcase_add_test(tc, an_unknown_pid_or_offset_is_refused);
    tcase_add_test(tc, an_event_is_forgotten);
    tcase_add_test(tc, missed_is_what_concerned_the_session);
    tcase_add_test(tc, arguments_are_kept_with_the_event);
    tcase_add_test(tc, offsets_never_repeat);
    tcase_add_test(tc, the_oldest_events_and_sessions_go_first);
    tcase_add_test(tc, a_pid_is_kept_once);
    tcase_add_test(tc, bytes_are_bounded);
    tcase_add_test(tc, what_is_too_old_is_gone);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
