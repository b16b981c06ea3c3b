/* MessagePack says how many elements a container has before the first of them, JSON does not. So
 * the text is read twice: once to count, into one number for each container in the order in which
 * they begin, and once to write. Neither pass recurses. */
#include "msgpack_write.h"

#include "json_number.h"
#include "json_text.h"

#include <sio/json.h>

#include <string.h>

static int write_head(sio_buf *out, uint8_t head, uint64_t value, size_t size) {
    uint8_t bytes[9];
    bytes[0] = head;
    for (size_t i = size; i > 0; i--) {
        bytes[i] = (uint8_t)value;
        value >>= 8;
    }
    return sio_buf_add(out, bytes, size + 1);
}

int sio_mp_write_uint(sio_buf *out, uint64_t value) {
    if (value < 0x80) {
        return sio_buf_add_byte(out, (uint8_t)value);
    }
    if (value <= UINT8_MAX) {
        return write_head(out, 0xcc, value, 1);
    }
    if (value <= UINT16_MAX) {
        return write_head(out, 0xcd, value, 2);
    }
    return value <= UINT32_MAX ? write_head(out, 0xce, value, 4) : write_head(out, 0xcf, value, 8);
}

static int write_int(sio_buf *out, int64_t value) {
    if (value >= 0) {
        return sio_mp_write_uint(out, (uint64_t)value);
    }
    if (value >= -0x20) {
        return sio_buf_add_byte(out, (uint8_t)value);
    }
    if (value >= INT8_MIN) {
        return write_head(out, 0xd0, (uint64_t)value, 1);
    }
    if (value >= INT16_MIN) {
        return write_head(out, 0xd1, (uint64_t)value, 2);
    }
    return value >= INT32_MIN ? write_head(out, 0xd2, (uint64_t)value, 4)
                              : write_head(out, 0xd3, (uint64_t)value, 8);
}

