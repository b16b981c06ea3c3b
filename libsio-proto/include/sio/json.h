/**
 * @file json.h
 * @brief JSON text: strict validation, and cJSON trees that carry binary data.
 *
 * A tree of `struct cJSON` (from <cjson/cJSON.h>) is the value users exchange with libsio. Parsing
 * and printing are done here and not by cJSON, whose own functions cut strings at U+0000, change
 * numbers and accept text that is not JSON. What is accepted is what JSON.parse accepts, what is
 * printed is byte for byte what JSON.stringify prints, whatever the locale.
 *
 * A node made by sio_json_binary() holds bytes. It may stand anywhere in a tree and is sent as a
 * Socket.IO attachment; received attachments appear as such nodes.
 *
 * Every function here may be called from any thread and from any callback; a tree is for one
 * thread at a time.
 */
#ifndef SIO_JSON_H
#define SIO_JSON_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cJSON;

enum {
    /** How deep arrays and objects may stand in each other where nothing else is asked for: `[[]]`
     * is 2 deep. Printing never goes deeper. */
    SIO_JSON_MAX_DEPTH = 256,
    /** The largest limit that can be asked for; larger wishes are lowered to it. */
    SIO_JSON_DEPTH_CEILING = 1024,
    /** A tree that is printed holds no more different binary nodes than this. */
    SIO_JSON_MAX_BINARIES = 1024
};

/** What a JSON value is. Binary stands for a placeholder whose attachment is known. */
typedef enum sio_kind {
    SIO_KIND_NONE, /**< there is no such value */
    SIO_KIND_NULL,
    SIO_KIND_BOOL,
    SIO_KIND_NUMBER,
    SIO_KIND_STRING,
    SIO_KIND_BINARY,
    SIO_KIND_ARRAY,
    SIO_KIND_OBJECT
} sio_kind;

/** Is this text one JSON value with nothing but white space around it? RFC 8259, as strict as
 * JSON.parse; invalid UTF-8 is refused, escaped lone surrogates are not. Nothing is allocated.
 * @param text borrowed for the call; need not be NUL-terminated
 * @param max_depth 0 means SIO_JSON_MAX_DEPTH
 * @return 0, SIO_ERR_JSON_SYNTAX, SIO_ERR_JSON_UTF8, SIO_ERR_JSON_DEPTH, SIO_ERR_JSON_TRAILING,
 * SIO_ERR_LIMIT when the text has 4 GiB or more */
SIO_API int sio_json_validate(const char *text, size_t len, uint32_t max_depth);

/** Parse text into a new tree, which the caller frees with cJSON_Delete. The memory comes from
 * cJSON's allocator. Where an object names a key twice, the last value counts and stands in the
 * place of the first, as in JavaScript. Lone surrogates become U+FFFD. Numbers are doubles, so
 * integers beyond 2^53 are rounded; those too large are infinite. Placeholders are ordinary
 * objects here.
 * @param out owned by the caller
 * @param text borrowed for the call; need not be NUL-terminated
 * @param max_depth 0 means SIO_JSON_MAX_DEPTH
 * @return 0, the errors of sio_json_validate(), SIO_ERR_JSON_NUL when a string or key holds
 * U+0000, which a C string cannot, SIO_ERR_NOMEM */
SIO_API int sio_json_parse(struct cJSON **out, const char *text, size_t len, uint32_t max_depth);

/** Append a tree as compact JSON text. Binary nodes are written as Socket.IO placeholders,
 * numbered from 0 depth-first; the same memory met again gets the same number. NaN and infinity
 * are written as null, a string of a cJSON_Raw node is checked and written as it is.
 * @param item borrowed; its siblings are not printed
 * @return 0, SIO_ERR_JSON_CYCLE when the tree is deeper than SIO_JSON_MAX_DEPTH or its lists are
 * not in order, SIO_ERR_JSON_UTF8 for a string that is not UTF-8, SIO_ERR_TYPE for a node that is
 * no JSON value (also a binary node copied by cJSON_Duplicate, which loses the bytes), the errors
 * of sio_json_validate() for a raw node, SIO_ERR_SIO_TOO_MANY_ATTACHMENTS, SIO_ERR_LIMIT (the
 * buffer's maximum), SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_json_print(sio_buf *out, const struct cJSON *item);

/** Append a string as JSON text with its quotes, escaped as JSON.stringify does.
 * @param text UTF-8, borrowed for the call; may hold U+0000
 * @return 0, SIO_ERR_JSON_UTF8, SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_json_add_string(sio_buf *out, const char *text, size_t len);

/** Append a number as JavaScript prints it: the shortest digits that read back the same, `1e+21`,
 * `0` for -0, `null` for NaN and infinity.
 * @return 0, SIO_ERR_LIMIT, SIO_ERR_NOMEM */
SIO_API int sio_json_add_double(sio_buf *out, double value);

/** A new node holding a copy of `len` bytes, to be put into a tree with cJSON_AddItemToObject and
 * the like, and freed with it by cJSON_Delete. cJSON sees it as a node of type cJSON_Invalid.
 * cJSON's reference functions work on it; cJSON_Duplicate does not copy the bytes, and the copy is
 * no binary node.
 * @param data borrowed for the call; may be NULL when `len` is 0
 * @return owned by the caller; NULL when there is no memory */
SIO_API struct cJSON *sio_json_binary(const void *data, size_t len);

/** Is this a node of sio_json_binary()? `item` may be NULL. */
SIO_API bool sio_json_is_binary(const struct cJSON *item);

/** The bytes of a binary node, borrowed from it; empty for any other node and for NULL. */
SIO_API sio_bytes sio_json_binary_get(const struct cJSON *item);

#ifdef __cplusplus
}
#endif

#endif
