#include <sio/ws.h>

#include "mem.h"
#include "utf8.h"
#include "ws_deflate.h"
#include "ws_frame.h"
#include "ws_mask.h"

#include <string.h>

/* What an incomplete header, frame or message needs, or a delivered message that is not in the fed
 * bytes. It exists only meanwhile, so an idle connection has none. */
typedef struct ws_partial {
    sio_buf message;    /* the data frames so far, unmasked; or the delivered message */
    uint64_t frame_len; /* payload of the present frame */
    uint64_t frame_pos; /* of which this much was taken */
    size_t room;        /* given out by sio_ws_pending_room */
    size_t filled;      /* received there but not yet taken */
    uint32_t utf8;      /* state of the check over the message */
    uint8_t key[4];
    uint8_t head_len;
    uint8_t head[SIO_WS_HEADER_MAX]; /* the beginning of a header */
    uint8_t control[SIO_WS_CONTROL_MAX];
} ws_partial;

struct sio_ws {
    const sio_mem *mem;
    const sio_mem *buffers;
    sio_ws_inflater *inflater;
    uint8_t *in; /* what was fed and not yet taken */
    size_t in_len;
    ws_partial *partial;
    uint64_t max_message;
    int16_t error;        /* the fatal one */
    uint8_t message_kind; /* of the message that is being joined; 0 when there is none */
    uint8_t frame_first;  /* first byte of the frame that is being taken */
    bool client : 1;
    bool in_frame : 1;   /* the payload of a frame is being taken into `partial` */
    bool compressed : 1; /* the message being joined is */
    bool delivered : 1;  /* partial->message was given out and goes at the next call */
    bool closed : 1;
};

_Static_assert(sizeof(struct sio_ws) <= 64, "an idle connection costs one small block");

/* Below this a direct receive saves nothing over a read that may hold more frames. It starts only
 * after as much has come, so that an announcement alone reserves nothing. */
enum { ROOM_LEAST = 16 * 1024 };

/* ---- Life ---- */

int sio_ws_new(sio_ws **out, const sio_ws_options *options, const sio_mem *mem) {
    const sio_ws_options defaults = SIO_WS_OPTIONS_INIT;
    const sio_ws_options *o = options ? options : &defaults;
    if (o->size < sizeof(*o) || (o->role != SIO_WS_SERVER && o->role != SIO_WS_CLIENT)) {
        return SIO_ERR_INVALID;
    }
    sio_ws *ws = sio_mem_zalloc(mem, sizeof(*ws));
    if (!ws) {
        return SIO_ERR_NOMEM;
    }
    ws->mem = mem;
    ws->buffers = o->buffers ? o->buffers : mem;
    ws->inflater = o->inflater;
    ws->client = o->role == SIO_WS_CLIENT;
    ws->max_message = o->max_message ? o->max_message : SIO_WS_MAX_MESSAGE_DEFAULT;
    if (ws->max_message > PTRDIFF_MAX) {
        ws->max_message = PTRDIFF_MAX;
    }
    *out = ws;
    return 0;
}

static void drop_partial(sio_ws *ws) {
    if (ws->partial) {
        sio_buf_free(&ws->partial->message);
        sio_mem_release(ws->mem, ws->partial);
        ws->partial = NULL;
    }
}

void sio_ws_free(sio_ws *ws) {
    if (!ws) {
        return;
    }
    drop_partial(ws);
    sio_mem_release(ws->mem, ws);
}

static int need_partial(sio_ws *ws) {
    if (ws->partial) {
        return 0;
    }
    ws_partial *partial = sio_mem_alloc(ws->mem, sizeof(*partial));
    if (!partial) {
        return SIO_ERR_NOMEM;
    }
    memset(partial, 0, offsetof(ws_partial, control));
    sio_buf_init(&partial->message, 0, ws->buffers);
    ws->partial = partial;
    return 0;
}

bool sio_ws_has_more(const sio_ws *ws) {
    return ws->in_len > 0;
}

bool sio_ws_is_partial(const sio_ws *ws) {
    return ws->in_frame || ws->message_kind != 0 || (ws->partial && ws->partial->head_len > 0);
}

static int fail(sio_ws *ws, int error) {
    ws->error = (int16_t)error;
    ws->in_len = 0;
    ws->in_frame = false;
    ws->message_kind = 0;
    drop_partial(ws);
    return error;
}

