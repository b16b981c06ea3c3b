#include "support.h"

#include <sio/ws.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t test_key[4] = {0x37, 0xfa, 0x21, 0x3d};

/* ---- Event logs ---- */

/* What came out, as text: `text:Hello ping:x close:1000:bye !WS_RSV`, long payloads by length. */
typedef struct event_log {
    char text[8192];
    size_t len;
    sio_ws *ws;
    int rc;
} event_log;

static void log_add(event_log *log, const char *data, size_t len) {
    ck_assert_uint_lt(log->len + len, sizeof(log->text));
    memcpy(log->text + log->len, data, len);
    log->len += len;
    log->text[log->len] = '\0';
}

static void log_event(event_log *log, const sio_ws_event *event) {
    static const char *const names[] = {[SIO_WS_TEXT] = "text",
                                        [SIO_WS_BINARY] = "bin",
                                        [SIO_WS_CLOSE] = "close",
                                        [SIO_WS_PING] = "ping",
                                        [SIO_WS_PONG] = "pong"};
    char head[64];
    if (log->len > 0) {
        log_add(log, " ", 1);
    }
    if (event->kind == SIO_WS_CLOSE) {
        log_add(log, head, (size_t)snprintf(head, sizeof(head), "close:%u:", event->code));
    } else {
        log_add(log, head, (size_t)snprintf(head, sizeof(head), "%s:", names[event->kind]));
        ck_assert_uint_eq(event->code, 0);
    }
    if (event->len > 130) {
        log_add(log, head, (size_t)snprintf(head, sizeof(head), "#%zu", event->len));
    } else if (event->len > 0) {
        log_add(log, (const char *)event->data, event->len);
    }
}

/* Pull until nothing more comes. Returns false after an error. */
static bool log_pull(event_log *log) {
    sio_ws_event event = {.kind = SIO_WS_CONTINUATION};
    while ((log->rc = sio_ws_next(log->ws, &event)) == 1) {
        log_event(log, &event);
    }
    if (log->rc < 0) {
        char text[40];
        const char *space = log->len > 0 ? " " : "";
        int len = snprintf(text, sizeof(text), "%s!%s", space, sio_error_name(log->rc));
        log_add(log, text, (size_t)len);
        ck_assert_int_eq(sio_ws_next(log->ws, &event), log->rc);
        ck_assert_int_eq(sio_ws_feed(log->ws, NULL, 0), SIO_ERR_STATE);
    }
    return log->rc == 0;
}

static bool log_feed(void *arg, uint8_t *piece, size_t len) {
    event_log *log = arg;
    ck_assert_int_eq(sio_ws_feed(log->ws, piece, len), 0);
    return log_pull(log);
}

typedef struct decode_case {
    const char *name;
    const sio_buf *wire;
    const char *expected;
    sio_ws_options options;
} decode_case;

static sio_ws *new_ws(const sio_ws_options *options, const sio_mem *mem) {
    sio_ws *ws = NULL;
    ck_assert_int_eq(sio_ws_new(&ws, options, mem), 0);
    return ws;
}

static void decode_cut(const test_cut *cut, void *arg) {
    const decode_case *c = arg;
    test_mem mem;
    test_mem_init(&mem);
    event_log log = {.len = 0, .ws = new_ws(&c->options, &mem.mem)};
    test_feed(cut, c->wire->data, c->wire->len, log_feed, &log);
    ck_assert_msg(strcmp(log.text, c->expected) == 0, "%s (cut %d at %zu): got '%s', not '%s'",
                  c->name, cut->mode, cut->at, log.text, c->expected);
    if (!sio_ws_is_partial(log.ws)) {
        sio_ws_event event;
        sio_ws_next(log.ws, &event);
        ck_assert_uint_eq(mem.live, 1);
        ck_assert_uint_le(mem.live_size, 64);
    }
    sio_ws_free(log.ws);
    ck_assert_uint_eq(mem.live, 0);
}

/* ---- Building input ---- */

typedef struct frame {
    uint8_t first; /* FIN, RSV, opcode */
    const char *data;
    size_t len;
} frame;

#define F(first, text)                                                                             \
    { (first), (text), sizeof(text) - 1 }

/* Any first byte, which the library's encoder would not write. */
static void put_frame(sio_buf *wire, const frame *f, sio_ws_role role) {
    uint8_t header[SIO_WS_HEADER_MAX];
    const uint8_t *key = role == SIO_WS_SERVER ? test_key : NULL;
    size_t size = sio_ws_write_header(header, SIO_WS_TEXT, true, false, f->len, key);
    header[0] = f->first;
    ck_assert_int_eq(sio_buf_add(wire, header, size), 0);
    ck_assert_int_eq(sio_buf_add(wire, f->data, f->len), 0);
    if (key && f->len > 0) {
        sio_ws_mask(wire->data + wire->len - f->len, f->len, key, 0);
    }
}

static void check_wire(const char *name, const sio_buf *wire, const char *expected,
                       sio_ws_options options) {
    decode_case c = {name, wire, expected, options};
    if (wire->len <= 600) {
        test_each_cut(wire->len, decode_cut, &c);
    } else {
        decode_cut(&(test_cut){.mode = 0}, &c);
        decode_cut(&(test_cut){.mode = 1}, &c);
        for (size_t at = 1; at < wire->len; at += wire->len / 61) {
            decode_cut(&(test_cut){.mode = 2, .at = at}, &c);
        }
    }
}

static void check_frames(const char *name, const frame *frames, const char *expected) {
    for (int role = SIO_WS_SERVER; role <= SIO_WS_CLIENT; role++) {
        sio_buf wire = {0};
        for (const frame *f = frames; f->data; f++) {
            put_frame(&wire, f, (sio_ws_role)role);
        }
        sio_ws_options options = SIO_WS_OPTIONS_INIT;
        options.role = (sio_ws_role)role;
        check_wire(name, &wire, expected, options);
        sio_buf_free(&wire);
    }
}

/* ---- Frames and messages: RFC 6455 §5.2 to §5.5, Autobahn groups 2 to 5 ---- */

