#include <sio/eio.h>

#include "base64.h"
#include "mem.h"

#include <stdatomic.h>
#include <string.h>

/*
 * One block of memory:
 *
 *   | struct sio_eio_message | ... | frame header | type digit | data ... |
 *                                                                ^ SIO_EIO_HEADROOM
 *
 * Text has the digit in front of the data, binary nothing. The frame header ends where the packet
 * begins, so that the frame, the packet and the data are slices of each other. What does not fit
 * this picture (base64, the type byte of revision 3 in front of binary) is a variant: a block of
 * its own, made when a receiver first needs it.
 */
enum { FRAME_HEADER_MAX = 10 };

enum { OPCODE_TEXT = 0x81, OPCODE_BINARY = 0x82 };

/* `bytes` is a whole frame; the packet starts at `header`. */
typedef struct variant {
    size_t len;
    uint8_t header;
    uint8_t bytes[];
} variant;

typedef struct deflated {
    uint32_t key;
    sio_blob *blob;
} deflated;

enum { VARIANT_BASE64_V4, VARIANT_BASE64_V3, VARIANT_BINARY_V3, VARIANT_COUNT };

struct sio_eio_message {
    atomic_size_t refs;
    size_t len; /* of the data */
    _Atomic(variant *) variants[VARIANT_COUNT];
    _Atomic(deflated *) compressed;
    sio_mem mem;
    uint8_t type;
    bool binary;
    bool has_mem;
    uint8_t header; /* length of the frame header */
};

_Static_assert(sizeof(sio_eio_message) + FRAME_HEADER_MAX + 1 <= SIO_EIO_HEADROOM,
               "the headroom holds the message and the longest frame header with a type");

static const sio_mem *message_mem(const sio_eio_message *message) {
    return message->has_mem ? &message->mem : NULL;
}

static uint8_t *message_start(sio_eio_message *message) {
    return (uint8_t *)message + SIO_EIO_HEADROOM;
}

static uint8_t frame_header_len(uint64_t payload) {
    return payload < 126 ? 2 : payload <= UINT16_MAX ? 4 : 10;
}

/* Write the header of an unmasked final frame (RFC 6455 §5.2) so that it ends at `payload`. */
static void frame_header_write(uint8_t *payload, uint8_t opcode, uint64_t len) {
    uint8_t header = frame_header_len(len);
    uint8_t *at = payload - header;
    at[0] = opcode;
    at[1] = header == 2 ? (uint8_t)len : header == 4 ? 126 : 127;
    for (int i = header - 1; i >= 2; i--) {
        at[i] = (uint8_t)len;
        len >>= 8;
    }
}

/* Fill in the bookkeeping of a block whose data is in place. */
static void message_setup(sio_eio_message *message, sio_eio_type type, bool binary, size_t len,
                          const sio_mem *mem) {
    memset(message, 0, sizeof(*message));
    atomic_init(&message->refs, 1);
    message->len = len;
    message->type = (uint8_t)type;
    message->binary = binary;
    message->has_mem = mem != NULL;
    if (mem) {
        message->mem = *mem;
    }
    uint8_t *packet = message_start(message);
    if (!binary) {
        *--packet = (uint8_t)('0' + type);
        len++;
    }
    message->header = frame_header_len(len);
    frame_header_write(packet, binary ? OPCODE_BINARY : OPCODE_TEXT, len);
}

static int message_create(sio_eio_message **out, sio_eio_type type, bool binary, const void *data,
                          size_t len, const sio_mem *mem) {
    if (len > SIZE_MAX - SIO_EIO_HEADROOM) {
        return SIO_ERR_NOMEM;
    }
    sio_eio_message *message = sio_mem_alloc(mem, SIO_EIO_HEADROOM + len);
    if (!message) {
        return SIO_ERR_NOMEM;
    }
    if (len > 0) {
        memcpy(message_start(message), data, len);
    }
    message_setup(message, type, binary, len, mem);
    *out = message;
    return 0;
}

