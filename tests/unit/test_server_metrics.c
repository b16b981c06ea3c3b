/* Counters in Prometheus' text format. */
#include "support.h"

#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *written(const sio_counters *counters) {
    sio_buf buf;
    sio_buf_init(&buf, 0, NULL);
    ck_assert_int_eq(sio_metrics_write(counters, &buf), 0);
    ck_assert_int_eq(sio_buf_add_byte(&buf, 0), 0);
    char *text = strdup((char *)buf.data);
    sio_buf_free(&buf);
    return text;
}

START_TEST(shows_name_labels_and_value) {
    sio_counters c = SIO_COUNTERS_INIT;
    c.connections_accepted = 7;
    c.disconnects_ping_timeout = UINT64_MAX;
    c.peers = 3;
    char *text = written(&c);
    ck_assert(strncmp(text, "# HELP sio_server_connections_accepted_total ", 45) == 0);
    ck_assert_ptr_nonnull(strstr(text, "\n# TYPE sio_server_connections_accepted_total counter\n"
                                       "sio_server_connections_accepted_total 7\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nsio_server_disconnects_total{reason=\"ping timeout\"} "
                                       "18446744073709551615\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n# TYPE sio_server_peers gauge\nsio_server_peers 3\n"));
    free(text);
}
END_TEST

/* What the format demands: a metric's lines stand together, TYPE comes once and before them, each
 * sample is there once, and the text ends with a line end. */
START_TEST(follows_the_format) {
    sio_counters c = SIO_COUNTERS_INIT;
    char *text = written(&c);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    char present[128] = "";
    size_t samples = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char name[128];
        char kind[16];
        if (sscanf(line, "# TYPE %127s %15s", name, kind) == 2) {
            ck_assert_str_eq(name, present);
            ck_assert_str_eq(strstr(name, "_total") ? "counter" : "gauge", kind);
        } else if (sscanf(line, "# HELP %127s", name) == 1) {
            ck_assert_str_ne(name, present);
            memcpy(present, name, sizeof(present));
        } else {
            ck_assert_uint_eq(strncmp(line, present, strlen(present)), 0);
            char after = line[strlen(present)];
            ck_assert(after == ' ' || after == '{');
            ck_assert(strcmp(strrchr(line, ' '), " 0") == 0);
            samples++;
        }
    }
    ck_assert_uint_eq(samples, (sizeof(c) - sizeof(size_t)) / sizeof(uint64_t));
    free(text);
}
END_TEST

/* Some figures once more for each loop: in names of their own, so that a sum over all samples of a
 * name counts nothing twice. */
START_TEST(shows_each_member) {
    sio_counters members[2] = {SIO_COUNTERS_INIT, SIO_COUNTERS_INIT};
    members[0].connections_open = 3;
    members[1].sessions_websocket = 4;
    sio_buf buf;
    sio_buf_init(&buf, 0, NULL);
    ck_assert_int_eq(sio_metrics_write_members(members, 2, &buf), 0);
    ck_assert_int_eq(sio_buf_add_byte(&buf, 0), 0);
    const char *text = (const char *)buf.data;
    ck_assert_ptr_nonnull(strstr(text, "\n# TYPE sio_server_member_connections_open gauge\n"
                                       "sio_server_member_connections_open{member=\"0\"} 3\n"
                                       "sio_server_member_connections_open{member=\"1\"} 0\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "\n# TYPE sio_server_member_sessions gauge\n"
                     "sio_server_member_sessions{member=\"0\",transport=\"polling\"} 0\n"
                     "sio_server_member_sessions{member=\"1\",transport=\"polling\"} 0\n"
                     "sio_server_member_sessions{member=\"0\",transport=\"websocket\"} 0\n"
                     "sio_server_member_sessions{member=\"1\",transport=\"websocket\"} 4\n"));
    sio_buf_free(&buf);
}
END_TEST

START_TEST(says_when_the_buffer_is_full) {
    sio_counters c = SIO_COUNTERS_INIT;
    char *text = written(&c);
    for (size_t max = 1; max < strlen(text); max += 61) {
        sio_buf buf;
        sio_buf_init(&buf, max, NULL);
        ck_assert_int_eq(sio_metrics_write(&c, &buf), SIO_ERR_LIMIT);
        ck_assert_uint_le(buf.len, max);
        sio_buf_free(&buf);
    }
    free(text);
}
END_TEST

static int scenario(const sio_mem *mem, void *arg) {
    sio_counters c = SIO_COUNTERS_INIT;
    sio_buf buf;
    sio_buf_init(&buf, 0, mem);
    int rc = sio_metrics_write(&c, &buf);
    sio_buf_free(&buf);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");
    tcase_add_test(tc, shows_name_labels_and_value);
    tcase_add_test(tc, follows_the_format);
    tcase_add_test(tc, shows_each_member);
    tcase_add_test(tc, says_when_the_buffer_is_full);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
