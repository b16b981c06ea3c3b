#include "support.h"

#include "ws_mask.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t key[4] = {0x12, 0xff, 0x00, 0xa5};

enum { SIZE = 300, MARGIN = 16 };

static void check(size_t shift, size_t len, size_t offset, bool payload) {
    uint8_t data[MARGIN + SIZE + 2 * MARGIN];
    uint8_t expected[sizeof(data)];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = expected[i] = (uint8_t)(i * 7);
    }
    for (size_t i = 0; i < len; i++) {
        expected[shift + i] ^= key[(offset + i) % 4];
    }
    if (payload) {
        sio_ws_mask_payload(data + shift, len, key);
    } else {
        sio_ws_mask(data + shift, len, key, offset);
    }
    ck_assert_msg(memcmp(data, expected, sizeof(data)) == 0, "shift %zu len %zu offset %zu", shift,
                  len, offset);
}

START_TEST(any_length_alignment_and_offset) {
    for (size_t shift = 0; shift < MARGIN; shift++) {
        for (size_t len = 0; len <= SIZE; len++) {
            check(shift, len, 0, true);
            check(shift, len, shift, false);
        }
    }
    for (size_t offset = 0; offset < 9; offset++) {
        check(1, 130, offset, false);
        check(1, 130, SIZE_MAX - offset, false);
    }
    sio_ws_mask(NULL, 0, key, 3);
}
END_TEST

/* Masking in pieces with running offsets is masking at once. */
START_TEST(pieces_equal_the_whole) {
    uint8_t whole[SIZE];
    uint8_t pieces[SIZE];
    for (size_t step = 1; step < 90; step++) {
        memset(whole, 0x5a, SIZE);
        memset(pieces, 0x5a, SIZE);
        sio_ws_mask(whole, SIZE, key, 0);
        for (size_t at = 0; at < SIZE; at += step) {
            size_t len = SIZE - at < step ? SIZE - at : step;
            sio_ws_mask(pieces + at, len, key, at);
        }
        ck_assert_mem_eq(whole, pieces, SIZE);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_mask");
    TCase *tc = tcase_create("ws_mask");
    tcase_add_test(tc, any_length_alignment_and_offset);
    tcase_add_test(tc, pieces_equal_the_whole);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
