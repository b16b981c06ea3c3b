#include "msgpack_read.h"

#include <sio/json.h>

#include <string.h>

/* Milliseconds around 1970 that a JavaScript Date can hold. */
#define DATE_LIMIT_MS INT64_C(8640000000000000)

static size_t left(const sio_mp_reader *in) {
    return (size_t)(in->end - in->at);
}

/* A big-endian number of 1, 2, 4 or 8 bytes. */
static int read_uint(sio_mp_reader *in, size_t size, uint64_t *out) {
    if (left(in) < size) {
        return SIO_ERR_MSGPACK_SYNTAX;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | in->at[i];
    }
    in->at += size;
    *out = value;
    return 0;
}

static int read_bytes(sio_mp_reader *in, sio_mp_kind kind, uint64_t len, sio_mp_token *out) {
    if (len > left(in)) {
        return SIO_ERR_MSGPACK_SYNTAX;
    }
    out->kind = kind;
    out->as.bytes = (sio_bytes){in->at, (size_t)len};
    in->at += len;
    return 0;
}

/* Each element has at least one byte, so a head cannot promise more than there is. */
static int read_container(sio_mp_reader *in, sio_mp_kind kind, uint64_t count, sio_mp_token *out) {
    uint64_t values = kind == SIO_MP_MAP ? count * 2 : count;
    if (values > left(in)) {
        return SIO_ERR_MSGPACK_SYNTAX;
    }
    out->kind = kind;
    out->count = (uint32_t)count;
    return 0;
}

static int read_uint_token(sio_mp_reader *in, size_t size, sio_mp_token *out) {
    out->kind = SIO_MP_UINT;
    return read_uint(in, size, &out->as.uint);
}

static int read_int_token(sio_mp_reader *in, size_t size, sio_mp_token *out) {
    uint64_t bits;
    int rc = read_uint(in, size, &bits);
    if (rc != 0) {
        return rc;
    }
    uint64_t sign = UINT64_C(1) << (size * 8 - 1);
    if ((bits & sign) == 0) {
        out->kind = SIO_MP_UINT;
        out->as.uint = bits;
        return 0;
    }
    /* Two's complement without a conversion that is left to the implementation. */
    out->kind = SIO_MP_INT;
    out->as.sint = -1 - (int64_t)(~bits & (sign - 1));
    return 0;
}

static int read_float_token(sio_mp_reader *in, size_t size, sio_mp_token *out) {
    uint64_t bits;
    int rc = read_uint(in, size, &bits);
    if (rc != 0) {
        return rc;
    }
    out->kind = SIO_MP_DOUBLE;
    if (size == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float value;
        memcpy(&value, &bits32, sizeof(value));
        out->as.real = (double)value;
    } else {
        memcpy(&out->as.real, &bits, sizeof(bits));
    }
    return 0;
}

static int64_t as_signed(uint64_t bits) {
    return bits <= INT64_MAX ? (int64_t)bits : -1 - (int64_t)~bits;
}

static int date_token(int64_t seconds, uint64_t nanos, sio_mp_token *out) {
    if (nanos > 999999999) {
        return SIO_ERR_MSGPACK_SYNTAX;
    }
    bool holds = seconds >= -(DATE_LIMIT_MS / 1000) && seconds <= DATE_LIMIT_MS / 1000;
    int64_t ms = holds ? seconds * 1000 + (int64_t)(nanos / 1000000) : DATE_LIMIT_MS + 1;
    if (ms > DATE_LIMIT_MS) {
        out->kind = SIO_MP_NIL; /* an invalid Date, which JSON.stringify prints as null */
        return 0;
    }
    out->kind = SIO_MP_DATE;
    out->as.sint = ms;
    return 0;
}

/* Type -1, the timestamps of the MessagePack specification, which notepack.io 2.3 and later write.
 */
static int read_timestamp(sio_mp_reader *in, uint64_t len, sio_mp_token *out) {
    uint64_t nanos = 0;
    uint64_t seconds = 0;
    int rc;
    switch (len) {
    case 4:
        rc = read_uint(in, 4, &seconds);
        break;
    case 8:
        rc = read_uint(in, 8, &seconds);
        nanos = seconds >> 34;
        seconds &= (UINT64_C(1) << 34) - 1;
        break;
    case 12:
        rc = read_uint(in, 4, &nanos);
        if (rc == 0) {
            rc = read_uint(in, 8, &seconds);
        }
        break;
    default:
        return SIO_ERR_MSGPACK_TYPE;
    }
    return rc != 0 ? rc : date_token(as_signed(seconds), nanos, out);
}

