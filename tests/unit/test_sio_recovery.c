#include "support.h"

#include <sio/recovery.h>

#include <string.h>

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

static void expect_offset(sio_offset_clock *clock, uint64_t now, const char *expected) {
    char text[SIO_OFFSET_MAX];
    size_t len = sio_offset_next(clock, now, text);
    ck_assert_msg(len == strlen(expected) && memcmp(text, expected, len) == 0, "%.*s, not %s",
                  (int)len, text, expected);
}

/* Expected texts made with the reference, which is the npm package yeast inlined. */
START_TEST(offsets_are_the_clock_in_base_64) {
    sio_offset_clock clock = {0};
    expect_offset(&clock, 63, "_");
    expect_offset(&clock, 64, "10");
    expect_offset(&clock, UINT64_C(1754820000000), "PYJR3a0");
    expect_offset(&clock, UINT64_C(1754820000000), "PYJR3a0.0");
    expect_offset(&clock, UINT64_C(1754820000000), "PYJR3a0.1");
    expect_offset(&clock, UINT64_C(1754820000001), "PYJR3a1");
}
END_TEST

START_TEST(offsets_never_repeat_when_the_clock_is_set_back) {
    sio_offset_clock clock = {0};
    expect_offset(&clock, 1000, "Fe");
    expect_offset(&clock, 10, "Fe.0");
    expect_offset(&clock, 1000, "Fe.1");
    clock.repeat = 63;
    expect_offset(&clock, 0, "Fe._");
    expect_offset(&clock, 0, "Fe.10");
    expect_offset(&clock, 1001, "Ff");
}
END_TEST

START_TEST(the_longest_offset_fits) {
    sio_offset_clock clock = {.last_ms = UINT64_MAX, .repeat = UINT64_MAX};
    char text[SIO_OFFSET_MAX];
    ck_assert_uint_eq(sio_offset_next(&clock, 0, text), SIO_OFFSET_MAX);
}
END_TEST

START_TEST(a_request_needs_both_strings) {
    sio_recovery_request request;
    ck_assert(
        sio_recovery_request_parse(str("{\"a\":1,\"pid\":\"p\",\"offset\":\"o1\"}"), &request));
    ck_assert_mem_eq(request.pid.ptr, "p", 1);
    ck_assert_uint_eq(request.offset.len, 2);
    static const char *const others[] = {
        "",
        "{}",
        "{\"pid\":\"p\"}",
        "{\"offset\":\"o\"}",
        "{\"pid\":1,\"offset\":\"o\"}",
        "{\"pid\":\"p\",\"offset\":null}",
        "{\"pid\":\"p\",\"offset\":{\"offset\":\"o\"}}",
        "{\"pid\":\"\\u0070\",\"offset\":\"o\"}",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_msg(!sio_recovery_request_parse(str(others[i]), &request), "%s", others[i]);
    }
}
END_TEST

static void handle(sio_recovery *r, const char *json, bool has_id) {
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_args_parse(args, json, strlen(json), SIO_ARGS_EVENT, 0, NULL), 0);
    sio_recovery_event(r, args, has_id);
    sio_args_unref(args);
}

static void expect_known(const sio_recovery *r, const char *pid, const char *offset) {
    sio_str p = sio_recovery_pid(r);
    sio_str o = sio_recovery_offset(r);
    ck_assert_msg(p.len == strlen(pid) && memcmp(p.ptr, pid, p.len) == 0, "pid %.*s",
                  SIO_STR_ARG(p));
    ck_assert_msg(o.len == strlen(offset) && memcmp(o.ptr, offset, o.len) == 0, "offset %.*s",
                  SIO_STR_ARG(o));
}

START_TEST(a_client_remembers_offsets_once_a_pid_is_known) {
    sio_recovery r;
    sio_recovery_init(&r, NULL);
    handle(&r, "[\"a\",\"o1\"]", false);
    expect_known(&r, "", "");
    ck_assert_int_eq(sio_recovery_connected(&r, str("pid1")), 0);
    expect_known(&r, "pid1", "");
    handle(&r, "[\"a\",1,\"o1\"]", false);
    expect_known(&r, "pid1", "o1");
    handle(&r, "[\"a\",\"no\"]", true); /* with an ack id nothing is stored */
    handle(&r, "[\"a\",1]", false);     /* not a string */
    handle(&r, "[\"name\"]", false);    /* the name is no offset */
    handle(&r, "[\"a\",\"\"]", false);
    expect_known(&r, "pid1", "o1");
    ck_assert_int_eq(sio_recovery_connected(&r, str("pid1")), 1);
    expect_known(&r, "pid1", "o1");
    ck_assert_int_eq(sio_recovery_connected(&r, str("pid2")), 0);
    expect_known(&r, "pid2", "");
    ck_assert_int_eq(sio_recovery_connected(&r, str("")), 0);
    expect_known(&r, "", "");
    sio_recovery_free(&r);
    sio_recovery_free(NULL);
}
END_TEST

