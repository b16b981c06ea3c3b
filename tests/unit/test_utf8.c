#include "support.h"

#include "utf8.h"

#include <stdlib.h>
#include <string.h>

/* The definition, written the slow and obvious way: decode, then look at the value. */
static bool oracle_valid(const uint8_t *data, size_t len) {
    size_t i = 0;
    while (i < len) {
        uint8_t first = data[i++];
        uint32_t value = first;
        size_t due = 0;
        if (first >= 0xF0 && first < 0xF8) {
            due = 3;
            value = first & 0x07;
        } else if (first >= 0xE0 && first < 0xF0) {
            due = 2;
            value = first & 0x0F;
        } else if (first >= 0xC0 && first < 0xE0) {
            due = 1;
            value = first & 0x1F;
        } else if (first >= 0x80) {
            return false;
        }
        static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
        for (size_t k = 0; k < due; k++) {
            if (i == len || (data[i] & 0xC0) != 0x80) {
                return false;
            }
            value = value << 6 | (data[i++] & 0x3F);
        }
        if (value < smallest[due] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
            return false;
        }
    }
    return true;
}

/* Exactly as large as the text, so that ASan sees a read past it. */
static bool check_all_ways(const uint8_t *data, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    bool expected = oracle_valid(copy, len);
    bool whole = sio_utf8_valid(copy, len);
    bool pieces = true;
    for (size_t cut = 0; cut <= len; cut++) {
        uint32_t state = 0;
        bool good =
            sio_utf8_feed(&state, copy, cut) && sio_utf8_feed(&state, copy + cut, len - cut);
        pieces = pieces && (good && sio_utf8_done(state)) == expected;
    }
    free(copy);
    /* One plain test: an assertion of Check costs a system call, and there are a million texts. */
    if (whole != expected || !pieces) {
        ck_abort_msg("%zu bytes from %02x are misjudged", len, data[0]);
    }
    return expected;
}

START_TEST(every_two_byte_text_agrees_with_the_definition) {
    for (unsigned value = 0; value < 0x10000; value++) {
        check_all_ways((const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
    }
}
END_TEST

START_TEST(every_lead_with_edge_tails_agrees_with_the_definition) {
    static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    size_t count = sizeof(edges);
    for (unsigned lead = 0x80; lead < 0x100; lead++) {
        for (size_t i = 0; i < count * count * count; i++) {
            uint8_t text[4] = {(uint8_t)lead, edges[i % count], edges[i / count % count],
                               edges[i / count / count]};
            check_all_ways(text, 3);
            check_all_ways(text, 4);
        }
    }
}
END_TEST

START_TEST(every_scalar_is_valid_and_comes_back) {
    for (uint32_t scalar = 0; scalar <= 0x10FFFF; scalar++) {
        if (scalar >= 0xD800 && scalar < 0xE000) {
            continue;
        }
        char text[4];
        size_t len = sio_utf8_put(text, scalar);
        if (!oracle_valid((const uint8_t *)text, len) || !sio_utf8_valid(text, len)) {
            ck_abort_msg("U+%04X is refused", (unsigned)scalar);
        }
    }
}
END_TEST

START_TEST(a_fault_is_found_at_every_place_of_long_text) {
    uint8_t text[200];
    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'a', sizeof(text));
        ck_assert(sio_utf8_valid(text, sizeof(text)));
        text[at] = 0xFF;
        ck_assert(!sio_utf8_valid(text, sizeof(text)));
        uint32_t state = 0;
        ck_assert(sio_utf8_feed(&state, text, at));
        ck_assert(!sio_utf8_feed(&state, text + at, 1));
    }
}
END_TEST

START_TEST(feeding_fails_at_the_first_impossible_byte) {
    static const struct {
        const char *text;
        size_t good; /* bytes accepted before the first that cannot be */
    } cases[] = {
        {"\x80", 0},         {"\xC0\x80", 0},     {"\xC1\xBF", 0},         {"\xE0\x9F\xBF", 1},
        {"\xED\xA0\x80", 1}, {"\xF0\x8F\xBF", 1}, {"\xF4\x90\x80\x80", 1}, {"\xF5\x80", 0},
        {"\xE2\x82z", 2},    {"a\xC3z", 2},       {"\xF0\x9F\x98z", 3},    {"\xFE", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t state = 0;
        ck_assert(sio_utf8_feed(&state, cases[i].text, cases[i].good));
        ck_assert(!sio_utf8_feed(&state, cases[i].text + cases[i].good, 1));
    }
}
END_TEST

START_TEST(an_open_sequence_is_not_done) {
    uint32_t state = 0;
    ck_assert(sio_utf8_done(state));
    ck_assert(sio_utf8_feed(&state, "x\xF0\x9F\x98", 4));
    ck_assert(!sio_utf8_done(state));
    ck_assert(sio_utf8_feed(&state, "\x80", 1));
    ck_assert(sio_utf8_done(state));
    ck_assert(sio_utf8_valid(NULL, 0));
    ck_assert(sio_utf8_feed(&state, NULL, 0));
}
END_TEST

START_TEST(mixed_scripts_pass) {
    static const char text[] = "plain ASCII first, then \xC3\xA9t\xC3\xA9, \xE4\xBD\xA0\xE5\xA5\xBD"
                               "\xF0\x9F\x98\x80 and a long plain tail that fills some blocks";
    check_all_ways((const uint8_t *)text, sizeof(text) - 1);
    ck_assert(sio_utf8_valid(text, sizeof(text) - 1));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("utf8");
    TCase *tc = tcase_create("utf8");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_two_byte_text_agrees_with_the_definition);
    tcase_add_test(tc, every_lead_with_edge_tails_agrees_with_the_definition);
    tcase_add_test(tc, every_scalar_is_valid_and_comes_back);
    tcase_add_test(tc, a_fault_is_found_at_every_place_of_long_text);
    tcase_add_test(tc, feeding_fails_at_the_first_impossible_byte);
    tcase_add_test(tc, an_open_sequence_is_not_done);
    tcase_add_test(tc, mixed_scripts_pass);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
