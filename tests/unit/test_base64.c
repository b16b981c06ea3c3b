#include "support.h"

#include "base64.h"

#include <stdlib.h>
#include <string.h>

/* RFC 4648 §10, and bytes that need the last two characters of the alphabet. */
static const struct {
    const char *plain;
    size_t len;
    const char *text;
} pairs[] = {
    {"", 0, ""},
    {"f", 1, "Zg=="},
    {"fo", 2, "Zm8="},
    {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg=="},
    {"fooba", 5, "Zm9vYmE="},
    {"foobar", 6, "Zm9vYmFy"},
    {"\0", 1, "AA=="},
    {"\xfb\xff\xbf", 3, "+/+/"},
    {"\xff\xff", 2, "//8="},
};

static int decode(const char *text, size_t len, uint8_t *out, size_t *out_len) {
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    int rc = sio_base64_decode(out, out_len, copy, len);
    free(copy);
    return rc;
}

START_TEST(encodes_the_rfc_vectors) {
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        sio_buf buf = {0};
        ck_assert_int_eq(sio_base64_add(&buf, pairs[i].plain, pairs[i].len), 0);
        ck_assert_uint_eq(buf.len, strlen(pairs[i].text));
        ck_assert_uint_eq(buf.len, sio_base64_encoded_len(pairs[i].len));
        if (buf.len > 0) {
            ck_assert_mem_eq(buf.data, pairs[i].text, buf.len);
        }
        sio_buf_free(&buf);
    }
}
END_TEST

START_TEST(decodes_with_and_without_padding) {
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        size_t full = strlen(pairs[i].text);
        const char *pad = strchr(pairs[i].text, '=');
        size_t bare = pad ? (size_t)(pad - pairs[i].text) : full;
        uint8_t out[8];
        for (int whole = 0; whole < 2; whole++) {
            size_t len = 99;
            ck_assert_int_eq(decode(pairs[i].text, whole ? full : bare, out, &len), 0);
            ck_assert_uint_eq(len, pairs[i].len);
            if (len > 0) {
                ck_assert_mem_eq(out, pairs[i].plain, len);
            }
        }
    }
}
END_TEST

/* As Buffer.from(text, "base64") does. */
START_TEST(decodes_with_half_of_the_padding) {
    uint8_t out[8];
    size_t len;
    ck_assert_int_eq(decode("AQIDBA=", 7, out, &len), 0);
    ck_assert_uint_eq(len, 4);
    ck_assert_mem_eq(out, "\1\2\3\4", 4);
    ck_assert_int_eq(decode("Zg=", 3, out, &len), 0);
    ck_assert_uint_eq(len, 1);
    ck_assert_int_eq(out[0], 'f');
    sio_buf buf = {0};
    ck_assert_int_eq(sio_base64_add_decoded(&buf, "AQIDBA=", 7), 0);
    ck_assert_uint_eq(buf.len, 4);
    sio_buf_free(&buf);
}
END_TEST

START_TEST(decodes_the_url_alphabet) {
    uint8_t out[8];
    size_t len;
    ck_assert_int_eq(decode("-_-_", 4, out, &len), 0);
    ck_assert_uint_eq(len, 3);
    ck_assert_mem_eq(out, "\xfb\xff\xbf", 3);
    ck_assert_int_eq(decode("+_-/", 4, out, &len), 0);
    ck_assert_mem_eq(out, "\xfb\xff\xbf", 3);
}
END_TEST

