/* Random bytes from the operating system, fetched in batches. */
#ifndef SIO_NET_RANDOM_H
#define SIO_NET_RANDOM_H

#include "net/loop.h"

/* Errors: SIO_ERR_RANDOM; `out` is then zeroed. */
int sio_random_fill(sio_loop *loop, void *out, size_t len);

enum { SIO_SID_LEN = 20 };

/* 15 random bytes as 20 characters of base64url (RFC 4648 §5), not NUL-terminated.
 * Errors: SIO_ERR_RANDOM. */
int sio_random_sid(sio_loop *loop, char out[SIO_SID_LEN]);

#endif
