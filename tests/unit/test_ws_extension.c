#include "support.h"

#include "ws_extension.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Options as text would be harder to read than a few named ones. */
static const sio_ws_deflate_options takeover = {sizeof(takeover), true, true, 0, 0};
static const sio_ws_deflate_options lean = SIO_WS_DEFLATE_OPTIONS_INIT;
static const sio_ws_deflate_options small_windows = {sizeof(small_windows), true, true, 10, 11};

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

/* The server's answer: the header's value, "-" when all was declined, "!" when malformed. */
static void check_accept(const sio_ws_deflate_options *options, const char *offers,
                         const char *expected) {
    sio_ws_deflate_params params;
    sio_buf out = {0};
    size_t len = strlen(offers);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, offers, len);
    int rc = sio_ws_deflate_accept(&params, (sio_str){copy, len}, options);
    free(copy);
    if (rc == 1) {
        ck_assert_int_eq(sio_ws_deflate_response(&out, &params), 0);
    } else {
        ck_assert(rc == 0 || rc == SIO_ERR_WS_EXTENSION);
        sio_buf_add_text(&out, rc == 0 ? "-" : "!");
    }
    ck_assert_msg(out.len == strlen(expected) && memcmp(out.data, expected, out.len) == 0,
                  "'%s' gave '%.*s', not '%s'", offers, (int)out.len, (char *)out.data, expected);
    sio_buf_free(&out);
}

#define PMD "permessage-deflate"