/* Milliseconds, as notepack.io up to 2.2 writes a Date: fixext 8, type 0. */
static int read_old_date(sio_mp_reader *in, sio_mp_token *out) {
    uint64_t bits;
    int rc = read_uint(in, 8, &bits);
    if (rc != 0) {
        return rc;
    }
    int64_t ms = as_signed(bits);
    bool holds = ms >= -DATE_LIMIT_MS && ms <= DATE_LIMIT_MS;
    out->kind = holds ? SIO_MP_DATE : SIO_MP_NIL;
    out->as.sint = ms;
    return 0;
}

/* Behind the length; `fixed` tells fixext from ext 8/16/32, which type 0 depends on. */
static int read_ext(sio_mp_reader *in, uint64_t len, bool fixed, sio_mp_token *out) {
    uint64_t type;
    int rc = read_uint(in, 1, &type);
    if (rc != 0) {
        return rc;
    }
    if (type == 0xff) {
        return read_timestamp(in, len, out);
    }
    if (type != 0) {
        return SIO_ERR_MSGPACK_TYPE;
    }
    if (!fixed) {
        return read_bytes(in, SIO_MP_BIN, len, out);
    }
    if (len == 8) {
        return read_old_date(in, out);
    }
    if (len != 1) {
        return SIO_ERR_MSGPACK_TYPE;
    }
    out->kind = SIO_MP_UNDEFINED;
    return read_uint(in, 1, &type);
}

/* 0xc4 to 0xc9, 0xd9 to 0xdf: a length of 1, 2 or 4 bytes, and what it belongs to. */
static int read_sized(sio_mp_reader *in, uint8_t head, sio_mp_token *out) {
    static const uint8_t size_of[] = {
        [0xc4 - 0xc4] = 1, [0xc5 - 0xc4] = 2, [0xc6 - 0xc4] = 4, [0xc7 - 0xc4] = 1,
        [0xc8 - 0xc4] = 2, [0xc9 - 0xc4] = 4, [0xd9 - 0xc4] = 1, [0xda - 0xc4] = 2,
        [0xdb - 0xc4] = 4, [0xdc - 0xc4] = 2, [0xdd - 0xc4] = 4, [0xde - 0xc4] = 2,
        [0xdf - 0xc4] = 4,
    };
    uint64_t len;
    int rc = read_uint(in, size_of[head - 0xc4], &len);
    if (rc != 0) {
        return rc;
    }
    if (head <= 0xc6) {
        return read_bytes(in, SIO_MP_BIN, len, out);
    }
    if (head <= 0xc9) {
        return read_ext(in, len, false, out);
    }
    if (head <= 0xdb) {
        return read_bytes(in, SIO_MP_STR, len, out);
    }
    return read_container(in, head <= 0xdd ? SIO_MP_ARRAY : SIO_MP_MAP, len, out);
}

/* 0x00 to 0xbf and 0xe0 to 0xff: the value or length is in the head. */
static int read_fix(sio_mp_reader *in, uint8_t head, sio_mp_token *out) {
    if (head < 0x80) {
        out->kind = SIO_MP_UINT;
        out->as.uint = head;
        return 0;
    }
    if (head < 0x90) {
        return read_container(in, SIO_MP_MAP, head & 0x0f, out);
    }
    if (head < 0xa0) {
        return read_container(in, SIO_MP_ARRAY, head & 0x0f, out);
    }
    if (head < 0xc0) {
        return read_bytes(in, SIO_MP_STR, head & 0x1f, out);
    }
    out->kind = SIO_MP_INT;
    out->as.sint = (int64_t)head - 0x100;
    return 0;
}

static int read_truth(bool truth, sio_mp_token *out) {
    out->kind = SIO_MP_BOOL;
    out->as.truth = truth;
    return 0;
}

