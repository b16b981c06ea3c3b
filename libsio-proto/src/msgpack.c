#include <sio/json.h>
#include <sio/msgpack.h>

#include "msgpack_read.h"
#include "msgpack_write.h"
#include "sio_decode.h"
#include "sio_encode.h"
#include "sio_names.h"
#include "utf8.h"

#include <string.h>

enum { DEFAULT_MAX_ATTACHMENTS = 256, DEFAULT_MAX_DEPTH = 64, DEFAULT_MAX_TEXT = 8000000 };

/* The members of the map that a packet is. Of equal keys the last counts. */
typedef struct fields {
    sio_mp_token type;
    sio_mp_token nsp;
    sio_mp_token id;
    sio_mp_token data;     /* the first token of it */
    sio_mp_reader data_in; /* the whole of it */
} fields;

static bool key_is(const sio_mp_token *key, const char *name) {
    return key->kind == SIO_MP_STR && key->as.bytes.len == strlen(name) &&
           memcmp(key->as.bytes.ptr, name, key->as.bytes.len) == 0;
}

/* The value is left where it is: its first token tells what it is. */
static int read_field(sio_mp_reader *in, fields *out) {
    sio_mp_token key;
    int rc = sio_mp_read(in, &key);
    if (rc == 0 && (key.kind == SIO_MP_ARRAY || key.kind == SIO_MP_MAP)) {
        rc = SIO_ERR_MSGPACK_TYPE;
    }
    if (rc != 0) {
        return rc;
    }
    sio_mp_reader value = *in;
    rc = sio_mp_skip(in);
    if (rc != 0) {
        return rc;
    }
    value.end = in->at;
    if (key_is(&key, "data")) {
        out->data_in = value;
        return sio_mp_read(&value, &out->data);
    }
    if (key_is(&key, "type")) {
        return sio_mp_read(&value, &out->type);
    }
    if (key_is(&key, "nsp")) {
        return sio_mp_read(&value, &out->nsp);
    }
    return key_is(&key, "id") ? sio_mp_read(&value, &out->id) : 0;
}

static int read_fields(const uint8_t *data, size_t len, fields *out) {
    static const sio_mp_token undefined = {.kind = SIO_MP_UNDEFINED};
    sio_mp_reader in = {data, data + len};
    sio_mp_token map;
    *out = (fields){undefined, undefined, undefined, undefined, {NULL, NULL}};
    int rc = sio_mp_read(&in, &map);
    if (rc == 0 && map.kind != SIO_MP_MAP) {
        rc = SIO_ERR_SIO_TYPE;
    }
    for (uint32_t i = 0; rc == 0 && i < map.count; i++) {
        rc = read_field(&in, out);
    }
    if (rc == 0 && in.at != in.end) {
        rc = SIO_ERR_MSGPACK_SYNTAX;
    }
    return rc;
}

/* An integer, in whatever form it was written; false for anything else. */
static bool integer_of(const sio_mp_token *token, uint64_t max, uint64_t *out) {
    if (token->kind == SIO_MP_UINT) {
        *out = token->as.uint;
        return token->as.uint <= max;
    }
    if (token->kind != SIO_MP_DOUBLE || !(token->as.real >= 0 && token->as.real <= (double)max)) {
        return false;
    }
    *out = (uint64_t)token->as.real;
    return (double)*out == token->as.real;
}

static int read_head(const fields *in, sio_packet *out) {
    uint64_t type;
    if (!integer_of(&in->type, SIO_PACKET_CONNECT_ERROR, &type)) {
        return SIO_ERR_SIO_TYPE;
    }
    out->type = (sio_packet_type)type;
    if (in->nsp.kind != SIO_MP_STR || in->nsp.as.bytes.len == 0 || in->nsp.as.bytes.ptr[0] != '/') {
        return SIO_ERR_SIO_NAMESPACE;
    }
    if (!sio_utf8_valid(in->nsp.as.bytes.ptr, in->nsp.as.bytes.len)) {
        return SIO_ERR_MSGPACK_UTF8;
    }
    out->nsp = (sio_str){(const char *)in->nsp.as.bytes.ptr, in->nsp.as.bytes.len};
    if (in->id.kind == SIO_MP_UNDEFINED) {
        return 0;
    }
    out->has_id = integer_of(&in->id, SIO_PACKET_MAX_ID, &out->id);
    return out->has_id ? 0 : SIO_ERR_SIO_PAYLOAD;
}

