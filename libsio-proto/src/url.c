#include <sio/url.h>

#include "chars.h"
#include "utf8.h"

enum { IPV6_GROUPS = 8 };

/* ---- addresses ---- */

static bool is_ipv4(sio_str text) {
    for (int part = 0; part < 4; part++) {
        bool last = part == 3;
        if (!last && !(text.len > 0 && memchr(text.ptr, '.', text.len))) {
            return false;
        }
        sio_str piece = sio_text_cut(&text, '.');
        uint64_t value;
        if (piece.len > 3 || !sio_text_to_u64(&value, piece) || value > 255 ||
            (piece.len > 1 && piece.ptr[0] == '0')) {
            return false;
        }
    }
    return text.ptr == NULL;
}

static size_t hex_span(sio_str text) {
    size_t at = 0;
    while (at < text.len && sio_char_hex(text.ptr[at]) >= 0) {
        at++;
    }
    return at;
}

/* Groups separated by single colons, the last of which may be an IPv4 address worth two. Returns
 * their number, or -1. An empty text has none. */
static int ipv6_groups(sio_str text, bool last_may_be_ipv4) {
    int groups = 0;
    while (text.len > 0) {
        size_t digits = hex_span(text);
        if (digits < text.len && text.ptr[digits] == '.') {
            return last_may_be_ipv4 && is_ipv4(text) ? groups + 2 : -1;
        }
        if (digits == 0 || digits > 4 || ++groups > IPV6_GROUPS) {
            return -1;
        }
        if (digits == text.len) {
            return groups;
        }
        if (text.ptr[digits] != ':' || digits + 1 == text.len) {
            return -1;
        }
        text = (sio_str){text.ptr + digits + 1, text.len - digits - 1};
    }
    return groups;
}

bool sio_url_is_ipv6(sio_str text) {
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] == ':' && text.ptr[i + 1] == ':') {
            int before = ipv6_groups((sio_str){text.ptr, i}, false);
            int after = ipv6_groups((sio_str){text.ptr + i + 2, text.len - i - 2}, true);
            return before >= 0 && after >= 0 && before + after < IPV6_GROUPS;
        }
    }
    return ipv6_groups(text, true) == IPV6_GROUPS;
}

/* ---- authority ---- */

