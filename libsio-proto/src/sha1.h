/* SHA-1 (RFC 3174), for Sec-WebSocket-Accept only, where it is no matter of security (RFC 6455
 * §10.8). */
#ifndef SIO_SRC_SHA1_H
#define SIO_SRC_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SIO_SHA1_LEN = 20 };

void sio_sha1(uint8_t out[SIO_SHA1_LEN], const void *data, size_t len);

#endif
