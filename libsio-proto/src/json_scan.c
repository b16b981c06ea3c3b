#include "json_scan.h"

#include "json_plain.h"
#include "json_text.h"
#include "mem.h"
#include "utf8.h"

/* What is known of an array or object that is still open. Only the levels in use are ever
 * touched, so the table needs no clearing. */
typedef struct level {
    uint32_t at;
    uint32_t num_at; /* where the last value of "num" begins; 0: none yet, nothing begins there */
    bool object;
    bool placeholder; /* the last value of "_placeholder" is true */
} level;

typedef struct scanner {
    const sio_json_scan *scan;
    const uint8_t *start;
    const uint8_t *end;
    uint32_t depth; /* arrays and objects open */
    uint32_t max_depth;
    int err;
    uint8_t flags;  /* of the value being passed over, SIO_JSON_... */
    bool is_binary; /* the object closed last is a placeholder ... */
    uint32_t num;   /* ... of this attachment */
    level levels[SIO_JSON_DEPTH_CEILING + 1];
} scanner;

uint32_t sio_json_depth_limit(uint32_t wanted) {
    if (wanted == 0) {
        return SIO_JSON_MAX_DEPTH;
    }
    return wanted < SIO_JSON_DEPTH_CEILING ? wanted : SIO_JSON_DEPTH_CEILING;
}

int sio_json_table_grow(sio_json_table *table, size_t item_size, const sio_mem *mem) {
    if (table->count < table->cap) {
        return 0;
    }
    if (table->cap > UINT32_MAX / 2) {
        return SIO_ERR_LIMIT;
    }
    uint32_t cap = table->cap < 8 ? 8 : table->cap * 2;
    void *items = sio_mem_resize_array(mem, table->fixed ? NULL : table->items, cap, item_size);
    if (!items) {
        return SIO_ERR_NOMEM;
    }
    if (table->fixed) {
        memcpy(items, table->items, table->count * item_size);
    }
    table->items = items;
    table->cap = cap;
    table->fixed = false;
    return 0;
}

/* Every function below that passes over something takes the position where it begins and returns
 * the one behind it, or NULL with `err` set. */
static const uint8_t *fail(scanner *s, int err) {
    s->err = err;
    return NULL;
}

/* The byte at `at`; 0 at the end, which is no part of the grammar. */
static inline uint8_t peek(const scanner *s, const uint8_t *at) {
    return at < s->end ? *at : 0;
}

static inline bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Move `*at` behind white space; returns the byte there, as peek() does. */
static inline uint8_t next_byte(const scanner *s, const uint8_t **at) {
    uint8_t byte = peek(s, *at);
    while (byte <= ' ' && is_space(byte)) {
        byte = peek(s, ++*at);
    }
    return byte;
}

/* What may stand behind a backslash: 1, or a hexadecimal digit of \u: 2. */
static const uint8_t escape_class[256] = {
    ['"'] = 1, ['\\'] = 1, ['/'] = 1, ['b'] = 3, ['f'] = 3, ['n'] = 1, ['r'] = 1,
    ['t'] = 1, ['0'] = 2,  ['1'] = 2, ['2'] = 2, ['3'] = 2, ['4'] = 2, ['5'] = 2,
    ['6'] = 2, ['7'] = 2,  ['8'] = 2, ['9'] = 2, ['a'] = 2, ['c'] = 2, ['d'] = 2,
    ['e'] = 2, ['A'] = 2,  ['B'] = 2, ['C'] = 2, ['D'] = 2, ['E'] = 2, ['F'] = 2,
};

static inline const uint8_t *skip_escape(scanner *s, const uint8_t *at) {
    uint8_t letter = peek(s, at + 1);
    if ((escape_class[letter] & 1) != 0) {
        return at + 2;
    }
    if (letter != 'u' || s->end - at < 6 ||
        (escape_class[at[2]] & escape_class[at[3]] & escape_class[at[4]] & escape_class[at[5]] &
         2) == 0) {
        return fail(s, SIO_ERR_JSON_SYNTAX);
    }
    return at + 6;
}

static const uint8_t *skip_foreign(scanner *s, const uint8_t *at) {
    do {
        size_t taken = sio_utf8_step(at, s->end);
        if (taken == 0) {
            return fail(s, SIO_ERR_JSON_UTF8);
        }
        at += taken;
    } while (peek(s, at) >= 0x80);
    return at;
}

