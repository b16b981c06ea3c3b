/**
 * @file args.h
 * @brief `sio_args`: the arguments of an event or an acknowledgement, received or to be sent.
 *
 * Received arguments are a view of their JSON text. One pass validates it and notes where each
 * argument stands; values are decoded when they are asked for. Arguments to be sent are appended
 * one by one, or all at once with sio_args_addf(). Both are the same type, so what was received can
 * be sent again without decoding it.
 *
 * Getters never fail: an argument that is missing or of another type gives the empty value (0,
 * false, "", no bytes), and sio_args_kind() tells what is there. What they return is borrowed from
 * the object and stays until that is parsed into, appended to, given an attachment, kept, reset or
 * freed. Out of memory also gives the empty
 * value, in those getters that need memory to decode.
 *
 * Threads: references may be taken and given back on any thread. Everything else, getters included
 * because they keep what they decoded, is for one thread at a time.
 */
#ifndef SIO_ARGS_H
#define SIO_ARGS_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/json.h>
#include <sio/types.h>

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cJSON;

typedef struct sio_args sio_args;

enum {
    /** Default for sio_args_limits.max_args. */
    SIO_ARGS_MAX_ARGS = 65536,
    /** A list that is built never holds more attachments than this. */
    SIO_ARGS_MAX_ATTACHMENTS = SIO_JSON_MAX_BINARIES
};

/** A new, empty list. One object can serve all received messages in turn: it allocates nothing more
 * once it has grown to their size.
 * @param out owned by the caller, given back with sio_args_unref()
 * @param mem copied; NULL means the C library's allocator
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_args_new(sio_args **out, const sio_mem *mem);

/** A reference that keeps the arguments beyond the callback or the turn. A list that was built is
 * counted up; one that was parsed is copied, because its object is about to be used for the next
 * message (attachments given as blobs are shared, not copied).
 * @param out owned by the caller
 * @return 0 or SIO_ERR_NOMEM. Any thread for a list that was built. */
SIO_API int sio_args_ref(sio_args **out, const sio_args *args);

/** Give a reference back; the last one frees the list. NULL is allowed. Any thread. */
SIO_API void sio_args_unref(sio_args *args);

/** Empty the list, so that it can be built or parsed anew; moderate amounts of memory are kept for
 * the next use. On a list with several references this does nothing. */
SIO_API void sio_args_reset(sio_args *args);

/** @name Receiving
 * @{ */

/** Flags of sio_args_parse(). */
enum {
    /** Element 0 is the event name: a string or a number, not counted as an argument. */
    SIO_ARGS_EVENT = 1u << 0,
    /** Placeholders stand for attachments. Without this they are ordinary objects. */
    SIO_ARGS_BINARY = 1u << 1
};

/** Limits on received arguments. Zero fields mean the default. */
typedef struct sio_args_limits {
    size_t size;        /**< sizeof(sio_args_limits), set by SIO_ARGS_LIMITS_INIT */
    uint32_t max_depth; /**< nesting, the outer array included; default SIO_JSON_MAX_DEPTH */
    uint32_t max_args;  /**< elements of the outer array; default SIO_ARGS_MAX_ARGS */
} sio_args_limits;

#define SIO_ARGS_LIMITS_INIT                                                                       \
    { sizeof(sio_args_limits), 0, 0 }

/** Make the list a view of a JSON array (Socket.IO protocol 5, EVENT, ACK and their binary forms).
 * What the list held before is dropped, also on failure.
 * @param json borrowed until the next parse or reset, or until sio_args_keep()
 * @param flags SIO_ARGS_EVENT, SIO_ARGS_BINARY
 * @param attachments how many follow; placeholder numbers must be below it. 0 without
 * SIO_ARGS_BINARY. The caller has checked it against his limit
 * @param limits NULL means the defaults
 * @return 0, the errors of sio_json_validate(), SIO_ERR_SIO_PAYLOAD when the text is no array, or
 * with SIO_ARGS_EVENT has no string or number first, SIO_ERR_SIO_PLACEHOLDER when `_placeholder` is
 * true and `num` no integer below `attachments` (duplicate keys: the last counts), SIO_ERR_LIMIT
 * for too many elements, SIO_ERR_STATE when the list has several references, SIO_ERR_NOMEM */
SIO_API int sio_args_parse(sio_args *args, const char *json, size_t len, unsigned flags,
                           uint32_t attachments, const sio_args_limits *limits);

