#include "proxies.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RANGES_MAX = 1024, HOPS_MAX = 64 };

/* ---- addresses as bits ---- */

/* @return 32 or 128: how many bits the address has of itself; 0: neither IPv4 nor IPv6 */
static unsigned bits_of(const sio_address *address, uint8_t out[16]) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (address->u.any.sa_family == AF_INET) {
        memcpy(out, mapped, sizeof(mapped));
        memcpy(out + 12, &address->u.v4.sin_addr, 4);
        return 32;
    }
    if (address->u.any.sa_family == AF_INET6) {
        memcpy(out, &address->u.v6.sin6_addr, 16);
        return 128;
    }
    return 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned prefix) {
    unsigned whole = prefix / 8;
    unsigned rest = prefix % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static int parse_length(const char *text, unsigned max, unsigned *out) {
    unsigned value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 3) {
        return SIO_ERR_INVALID;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9') {
            return SIO_ERR_INVALID;
        }
        value = value * 10 + (unsigned)(*text - '0');
    }
    *out = value;
    return value <= max ? 0 : SIO_ERR_INVALID;
}

static int parse_range(sio_proxy_range *out, const char *text) {
    char host[SIO_ADDRESS_TEXT_MAX];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    sio_address address;
    if (len >= sizeof(host)) {
        return SIO_ERR_INVALID;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    if (sio_address_literal(&address, host, 0) != 0) {
        return SIO_ERR_INVALID;
    }
    unsigned bits = bits_of(&address, out->bits);
    unsigned length = bits;
    if (slash && parse_length(slash + 1, bits, &length) != 0) {
        return SIO_ERR_INVALID;
    }
    out->prefix = 128 - bits + length;
    return 0;
}

/* ---- whom to believe ---- */

int sio_proxies_init(sio_proxies *proxies, const char *const *texts, size_t count,
                     const sio_mem *mem) {
    *proxies = (sio_proxies){0};
    if (count == 0) {
        return 0;
    }
    if (!texts || count > RANGES_MAX) {
        return SIO_ERR_INVALID;
    }
    proxies->ranges = sio_mem_zalloc(mem, count * sizeof(*proxies->ranges));
    int rc = proxies->ranges ? 0 : SIO_ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!texts[i]) {
            rc = SIO_ERR_INVALID;
        } else if (strcmp(texts[i], "unix:") == 0) {
            proxies->local = true;
        } else {
            rc = parse_range(&proxies->ranges[proxies->count++], texts[i]);
        }
    }
    if (rc != 0) {
        sio_proxies_done(proxies, mem);
    }
    return rc;
}

void sio_proxies_done(sio_proxies *proxies, const sio_mem *mem) {
    sio_mem_release(mem, proxies->ranges);
    *proxies = (sio_proxies){0};
}

bool sio_proxies_trust(const sio_proxies *proxies, const sio_address *address) {
    uint8_t bits[16];
    if (address->u.any.sa_family == AF_UNIX) {
        return proxies->local;
    }
    if (proxies->count == 0 || bits_of(address, bits) == 0) {
        return false;
    }
    for (size_t i = 0; i < proxies->count; i++) {
        if (same_bits(bits, proxies->ranges[i].bits, proxies->ranges[i].prefix)) {
            return true;
        }
    }
    return false;
}

/* ---- the headers, read from the end ---- */

