#include "support.h"

#include <sio/event.h>
#include <sio/sys/ack.h>

#include <string.h>

/* An owner that notes what was sent and who holds it. */
typedef struct owner {
    int refs;
    int sends;
    uint64_t id;
    char text[64];
} owner;

static int send_ack(void *of, uint64_t id, const sio_args *args) {
    owner *o = of;
    sio_buf buf = {0};
    o->sends++;
    o->id = id;
    if (args) {
        ck_assert_int_eq(sio_args_write(args, &buf), 0);
    }
    memcpy(o->text, buf.data ? (char *)buf.data : "", buf.len);
    o->text[buf.len] = '\0';
    sio_buf_free(&buf);
    return 0;
}

static void retain(void *of) {
    ((owner *)of)->refs++;
}

static void release(void *of) {
    ((owner *)of)->refs--;
}

static const sio_ack_source source = {send_ack, retain, release};

START_TEST(only_the_first_acknowledgement_is_sent) {
    owner o = {0};
    sio_ack ack;
    sio_ack_begin(&ack, &source, &o, 7, NULL);
    ck_assert_int_eq(sio_ack_sendf(&ack, "s i", "yes", 2), 0);
    ck_assert_int_eq(sio_ack_send(&ack, NULL), SIO_ERR_STATE);
    sio_ack_end(&ack);
    ck_assert_int_eq(o.sends, 1);
    ck_assert_uint_eq(o.id, 7);
    ck_assert_str_eq(o.text, "\"yes\",2");
}
END_TEST

START_TEST(a_kept_handle_outlives_the_event) {
    owner o = {0};
    sio_ack ack, *kept, *again;
    sio_ack_begin(&ack, &source, &o, 0, NULL);
    ck_assert_int_eq(sio_ack_ref(&kept, &ack), 0);
    ck_assert_int_eq(sio_ack_ref(&again, kept), 0);
    ck_assert_ptr_eq(kept, again);
    sio_ack_end(&ack);
    sio_ack_unref(again);
    ck_assert_int_eq(o.refs, 1);
    ck_assert_int_eq(sio_ack_send(kept, NULL), 0);
    sio_ack_unref(kept);
    ck_assert_int_eq(o.refs, 0);
    ck_assert_int_eq(o.sends, 1);
}
END_TEST

START_TEST(both_handles_know_of_each_other) {
    owner o = {0};
    sio_ack ack, *kept;
    sio_ack_begin(&ack, &source, &o, 0, NULL);
    ck_assert_int_eq(sio_ack_ref(&kept, &ack), 0);
    sio_ack_unref(kept); /* the one on the stack must still be usable */
    ck_assert_int_eq(sio_ack_send(&ack, NULL), 0);
    ck_assert_int_eq(sio_ack_ref(&kept, &ack), 0);
    sio_ack_end(&ack);
    ck_assert_int_eq(sio_ack_send(kept, NULL), SIO_ERR_STATE);
    sio_ack_unref(kept);
    ck_assert_int_eq(o.sends, 1);
    ck_assert_int_eq(o.refs, 0);
}
END_TEST

START_TEST(a_bad_format_leaves_the_right_to_answer) {
    owner o = {0};
    sio_ack ack;
    sio_ack_begin(&ack, &source, &o, 1, NULL);
    ck_assert_int_eq(sio_ack_sendf(&ack, "?"), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_ack_sendf(&ack, "n"), 0);
    ck_assert_str_eq(o.text, "null");
    sio_ack_end(&ack);
}
END_TEST

START_TEST(shorthands_never_fail) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_addf(args, "s i b B", "x", 5, 1, "\1\2", (size_t)2), 0);
    sio_event ev = {.size = sizeof(ev), .name = SIO_STR("name"), .args = args};
    ck_assert(sio_event_is(&ev, "name"));
    ck_assert(!sio_event_is(&ev, "nam"));
    ck_assert_uint_eq(sio_event_count(&ev), 4);
    ck_assert_str_eq(sio_event_string(&ev, 0), "x");
    ck_assert_int_eq(sio_event_int(&ev, 1), 5);
    ck_assert(sio_event_bool(&ev, 2));
    ck_assert_uint_eq(sio_event_binary(&ev, 3).len, 2);
    ck_assert_str_eq(sio_event_string(&ev, 1), "");
    ck_assert_int_eq(sio_event_int(&ev, 9), 0);
    ck_assert_int_eq(sio_event_kind(&ev, 9), SIO_KIND_NONE);
    sio_args_unref(args);
}
END_TEST

static int keep(const sio_mem *mem, void *arg) {
    owner o = {0};
    sio_ack ack, *kept;
    sio_ack_begin(&ack, &source, &o, 1, mem);
    int rc = sio_ack_ref(&kept, &ack);
    if (rc == 0) {
        rc = sio_ack_sendf(kept, "s", "text");
        sio_ack_unref(kept);
    }
    sio_ack_end(&ack);
    ck_assert_int_eq(o.refs, 0);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(keep, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("event");
    TCase *tc = tcase_create("event");
    tcase_add_test(tc, only_the_first_acknowledgement_is_sent);
    tcase_add_test(tc, a_kept_handle_outlives_the_event);
    tcase_add_test(tc, both_handles_know_of_each_other);
    tcase_add_test(tc, a_bad_format_leaves_the_right_to_answer);
    tcase_add_test(tc, shorthands_never_fail);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