START_TEST(a_long_string_is_no_offset) {
    static char json[400];
    memset(json, 'x', sizeof(json));
    memcpy(json, "[\"a\",\"", 6);
    sio_recovery r;
    sio_recovery_init(&r, NULL);
    ck_assert_int_eq(sio_recovery_connected(&r, str("p")), 0);
    memcpy(json + 6 + 128, "\"]", 3);
    handle(&r, json, false);
    ck_assert_uint_eq(sio_recovery_offset(&r).len, 128);
    json[6 + 128] = 'x';
    json[6 + 129] = '"';
    json[6 + 130] = ']';
    json[6 + 131] = '\0';
    json[6] = 'y';
    handle(&r, json, false);
    ck_assert_int_eq(sio_recovery_offset(&r).ptr[0], 'x');
    sio_recovery_free(&r);
}
END_TEST

static void expect_auth(const sio_recovery *r, const char *auth, const char *expected) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_recovery_auth(r, str(auth), &out), 0);
    ck_assert_msg(out.len == strlen(expected) && memcmp(out.data, expected, out.len) == 0,
                  "%.*s, not %s", (int)out.len, (const char *)out.data, expected);
    sio_buf_free(&out);
}

START_TEST(the_auth_payload_is_laid_over_pid_and_offset) {
    sio_recovery r;
    sio_recovery_init(&r, NULL);
    sio_buf out = {0};
    ck_assert_int_eq(sio_recovery_auth(&r, str(""), &out), 0);
    ck_assert_uint_eq(out.len, 0);
    expect_auth(&r, "{\"token\":1}", "{\"token\":1}");
    ck_assert_int_eq(sio_recovery_connected(&r, str("p\"")), 0);
    expect_auth(&r, "", "{\"pid\":\"p\\\"\"}");
    ck_assert_int_eq(sio_recovery_auth(&r, (sio_str){NULL, 0}, &out), 0);
    ck_assert_uint_gt(out.len, 0);
    out.len = 0;
    ck_assert_int_eq(sio_recovery_connected(&r, str("p")), 0);
    handle(&r, "[\"a\",\"o\"]", false);
    expect_auth(&r, "", "{\"pid\":\"p\",\"offset\":\"o\"}");
    expect_auth(&r, "{}", "{\"pid\":\"p\",\"offset\":\"o\"}");
    expect_auth(&r, "{\"token\":[1,2],\"b\":{}}",
                "{\"pid\":\"p\",\"offset\":\"o\",\"token\":[1,2],\"b\":{}}");
    expect_auth(&r, "{\"offset\":5,\"x\":1,\"pid\":null}", "{\"pid\":null,\"offset\":5,\"x\":1}");
    ck_assert_int_eq(sio_recovery_auth(&r, str("[]"), &out), SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_recovery_auth(&r, str("{"), &out), SIO_ERR_SIO_PAYLOAD);
    sio_buf_free(&out);
    sio_recovery_free(&r);
}
END_TEST

static int auth_scenario(const sio_mem *mem, void *arg) {
    sio_recovery r;
    sio_recovery_init(&r, mem);
    sio_buf out;
    sio_buf_init(&out, 0, mem);
    int rc = sio_recovery_connected(&r, str("pid"));
    if (rc == 0) {
        rc = sio_recovery_auth(&r, str("{\"token\":\"0123456789012345678901234567890123456789\"}"),
                               &out);
        ck_assert(rc == 0 || out.len == 0);
    }
    sio_buf_free(&out);
    sio_recovery_free(&r);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(auth_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_recovery");
    TCase *tc = tcase_create("recovery");
    tcase_add_test(tc, offsets_are_the_clock_in_base_64);
    tcase_add_test(tc, offsets_never_repeat_when_the_clock_is_set_back);
    tcase_add_test(tc, the_longest_offset_fits);
    tcase_add_test(tc, a_request_needs_both_strings);
    tcase_add_test(tc, a_client_remembers_offsets_once_a_pid_is_known);
    tcase_add_test(tc, a_long_string_is_no_offset);
    tcase_add_test(tc, the_auth_payload_is_laid_over_pid_and_offset);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
