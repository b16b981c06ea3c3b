/* packet = type [ attachments "-" ] [ namespace "," ] [ ack-id ] [ json ] */
#include "sio_decode.h"

#include "sio_binary.h"
#include "sio_names.h"

#include <string.h>

enum {
    WIRE_BINARY_EVENT = 5,
    WIRE_BINARY_ACK = 6,
    MOST_ATTACHMENTS = 65536 /* whatever the option says: a header alone costs memory for each */
};

/* What is left of the text. */
typedef struct wire {
    const char *at;
    const char *end;
} wire;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads all digits there are, so that a number too long is told from a malformed one. What is above
 * `ceiling` (at most 2^53) gives `ceiling` + 1. */
static uint64_t read_digits(wire *in, uint64_t ceiling) {
    uint64_t value = 0;
    for (; in->at < in->end && is_digit(*in->at); in->at++) {
        if (value <= ceiling) {
            value = value * 10 + (uint64_t)(*in->at - '0');
        }
    }
    return value <= ceiling ? value : ceiling + 1;
}

static int read_type(wire *in, sio_packet *out, bool *binary) {
    if (in->at == in->end || *in->at < '0' || *in->at > '6') {
        return SIO_ERR_SIO_TYPE;
    }
    int type = *in->at++ - '0';
    *binary = type >= WIRE_BINARY_EVENT;
    if (type == WIRE_BINARY_EVENT) {
        type = SIO_PACKET_EVENT;
    } else if (type == WIRE_BINARY_ACK) {
        type = SIO_PACKET_ACK;
    }
    out->type = (sio_packet_type)type;
    return 0;
}

static int read_attachments(wire *in, const sio_decoder_options *options, uint32_t *count) {
    uint32_t max =
        options->max_attachments != 0 ? options->max_attachments : SIO_DEFAULT_MAX_ATTACHMENTS;
    max = max < MOST_ATTACHMENTS ? max : MOST_ATTACHMENTS;
    uint64_t value = read_digits(in, max);
    if (in->at == in->end || *in->at != '-' || value == 0) {
        return SIO_ERR_SIO_ATTACHMENT_COUNT;
    }
    in->at++;
    if (value > max) {
        return SIO_ERR_SIO_TOO_MANY_ATTACHMENTS;
    }
    *count = (uint32_t)value;
    return 0;
}

static void read_namespace(wire *in, unsigned protocol, sio_packet *out) {
    out->nsp = SIO_STR("/");
    if (in->at == in->end || *in->at != '/') {
        return;
    }
    size_t left = (size_t)(in->end - in->at);
    const char *comma = memchr(in->at, ',', left);
    size_t len = comma ? (size_t)(comma - in->at) : left;
    out->nsp = (sio_str){in->at, len};
    in->at += comma ? len + 1 : len;
    if (protocol != 4) {
        return;
    }
    const char *mark = memchr(out->nsp.ptr, '?', len);
    if (mark) {
        out->nsp.len = (size_t)(mark - out->nsp.ptr);
        out->nsp_query = (sio_str){mark + 1, len - out->nsp.len - 1};
    }
}

static int read_id(wire *in, sio_packet *out) {
    if (in->at == in->end || !is_digit(*in->at)) {
        return 0;
    }
    out->id = read_digits(in, SIO_PACKET_MAX_ID);
    out->has_id = true;
    return out->id > SIO_PACKET_MAX_ID ? SIO_ERR_SIO_PAYLOAD : 0;
}

int sio_packet_json_error(int err) {
    /* All faults of a JSON text are numbered -100 to -109. */
    return err <= SIO_ERR_JSON_SYNTAX && err > SIO_ERR_MSGPACK_SYNTAX ? SIO_ERR_SIO_PAYLOAD : err;
}

static int read_event(const sio_decoder_options *options, sio_args *scratch, wire in,
                      uint32_t attachments, sio_packet *out) {
    unsigned flags = SIO_ARGS_EVENT | (attachments != 0 ? SIO_ARGS_BINARY : 0u);
    size_t len = (size_t)(in.end - in.at);
    int rc = sio_args_parse(scratch, in.at, len, flags, attachments, &options->args);
    if (rc != 0) {
        return sio_packet_json_error(rc);
    }
    if (sio_packet_is_reserved(sio_args_name(scratch))) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    /* The array is not empty and its first element is a string or a number. */
    const char *first = in.at + 1;
    while (*first == ' ' || *first == '\t' || *first == '\n' || *first == '\r') {
        first++;
    }
    out->name_is_number = *first != '"';
    out->args = scratch;
    return 0;
}