static void took(sio_ws *ws, size_t count) {
    ws->in += count;
    ws->in_len -= count;
}

/* ---- Complete payloads ---- */

static int deliver(sio_ws_event *event, uint8_t kind, uint8_t *data, size_t len) {
    *event = (sio_ws_event){.kind = (sio_ws_opcode)kind, .data = data, .len = len, .code = 0};
    return 1;
}

/* RFC 6455 §5.5.1 and §7.4. */
static int deliver_close(sio_ws *ws, sio_ws_event *event, uint8_t *data, size_t len) {
    if (len == 0) {
        ws->closed = true;
        deliver(event, SIO_WS_CLOSE, NULL, 0);
        event->code = SIO_WS_NO_CODE;
        return 1;
    }
    if (len == 1) {
        return SIO_ERR_WS_CLOSE_CODE;
    }
    uint16_t code = (uint16_t)(data[0] << 8 | data[1]);
    if (!sio_ws_close_code_valid(code)) {
        return SIO_ERR_WS_CLOSE_CODE;
    }
    if (!sio_utf8_valid(data + 2, len - 2)) {
        return SIO_ERR_WS_UTF8;
    }
    ws->closed = true;
    deliver(event, SIO_WS_CLOSE, data + 2, len - 2);
    event->code = code;
    return 1;
}

static int deliver_control(sio_ws *ws, sio_ws_event *event, uint8_t opcode, uint8_t *data,
                           size_t len) {
    if (opcode == SIO_WS_CLOSE) {
        return deliver_close(ws, event, data, len);
    }
    return deliver(event, opcode, data, len);
}

/* Decompress a whole message into `out`, checking text as it comes out. */
static int inflate_message(sio_ws *ws, uint8_t kind, const uint8_t *data, size_t len,
                           sio_buf *out) {
    int rc = sio_ws_inflate_begin(ws->inflater, data, len, ws->max_message);
    uint32_t utf8 = 0;
    if (rc < 0) {
        return rc;
    }
    do {
        size_t before = out->len;
        rc = sio_ws_inflate_step(ws->inflater, out);
        size_t made = out->len - before;
        if (rc >= 0 && kind == SIO_WS_TEXT && made > 0 &&
            !sio_utf8_feed(&utf8, out->data + before, made)) {
            return SIO_ERR_WS_UTF8;
        }
    } while (rc > 0);
    return rc == 0 && !sio_utf8_done(utf8) ? SIO_ERR_WS_UTF8 : rc;
}

/* partial->message is the message. */
static int deliver_joined(sio_ws *ws, sio_ws_event *event, uint8_t kind) {
    ws->message_kind = 0;
    ws->delivered = true;
    return deliver(event, kind, ws->partial->message.data, ws->partial->message.len);
}

/* The payload is compressed and lies in the fed bytes. */
static int deliver_inflated(sio_ws *ws, sio_ws_event *event, uint8_t kind, const uint8_t *data,
                            size_t len) {
    int rc = need_partial(ws);
    if (rc == 0) {
        rc = inflate_message(ws, kind, data, len, &ws->partial->message);
    }
    return rc != 0 ? rc : deliver_joined(ws, event, kind);
}

/* The last frame of the message has been joined. */
static int finish_joined(sio_ws *ws, sio_ws_event *event) {
    ws_partial *partial = ws->partial;
    uint8_t kind = ws->message_kind;
    if (!ws->compressed) {
        return sio_utf8_done(partial->utf8) ? deliver_joined(ws, event, kind) : SIO_ERR_WS_UTF8;
    }
    sio_buf packed = partial->message;
    sio_buf_init(&partial->message, 0, ws->buffers);
    int rc = inflate_message(ws, kind, packed.data, packed.len, &partial->message);
    sio_buf_free(&packed);
    return rc != 0 ? rc : deliver_joined(ws, event, kind);
}

/* ---- Headers ---- */

static bool opcode_known(uint8_t opcode) {
    return opcode <= SIO_WS_BINARY || (opcode >= SIO_WS_CLOSE && opcode <= SIO_WS_PONG);
}

