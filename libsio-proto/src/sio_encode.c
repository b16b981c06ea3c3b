#include <sio/json.h>
#include <sio/packet.h>

#include "sio_encode.h"
#include "sio_names.h"

#include <string.h>

enum { WIRE_BINARY_SHIFT = 3, ID_DIGITS = 16, COUNT_DIGITS = 10 };

/* Writes into reserved memory. */
static char *put_text(char *at, sio_str text) {
    if (text.len > 0) {
        memcpy(at, text.ptr, text.len);
    }
    return at + text.len;
}

static char *put_number(char *at, uint64_t value) {
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return put_text(at, (sio_str){digits + first, sizeof(digits) - first});
}

/* The type, the number of attachments, the namespace and the id: all that precedes the JSON. */
static int add_head(sio_buf *out, const sio_packet_head *head, uint32_t attachments) {
    size_t most = 1 + COUNT_DIGITS + 1 + 1 + ID_DIGITS;
    if (head->nsp.len > SIZE_MAX - most) {
        return SIO_ERR_LIMIT;
    }
    char small[64];
    size_t need = most + head->nsp.len;
    bool fits = need <= sizeof(small);
    if (!fits) {
        int rc = sio_buf_reserve(out, need);
        if (rc != 0) {
            return rc;
        }
    }
    char *start = fits ? small : (char *)out->data + out->len;
    char *at = start;
    *at++ = (char)('0' + (int)head->type + (attachments != 0 ? WIRE_BINARY_SHIFT : 0));
    if (attachments != 0) {
        at = put_number(at, attachments);
        *at++ = '-';
    }
    if (!sio_nsp_is_root(head->nsp)) {
        at = put_text(at, head->nsp);
        *at++ = ',';
    }
    if (head->has_id) {
        at = put_number(at, head->id);
    }
    if (fits) {
        return sio_buf_add(out, small, (size_t)(at - start));
    }
    out->len += (size_t)(at - start);
    return 0;
}

static int add_name(sio_buf *out, sio_str name, bool is_number) {
    if (!is_number) {
        return sio_json_add_string(out, name.ptr, name.len);
    }
    bool starts =
        name.len > 0 && (name.ptr[0] == '-' || (name.ptr[0] >= '0' && name.ptr[0] <= '9'));
    if (!starts || sio_json_validate(name.ptr, name.len, 1) != 0) {
        return SIO_ERR_INVALID;
    }
    return sio_buf_add(out, name.ptr, name.len);
}

/* Everything between the brackets. */
static int add_elements(sio_buf *out, const sio_encode_array *array) {
    size_t start = out->len;
    int rc = 0;
    if (array->has_name) {
        rc = add_name(out, array->name, array->name_is_number);
    }
    if (rc == 0 && array->args && sio_args_count(array->args) > 0) {
        if (out->len > start) {
            rc = sio_buf_add_byte(out, ',');
        }
        if (rc == 0) {
            rc = sio_args_write(array->args, out);
        }
    }
    if (rc == 0 && array->offset.len > 0) {
        if (out->len > start) {
            rc = sio_buf_add_byte(out, ',');
        }
        if (rc == 0) {
            rc = sio_json_add_string(out, array->offset.ptr, array->offset.len);
        }
    }
    return rc;
}

int sio_encode_array_add(sio_buf *out, const sio_encode_array *array) {
    int rc = sio_buf_add_byte(out, '[');
    if (rc == 0) {
        rc = add_elements(out, array);
    }
    return rc == 0 ? sio_buf_add_byte(out, ']') : rc;
}

int sio_encode_check(const sio_packet_head *head, sio_str name, const sio_args *args,
                     sio_str offset, sio_encode_array *array) {
    bool event = head->type == SIO_PACKET_EVENT;
    if (!event && (head->type != SIO_PACKET_ACK || !head->has_id)) {
        return SIO_ERR_INVALID;
    }
    if (head->has_id && head->id > SIO_PACKET_MAX_ID) {
        return SIO_ERR_INVALID;
    }
    if (!sio_nsp_is_valid(head->nsp)) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    *array = (sio_encode_array){.args = args, .offset = offset};
    if (event) {
        array->has_name = true;
        array->name = name.ptr || !args ? name : sio_args_name(args);
        array->name_is_number = head->name_is_number;
        if (sio_packet_is_reserved(array->name)) {
            return SIO_ERR_RESERVED;
        }
    }
    return 0;
}

