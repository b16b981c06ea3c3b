#include "support.h"

#include "json_plain.h"
#include "json_scan.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

/* Validate an exact heap copy, so that ASan sees a read past the end. */
static int validate(const char *text, size_t len, uint32_t max_depth) {
    char *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    int rc = sio_json_validate(copy, len, max_depth);
    free(copy);
    return rc;
}

START_TEST(accepts_what_json_parse_accepts) {
    static const char *const texts[] = {
        "0",
        "-0",
        "1.5",
        "-1.25e+10",
        "1E5",
        "1e-5",
        "1e400",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "\"\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\uDEAD\\uBEEF\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\"",
        "\"\x7F\xC3\xA9\xF0\x9F\x98\x80\"",
        "[]",
        "{}",
        " \t\r\n[ 1 , [ ] , { } , { \"a\" : 1 , \"b\" : [ null ] } ] \n",
        "{\"\":{\"\":[[],[{}]]}}",
        "{\"a\":1,\"a\":2}",
        "\"a string of more than sixteen bytes\"",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int rc = validate(texts[i], strlen(texts[i]), 0);
        ck_assert_msg(rc == 0, "%s gives %d", texts[i], rc);
    }
}
END_TEST

START_TEST(refuses_what_json_parse_refuses) {
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        {"", SIO_ERR_JSON_SYNTAX},
        {" ", SIO_ERR_JSON_SYNTAX},
        {"[01]", SIO_ERR_JSON_SYNTAX},
        {"[1.]", SIO_ERR_JSON_SYNTAX},
        {"[.5]", SIO_ERR_JSON_SYNTAX},
        {"[+1]", SIO_ERR_JSON_SYNTAX},
        {"[-]", SIO_ERR_JSON_SYNTAX},
        {"[-01]", SIO_ERR_JSON_SYNTAX},
        {"[1e]", SIO_ERR_JSON_SYNTAX},
        {"[1e+]", SIO_ERR_JSON_SYNTAX},
        {"[1.e1]", SIO_ERR_JSON_SYNTAX},
        {"[0x1]", SIO_ERR_JSON_SYNTAX},
        {"[NaN]", SIO_ERR_JSON_SYNTAX},
        {"[Infinity]", SIO_ERR_JSON_SYNTAX},
        {"\xEF\xBB\xBF[]", SIO_ERR_JSON_SYNTAX},
        {"[1]x", SIO_ERR_JSON_TRAILING},
        {"[1][2]", SIO_ERR_JSON_TRAILING},
        {"1 2", SIO_ERR_JSON_TRAILING},
        {"true1", SIO_ERR_JSON_TRAILING},
        {"[1,]", SIO_ERR_JSON_SYNTAX},
        {"[,1]", SIO_ERR_JSON_SYNTAX},
        {"[1,,2]", SIO_ERR_JSON_SYNTAX},
        {"[1 2]", SIO_ERR_JSON_SYNTAX},
        {"[", SIO_ERR_JSON_SYNTAX},
        {"[1", SIO_ERR_JSON_SYNTAX},
        {"[1,", SIO_ERR_JSON_SYNTAX},
        {"]", SIO_ERR_JSON_SYNTAX},
        {"[}", SIO_ERR_JSON_SYNTAX},
        {"[[1}]", SIO_ERR_JSON_SYNTAX},
        {"{]", SIO_ERR_JSON_SYNTAX},
        {"{", SIO_ERR_JSON_SYNTAX},
        {"{\"a\"", SIO_ERR_JSON_SYNTAX},
        {"{\"a\":", SIO_ERR_JSON_SYNTAX},
        {"{\"a\":}", SIO_ERR_JSON_SYNTAX},
        {"{\"a\":1", SIO_ERR_JSON_SYNTAX},
        {"{\"a\":1,", SIO_ERR_JSON_SYNTAX},
        {"{\"a\":1,}", SIO_ERR_JSON_SYNTAX},
        {"{\"a\" 1}", SIO_ERR_JSON_SYNTAX},
        {"{\"a\"::1}", SIO_ERR_JSON_SYNTAX},
        {"{,}", SIO_ERR_JSON_SYNTAX},
        {"{a:1}", SIO_ERR_JSON_SYNTAX},
        {"{'a':1}", SIO_ERR_JSON_SYNTAX},
        {"{1:1}", SIO_ERR_JSON_SYNTAX},
        {"{null:1}", SIO_ERR_JSON_SYNTAX},
        {"tru", SIO_ERR_JSON_SYNTAX},
        {"True", SIO_ERR_JSON_SYNTAX},
        {"nul\x01", SIO_ERR_JSON_SYNTAX},
        {"\"", SIO_ERR_JSON_SYNTAX},
        {"\"abc", SIO_ERR_JSON_SYNTAX},
        {"\"\\\"", SIO_ERR_JSON_SYNTAX},
        {"\"\\", SIO_ERR_JSON_SYNTAX},
        {"\"\\x41\"", SIO_ERR_JSON_SYNTAX},
        {"\"\\'\"", SIO_ERR_JSON_SYNTAX},
        {"\"\\u12\"", SIO_ERR_JSON_SYNTAX},
        {"\"\\u12g4\"", SIO_ERR_JSON_SYNTAX},
        {"\"\\u", SIO_ERR_JSON_SYNTAX},
        {"\"\\U0041\"", SIO_ERR_JSON_SYNTAX},
        {"\"\t\"", SIO_ERR_JSON_SYNTAX},
        {"\"\n\"", SIO_ERR_JSON_SYNTAX},
        {"\"\x1F\"", SIO_ERR_JSON_SYNTAX},
        {"\"\xFF\xFE\"", SIO_ERR_JSON_UTF8},
        {"\"\xC0\x80\"", SIO_ERR_JSON_UTF8},
        {"\"\xED\xA0\x80\"", SIO_ERR_JSON_UTF8},
        {"\"\xE2\x82\"", SIO_ERR_JSON_UTF8},
        {"\"\xE2", SIO_ERR_JSON_UTF8},
        {"{\"\xFF\":1}", SIO_ERR_JSON_UTF8},
        {"[\x0B]", SIO_ERR_JSON_SYNTAX},
        {"[\xC2\xA0]", SIO_ERR_JSON_SYNTAX},
        {"[1]//", SIO_ERR_JSON_TRAILING},
        {"[1/**/]", SIO_ERR_JSON_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = validate(cases[i].text, strlen(cases[i].text), 0);
        ck_assert_msg(rc == cases[i].rc, "%s gives %d", cases[i].text, rc);
    }
    ck_assert_int_eq(validate("[1]\0", 4, 0), SIO_ERR_JSON_TRAILING);
    ck_assert_int_eq(validate("\"a\0b\"", 5, 0), SIO_ERR_JSON_SYNTAX);
    ck_assert_int_eq(validate("[\0]", 3, 0), SIO_ERR_JSON_SYNTAX);
}
END_TEST

