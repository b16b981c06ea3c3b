/* Socket.IO packets as MessagePack against what the npm package writes and reads. What was encoded
 * is also decoded, and what was decoded is encoded and decoded once more. */
#include "packets.h"

#include <sio/msgpack.h>

#include <stdlib.h>
#include <string.h>

typedef struct reader {
    sio_args *scratch;
    sio_buf text;
    sio_packet packet;
} reader;

static const sio_str none = {NULL, 0};

static void reader_init(reader *r) {
    *r = (reader){.scratch = NULL};
    GOLDEN_NEED(sio_args_new(&r->scratch, NULL) == 0);
}

static void reader_free(reader *r) {
    sio_args_unref(r->scratch);
    sio_buf_free(&r->text);
}

static int reader_feed(reader *r, const uint8_t *data, size_t len) {
    return sio_msgpack_decode(NULL, r->scratch, &r->text, data, len, &r->packet);
}

static void check_same(sio_buf *log, const char *what, const sio_buf *got, const sio_buf *wanted) {
    if (got->len != wanted->len || memcmp(got->data, wanted->data, got->len) != 0) {
        GOLDEN_NEED(sio_buf_add_text(log, what) == 0);
        GOLDEN_NEED(sio_buf_add(log, got->data, got->len) == 0);
        GOLDEN_NEED(sio_buf_add_text(log, "and not as ") == 0);
        GOLDEN_NEED(sio_buf_add(log, wanted->data, wanted->len) == 0);
    }
}

/* ---- encoding ---- */

static int encode(sio_buf *out, const golden_packet *packet) {
    const sio_packet_head *head = &packet->head;
    if (packet->args) {
        sio_str name = {(const char *)packet->name.data, packet->name.len};
        return sio_msgpack_encode(out, head, name, packet->args, none);
    }
    sio_buf data = {0};
    golden_data_json(&data, packet);
    int rc = sio_msgpack_encode_control(out, head->type, head->nsp,
                                        (sio_str){(const char *)data.data, data.len});
    sio_buf_free(&data);
    return rc;
}

static void run_encode(const golden_case *test, sio_buf *log) {
    golden_packet packet;
    sio_buf wire = {0};
    golden_packet_read(&packet, test);
    int rc = encode(&wire, &packet);
    if (rc != 0) {
        GOLDEN_NEED(sio_buf_add_text(log, "refused ") == 0);
        GOLDEN_NEED(sio_buf_add_text(log, sio_error_name(rc)) == 0);
    } else {
        golden_write_datum(log, true, (sio_bytes){wire.data, wire.len});
    }
    GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
    if (rc == 0) {
        reader r;
        sio_buf got = {0};
        sio_buf wanted = {0};
        reader_init(&r);
        GOLDEN_NEED(reader_feed(&r, wire.data, wire.len) == 0);
        golden_packet_log(&got, &r.packet);
        golden_packet_expect(&wanted, &packet);
        check_same(log, "decoded as ", &got, &wanted);
        sio_buf_free(&got);
        sio_buf_free(&wanted);
        reader_free(&r);
    }
    golden_packet_free(&packet);
    sio_buf_free(&wire);
}

/* ---- decoding ---- */

static int encode_again(sio_buf *out, const sio_packet *packet) {
    sio_packet_head head = {.type = packet->type,
                            .has_id = packet->has_id,
                            .name_is_number = packet->name_is_number,
                            .id = packet->id,
                            .nsp = packet->nsp};
    return packet->args
               ? sio_msgpack_encode(out, &head, none, packet->args, none)
               : sio_msgpack_encode_control(out, packet->type, packet->nsp, packet->payload);
}

static void check_relayed(sio_buf *log, const sio_packet *packet) {
    reader r;
    sio_buf wire = {0};
    sio_buf first = {0};
    sio_buf second = {0};
    int rc = encode_again(&wire, packet);
    if (rc != 0) {
        GOLDEN_NEED(rc == SIO_ERR_INVALID && packet->type == SIO_PACKET_ACK && !packet->has_id);
        return;
    }
    reader_init(&r);
    GOLDEN_NEED(reader_feed(&r, wire.data, wire.len) == 0);
    golden_packet_log(&first, packet);
    golden_packet_log(&second, &r.packet);
    check_same(log, "relayed as ", &second, &first);
    sio_buf_free(&wire);
    sio_buf_free(&first);
    sio_buf_free(&second);
    reader_free(&r);
}

static void run_decode(const golden_case *test, sio_buf *log) {
    reader r;
    sio_buf in = {0};
    reader_init(&r);
    GOLDEN_NEED(test->in.count == 1 && golden_read_datum(&in, test->in.line[0]));
    uint8_t *exact = malloc(in.len ? in.len : 1);
    GOLDEN_NEED(exact);
    if (in.len > 0) {
        memcpy(exact, in.data, in.len);
    }
    if (reader_feed(&r, exact, in.len) == 0) {
        golden_packet_log(log, &r.packet);
        check_relayed(log, &r.packet);
    } else {
        GOLDEN_NEED(sio_buf_add_text(log, "error\n") == 0);
    }
    free(exact);
    sio_buf_free(&in);
    reader_free(&r);
}

static void run(const golden_case *test, sio_buf *log) {
    sio_str what = test->op;
    GOLDEN_NEED(golden_is(golden_word(&what), "msgpack"));
    if (golden_is(what, "encode")) {
        run_encode(test, log);
    } else {
        run_decode(test, log);
    }
}

int main(int argc, char **argv) {
    return golden_main(argc, argv, run);
}
