#include "crowd_support.h"

#include "adapter.h"

static crowd w;

static void start(void) {
    crowd_start(&w, NULL);
}

static void stop(void) {
    crowd_stop(&w);
}

/* AD4 AD5 */
START_TEST(sends_to_rooms_but_not_to_others) {
    sio_adapter_event event = {.size = sizeof(event), .name = SIO_STR("x")};
    sio_adapter_event end = {.size = sizeof(end), .name = SIO_STR("end")};
    sio_target target = crowd_target(&w, NULL);
    sio_target everyone = target;
    ck_assert_int_eq(sio_adapter_local_emit(sio_target_except(&target, "a"), &event), 0);
    target = crowd_target(&w, "a");
    sio_target_except(sio_target_to(&target, "b"), w.ids[1]);
    event.name = SIO_STR("y");
    ck_assert_int_eq(sio_adapter_local_emit(&target, &event), 0);
    ck_assert_int_eq(sio_adapter_local_emit(&everyone, &end), 0);
    ws_expect(&w.c[0], "42[\"y\"]");
    ws_expect(&w.c[2], "42[\"x\"]");
    ws_expect(&w.c[2], "42[\"y\"]");
    ws_expect(&w.c[3], "42[\"x\"]");
    for (int i = 0; i < CROWD; i++) {
        ws_expect(&w.c[i], "42[\"end\"]");
    }
}
END_TEST

START_TEST(appends_the_offset) {
    sio_adapter_event event = {
        .size = sizeof(event), .name = SIO_STR("x"), .offset = SIO_STR("o1")};
    sio_target target = crowd_target(&w, w.ids[0]);
    ck_assert_int_eq(sio_adapter_local_emit(&target, &event), 0);
    ws_expect(&w.c[0], "42[\"x\",\"o1\"]");
}
END_TEST

/* IO154 AD6: one message for all, framed once */
START_TEST(encodes_once) {
    sio_adapter_event event = {.size = sizeof(event), .name = SIO_STR("x")};
    sio_target target = crowd_target(&w, NULL);
    sio_broadcast b;
    ck_assert_int_eq(sio_broadcast_init(&b, &target, &event, NULL), 0);
    sio_bytes data = sio_eio_message_data(b.text);
    ck_assert_uint_eq(data.len, strlen("2[\"x\"]"));
    for (int i = 0; i < CROWD; i++) {
        sio_broadcast_send(&b, crowd_peer(&w, i));
    }
    ck_assert_ptr_eq(sio_eio_message_data(b.text).ptr, data.ptr);
    sio_broadcast_done(&b, w.root->server->mem);
    for (int i = 0; i < CROWD; i++) {
        ws_expect(&w.c[i], "42[\"x\"]");
    }
}
END_TEST

START_TEST(lists_the_peers) {
    sio_target target = crowd_target(&w, "a");
    sio_peer_list list;
    ck_assert_int_eq(sio_peer_list_init(&list, sio_target_to(&target, "b")), 0);
    ck_assert_uint_eq(list.count, 3);
    sio_peer_list_done(&list, w.root->server->mem);
    target.error = SIO_ERR_LIMIT;
    ck_assert_int_eq(sio_peer_list_init(&list, &target), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_adapter_local_emit(&target, NULL), SIO_ERR_LIMIT);
    sio_peer_list_done(&list, w.root->server->mem);
}
END_TEST

/* IO178 IO179 IO180 IO181 IO182 IO183 */
START_TEST(acts_on_all_of_them) {
    static const char *const rooms[] = {"r1", "r2"};
    sio_target everyone = crowd_target(&w, NULL);
    sio_target a = crowd_target(&w, "a");
    sio_target r1 = crowd_target(&w, "r1");
    sio_target r2 = crowd_target(&w, "r2");
    ck_assert_int_eq(sio_target_join_all(&a, rooms, 2), 0);
    ck_assert_int_eq(sio_target_count(&r2), 2);
    ck_assert_int_eq(sio_target_join_all(&everyone, rooms, 1), 0);
    ck_assert_int_eq(sio_target_count(&r1), CROWD);
    ck_assert_int_eq(sio_target_leave_all(&a, rooms, 2), 0);
    ck_assert_int_eq(sio_target_count(&r1), 2);
    ck_assert_int_eq(sio_target_count(&r2), 0);
    ck_assert_int_eq(sio_target_leave_all(&everyone, rooms, 2), 0);
    ck_assert_int_eq(sio_target_count(&r1), 0);
    ck_assert_int_eq(sio_target_disconnect(&a, false), 0);
    ck_assert_uint_eq(sio_namespace_peer_count(w.root), 2);
    ck_assert_int_eq(sio_target_disconnect(&everyone, true), 0);
    ck_assert_uint_eq(sio_namespace_peer_count(w.root), 0);
}
END_TEST

static int join(crowd *c, void *arg) {
    static const char *const rooms[] = {"m1", "m2"};
    sio_target everyone = crowd_target(c, NULL);
    return sio_target_join_all(&everyone, rooms, 2);
}

static int emit(crowd *c, void *arg) {
    sio_target everyone = crowd_target(c, NULL);
    return sio_target_emitf(&everyone, "x", "B B", "\1", (size_t)1, "\2", (size_t)1);
}

START_TEST(survives_short_memory) {
    crowd_sweep(&w, join, NULL);
    crowd_sweep(&w, emit, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("adapter_local");
    TCase *tc = tcase_create("adapter_local");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, sends_to_rooms_but_not_to_others);
    tcase_add_test(tc, appends_the_offset);
    tcase_add_test(tc, encodes_once);
    tcase_add_test(tc, lists_the_peers);
    tcase_add_test(tc, acts_on_all_of_them);
    tcase_add_test(tc, survives_short_memory);
    return test_run(suite);
}
