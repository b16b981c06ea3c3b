/* Names with a meaning on the wire: namespaces and reserved events. */
#ifndef SIO_SRC_SIO_NAMES_H
#define SIO_SRC_SIO_NAMES_H

#include <sio/packet.h>

static inline bool sio_str_equal(sio_str a, sio_str b) {
    return a.len == b.len && (a.len == 0 || __builtin_memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* "/" is written by leaving it out, and so is the empty name. */
static inline bool sio_nsp_is_root(sio_str nsp) {
    return nsp.len == 0 || (nsp.len == 1 && nsp.ptr[0] == '/');
}

/* Can the name stand in a text packet? Less strict than sio_nsp_is_valid: what a peer sent must be
 * echoed to it when it is refused. */
bool sio_nsp_is_writable(sio_str nsp);

#endif