START_TEST(every_cut_text_is_refused) {
    static const char text[] = "[\"a string of more than sixteen bytes \\u00e9\\n "
                               "\xF0\x9F\x98\x80\",-1.5e+3,true,false,null,"
                               "{\"_placeholder\":true,\"num\":0,\"k\":[{}]}]";
    size_t len = sizeof(text) - 1;
    ck_assert_int_eq(validate(text, len, 0), 0);
    for (size_t cut = 0; cut < len; cut++) {
        ck_assert_int_ne(validate(text, cut, 0), 0);
    }
}
END_TEST

START_TEST(special_bytes_are_found_at_every_place) {
    for (size_t len = 3; len < 150; len++) {
        char *text = malloc(len);
        ck_assert_ptr_nonnull(text);
        memset(text, 'a', len);
        text[0] = '"';
        text[len - 1] = '"';
        ck_assert_int_eq(validate(text, len, 0), 0);
        for (size_t at = 1; at < len - 1; at++) {
            static const struct {
                uint8_t byte;
                int rc;
            } bad[] = {{0x00, SIO_ERR_JSON_SYNTAX},
                       {0x1F, SIO_ERR_JSON_SYNTAX},
                       {'"', SIO_ERR_JSON_TRAILING},
                       {0x80, SIO_ERR_JSON_UTF8},
                       {0xFF, SIO_ERR_JSON_UTF8},
                       {0x20, 0},
                       {0x7F, 0}};
            for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                text[at] = (char)bad[i].byte;
                if (validate(text, len, 0) != bad[i].rc) {
                    ck_abort_msg("byte %02x at %zu of %zu", bad[i].byte, at, len);
                }
            }
            text[at] = 'a';
        }
        free(text);
    }
}
END_TEST

START_TEST(the_portable_test_finds_what_the_fast_one_finds) {
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t block[8];
        for (size_t at = 0; at < 8; at++) {
            memset(block, 'a', sizeof(block));
            block[at] = (uint8_t)byte;
            uint64_t word;
            memcpy(&word, block, sizeof(word));
            if ((sio_json_special8(word) == 0) != sio_json_is_plain((uint8_t)byte)) {
                ck_abort_msg("byte %02x at %zu", byte, at);
            }
        }
    }
}
END_TEST

static char *nested(size_t depth, const char *open, const char *close, size_t *len) {
    size_t open_len = strlen(open);
    size_t close_len = strlen(close);
    char *text = malloc(depth * (open_len + close_len) + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < depth; i++) {
        memcpy(text + i * open_len, open, open_len);
        memcpy(text + depth * open_len + 1 + i * close_len, close, close_len);
    }
    text[depth * open_len] = '1';
    *len = depth * (open_len + close_len) + 1;
    return text;
}