#define A125                                                                                       \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aa"                                                                                           \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *name;
    frame frames[12];
    const char *expected;
} cases[] = {
    {"text", {F(0x81, "Hello")}, "text:Hello"},
    {"empty text", {F(0x81, "")}, "text:"},
    {"empty binary", {F(0x82, "")}, "bin:"},
    {"several", {F(0x81, "a"), F(0x82, "b\xff"), F(0x81, "c")}, "text:a bin:b\xff text:c"},
    {"125", {F(0x82, A125)}, "bin:" A125},
    {"ping", {F(0x89, "")}, "ping:"},
    {"ping with text", {F(0x89, "Hello")}, "ping:Hello"},
    {"ping with binary", {F(0x89, "\xfe\xff")}, "ping:\xfe\xff"},
    {"ping 125", {F(0x89, A125), F(0x81, "x")}, "ping:" A125 " text:x"},
    {"ping 126", {F(0x81, "x"), F(0x89, A125 "a")}, "text:x !WS_CONTROL"},
    {"pong unasked", {F(0x8A, "p"), F(0x89, "q")}, "pong:p ping:q"},
    {"many pings",
     {F(0x89, "1"), F(0x89, "2"), F(0x89, "3"), F(0x89, "4"), F(0x89, "5")},
     "ping:1 ping:2 ping:3 ping:4 ping:5"},
    {"rsv1", {F(0x81, "x"), F(0xC1, "y"), F(0x89, "")}, "text:x !WS_RSV"},
    {"rsv2", {F(0x81, "x"), F(0xA1, "y")}, "text:x !WS_RSV"},
    {"rsv3", {F(0x81, "x"), F(0x91, "y")}, "text:x !WS_RSV"},
    {"rsv2 rsv3", {F(0xB2, "y")}, "!WS_RSV"},
    {"rsv all", {F(0xF1, "y")}, "!WS_RSV"},
    {"rsv ping", {F(0xC9, "")}, "!WS_RSV"},
    {"rsv close", {F(0xD8, "")}, "!WS_RSV"},
    {"opcode 3", {F(0x83, "")}, "!WS_OPCODE"},
    {"opcode 4", {F(0x84, "x")}, "!WS_OPCODE"},
    {"opcode 5", {F(0x81, "x"), F(0x85, ""), F(0x89, "")}, "text:x !WS_OPCODE"},
    {"opcode 6", {F(0x86, "")}, "!WS_OPCODE"},
    {"opcode 7", {F(0x07, "")}, "!WS_OPCODE"},
    {"opcode 11", {F(0x8B, "")}, "!WS_OPCODE"},
    {"opcode 12", {F(0x8C, "x")}, "!WS_OPCODE"},
    {"opcode 13", {F(0x8D, "")}, "!WS_OPCODE"},
    {"opcode 14", {F(0x8E, "")}, "!WS_OPCODE"},
    {"opcode 15", {F(0x81, "x"), F(0x8F, "x")}, "text:x !WS_OPCODE"},
    {"fragmented ping", {F(0x09, "a"), F(0x80, "b")}, "!WS_CONTROL"},
    {"fragmented pong", {F(0x0A, "a"), F(0x80, "b")}, "!WS_CONTROL"},
    {"fragmented close", {F(0x08, ""), F(0x80, "")}, "!WS_CONTROL"},
    {"two fragments", {F(0x01, "Hel"), F(0x80, "lo")}, "text:Hello"},
    {"binary fragments", {F(0x02, "\xff"), F(0x00, "\xfe"), F(0x80, "\xfd")}, "bin:\xff\xfe\xfd"},
    {"ping between", {F(0x01, "Hel"), F(0x89, "p"), F(0x80, "lo")}, "ping:p text:Hello"},
    {"pings between",
     {F(0x01, "a"), F(0x00, "b"), F(0x89, "1"), F(0x00, "c"), F(0x00, "d"), F(0x8A, "2"),
      F(0x80, "e"), F(0x81, "f")},
     "ping:1 pong:2 text:abcde text:f"},
    {"empty fragments",
     {F(0x01, ""), F(0x00, ""), F(0x00, "x"), F(0x00, ""), F(0x80, "")},
     "text:x"},
    {"only empty fragments", {F(0x02, ""), F(0x00, ""), F(0x80, ""), F(0x81, "n")}, "bin: text:n"},
    {"continuation of nothing", {F(0x80, "x"), F(0x81, "y")}, "!WS_CONTINUATION"},
    {"open continuation of nothing", {F(0x81, "y"), F(0x00, "x")}, "text:y !WS_CONTINUATION"},
    {"continuation after the end",
     {F(0x01, "a"), F(0x80, "b"), F(0x80, "c")},
     "text:ab !WS_CONTINUATION"},
    {"new message inside", {F(0x01, "a"), F(0x81, "b")}, "!WS_CONTINUATION"},
    {"new binary inside", {F(0x01, "a"), F(0x89, ""), F(0x02, "b")}, "ping: !WS_CONTINUATION"},
    /* Closing: §5.5.1, §7.4, Autobahn group 7. */
    {"close", {F(0x88, "")}, "close:1005:"},
    {"close 1000", {F(0x88, "\x03\xe8")}, "close:1000:"},
    {"close reason", {F(0x88, "\x03\xe8going")}, "close:1000:going"},
    {"close 1 byte", {F(0x88, "\x03")}, "!WS_CLOSE_CODE"},
    {"close bad utf8", {F(0x88, "\x03\xe8\xce\xba\xed\xa0\x80")}, "!WS_UTF8"},
    {"close cut utf8", {F(0x88, "\x03\xe8\xce")}, "!WS_UTF8"},
    {"close too long", {F(0x88, "\x03\xe8" A125)}, "!WS_CONTROL"},
    {"after close",
     {F(0x88, "\x03\xe8"), F(0x81, "x"), F(0x89, "p"), F(0x88, ""), F(0xFF, "y")},
     "close:1000:"},
    {"close inside a message", {F(0x01, "a"), F(0x88, "\x03\xe9"), F(0x80, "b")}, "close:1001:"},
    {"message before close", {F(0x81, "x"), F(0x88, "")}, "text:x close:1005:"},
};

START_TEST(frames_in_both_roles_and_any_cut) {
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_frames(cases[i].name, cases[i].frames, cases[i].expected);
    }
}
END_TEST