/* What the first byte of a frame may be at this point (RFC 6455 §5.2, §5.4, RFC 7692 §6). */
static int check_first(const sio_ws *ws, uint8_t first) {
    uint8_t opcode = sio_ws_opcode_of(first);
    if (first & SIO_WS_RSV_OTHERS) {
        return SIO_ERR_WS_RSV;
    }
    bool may_be_compressed = ws->inflater && (opcode == SIO_WS_TEXT || opcode == SIO_WS_BINARY);
    if ((first & SIO_WS_RSV1) && !may_be_compressed) {
        return SIO_ERR_WS_RSV;
    }
    if (!opcode_known(opcode)) {
        return SIO_ERR_WS_OPCODE;
    }
    if (sio_ws_is_control(first)) {
        return first & SIO_WS_FIN ? 0 : SIO_ERR_WS_CONTROL;
    }
    bool continues = opcode == SIO_WS_CONTINUATION;
    return continues == (ws->message_kind != 0) ? 0 : SIO_ERR_WS_CONTINUATION;
}

static int check_second(const sio_ws *ws, uint8_t first, uint8_t second) {
    bool masked = (second & SIO_WS_MASKED) != 0;
    if (masked == ws->client) {
        return SIO_ERR_WS_MASK;
    }
    if (sio_ws_is_control(first) && (second & SIO_WS_LENGTH_BITS) > SIO_WS_CONTROL_MAX) {
        return SIO_ERR_WS_CONTROL;
    }
    return 0;
}

/* As sio_ws_header_read, with every rule that the bytes so far can break. */
static int parse_header(const sio_ws *ws, sio_ws_header *header, const uint8_t *head, size_t len) {
    int rc = len >= 1 ? check_first(ws, head[0]) : 0;
    if (rc == 0 && len >= 2) {
        rc = check_second(ws, head[0], head[1]);
    }
    return rc != 0 ? rc : sio_ws_header_read(header, head, len);
}

/* Take a header from the fed bytes, after its beginning if that was fed before. Returns 1 with the
 * header, 0 when more bytes are needed, or an error. */
static int take_header(sio_ws *ws, sio_ws_header *header) {
    uint8_t head[SIO_WS_HEADER_MAX];
    size_t have = ws->partial ? ws->partial->head_len : 0;
    if (have > 0) {
        memcpy(head, ws->partial->head, have);
    }
    size_t more = sizeof(head) - have < ws->in_len ? sizeof(head) - have : ws->in_len;
    if (more == 0) {
        return 0;
    }
    memcpy(head + have, ws->in, more);
    int size = parse_header(ws, header, head, have + more);
    if (size < 0) {
        return size;
    }
    if (size > 0) {
        took(ws, (size_t)size - have);
        if (ws->partial) {
            ws->partial->head_len = 0;
        }
        return 1;
    }
    int rc = need_partial(ws);
    if (rc != 0) {
        return rc;
    }
    memcpy(ws->partial->head, head, have + more);
    ws->partial->head_len = (uint8_t)(have + more);
    took(ws, more);
    return 0;
}

/* ---- Payloads ---- */

static uint64_t joined_so_far(const sio_ws *ws) {
    return ws->message_kind != 0 ? ws->partial->message.len : 0;
}

/* The whole payload lies in the fed bytes and is not to be joined with anything. */
static int take_whole(sio_ws *ws, const sio_ws_header *header, sio_ws_event *event) {
    uint8_t opcode = sio_ws_opcode_of(header->first);
    uint8_t *data = ws->in;
    size_t len = (size_t)header->len;
    took(ws, len);
    if (header->masked) {
        sio_ws_mask_payload(data, len, header->key);
    }
    if (sio_ws_is_control(header->first)) {
        return deliver_control(ws, event, opcode, data, len);
    }
    if (header->first & SIO_WS_RSV1) {
        return deliver_inflated(ws, event, opcode, data, len);
    }
    if (opcode == SIO_WS_TEXT && !sio_utf8_valid(data, len)) {
        return SIO_ERR_WS_UTF8;
    }
    return deliver(event, opcode, data, len);
}

/* The payload has to be joined, or is not there yet. */
static int begin_frame(sio_ws *ws, const sio_ws_header *header) {
    int rc = need_partial(ws);
    if (rc != 0) {
        return rc;
    }
    ws_partial *partial = ws->partial;
    uint8_t opcode = sio_ws_opcode_of(header->first);
    if (opcode == SIO_WS_TEXT || opcode == SIO_WS_BINARY) {
        ws->message_kind = opcode;
        ws->compressed = (header->first & SIO_WS_RSV1) != 0;
        partial->utf8 = 0;
    }
    partial->frame_len = header->len;
    partial->frame_pos = 0;
    memcpy(partial->key, header->key, sizeof(partial->key));
    ws->frame_first = header->first;
    ws->in_frame = true;
    return 0;
}

