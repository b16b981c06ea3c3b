/* What stands behind `sio_args`, shared by the files that parse, read and build it. */
#ifndef SIO_SRC_ARGS_STRUCT_H
#define SIO_SRC_ARGS_STRUCT_H

#include <sio/args.h>

#include "json_scan.h"

#include <stdatomic.h>

enum {
    ARGS_INLINE = 9,       /* a name and eight arguments cost no allocation */
    ARGS_FOREIGN = 1u << 7 /* flag of an element: an object in it only looks like a placeholder */
};

typedef enum args_mode {
    ARGS_BUILT, /* `own` holds the text; may be appended to while there is one reference */
    ARGS_VIEW,  /* parsed; refers to the receiver's memory until it is kept */
    ARGS_COPY   /* of a view, for sio_args_ref; owns everything, never changes */
} args_mode;

typedef struct args_attachment {
    sio_bytes data;
    sio_blob *owner; /* a reference, or NULL while borrowed */
} args_attachment;

/* What getters have decoded; made when the first of them needs it. */
typedef struct args_cache args_cache;

struct sio_args {
    atomic_uint refs;
    args_mode mode;
    bool event;   /* element 0 is the name */
    bool binary;  /* placeholders count */
    bool foreign; /* some element has ARGS_FOREIGN */
    bool has_mem;
    sio_mem mem;
    sio_str borrowed;           /* the text of a view that is not kept */
    sio_buf own;                /* the text in all other cases */
    sio_json_table elems;       /* of sio_json_elem, offsets into the text */
    sio_json_table attachments; /* of args_attachment */
    args_cache *cache;
    sio_json_elem inline_elems[ARGS_INLINE];
};

static inline const sio_mem *args_mem(const sio_args *args) {
    return args->has_mem ? &args->mem : NULL;
}

static inline const char *args_text(const sio_args *args) {
    return args->borrowed.ptr ? args->borrowed.ptr : (const char *)args->own.data;
}

static inline const sio_json_elem *args_elems(const sio_args *args) {
    return args->elems.items;
}

static inline args_attachment *args_attachments(const sio_args *args) {
    return args->attachments.items;
}

/* The element that is argument `index`, or NULL. */
static inline const sio_json_elem *args_elem(const sio_args *args, size_t index) {
    size_t skip = args->event;
    return index < args->elems.count - skip ? args_elems(args) + skip + index : NULL;
}

/* Make room for `count` attachments in all; new ones are empty. */
int sio_args_reserve_attachments(sio_args *args, uint32_t count);

/* Give the references of the attachments from `from` on back. */
void sio_args_cut_attachments(sio_args *args, uint32_t from);

/* What getters have handed out is void. Memory is kept for the next use, or all released. */
void sio_args_cache_reset(sio_args *args);
void sio_args_cache_free(sio_args *args);

#endif
