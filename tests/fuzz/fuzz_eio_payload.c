/* A long-polling body. The first byte chooses: revision 4, revision 3 text, revision 3 binary, or
 * the form of a JSONP POST. What was read is written and read again. */
#include "require.h"

#include <sio/eio.h>
#include <sio/json.h>

#include <string.h>

enum { ITEMS_MAX = 256 };

typedef struct batch {
    sio_eio_item items[ITEMS_MAX];
    size_t count;
} batch;

/* Only messages are sent with binary data, so other packets with it are left out. */
static void batch_add(batch *b, const sio_eio_packet *packet) {
    if (packet->type == SIO_EIO_ERROR || b->count == ITEMS_MAX ||
        (packet->binary && packet->type != SIO_EIO_MESSAGE)) {
        return;
    }
    sio_eio_item *item = &b->items[b->count++];
    *item = (sio_eio_item){.type = (uint8_t)packet->type};
    if (packet->binary) {
        REQUIRE(sio_eio_message_new(&item->message, true, packet->data.ptr, packet->data.len,
                                    NULL) == 0);
    } else if (packet->data.len > 0) {
        REQUIRE(sio_eio_message_new_packet(&item->message, packet->type, packet->data.ptr,
                                           packet->data.len, NULL) == 0);
    }
}

static void batch_read(batch *b, sio_eio_layout layout, sio_bytes body, bool *fault) {
    sio_eio_reader reader;
    sio_eio_reader_init(&reader, layout, body, NULL);
    sio_eio_packet packet;
    b->count = 0;
    *fault = false;
    while (sio_eio_reader_next(&reader, &packet) == 1) {
        REQUIRE(!*fault); /* nothing follows a fault */
        REQUIRE(packet.type <= SIO_EIO_ERROR);
        *fault = packet.type == SIO_EIO_ERROR;
        batch_add(b, &packet);
    }
    REQUIRE(sio_eio_reader_next(&reader, &packet) == 0);
    sio_eio_reader_free(&reader);
}

static void batch_free(batch *b) {
    for (size_t i = 0; i < b->count; i++) {
        sio_eio_message_unref(b->items[i].message);
    }
}

static void check_same(const batch *a, const batch *b) {
    REQUIRE(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const sio_eio_item *x = &a->items[i];
        const sio_eio_item *y = &b->items[i];
        REQUIRE(x->type == y->type);
        REQUIRE(sio_eio_item_is_binary(x) == sio_eio_item_is_binary(y));
        sio_bytes p;
        sio_bytes q;
        REQUIRE(sio_eio_item_bytes(&p, x, SIO_EIO_FORM_PACKET, 4) == 0);
        REQUIRE(sio_eio_item_bytes(&q, y, SIO_EIO_FORM_PACKET, 4) == 0);
        REQUIRE(p.len == q.len && (p.len == 0 || memcmp(p.ptr, q.ptr, p.len) == 0));
    }
}

static void run_layout(sio_eio_layout layout, sio_bytes input) {
    batch first;
    batch second;
    bool fault;
    batch_read(&first, layout, input, &fault);
    for (int base64 = 0; base64 < 2 && first.count > 0; base64++) {
        sio_buf body = {0};
        sio_eio_layout written;
        int revision = layout == SIO_EIO_LAYOUT_V4 ? 4 : 3;
        REQUIRE(sio_eio_payload_write(&body, &written, first.items, first.count, revision,
                                      base64 != 0) == 0);
        batch_read(&second, written, (sio_bytes){body.data, body.len}, &fault);
        REQUIRE(!fault);
        check_same(&first, &second);
        batch_free(&second);
        sio_buf_free(&body);
    }
    batch_free(&first);
}

static void run_jsonp(sio_bytes input) {
    sio_buf payload = {0};
    int rc = sio_eio_jsonp_read(&payload, input);
    REQUIRE(rc == 0 ? payload.len <= input.len : rc == SIO_ERR_NOT_FOUND && payload.len == 0);
    sio_buf call = {0};
    sio_bytes text = {payload.data, payload.len};
    REQUIRE(sio_eio_jsonp_write(&call, SIO_STR("7"), text) == 0);
    REQUIRE(memcmp(call.data, "___eio[7](", 10) == 0);
    REQUIRE(memcmp(call.data + call.len - 2, ");", 2) == 0);
    /* Valid UTF-8 becomes valid JSON; the escapes hide nothing else. */
    rc = sio_json_validate((const char *)call.data + 10, call.len - 12, 0);
    REQUIRE(rc == 0 || rc == SIO_ERR_JSON_UTF8);
    sio_buf_free(&call);
    sio_buf_free(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    sio_bytes input = {data + 1, size - 1};
    unsigned mode = data[0] & 3;
    if (mode == 3) {
        run_jsonp(input);
    } else {
        run_layout((sio_eio_layout)mode, input);
    }
    return 0;
}