static bool read_port(uint16_t *port, sio_str text) {
    uint64_t value;
    if (!sio_text_to_u64(&value, text) || value > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

/* "[address]" at the start of a text: the address, and `rest` behind the bracket. */
static bool cut_bracketed(sio_str *address, sio_str *rest, sio_str text) {
    const char *close = memchr(text.ptr, ']', text.len);
    if (!close) {
        return false;
    }
    size_t inside = (size_t)(close - text.ptr) - 1;
    *address = (sio_str){text.ptr + 1, inside};
    *rest = (sio_str){close + 1, text.len - inside - 2};
    return sio_url_is_ipv6(*address);
}

/* A registered name of a Host header, which may hold escapes (RFC 3986 §3.2.2). */
static bool is_reg_name(sio_str text) {
    size_t at = 0;
    while (at < text.len) {
        if (sio_char_is(text.ptr[at], SIO_CHAR_HOST)) {
            at++;
        } else if (text.ptr[at] == '%' && text.len - at >= 3 &&
                   sio_char_hex(text.ptr[at + 1]) >= 0 && sio_char_hex(text.ptr[at + 2]) >= 0) {
            at += 3;
        } else {
            return false;
        }
    }
    return text.len > 0;
}

bool sio_url_is_authority(sio_str text) {
    uint16_t port;
    if (text.len > 0 && text.ptr[0] == '[') {
        sio_str address;
        sio_str rest;
        if (!cut_bracketed(&address, &rest, text)) {
            return false;
        }
        return rest.len == 0 ||
               (rest.ptr[0] == ':' &&
                (rest.len == 1 || read_port(&port, (sio_str){rest.ptr + 1, rest.len - 1})));
    }
    sio_str name = sio_text_cut(&text, ':');
    return is_reg_name(name) && (text.len == 0 || read_port(&port, text));
}

static void put(sio_buf *buf, const char *text, size_t len) {
    memcpy(buf->data + buf->len, text, len);
    buf->len += len;
}

int sio_url_write_authority(sio_buf *buf, sio_str host, uint16_t port, uint16_t default_port) {
    bool bracket = host.len > 0 && memchr(host.ptr, ':', host.len) != NULL;
    char tail[sizeof(":65535")];
    size_t first = sizeof(tail);
    if (port != default_port || default_port == 0) {
        unsigned value = port;
        do {
            tail[--first] = (char)('0' + value % 10);
            value /= 10;
        } while (value != 0);
        tail[--first] = ':';
    }
    int rc = sio_buf_reserve(buf, host.len + (bracket ? 2 : 0) + sizeof(tail) - first);
    if (rc != 0) {
        return rc;
    }
    put(buf, "[", bracket);
    if (host.len > 0) {
        put(buf, host.ptr, host.len);
    }
    put(buf, "]", bracket);
    put(buf, tail + first, sizeof(tail) - first);
    return 0;
}

/* ---- absolute URLs ---- */

static int read_scheme(sio_url *url, sio_str *rest) {
    static const struct {
        sio_str name;
        bool tls;
    } schemes[] = {
        {{"http", 4}, false}, {{"https", 5}, true}, {{"ws", 2}, false}, {{"wss", 3}, true}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = schemes[i].name.len;
        if (rest->len >= len + 3 && memcmp(rest->ptr, schemes[i].name.ptr, len) == 0 &&
            memcmp(rest->ptr + len, "://", 3) == 0) {
            url->scheme = (sio_str){rest->ptr, len};
            url->tls = schemes[i].tls;
            url->port = url->tls ? 443 : 80;
            *rest = (sio_str){rest->ptr + len + 3, rest->len - len - 3};
            return 0;
        }
    }
    return SIO_ERR_URL;
}

static size_t count_char(sio_str text, char c) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == c;
    }
    return count;
}

/* An IPv6 address without brackets: the ninth group of a full one is the port. `port` is left
 * without a pointer when there is none. */
static bool cut_bare_ipv6(sio_str *address, sio_str *port, sio_str text) {
    *address = text;
    *port = (sio_str){NULL, 0};
    if (count_char(text, ':') == IPV6_GROUPS && !sio_url_is_ipv6(text)) {
        size_t at = text.len - 1;
        while (text.ptr[at] != ':') {
            at--;
        }
        *address = (sio_str){text.ptr, at};
        *port = (sio_str){text.ptr + at + 1, text.len - at - 1};
    }
    return sio_url_is_ipv6(*address);
}

static bool cut_host(sio_url *url, sio_str *port, sio_str text) {
    if (text.len > 0 && text.ptr[0] == '[') {
        sio_str rest;
        url->ipv6 = true;
        if (!cut_bracketed(&url->host, &rest, text) || (rest.len > 0 && rest.ptr[0] != ':')) {
            return false;
        }
        *port = rest.len > 0 ? (sio_str){rest.ptr + 1, rest.len - 1} : (sio_str){NULL, 0};
        return true;
    }
    if (count_char(text, ':') > 1) {
        url->ipv6 = true;
        return cut_bare_ipv6(&url->host, port, text);
    }
    *port = text;
    url->host = sio_text_cut(port, ':');
    return url->host.len > 0 && sio_text_all(url->host, SIO_CHAR_UNRESERVED);
}

static int read_authority(sio_url *url, sio_str text) {
    for (size_t i = text.len; i > 0; i--) {
        if (text.ptr[i - 1] == '@') {
            if (memchr(text.ptr, '\\', i)) {
                return SIO_ERR_URL; /* browsers end the authority there */
            }
            text = (sio_str){text.ptr + i, text.len - i};
            break;
        }
    }
    sio_str port;
    if (!cut_host(url, &port, text)) {
        return SIO_ERR_URL;
    }
    if (port.len > 0) {
        url->has_port = true;
        return read_port(&url->port, port) ? 0 : SIO_ERR_URL;
    }
    return 0;
}

