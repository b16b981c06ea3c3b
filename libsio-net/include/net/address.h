/* Socket addresses: IPv4, IPv6 and Unix. */
#ifndef SIO_NET_ADDRESS_H
#define SIO_NET_ADDRESS_H

#include <sio/error.h>
#include <sio/types.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct sio_address {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } u;
} sio_address;

/* From a numeric literal: "127.0.0.1", "::1", "[::1]", "fe80::1%eth0".
 * Errors: SIO_ERR_INVALID when `host` is not one. */
int sio_address_literal(sio_address *out, const char *host, uint16_t port);

/* A Unix path; a leading '@' means the abstract namespace. Errors: SIO_ERR_INVALID when empty,
 * SIO_ERR_LIMIT when too long. */
int sio_address_unix(sio_address *out, const char *path);

enum { SIO_ADDRESS_TEXT_MAX = 128 };

/* The host part alone ("127.0.0.1", "::1", a path; IPv4-mapped IPv6 as IPv4), NUL-terminated.
 * @return `out` */
const char *sio_address_host(const sio_address *address, char out[SIO_ADDRESS_TEXT_MAX]);

/* 0 for Unix. */
uint16_t sio_address_port(const sio_address *address);

#endif