START_TEST(refuses_everything_else) {
    static const char *const bad[] = {
        "A",
        "AAAAA",
        "=",
        "==",
        "===",
        "====",
        "A=",
        "A==",
        "A===",
        "AAA==",
        "AA==AA==",
        "AA=A",
        "=AAA",
        " AAAA",
        "AAAA ",
        "AA AA",
        "AAAA\n",
        "AAA\r\n",
        "AA\tA",
        "AA.A",
        "AA*A",
        "AA\x80"
        "A",
        "AA\xff"
        "A",
        "A\xc3\xa9"
        "A",
        "AAAA====",
        "AAAA=",
        "AAAA==",
        "AA!",
        "A,",
        "AAA=AAA=",
        "A==A=",
        "AAAAA===",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t out[16];
        size_t len = 77;
        ck_assert_msg(decode(bad[i], strlen(bad[i]), out, &len) == SIO_ERR_INVALID, "%s", bad[i]);
        ck_assert_uint_eq(len, 77);
        sio_buf buf = {0};
        sio_buf_add_text(&buf, "x");
        ck_assert_int_eq(sio_base64_add_decoded(&buf, bad[i], strlen(bad[i])), SIO_ERR_INVALID);
        ck_assert_uint_eq(buf.len, 1);
        sio_buf_free(&buf);
    }
    uint8_t out[8];
    size_t len;
    ck_assert_int_eq(decode("AA\0A", 4, out, &len), SIO_ERR_INVALID);
}
END_TEST

/* The tables agree with the definition of the two alphabets for each of the 256 bytes. */
START_TEST(knows_each_character) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    for (int c = 1; c < 256; c++) {
        char text[4] = {(char)c, 'A', 'A', 'A'};
        const char *at = strchr(letters, c);
        uint8_t out[4];
        size_t len;
        int rc = decode(text, 4, out, &len);
        ck_assert_int_eq(rc, at ? 0 : SIO_ERR_INVALID);
        if (at) {
            size_t value = (size_t)(at - letters);
            ck_assert_int_eq(out[0] >> 2, (int)(value < 64 ? value : value - 2));
        }
    }
}
END_TEST

START_TEST(every_length_comes_back_also_in_place) {
    uint8_t plain[100];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    }
    for (size_t n = 0; n <= sizeof(plain); n++) {
        sio_buf buf = {0};
        ck_assert_int_eq(sio_base64_add(&buf, plain, n), 0);
        sio_buf decoded = {0};
        ck_assert_int_eq(sio_base64_add_decoded(&decoded, (char *)buf.data, buf.len), 0);
        ck_assert_uint_eq(decoded.len, n);
        size_t len;
        ck_assert_int_eq(sio_base64_decode(buf.data, &len, (char *)buf.data, buf.len), 0);
        ck_assert_uint_eq(len, n);
        if (n > 0) {
            ck_assert_mem_eq(decoded.data, plain, n);
            ck_assert_mem_eq(buf.data, plain, n);
        }
        sio_buf_free(&decoded);
        sio_buf_free(&buf);
    }
}
END_TEST

/* The definition, bit by bit (RFC 4648 §4). */
static size_t plain_encode(char *out, const uint8_t *data, size_t len) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t written = 0;
    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned value = 0;
        for (size_t i = bit; i < bit + 6; i++) {
            value = value << 1 | (i < len * 8 ? data[i / 8] >> (7 - i % 8) & 1u : 0u);
        }
        out[written++] = letters[value];
    }
    while (written % 4 != 0) {
        out[written++] = '=';
    }
    return written;
}

/* Several groups are taken at a time: at each length, from and to each alignment, in memory that
 * ends where they end. */
START_TEST(every_length_and_alignment) {
    enum { LEN_MAX = 40, SHIFTS = 8 };
    uint8_t plain[LEN_MAX];
    char expected[LEN_MAX * 2];
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(i * 167 + 251);
    }
    for (size_t n = 0; n <= LEN_MAX; n++) {
        size_t text_len = plain_encode(expected, plain, n);
        for (size_t shift = 0; shift < SHIFTS; shift++) {
            uint8_t *data = malloc(shift + n + 1);
            char *text = malloc(shift + text_len + 1);
            memcpy(data + 1 + shift, plain, n);
            sio_base64_encode(text + 1 + shift, data + 1 + shift, n);
            ck_assert(memcmp(text + 1 + shift, expected, text_len) == 0);
            memset(data, 0x55, shift + n + 1);
            size_t len;
            size_t bare = (n * 8 + 5) / 6; /* so that the room is exactly what is needed */
            ck_assert_int_eq(sio_base64_decode(data + 1 + shift, &len, text + 1 + shift,
                                               n % 3 ? bare : text_len),
                             0);
            ck_assert_uint_eq(len, n);
            ck_assert(memcmp(data + 1 + shift, plain, n) == 0);
            ck_assert_int_eq(data[shift], 0x55);
            free(text);
            free(data);
        }
    }
}
END_TEST

