/* Engine.IO packets and payloads against what the JavaScript parsers write and read. What was
 * encoded is also decoded again, and what was decoded is encoded and decoded once more. */
#include "golden.h"

#include <sio/eio.h>

#include <stdlib.h>
#include <string.h>

typedef struct packet {
    sio_eio_type type;
    bool binary;
    sio_buf data;
} packet;

typedef struct packets {
    packet list[GOLDEN_LINES_MAX];
    size_t count;
} packets;

static void packets_free(packets *all) {
    for (size_t i = 0; i < all->count; i++) {
        sio_buf_free(&all->list[i].data);
    }
}

static packet *packets_add(packets *all) {
    GOLDEN_NEED(all->count < GOLDEN_LINES_MAX);
    packet *next = &all->list[all->count++];
    *next = (packet){.type = SIO_EIO_ERROR};
    return next;
}

static sio_eio_type type_of(sio_str name) {
    for (int type = SIO_EIO_OPEN; type < SIO_EIO_ERROR; type++) {
        if (golden_is(name, sio_eio_type_name((sio_eio_type)type))) {
            return (sio_eio_type)type;
        }
    }
    golden_stop(__FILE__, __LINE__, "packet type");
}

static void read_packets(packets *all, const golden_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        sio_str line = lines->line[i];
        packet *next = packets_add(all);
        next->type = type_of(golden_word(&line));
        next->binary = line.len > 0 && golden_read_datum(&next->data, line);
    }
}

static void log_packet(sio_buf *log, sio_eio_type type, bool binary, sio_bytes data) {
    GOLDEN_NEED(sio_buf_add_text(log, sio_eio_type_name(type)) == 0);
    if (type != SIO_EIO_ERROR && (binary || data.len > 0)) {
        GOLDEN_NEED(sio_buf_add_byte(log, ' ') == 0);
        golden_write_datum(log, binary, data);
    }
    GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
}

/* ---- encoding ---- */

static sio_eio_message *message_of(const packet *from) {
    sio_eio_message *message;
    const sio_buf *data = &from->data;
    int rc = from->type == SIO_EIO_MESSAGE
                 ? sio_eio_message_new(&message, from->binary, data->data, data->len, NULL)
                 : sio_eio_message_new_packet(&message, from->type, data->data, data->len, NULL);
    GOLDEN_NEED(rc == 0);
    return message;
}

/* A packet goes without a message where it can, as sessions queue it. */
static size_t make_items(sio_eio_item *items, const packets *all) {
    for (size_t i = 0; i < all->count; i++) {
        const packet *from = &all->list[i];
        bool bare = from->type != SIO_EIO_MESSAGE && from->data.len == 0;
        items[i] = (sio_eio_item){.type = (uint8_t)from->type};
        items[i].message = bare ? NULL : message_of(from);
    }
    return all->count;
}

static void free_items(sio_eio_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sio_eio_message_unref(items[i].message);
    }
}

static bool encode_packet(sio_buf *out, const packets *all, int revision, bool text) {
    sio_eio_item item;
    sio_bytes bytes;
    sio_eio_form form = text ? SIO_EIO_FORM_TEXT : SIO_EIO_FORM_PACKET;
    GOLDEN_NEED(make_items(&item, all) == 1);
    GOLDEN_NEED(sio_eio_item_bytes(&bytes, &item, form, revision) == 0);
    GOLDEN_NEED(sio_buf_add(out, bytes.ptr, bytes.len) == 0);
    free_items(&item, 1);
    return !text && all->list[0].binary;
}

static bool encode_payload(sio_buf *out, const packets *all, int revision, bool base64) {
    sio_eio_item items[GOLDEN_LINES_MAX];
    sio_eio_layout layout;
    size_t count = make_items(items, all);
    GOLDEN_NEED(sio_eio_payload_write(out, &layout, items, count, revision, base64) == 0);
    free_items(items, count);
    return layout == SIO_EIO_LAYOUT_V3_BINARY;
}

/* ---- decoding ---- */

static void keep(packets *all, const sio_eio_packet *decoded) {
    packet *next = packets_add(all);
    next->type = decoded->type;
    next->binary = decoded->binary;
    GOLDEN_NEED(sio_buf_add(&next->data, decoded->data.ptr, decoded->data.len) == 0);
}

static void decode_packet(packets *all, sio_bytes input, int revision, bool binary) {
    sio_eio_packet decoded;
    sio_buf scratch = {0};
    if (binary) {
        sio_eio_decode_binary(&decoded, revision, input);
    } else {
        GOLDEN_NEED(sio_eio_decode_text(&decoded, revision, input, &scratch) == 0);
    }
    keep(all, &decoded);
    sio_buf_free(&scratch);
}

