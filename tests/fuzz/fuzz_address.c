/* Address literals, with brackets and zones, and Unix paths: what is accepted is what the C library
 * accepts, and its text is an address again, the same. */
#include <net/address.h>

#include "draw.h"

#include <arpa/inet.h>

/* Without a zone the C library must agree. */
static bool plain_literal(const char *text) {
    uint8_t bits[16];
    char copy[256];
    size_t len = strlen(text);
    if (len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, len + 1);
    if (len >= 2 && copy[0] == '[' && copy[len - 1] == ']') {
        copy[len - 1] = '\0';
        return inet_pton(AF_INET6, copy + 1, bits) == 1;
    }
    return inet_pton(AF_INET, copy, bits) == 1 || inet_pton(AF_INET6, copy, bits) == 1;
}

static void try_literal(const char *text) {
    sio_address address;
    sio_address again;
    char host[SIO_ADDRESS_TEXT_MAX];
    char second[SIO_ADDRESS_TEXT_MAX];
    int rc = sio_address_literal(&address, text, 4711);
    REQUIRE(rc == 0 || rc == SIO_ERR_INVALID);
    REQUIRE(strchr(text, '%') || (rc == 0) == plain_literal(text));
    if (rc != 0) {
        return;
    }
    REQUIRE(sio_address_port(&address) == 4711);
    REQUIRE(sio_address_host(&address, host) == host && strlen(host) < sizeof(host));
    REQUIRE(sio_address_literal(&again, host, 4711) == 0);
    REQUIRE(strcmp(sio_address_host(&again, second), host) == 0);
    if (again.len == address.len) { /* an IPv4-mapped address is shown, and read, as IPv4 */
        REQUIRE(memcmp(&again.u, &address.u, address.len) == 0);
    }
}

static void try_unix(const char *path) {
    sio_address address;
    sio_address again;
    char text[SIO_ADDRESS_TEXT_MAX];
    int rc = sio_address_unix(&address, path);
    size_t room = sizeof(address.u.local.sun_path);
    size_t len = strlen(path);
    REQUIRE(rc == (len == 0 ? SIO_ERR_INVALID : len >= room ? SIO_ERR_LIMIT : 0));
    if (rc != 0) {
        return;
    }
    REQUIRE(address.len <= sizeof(address.u.local) && sio_address_port(&address) == 0);
    REQUIRE(strcmp(sio_address_host(&address, text), path) == 0);
    REQUIRE(sio_address_unix(&again, text) == 0 && again.len == address.len);
}

/* What the kernel gives may be cut off anywhere. */
static void try_raw(const uint8_t *data, size_t size) {
    sio_address address = {0};
    char text[SIO_ADDRESS_TEXT_MAX];
    size_t len = size < sizeof(address.u) ? size : sizeof(address.u);
    if (len >= sizeof(address.u.any.sa_family)) {
        memcpy(&address.u, data, len);
        address.len = (socklen_t)len;
        REQUIRE(strlen(sio_address_host(&address, text)) < sizeof(text));
        (void)sio_address_port(&address);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    REQUIRE(text);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    try_literal(text);
    try_unix(text);
    try_raw(data, size);
    free(text);
    return 0;
}
