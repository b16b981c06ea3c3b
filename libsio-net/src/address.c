#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "fe80::1%eth0": the name behind the percent sign, or its number. */
static int parse_v6(struct sockaddr_in6 *out, char *host) {
    char *zone = strchr(host, '%');
    if (zone) {
        *zone++ = '\0';
        out->sin6_scope_id = if_nametoindex(zone);
        if (out->sin6_scope_id == 0) {
            char *end;
            unsigned long index = strtoul(zone, &end, 10);
            if (*zone < '0' || *zone > '9' || *end != '\0' || index == 0 || index > UINT32_MAX) {
                return SIO_ERR_INVALID;
            }
            out->sin6_scope_id = (uint32_t)index;
        }
    }
    return inet_pton(AF_INET6, host, &out->sin6_addr) == 1 ? 0 : SIO_ERR_INVALID;
}

int sio_address_literal(sio_address *out, const char *host, uint16_t port) {
    char copy[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
    size_t len = strlen(host);
    bool bracketed = len >= 2 && host[0] == '[' && host[len - 1] == ']';
    if (bracketed) {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof copy) {
        return SIO_ERR_INVALID;
    }
    memcpy(copy, host, len);
    copy[len] = '\0';
    sio_address address = {0};
    if (!bracketed && inet_pton(AF_INET, copy, &address.u.v4.sin_addr) == 1) {
        address.len = sizeof address.u.v4;
        address.u.v4.sin_family = AF_INET;
        address.u.v4.sin_port = htons(port);
    } else {
        if (parse_v6(&address.u.v6, copy) != 0) {
            return SIO_ERR_INVALID;
        }
        address.len = sizeof address.u.v6;
        address.u.v6.sin6_family = AF_INET6;
        address.u.v6.sin6_port = htons(port);
    }
    *out = address;
    return 0;
}

int sio_address_unix(sio_address *out, const char *path) {
    size_t len = strlen(path);
    sio_address address = {0};
    if (len == 0) {
        return SIO_ERR_INVALID;
    }
    if (len >= sizeof address.u.local.sun_path) {
        return SIO_ERR_LIMIT;
    }
    address.u.local.sun_family = AF_UNIX;
    memcpy(address.u.local.sun_path, path, len);
    address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (path[0] == '@') {
        address.u.local.sun_path[0] = '\0';
    } else {
        address.len++; /* a file's name ends with its NUL, an abstract one does not */
    }
    *out = address;
    return 0;
}

static void unix_text(const sio_address *address, char out[SIO_ADDRESS_TEXT_MAX]) {
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t len = address->len > head ? address->len - head : 0;
    if (len > sizeof address->u.local.sun_path) {
        len = sizeof address->u.local.sun_path;
    }
    const char *path = address->u.local.sun_path;
    memcpy(out, path, len);
    out[len] = '\0';
    if (len > 0 && path[0] == '\0') {
        out[0] = '@';
    }
}

static void v6_text(const struct sockaddr_in6 *v6, char out[SIO_ADDRESS_TEXT_MAX]) {
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out, SIO_ADDRESS_TEXT_MAX);
        return;
    }
    inet_ntop(AF_INET6, &v6->sin6_addr, out, SIO_ADDRESS_TEXT_MAX);
    if (v6->sin6_scope_id != 0) {
        size_t len = strlen(out);
        snprintf(out + len, SIO_ADDRESS_TEXT_MAX - len, "%%%u", (unsigned)v6->sin6_scope_id);
    }
}

const char *sio_address_host(const sio_address *address, char out[SIO_ADDRESS_TEXT_MAX]) {
    out[0] = '\0';
    if (address->len < sizeof address->u.any.sa_family) {
        return out;
    }
    switch (address->u.any.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &address->u.v4.sin_addr, out, SIO_ADDRESS_TEXT_MAX);
        break;
    case AF_INET6:
        v6_text(&address->u.v6, out);
        break;
    case AF_UNIX:
        unix_text(address, out);
        break;
    default:
        break;
    }
    return out;
}

uint16_t sio_address_port(const sio_address *address) {
    switch (address->len > 0 ? address->u.any.sa_family : AF_UNSPEC) {
    case AF_INET:
        return ntohs(address->u.v4.sin_port);
    case AF_INET6:
        return ntohs(address->u.v6.sin6_port);
    default:
        return 0;
    }
}