static size_t span_until(sio_str text, const char *stops) {
    size_t at = 0;
    while (at < text.len && !strchr(stops, text.ptr[at])) {
        at++;
    }
    return at;
}

static bool is_clean(sio_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f) {
            return false;
        }
    }
    return sio_utf8_valid(text.ptr, text.len);
}

int sio_url_parse(sio_url *out, sio_str text) {
    if (text.len > SIO_URL_MAX) {
        return SIO_ERR_LIMIT;
    }
    sio_url url = {0};
    sio_str rest = text;
    if (!is_clean(text) || read_scheme(&url, &rest) != 0) {
        return SIO_ERR_URL;
    }
    rest.len = span_until(rest, "#");
    sio_str before_query = rest;
    before_query.len = span_until(rest, "?");
    if (before_query.len < rest.len) {
        size_t skip = before_query.len + 1;
        url.query = (sio_str){rest.ptr + skip, rest.len - skip};
    }
    size_t authority = span_until(before_query, "/");
    url.path = (sio_str){before_query.ptr + authority, before_query.len - authority};
    if (url.path.len == 0) {
        url.path = SIO_STR("/");
    }
    int rc = read_authority(&url, (sio_str){rest.ptr, authority});
    if (rc == 0) {
        *out = url;
    }
    return rc;
}

/* ---- request targets ---- */

void sio_url_split_target(sio_url_target *out, sio_str target) {
    *out = (sio_url_target){.query = target};
    out->path = sio_text_cut(&out->query, '?');
    sio_str rest = target;
    const char *found;
    while (rest.len > 0 && (found = memchr(rest.ptr, '%', rest.len)) != NULL) {
        size_t left = rest.len - (size_t)(found - rest.ptr);
        int high = left >= 3 ? sio_char_hex(found[1]) : -1;
        int low = left >= 3 ? sio_char_hex(found[2]) : -1;
        if (high < 0 || low < 0) {
            out->bad_escape = true;
        } else if (high < 2 || (high == 7 && low == 15)) {
            out->control = true;
        }
        rest = (sio_str){found + 1, left - 1};
    }
}

/* One byte of an escaped path. Returns how many bytes it took, 0 when it must not be there. */
static size_t decode_path_byte(char *out, sio_str rest) {
    char c = rest.ptr[0];
    if (c != '%') {
        *out = c;
        return c == '\\' ? 0 : 1;
    }
    int high = rest.len >= 3 ? sio_char_hex(rest.ptr[1]) : -1;
    int low = rest.len >= 3 ? sio_char_hex(rest.ptr[2]) : -1;
    if (high < 0 || low < 0) {
        return 0;
    }
    *out = (char)(high * 16 + low);
    bool fine = *out != '/' && *out != '\\' && sio_char_is(*out, SIO_CHAR_VALUE) && *out != '\t';
    return fine ? 3 : 0;
}

static bool has_dot_segment(sio_str path) {
    while (path.ptr) {
        sio_str segment = sio_text_cut(&path, '/');
        if (sio_text_equal(segment, SIO_STR(".")) || sio_text_equal(segment, SIO_STR(".."))) {
            return true;
        }
    }
    return false;
}

int sio_url_decode_path(sio_buf *buf, sio_str path) {
    int rc = sio_buf_reserve(buf, path.len);
    if (rc != 0 || path.len == 0) {
        return rc;
    }
    char *out = (char *)buf->data + buf->len;
    size_t len = 0;
    while (path.len > 0) {
        size_t took = decode_path_byte(out + len, path);
        if (took == 0) {
            return SIO_ERR_URL;
        }
        path = (sio_str){path.ptr + took, path.len - took};
        len++;
    }
    if (has_dot_segment((sio_str){out, len}) || !sio_utf8_valid(out, len)) {
        return SIO_ERR_URL;
    }
    buf->len += len;
    return 0;
}