/** Hand in the bytes of an attachment.
 * @param data borrowed like the text
 * @return 0, SIO_ERR_NOT_FOUND for an index not below `attachments`, SIO_ERR_STATE when the list
 * was not parsed */
SIO_API int sio_args_set_attachment(sio_args *args, uint32_t index, sio_bytes data);

/** As sio_args_set_attachment(), taking a reference of a blob in place of borrowing. */
SIO_API int sio_args_set_blob(sio_args *args, uint32_t index, sio_blob *blob);

/** Copy what is still borrowed (text, attachments) into the list, which thereby lives on when the
 * receive buffer is used again. May be called again after further attachments. What getters
 * returned before is void.
 * @return 0 or SIO_ERR_NOMEM (nothing changed) */
SIO_API int sio_args_keep(sio_args *args);

/** The event's name, decoded; a number as JavaScript prints it. Empty when the list was not parsed
 * with SIO_ARGS_EVENT. */
SIO_API sio_str sio_args_name(const sio_args *args);

/** @}
 * @name Reading
 * Index 0 is the first argument.
 * @{ */

/** How many arguments there are. */
SIO_API size_t sio_args_count(const sio_args *args);

/** What an argument is; SIO_KIND_NONE when there is none at this index. */
SIO_API sio_kind sio_args_kind(const sio_args *args, size_t index);

/** A string, decoded. Not copied when it holds no escape. Lone surrogates become U+FFFD; U+0000 is
 * kept. */
SIO_API sio_str sio_args_str(const sio_args *args, size_t index);

/** A string as NUL-terminated text, "" when it is missing, of another type, or holds U+0000, which
 * would cut it. Never NULL. */
SIO_API const char *sio_args_string(const sio_args *args, size_t index);

/** A number as an integer: exact within 64 bits, a fraction is cut off, what lies beyond gives the
 * nearest 64-bit number. One written with a fraction or an exponent is a double first, as in
 * JavaScript: 1e-400 is 0. */
SIO_API int64_t sio_args_int(const sio_args *args, size_t index);

/** Is it a number with an integer value that sio_args_int() gives exactly? */
SIO_API bool sio_args_is_int(const sio_args *args, size_t index);

/** A number, correctly rounded; infinite when it is too large, as in JavaScript. */
SIO_API double sio_args_double(const sio_args *args, size_t index);

/** True only for the value true. */
SIO_API bool sio_args_bool(const sio_args *args, size_t index);

/** The bytes of a binary argument. Empty while its attachment has not been handed in. */
SIO_API sio_bytes sio_args_binary(const sio_args *args, size_t index);

/** The JSON text of any argument, unchanged; binary shows as placeholder. */
SIO_API sio_str sio_args_raw(const sio_args *args, size_t index);

/** An argument as a cJSON tree, built once and kept. Binary shows as nodes of sio_json_binary().
 * @param out borrowed from the list
 * @return 0, SIO_ERR_NOT_FOUND, SIO_ERR_JSON_NUL when a string or key inside holds U+0000 (use
 * sio_args_raw() or sio_args_str()), SIO_ERR_NOMEM */
SIO_API int sio_args_json(const struct cJSON **out, const sio_args *args, size_t index);

/** How many attachments belong to the list. */
SIO_API uint32_t sio_args_attachment_count(const sio_args *args);

/** The bytes of attachment `n`, empty when it was not handed in. */
SIO_API sio_bytes sio_args_attachment(const sio_args *args, uint32_t n);

/** @}
 * @name Building
 * Each function appends one argument (sio_args_add_all() and the format functions: several) and
 * returns 0, SIO_ERR_NOMEM, SIO_ERR_LIMIT when the text reaches 4 GiB or there are
 * SIO_ARGS_MAX_ARGS arguments, SIO_ERR_STATE when the list was parsed (reset it first) or has
 * several references, or what is named beside it. On failure nothing was appended.
 * Attachments are numbered in the order in which they stand in the arguments, depth first.
 * @{ */

/** A string. @param text UTF-8, copied; may hold U+0000. @return also SIO_ERR_JSON_UTF8 */
SIO_API int sio_args_add_str(sio_args *args, sio_str text);

/** A NUL-terminated string; NULL is null. @param text UTF-8, copied. @return also
 * SIO_ERR_JSON_UTF8 */
SIO_API int sio_args_add_string(sio_args *args, const char *text);

