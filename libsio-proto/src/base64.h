/* Base64 (RFC 4648 §4): encodes the standard alphabet with padding; decodes the standard and the
 * URL-safe alphabet (§5), also mixed, with or without padding. */
#ifndef SIO_SRC_BASE64_H
#define SIO_SRC_BASE64_H

#include <sio/buffer.h>

/* Characters that `len` bytes become, padding included; SIZE_MAX when the number does not fit. */
size_t sio_base64_encoded_len(size_t len);

/* Write exactly sio_base64_encoded_len(len) characters, no NUL. */
void sio_base64_encode(char *out, const void *data, size_t len);

/* Append the encoding. Returns 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM; on failure nothing was appended.
 */
int sio_base64_add(sio_buf *out, const void *data, size_t len);

/* Room that decoding `len` characters needs at most. */
size_t sio_base64_decoded_max(size_t len);

/* Decode into `out`, which has room for sio_base64_decoded_max(len) bytes and may be `text` itself
 * (decoding in place). Padding is complete, absent or one character of two; the unused bits of the
 * last character are ignored, as every common decoder does. Returns 0 and sets `*out_len`, or
 * SIO_ERR_INVALID for any other character (whitespace too) or an impossible length; then the bytes
 * at `out` are undefined and `*out_len` is untouched. */
int sio_base64_decode(uint8_t *out, size_t *out_len, const char *text, size_t len);

/* Append the decoded bytes. Returns 0, SIO_ERR_INVALID, SIO_ERR_LIMIT or SIO_ERR_NOMEM; on failure
 * nothing was appended. The buffer's maximum counts the decoded bytes. */
int sio_base64_add_decoded(sio_buf *out, const char *text, size_t len);

#endif