/* `at` is behind the opening quote; returns the position of the closing one. */
static inline const uint8_t *skip_string(scanner *s, const uint8_t *at, uint8_t *flags) {
    for (;;) {
        at = sio_json_skip_plain(at, s->end);
        uint8_t byte = peek(s, at);
        if (byte == '"') {
            return at;
        }
        if (byte == '\\') {
            *flags |= SIO_JSON_ESCAPED;
            at = skip_escape(s, at);
        } else if (byte >= 0x80) {
            at = skip_foreign(s, at);
        } else { /* also the end */
            return fail(s, SIO_ERR_JSON_SYNTAX);
        }
        if (!at) {
            return NULL;
        }
    }
}

static inline bool is_digit(uint8_t byte) {
    return (uint8_t)(byte - '0') < 10;
}

static inline const uint8_t *skip_digits(scanner *s, const uint8_t *at) {
    if (!is_digit(peek(s, at))) {
        return fail(s, SIO_ERR_JSON_SYNTAX);
    }
    do {
        at++;
    } while (is_digit(peek(s, at)));
    return at;
}

static const uint8_t *skip_number(scanner *s, const uint8_t *at) {
    at += *at == '-';
    if (peek(s, at) == '0') {
        at++;
    } else {
        at = skip_digits(s, at);
        if (!at) {
            return NULL;
        }
    }
    uint8_t byte = peek(s, at);
    if (byte != '.' && (byte | 0x20) != 'e') {
        s->flags |= SIO_JSON_PLAIN_INTEGER;
        return at;
    }
    if (byte == '.') {
        at = skip_digits(s, at + 1);
        if (!at) {
            return NULL;
        }
        byte = peek(s, at);
    }
    if ((byte | 0x20) == 'e') {
        at++;
        byte = peek(s, at);
        at += byte == '+' || byte == '-';
        return skip_digits(s, at);
    }
    return at;
}

static const uint8_t *skip_word(scanner *s, const uint8_t *at, const char *word, size_t len) {
    if ((size_t)(s->end - at) < len || memcmp(at, word, len) != 0) {
        return fail(s, SIO_ERR_JSON_SYNTAX);
    }
    return at + len;
}

/* Anything but arrays and objects. */
static inline const uint8_t *skip_scalar(scanner *s, const uint8_t *at) {
    switch (peek(s, at)) {
    case '"':
        at = skip_string(s, at + 1, &s->flags);
        return at ? at + 1 : NULL;
    case 't':
        return skip_word(s, at, "true", 4);
    case 'f':
        return skip_word(s, at, "false", 5);
    case 'n':
        return skip_word(s, at, "null", 4);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return skip_number(s, at);
    default:
        return fail(s, SIO_ERR_JSON_SYNTAX);
    }
}

static bool key_is(const uint8_t *key, size_t len, bool escaped, const char *name) {
    return escaped ? sio_json_raw_equals((const char *)key, len, name)
                   : len == strlen(name) && memcmp(key, name, len) == 0;
}

/* A key has been read and its value begins at `value`: note what makes an object a placeholder.
 * JavaScript looks at decoded keys and at the last value of each. */
static inline void note_key(scanner *s, const uint8_t *key, size_t len, bool escaped,
                            const uint8_t *value) {
    level *top = &s->levels[s->depth];
    if (key_is(key, len, escaped, "_placeholder")) {
        top->placeholder = peek(s, value) == 't';
    } else if (key_is(key, len, escaped, "num")) {
        top->num_at = (uint32_t)(value - s->start);
    }
}

/* `at` is where a key must begin; returns where its value begins. */
static inline const uint8_t *skip_key(scanner *s, const uint8_t *at) {
    if (peek(s, at) != '"') {
        return fail(s, SIO_ERR_JSON_SYNTAX);
    }
    const uint8_t *key = at + 1;
    uint8_t flags = 0;
    at = skip_string(s, key, &flags);
    if (!at) {
        return NULL;
    }
    size_t len = (size_t)(at - key);
    at++;
    if (next_byte(s, &at) != ':') {
        return fail(s, SIO_ERR_JSON_SYNTAX);
    }
    at++;
    (void)next_byte(s, &at);
    if (flags != 0 || (len == 12 && *key == '_') || (len == 3 && *key == 'n')) {
        note_key(s, key, len, flags != 0, at);
    }
    return at;
}