int sio_eio_message_new(sio_eio_message **out, bool binary, const void *data, size_t len,
                        const sio_mem *mem) {
    return message_create(out, SIO_EIO_MESSAGE, binary, data, len, mem);
}

int sio_eio_message_new_packet(sio_eio_message **out, sio_eio_type type, const void *data,
                               size_t len, const sio_mem *mem) {
    if ((unsigned)type > SIO_EIO_NOOP) {
        return SIO_ERR_INVALID;
    }
    return message_create(out, type, false, data, len, mem);
}

int sio_eio_message_begin(sio_buf *buf) {
    buf->len = 0;
    int rc = sio_buf_reserve(buf, SIO_EIO_HEADROOM);
    if (rc != 0) {
        return rc;
    }
    /* The headroom is copied along when the buffer grows, so it must be defined. */
    memset(buf->data, 0, SIO_EIO_HEADROOM);
    buf->len = SIO_EIO_HEADROOM;
    return 0;
}

/* A buffer grows by doubling; a queued message would hold on to the slack. */
static void *message_trim(sio_buf *buf) {
    enum { SLACK = 128 };
    if (buf->cap - buf->len <= SLACK + buf->len / 8) {
        return buf->data;
    }
    void *smaller = sio_mem_resize(buf->mem, buf->data, buf->len);
    return smaller ? smaller : buf->data;
}

int sio_eio_message_take(sio_eio_message **out, bool binary, sio_buf *buf) {
    if (buf->len < SIO_EIO_HEADROOM) {
        sio_buf_free(buf);
        return SIO_ERR_INVALID;
    }
    sio_eio_message *message = message_trim(buf);
    message_setup(message, SIO_EIO_MESSAGE, binary, buf->len - SIO_EIO_HEADROOM, buf->mem);
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    *out = message;
    return 0;
}

sio_eio_message *sio_eio_message_ref(sio_eio_message *message) {
    atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
    return message;
}

static void message_free(sio_eio_message *message) {
    sio_mem mem = message->mem;
    const sio_mem *owner = message->has_mem ? &mem : NULL;
    for (int i = 0; i < VARIANT_COUNT; i++) {
        sio_mem_release(owner, atomic_load_explicit(&message->variants[i], memory_order_relaxed));
    }
    deflated *compressed = atomic_load_explicit(&message->compressed, memory_order_relaxed);
    if (compressed) {
        sio_blob_unref(compressed->blob);
        sio_mem_release(owner, compressed);
    }
    sio_mem_release(owner, message);
}

void sio_eio_message_unref(sio_eio_message *message) {
    if (message && atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) == 1) {
        message_free(message);
    }
}

sio_eio_type sio_eio_message_type(const sio_eio_message *message) {
    return (sio_eio_type)message->type;
}

bool sio_eio_message_is_binary(const sio_eio_message *message) {
    return message->binary;
}

sio_bytes sio_eio_message_data(const sio_eio_message *message) {
    return (sio_bytes){(const uint8_t *)message + SIO_EIO_HEADROOM, message->len};
}

size_t sio_eio_message_text_size(const sio_eio_message *message) {
    size_t data = message->binary ? sio_base64_encoded_len(message->len) : message->len;
    return data == SIZE_MAX ? SIZE_MAX : data + 1;
}

/* ---- variants ---- */

static size_t variant_payload_len(const sio_eio_message *message, int kind) {
    if (kind == VARIANT_BINARY_V3) {
        return message->len + 1;
    }
    size_t base64 = sio_base64_encoded_len(message->len);
    size_t prefix = kind == VARIANT_BASE64_V4 ? 1 : 2;
    return base64 > SIZE_MAX - prefix ? SIZE_MAX : base64 + prefix;
}

static void variant_fill(uint8_t *payload, const sio_eio_message *message, int kind) {
    sio_bytes data = sio_eio_message_data(message);
    if (kind == VARIANT_BINARY_V3) {
        *payload++ = message->type;
        if (data.len > 0) {
            memcpy(payload, data.ptr, data.len);
        }
        return;
    }
    *payload++ = 'b';
    if (kind == VARIANT_BASE64_V3) {
        *payload++ = (uint8_t)('0' + message->type);
    }
    sio_base64_encode((char *)payload, data.ptr, data.len);
}

