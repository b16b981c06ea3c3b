#include "support.h"

#include "net/table.h"

/* The published vector of the empty message under the key 00 01 .. 0f. */
START_TEST(siphash_gives_the_known_values) {
    static const uint64_t seed[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    static const uint64_t first = 0xabac0158050fc4dcu;
    uint8_t message[64];
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (uint8_t)i;
    }
    ck_assert_uint_eq(sio_siphash13(seed, message, 0), first);
    /* No two lengths agree, and each bit of the key counts. */
    for (size_t a = 0; a < sizeof message; a++) {
        for (size_t b = 0; b < a; b++) {
            ck_assert_uint_ne(sio_siphash13(seed, message, a), sio_siphash13(seed, message, b));
        }
    }
    for (int bit = 0; bit < 128; bit++) {
        uint64_t other[2] = {seed[0], seed[1]};
        other[bit / 64] ^= (uint64_t)1 << bit % 64;
        ck_assert_uint_ne(sio_siphash13(other, message, 20), sio_siphash13(seed, message, 20));
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_siphash");
    TCase *tc = tcase_create("net_siphash");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, siphash_gives_the_known_values);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
