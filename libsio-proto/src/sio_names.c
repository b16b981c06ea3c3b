#include "sio_names.h"

#include <string.h>

bool sio_packet_is_reserved(sio_str name) {
    /* The lengths differ, all but two: one comparison decides nearly always. */
    switch (name.len) {
    case 7:
        return memcmp(name.ptr, "connect", 7) == 0;
    case 10:
        return memcmp(name.ptr, "disconnect", 10) == 0;
    case 11:
        return memcmp(name.ptr, "newListener", 11) == 0;
    case 13:
        return memcmp(name.ptr, "connect_error", 13) == 0 ||
               memcmp(name.ptr, "disconnecting", 13) == 0;
    case 14:
        return memcmp(name.ptr, "removeListener", 14) == 0;
    default:
        return false;
    }
}

bool sio_nsp_is_writable(sio_str nsp) {
    return nsp.len == 0 || (nsp.ptr[0] == '/' && !memchr(nsp.ptr, ',', nsp.len));
}

bool sio_nsp_is_valid(sio_str nsp) {
    if (!sio_nsp_is_writable(nsp)) {
        return false;
    }
    for (size_t i = 0; i < nsp.len; i++) {
        unsigned char c = (unsigned char)nsp.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}