START_TEST(close_codes) {
    static const struct {
        uint16_t first, last;
    } valid[] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};
    for (uint32_t code = 0; code <= UINT16_MAX; code++) {
        bool expected = false;
        for (size_t i = 0; i < 3; i++) {
            expected |= code >= valid[i].first && code <= valid[i].last;
        }
        uint8_t wire[4] = {0x88, 2, (uint8_t)(code >> 8), (uint8_t)code};
        sio_ws_options options = SIO_WS_OPTIONS_INIT;
        options.role = SIO_WS_CLIENT;
        sio_ws *ws = new_ws(&options, NULL);
        sio_ws_event event;
        ck_assert_int_eq(sio_ws_feed(ws, wire, sizeof(wire)), 0);
        int rc = sio_ws_next(ws, &event);
        ck_assert_msg(rc == (expected ? 1 : SIO_ERR_WS_CLOSE_CODE), "code %u gave %d", code, rc);
        if (rc == 1) {
            ck_assert_uint_eq(event.code, code);
        }
        sio_ws_free(ws);
    }
}
END_TEST

START_TEST(sizes_around_the_length_forms) {
    static const size_t sizes[] = {0, 1, 125, 126, 127, 128, 65535, 65536, 65537};
    uint8_t *payload = malloc(65537);
    memset(payload, '*', 65537);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        frame frames[] = {{0x81, (char *)payload, sizes[i]}, F(0x89, "p"), {0, NULL, 0}};
        char expected[200];
        if (sizes[i] > 130) {
            snprintf(expected, sizeof(expected), "text:#%zu ping:p", sizes[i]);
        } else {
            snprintf(expected, sizeof(expected), "text:%.*s ping:p", (int)sizes[i],
                     (char *)payload);
        }
        check_frames("size", frames, expected);
    }
    free(payload);
}
END_TEST

/* ---- Headers that lie ---- */

static void check_raw(const char *name, const void *bytes, size_t len, const char *expected,
                      uint64_t max) {
    for (int role = SIO_WS_SERVER; role <= SIO_WS_CLIENT; role++) {
        sio_buf wire = {0};
        sio_buf_add(&wire, bytes, len);
        if (role == SIO_WS_SERVER && len > 1) {
            wire.data[1] |= 0x80;
            sio_buf_add(&wire, test_key, 4);
        }
        sio_ws_options options = SIO_WS_OPTIONS_INIT;
        options.role = (sio_ws_role)role;
        options.max_message = max;
        check_wire(name, &wire, expected, options);
        sio_buf_free(&wire);
    }
}

#define RAW(text, expected, max) check_raw(text, text, sizeof(text) - 1, expected, max)