static int read_ack(const sio_decoder_options *options, sio_args *scratch, wire in,
                    uint32_t attachments, sio_packet *out) {
    bool empty = in.at == in.end;
    if (empty && attachments != 0) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    const char *json = empty ? "[]" : in.at;
    size_t len = empty ? 2 : (size_t)(in.end - in.at);
    unsigned flags = attachments != 0 ? SIO_ARGS_BINARY : 0u;
    int rc = sio_args_parse(scratch, json, len, flags, attachments, &options->args);
    out->args = scratch;
    return sio_packet_json_error(rc);
}

bool sio_packet_payload_fits(sio_packet_type type, sio_str json, bool any) {
    if (json.len == 0) {
        return true;
    }
    switch (type) {
    case SIO_PACKET_CONNECT:
        return json.ptr[0] == '{';
    case SIO_PACKET_CONNECT_ERROR:
        return any || json.ptr[0] == '{' || json.ptr[0] == '"';
    default:
        return false;
    }
}

static int read_payload(const sio_decoder_options *options, wire in, sio_packet *out) {
    sio_str json = {in.at, (size_t)(in.end - in.at)};
    if (!sio_packet_payload_fits(out->type, json, options->protocol == 4)) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    if (json.len == 0) {
        return 0;
    }
    out->payload = json;
    return sio_packet_json_error(sio_json_validate(json.ptr, json.len, options->args.max_depth));
}

static int read_body(const sio_decoder_options *options, sio_args *scratch, wire in,
                     uint32_t attachments, sio_packet *out) {
    switch (out->type) {
    case SIO_PACKET_EVENT:
    case SIO_PACKET_ACK:
        /* JSON begins right behind the head: white space there is not ours to skip. */
        if (in.at != in.end && *in.at != '[') {
            return SIO_ERR_SIO_PAYLOAD;
        }
        return out->type == SIO_PACKET_ACK ? read_ack(options, scratch, in, attachments, out)
                                           : read_event(options, scratch, in, attachments, out);
    default:
        return read_payload(options, in, out);
    }
}

int sio_packet_read(const sio_decoder_options *options, sio_args *scratch, const char *text,
                    size_t len, sio_packet *out, uint32_t *attachments) {
    wire in = {text, text + len};
    bool binary = false;
    *out = (sio_packet){0};
    *attachments = 0;
    int rc = read_type(&in, out, &binary);
    if (rc == 0 && binary) {
        rc = read_attachments(&in, options, attachments);
    }
    if (rc != 0) {
        return rc;
    }
    read_namespace(&in, options->protocol, out);
    rc = read_id(&in, out);
    return rc != 0 ? rc : read_body(options, scratch, in, *attachments, out);
}

int sio_decoder_init(sio_decoder *decoder, const sio_decoder_options *options) {
    bool known = options->protocol == 0 || options->protocol == 4 || options->protocol == 5;
    bool msgpack = options->parser == SIO_PARSER_MSGPACK;
    if (options->size != sizeof(*options) || !known || (msgpack && options->protocol == 4) ||
        (msgpack && !options->text)) {
        return SIO_ERR_INVALID;
    }
    *decoder = (sio_decoder){.options = options};
    return 0;
}

int sio_decoder_text(sio_decoder *decoder, sio_args *scratch, const char *text, size_t len,
                     sio_packet *out) {
    if (decoder->options->parser == SIO_PARSER_MSGPACK) {
        return SIO_ERR_SIO_PLAINTEXT;
    }
    if (decoder->partial) {
        bool awaited = sio_decoder_is_partial(decoder);
        sio_decoder_reset(decoder);
        if (awaited) {
            return SIO_ERR_SIO_PLAINTEXT;
        }
    }
    sio_packet packet;
    uint32_t attachments;
    int rc = sio_packet_read(decoder->options, scratch, text, len, &packet, &attachments);
    if (rc != 0) {
        return rc;
    }
    if (attachments != 0) {
        return sio_partial_new(&decoder->partial, decoder->options, (sio_str){text, len},
                               attachments);
    }
    *out = packet;
    return 1;
}

size_t sio_packet_error_text(int err, sio_str text, char out[SIO_PACKET_ERROR_TEXT_MAX]) {
    static const char unknown[] = "unknown packet type ";
    size_t len;
    if (err != SIO_ERR_SIO_TYPE) {
        const char *plain = sio_error_text(err);
        len = strlen(plain);
        len = len < SIO_PACKET_ERROR_TEXT_MAX ? len : SIO_PACKET_ERROR_TEXT_MAX - 1;
        memcpy(out, plain, len);
    } else {
        len = sizeof(unknown) - 1;
        memcpy(out, unknown, len);
        if (text.len > 0 && is_digit(text.ptr[0])) {
            out[len++] = text.ptr[0];
        } else {
            memcpy(out + len, "NaN", 3);
            len += 3;
        }
    }
    out[len] = '\0';
    return len;
}
