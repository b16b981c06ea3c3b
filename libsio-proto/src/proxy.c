#include <sio/proxy.h>

#include "base64.h"
#include "chars.h"
#include "mem.h"

#include <sio/http1.h>
#include <sio/url.h>

enum {
    SOCKS_VERSION = 5,
    SOCKS_NO_AUTH = 0,
    SOCKS_PASSWORD = 2,
    SOCKS_NO_METHOD = 0xff,
    SOCKS_CONNECT = 1,
    SOCKS_IPV4 = 1,
    SOCKS_NAME = 3,
    SOCKS_IPV6 = 4,
    SOCKS_ANSWER_MAX = 4 + 1 + 255 + 2,
    FIELD_MAX = 255,
};

typedef enum proxy_state {
    AWAIT_HEAD,   /* HTTP */
    AWAIT_METHOD, /* SOCKS: which way to authenticate */
    AWAIT_GRANT,  /* SOCKS: the password's answer */
    AWAIT_REPLY,  /* SOCKS: the request's answer */
    ENDED,
} proxy_state;

struct sio_proxy {
    const sio_mem *mem;
    sio_mem mem_copy;
    sio_http1_parser *parser;
    const char *detail;
    proxy_state state;
    int status;
    bool has_user;
    uint8_t in[SOCKS_ANSWER_MAX];
    size_t in_len;
    sio_buf login;   /* SOCKS: what to say when a password is asked for */
    sio_buf request; /* SOCKS: what to say then */
};

/* ---- HTTP CONNECT ---- */

static int add_authority(sio_buf *out, const sio_proxy_request *r) {
    return sio_url_write_authority(out, r->host, r->port, 0);
}

static bool is_basic_user(sio_str user) {
    return sio_text_all(user, SIO_CHAR_VALUE) &&
           (user.len == 0 || !memchr(user.ptr, ':', user.len));
}

static int add_basic(sio_buf *wire, const sio_proxy_request *r, const sio_mem *mem) {
    if (!is_basic_user(r->user) || !sio_text_all(r->password, SIO_CHAR_VALUE)) {
        return SIO_ERR_INVALID;
    }
    sio_buf plain;
    sio_buf value;
    sio_buf_init(&plain, 0, mem);
    sio_buf_init(&value, 0, mem);
    int rc = sio_buf_add(&plain, r->user.ptr, r->user.len);
    if (rc == 0) {
        rc = sio_buf_add_byte(&plain, ':');
    }
    if (rc == 0) {
        rc = sio_buf_add(&plain, r->password.ptr, r->password.len);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(&value, "Basic ");
    }
    if (rc == 0) {
        rc = sio_base64_add(&value, plain.data, plain.len);
    }
    if (rc == 0) {
        rc = sio_http1_write_header(wire, SIO_STR("Proxy-Authorization"),
                                    (sio_str){(const char *)value.data, value.len});
    }
    sio_buf_free(&plain);
    sio_buf_free(&value);
    return rc;
}

static int add_connect(sio_buf *wire, const sio_proxy_request *r, const sio_mem *mem) {
    sio_buf authority;
    sio_buf_init(&authority, 0, mem);
    int rc = add_authority(&authority, r);
    sio_str text = {(const char *)authority.data, authority.len};
    if (rc == 0 && !sio_url_is_authority(text)) {
        rc = SIO_ERR_INVALID;
    }
    if (rc == 0) {
        rc = sio_http1_write_request(wire, SIO_STR("CONNECT"), text);
    }
    if (rc == 0) {
        rc = sio_http1_write_header(wire, SIO_STR("Host"), text);
    }
    sio_buf_free(&authority);
    if (rc == 0 && r->has_user) {
        rc = add_basic(wire, r, mem);
    }
    return rc == 0 ? sio_http1_write_end(wire) : rc;
}