/* RFC 7692 §7.1; Autobahn group 13. */
START_TEST(offers) {
    static const struct {
        const sio_ws_deflate_options *options;
        const char *offers;
        const char *expected;
    } cases[] = {
        {&takeover, PMD, PMD},
        {&takeover, PMD "; client_max_window_bits", PMD},
        {&takeover, " \t" PMD "\t;\tclient_max_window_bits ", PMD},
        {&takeover, PMD "; server_no_context_takeover", PMD "; server_no_context_takeover"},
        {&takeover, PMD "; client_no_context_takeover", PMD "; client_no_context_takeover"},
        {&takeover, PMD "; client_max_window_bits; server_max_window_bits=8",
         PMD "; server_max_window_bits=8"},
        {&takeover, PMD "; client_max_window_bits=9", PMD "; client_max_window_bits=9"},
        {&takeover, PMD "; client_max_window_bits=15; server_max_window_bits=15", PMD},
        {&takeover, PMD "; server_max_window_bits=\"10\"", PMD "; server_max_window_bits=10"},
        {&takeover, PMD "; server_max_window_bits=\"1\\0\"", PMD "; server_max_window_bits=10"},
        {&takeover, PMD "; server_max_window_bits = 10", PMD "; server_max_window_bits=10"},
        {&lean, PMD, PMD "; server_no_context_takeover; client_no_context_takeover"},
        {&small_windows, PMD "; client_max_window_bits",
         PMD "; server_max_window_bits=10; client_max_window_bits=11"},
        {&small_windows, PMD "; client_max_window_bits=9; server_max_window_bits=12",
         PMD "; server_max_window_bits=10; client_max_window_bits=9"},
        /* It cannot promise a small window of its own: declined. */
        {&small_windows, PMD, "-"},
        {&small_windows, PMD ", " PMD "; client_max_window_bits",
         PMD "; server_max_window_bits=10; client_max_window_bits=11"},
        /* Nothing to take. */
        {&takeover, "", "-"},
        {&takeover, "x-webkit-deflate-frame", "-"},
        {&takeover, "constructor, __proto__; a=b", "-"},
        {&takeover, "PERMESSAGE-DEFLATE", "-"},
        {&takeover, PMD "2", "-"},
        /* Unacceptable parameters decline their offer only. */
        {&takeover, PMD "; server_max_window_bits", "-"},
        {&takeover, PMD "; server_max_window_bits=7", "-"},
        {&takeover, PMD "; server_max_window_bits=16", "-"},
        {&takeover, PMD "; server_max_window_bits=010", "-"},
        {&takeover, PMD "; server_max_window_bits=+10", "-"},
        {&takeover, PMD "; server_max_window_bits=1e1", "-"},
        {&takeover, PMD "; server_max_window_bits=10.0", "-"},
        {&takeover, PMD "; server_max_window_bits=0x0a", "-"},
        {&takeover, PMD "; server_max_window_bits=1000000000000000000000000000010", "-"},
        {&takeover, PMD "; client_max_window_bits=08", "-"},
        {&takeover, PMD "; client_max_window_bits=7", "-"},
        {&takeover, PMD "; client_no_context_takeover=1", "-"},
        {&takeover, PMD "; server_no_context_takeover=true", "-"},
        {&takeover, PMD "; unknown", "-"},
        {&takeover, PMD "; Server_No_Context_Takeover", "-"},
        {&takeover, PMD "; server_no_context_takeover; server_no_context_takeover", "-"},
        {&takeover, PMD "; client_max_window_bits; client_max_window_bits=10", "-"},
        {&takeover, PMD "; server_max_window_bits=10; server_max_window_bits=10", "-"},
        {&takeover, PMD "; unknown, " PMD "; server_max_window_bits=9, " PMD,
         PMD "; server_max_window_bits=9"},
        {&takeover, "other; a; b=\"c\", " PMD, PMD},
        /* Broken grammar refuses the whole value, also behind an acceptable offer. */
        {&takeover, ";", "!"},
        {&takeover, ",", "!"},
        {&takeover, PMD ",", "!"},
        {&takeover, "," PMD, "!"},
        {&takeover, PMD ";", "!"},
        {&takeover, PMD "; ;", "!"},
        {&takeover, PMD "; a=", "!"},
        {&takeover, PMD "; =a", "!"},
        {&takeover, PMD "; a=\"", "!"},
        {&takeover, PMD "; a=\"b", "!"},
        {&takeover, PMD "; a=\"\"", "!"},
        {&takeover, PMD "; a=\"b c\"", "!"},
        {&takeover, PMD "; a=\"b\\", "!"},
        {&takeover, PMD "; a=\"b\"c", "!"},
        {&takeover, PMD " " PMD, "!"},
        {&takeover, PMD "; a=b=c", "!"},
        {&takeover, PMD "\x01", "!"},
        {&takeover, "\"" PMD "\"", "!"},
        {&takeover, "\xc3\xa9", "!"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_accept(cases[i].options, cases[i].offers, cases[i].expected);
    }
}
END_TEST

START_TEST(many_and_long_offers) {
    sio_buf text = {0};
    for (int i = 0; i < 500; i++) {
        sio_buf_add_text(&text, PMD "; unknown, ");
    }
    sio_buf_add_text(&text, PMD);
    sio_buf_add_byte(&text, '\0');
    check_accept(&takeover, (char *)text.data, PMD);
    text.len = 0;
    for (int i = 0; i < 8000; i++) {
        sio_buf_add_byte(&text, 'x');
    }
    sio_buf_add_byte(&text, '\0');
    check_accept(&takeover, (char *)text.data, "-");
    text.len = 0;
    sio_buf_add_text(&text, PMD "; server_max_window_bits=\"");
    for (int i = 0; i < 8000; i++) {
        sio_buf_add_byte(&text, '1');
    }
    sio_buf_add(&text, "\"", 2);
    check_accept(&takeover, (char *)text.data, "-");
    sio_buf_free(&text);
}
END_TEST

static void check_answer(const sio_ws_deflate_options *options, const char *answer, int expected) {
    sio_ws_deflate_params params;
    int rc = sio_ws_deflate_check(&params, str(answer), options);
    ck_assert_msg(rc == expected, "'%s' gave %d", answer, rc);
}

START_TEST(answers) {
    enum { BAD = SIO_ERR_WS_EXTENSION };
    check_answer(&takeover, "", 0);
    check_answer(&takeover, PMD, 1);
    check_answer(&takeover, PMD "; server_no_context_takeover; client_no_context_takeover", 1);
    check_answer(&takeover, PMD "; server_max_window_bits=8; client_max_window_bits=8", 1);
    check_answer(&takeover, PMD "; client_max_window_bits", BAD);
    check_answer(&takeover, PMD "; server_max_window_bits", BAD);
    check_answer(&takeover, PMD "; server_max_window_bits=16", BAD);
    check_answer(&takeover, PMD "; unknown", BAD);
    check_answer(&takeover, PMD "; server_no_context_takeover; server_no_context_takeover", BAD);
    check_answer(&takeover, PMD ", " PMD, BAD);
    check_answer(&takeover, PMD ",", BAD);
    check_answer(&takeover, "other", BAD);
    check_answer(NULL, PMD, BAD);
    check_answer(NULL, "", 0);
    /* What was asked for has to be confirmed. */
    check_answer(&lean, PMD, BAD);
    check_answer(&lean, PMD "; client_no_context_takeover", BAD);
    check_answer(&lean, PMD "; server_no_context_takeover", 1);
    check_answer(&small_windows, PMD, BAD);
    check_answer(&small_windows, PMD "; server_max_window_bits=11", BAD);
    check_answer(&small_windows, PMD "; server_max_window_bits=10", 1);
    check_answer(&small_windows, PMD "; server_max_window_bits=9; client_max_window_bits=12", BAD);
    check_answer(&small_windows, PMD "; server_max_window_bits=9; client_max_window_bits=11", 1);
}
END_TEST

START_TEST(what_was_agreed_on) {
    sio_ws_deflate_params p;
    ck_assert_int_eq(
        sio_ws_deflate_check(&p, SIO_STR(PMD "; server_max_window_bits=9"), &small_windows), 1);
    ck_assert(!p.server_no_context_takeover && !p.client_no_context_takeover);
    ck_assert(p.server_max_window_bits == 9 && p.client_max_window_bits == 11);
    ck_assert_int_eq(sio_ws_deflate_check(&p, SIO_STR(PMD "; server_no_context_takeover"), &lean),
                     1);
    ck_assert(p.server_no_context_takeover && p.client_no_context_takeover);
    ck_assert(p.server_max_window_bits == 15 && p.client_max_window_bits == 15);
}
END_TEST

static void check_offer(const sio_ws_deflate_options *options, const char *expected) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_ws_deflate_offer(&out, options), 0);
    ck_assert_uint_eq(out.len, strlen(expected));
    ck_assert_mem_eq(out.data, expected, out.len);
    sio_buf_free(&out);
}

