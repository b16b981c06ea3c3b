/* Socket.IO packets against what the JavaScript parsers write and read. What was encoded is also
 * decoded, and events and acks that were decoded are encoded and decoded once more. */
#include "packets.h"

#include <stdlib.h>
#include <string.h>

typedef struct reader {
    sio_decoder_options options;
    sio_decoder decoder;
    sio_args *scratch;
    sio_packet packet;
} reader;

static const sio_str none = {NULL, 0};

static void reader_init(reader *r, unsigned protocol) {
    *r = (reader){.options = SIO_DECODER_OPTIONS_INIT};
    r->options.protocol = protocol;
    GOLDEN_NEED(sio_decoder_init(&r->decoder, &r->options) == 0);
    GOLDEN_NEED(sio_args_new(&r->scratch, NULL) == 0);
}

static void reader_free(reader *r) {
    sio_decoder_reset(&r->decoder);
    sio_args_unref(r->scratch);
}

static int reader_feed(reader *r, bool binary, sio_bytes in) {
    return binary ? sio_decoder_binary(&r->decoder, r->scratch, in.ptr, in.len, &r->packet)
                  : sio_decoder_text(&r->decoder, r->scratch, (const char *)in.ptr, in.len,
                                     &r->packet);
}

/* ---- encoding ---- */

static int encode_error(sio_buf *out, const golden_packet *packet) {
    sio_buf data = {0};
    const sio_str nsp = packet->head.nsp;
    sio_str message = golden_member_text(packet, "message");
    int rc;
    if (golden_is(packet->kind, "connect_error")) {
        golden_member_json(&data, packet, "data");
        rc = sio_packet_encode_connect_error(out, nsp, message,
                                             (sio_str){(const char *)data.data, data.len});
    } else {
        golden_data_json(&data, packet);
        rc = sio_packet_encode_error_v4(out, nsp, none,
                                        (sio_str){(const char *)data.data, data.len});
    }
    sio_buf_free(&data);
    return rc;
}

static int encode_connect(sio_buf *out, const golden_packet *packet) {
    sio_buf auth = {0};
    sio_str nsp = packet->head.nsp;
    sio_str query = none;
    const char *mark = memchr(nsp.ptr, '?', nsp.len);
    if (mark) {
        nsp.len = (size_t)(mark - nsp.ptr);
        query = (sio_str){mark + 1, packet->head.nsp.len - nsp.len - 1};
    }
    golden_data_json(&auth, packet);
    int rc =
        sio_packet_encode_connect(out, nsp, query, (sio_str){(const char *)auth.data, auth.len});
    sio_buf_free(&auth);
    return rc;
}

static int encode(sio_buf *out, const golden_packet *packet) {
    const sio_packet_head *head = &packet->head;
    sio_str name = {(const char *)packet->name.data, packet->name.len};
    name.ptr = name.ptr ? name.ptr : "";
    if (golden_is(packet->kind, "connect")) {
        return encode_connect(out, packet);
    }
    if (golden_is(packet->kind, "connected")) {
        return sio_packet_encode_connected(out, head->nsp, golden_member_text(packet, "sid"),
                                           golden_member_text(packet, "pid"));
    }
    if (golden_is(packet->kind, "disconnect")) {
        return sio_packet_encode_disconnect(out, head->nsp);
    }
    if (packet->args) {
        return sio_packet_encode(out, head, name, packet->args, none);
    }
    return encode_error(out, packet);
}

static void log_messages(sio_buf *log, const sio_buf *text, const sio_args *args) {
    golden_write_datum(log, false, (sio_bytes){text->data, text->len});
    GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
    for (uint32_t i = 0; args && i < sio_args_attachment_count(args); i++) {
        golden_write_datum(log, true, sio_args_attachment(args, i));
        GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
    }
}

/* Decode one packet of ours, attachments included. */
static int decode_written(reader *r, const sio_buf *text, const sio_args *args) {
    int rc = reader_feed(r, false, (sio_bytes){text->data, text->len});
    for (uint32_t i = 0; rc == 0; i++) {
        GOLDEN_NEED(args && i < sio_args_attachment_count(args));
        rc = reader_feed(r, true, sio_args_attachment(args, i));
    }
    return rc;
}