int sio_packet_encode(sio_buf *out, const sio_packet_head *head, sio_str name, const sio_args *args,
                      sio_str offset) {
    sio_encode_array array;
    int rc = sio_encode_check(head, name, args, offset, &array);
    if (rc != 0) {
        return rc;
    }
    size_t before = out->len;
    rc = add_head(out, head, args ? sio_args_attachment_count(args) : 0);
    if (rc == 0) {
        rc = sio_encode_array_add(out, &array);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

static int connected_payload(sio_buf *out, sio_str sid, sio_str pid) {
    if (sid.len == 0) {
        return 0;
    }
    int rc = sio_buf_add_text(out, "{\"sid\":");
    if (rc == 0) {
        rc = sio_json_add_string(out, sid.ptr, sid.len);
    }
    if (rc == 0 && pid.len > 0) {
        rc = sio_buf_add_text(out, ",\"pid\":");
        if (rc == 0) {
            rc = sio_json_add_string(out, pid.ptr, pid.len);
        }
    }
    return rc == 0 ? sio_buf_add_byte(out, '}') : rc;
}

static int check_json(sio_str json) {
    return json.len == 0 || sio_json_validate(json.ptr, json.len, 0) == 0 ? 0 : SIO_ERR_SIO_PAYLOAD;
}

int sio_packet_encode_connect(sio_buf *out, sio_str nsp, sio_str query, sio_str auth) {
    if (!sio_nsp_is_valid(nsp) || (query.len > 0 && memchr(query.ptr, ',', query.len))) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    if ((auth.len > 0 && auth.ptr[0] != '{') || check_json(auth) != 0) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    size_t before = out->len;
    int rc = sio_buf_add_byte(out, '0');
    if (rc == 0 && (!sio_nsp_is_root(nsp) || query.len > 0)) {
        rc = nsp.len > 0 ? sio_buf_add(out, nsp.ptr, nsp.len) : sio_buf_add_byte(out, '/');
        if (rc == 0 && query.len > 0) {
            rc = sio_buf_add_byte(out, '?');
        }
        if (rc == 0) {
            rc = sio_buf_add(out, query.ptr, query.len);
        }
        if (rc == 0) {
            rc = sio_buf_add_byte(out, ',');
        }
    }
    if (rc == 0) {
        rc = sio_buf_add(out, auth.ptr, auth.len);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

int sio_packet_encode_connected(sio_buf *out, sio_str nsp, sio_str sid, sio_str pid) {
    if (!sio_nsp_is_valid(nsp)) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    size_t before = out->len;
    int rc = add_head(out, &(sio_packet_head){.type = SIO_PACKET_CONNECT, .nsp = nsp}, 0);
    if (rc == 0) {
        rc = connected_payload(out, sid, pid);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

static int error_payload_v5(sio_buf *out, sio_str message, sio_str data) {
    int rc = check_json(data);
    if (rc == 0) {
        rc = sio_buf_add_text(out, "{\"message\":");
    }
    if (rc == 0) {
        rc = sio_json_add_string(out, message.ptr, message.len);
    }
    if (rc == 0 && data.len > 0) {
        rc = sio_buf_add_text(out, ",\"data\":");
        if (rc == 0) {
            rc = sio_buf_add(out, data.ptr, data.len);
        }
    }
    return rc == 0 ? sio_buf_add_byte(out, '}') : rc;
}

static int error_payload_v4(sio_buf *out, sio_str message, sio_str data) {
    int rc = check_json(data);
    if (rc != 0) {
        return rc;
    }
    return data.len > 0 ? sio_buf_add(out, data.ptr, data.len)
                        : sio_json_add_string(out, message.ptr, message.len);
}

static int encode_error(sio_buf *out, sio_str nsp, sio_str message, sio_str data,
                        int (*payload)(sio_buf *, sio_str, sio_str)) {
    if (!sio_nsp_is_writable(nsp)) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    size_t before = out->len;
    int rc = add_head(out, &(sio_packet_head){.type = SIO_PACKET_CONNECT_ERROR, .nsp = nsp}, 0);
    if (rc == 0) {
        rc = payload(out, message, data);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}

int sio_packet_encode_connect_error(sio_buf *out, sio_str nsp, sio_str message, sio_str data) {
    return encode_error(out, nsp, message, data, error_payload_v5);
}

int sio_packet_encode_error_v4(sio_buf *out, sio_str nsp, sio_str message, sio_str data) {
    return encode_error(out, nsp, message, data, error_payload_v4);
}

int sio_packet_encode_disconnect(sio_buf *out, sio_str nsp) {
    if (!sio_nsp_is_valid(nsp)) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    return add_head(out, &(sio_packet_head){.type = SIO_PACKET_DISCONNECT, .nsp = nsp}, 0);
}