/* Room for `more` bytes that have come, and for what was announced besides; but no more than a few
 * times what has come, because announcing costs the peer nothing. With the eighth that a buffer
 * adds of itself that makes less than eight times. */
static int message_reserve(sio_ws *ws, size_t more) {
    enum { AHEAD = 6 };
    sio_buf *message = &ws->partial->message;
    uint64_t due = ws->partial->frame_len - ws->partial->frame_pos;
    uint64_t max = ws->frame_first & SIO_WS_FIN ? message->len + due : ws->max_message;
    message->max = (size_t)max;
    if (more <= message->cap - message->len) {
        return 0;
    }
    uint64_t ahead = due - more;
    uint64_t most = ((uint64_t)message->len + more) * AHEAD;
    return sio_buf_reserve(message, more + (size_t)(ahead < most ? ahead : most));
}

/* `len` bytes of the frame stand behind the end of the message buffer, still masked. */
static int message_append(sio_ws *ws, size_t len) {
    ws_partial *partial = ws->partial;
    uint8_t *data = partial->message.data + partial->message.len;
    if (!ws->client) {
        sio_ws_mask(data, len, partial->key, (size_t)(partial->frame_pos & 3));
    }
    partial->message.len += len;
    partial->frame_pos += len;
    if (ws->message_kind == SIO_WS_TEXT && !ws->compressed &&
        !sio_utf8_feed(&partial->utf8, data, len)) {
        return SIO_ERR_WS_UTF8;
    }
    return 0;
}

static int take_data(sio_ws *ws, size_t len) {
    int rc = message_reserve(ws, len);
    if (rc != 0) {
        return rc;
    }
    memcpy(ws->partial->message.data + ws->partial->message.len, ws->in, len);
    took(ws, len);
    return message_append(ws, len);
}

static void take_control(sio_ws *ws, size_t len) {
    ws_partial *partial = ws->partial;
    uint8_t *data = partial->control + partial->frame_pos;
    memcpy(data, ws->in, len);
    took(ws, len);
    if (!ws->client) {
        sio_ws_mask(data, len, partial->key, (size_t)(partial->frame_pos & 3));
    }
    partial->frame_pos += len;
}