int sio_mp_read(sio_mp_reader *in, sio_mp_token *out) {
    if (in->at == in->end) {
        return SIO_ERR_MSGPACK_SYNTAX;
    }
    uint8_t head = *in->at++;
    if (head < 0xc0 || head >= 0xe0) {
        return read_fix(in, head, out);
    }
    switch (head) {
    case 0xc0:
        out->kind = SIO_MP_NIL;
        return 0;
    case 0xc1:
        return SIO_ERR_MSGPACK_SYNTAX;
    case 0xc2:
    case 0xc3:
        return read_truth(head == 0xc3, out);
    case 0xca:
    case 0xcb:
        return read_float_token(in, head == 0xca ? 4 : 8, out);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return read_uint_token(in, (size_t)1 << (head - 0xcc), out);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_int_token(in, (size_t)1 << (head - 0xd0), out);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return read_ext(in, UINT64_C(1) << (head - 0xd4), true, out);
    default:
        return read_sized(in, head, out);
    }
}

/* Tokens still to come inside the value. Each container was checked against the bytes left. */
static uint64_t inside(const sio_mp_token *token) {
    switch (token->kind) {
    case SIO_MP_ARRAY:
        return token->count;
    case SIO_MP_MAP:
        return (uint64_t)token->count * 2;
    default:
        return 0;
    }
}

int sio_mp_skip(sio_mp_reader *in) {
    int rc = 0;
    for (uint64_t tokens = 1; tokens > 0 && rc == 0; tokens--) {
        sio_mp_token token;
        rc = sio_mp_read(in, &token);
        if (rc == 0) {
            tokens += inside(&token);
        }
    }
    return rc;
}

bool sio_mp_next_binary(sio_mp_reader *in, sio_bytes *out) {
    sio_mp_token token;
    while (in->at < in->end && sio_mp_read(in, &token) == 0) {
        if (token.kind == SIO_MP_BIN) {
            *out = token.as.bytes;
            return true;
        }
    }
    return false;
}

/* Days since 1970 to a date of the proleptic Gregorian calendar. The era of 400 years begins in
 * March, so that the leap day is the last of its year. */
static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

static char *put_padded(char *at, uint64_t value, unsigned digits, char behind) {
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    at[digits] = behind;
    return at + digits + 1;
}

/* As Date.prototype.toISOString, in quotes. */
static int add_date(sio_buf *text, int64_t ms) {
    int64_t days = (ms >= 0 ? ms : ms - 86399999) / 86400000;
    uint64_t of_day = (uint64_t)(ms - days * 86400000);
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    char buf[32];
    char *at = buf;
    *at++ = '"';
    if (year < 0 || year > 9999) {
        *at++ = year < 0 ? '-' : '+';
        at = put_padded(at, (uint64_t)(year < 0 ? -year : year), 6, '-');
    } else {
        at = put_padded(at, (uint64_t)year, 4, '-');
    }
    at = put_padded(at, month, 2, '-');
    at = put_padded(at, day, 2, 'T');
    at = put_padded(at, of_day / 3600000, 2, ':');
    at = put_padded(at, of_day / 60000 % 60, 2, ':');
    at = put_padded(at, of_day / 1000 % 60, 2, '.');
    at = put_padded(at, of_day % 1000, 3, 'Z');
    *at++ = '"';
    return sio_buf_add(text, buf, (size_t)(at - buf));
}

static int add_int(sio_buf *text, int64_t value) {
    int rc = sio_buf_add_byte(text, '-');
    return rc == 0 ? sio_buf_add_u64(text, (uint64_t)(-1 - value) + 1) : rc;
}

static int add_str(sio_buf *text, sio_bytes str) {
    int rc = sio_json_add_string(text, (const char *)str.ptr, str.len);
    return rc == SIO_ERR_JSON_UTF8 ? SIO_ERR_MSGPACK_UTF8 : rc;
}

static int add_placeholder(sio_mp_json *to) {
    if (to->attachments >= to->max_attachments) {
        return SIO_ERR_SIO_TOO_MANY_ATTACHMENTS;
    }
    int rc = sio_buf_add_text(to->text, "{\"_placeholder\":true,\"num\":");
    if (rc == 0) {
        rc = sio_buf_add_u64(to->text, to->attachments++);
    }
    return rc == 0 ? sio_buf_add_byte(to->text, '}') : rc;
}