static bool data_fits(sio_packet_type type, sio_mp_kind data) {
    switch (type) {
    case SIO_PACKET_CONNECT:
        return data == SIO_MP_MAP || data == SIO_MP_UNDEFINED;
    case SIO_PACKET_DISCONNECT:
        return data == SIO_MP_UNDEFINED;
    case SIO_PACKET_CONNECT_ERROR:
        return data == SIO_MP_MAP || data == SIO_MP_STR;
    default:
        return data == SIO_MP_ARRAY;
    }
}

/* The binary values are found a second time, in the order of their placeholders. */
static int set_attachments(sio_args *args, sio_mp_reader in, uint32_t count) {
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        sio_bytes data;
        rc = sio_mp_next_binary(&in, &data) ? sio_args_set_attachment(args, i, data)
                                            : SIO_ERR_INTERNAL;
    }
    return rc;
}

static int read_args(const sio_msgpack_options *options, sio_args *scratch, const sio_mp_json *json,
                     sio_mp_reader data, sio_packet *out) {
    bool event = out->type == SIO_PACKET_EVENT;
    unsigned flags = (event ? SIO_ARGS_EVENT : 0u) | (json->attachments ? SIO_ARGS_BINARY : 0u);
    const char *text = (const char *)json->text->data;
    int rc = sio_args_parse(scratch, text, json->text->len, flags, json->attachments,
                            options ? &options->args : NULL);
    if (rc != 0) {
        return sio_packet_json_error(rc);
    }
    if (event && sio_packet_is_reserved(sio_args_name(scratch))) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    out->name_is_number = event && text[1] != '"';
    out->args = scratch;
    return set_attachments(scratch, data, json->attachments);
}

static sio_mp_json json_limits(const sio_msgpack_options *options, sio_buf *text, bool payload) {
    sio_mp_json json = {
        .text = text,
        .max_text = DEFAULT_MAX_TEXT,
        .max_depth = DEFAULT_MAX_DEPTH,
        .max_attachments = DEFAULT_MAX_ATTACHMENTS,
    };
    if (options && options->max_text != 0) {
        json.max_text = options->max_text;
    }
    if (options && options->max_depth != 0) {
        json.max_depth =
            options->max_depth < SIO_MP_MAX_DEPTH ? options->max_depth : SIO_MP_MAX_DEPTH;
    }
    if (options && options->max_attachments != 0) {
        json.max_attachments = options->max_attachments;
    }
    if (payload) {
        json.max_attachments = 0; /* raw JSON has no place for them */
    }
    return json;
}

static int read_data(const sio_msgpack_options *options, sio_args *scratch, sio_buf *text,
                     const fields *in, sio_packet *out) {
    bool payload = out->type != SIO_PACKET_EVENT && out->type != SIO_PACKET_ACK;
    if (!data_fits(out->type, in->data.kind)) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    if (in->data.kind == SIO_MP_UNDEFINED) {
        return 0;
    }
    sio_mp_json json = json_limits(options, text, payload);
    sio_mp_reader reader = in->data_in;
    text->len = 0;
    int rc = sio_mp_to_json(&reader, &json);
    if (rc != 0) {
        return rc;
    }
    if (payload) {
        out->payload = (sio_str){(const char *)text->data, text->len};
        return 0;
    }
    return read_args(options, scratch, &json, in->data_in, out);
}