/* The number of a placeholder: digits only, and below the number of attachments. */
static bool read_num(const scanner *s, uint32_t num_at, uint32_t *num) {
    if (num_at == 0) {
        return false;
    }
    const uint8_t *at = s->start + num_at;
    if (!is_digit(*at)) {
        return false;
    }
    uint64_t value = 0;
    for (; is_digit(*at); at++) {
        value = value * 10 + (uint64_t)(*at - '0');
        if (value >= s->scan->attachments) {
            return false;
        }
    }
    *num = (uint32_t)value;
    /* The object goes on behind its number, so there is a byte. */
    return *at != '.' && (*at | 0x20) != 'e';
}

static bool add_mark(scanner *s, const sio_json_mark *mark) {
    sio_json_table *marks = s->scan->marks;
    sio_json_mark *items = marks->items;
    /* Placeholders inside this one go with it. */
    while (marks->count > 0 && items[marks->count - 1].at > mark->at) {
        marks->count--;
    }
    s->err = sio_json_table_grow(marks, sizeof(*mark), s->scan->mem);
    if (s->err != 0) {
        return false;
    }
    items = marks->items;
    items[marks->count++] = *mark;
    return true;
}

/* An object whose `_placeholder` is true ends before `end`. */
static bool close_placeholder(scanner *s, const level *top, const uint8_t *end) {
    s->flags |= SIO_JSON_PLACEHOLDER;
    if (!s->scan->placeholders) {
        return true;
    }
    uint32_t num;
    if (!read_num(s, top->num_at, &num)) {
        s->err = SIO_ERR_SIO_PLACEHOLDER;
        return false;
    }
    s->is_binary = true;
    s->num = num;
    if (!s->scan->marks) {
        return true;
    }
    uint32_t len = (uint32_t)(end - s->start) - top->at;
    return add_mark(s, &(sio_json_mark){.at = top->at, .len = len, .num = num});
}

/* An array or object begins at `at`; returns where its first value or key begins, or with `empty`
 * where its closing bracket stands. */
static inline const uint8_t *open_level(scanner *s, const uint8_t *at, bool *empty) {
    if (s->depth == s->max_depth) {
        return fail(s, SIO_ERR_JSON_DEPTH);
    }
    level *top = &s->levels[++s->depth];
    *top = (level){.at = (uint32_t)(at - s->start), .object = *at == '{'};
    at++;
    *empty = next_byte(s, &at) == (top->object ? '}' : ']');
    return at;
}

/* Behind a value: close what ends here, up to level `base`. Returns where the next value or key
 * begins, or behind everything when `base` is reached. */
static inline const uint8_t *next_member(scanner *s, const uint8_t *at, uint32_t base) {
    while (s->depth > base) {
        const level *top = &s->levels[s->depth];
        uint8_t byte = next_byte(s, &at);
        if (byte == ',') {
            at++;
            (void)next_byte(s, &at);
            return at;
        }
        if (byte != (top->object ? '}' : ']')) {
            return fail(s, SIO_ERR_JSON_SYNTAX);
        }
        at++;
        s->is_binary = false;
        if (top->placeholder && !close_placeholder(s, top, at)) {
            return NULL;
        }
        s->depth--;
    }
    return at;
}

/* An array or object and everything in it. */
static const uint8_t *skip_container(scanner *s, const uint8_t *at) {
    const uint32_t base = s->depth;
    bool object = false; /* the level that is open is one: a key comes first */
    for (;;) {
        at = object ? skip_key(s, at) : at;
        if (!at) {
            return NULL;
        }
        uint8_t byte = peek(s, at);
        if (byte == '{' || byte == '[') {
            bool empty;
            at = open_level(s, at, &empty);
            if (at && !empty) {
                object = byte == '{';
                continue;
            }
        } else {
            at = skip_scalar(s, at);
        }
        at = at ? next_member(s, at, base) : NULL;
        if (!at || s->depth == base) {
            return at;
        }
        object = s->levels[s->depth].object;
    }
}