START_TEST(lengths_must_be_in_their_shortest_form) {
    RAW("\x82\x7e\x00\x00", "!WS_LENGTH", 0);
    RAW("\x82\x7e\x00\x7d", "!WS_LENGTH", 0);
    RAW("\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01", "!WS_LENGTH", 0);
    RAW("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", "!WS_LENGTH", 0);
    RAW("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "!WS_LENGTH", 0);
    RAW("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "!WS_LENGTH", UINT64_MAX);
    RAW("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x05", "!WS_LENGTH", UINT64_MAX);
}
END_TEST

START_TEST(announced_sizes_are_refused_from_the_header) {
    RAW("\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x05", "!WS_TOO_LARGE", 0);
    RAW("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "!WS_TOO_LARGE", 0);
    RAW("\x82\x7f\x00\x00\x00\x00\x00\x0f\x42\x41", "!WS_TOO_LARGE", 0);
    RAW("\x82\x7f\x00\x00\x00\x00\x00\x0f\x42\x40", "", 0);
    RAW("\x82\x0b", "!WS_TOO_LARGE", 10);
    RAW("\x82\x0a", "", 10);
    RAW("\x02\x0b", "!WS_TOO_LARGE", 10);
}
END_TEST

/* A claim without bytes behind it must not make us allocate, whatever the limit. */
START_TEST(announced_sizes_are_not_allocated) {
    static const char *const claims[] = {
        "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
        "kkkk"
        "abc",
        "\x02\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
        "kkkk"
        "abc",
        "\x82\xff\x00\x00\x00\x01\x00\x00\x00\x05"
        "kkkk"
        "abc",
    };
    for (size_t i = 0; i < 3; i++) {
        test_mem mem;
        test_mem_init(&mem);
        sio_ws_options options = SIO_WS_OPTIONS_INIT;
        options.max_message = UINT64_MAX;
        event_log log = {.ws = new_ws(&options, &mem.mem)};
        test_feed_whole(claims[i], 17, log_feed, &log);
        ck_assert_int_eq(log.rc, 0);
        ck_assert(sio_ws_is_partial(log.ws));
        ck_assert_uint_lt(mem.peak_size, 1024);
        uint8_t *room;
        size_t len;
        ck_assert_int_eq(sio_ws_pending_room(log.ws, &room, &len), 0);
        sio_ws_free(log.ws);
        ck_assert_uint_eq(mem.live, 0);
    }
}
END_TEST

START_TEST(second_huge_fragment_does_not_wrap) {
    sio_buf wire = {0};
    put_frame(&wire, &(frame)F(0x02, "abc"), SIO_WS_SERVER);
    sio_buf_add(&wire,
                "\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
                "kkkk",
                14);
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    options.max_message = UINT64_MAX;
    check_wire("2^63-1 after 3", &wire, "!WS_TOO_LARGE", options);
    sio_buf_free(&wire);
}
END_TEST

START_TEST(the_limit_counts_the_sum_of_fragments) {
    static const frame fits[] = {F(0x01, "12345"), F(0x00, "6789"),       F(0x89, A125),
                                 F(0x80, "0"),     F(0x81, "1234567890"), {0, NULL, 0}};
    static const frame over[] = {F(0x01, "12345"), F(0x00, "6789"), F(0x80, "01"), {0, NULL, 0}};
    for (int role = SIO_WS_SERVER; role <= SIO_WS_CLIENT; role++) {
        sio_ws_options options = SIO_WS_OPTIONS_INIT;
        options.role = (sio_ws_role)role;
        options.max_message = 10;
        sio_buf wire = {0};
        for (const frame *f = fits; f->data; f++) {
            put_frame(&wire, f, options.role);
        }
        check_wire("fits", &wire, "ping:" A125 " text:1234567890 text:1234567890", options);
        wire.len = 0;
        for (const frame *f = over; f->data; f++) {
            put_frame(&wire, f, options.role);
        }
        check_wire("over", &wire, "!WS_TOO_LARGE", options);
        sio_buf_free(&wire);
    }
}
END_TEST

START_TEST(masking_is_as_the_role_demands) {
    sio_buf masked = {0};
    sio_buf plain = {0};
    put_frame(&masked, &(frame)F(0x81, "abcdef"), SIO_WS_SERVER);
    put_frame(&plain, &(frame)F(0x81, "abcdef"), SIO_WS_CLIENT);
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    check_wire("unmasked to a server", &plain, "!WS_MASK", options);
    check_wire("masked to a server", &masked, "text:abcdef", options);
    options.role = SIO_WS_CLIENT;
    check_wire("masked to a client", &masked, "!WS_MASK", options);
    check_wire("unmasked to a client", &plain, "text:abcdef", options);
    sio_buf_free(&masked);
    sio_buf_free(&plain);
}
END_TEST

/* ---- UTF-8: Autobahn group 6 (Kuhn's list) ---- */

static const struct {
    const char *text;
    size_t good; /* bytes before the first bad one; SIZE_MAX = valid */
} utf8_cases[] = {
    {"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!", SIZE_MAX},
    {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", SIZE_MAX},
    {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
     "edited",
     12},
    {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80"
     "edited",
     12},
    {"\xc2\x80", SIZE_MAX},
    {"\xe0\xa0\x80", SIZE_MAX},
    {"\xf0\x90\x80\x80", SIZE_MAX},
    {"\x7f", SIZE_MAX},
    {"\xdf\xbf", SIZE_MAX},
    {"\xef\xbf\xbf", SIZE_MAX},
    {"\xf4\x8f\xbf\xbf", SIZE_MAX},
    {"\xf7\xbf\xbf\xbf", 0},
    {"\xf8\x88\x80\x80\x80", 0},
    {"\xfc\x84\x80\x80\x80\x80", 0},
    {"\xfb\xbf\xbf\xbf\xbf", 0},
    {"\xed\x9f\xbf", SIZE_MAX},
    {"\xee\x80\x80", SIZE_MAX},
    {"\xef\xbf\xbd", SIZE_MAX},
    {"\xf4\x90\x80\x80", 1},
    {"\x80", 0},
    {"\xbf\xbf\xbf", 0},
    {"a\x80", 1},
    {"\xc0 \xc1 ", 0},
    {"\xc3 ", 1},
    {"\xe0 ", 1},
    {"\xe1\x80 ", 2},
    {"\xf0\x90\x80 ", 3},
    {"\xfe", 0},
    {"\xff", 0},
    {"\xfe\xfe\xff\xff", 0},
    {"\xc0\xaf", 0},
    {"\xe0\x80\xaf", 1},
    {"\xf0\x80\x80\xaf", 1},
    {"\xc1\xbf", 0},
    {"\xe0\x9f\xbf", 1},
    {"\xf0\x8f\xbf\xbf", 1},
    {"\xed\xa0\x80", 1},
    {"\xed\xbf\xbf", 1},
    {"\xed\xa0\x80\xed\xb0\x80", 1},
    {"\xef\xbf\xbe", SIZE_MAX},
    {"\xf0\x9f\xbf\xbe", SIZE_MAX},
    {"\xf3\xbf\xbf\xbf", SIZE_MAX},
};

/* Sequences that are valid so far but end too early. */
static const char *const utf8_cut[] = {"\xce", "\xce\xba\xe1", "\xe1\xbd", "\xf0\x90\x80", "a\xf4"};

#define UTF8_CASES (sizeof(utf8_cases) / sizeof(utf8_cases[0]))

START_TEST(text_is_checked_in_any_cut_and_fragmentation) {
    for (size_t i = 0; i < UTF8_CASES; i++) {
        const char *text = utf8_cases[i].text;
        size_t len = strlen(text);
        char expected[64] = "!WS_UTF8";
        if (utf8_cases[i].good == SIZE_MAX) {
            snprintf(expected, sizeof(expected), "text:%s", text);
        }
        frame whole[] = {{0x81, text, len}, {0, NULL, 0}};
        check_frames(text, whole, expected);
        for (size_t at = 0; at <= len; at++) {
            frame two[] = {{0x01, text, at}, {0x80, text + at, len - at}, {0, NULL, 0}};
            check_frames(text, two, expected);
        }
    }
    for (size_t i = 0; i < sizeof(utf8_cut) / sizeof(utf8_cut[0]); i++) {
        size_t len = strlen(utf8_cut[i]);
        frame whole[] = {{0x81, utf8_cut[i], len}, {0, NULL, 0}};
        check_frames("cut", whole, "!WS_UTF8");
        frame two[] = {{0x01, utf8_cut[i], len}, F(0x00, ""), F(0x80, ""), {0, NULL, 0}};
        check_frames("cut", two, "!WS_UTF8");
        frame next[] = {{0x01, utf8_cut[i], len}, F(0x80, "x"), {0, NULL, 0}};
        check_frames("cut", next, "!WS_UTF8");
    }
}
END_TEST

/* Autobahn 6.4: the error comes with the first bad byte, inside a frame that is not complete. */
START_TEST(text_fails_at_its_first_bad_byte) {
    for (size_t i = 0; i < UTF8_CASES; i++) {
        if (utf8_cases[i].good == SIZE_MAX) {
            continue;
        }
        sio_buf wire = {0};
        char payload[200] = {0};
        memcpy(payload, utf8_cases[i].text, strlen(utf8_cases[i].text));
        put_frame(&wire, &(frame){0x01, payload, sizeof(payload)}, SIO_WS_SERVER);
        size_t header = wire.len - sizeof(payload);
        event_log log = {.ws = new_ws(NULL, NULL)};
        test_feed_whole(wire.data, header + utf8_cases[i].good, log_feed, &log);
        ck_assert_int_eq(log.rc, 0);
        test_feed_whole(wire.data + header + utf8_cases[i].good, 1, log_feed, &log);
        ck_assert_int_eq(log.rc, SIO_ERR_WS_UTF8);
        sio_ws_free(log.ws);
        sio_buf_free(&wire);
    }
}
END_TEST

/* Every header fault is found at the byte that makes it certain. */
START_TEST(headers_fail_at_their_first_bad_byte) {
    static const struct {
        const char *bytes;
        size_t len;
        int error;
    } faults[] = {
        {"\xc1", 1, SIO_ERR_WS_RSV},
        {"\x83", 1, SIO_ERR_WS_OPCODE},
        {"\x80", 1, SIO_ERR_WS_CONTINUATION},
        {"\x09", 1, SIO_ERR_WS_CONTROL},
        {"\x81\x01", 2, SIO_ERR_WS_MASK},
        {"\x89\xfe", 2, SIO_ERR_WS_CONTROL},
        {"\x81\xfe\x00\x7d", 4, SIO_ERR_WS_LENGTH},
        {"\x82\xff\x80", 3, SIO_ERR_WS_LENGTH},
        {"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", 10, SIO_ERR_WS_LENGTH},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        event_log log = {.ws = new_ws(NULL, NULL)};
        test_feed_whole(faults[i].bytes, faults[i].len - 1, log_feed, &log);
        ck_assert_int_eq(log.rc, 0);
        test_feed_whole(faults[i].bytes + faults[i].len - 1, 1, log_feed, &log);
        ck_assert_int_eq(log.rc, faults[i].error);
        sio_ws_free(log.ws);
    }
}
END_TEST

/* ---- Memory ---- */

START_TEST(whole_messages_are_neither_copied_nor_allocated) {
    sio_buf wire = {0};
    for (int i = 0; i < 50; i++) {
        put_frame(&wire, &(frame)F(0x81, "a small message!"), SIO_WS_SERVER);
        put_frame(&wire, &(frame)F(0x89, "p"), SIO_WS_SERVER);
    }
    uint8_t *big = calloc(1, 70000);
    put_frame(&wire, &(frame){0x82, (char *)big, 70000}, SIO_WS_SERVER);
    test_mem mem;
    test_mem_init(&mem);
    sio_ws *ws = new_ws(NULL, &mem.mem);
    ck_assert_int_eq(sio_ws_feed(ws, wire.data, wire.len), 0);
    ck_assert_int_eq(sio_ws_feed(ws, wire.data, wire.len), SIO_ERR_STATE);
    sio_ws_event event;
    int count = 0;
    while (sio_ws_next(ws, &event) == 1) {
        ck_assert(event.data >= wire.data);
        ck_assert(event.data + event.len <= wire.data + wire.len);
        count++;
    }
    ck_assert_int_eq(count, 101);
    ck_assert_uint_eq(mem.calls, 1);
    ck_assert_uint_le(mem.peak_size, 64);
    sio_ws_free(ws);
    sio_buf_free(&wire);
    free(big);
}
END_TEST

typedef struct counter {
    sio_ws *ws;
    size_t events;
    size_t bytes;
} counter;

static bool count_events(void *arg, uint8_t *piece, size_t len) {
    counter *c = arg;
    ck_assert_int_eq(sio_ws_feed(c->ws, piece, len), 0);
    sio_ws_event event;
    int rc;
    while ((rc = sio_ws_next(c->ws, &event)) == 1) {
        c->events++;
        c->bytes += event.len;
    }
    ck_assert_int_eq(rc, 0);
    return true;
}

static void feed_chops(counter *c, const sio_buf *wire, size_t chop) {
    for (size_t at = 0; at < wire->len; at += chop) {
        size_t len = wire->len - at < chop ? wire->len - at : chop;
        test_feed_whole(wire->data + at, len, count_events, c);
    }
}

START_TEST(tiny_fragments_cost_nothing_each) {
    enum { COUNT = 1000000 };
    sio_buf wire = {0};
    put_frame(&wire, &(frame)F(0x01, ""), SIO_WS_SERVER);
    for (int i = 0; i < COUNT; i++) {
        put_frame(&wire, &(frame)F(0x00, "x"), SIO_WS_SERVER);
    }
    put_frame(&wire, &(frame)F(0x80, ""), SIO_WS_SERVER);
    test_mem mem;
    test_mem_init(&mem);
    counter c = {.ws = new_ws(NULL, &mem.mem)};
    feed_chops(&c, &wire, 4093);
    ck_assert_uint_eq(c.events, 1);
    ck_assert_uint_eq(c.bytes, COUNT);
    ck_assert_uint_lt(mem.peak_size, 2 * 1024 * 1024);
    ck_assert_uint_le(mem.live_size, 64);
    sio_ws_free(c.ws);
    sio_buf_free(&wire);
}
END_TEST

START_TEST(empty_fragments_cost_nothing) {
    sio_buf wire = {0};
    put_frame(&wire, &(frame)F(0x01, ""), SIO_WS_SERVER);
    for (int i = 0; i < 30000; i++) {
        put_frame(&wire, &(frame)F(0x00, ""), SIO_WS_SERVER);
    }
    test_mem mem;
    test_mem_init(&mem);
    counter c = {.ws = new_ws(NULL, &mem.mem)};
    feed_chops(&c, &wire, 1000);
    ck_assert_uint_eq(c.events, 0);
    ck_assert_uint_lt(mem.peak_size, 1024);
    sio_ws_free(c.ws);
    sio_buf_free(&wire);
}
END_TEST

/* Autobahn groups 9 and 10: large messages in frames and reads of any size. */
START_TEST(large_messages_in_frames_and_chops) {
    enum { SIZE = 300000 };
    static const size_t parts[] = {64, 1300, 4096, 65536, SIZE};
    static const size_t chops[] = {64, 997, 16384, 1 << 20};
    char *payload = malloc(SIZE);
    memset(payload, 'x', SIZE);
    for (size_t p = 0; p < 5; p++) {
        sio_buf wire = {0};
        for (size_t at = 0; at < SIZE; at += parts[p]) {
            size_t len = SIZE - at < parts[p] ? SIZE - at : parts[p];
            uint8_t first = (uint8_t)((at + len == SIZE ? 0x80 : 0) | (at == 0 ? 0x01 : 0));
            put_frame(&wire, &(frame){first, payload + at, len}, SIO_WS_SERVER);
        }
        for (size_t i = 0; i < 4; i++) {
            test_mem mem;
            test_mem_init(&mem);
            counter c = {.ws = new_ws(NULL, &mem.mem)};
            feed_chops(&c, &wire, chops[i]);
            ck_assert_uint_eq(c.events, 1);
            ck_assert_uint_eq(c.bytes, SIZE);
            ck_assert_uint_lt(mem.peak_size, 3 * SIZE);
            sio_ws_free(c.ws);
        }
        sio_buf_free(&wire);
    }
    free(payload);
}
END_TEST

/* ---- Direct receive ---- */

/* Feeds `wire` in reads of `chop`, directly into the message where room is given. */
static size_t feed_direct(counter *c, const sio_buf *wire, size_t chop) {
    size_t direct = 0;
    size_t at = 0;
    while (at < wire->len) {
        uint8_t *room;
        size_t len;
        size_t left = wire->len - at < chop ? wire->len - at : chop;
        if (sio_ws_pending_room(c->ws, &room, &len) == 1) {
            len = len < left ? len : left;
            memcpy(room, wire->data + at, len);
            ck_assert_int_eq(sio_ws_pending_filled(c->ws, len), 0);
            ck_assert_int_eq(sio_ws_pending_filled(c->ws, 1), SIO_ERR_STATE);
            sio_ws_event event;
            if (sio_ws_next(c->ws, &event) == 1) {
                c->events++;
                c->bytes += event.len;
            }
            direct += len;
            at += len;
        } else {
            test_feed_whole(wire->data + at, left, count_events, c);
            at += left;
        }
    }
    return direct;
}

START_TEST(direct_receive_equals_feeding) {
    enum { SIZE = 900001 };
    char *payload = malloc(SIZE);
    memset(payload, 'y', SIZE);
    sio_buf wire = {0};
    put_frame(&wire, &(frame){0x81, payload, SIZE}, SIO_WS_SERVER);
    put_frame(&wire, &(frame)F(0x89, "p"), SIO_WS_SERVER);
    put_frame(&wire, &(frame){0x01, payload, SIZE / 2}, SIO_WS_SERVER);
    put_frame(&wire, &(frame)F(0x89, "p"), SIO_WS_SERVER);
    put_frame(&wire, &(frame){0x80, payload, SIZE / 2}, SIO_WS_SERVER);
    static const size_t chops[] = {5000, 65536, 1 << 20};
    for (size_t i = 0; i < 3; i++) {
        test_mem mem;
        test_mem_init(&mem);
        counter c = {.ws = new_ws(NULL, &mem.mem)};
        size_t direct = feed_direct(&c, &wire, chops[i]);
        ck_assert(i == 2 || direct > SIZE);
        ck_assert_uint_eq(c.events, 4);
        ck_assert_uint_eq(c.bytes, SIZE + SIZE / 2 * 2 + 2);
        ck_assert_uint_lt(mem.peak_size, 2 * SIZE + 4096);
        sio_ws_free(c.ws);
    }
    sio_buf_free(&wire);
    free(payload);
}
END_TEST

/* The buffer is made for what comes next, too, but an announcement alone reserves little. */
START_TEST(no_more_is_reserved_than_eight_times_what_came) {
    enum { SIZE = 900000, STEP = 1500 };
    char *payload = calloc(1, SIZE);
    sio_buf wire = {0};
    put_frame(&wire, &(frame){0x82, payload, SIZE}, SIO_WS_SERVER);
    test_mem own;
    test_mem buffers;
    test_mem_init(&own);
    test_mem_init(&buffers);
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    options.buffers = &buffers.mem;
    counter c = {.ws = new_ws(&options, &own.mem)};
    size_t resizes = 0;
    for (size_t at = 0; at + STEP < wire.len; at += STEP) {
        size_t before = buffers.calls;
        test_feed_whole(wire.data + at, STEP, count_events, &c);
        resizes += buffers.calls - before;
        ck_assert_uint_le(buffers.live_size, 8 * (at + STEP));
        ck_assert_uint_le(buffers.live_size, SIZE);
        ck_assert_uint_le(own.live_size, 512);
    }
    ck_assert_uint_le(resizes, 5);
    sio_ws_free(c.ws);
    ck_assert_uint_eq(own.live + buffers.live, 0);
    sio_buf_free(&wire);
    free(payload);
}
END_TEST

START_TEST(direct_receive_checks_the_text) {
    enum { SIZE = 100000 };
    char *payload = malloc(SIZE);
    memset(payload, 'y', SIZE);
    payload[60000] = (char)0xff;
    sio_buf wire = {0};
    put_frame(&wire, &(frame){0x81, payload, SIZE}, SIO_WS_SERVER);
    event_log log = {.ws = new_ws(NULL, NULL)};
    ck_assert_int_eq(sio_ws_pending_filled(log.ws, 0), SIO_ERR_STATE);
    test_feed_whole(wire.data, 50000, log_feed, &log);
    uint8_t *room;
    size_t len;
    ck_assert_int_eq(sio_ws_pending_room(log.ws, &room, &len), 1);
    ck_assert_int_eq(sio_ws_pending_filled(log.ws, len + 1), SIO_ERR_STATE);
    ck_assert_uint_gt(len, 14000);
    memcpy(room, wire.data + 50000, 14000);
    ck_assert_int_eq(sio_ws_pending_filled(log.ws, 14000), 0);
    ck_assert_int_eq(sio_ws_feed(log.ws, NULL, 0), SIO_ERR_STATE);
    log_pull(&log);
    ck_assert_str_eq(log.text, "!WS_UTF8");
    ck_assert_int_eq(sio_ws_pending_room(log.ws, &room, &len), 0);
    ck_assert_int_eq(sio_ws_pending_filled(log.ws, 0), SIO_ERR_STATE);
    sio_ws_free(log.ws);
    sio_buf_free(&wire);
    free(payload);
}
END_TEST

/* ---- Compression ---- */

#if SIO_HAVE_DEFLATE

/* RFC 7692 §7.2.3: the vectors of "Hello", and of what else is lawful. */
static const struct {
    const char *name;
    frame frames[8];
    const char *expected;
} packed_cases[] = {
    {"one frame", {F(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00")}, "text:Hello"},
    {"two frames", {F(0x41, "\xf2\x48\xcd"), F(0x80, "\xc9\xc9\x07\x00")}, "text:Hello"},
    {"ping between",
     {F(0x41, "\xf2\x48\xcd"), F(0x89, "p"), F(0x00, ""), F(0x80, "\xc9\xc9\x07\x00")},
     "ping:p text:Hello"},
    {"shared window",
     {F(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), F(0xC1, "\xf2\x00\x11\x00\x00")},
     "text:Hello text:Hello"},
    {"stored", {F(0xC1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")}, "text:Hello"},
    {"last block", {F(0xC1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")}, "text:Hello"},
    {"last block then shared window",
     {F(0xC1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), F(0xC1, "\xf2\x00\x11\x00\x00")},
     "text:Hello text:Hello"},
    {"two blocks", {F(0xC1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")}, "text:Hello"},
    {"empty", {F(0xC2, "\x00"), F(0x81, "x")}, "bin: text:x"},
    {"no payload", {F(0xC1, ""), F(0x81, "x")}, "text: text:x"},
    {"plain between",
     {F(0x81, "x"), F(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), F(0x82, "y")},
     "text:x text:Hello bin:y"},
    {"rsv1 on a continuation", {F(0x41, "\xf2\x48"), F(0xC0, "\xcd")}, "!WS_RSV"},
    {"rsv1 on a continuation of plain", {F(0x01, "a"), F(0xC0, "b")}, "!WS_RSV"},
    {"rsv1 on a ping", {F(0xC9, "")}, "!WS_RSV"},
    {"rsv2", {F(0xE1, "\x00")}, "!WS_RSV"},
    {"damaged", {F(0xC1, "\xff\xff\xff")}, "!WS_INFLATE"},
    {"cut", {F(0xC1, "\xf2\x48\xcd\xc9")}, "!WS_INFLATE"},
    {"bad stored length", {F(0xC1, "\x00\x05\x00\xfa\xfe\x48")}, "!WS_INFLATE"},
    {"too far back", {F(0xC1, "\xf2\x00\x11\x00\x00")}, "!WS_INFLATE"},
    {"bad utf8", {F(0xC1, "\x00\x02\x00\xfd\xff\xc3\x28\x00")}, "!WS_UTF8"},
    {"cut utf8", {F(0xC1, "\x00\x01\x00\xfe\xff\xc3\x00")}, "!WS_UTF8"},
    {"any binary", {F(0xC2, "\x00\x02\x00\xfd\xff\xc3\x28\x00")}, "bin:\xc3\x28"},
};

typedef struct packed_case {
    decode_case c;
    bool takeover;
} packed_case;

/* Each cut gets its own window. */
static void decode_packed_cut(const test_cut *cut, void *arg) {
    packed_case packed = *(packed_case *)arg;
    ck_assert_int_eq(sio_ws_inflater_new(&packed.c.options.inflater, 15, packed.takeover, NULL), 0);
    decode_cut(cut, &packed.c);
    sio_ws_inflater_free(packed.c.options.inflater);
}

START_TEST(compressed_messages_in_both_roles_and_any_cut) {
    for (size_t i = 0; i < sizeof(packed_cases) / sizeof(packed_cases[0]); i++) {
        for (int role = SIO_WS_SERVER; role <= SIO_WS_CLIENT; role++) {
            sio_buf wire = {0};
            for (const frame *f = packed_cases[i].frames; f->data; f++) {
                put_frame(&wire, f, (sio_ws_role)role);
            }
            packed_case p = {{packed_cases[i].name,
                              &wire,
                              packed_cases[i].expected,
                              {sizeof(sio_ws_options), (sio_ws_role)role, 0, NULL, NULL}},
                             true};
            test_each_cut(wire.len, decode_packed_cut, &p);
            sio_buf_free(&wire);
        }
    }
}
END_TEST

START_TEST(without_takeover_the_window_is_forgotten) {
    static const frame frames[] = {F(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"),
                                   F(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"),
                                   F(0xC1, "\xf2\x00\x11\x00\x00")};
    sio_buf wire = {0};
    for (int i = 0; i < 3; i++) {
        put_frame(&wire, &frames[i], SIO_WS_SERVER);
    }
    packed_case p = {
        {"no takeover", &wire, "text:Hello text:Hello !WS_INFLATE", SIO_WS_OPTIONS_INIT}, false};
    test_each_cut(wire.len, decode_packed_cut, &p);
    sio_buf_free(&wire);
}
END_TEST

START_TEST(one_inflater_serves_interleaved_connections) {
    sio_ws_inflater *inflater;
    ck_assert_int_eq(sio_ws_inflater_new(&inflater, 15, false, NULL), 0);
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    options.inflater = inflater;
    options.role = SIO_WS_CLIENT;
    event_log a = {.ws = new_ws(&options, NULL)};
    event_log b = {.ws = new_ws(&options, NULL)};
    test_feed_whole("\x41\x03\xf2\x48\xcd", 5, log_feed, &a);
    test_feed_whole("\xc1\x04\xf2\x48", 4, log_feed, &b);
    test_feed_whole("\x80\x04\xc9\xc9\x07\x00", 6, log_feed, &a);
    test_feed_whole("\x05\x00", 2, log_feed, &b);
    ck_assert_str_eq(a.text, "text:Hello");
    ck_assert_str_eq(b.text, "text:He");
    sio_ws_free(a.ws);
    sio_ws_free(b.ws);
    sio_ws_inflater_free(inflater);
}
END_TEST

START_TEST(the_limit_counts_decompressed_bytes) {
    sio_ws_deflater *deflater;
    ck_assert_int_eq(sio_ws_deflater_new(&deflater, 15, false, 0, 0, NULL), 0);
    static const size_t sizes[] = {9999, 10000, 10001, 16384, 100000};
    for (size_t i = 0; i < 5; i++) {
        char *zeros = calloc(1, sizes[i]);
        sio_buf packed = {0};
        sio_buf wire = {0};
        ck_assert_int_eq(sio_ws_deflate(deflater, &packed, zeros, sizes[i]), 0);
        put_frame(&wire, &(frame){0xC2, (char *)packed.data, packed.len}, SIO_WS_SERVER);
        char expected[32] = "!WS_TOO_LARGE";
        if (sizes[i] <= 10000) {
            snprintf(expected, sizeof(expected), "bin:#%zu", sizes[i]);
        }
        sio_ws_options options = SIO_WS_OPTIONS_INIT;
        options.max_message = 10000;
        packed_case p = {{"limit", &wire, expected, options}, false};
        test_each_cut(wire.len, decode_packed_cut, &p);
        sio_buf_free(&packed);
        sio_buf_free(&wire);
        free(zeros);
    }
    sio_ws_deflater_free(deflater);
}
END_TEST

/* 512 MiB of zeros in half a MiB: refused at the limit, with little memory. */
START_TEST(a_bomb_is_refused_at_the_limit) {
    enum { MIB = 1 << 20 };
    sio_ws_deflater *deflater;
    ck_assert_int_eq(sio_ws_deflater_new(&deflater, 15, false, 9, 0, NULL), 0);
    char *zeros = calloc(1, MIB);
    sio_buf one = {0};
    ck_assert_int_eq(sio_ws_deflate(deflater, &one, zeros, MIB), 0);
    ck_assert_int_eq(sio_buf_add(&one, "\0\0\xff\xff", 4), 0);
    sio_buf bomb = {0};
    for (int i = 0; i < 512; i++) {
        sio_buf_add(&bomb, one.data, one.len);
    }
    sio_buf wire = {0};
    put_frame(&wire, &(frame){0xC1, (char *)bomb.data, bomb.len}, SIO_WS_SERVER);
    test_mem mem;
    test_mem_init(&mem);
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    ck_assert_int_eq(sio_ws_inflater_new(&options.inflater, 15, false, &mem.mem), 0);
    for (int chopped = 0; chopped < 2; chopped++) {
        event_log log = {.ws = new_ws(&options, &mem.mem)};
        for (size_t at = 0; at < wire.len; at += 65536) {
            size_t len = chopped ? 65536 : wire.len;
            len = wire.len - at < len ? wire.len - at : len;
            if (!log_feed(&log, wire.data + at, len)) {
                break;
            }
        }
        ck_assert_str_eq(log.text, "!WS_TOO_LARGE");
        sio_ws_free(log.ws);
        /* The second round gets the same bytes, masked again. */
        wire.len = 0;
        put_frame(&wire, &(frame){0xC1, (char *)bomb.data, bomb.len}, SIO_WS_SERVER);
    }
    ck_assert_uint_lt(mem.peak_size, 3 * MIB);
    sio_ws_inflater_free(options.inflater);
    ck_assert_uint_eq(mem.live, 0);
    sio_buf_free(&one);
    sio_buf_free(&bomb);
    sio_buf_free(&wire);
    free(zeros);
    sio_ws_deflater_free(deflater);
}
END_TEST

#endif

/* ---- Allocation failures ---- */

/* Split headers, joined and compressed messages, byte by byte. */
static int everything(const sio_mem *mem, void *arg) {
    const sio_buf *wire = arg;
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    options.role = SIO_WS_CLIENT;
    sio_ws *ws = NULL;
    int rc = 0;
#if SIO_HAVE_DEFLATE
    rc = sio_ws_inflater_new(&options.inflater, 15, true, mem);
#endif
    if (rc == 0) {
        rc = sio_ws_new(&ws, &options, mem);
    }
    for (size_t i = 0; rc == 0 && i < wire->len; i++) {
        uint8_t byte = wire->data[i];
        sio_ws_event event;
        rc = sio_ws_feed(ws, &byte, 1);
        while (rc == 0 && (rc = sio_ws_next(ws, &event)) == 1) {
            rc = 0;
        }
    }
    sio_ws_free(ws);
    sio_ws_inflater_free(options.inflater);
    ck_assert(rc == 0 || rc == SIO_ERR_NOMEM);
    return rc;
}

START_TEST(survives_failing_allocations) {
    static const frame frames[] = {
        F(0x01, "Hel"),
        F(0x89, "ping"),
        F(0x80, "lo"),
        F(0x82, A125),
#if SIO_HAVE_DEFLATE
        F(0x41, "\xf2\x48\xcd"),
        F(0x80, "\xc9\xc9\x07\x00"),
        F(0xC1, "\xf2\x00\x11\x00\x00"),
#endif
        F(0x88, "\x03\xe8")
    };
    sio_buf wire = {0};
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        put_frame(&wire, &frames[i], SIO_WS_CLIENT);
    }
    test_mem_sweep(everything, &wire);
    sio_buf_free(&wire);
}
END_TEST

START_TEST(options_are_checked) {
    sio_ws *ws = NULL;
    sio_ws_options options = SIO_WS_OPTIONS_INIT;
    options.size--;
    ck_assert_int_eq(sio_ws_new(&ws, &options, NULL), SIO_ERR_INVALID);
    options.size++;
    options.role = (sio_ws_role)7;
    ck_assert_int_eq(sio_ws_new(&ws, &options, NULL), SIO_ERR_INVALID);
    ck_assert_ptr_null(ws);
    sio_ws_free(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ws_message");
    TCase *tc = tcase_create("ws_message");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, frames_in_both_roles_and_any_cut);
    tcase_add_test(tc, close_codes);
    tcase_add_test(tc, sizes_around_the_length_forms);
    tcase_add_test(tc, lengths_must_be_in_their_shortest_form);
    tcase_add_test(tc, announced_sizes_are_refused_from_the_header);
    tcase_add_test(tc, announced_sizes_are_not_allocated);
    tcase_add_test(tc, second_huge_fragment_does_not_wrap);
    tcase_add_test(tc, the_limit_counts_the_sum_of_fragments);
    tcase_add_test(tc, masking_is_as_the_role_demands);
    tcase_add_test(tc, text_is_checked_in_any_cut_and_fragmentation);
    tcase_add_test(tc, text_fails_at_its_first_bad_byte);
    tcase_add_test(tc, headers_fail_at_their_first_bad_byte);
    tcase_add_test(tc, whole_messages_are_neither_copied_nor_allocated);
    tcase_add_test(tc, tiny_fragments_cost_nothing_each);
    tcase_add_test(tc, empty_fragments_cost_nothing);
    tcase_add_test(tc, large_messages_in_frames_and_chops);
    tcase_add_test(tc, direct_receive_equals_feeding);
    tcase_add_test(tc, no_more_is_reserved_than_eight_times_what_came);
    tcase_add_test(tc, direct_receive_checks_the_text);
#if SIO_HAVE_DEFLATE
    tcase_add_test(tc, compressed_messages_in_both_roles_and_any_cut);
    tcase_add_test(tc, without_takeover_the_window_is_forgotten);
    tcase_add_test(tc, one_inflater_serves_interleaved_connections);
    tcase_add_test(tc, the_limit_counts_decompressed_bytes);
    tcase_add_test(tc, a_bomb_is_refused_at_the_limit);
#endif
    tcase_add_test(tc, survives_failing_allocations);
    tcase_add_test(tc, options_are_checked);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