int sio_msgpack_decode(const sio_msgpack_options *options, sio_args *scratch, sio_buf *text,
                       const uint8_t *data, size_t len, sio_packet *out) {
    if (options && options->size != sizeof(*options)) {
        return SIO_ERR_INVALID;
    }
    if (len == 0) {
        return SIO_ERR_MSGPACK_SYNTAX; /* `data` may be NULL, and that has no end to compute */
    }
    fields in;
    sio_packet packet = {0};
    int rc = read_fields(data, len, &in);
    if (rc == 0) {
        rc = read_head(&in, &packet);
    }
    if (rc == 0) {
        rc = read_data(options, scratch, text, &in, &packet);
    }
    if (rc == 0) {
        *out = packet;
    }
    return rc;
}

static int write_key(sio_buf *out, const char *key) {
    return sio_mp_write_str(out, (sio_str){key, strlen(key)});
}

/* `"type": …, "data":`, with `data` following; the reference's order of keys. */
static int write_start(sio_buf *out, sio_packet_type type, uint32_t members, bool has_data) {
    int rc = sio_mp_write_map(out, members);
    if (rc == 0) {
        rc = write_key(out, "type");
    }
    if (rc == 0) {
        rc = sio_mp_write_uint(out, type);
    }
    return rc == 0 && has_data ? write_key(out, "data") : rc;
}

static int write_end(sio_buf *out, const uint64_t *id, sio_str nsp) {
    int rc = 0;
    if (id) {
        rc = write_key(out, "id");
        if (rc == 0) {
            rc = sio_mp_write_uint(out, *id);
        }
    }
    if (rc == 0) {
        rc = write_key(out, "nsp");
    }
    return rc == 0 ? sio_mp_write_str(out, nsp.len > 0 ? nsp : SIO_STR("/")) : rc;
}

/* The array goes over JSON text, in which arguments are kept anyway. */
static int write_array(sio_buf *out, const sio_encode_array *array) {
    sio_buf json;
    sio_buf_init(&json, 0, out->mem);
    int rc = sio_encode_array_add(&json, array);
    if (rc == 0) {
        rc = sio_mp_write_json(out, (sio_str){(const char *)json.data, json.len}, array->args);
    }
    sio_buf_free(&json);
    return rc;
}

int sio_msgpack_encode(sio_buf *out, const sio_packet_head *head, sio_str name,
                       const sio_args *args, sio_str offset) {
    sio_encode_array array;
    int rc = sio_encode_check(head, name, args, offset, &array);
    if (rc != 0) {
        return rc;
    }
    size_t before = out->len;
    rc = write_start(out, head->type, head->has_id ? 4 : 3, true);
    if (rc == 0) {
        rc = write_array(out, &array);
    }
    if (rc == 0) {
        rc = write_end(out, head->has_id ? &head->id : NULL, head->nsp);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

static int check_payload(sio_packet_type type, sio_str payload) {
    if (!sio_packet_payload_fits(type, payload, false) ||
        (type == SIO_PACKET_CONNECT_ERROR && payload.len == 0)) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    bool valid = payload.len == 0 || sio_json_validate(payload.ptr, payload.len, 0) == 0;
    return valid ? 0 : SIO_ERR_SIO_PAYLOAD;
}

int sio_msgpack_encode_control(sio_buf *out, sio_packet_type type, sio_str nsp, sio_str payload) {
    if (type != SIO_PACKET_CONNECT && type != SIO_PACKET_DISCONNECT &&
        type != SIO_PACKET_CONNECT_ERROR) {
        return SIO_ERR_INVALID;
    }
    /* An error is echoed to whatever namespace was asked for. */
    if (nsp.len > 0 && (nsp.ptr[0] != '/' || !sio_utf8_valid(nsp.ptr, nsp.len))) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    if (type != SIO_PACKET_CONNECT_ERROR && !sio_nsp_is_valid(nsp)) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    int rc = check_payload(type, payload);
    if (rc != 0) {
        return rc;
    }
    bool has_data = payload.len > 0;
    size_t before = out->len;
    rc = write_start(out, type, has_data ? 3 : 2, has_data);
    if (rc == 0 && has_data) {
        rc = sio_mp_write_json(out, payload, NULL);
    }
    if (rc == 0) {
        rc = write_end(out, NULL, nsp);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}