static int begin_http(sio_proxy *p, const sio_proxy_request *r, sio_buf *wire) {
    int rc = sio_http1_parser_new(&p->parser, SIO_HTTP1_RESPONSES, NULL, p->mem);
    if (rc == 0) {
        rc = sio_http1_response_to(p->parser, SIO_HTTP1_ASKED_CONNECT);
    }
    p->state = AWAIT_HEAD;
    return rc == 0 ? add_connect(wire, r, p->mem) : rc;
}

/* ---- SOCKS 5 ---- */

static int add_field(sio_buf *out, sio_str text) {
    if (text.len > FIELD_MAX) {
        return SIO_ERR_INVALID;
    }
    int rc = sio_buf_add_byte(out, (uint8_t)text.len);
    return rc == 0 ? sio_buf_add(out, text.ptr, text.len) : rc;
}

static bool read_ipv4(uint8_t out[4], sio_str text) {
    for (int i = 0; i < 4; i++) {
        uint64_t value;
        sio_str part = sio_text_cut(&text, '.');
        bool last = i == 3;
        if ((text.ptr == NULL) != last || part.len > 3 || !sio_text_to_u64(&value, part) ||
            value > 255 || (part.len > 1 && part.ptr[0] == '0')) {
            return false;
        }
        out[i] = (uint8_t)value;
    }
    return true;
}

static size_t read_groups(uint8_t *out, size_t room, sio_str text);

/* The text is known to be an address: what is left open is only where `::` stands. */
static bool read_ipv6(uint8_t out[16], sio_str text) {
    if (!sio_url_is_ipv6(text)) {
        return false;
    }
    memset(out, 0, 16);
    size_t gap = 0;
    while (gap + 1 < text.len && (text.ptr[gap] != ':' || text.ptr[gap + 1] != ':')) {
        gap++;
    }
    if (gap + 1 >= text.len) {
        return read_groups(out, 16, text) == 16;
    }
    uint8_t behind[16];
    size_t head = read_groups(out, 16, (sio_str){text.ptr, gap});
    size_t tail = read_groups(behind, 16, (sio_str){text.ptr + gap + 2, text.len - gap - 2});
    if (head + tail > 16) {
        return false;
    }
    memset(out + head, 0, 16 - head);
    memcpy(out + 16 - tail, behind, tail);
    return true;
}

static size_t read_groups(uint8_t *out, size_t room, sio_str text) {
    size_t at = 0;
    while (text.len > 0 && at + 2 <= room) {
        sio_str group = sio_text_cut(&text, ':');
        if (group.len > 4 || memchr(group.ptr, '.', group.len)) {
            return at + 4 <= room && read_ipv4(out + at, group) ? at + 4 : room + 1;
        }
        unsigned value = 0;
        for (size_t i = 0; i < group.len; i++) {
            value = value << 4 | (unsigned)sio_char_hex(group.ptr[i]);
        }
        out[at++] = (uint8_t)(value >> 8);
        out[at++] = (uint8_t)value;
    }
    return at;
}

static int add_destination(sio_buf *out, const sio_proxy_request *r) {
    uint8_t address[16];
    int rc;
    if (read_ipv4(address, r->host)) {
        rc = sio_buf_add_byte(out, SOCKS_IPV4);
        rc = rc == 0 ? sio_buf_add(out, address, 4) : rc;
    } else if (read_ipv6(address, r->host)) {
        rc = sio_buf_add_byte(out, SOCKS_IPV6);
        rc = rc == 0 ? sio_buf_add(out, address, 16) : rc;
    } else {
        rc = sio_buf_add_byte(out, SOCKS_NAME);
        rc = rc == 0 ? add_field(out, r->host) : rc;
    }
    const uint8_t port[2] = {(uint8_t)(r->port >> 8), (uint8_t)r->port};
    return rc == 0 ? sio_buf_add(out, port, sizeof(port)) : rc;
}