START_TEST(a_bad_character_is_found_at_each_place) {
    static const char bad[] = {' ', '=', '\0', '\n', '.', '\x7f', '\x80', '\xc1', '\xff'};
    char text[41];
    uint8_t out[41];
    for (size_t n = 4; n <= 40; n++) {
        for (size_t at = 0; at < n; at++) {
            for (size_t i = 0; i < sizeof(bad); i++) {
                bool padding = bad[i] == '=' && at + 1 == n && (n % 4 == 0 || n % 4 == 3);
                size_t len = 77;
                memset(text, 'x', n);
                text[at] = bad[i];
                int rc = decode(text, n, out, &len);
                ck_assert_int_eq(rc, padding ? 0 : SIO_ERR_INVALID);
                ck_assert(padding || len == 77);
            }
        }
    }
}
END_TEST

START_TEST(lengths_do_not_wrap) {
    ck_assert_uint_eq(sio_base64_encoded_len(SIZE_MAX), SIZE_MAX);
    ck_assert_uint_eq(sio_base64_encoded_len(SIZE_MAX / 4 * 3), SIZE_MAX - 3);
    ck_assert_uint_eq(sio_base64_encoded_len(SIZE_MAX / 4 * 3 + 1), SIZE_MAX);
    sio_buf buf = {0};
    ck_assert_int_eq(sio_base64_add(&buf, "", SIZE_MAX), SIO_ERR_LIMIT);
    ck_assert_uint_le(sio_base64_decoded_max(SIZE_MAX), SIZE_MAX / 4 * 3 + 3);
}
END_TEST

START_TEST(the_buffers_maximum_counts_decoded_bytes) {
    sio_buf buf;
    sio_buf_init(&buf, 3, NULL);
    ck_assert_int_eq(sio_base64_add_decoded(&buf, "Zm9vYg==", 8), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_base64_add_decoded(&buf, "Zm9v", 4), 0);
    ck_assert_int_eq(sio_base64_add(&buf, "a", 1), SIO_ERR_LIMIT);
    ck_assert_uint_eq(buf.len, 3);
    sio_buf_free(&buf);
}
END_TEST

static int both_ways(const sio_mem *mem, void *arg) {
    sio_buf text;
    sio_buf plain;
    sio_buf_init(&text, 0, mem);
    sio_buf_init(&plain, 0, mem);
    int rc = sio_base64_add(&text, "some bytes", 10);
    if (rc == 0) {
        rc = sio_base64_add_decoded(&plain, (char *)text.data, text.len);
    }
    sio_buf_free(&text);
    sio_buf_free(&plain);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(both_ways, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base64");
    TCase *tc = tcase_create("base64");
    tcase_add_test(tc, encodes_the_rfc_vectors);
    tcase_add_test(tc, decodes_with_and_without_padding);
    tcase_add_test(tc, decodes_with_half_of_the_padding);
    tcase_add_test(tc, decodes_the_url_alphabet);
    tcase_add_test(tc, refuses_everything_else);
    tcase_add_test(tc, knows_each_character);
    tcase_add_test(tc, every_length_comes_back_also_in_place);
    tcase_add_test(tc, every_length_and_alignment);
    tcase_add_test(tc, a_bad_character_is_found_at_each_place);
    tcase_add_test(tc, lengths_do_not_wrap);
    tcase_add_test(tc, the_buffers_maximum_counts_decoded_bytes);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