/* Take what there is of the present frame. Returns 1 when it is complete, 0 when not. */
static int take_payload(sio_ws *ws) {
    ws_partial *partial = ws->partial;
    uint64_t due = partial->frame_len - partial->frame_pos;
    size_t len = ws->in_len < due ? ws->in_len : (size_t)due;
    if (len > 0) {
        if (sio_ws_is_control(ws->frame_first)) {
            take_control(ws, len);
        } else {
            int rc = take_data(ws, len);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return partial->frame_pos == partial->frame_len;
}

/* The present frame is complete. Returns 1 with an event, 0 without one. */
static int end_frame(sio_ws *ws, sio_ws_event *event) {
    ws->in_frame = false;
    if (sio_ws_is_control(ws->frame_first)) {
        return deliver_control(ws, event, sio_ws_opcode_of(ws->frame_first), ws->partial->control,
                               (size_t)ws->partial->frame_len);
    }
    return ws->frame_first & SIO_WS_FIN ? finish_joined(ws, event) : 0;
}

/* ---- Events ---- */

int sio_ws_feed(sio_ws *ws, uint8_t *data, size_t len) {
    if (ws->closed) {
        return 0;
    }
    if (ws->error != 0 || ws->in_len > 0 || (ws->partial && ws->partial->filled > 0)) {
        return SIO_ERR_STATE;
    }
    if (ws->partial) {
        ws->partial->room = 0;
    }
    ws->in = data;
    ws->in_len = len;
    return 0;
}

/* A frame from its header on. Returns 1 with an event, 0 when more bytes are needed, 2 when the
 * frame's payload is to be taken. */
static int next_frame(sio_ws *ws, sio_ws_event *event) {
    sio_ws_header header;
    int rc = take_header(ws, &header);
    if (rc <= 0) {
        return rc;
    }
    bool control = sio_ws_is_control(header.first);
    if (!control && header.len > ws->max_message - joined_so_far(ws)) {
        return SIO_ERR_WS_TOO_LARGE;
    }
    bool whole = (header.first & SIO_WS_FIN) && sio_ws_opcode_of(header.first) != 0;
    if (whole && header.len <= ws->in_len) {
        return take_whole(ws, &header, event);
    }
    rc = begin_frame(ws, &header);
    return rc != 0 ? rc : 2;
}

/* Give back what the last event held, and everything once nothing is pending. */
static void settle(sio_ws *ws) {
    if (ws->delivered) {
        sio_buf_free(&ws->partial->message);
        ws->delivered = false;
    }
    if (ws->closed) {
        ws->in_len = 0;
        ws->in_frame = false;
        ws->message_kind = 0;
    }
    if (!sio_ws_is_partial(ws)) {
        drop_partial(ws);
    }
}

/* What was received into the room that was given out. */
static int take_filled(sio_ws *ws) {
    size_t filled = ws->partial ? ws->partial->filled : 0;
    if (filled == 0) {
        return 0;
    }
    ws->partial->filled = 0;
    return message_append(ws, filled);
}

static int next_any(sio_ws *ws, sio_ws_event *event) {
    int rc = take_filled(ws);
    while (rc == 0) {
        if (!ws->in_frame) {
            rc = next_frame(ws, event);
            if (rc != 2) {
                return rc;
            }
        }
        rc = take_payload(ws);
        if (rc <= 0) {
            return rc;
        }
        rc = end_frame(ws, event);
    }
    return rc;
}

static int next_slow(sio_ws *ws, sio_ws_event *event) {
    if (ws->error != 0) {
        return ws->error;
    }
    settle(ws);
    if (ws->closed) {
        return 0;
    }
    int rc = next_any(ws, event);
    return rc < 0 ? fail(ws, rc) : rc;
}

/* By far the most frequent input is a whole, unfragmented, uncompressed data frame in the fed bytes
 * while nothing is pending. Everything else, errors too, goes the general way. */
int sio_ws_next(sio_ws *ws, sio_ws_event *event) {
    uint8_t *in = ws->in;
    size_t in_len = ws->in_len;
    if (ws->partial || in_len < 2 + 4 || ws->closed) {
        return next_slow(ws, event);
    }
    uint8_t kind = in[0] ^ SIO_WS_FIN;
    size_t mask_len = ws->client ? 0 : 4;
    size_t head = 2 + mask_len;
    size_t len = ws->client ? in[1] : in[1] ^ SIO_WS_MASKED;
    if (len == 126) {
        len = (size_t)in[2] << 8 | in[3];
        head += 2;
        if (len < 126) {
            return next_slow(ws, event);
        }
    } else if (len > 126) {
        return next_slow(ws, event);
    }
    if ((kind != SIO_WS_TEXT && kind != SIO_WS_BINARY) || len > ws->max_message ||
        in_len < head + len) {
        return next_slow(ws, event);
    }
    uint8_t *data = in + head;
    if (mask_len > 0) {
        sio_ws_mask_payload(data, len, data - 4);
    }
    took(ws, head + len);
    if (kind == SIO_WS_TEXT && !sio_utf8_valid(data, len)) {
        return fail(ws, SIO_ERR_WS_UTF8);
    }
    return deliver(event, kind, data, len);
}

/* ---- Direct receive ---- */

int sio_ws_pending_room(sio_ws *ws, uint8_t **ptr, size_t *len) {
    ws_partial *partial = ws->partial;
    if (!ws->in_frame || ws->in_len > 0 || ws->closed || sio_ws_is_control(ws->frame_first) ||
        partial->filled > 0 || partial->message.len < ROOM_LEAST) {
        return 0;
    }
    uint64_t due = partial->frame_len - partial->frame_pos;
    if (due < ROOM_LEAST) {
        return 0;
    }
    size_t have = partial->message.cap - partial->message.len;
    if (have < ROOM_LEAST) {
        int rc = message_reserve(ws, ROOM_LEAST);
        if (rc != 0) {
            return rc;
        }
        have = partial->message.cap - partial->message.len;
    }
    *ptr = partial->message.data + partial->message.len;
    *len = partial->room = due < have ? (size_t)due : have;
    return 1;
}

int sio_ws_pending_filled(sio_ws *ws, size_t count) {
    ws_partial *partial = ws->partial;
    if (!partial || ws->in_len > 0 || partial->filled > 0 || count > partial->room) {
        return SIO_ERR_STATE;
    }
    partial->room = 0;
    partial->filled = count;
    return 0;
}