static sio_str trim(sio_str text) {
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text = (sio_str){text.ptr + 1, text.len - 1};
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static bool is_name(sio_str text, const char *name) {
    return text.len == strlen(name) && strncasecmp(text.ptr, name, text.len) == 0;
}

/* The elements of all lines of a name, the last one first. */
typedef struct backwards {
    const sio_http1_head *head;
    const char *name;
    size_t line; /* those before it are still to come */
    sio_str left;
    bool in_line;
} backwards;

static bool previous(backwards *at, sio_str *out) {
    while (!at->in_line) {
        if (at->line == 0) {
            return false;
        }
        at->line--;
        if (is_name(at->head->headers[at->line].name, at->name)) {
            at->left = at->head->headers[at->line].value;
            at->in_line = true;
        }
    }
    size_t from = at->left.len;
    while (from > 0 && at->left.ptr[from - 1] != ',') {
        from--;
    }
    *out = trim((sio_str){at->left.ptr + from, at->left.len - from});
    at->in_line = from > 0;
    at->left.len = from > 0 ? from - 1 : 0;
    return true;
}

static backwards from_the_end(const sio_http1_head *head, const char *name) {
    return (backwards){.head = head, .name = name, .line = head->header_count};
}

/* RFC 7239 §4: pairs with semicolons between them. A quoted value holds neither comma nor
 * semicolon where it is an address or a scheme. */
static sio_str forwarded_value(sio_str element, const char *name) {
    while (element.len > 0) {
        const char *end = memchr(element.ptr, ';', element.len);
        size_t len = end ? (size_t)(end - element.ptr) : element.len;
        const char *equals = memchr(element.ptr, '=', len);
        if (equals && is_name(trim((sio_str){element.ptr, (size_t)(equals - element.ptr)}), name)) {
            sio_str value = trim((sio_str){equals + 1, len - (size_t)(equals + 1 - element.ptr)});
            bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
            return quoted ? (sio_str){value.ptr + 1, value.len - 2} : value;
        }
        size_t skip = end ? len + 1 : len;
        element = (sio_str){element.ptr + skip, element.len - skip};
    }
    return (sio_str){NULL, 0};
}

/* "1.2.3.4", "1.2.3.4:5", "::1", "[::1]", "[::1]:5". */
static bool parse_hop(sio_str text, sio_address *out) {
    char host[SIO_ADDRESS_TEXT_MAX];
    size_t len = text.len;
    const char *colon = len > 0 ? memchr(text.ptr, ':', len) : NULL;
    const char *close = len > 0 && text.ptr[0] == '[' ? memchr(text.ptr, ']', len) : NULL;
    if (close) {
        len = (size_t)(close - text.ptr) + 1;
        if (len < text.len && text.ptr[len] != ':') {
            return false;
        }
    } else if (colon && !memchr(colon + 1, ':', (size_t)(text.ptr + len - colon) - 1)) {
        len = (size_t)(colon - text.ptr);
    }
    if (len == 0 || len >= sizeof(host) || memchr(text.ptr, 0, len) || memchr(text.ptr, '%', len)) {
        return false;
    }
    memcpy(host, text.ptr, len);
    host[len] = '\0';
    return sio_address_literal(out, host, 0) == 0;
}

bool sio_proxies_client(const sio_proxies *proxies, const sio_http1_head *head,
                        char out[SIO_ADDRESS_TEXT_MAX], bool *malformed) {
    bool standard = !sio_http1_find(head, SIO_STR("X-Forwarded-For")).ptr;
    backwards at = from_the_end(head, standard ? "Forwarded" : "X-Forwarded-For");
    sio_address hop;
    sio_str element;
    bool any = false;
    *malformed = false;
    for (int i = 0; i < HOPS_MAX && previous(&at, &element); i++) {
        sio_address here;
        *malformed = !parse_hop(standard ? forwarded_value(element, "for") : element, &here);
        if (*malformed) {
            break; /* what stands before it cannot be trusted either */
        }
        hop = here;
        any = true;
        if (!sio_proxies_trust(proxies, &hop)) {
            break;
        }
    }
    if (any) {
        (void)sio_address_host(&hop, out);
    }
    return any;
}

bool sio_proxies_secure(const sio_http1_head *head, bool *secure) {
    bool standard = !sio_http1_find(head, SIO_STR("X-Forwarded-Proto")).ptr;
    backwards at = from_the_end(head, standard ? "Forwarded" : "X-Forwarded-Proto");
    sio_str element;
    if (!previous(&at, &element)) {
        return false;
    }
    sio_str scheme = standard ? forwarded_value(element, "proto") : element;
    bool tls = is_name(scheme, "https") || is_name(scheme, "wss");
    if (!tls && !is_name(scheme, "http") && !is_name(scheme, "ws")) {
        return false;
    }
    *secure = tls;
    return true;
}
