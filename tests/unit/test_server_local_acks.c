#include "crowd_support.h"

static crowd w;
static int refuse; /* what on_ack returns */

static void start(void) {
    crowd_start(&w, NULL);
    refuse = 0;
}

static void stop(void) {
    crowd_stop(&w);
}

static int index_of(sio_str id) {
    int i = 0;
    while (i < CROWD && memcmp(w.ids[i], id.ptr, id.len) != 0) {
        i++;
    }
    return i;
}

static void on_count(uint64_t peers, void *user) {
    crowd_note(&w, "count%d ", (int)peers);
}

static int on_ack(sio_str from, const sio_args *args, void *user) {
    crowd_note(&w, "%d=%s ", index_of(from), sio_args_string(args, 0));
    return refuse;
}

static void on_missing(sio_str id, void *user) {
    crowd_note(&w, "!%d ", index_of(id));
}

static void on_end(int status, void *user) {
    crowd_note(&w, "end%d ", status);
}

static const sio_adapter_event event = {.size = sizeof(event), .name = {"q", 1}};
static const sio_adapter_acks acks = {sizeof(acks), on_count, on_ack, on_missing, on_end, NULL};

/* What an adapter sees of it: the count first, the end last. */
START_TEST(tells_each_answer) {
    sio_target a = crowd_target(&w, "a");
    ck_assert_int_eq(sio_adapter_local_emit_ack(&a, &event, &acks), 0);
    crowd_expect(&w, "count2 ");
    crowd_answer(&w, 0, "\"zero\"");
    server_until(&w.t, w.notes[0]);
    crowd_expect(&w, "0=zero ");
    crowd_answer(&w, 1, "\"one\"");
    server_until(&w.t, w.notes[0]);
    crowd_expect(&w, "1=one end0 ");
}
END_TEST

START_TEST(ends_when_refused) {
    sio_target a = crowd_target(&w, "a");
    refuse = SIO_ERR_LIMIT;
    ck_assert_int_eq(sio_adapter_local_emit_ack(&a, &event, &acks), 0);
    crowd_answer(&w, 0, "\"zero\"");
    server_until(&w.t, strstr(w.notes, "end"));
    crowd_expect(&w, "count2 0=zero !1 end-4 ");
}
END_TEST

START_TEST(shares_the_counter_with_peers) {
    sio_target one = crowd_target(&w, w.ids[3]);
    ck_assert_int_eq(sio_adapter_local_emit_ack(&one, &event, &acks), 0);
    ck_assert_int_eq(sio_adapter_local_emit_ack(&one, &event, &acks), 0);
    ws_expect(&w.c[3], "420[\"q\"]");
    ws_expect(&w.c[3], "421[\"q\"]");
    ws_text(&w.c[3], "431[\"b\"]");
    ws_text(&w.c[3], "430[\"a\"]");
    server_until(&w.t, strstr(w.notes, "3=a"));
    crowd_expect(&w, "count1 count1 3=b end0 3=a end0 ");
}
END_TEST

/* Nothing of it is kept in peers. */
START_TEST(keeps_a_peer_that_goes) {
    sio_target one = crowd_target(&w, w.ids[3]);
    one.timeout_ms = 20;
    ck_assert_int_eq(sio_adapter_local_emit_ack(&one, &event, &acks), 0);
    raw_close(&w.c[3]);
    server_until(&w.t, strstr(w.notes, "end"));
    crowd_expect(&w, "count1 !3 end-8 ");
}
END_TEST

static int ask(crowd *c, void *arg) {
    sio_target everyone = crowd_target(c, NULL);
    c->notes[0] = '\0';
    int rc = sio_adapter_local_emit_ack(&everyone, &event, &acks);
    ck_assert_str_eq(c->notes, rc == 0 ? "count4 " : "");
    return rc;
}

START_TEST(survives_short_memory) {
    crowd_sweep(&w, ask, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("local_acks");
    TCase *tc = tcase_create("local_acks");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, tells_each_answer);
    tcase_add_test(tc, ends_when_refused);
    tcase_add_test(tc, shares_the_counter_with_peers);
    tcase_add_test(tc, keeps_a_peer_that_goes);
    tcase_add_test(tc, survives_short_memory);
    return test_run(suite);
}