static variant *variant_new(const sio_eio_message *message, int kind) {
    size_t payload = variant_payload_len(message, kind);
    if (payload > SIZE_MAX - sizeof(variant) - FRAME_HEADER_MAX) {
        return NULL;
    }
    uint8_t header = frame_header_len(payload);
    variant *fresh = sio_mem_alloc(message_mem(message), sizeof(variant) + header + payload);
    if (!fresh) {
        return NULL;
    }
    fresh->len = header + payload;
    fresh->header = header;
    uint8_t opcode = kind == VARIANT_BINARY_V3 ? OPCODE_BINARY : OPCODE_TEXT;
    frame_header_write(fresh->bytes + header, opcode, payload);
    variant_fill(fresh->bytes + header, message, kind);
    return fresh;
}

/* Two threads may make the same variant at once: the first to publish it wins. */
static const variant *variant_get(sio_eio_message *message, int kind) {
    variant *present = atomic_load_explicit(&message->variants[kind], memory_order_acquire);
    if (present) {
        return present;
    }
    variant *fresh = variant_new(message, kind);
    if (!fresh) {
        return NULL;
    }
    if (atomic_compare_exchange_strong_explicit(&message->variants[kind], &present, fresh,
                                                memory_order_acq_rel, memory_order_acquire)) {
        return fresh;
    }
    sio_mem_release(message_mem(message), fresh);
    return present;
}

static int variant_bytes(sio_bytes *out, sio_eio_message *message, int kind, bool framed) {
    const variant *found = variant_get(message, kind);
    if (!found) {
        return SIO_ERR_NOMEM;
    }
    size_t skip = framed ? 0 : found->header;
    *out = (sio_bytes){found->bytes + skip, found->len - skip};
    return 0;
}

int sio_eio_message_bytes(sio_bytes *out, sio_eio_message *message, sio_eio_form form,
                          int revision) {
    bool framed = form == SIO_EIO_FORM_FRAME || form == SIO_EIO_FORM_TEXT_FRAME;
    bool text = form == SIO_EIO_FORM_TEXT || form == SIO_EIO_FORM_TEXT_FRAME;
    if (message->binary && text) {
        int kind = revision == 4 ? VARIANT_BASE64_V4 : VARIANT_BASE64_V3;
        return variant_bytes(out, message, kind, framed);
    }
    if (message->binary && revision != 4) {
        return variant_bytes(out, message, VARIANT_BINARY_V3, framed);
    }
    size_t front = (message->binary ? 0u : 1u) + (framed ? message->header : 0u);
    *out = (sio_bytes){message_start(message) - front, message->len + front};
    return 0;
}

/* ---- the compressed frame ---- */

const sio_blob *sio_eio_message_deflated(const sio_eio_message *message, uint32_t key) {
    const deflated *found = atomic_load_explicit(&message->compressed, memory_order_acquire);
    return found && found->key == key ? found->blob : NULL;
}

int sio_eio_message_set_deflated(sio_eio_message *message, uint32_t key, sio_blob *blob) {
    deflated *present = atomic_load_explicit(&message->compressed, memory_order_relaxed);
    if (present) {
        return SIO_ERR_EXISTS;
    }
    deflated *fresh = sio_mem_alloc(message_mem(message), sizeof(*fresh));
    if (!fresh) {
        return SIO_ERR_NOMEM;
    }
    *fresh = (deflated){key, sio_blob_ref(blob)};
    if (!atomic_compare_exchange_strong_explicit(&message->compressed, &present, fresh,
                                                 memory_order_acq_rel, memory_order_relaxed)) {
        sio_blob_unref(blob);
        sio_mem_release(message_mem(message), fresh);
        return SIO_ERR_EXISTS;
    }
    return 0;
}