static int validate_nested(size_t depth, const char *open, const char *close, uint32_t limit) {
    size_t len;
    char *text = nested(depth, open, close, &len);
    int rc = validate(text, len, limit);
    free(text);
    return rc;
}

START_TEST(depth_limits_are_exact) {
    static const struct {
        uint32_t wanted;
        size_t limit;
    } cases[] = {{0, 256}, {1, 1}, {2, 2}, {63, 63}, {200, 200}, {1024, 1024}, {UINT32_MAX, 1024}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t wanted = cases[i].wanted;
        size_t limit = cases[i].limit;
        ck_assert_int_eq(validate_nested(limit - 1, "[", "]", wanted), 0);
        ck_assert_int_eq(validate_nested(limit, "[", "]", wanted), 0);
        ck_assert_int_eq(validate_nested(limit + 1, "[", "]", wanted), SIO_ERR_JSON_DEPTH);
        ck_assert_int_eq(validate_nested(limit, "{\"a\":", "}", wanted), 0);
        ck_assert_int_eq(validate_nested(limit + 1, "{\"a\":", "}", wanted), SIO_ERR_JSON_DEPTH);
    }
    ck_assert_int_eq(validate_nested(20000, "{\"a\":", "}", 0), SIO_ERR_JSON_DEPTH);
    ck_assert_int_eq(validate_nested(100000, "[", "]", 0), SIO_ERR_JSON_DEPTH);
    ck_assert_int_eq(validate("[[],[],[]]", 10, 2), 0);
}
END_TEST

START_TEST(a_value_is_described) {
    static const struct {
        const char *text;
        sio_kind kind;
        uint32_t at;
        uint32_t len;
        uint8_t flags;
    } cases[] = {
        {" 12 ", SIO_KIND_NUMBER, 1, 2, SIO_JSON_PLAIN_INTEGER},
        {"1.5", SIO_KIND_NUMBER, 0, 3, 0},
        {"1e5", SIO_KIND_NUMBER, 0, 3, 0},
        {"\"a\"", SIO_KIND_STRING, 0, 3, 0},
        {"\"\\n\"", SIO_KIND_STRING, 0, 4, SIO_JSON_ESCAPED},
        {"true", SIO_KIND_BOOL, 0, 4, 0},
        {"false", SIO_KIND_BOOL, 0, 5, 0},
        {"null", SIO_KIND_NULL, 0, 4, 0},
        {"\n[ ]", SIO_KIND_ARRAY, 1, 3, 0},
        {"{}", SIO_KIND_OBJECT, 0, 2, 0},
        {"{\"_placeholder\":true}", SIO_KIND_OBJECT, 0, 21, SIO_JSON_PLACEHOLDER},
    };
    sio_json_scan scan = {.max_depth = 10};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sio_json_elem elem;
        ck_assert_int_eq(sio_json_scan_value(&scan, cases[i].text, strlen(cases[i].text), &elem),
                         0);
        ck_assert_int_eq(elem.kind, cases[i].kind);
        ck_assert_uint_eq(elem.at, cases[i].at);
        ck_assert_uint_eq(elem.len, cases[i].len);
        ck_assert_uint_eq(elem.flags, cases[i].flags);
    }
}
END_TEST

#define P(n) "{\"_placeholder\":true,\"num\":" #n "}"

START_TEST(placeholders_are_marked_outermost_only) {
    static const char text[] = "[" P(0) ",{\"a\":" P(2) "},{\"x\":" P(1) ",\"_placeholder\":true,"
                                                                         "\"num\":1}," P(0) "]";
    sio_json_table marks = {0};
    sio_json_scan scan = {.max_depth = 10, .placeholders = true, .attachments = 3, .marks = &marks};
    ck_assert_int_eq(sio_json_scan_value(&scan, text, sizeof(text) - 1, NULL), 0);
    ck_assert_uint_eq(marks.count, 4);
    static const uint32_t nums[] = {0, 2, 1, 0};
    const sio_json_mark *items = marks.items;
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(items[i].num, nums[i]);
        ck_assert_int_eq(text[items[i].at], '{');
        ck_assert_int_eq(text[items[i].at + items[i].len - 1], '}');
    }
    ck_assert_mem_eq(text + items[2].at, "{\"x\":", 5);
    sio_mem_release(NULL, marks.items);
}
END_TEST

/* The grammar once more, by recursive descent and without any cleverness. */
typedef struct oracle {
    const uint8_t *at;
    const uint8_t *end;
} oracle;

static int oracle_peek(const oracle *o) {
    return o->at < o->end ? *o->at : -1;
}

static void oracle_space(oracle *o) {
    while (oracle_peek(o) == ' ' || oracle_peek(o) == '\t' || oracle_peek(o) == '\n' ||
           oracle_peek(o) == '\r') {
        o->at++;
    }
}