sio_kind sio_json_kind_of(uint8_t first) {
    switch (first) {
    case '"':
        return SIO_KIND_STRING;
    case '{':
        return SIO_KIND_OBJECT;
    case '[':
        return SIO_KIND_ARRAY;
    case 't':
    case 'f':
        return SIO_KIND_BOOL;
    case 'n':
        return SIO_KIND_NULL;
    default:
        return SIO_KIND_NUMBER;
    }
}

/* One value, described in `elem`. */
static inline const uint8_t *scan_elem(scanner *s, const uint8_t *at, sio_json_elem *elem) {
    const uint8_t *begin = at;
    uint8_t first = peek(s, at);
    s->flags = 0;
    s->is_binary = false;
    s->num = 0;
    at = first == '{' || first == '[' ? skip_container(s, at) : skip_scalar(s, at);
    if (!at) {
        return NULL;
    }
    bool binary = first == '{' && s->is_binary;
    *elem = (sio_json_elem){.at = (uint32_t)(begin - s->start),
                            .len = (uint32_t)(at - begin),
                            .num = binary ? s->num : 0,
                            .kind = binary ? SIO_KIND_BINARY : (uint8_t)sio_json_kind_of(first),
                            .flags = s->flags};
    return at;
}

static int start_scan(scanner *s, const sio_json_scan *scan, const char *text, size_t len) {
    if (len >= UINT32_MAX) {
        return SIO_ERR_LIMIT;
    }
    s->scan = scan;
    s->start = (const uint8_t *)text;
    s->end = s->start + len;
    s->depth = 0;
    s->max_depth = scan->max_depth;
    s->err = 0;
    return len > 0 ? 0 : SIO_ERR_JSON_SYNTAX;
}

static int end_scan(scanner *s, const uint8_t *at) {
    (void)next_byte(s, &at);
    return at == s->end ? 0 : SIO_ERR_JSON_TRAILING;
}

int sio_json_scan_value(const sio_json_scan *scan, const char *text, size_t len,
                        sio_json_elem *elem) {
    scanner s;
    int rc = start_scan(&s, scan, text, len);
    if (rc != 0) {
        return rc;
    }
    sio_json_elem found;
    const uint8_t *at = s.start;
    (void)next_byte(&s, &at);
    at = scan_elem(&s, at, &found);
    if (!at) {
        return s.err;
    }
    rc = end_scan(&s, at);
    if (rc == 0 && elem) {
        *elem = found;
    }
    return rc;
}

/* `at` is at the first element; returns behind the closing bracket. */
static const uint8_t *scan_elems(scanner *s, const uint8_t *at) {
    sio_json_table *elems = s->scan->elems;
    for (;;) {
        if (elems->count == s->scan->max_elems) {
            return fail(s, SIO_ERR_LIMIT);
        }
        if (elems->count == elems->cap &&
            (s->err = sio_json_table_grow(elems, sizeof(sio_json_elem), s->scan->mem)) != 0) {
            return NULL;
        }
        at = scan_elem(s, at, (sio_json_elem *)elems->items + elems->count);
        if (!at) {
            return NULL;
        }
        elems->count++;
        uint8_t byte = next_byte(s, &at);
        if (byte == ']') {
            return at + 1;
        }
        if (byte != ',') {
            return fail(s, SIO_ERR_JSON_SYNTAX);
        }
        at++;
        (void)next_byte(s, &at);
    }
}

int sio_json_scan_array(const sio_json_scan *scan, const char *text, size_t len) {
    scanner s;
    int rc = start_scan(&s, scan, text, len);
    if (rc != 0) {
        return rc;
    }
    const uint8_t *at = s.start;
    if (next_byte(&s, &at) != '[') {
        return SIO_ERR_SIO_PAYLOAD;
    }
    s.depth = 1; /* its level is not noted: the loop over the elements stands for it */
    at++;
    at = next_byte(&s, &at) == ']' ? at + 1 : scan_elems(&s, at);
    return at ? end_scan(&s, at) : s.err;
}

int sio_json_validate(const char *text, size_t len, uint32_t max_depth) {
    sio_json_scan scan = {.max_depth = sio_json_depth_limit(max_depth)};
    return sio_json_scan_value(&scan, text, len, NULL);
}
