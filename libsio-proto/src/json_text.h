/* Strings in JSON text. */
#ifndef SIO_SRC_JSON_TEXT_H
#define SIO_SRC_JSON_TEXT_H

#include <sio/json.h>

/* Decode what stands between the quotes of a valid JSON string. Writes at most `len` bytes, so
 * `out` may not be smaller, and may be `raw` itself; returns how many. Lone surrogates become
 * U+FFFD. */
size_t sio_json_unescape(char *out, const char *raw, size_t len);

/* Does what stands between the quotes of a valid JSON string decode to this ASCII text? */
bool sio_json_raw_equals(const char *raw, size_t len, const char *text);

#endif