static int add_scalar(sio_mp_json *to, const sio_mp_token *token) {
    switch (token->kind) {
    case SIO_MP_BOOL:
        return sio_buf_add_text(to->text, token->as.truth ? "true" : "false");
    case SIO_MP_UINT:
        return sio_buf_add_u64(to->text, token->as.uint);
    case SIO_MP_INT:
        return add_int(to->text, token->as.sint);
    case SIO_MP_DOUBLE:
        return sio_json_add_double(to->text, token->as.real);
    case SIO_MP_STR:
        return add_str(to->text, token->as.bytes);
    case SIO_MP_BIN:
        return add_placeholder(to);
    case SIO_MP_DATE:
        return add_date(to->text, token->as.sint);
    default:
        return sio_buf_add_text(to->text, "null");
    }
}

/* An open array or map. */
typedef struct json_level {
    uint32_t remaining;
    bool is_map;
    bool comma;
} json_level;

static bool value_is_undefined(const sio_mp_reader *in) {
    sio_mp_reader peek = *in;
    sio_mp_token token;
    return sio_mp_read(&peek, &token) == 0 && token.kind == SIO_MP_UNDEFINED;
}

/* A key and its colon. A member that is undefined does not exist in JSON: `*skipped` is then set,
 * and both were stepped over. */
static int add_key(sio_mp_reader *in, sio_mp_json *to, json_level *level, bool *skipped) {
    sio_mp_token key;
    int rc = sio_mp_read(in, &key);
    if (rc != 0) {
        return rc;
    }
    *skipped = value_is_undefined(in);
    if (*skipped) {
        return sio_mp_skip(in);
    }
    if (level->comma) {
        rc = sio_buf_add_byte(to->text, ',');
    }
    level->comma = true;
    if (rc != 0) {
        return rc;
    }
    if (key.kind == SIO_MP_STR) {
        rc = add_str(to->text, key.as.bytes);
    } else if (key.kind == SIO_MP_UINT || key.kind == SIO_MP_INT) {
        /* JavaScript has only text for keys. */
        rc = sio_buf_add_byte(to->text, '"');
        rc = rc == 0 ? add_scalar(to, &key) : rc;
        rc = rc == 0 ? sio_buf_add_byte(to->text, '"') : rc;
    } else {
        rc = SIO_ERR_MSGPACK_TYPE;
    }
    return rc == 0 ? sio_buf_add_byte(to->text, ':') : rc;
}

/* What stands in front of the next value of the level. */
static int add_separator(sio_mp_reader *in, sio_mp_json *to, json_level *level, bool *skipped) {
    level->remaining--;
    *skipped = false;
    if (level->is_map) {
        return add_key(in, to, level, skipped);
    }
    int rc = level->comma ? sio_buf_add_byte(to->text, ',') : 0;
    level->comma = true;
    return rc;
}

/* One value, or the head of a container, which opens a level. */
static int add_value(sio_mp_reader *in, sio_mp_json *to, json_level *levels, uint32_t *depth) {
    sio_mp_token token;
    int rc = sio_mp_read(in, &token);
    if (rc != 0) {
        return rc;
    }
    if (token.kind != SIO_MP_ARRAY && token.kind != SIO_MP_MAP) {
        return add_scalar(to, &token);
    }
    if (*depth == to->max_depth) {
        return SIO_ERR_MSGPACK_DEPTH;
    }
    bool is_map = token.kind == SIO_MP_MAP;
    levels[(*depth)++] = (json_level){.remaining = token.count, .is_map = is_map};
    return sio_buf_add_byte(to->text, is_map ? '{' : '[');
}

int sio_mp_to_json(sio_mp_reader *in, sio_mp_json *to) {
    json_level levels[SIO_MP_MAX_DEPTH];
    uint32_t depth = 0;
    int rc = add_value(in, to, levels, &depth);
    while (rc == 0 && depth > 0) {
        json_level *level = &levels[depth - 1];
        if (level->remaining == 0) {
            depth--;
            rc = sio_buf_add_byte(to->text, level->is_map ? '}' : ']');
        } else {
            bool skipped;
            rc = add_separator(in, to, level, &skipped);
            if (rc == 0 && !skipped) {
                rc = add_value(in, to, levels, &depth);
            }
        }
        if (rc == 0 && to->text->len > to->max_text) {
            rc = SIO_ERR_LIMIT;
        }
    }
    return rc;
}