static void check_decodes(sio_buf *log, const sio_buf *text, const golden_packet *packet,
                          unsigned protocol) {
    reader r;
    sio_buf expected = {0};
    sio_buf got = {0};
    reader_init(&r, protocol);
    r.options.max_attachments = 100;
    GOLDEN_NEED(decode_written(&r, text, packet->args) == 1);
    golden_packet_log(&got, &r.packet);
    golden_packet_expect(&expected, packet);
    if (got.len != expected.len || memcmp(got.data, expected.data, got.len) != 0) {
        GOLDEN_NEED(sio_buf_add_text(log, "decoded as ") == 0);
        GOLDEN_NEED(sio_buf_add(log, got.data, got.len) == 0);
        GOLDEN_NEED(sio_buf_add_text(log, "and not as ") == 0);
        GOLDEN_NEED(sio_buf_add(log, expected.data, expected.len) == 0);
    }
    sio_buf_free(&expected);
    sio_buf_free(&got);
    reader_free(&r);
}

static void run_encode(const golden_case *test, unsigned protocol, sio_buf *log) {
    golden_packet packet;
    sio_buf text = {0};
    golden_packet_read(&packet, test);
    int rc = encode(&text, &packet);
    if (rc == 0) {
        log_messages(log, &text, packet.args);
        check_decodes(log, &text, &packet, protocol);
    } else {
        GOLDEN_NEED(sio_buf_add_text(log, "refused ") == 0);
        GOLDEN_NEED(sio_buf_add_text(log, sio_error_name(rc)) == 0);
        GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
    }
    golden_packet_free(&packet);
    sio_buf_free(&text);
}

/* ---- decoding ---- */

/* What was received and is sent on must be understood as the same. */
static void check_relayed(sio_buf *log, const sio_packet *packet, unsigned protocol) {
    sio_packet_head head = {.type = packet->type,
                            .has_id = packet->has_id,
                            .name_is_number = packet->name_is_number,
                            .id = packet->id,
                            .nsp = packet->nsp};
    sio_packet without_query = *packet;
    sio_buf text = {0};
    sio_buf first = {0};
    sio_buf second = {0};
    reader r;
    without_query.nsp_query = none;
    int rc = sio_packet_encode(&text, &head, none, packet->args, none);
    if (rc == SIO_ERR_SIO_NAMESPACE || rc == SIO_ERR_INVALID) {
        GOLDEN_NEED(!sio_nsp_is_valid(packet->nsp) || packet->type == SIO_PACKET_ACK);
        return;
    }
    GOLDEN_NEED(rc == 0);
    reader_init(&r, protocol);
    GOLDEN_NEED(decode_written(&r, &text, packet->args) == 1);
    golden_packet_log(&first, &without_query);
    golden_packet_log(&second, &r.packet);
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0) {
        GOLDEN_NEED(sio_buf_add_text(log, "relayed as ") == 0);
        GOLDEN_NEED(sio_buf_add(log, second.data, second.len) == 0);
    }
    sio_buf_free(&text);
    sio_buf_free(&first);
    sio_buf_free(&second);
    reader_free(&r);
}

static void log_error(sio_buf *log, int rc, const sio_buf *in) {
    char text[SIO_PACKET_ERROR_TEXT_MAX];
    size_t len = sio_packet_error_text(rc, (sio_str){(const char *)in->data, in->len}, text);
    GOLDEN_NEED(sio_buf_add_text(log, "error ") == 0);
    GOLDEN_NEED(sio_buf_add(log, text, len) == 0);
    GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
}

/* Returns false after an error. */
static bool decode_one(reader *r, sio_str line, sio_buf *log) {
    sio_buf in = {0};
    bool binary = golden_read_datum(&in, line);
    uint8_t *exact = malloc(in.len ? in.len : 1);
    GOLDEN_NEED(exact);
    if (in.len > 0) {
        memcpy(exact, in.data, in.len);
    }
    int rc = reader_feed(r, binary, (sio_bytes){exact, in.len});
    if (rc == 1) {
        golden_packet_log(log, &r->packet);
        if (r->packet.args) {
            check_relayed(log, &r->packet, r->options.protocol);
        }
    } else if (rc == 0) {
        GOLDEN_NEED(sio_buf_add_text(log, "more\n") == 0);
    } else {
        log_error(log, rc, &in);
    }
    free(exact);
    sio_buf_free(&in);
    return rc >= 0;
}

static void run(const golden_case *test, sio_buf *log) {
    sio_str what = test->op;
    sio_str layer = golden_word(&what);
    unsigned protocol = golden_is(layer, "sio5") ? 5 : 4;
    GOLDEN_NEED(protocol == 5 || golden_is(layer, "sio4"));
    if (golden_is(what, "encode")) {
        run_encode(test, protocol, log);
        return;
    }
    reader r;
    reader_init(&r, protocol);
    bool more = true;
    for (size_t i = 0; more && i < test->in.count; i++) {
        more = decode_one(&r, test->in.line[i], log);
    }
    reader_free(&r);
}

int main(int argc, char **argv) {
    return golden_main(argc, argv, run);
}
