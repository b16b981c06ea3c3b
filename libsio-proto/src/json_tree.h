/* cJSON trees from validated text and back, with binary nodes. */
#ifndef SIO_SRC_JSON_TREE_H
#define SIO_SRC_JSON_TREE_H

#include "json_scan.h"

#include <cjson/cJSON.h>

/* The binary node for attachment `num`, borrowed until the tree is deleted; NULL when there is no
 * memory. */
typedef const cJSON *(*sio_json_attachment_fn)(void *arg, uint32_t num);

/* Build a tree from text that sio_json_scan has accepted. With `attachment`, placeholders become
 * reference nodes that share the memory of the nodes it gives. `mem` is for scratch memory.
 * SIO_ERR_JSON_NUL, SIO_ERR_NOMEM. */
int sio_json_build(cJSON **out, const char *text, size_t len, sio_json_attachment_fn attachment,
                   void *arg, const sio_mem *mem);

/* Printing. The caller sets the first group and releases `seen` afterwards, also on failure. */
typedef struct sio_json_printer {
    sio_buf *out;
    uint32_t max_depth;
    uint32_t first_num; /* of the first attachment */
    uint32_t max_seen;

    sio_json_table seen; /* of sio_bytes: the data of attachment first_num + i */
    bool looks_alike;    /* there is an object that is no placeholder but would be taken for one */
} sio_json_printer;

/* What was appended before a failure stays: the caller cuts it off. */
int sio_json_print_tree(sio_json_printer *printer, const cJSON *item);

int sio_json_add_placeholder(sio_buf *out, uint32_t num);

#endif