/** A signed integer with all its digits. JavaScript reads those beyond 2^53 rounded. */
SIO_API int sio_args_add_int(sio_args *args, int64_t value);

/** An unsigned integer with all its digits. */
SIO_API int sio_args_add_uint(sio_args *args, uint64_t value);

/** A number as JavaScript prints it; NaN and infinity are null. */
SIO_API int sio_args_add_double(sio_args *args, double value);

/** true or false. */
SIO_API int sio_args_add_bool(sio_args *args, bool value);

/** null. */
SIO_API int sio_args_add_null(sio_args *args);

/** Binary data, sent as an attachment. @param data copied; may be NULL when its length is 0.
 * @return also SIO_ERR_SIO_TOO_MANY_ATTACHMENTS */
SIO_API int sio_args_add_binary(sio_args *args, sio_bytes data);

/** As sio_args_add_binary(), taking a reference of a blob in place of copying. */
SIO_API int sio_args_add_blob(sio_args *args, sio_blob *blob);

/** JSON text of one value. @param json copied. @return also the errors of sio_json_validate() */
SIO_API int sio_args_add_raw(sio_args *args, sio_str json);

/** A cJSON tree, binary nodes becoming attachments; NULL is null. @param item borrowed for the
 * call.
 * @return also the errors of sio_json_print(); the depth counts the argument list itself */
SIO_API int sio_args_add_json(sio_args *args, const struct cJSON *item);

/** An argument of another list with its attachments, not decoded. @param from borrowed for the
 * call, another object than `args`. @return also SIO_ERR_NOT_FOUND, SIO_ERR_INVALID,
 * SIO_ERR_SIO_TOO_MANY_ATTACHMENTS */
SIO_API int sio_args_add_arg(sio_args *args, const sio_args *from, size_t index);

/** All arguments of another list, without its event name. As sio_args_add_arg(). */
SIO_API int sio_args_add_all(sio_args *args, const sio_args *from);

/**
 * Append several arguments. Each letter of `format` takes its C arguments and appends one argument
 * of the event; spaces and commas are ignored:
 *
 * | letter | C arguments               | appended                                            |
 * |--------|---------------------------|-----------------------------------------------------|
 * | `s`    | const char *              | NUL-terminated string; NULL gives null              |
 * | `S`    | const char *, size_t      | string with length                                  |
 * | `i`    | int                       | integer                                             |
 * | `I`    | int64_t                   | integer                                             |
 * | `u`    | unsigned                  | integer                                             |
 * | `U`    | uint64_t                  | integer                                             |
 * | `d`    | double                    | number; NaN and infinity give null                  |
 * | `b`    | int                       | false for 0, else true                              |
 * | `n`    | none                      | null                                                |
 * | `B`    | const void *, size_t      | binary data, copied                                 |
 * | `j`    | const struct cJSON *      | tree, borrowed for the call; NULL gives null        |
 * | `r`    | const char *              | NUL-terminated JSON text; NULL gives null            |
 * | `a`    | const sio_args *          | all its arguments; NULL gives none                  |
 *
 * The C arguments must have exactly these types: write `(int64_t)5` for `I`, `(size_t)3` for a
 * length.
 * @param format NULL or "" appends nothing
 * @return the errors of the functions above, SIO_ERR_INVALID for another letter; on failure nothing
 * of it was appended
 */
SIO_API int sio_args_addf(sio_args *args, const char *format, ...);

/** As sio_args_addf(), with a started va_list, whose state afterwards is not defined. */
SIO_API int sio_args_vaddf(sio_args *args, const char *format, va_list values);

/** A new list with arguments as in sio_args_addf(), from a started va_list, whose state afterwards
 * is not defined.
 * @param out owned by the caller, given back with sio_args_unref()
 * @param mem copied; NULL means the C library's allocator
 * @return as sio_args_addf() */
SIO_API int sio_args_new_vf(sio_args **out, const sio_mem *mem, const char *format, va_list values);

/** @}
 * @name Encoding
 * @{ */

/** Append the arguments as JSON text joined by commas, without brackets and event name. Nothing is
 * appended for an empty list. Placeholders carry the numbers of sio_args_attachment().
 * @return 0, SIO_ERR_SIO_PLACEHOLDER when the list has attachments and also an object that only
 * looks like a placeholder (from JSON text or a tree), which the receiver would take for one;
 * SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_args_write(const sio_args *args, sio_buf *out);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
