/* The one pass over received JSON text: RFC 8259 grammar, UTF-8, depth and placeholders. It never
 * recurses. */
#ifndef SIO_SRC_JSON_SCAN_H
#define SIO_SRC_JSON_SCAN_H

#include <sio/json.h>

/* Flags of an element. */
enum {
    SIO_JSON_ESCAPED = 1u << 0,      /* string: holds a backslash */
    SIO_JSON_PLACEHOLDER = 1u << 1,  /* has an object that is, or looks like, a placeholder */
    SIO_JSON_PLAIN_INTEGER = 1u << 2 /* number: neither fraction nor exponent */
};

/* One element of the outer array. Offsets count from the start of the text. */
typedef struct sio_json_elem {
    uint32_t at;
    uint32_t len;
    uint32_t num;  /* the attachment of a binary element */
    uint8_t kind;  /* sio_kind; binary only when placeholders count */
    uint8_t flags; /* SIO_JSON_... */
} sio_json_elem;

/* An object that is a placeholder, wherever it stands. */
typedef struct sio_json_mark {
    uint32_t at;
    uint32_t len;
    uint32_t num;
} sio_json_mark;

/* A table that grows in place; `fixed` storage of the owner is left alone. */
typedef struct sio_json_table {
    void *items;
    uint32_t count;
    uint32_t cap;
    bool fixed; /* `items` is not from the allocator */
} sio_json_table;

typedef struct sio_json_scan {
    uint32_t max_depth;    /* 1 to SIO_JSON_DEPTH_CEILING */
    uint32_t max_elems;    /* for sio_json_scan_array */
    bool placeholders;     /* they count, and their numbers are checked ... */
    uint32_t attachments;  /* ... to be below this */
    sio_json_table *elems; /* of sio_json_elem, appended to by sio_json_scan_array */
    sio_json_table *marks; /* of sio_json_mark, in order of their ends; NULL when not wanted */
    const sio_mem *mem;    /* for the tables */
} sio_json_scan;

/* 0 is the default, and what is above the ceiling comes down to it. */
uint32_t sio_json_depth_limit(uint32_t wanted);

/* One value with nothing but white space around it. `elem` may be NULL; it gets what is known of
 * the value. */
int sio_json_scan_value(const sio_json_scan *scan, const char *text, size_t len,
                        sio_json_elem *elem);

/* An array: SIO_ERR_SIO_PAYLOAD when the text begins otherwise. */
int sio_json_scan_array(const sio_json_scan *scan, const char *text, size_t len);

/* What a valid value is by its first byte. */
sio_kind sio_json_kind_of(uint8_t first);

/* Room for one more item behind the last. */
int sio_json_table_grow(sio_json_table *table, size_t item_size, const sio_mem *mem);

#endif