static int add_login(sio_buf *out, const sio_proxy_request *r) {
    if (r->user.len == 0) {
        return SIO_ERR_INVALID; /* RFC 1929 wants at least one byte */
    }
    int rc = sio_buf_add_byte(out, 1);
    if (rc == 0) {
        rc = add_field(out, r->user);
    }
    return rc == 0 ? add_field(out, r->password) : rc;
}

static int begin_socks(sio_proxy *p, const sio_proxy_request *r, sio_buf *wire) {
    static const uint8_t open_hello[] = {SOCKS_VERSION, 1, SOCKS_NO_AUTH};
    static const uint8_t user_hello[] = {SOCKS_VERSION, 2, SOCKS_NO_AUTH, SOCKS_PASSWORD};
    static const uint8_t request[] = {SOCKS_VERSION, SOCKS_CONNECT, 0};
    p->state = AWAIT_METHOD;
    int rc = r->has_user ? add_login(&p->login, r) : 0;
    if (rc == 0) {
        rc = sio_buf_add(&p->request, request, sizeof(request));
    }
    if (rc == 0) {
        rc = add_destination(&p->request, r);
    }
    if (rc != 0) {
        return rc;
    }
    return r->has_user ? sio_buf_add(wire, user_hello, sizeof(user_hello))
                       : sio_buf_add(wire, open_hello, sizeof(open_hello));
}

/* ---- life ---- */

