#include "codecs.h"

#include <sio/error.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    codec_run run;
} codecs[] = {
    {"base64", codec_base64},   {"http1", codec_http1},   {"json", codec_json},
    {"msgpack", codec_msgpack}, {"number", codec_number}, {"packet", codec_packet},
    {"query", codec_query},     {"string", codec_string}, {"utf8", codec_utf8},
};

void codec_stop(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    exit(EXIT_FAILURE);
}

static void put_u32(uint8_t at[4], size_t value) {
    CODEC_NEED(value <= UINT32_MAX);
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void codec_field(sio_buf *out, char letter, const void *data, size_t len) {
    uint8_t head[5] = {(uint8_t)letter};
    put_u32(head + 1, len);
    CODEC_NEED(sio_buf_add(out, head, sizeof(head)) == 0);
    CODEC_NEED(sio_buf_add(out, data, len) == 0);
}

void codec_text(sio_buf *out, char letter, sio_str text) {
    codec_field(out, letter, text.ptr, text.len);
}

void codec_u64(sio_buf *out, char letter, uint64_t value) {
    sio_buf digits = {0};
    CODEC_NEED(sio_buf_add_u64(&digits, value) == 0);
    codec_field(out, letter, digits.data, digits.len);
    sio_buf_free(&digits);
}

void codec_error(sio_buf *out, char letter, int err) {
    const char *name = sio_error_name(err);
    codec_field(out, letter, name, strlen(name));
}

sio_bytes codec_take(sio_bytes *in, size_t len) {
    CODEC_NEED(len <= in->len);
    sio_bytes front = {in->ptr, len};
    *in = (sio_bytes){in->ptr + len, in->len - len};
    return front;
}

uint32_t codec_take_u32(sio_bytes *in) {
    return get_u32(codec_take(in, 4).ptr);
}

/* Each input in a block of exactly its size, so that a sanitizer sees one byte too far. */
static uint8_t *read_input(size_t *len) {
    uint8_t head[4];
    if (fread(head, 1, sizeof(head), stdin) != sizeof(head)) {
        return NULL;
    }
    *len = get_u32(head);
    uint8_t *data = malloc(*len > 0 ? *len : 1);
    CODEC_NEED(data && fread(data, 1, *len, stdin) == *len);
    return data;
}

static int serve(codec_run run) {
    sio_buf out = {0};
    uint8_t *data;
    size_t len;
    while ((data = read_input(&len)) != NULL) {
        uint8_t head[4];
        out.len = 0;
        run((sio_bytes){data, len}, &out);
        put_u32(head, out.len);
        CODEC_NEED(fwrite(head, 1, sizeof(head), stdout) == sizeof(head));
        CODEC_NEED(fwrite(out.data, 1, out.len, stdout) == out.len);
        free(data);
        /* An empty length closes a batch. */
        CODEC_NEED(len != 0 || fflush(stdout) == 0);
    }
    sio_buf_free(&out);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < sizeof(codecs) / sizeof(*codecs); i++) {
        if (strcmp(argv[1], codecs[i].name) == 0) {
            return serve(codecs[i].run);
        }
    }
    fputs("usage: differential-codecs NAME\n", stderr);
    return EXIT_FAILURE;
}