static bool oracle_take(oracle *o, const char *text) {
    for (; *text; text++) {
        if (oracle_peek(o) != *text) {
            return false;
        }
        o->at++;
    }
    return true;
}

static bool oracle_digits(oracle *o) {
    const uint8_t *begin = o->at;
    while (oracle_peek(o) >= '0' && oracle_peek(o) <= '9') {
        o->at++;
    }
    return o->at > begin;
}

static bool oracle_number(oracle *o) {
    oracle_take(o, "-");
    if (!oracle_take(o, "0") && !oracle_digits(o)) {
        return false;
    }
    if (oracle_take(o, ".") && !oracle_digits(o)) {
        return false;
    }
    if (oracle_peek(o) == 'e' || oracle_peek(o) == 'E') {
        o->at++;
        if (!oracle_take(o, "+")) {
            oracle_take(o, "-");
        }
        return oracle_digits(o);
    }
    return true;
}

static bool oracle_string(oracle *o) {
    if (!oracle_take(o, "\"")) {
        return false;
    }
    for (;;) {
        int c = oracle_peek(o);
        o->at++;
        if (c < 0x20 || c >= 0x80) {
            return false; /* the generator makes ASCII only */
        }
        if (c == '"') {
            return true;
        }
        if (c == '\\') {
            c = oracle_peek(o);
            o->at++;
            if (c == 'u') {
                for (int i = 0; i < 4; i++, o->at++) {
                    int h = oracle_peek(o);
                    if (h < 0 || !strchr("0123456789abcdefABCDEF", h) || h == 0) {
                        return false;
                    }
                }
            } else if (c <= 0 || !strchr("\"\\/bfnrt", c)) {
                return false;
            }
        }
    }
}

static bool oracle_value(oracle *o);

static bool oracle_list(oracle *o, bool object) {
    o->at++;
    oracle_space(o);
    const char *close = object ? "}" : "]";
    if (oracle_take(o, close)) {
        return true;
    }
    do {
        oracle_space(o);
        if (object) {
            if (!oracle_string(o)) {
                return false;
            }
            oracle_space(o);
            if (!oracle_take(o, ":")) {
                return false;
            }
        }
        if (!oracle_value(o)) {
            return false;
        }
    } while (oracle_take(o, ","));
    return oracle_take(o, close);
}

static bool oracle_value(oracle *o) {
    oracle_space(o);
    int c = oracle_peek(o);
    bool good;
    if (c == '{' || c == '[') {
        good = oracle_list(o, c == '{');
    } else if (c == '"') {
        good = oracle_string(o);
    } else if (c == 't' || c == 'f' || c == 'n') {
        good = oracle_take(o, c == 't' ? "true" : c == 'f' ? "false" : "null");
    } else {
        good = oracle_number(o);
    }
    oracle_space(o);
    return good;
}

START_TEST(random_texts_agree_with_the_grammar) {
    static const char *const pieces[] = {"[",  "]",    "{",    "}",     ",",    ":",      "\"",
                                         "\\", "\\\"", "\\u0", "0",     "1",    "-",      ".",
                                         "e",  "+",    "true", "false", "null", "\"k\":", " ",
                                         "a",  "[]",   "{}",   "\"s\"", "1,",   "\t"};
    enum { PIECES = sizeof(pieces) / sizeof(pieces[0]) };
    uint32_t state = 1;
    int accepted = 0;
    for (int round = 0; round < 300000; round++) {
        char text[64];
        size_t len = 0;
        size_t count = 1 + round % 9;
        for (size_t i = 0; i < count; i++) {
            state = state * 1664525 + 1013904223;
            const char *piece = pieces[(state >> 8) % PIECES];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        oracle o = {(uint8_t *)text, (uint8_t *)text + len};
        bool expected = oracle_value(&o) && o.at == o.end;
        bool got = sio_json_validate(text, len, 0) == 0;
        if (got != expected) {
            ck_abort_msg("%.*s is %s", (int)len, text, got ? "accepted" : "refused");
        }
        accepted += got;
    }
    ck_assert_int_gt(accepted, 1000);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_scan");
    TCase *tc = tcase_create("json_scan");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, accepts_what_json_parse_accepts);
    tcase_add_test(tc, refuses_what_json_parse_refuses);
    tcase_add_test(tc, every_cut_text_is_refused);
    tcase_add_test(tc, special_bytes_are_found_at_every_place);
    tcase_add_test(tc, the_portable_test_finds_what_the_fast_one_finds);
    tcase_add_test(tc, depth_limits_are_exact);
    tcase_add_test(tc, a_value_is_described);
    tcase_add_test(tc, placeholders_are_marked_outermost_only);
    tcase_add_test(tc, random_texts_agree_with_the_grammar);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