static void decode_payload(packets *all, sio_bytes input, int revision, bool binary) {
    sio_eio_layout text = revision == 4 ? SIO_EIO_LAYOUT_V4 : SIO_EIO_LAYOUT_V3_TEXT;
    sio_eio_reader reader;
    sio_eio_packet decoded;
    int rc;
    sio_eio_reader_init(&reader, binary ? SIO_EIO_LAYOUT_V3_BINARY : text, input, NULL);
    while ((rc = sio_eio_reader_next(&reader, &decoded)) == 1) {
        keep(all, &decoded);
    }
    GOLDEN_NEED(rc == 0);
    sio_eio_reader_free(&reader);
}

static void decode(packets *all, sio_bytes input, int revision, bool payload, bool binary) {
    if (payload) {
        decode_payload(all, input, revision, binary);
    } else {
        decode_packet(all, input, revision, binary);
    }
}

static bool same_packets(const packets *a, const packets *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const packet *x = &a->list[i];
        const packet *y = &b->list[i];
        same = x->type == y->type && x->binary == y->binary && x->data.len == y->data.len &&
               (x->data.len == 0 || memcmp(x->data.data, y->data.data, x->data.len) == 0);
    }
    return same;
}

/* ---- cases ---- */

/* Encoders are asked for messages of text that can stand in a payload of the revision: a separator
 * inside, or revision 3 binary of another type than message, has no encoding of ours. */
static bool can_encode(const packets *all, int revision, bool payload) {
    for (size_t i = 0; i < all->count; i++) {
        const packet *one = &all->list[i];
        if (one->type == SIO_EIO_ERROR || (one->binary && one->type != SIO_EIO_MESSAGE)) {
            return false;
        }
        if (payload && revision == 4 && !one->binary && one->data.len > 0 &&
            memchr(one->data.data, 0x1e, one->data.len)) {
            return false;
        }
    }
    return all->count > 0;
}

static void check_round_trip(sio_buf *log, const packets *all, int revision, bool payload) {
    for (int text = 0; text < 2; text++) {
        sio_buf wire = {0};
        packets again = {.count = 0};
        bool binary = payload ? encode_payload(&wire, all, revision, text)
                              : encode_packet(&wire, all, revision, text);
        decode(&again, (sio_bytes){wire.data, wire.len}, revision, payload, binary);
        if (!same_packets(all, &again)) {
            GOLDEN_NEED(sio_buf_add_text(log, "not the same packets again\n") == 0);
        }
        packets_free(&again);
        sio_buf_free(&wire);
    }
}

static void run_encode(const golden_case *test, sio_str what, int revision, sio_buf *log) {
    packets all = {.count = 0};
    sio_buf wire = {0};
    bool payload = what.len >= 7 && memcmp(what.ptr, "payload", 7) == 0;
    bool text = golden_is(what, "packet-text") || golden_is(what, "payload-text");
    read_packets(&all, &test->packet);
    bool binary = payload ? encode_payload(&wire, &all, revision, text)
                          : encode_packet(&wire, &all, revision, text);
    golden_write_datum(log, binary, (sio_bytes){wire.data, wire.len});
    GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
    check_round_trip(log, &all, revision, payload);
    packets_free(&all);
    sio_buf_free(&wire);
}

static void run_decode(const golden_case *test, sio_str what, int revision, sio_buf *log) {
    packets all = {.count = 0};
    sio_buf input = {0};
    bool payload = what.len >= 14 && memcmp(what.ptr, "decode-payload", 14) == 0;
    bool binary = golden_is(what, "decode-binary") || golden_is(what, "decode-payload-binary");
    GOLDEN_NEED(test->in.count == 1);
    (void)golden_read_datum(&input, test->in.line[0]);
    /* A block of exactly its size, so that a sanitizer sees the first byte past it. */
    uint8_t *exact = malloc(input.len ? input.len : 1);
    GOLDEN_NEED(exact);
    if (input.len > 0) {
        memcpy(exact, input.data, input.len);
    }
    decode(&all, (sio_bytes){exact, input.len}, revision, payload, binary);
    free(exact);
    for (size_t i = 0; i < all.count; i++) {
        const packet *one = &all.list[i];
        log_packet(log, one->type, one->binary, (sio_bytes){one->data.data, one->data.len});
    }
    if (can_encode(&all, revision, payload)) {
        check_round_trip(log, &all, revision, payload);
    }
    packets_free(&all);
    sio_buf_free(&input);
}

static void run(const golden_case *test, sio_buf *log) {
    sio_str what = test->op;
    sio_str layer = golden_word(&what);
    int revision = golden_is(layer, "eio4") ? 4 : 3;
    GOLDEN_NEED(revision == 4 || golden_is(layer, "eio3"));
    if (test->packet.count > 0) {
        run_encode(test, what, revision, log);
    } else {
        run_decode(test, what, revision, log);
    }
}

int main(int argc, char **argv) {
    return golden_main(argc, argv, run);
}