int sio_proxy_new(sio_proxy **out, const sio_proxy_request *request, sio_buf *wire,
                  const sio_mem *mem) {
    if (request->host.len == 0 || request->host.len > FIELD_MAX ||
        !sio_text_all(request->host, SIO_CHAR_VALUE)) {
        return SIO_ERR_INVALID;
    }
    sio_proxy *p = sio_mem_zalloc(mem, sizeof(*p));
    if (!p) {
        return SIO_ERR_NOMEM;
    }
    if (mem) {
        p->mem_copy = *mem;
        p->mem = &p->mem_copy;
    }
    p->detail = "";
    p->has_user = request->has_user;
    sio_buf_init(&p->login, 0, p->mem);
    sio_buf_init(&p->request, 0, p->mem);
    size_t before = wire->len;
    int rc = request->kind == SIO_PROXY_SOCKS5 ? begin_socks(p, request, wire)
                                               : begin_http(p, request, wire);
    if (rc != 0) {
        wire->len = before;
        sio_proxy_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void sio_proxy_free(sio_proxy *proxy) {
    if (!proxy) {
        return;
    }
    sio_http1_parser_free(proxy->parser);
    sio_buf_free(&proxy->login);
    sio_buf_free(&proxy->request);
    sio_mem copy = proxy->mem_copy;
    sio_mem_release(proxy->mem ? &copy : NULL, proxy);
}

/* ---- answers ---- */

static int fail(sio_proxy *p, int err, const char *detail) {
    p->detail = detail;
    return err;
}

static int take_head(sio_proxy *p, const sio_http1_head *head) {
    p->status = head->status;
    if (head->status >= 200 && head->status < 300) {
        return sio_http1_rest(p->parser).len == 0
                   ? 1
                   : fail(p, SIO_ERR_PROXY_ANSWER, "bytes behind the proxy's answer");
    }
    if (head->status == 407) {
        return fail(p, SIO_ERR_PROXY_AUTH,
                    p->has_user ? "the proxy does not accept the credentials"
                                : "the proxy wants credentials");
    }
    return fail(p, SIO_ERR_PROXY, sio_http1_reason(head->status));
}

static int feed_http(sio_proxy *p, const uint8_t *data, size_t len) {
    sio_http1_event event;
    int rc = sio_http1_feed(p->parser, data, len);
    if (rc == 0) {
        rc = sio_http1_next(p->parser, &event);
    }
    if (rc == 1) {
        return take_head(p, event.head);
    }
    return rc == 0 || rc == SIO_ERR_NOMEM ? rc : fail(p, SIO_ERR_PROXY_ANSWER, sio_error_text(rc));
}

/* How long the present answer is, as far as its beginning tells. */
static size_t answer_len(const sio_proxy *p) {
    if (p->state != AWAIT_REPLY) {
        return 2;
    }
    /* What follows a refusal is of no interest, and some proxies do not send it. */
    if (p->in_len >= 2 && (p->in[0] != SOCKS_VERSION || p->in[1] != 0)) {
        return 2;
    }
    if (p->in_len < 5) {
        return 5;
    }
    switch (p->in[3]) {
    case SOCKS_IPV4:
        return 4 + 4 + 2;
    case SOCKS_IPV6:
        return 4 + 16 + 2;
    case SOCKS_NAME:
        return 4 + 1 + (size_t)p->in[4] + 2;
    default:
        return 5;
    }
}

static const char *reply_text(uint8_t code) {
    static const char *const texts[] = {
        "",
        "SOCKS: general failure",
        "SOCKS: not allowed by the rules",
        "SOCKS: network unreachable",
        "SOCKS: host unreachable",
        "SOCKS: connection refused",
        "SOCKS: time to live expired",
        "SOCKS: command not supported",
        "SOCKS: address type not supported",
    };
    return code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : "SOCKS: unknown failure";
}

static int take_method(sio_proxy *p, sio_buf *wire) {
    uint8_t method = p->in[1];
    if (p->in[0] != SOCKS_VERSION) {
        return fail(p, SIO_ERR_PROXY_ANSWER, "this is no SOCKS 5 proxy");
    }
    if (method == SOCKS_NO_AUTH) {
        p->state = AWAIT_REPLY;
        return sio_buf_add(wire, p->request.data, p->request.len);
    }
    if (method == SOCKS_PASSWORD && p->has_user) {
        p->state = AWAIT_GRANT;
        return sio_buf_add(wire, p->login.data, p->login.len);
    }
    return method == SOCKS_NO_METHOD
               ? fail(p, SIO_ERR_PROXY_AUTH, "the proxy accepts no way to authenticate")
               : fail(p, SIO_ERR_PROXY_ANSWER, "the proxy chose what was not offered");
}

static int take_grant(sio_proxy *p, sio_buf *wire) {
    if (p->in[0] != 1) {
        return fail(p, SIO_ERR_PROXY_ANSWER, "SOCKS: malformed answer to the password");
    }
    if (p->in[1] != 0) {
        return fail(p, SIO_ERR_PROXY_AUTH, "the proxy does not accept the credentials");
    }
    p->state = AWAIT_REPLY;
    return sio_buf_add(wire, p->request.data, p->request.len);
}

static int take_reply(sio_proxy *p) {
    if (p->in[0] != SOCKS_VERSION) {
        return fail(p, SIO_ERR_PROXY_ANSWER, "SOCKS: malformed reply");
    }
    p->status = p->in[1];
    if (p->in[1] != 0) {
        return fail(p, SIO_ERR_PROXY, reply_text(p->in[1]));
    }
    bool known = p->in[3] == SOCKS_IPV4 || p->in[3] == SOCKS_NAME || p->in[3] == SOCKS_IPV6;
    return p->in[2] == 0 && known ? 1 : fail(p, SIO_ERR_PROXY_ANSWER, "SOCKS: malformed reply");
}

static int take_answer(sio_proxy *p, sio_buf *wire) {
    switch (p->state) {
    case AWAIT_METHOD:
        return take_method(p, wire);
    case AWAIT_GRANT:
        return take_grant(p, wire);
    default:
        return take_reply(p);
    }
}

static int feed_socks(sio_proxy *p, const uint8_t *data, size_t len, sio_buf *wire) {
    for (;;) {
        size_t want = answer_len(p);
        while (p->in_len < want && len > 0) {
            p->in[p->in_len++] = *data++;
            len--;
            want = answer_len(p);
        }
        if (p->in_len < want) {
            return 0;
        }
        int rc = take_answer(p, wire);
        if (rc == 1 && len > 0) {
            rc = fail(p, SIO_ERR_PROXY_ANSWER, "bytes behind the proxy's answer");
        }
        if (rc != 0) {
            return rc;
        }
        p->in_len = 0;
    }
}

int sio_proxy_feed(sio_proxy *proxy, const uint8_t *data, size_t len, sio_buf *wire) {
    if (proxy->state == ENDED) {
        return SIO_ERR_STATE;
    }
    int rc = proxy->state == AWAIT_HEAD ? feed_http(proxy, data, len)
                                        : feed_socks(proxy, data, len, wire);
    if (rc != 0) {
        proxy->state = ENDED;
    }
    return rc;
}

int sio_proxy_status(const sio_proxy *proxy) {
    return proxy->status;
}

const char *sio_proxy_detail(const sio_proxy *proxy) {
    return proxy->detail;
}

/* ---- the proxy's URL ---- */

static bool take_prefix(sio_str *text, sio_str prefix) {
    if (text->len < prefix.len ||
        !sio_text_equal_nocase((sio_str){text->ptr, prefix.len}, prefix)) {
        return false;
    }
    text->ptr += prefix.len;
    text->len -= prefix.len;
    return true;
}

static void take_user(sio_proxy_url *url, sio_str *text) {
    size_t at = text->len;
    while (at > 0 && text->ptr[at - 1] != '@') {
        at--;
    }
    if (at == 0) {
        return;
    }
    sio_str password = {text->ptr, at - 1};
    url->has_user = true;
    url->user = sio_text_cut(&password, ':');
    url->password = password;
    text->ptr += at;
    text->len -= at;
}

static int take_port(sio_proxy_url *url, sio_str port) {
    uint64_t number;
    if (!port.ptr) {
        return 0;
    }
    if (!sio_text_to_u64(&number, port) || number == 0 || number > UINT16_MAX) {
        return SIO_ERR_URL;
    }
    url->port = (uint16_t)number;
    return 0;
}

static int take_bracketed(sio_proxy_url *url, sio_str text) {
    sio_str behind = text;
    url->host = sio_text_cut(&behind, ']');
    url->host.ptr++;
    url->host.len--;
    if (!behind.ptr || !sio_url_is_ipv6(url->host)) {
        return SIO_ERR_URL;
    }
    if (behind.len == 0) {
        return 0;
    }
    if (behind.ptr[0] != ':') {
        return SIO_ERR_URL;
    }
    return take_port(url, (sio_str){behind.ptr + 1, behind.len - 1});
}

int sio_proxy_url_parse(sio_proxy_url *out, sio_str text) {
    sio_proxy_url url = {.kind = SIO_PROXY_HTTP, .port = 8080};
    if (text.len > SIO_URL_MAX) {
        return SIO_ERR_LIMIT;
    }
    if (take_prefix(&text, SIO_STR("socks5://")) || take_prefix(&text, SIO_STR("socks5h://"))) {
        url.kind = SIO_PROXY_SOCKS5;
        url.port = 1080;
    } else if (!take_prefix(&text, SIO_STR("http://"))) {
        return SIO_ERR_URL;
    }
    sio_str behind = text;
    text = sio_text_cut(&behind, '/');
    if (behind.len > 0) {
        return SIO_ERR_URL;
    }
    take_user(&url, &text);
    int rc = 0;
    if (text.len > 0 && text.ptr[0] == '[') {
        rc = take_bracketed(&url, text);
    } else {
        sio_str port = text;
        url.host = sio_text_cut(&port, ':');
        rc = take_port(&url, port);
    }
    if (rc != 0 || url.host.len == 0 ||
        (!sio_url_is_ipv6(url.host) && !sio_text_all(url.host, SIO_CHAR_HOST))) {
        return SIO_ERR_URL;
    }
    *out = url;
    return 0;
}

/* ---- exemptions ---- */

/* An IPv4 address as it is mapped into IPv6, so that there is one kind to compare. */
static bool read_address(uint8_t out[16], sio_str text) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (read_ipv4(out + 12, text)) {
        memcpy(out, mapped, sizeof(mapped));
        return true;
    }
    return read_ipv6(out, text);
}

static bool in_network(const uint8_t a[16], const uint8_t b[16], unsigned bits) {
    if (memcmp(a, b, bits / 8) != 0) {
        return false;
    }
    unsigned rest = bits % 8;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

static bool matches_address(sio_str rule, const uint8_t host[16]) {
    uint8_t network[16];
    uint64_t bits = 128;
    sio_str size = rule;
    sio_str address = sio_text_cut(&size, '/');
    if (!read_address(network, address)) {
        return false;
    }
    if (size.ptr) {
        bool v4 = memchr(address.ptr, ':', address.len) == NULL;
        if (!sio_text_to_u64(&bits, size) || bits > (v4 ? 32u : 128u)) {
            return false;
        }
        bits += v4 ? 96 : 0;
    }
    return in_network(network, host, (unsigned)bits);
}

static bool matches_name(sio_str rule, sio_str host) {
    if (rule.len > 0 && rule.ptr[0] == '*') {
        rule = (sio_str){rule.ptr + 1, rule.len - 1};
    }
    if (rule.len > 0 && rule.ptr[0] == '.') {
        rule = (sio_str){rule.ptr + 1, rule.len - 1};
    }
    if (rule.len == 0 || host.len < rule.len) {
        return false;
    }
    sio_str tail = {host.ptr + host.len - rule.len, rule.len};
    return sio_text_equal_nocase(tail, rule) && (tail.ptr == host.ptr || tail.ptr[-1] == '.');
}

static sio_str without_dot(sio_str text) {
    return text.len > 1 && text.ptr[text.len - 1] == '.' ? (sio_str){text.ptr, text.len - 1} : text;
}

/* Takes a port off the rule. @return whether the rule is for this port */
static bool is_for_port(sio_str *rule, uint16_t port) {
    sio_str tail = *rule;
    sio_str head;
    if (rule->ptr[0] == '[') {
        tail = (sio_str){rule->ptr + 1, rule->len - 1};
        head = sio_text_cut(&tail, ']');
        sio_str colon = tail;
        (void)sio_text_cut(&colon, ':');
        tail = tail.len > 0 ? colon : (sio_str){NULL, 0};
    } else {
        head = sio_text_cut(&tail, ':');
        if (tail.ptr && memchr(tail.ptr, ':', tail.len)) {
            return true; /* an IPv6 address without brackets */
        }
    }
    uint64_t number;
    *rule = head;
    return !tail.ptr || (sio_text_to_u64(&number, tail) && number == port);
}

static bool matches(sio_str rule, sio_str host, uint16_t port) {
    uint8_t address[16];
    if (rule.len == 1 && rule.ptr[0] == '*') {
        return true;
    }
    if (!is_for_port(&rule, port)) {
        return false;
    }
    return read_address(address, host) ? matches_address(rule, address)
                                       : matches_name(without_dot(rule), without_dot(host));
}

static bool is_separator(char c) {
    return c == ',' || sio_char_is_blank(c);
}

bool sio_proxy_is_exempt(sio_str rules, sio_str host, uint16_t port) {
    size_t at = 0;
    while (at < rules.len) {
        size_t start = at;
        while (at < rules.len && !is_separator(rules.ptr[at])) {
            at++;
        }
        sio_str rule = {rules.ptr + start, at - start};
        if (rule.len > 0 && matches(rule, host, port)) {
            return true;
        }
        at++;
    }
    return false;
}