int sio_mp_write_double(sio_buf *out, double value) {
    /* Integers go as such while 64 bits hold them. (notepack.io writes larger ones as 0.) */
    if (value >= 0 && value < 0x1p64 && (double)(uint64_t)value == value) {
        return sio_mp_write_uint(out, (uint64_t)value);
    }
    if (value < 0 && value >= -0x1p63 && (double)(int64_t)value == value) {
        return write_int(out, (int64_t)value);
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return write_head(out, 0xcb, bits, 8);
}

static int write_str_head(sio_buf *out, size_t len) {
    if (len < 0x20) {
        return sio_buf_add_byte(out, (uint8_t)(0xa0 | len));
    }
    if (len <= UINT8_MAX) {
        return write_head(out, 0xd9, len, 1);
    }
    if (len <= UINT16_MAX) {
        return write_head(out, 0xda, len, 2);
    }
    return len <= UINT32_MAX ? write_head(out, 0xdb, len, 4) : SIO_ERR_LIMIT;
}

int sio_mp_write_str(sio_buf *out, sio_str text) {
    int rc = write_str_head(out, text.len);
    return rc == 0 ? sio_buf_add(out, text.ptr, text.len) : rc;
}

int sio_mp_write_bin(sio_buf *out, sio_bytes data) {
    int rc;
    if (data.len <= UINT8_MAX) {
        rc = write_head(out, 0xc4, data.len, 1);
    } else if (data.len <= UINT16_MAX) {
        rc = write_head(out, 0xc5, data.len, 2);
    } else {
        rc = data.len <= UINT32_MAX ? write_head(out, 0xc6, data.len, 4) : SIO_ERR_LIMIT;
    }
    return rc == 0 ? sio_buf_add(out, data.ptr, data.len) : rc;
}

int sio_mp_write_array(sio_buf *out, uint32_t count) {
    if (count < 0x10) {
        return sio_buf_add_byte(out, (uint8_t)(0x90 | count));
    }
    return count <= UINT16_MAX ? write_head(out, 0xdc, count, 2) : write_head(out, 0xdd, count, 4);
}

int sio_mp_write_map(sio_buf *out, uint32_t count) {
    if (count < 0x10) {
        return sio_buf_add_byte(out, (uint8_t)(0x80 | count));
    }
    return count <= UINT16_MAX ? write_head(out, 0xde, count, 2) : write_head(out, 0xdf, count, 4);
}

/* Both passes see the text through this. */
typedef struct json_cursor {
    const char *at;
    const char *end;
} json_cursor;

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* At the opening quote; to behind the closing one. Returns what stands between. */
static sio_str take_string(json_cursor *in) {
    const char *start = ++in->at;
    while (*in->at != '"') {
        in->at += *in->at == '\\' ? 2 : 1;
    }
    return (sio_str){start, (size_t)(in->at++ - start)};
}

/* A number or a word: to the next character that cannot belong to one. */
static sio_str take_word(json_cursor *in) {
    const char *start = in->at;
    while (in->at < in->end && *in->at != ',' && *in->at != ']' && *in->at != '}' &&
           *in->at != ':' && !is_space(*in->at)) {
        in->at++;
    }
    return (sio_str){start, (size_t)(in->at - start)};
}

static bool word_is(sio_str word, const char *text) {
    return word.len == strlen(text) && memcmp(word.ptr, text, word.len) == 0;
}

/* What the first pass notes of a container: its elements or pairs, or that it is a placeholder. */
typedef struct container {
    uint32_t count;
    uint32_t num;
    uint32_t nested; /* containers inside a placeholder, to be passed over with it */
    bool is_placeholder;
} container;

/* A container that is open in the first pass. `key` is the last key read in an object. */
typedef struct open_container {
    uint32_t index;
    bool is_object;
    bool awaits_value;
    bool marked; /* "_placeholder" is true */
    sio_str key;
    uint32_t num;
} open_container;

typedef struct counter {
    json_cursor in;
    const sio_args *args; /* NULL: placeholders do not count */
    sio_buf notes;        /* of `container` */
    open_container open[SIO_JSON_DEPTH_CEILING];
    uint32_t depth;
} counter;

static uint32_t note_count(const counter *c) {
    return (uint32_t)(c->notes.len / sizeof(container));
}

static void note_set(counter *c, uint32_t index, container note) {
    memcpy(c->notes.data + (size_t)index * sizeof(note), &note, sizeof(note));
}

static container note_get(const sio_buf *notes, uint32_t index) {
    container note;
    memcpy(&note, notes->data + (size_t)index * sizeof(note), sizeof(note));
    return note;
}

/* A value begins in the innermost container. */
static void count_value(counter *c) {
    if (c->depth == 0) {
        return;
    }
    open_container *top = &c->open[c->depth - 1];
    container note = note_get(&c->notes, top->index);
    note.count++;
    note_set(c, top->index, note);
    top->awaits_value = false;
}

/* A string, number or word that is the value of a member may make its object a placeholder; of
 * equal keys the last counts. */
static void watch_member(counter *c, sio_str word) {
    if (!c->args || c->depth == 0 || !c->open[c->depth - 1].is_object) {
        return;
    }
    open_container *top = &c->open[c->depth - 1];
    if (sio_json_raw_equals(top->key.ptr, top->key.len, "_placeholder")) {
        top->marked = word_is(word, "true");
    } else if (sio_json_raw_equals(top->key.ptr, top->key.len, "num")) {
        double num =
            word.len > 0 && (word.ptr[0] == '-' || (word.ptr[0] >= '0' && word.ptr[0] <= '9'))
                ? sio_json_read_double(word.ptr, word.len)
                : -1;
        top->num = num >= 0 && num < UINT32_MAX ? (uint32_t)num : UINT32_MAX;
    }
}

static int open_one(counter *c, bool is_object) {
    watch_member(c, (sio_str){"", 0});
    count_value(c);
    if (c->depth == SIO_JSON_DEPTH_CEILING) {
        return SIO_ERR_JSON_DEPTH;
    }
    c->open[c->depth++] = (open_container){
        .index = note_count(c),
        .is_object = is_object,
        .num = UINT32_MAX,
    };
    container fresh;
    memset(&fresh, 0, sizeof(fresh));
    return sio_buf_add(&c->notes, &fresh, sizeof(fresh));
}

static void close_one(counter *c) {
    const open_container *top = &c->open[--c->depth];
    if (!top->marked || top->num >= sio_args_attachment_count(c->args)) {
        return;
    }
    container note = note_get(&c->notes, top->index);
    note.is_placeholder = true;
    note.num = top->num;
    note.nested = note_count(c) - top->index - 1;
    note_set(c, top->index, note);
}

static void count_string(counter *c) {
    sio_str raw = take_string(&c->in);
    open_container *top = c->depth > 0 ? &c->open[c->depth - 1] : NULL;
    if (top && top->is_object && !top->awaits_value) {
        top->key = raw;
        top->awaits_value = true;
        return;
    }
    watch_member(c, (sio_str){"", 0});
    count_value(c);
}

static int count_all(counter *c) {
    int rc = 0;
    while (rc == 0 && c->in.at < c->in.end) {
        char ch = *c->in.at;
        if (ch == '"') {
            count_string(c);
        } else if (ch == '{' || ch == '[') {
            c->in.at++;
            rc = open_one(c, ch == '{');
        } else if (ch == '}' || ch == ']') {
            c->in.at++;
            close_one(c);
        } else if (ch == ',' || ch == ':' || is_space(ch)) {
            c->in.at++;
        } else {
            watch_member(c, take_word(&c->in));
            count_value(c);
        }
    }
    return rc;
}

static int write_string(sio_buf *out, sio_str raw) {
    if (!memchr(raw.ptr, '\\', raw.len)) {
        return sio_mp_write_str(out, raw);
    }
    /* The head depends on the decoded length: decode behind the largest head, then move up. */
    enum { LARGEST_HEAD = 5 };
    if (raw.len > SIZE_MAX - LARGEST_HEAD) {
        return SIO_ERR_LIMIT;
    }
    int rc = sio_buf_reserve(out, LARGEST_HEAD + raw.len);
    if (rc != 0) {
        return rc;
    }
    char *decoded = (char *)out->data + out->len + LARGEST_HEAD;
    size_t len = sio_json_unescape(decoded, raw.ptr, raw.len);
    rc = write_str_head(out, len);
    if (rc == 0) {
        memmove(out->data + out->len, decoded, len);
        out->len += len;
    }
    return rc;
}

static int write_word(sio_buf *out, sio_str word) {
    switch (word.ptr[0]) {
    case 'n':
        return sio_buf_add_byte(out, 0xc0);
    case 'f':
        return sio_buf_add_byte(out, 0xc2);
    case 't':
        return sio_buf_add_byte(out, 0xc3);
    default:
        break;
    }
    int64_t integer;
    if (sio_json_read_int(&integer, word.ptr, word.len)) {
        return write_int(out, integer);
    }
    return sio_mp_write_double(out, sio_json_read_double(word.ptr, word.len));
}

/* Behind the brace of a placeholder, to behind its end. */
static void pass_over(json_cursor *in) {
    for (uint32_t depth = 1; depth > 0;) {
        char ch = *in->at;
        if (ch == '"') {
            (void)take_string(in);
            continue;
        }
        in->at++;
        if (ch == '{' || ch == '[') {
            depth++;
        } else if (ch == '}' || ch == ']') {
            depth--;
        }
    }
}

static int write_container(sio_buf *out, json_cursor *in, const sio_args *args,
                           const sio_buf *notes, uint32_t *index) {
    container note = note_get(notes, (*index)++);
    bool is_object = *in->at++ == '{';
    if (note.is_placeholder) {
        *index += note.nested;
        pass_over(in);
        return sio_mp_write_bin(out, sio_args_attachment(args, note.num));
    }
    return is_object ? sio_mp_write_map(out, note.count) : sio_mp_write_array(out, note.count);
}

static int write_all(sio_buf *out, sio_str json, const sio_args *args, const sio_buf *notes) {
    json_cursor in = {json.ptr, json.ptr + json.len};
    uint32_t index = 0;
    int rc = 0;
    while (rc == 0 && in.at < in.end) {
        char ch = *in.at;
        if (ch == '"') {
            rc = write_string(out, take_string(&in));
        } else if (ch == '{' || ch == '[') {
            rc = write_container(out, &in, args, notes, &index);
        } else if (ch == '}' || ch == ']' || ch == ',' || ch == ':' || is_space(ch)) {
            in.at++;
        } else {
            rc = write_word(out, take_word(&in));
        }
    }
    return rc;
}

int sio_mp_write_json(sio_buf *out, sio_str json, const sio_args *args) {
    counter c;
    c.in = (json_cursor){json.ptr, json.ptr + json.len};
    c.args = args && sio_args_attachment_count(args) > 0 ? args : NULL;
    c.depth = 0;
    sio_buf_init(&c.notes, 0, out->mem);
    int rc = count_all(&c);
    if (rc == 0) {
        rc = write_all(out, json, args, &c.notes);
    }
    sio_buf_free(&c.notes);
    return rc;
}
