#include "support.h"

#include <sio/http_fields.h>

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *header;
    sio_http_encoding want;
} cases[] = {
    {"", SIO_HTTP_IDENTITY},
    {"identity", SIO_HTTP_IDENTITY},
    {"br", SIO_HTTP_IDENTITY},
    {"gzip", SIO_HTTP_GZIP},
    {"GZip", SIO_HTTP_GZIP},
    {"deflate", SIO_HTTP_DEFLATE},
    {"gzip, deflate, br", SIO_HTTP_GZIP},
    {"deflate, gzip", SIO_HTTP_DEFLATE},
    {"gzip;q=0.5, deflate", SIO_HTTP_DEFLATE},
    {"deflate;q=0.5, gzip;q=0.51", SIO_HTTP_GZIP},
    {"gzip;q=0, *", SIO_HTTP_DEFLATE},
    {"*, gzip;q=0", SIO_HTTP_DEFLATE},
    {"*", SIO_HTTP_GZIP},
    {"*, deflate", SIO_HTTP_DEFLATE},
    {"*;q=0", SIO_HTTP_IDENTITY},
    {"deflate, *;q=0", SIO_HTTP_DEFLATE},
    {"gzip;q=0", SIO_HTTP_IDENTITY},
    {"gzip;q=0.000", SIO_HTTP_IDENTITY},
    {"gzip;q=0.001", SIO_HTTP_GZIP},
    {" gzip ; q=0.2 ,\tdeflate ; Q=0.3", SIO_HTTP_DEFLATE},
    {"gzip;x=y;q=0.1, deflate;q=0.2", SIO_HTTP_DEFLATE},
    {"gzip;q=2, deflate;q=0.1", SIO_HTTP_DEFLATE},
    {"gzip;q=1.001", SIO_HTTP_IDENTITY},
    {"gzip;q=0.1234", SIO_HTTP_IDENTITY},
    {"gzip;q=", SIO_HTTP_IDENTITY},
    {"gzip;q=x", SIO_HTTP_IDENTITY},
    {"gzip;q=1.", SIO_HTTP_GZIP},
    {"gzip;q=0.2, gzip;q=0.9, deflate;q=0.5", SIO_HTTP_GZIP},
    {"gzip;q=0.9, gzip;q=0.2, deflate;q=0.5", SIO_HTTP_GZIP},
    {"xgzip, gzipx", SIO_HTTP_IDENTITY},
    {",,;,;q=1,", SIO_HTTP_IDENTITY},
};

START_TEST(test_negotiation) {
    sio_str header = {cases[_i].header, strlen(cases[_i].header)};
    ck_assert_int_eq(sio_http_accept_encoding(header), cases[_i].want);
}
END_TEST

START_TEST(test_absent) {
    ck_assert_int_eq(sio_http_accept_encoding((sio_str){NULL, 0}), SIO_HTTP_IDENTITY);
    ck_assert_str_eq(sio_http_encoding_name(SIO_HTTP_GZIP), "gzip");
    ck_assert_str_eq(sio_http_encoding_name(SIO_HTTP_DEFLATE), "deflate");
    ck_assert_str_eq(sio_http_encoding_name(SIO_HTTP_IDENTITY), "identity");
}
END_TEST

/* Brotli only where the server has it. The order of the header decides between equals. */
START_TEST(test_choice_among_what_is_offered) {
    static const struct {
        const char *header;
        bool gzip, deflate, brotli;
        sio_http_encoding want;
    } rows[] = {
        {"br", true, true, true, SIO_HTTP_BROTLI},
        {"br", true, true, false, SIO_HTTP_IDENTITY},
        {"gzip, deflate, br", true, true, true, SIO_HTTP_GZIP},
        {"br, gzip", true, true, true, SIO_HTTP_BROTLI},
        {"br, gzip", true, true, false, SIO_HTTP_GZIP},
        {"gzip;q=0.5, br;q=0.6", true, false, true, SIO_HTTP_BROTLI},
        {"*", false, false, true, SIO_HTTP_BROTLI},
        {"*", true, false, true, SIO_HTTP_GZIP},
        {"deflate, gzip", true, false, true, SIO_HTTP_GZIP},
        {"gzip, br;q=0, *", false, false, true, SIO_HTTP_IDENTITY},
        {"gzip, deflate, br", false, false, false, SIO_HTTP_IDENTITY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned offered = (rows[i].gzip ? SIO_HTTP_OFFER(SIO_HTTP_GZIP) : 0u) |
                           (rows[i].deflate ? SIO_HTTP_OFFER(SIO_HTTP_DEFLATE) : 0u) |
                           (rows[i].brotli ? SIO_HTTP_OFFER(SIO_HTTP_BROTLI) : 0u);
        sio_str header = {rows[i].header, strlen(rows[i].header)};
        ck_assert_int_eq(sio_http_choose_encoding(header, offered), rows[i].want);
    }
    ck_assert_str_eq(sio_http_encoding_name(SIO_HTTP_BROTLI), "br");
}
END_TEST

/* A long header costs one pass. */
START_TEST(test_a_huge_header) {
    enum { LEN = 1 << 20 };
    char *text = malloc(LEN);
    for (size_t i = 0; i < LEN; i++) {
        text[i] = "x;q=0.1,"[i % 8];
    }
    memcpy(text + LEN - 8, ",deflate", 8);
    ck_assert_int_eq(sio_http_accept_encoding((sio_str){text, LEN}), SIO_HTTP_DEFLATE);
    free(text);
}
END_TEST

int main(void) {
    Suite *s = suite_create("http_encoding");
    TCase *tc = tcase_create("all");
    tcase_add_loop_test(tc, test_negotiation, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, test_absent);
    tcase_add_test(tc, test_choice_among_what_is_offered);
    tcase_add_test(tc, test_a_huge_header);
    suite_add_tcase(s, tc);
    return test_run(s);
}
