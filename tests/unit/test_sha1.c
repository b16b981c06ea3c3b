#include "support.h"

#include "sha1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(const void *data, size_t len, const char *expected) {
    uint8_t digest[SIO_SHA1_LEN];
    char hex[2 * SIO_SHA1_LEN + 1];
    sio_sha1(digest, data, len);
    for (int i = 0; i < SIO_SHA1_LEN; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    ck_assert_str_eq(hex, expected);
}

/* RFC 3174 §7.3 and FIPS 180. */
START_TEST(known_digests) {
    check("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    check(million, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(million);
}
END_TEST

/* Lengths around the padding's and the block's end. */
START_TEST(lengths_around_a_block) {
    static const struct {
        size_t len;
        const char *digest;
    } cases[] = {
        {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
        {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
        {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
        {119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
        {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
    };
    char text[128];
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(text, cases[i].len, cases[i].digest);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sha1");
    TCase *tc = tcase_create("sha1");
    tcase_add_test(tc, known_digests);
    tcase_add_test(tc, lengths_around_a_block);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
