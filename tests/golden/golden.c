#include "golden.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void golden_stop(const char *file, int line, const char *what) {
    printf("Bail out! %s:%d: %s\n", file, line, what);
    exit(EXIT_FAILURE);
}

bool golden_is(sio_str text, const char *word) {
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

sio_str golden_word(sio_str *line) {
    const char *space = line->len > 0 ? memchr(line->ptr, ' ', line->len) : NULL;
    sio_str word = {line->ptr, space ? (size_t)(space - line->ptr) : line->len};
    size_t used = word.len + (space ? 1 : 0);
    *line = (sio_str){line->ptr + used, line->len - used};
    return word;
}

/* ---- spelling ---- */

static const char digits[] = "0123456789abcdef";

void golden_hex(sio_buf *out, sio_bytes data) {
    for (size_t i = 0; i < data.len; i++) {
        GOLDEN_NEED(sio_buf_add_byte(out, (uint8_t)digits[data.ptr[i] >> 4]) == 0);
        GOLDEN_NEED(sio_buf_add_byte(out, (uint8_t)digits[data.ptr[i] & 15]) == 0);
    }
}

void golden_escape(sio_buf *out, const void *data, size_t len, bool spaces) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\\') {
            GOLDEN_NEED(sio_buf_add_text(out, "\\\\") == 0);
        } else if (bytes[i] < (spaces ? 0x20 : 0x21) || bytes[i] > 0x7e) {
            GOLDEN_NEED(sio_buf_add_text(out, "\\x") == 0);
            golden_hex(out, (sio_bytes){bytes + i, 1});
        } else {
            GOLDEN_NEED(sio_buf_add_byte(out, bytes[i]) == 0);
        }
    }
}

static uint8_t hex_pair(const char *at) {
    const char *high = strchr(digits, at[0]);
    const char *low = strchr(digits, at[1]);
    GOLDEN_NEED(at[0] != '\0' && at[1] != '\0' && high && low);
    return (uint8_t)((high - digits) << 4 | (low - digits));
}

void golden_unhex(sio_buf *out, sio_str text) {
    GOLDEN_NEED(text.len % 2 == 0);
    for (size_t i = 0; i < text.len; i += 2) {
        GOLDEN_NEED(sio_buf_add_byte(out, hex_pair(text.ptr + i)) == 0);
    }
}

void golden_unescape(sio_buf *out, sio_str text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (byte == '\\') {
            GOLDEN_NEED(text.len - i > 1);
            byte = (uint8_t)text.ptr[++i];
            GOLDEN_NEED(byte == '\\' || (byte == 'x' && text.len - i > 2));
            if (byte == 'x') {
                byte = hex_pair(text.ptr + i + 1);
                i += 2;
            }
        }
        GOLDEN_NEED(sio_buf_add_byte(out, byte) == 0);
    }
}

bool golden_read_datum(sio_buf *out, sio_str datum) {
    sio_str form = golden_word(&datum);
    bool binary = golden_is(form, "hex");
    GOLDEN_NEED(binary || golden_is(form, "text"));
    if (binary) {
        golden_unhex(out, datum);
    } else {
        golden_unescape(out, datum);
    }
    return binary;
}

void golden_write_datum(sio_buf *out, bool binary, sio_bytes data) {
    GOLDEN_NEED(sio_buf_add_text(out, binary ? "hex" : "text") == 0);
    if (data.len > 0) {
        GOLDEN_NEED(sio_buf_add_byte(out, ' ') == 0);
    }
    if (binary) {
        golden_hex(out, data);
        return;
    }
    /* White space at the end of a line would not be seen. */
    bool space = data.len > 0 && data.ptr[data.len - 1] == ' ';
    golden_escape(out, data.ptr, data.len - (space ? 1 : 0), true);
    golden_escape(out, " ", space ? 1 : 0, false);
}

/* ---- running ---- */

typedef struct runner {
    golden_run run;
    unsigned count;
    unsigned failed;
    const char *file;
} runner;

static void print_lines(const char *key, sio_str lines) {
    while (lines.len > 0) {
        const char *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end ? (size_t)(end - lines.ptr) : lines.len;
        printf("# %s: %.*s\n", key, (int)len, lines.ptr);
        len += end ? 1 : 0;
        lines = (sio_str){lines.ptr + len, lines.len - len};
    }
}

static void run_case(runner *r, const golden_case *test) {
    sio_buf expected = {0};
    sio_buf log = {0};
    for (size_t i = 0; i < test->out.count; i++) {
        GOLDEN_NEED(sio_buf_add(&expected, test->out.line[i].ptr, test->out.line[i].len) == 0);
        GOLDEN_NEED(sio_buf_add_byte(&expected, '\n') == 0);
    }
    r->run(test, &log);
    bool same =
        log.len == expected.len && (log.len == 0 || memcmp(log.data, expected.data, log.len) == 0);
    printf("%sok %u - %s %.*s\n", same ? "" : "not ", ++r->count, r->file, SIO_STR_ARG(test->name));
    if (!same) {
        r->failed++;
        print_lines("expected", (sio_str){(const char *)expected.data, expected.len});
        print_lines("got", (sio_str){(const char *)log.data, log.len});
    }
    sio_buf_free(&expected);
    sio_buf_free(&log);
}

static void add_line(golden_lines *lines, sio_str value) {
    GOLDEN_NEED(lines->count < GOLDEN_LINES_MAX);
    lines->line[lines->count++] = value;
}

static void take_field(golden_case *test, sio_str key, sio_str value) {
    if (golden_is(key, "case:")) {
        test->name = value;
    } else if (golden_is(key, "op:")) {
        test->op = value;
    } else if (golden_is(key, "packet:")) {
        add_line(&test->packet, value);
    } else if (golden_is(key, "data:")) {
        add_line(&test->data, value);
    } else if (golden_is(key, "in:")) {
        add_line(&test->in, value);
    } else if (golden_is(key, "out:") || golden_is(key, "c:")) {
        test->differs = test->differs || key.len == 2;
        add_line(&test->out, value);
    } else {
        GOLDEN_NEED(golden_is(key, "js:") || golden_is(key, "why:"));
    }
}

static void run_text(runner *r, sio_str text) {
    golden_case test = {0};
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        GOLDEN_NEED(end);
        sio_str line = {text.ptr, (size_t)(end - text.ptr)};
        text = (sio_str){end + 1, text.len - line.len - 1};
        bool blank = line.len == 0;
        if (!blank && line.ptr[0] != '#') {
            sio_str key = golden_word(&line);
            take_field(&test, key, line);
        }
        if ((blank || text.len == 0) && test.name.len > 0) {
            run_case(r, &test);
            test = (golden_case){0};
        }
    }
}

static void run_file(runner *r, const char *path) {
    FILE *file = fopen(path, "rb");
    sio_buf text = {0};
    if (!file) {
        printf("Bail out! cannot open %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    size_t got = 1;
    while (got > 0) {
        uint8_t piece[4096];
        got = fread(piece, 1, sizeof(piece), file);
        GOLDEN_NEED(sio_buf_add(&text, piece, got) == 0);
    }
    GOLDEN_NEED(!ferror(file));
    fclose(file);
    const char *slash = strrchr(path, '/');
    r->file = slash ? slash + 1 : path;
    run_text(r, (sio_str){(const char *)text.data, text.len});
    sio_buf_free(&text);
}

int golden_main(int argc, char **argv, golden_run run) {
    runner r = {.run = run};
    for (int i = 1; i < argc; i++) {
        run_file(&r, argv[i]);
    }
    printf("1..%u\n", r.count);
    if (r.count == 0 || r.failed > 0) {
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