START_TEST(our_offers) {
    check_offer(&takeover, PMD "; client_max_window_bits");
    check_offer(&lean, PMD "; server_no_context_takeover; client_no_context_takeover; "
                           "client_max_window_bits");
    check_offer(&small_windows, PMD "; server_max_window_bits=10; client_max_window_bits=11");
}
END_TEST

/* Whatever both sides want, the server's answer to our client's offer is one that it takes, with
 * the same outcome. */
START_TEST(both_sides_agree) {
    for (int i = 0; i < 16 * 8 * 8; i++) {
        sio_ws_deflate_options client = SIO_WS_DEFLATE_OPTIONS_INIT;
        sio_ws_deflate_options server = SIO_WS_DEFLATE_OPTIONS_INIT;
        client.server_context_takeover = i & 1;
        client.client_context_takeover = i & 2;
        server.server_context_takeover = i & 4;
        server.client_context_takeover = i & 8;
        client.server_max_window_bits = client.client_max_window_bits = (uint8_t)(8 + i / 16 % 8);
        server.server_max_window_bits = server.client_max_window_bits = (uint8_t)(8 + i / 128);
        sio_buf offer = {0};
        sio_buf answer = {0};
        sio_ws_deflate_params a;
        sio_ws_deflate_params b;
        ck_assert_int_eq(sio_ws_deflate_offer(&offer, &client), 0);
        ck_assert_int_eq(
            sio_ws_deflate_accept(&a, (sio_str){(char *)offer.data, offer.len}, &server), 1);
        ck_assert_int_eq(sio_ws_deflate_response(&answer, &a), 0);
        ck_assert_int_eq(
            sio_ws_deflate_check(&b, (sio_str){(char *)answer.data, answer.len}, &client), 1);
        ck_assert_int_eq(a.server_no_context_takeover, b.server_no_context_takeover);
        ck_assert_int_eq(a.client_no_context_takeover, b.client_no_context_takeover);
        ck_assert_int_eq(a.server_max_window_bits, b.server_max_window_bits);
        ck_assert_int_eq(a.client_max_window_bits, b.client_max_window_bits);
        sio_buf_free(&offer);
        sio_buf_free(&answer);
    }
}
END_TEST

START_TEST(nothing_is_left_of_a_failed_write) {
    sio_ws_deflate_params params = {true, true, 10, 10};
    for (size_t max = 1; max < 120; max++) {
        sio_buf out;
        sio_buf_init(&out, max, NULL);
        int rc = sio_ws_deflate_response(&out, &params);
        ck_assert(rc == 0 || (rc == SIO_ERR_LIMIT && out.len == 0));
        rc = sio_ws_deflate_offer(&out, &small_windows);
        ck_assert(rc == 0 || rc == SIO_ERR_LIMIT);
        sio_buf_free(&out);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_extension");
    TCase *tc = tcase_create("ws_extension");
    tcase_add_test(tc, offers);
    tcase_add_test(tc, many_and_long_offers);
    tcase_add_test(tc, answers);
    tcase_add_test(tc, what_was_agreed_on);
    tcase_add_test(tc, our_offers);
    tcase_add_test(tc, both_sides_agree);
    tcase_add_test(tc, nothing_is_left_of_a_failed_write);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
