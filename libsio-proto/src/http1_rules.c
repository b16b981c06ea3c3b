#include "http1_internal.h"

#include "chars.h"

#include <sio/url.h>

/* The headers that decide about framing and the connection, gathered in one pass. */
typedef struct facts {
    uint32_t hosts;
    uint32_t lengths;
    uint32_t codings;
    sio_str host;
    sio_str length;
    sio_str coding;
    bool close;
    bool keep_alive;
    bool upgrade_token;
    bool upgrade_line;
    bool expect_continue;
} facts;

static bool is_name(sio_str name, const char *lower) {
    return sio_text_equal_nocase(name, (sio_str){lower, name.len});
}

static void gather_connection(facts *f, sio_str value) {
    f->close |= sio_http1_has_token(value, SIO_STR("close"));
    f->keep_alive |= sio_http1_has_token(value, SIO_STR("keep-alive"));
    f->upgrade_token |= sio_http1_has_token(value, SIO_STR("upgrade"));
}

static void gather_one(facts *f, sio_str name, sio_str value) {
    switch (name.len) {
    case 4:
        if (is_name(name, "host")) {
            f->hosts++;
            f->host = value;
        }
        break;
    case 6:
        if (is_name(name, "expect")) {
            f->expect_continue |= sio_text_equal_nocase(value, SIO_STR("100-continue"));
        }
        break;
    case 7:
        f->upgrade_line |= is_name(name, "upgrade");
        break;
    case 10:
        if (is_name(name, "connection")) {
            gather_connection(f, value);
        }
        break;
    case 14:
        if (is_name(name, "content-length")) {
            f->lengths++;
            f->length = value;
        }
        break;
    case 17:
        if (is_name(name, "transfer-encoding")) {
            f->codings++;
            f->coding = value;
        }
        break;
    default:
        break;
    }
}

static void gather(facts *f, const sio_http1_head *head) {
    *f = (facts){0};
    for (size_t i = 0; i < head->header_count; i++) {
        gather_one(f, head->headers[i].name, head->headers[i].value);
    }
}

/* The one way to say each length (RFC 9112 §6): two that agree are refused as well, because another
 * party on the path may see only one of them. */
static int check_framing(sio_http1_head *head, const facts *f) {
    if (f->codings > 1 || f->lengths > 1 || (f->codings > 0 && f->lengths > 0)) {
        return SIO_ERR_HTTP_LENGTH;
    }
    if (f->codings == 1) {
        if (head->minor == 0 || memchr(f->coding.ptr, ',', f->coding.len)) {
            return SIO_ERR_HTTP_LENGTH;
        }
        if (!sio_text_equal_nocase(f->coding, SIO_STR("chunked"))) {
            return SIO_ERR_HTTP_ENCODING;
        }
        head->chunked = true;
    }
    if (f->lengths == 1) {
        if (!sio_text_to_u64(&head->length, f->length)) {
            return SIO_ERR_HTTP_LENGTH;
        }
        head->has_length = true;
    }
    return 0;
}

static void set_connection(sio_http1_head *head, const facts *f) {
    head->keep_alive = !f->close && (head->minor == 1 || f->keep_alive);
    head->upgrade = head->minor == 1 && f->upgrade_token && f->upgrade_line;
}

/* "http://host[/path]": the origin form of it. Returns the length of scheme and "//" or 0. */
static size_t absolute_prefix(sio_str target) {
    static const sio_str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < 2; i++) {
        sio_str start = {target.ptr, schemes[i].len};
        if (target.len > start.len && sio_text_equal_nocase(start, schemes[i])) {
            return start.len;
        }
    }
    return 0;
}

/* A server must accept the absolute form and then go by its authority (RFC 9112 §3.2.2). A query
 * without a path before it has no origin form inside the bytes sent, and no client sends one. */
static int reduce_absolute(sio_http1_head *head) {
    size_t skip = absolute_prefix(head->target);
    if (skip == 0) {
        return SIO_ERR_HTTP_TARGET;
    }
    sio_str rest = {head->target.ptr + skip, head->target.len - skip};
    size_t authority = 0;
    while (authority < rest.len && rest.ptr[authority] != '/' && rest.ptr[authority] != '?') {
        authority++;
    }
    head->host = (sio_str){rest.ptr, authority};
    head->target = (sio_str){rest.ptr + authority, rest.len - authority};
    if (head->target.len == 0) {
        head->target = SIO_STR("/");
    }
    bool fine = head->target.ptr[0] == '/' && sio_url_is_authority(head->host);
    return fine ? 0 : SIO_ERR_HTTP_TARGET;
}

static int check_target(sio_http1_head *head) {
    if (sio_text_equal(head->method, SIO_STR("CONNECT"))) {
        return SIO_ERR_HTTP_TARGET; /* this is no proxy */
    }
    if (head->target.ptr[0] == '/') {
        return 0;
    }
    if (sio_text_equal(head->target, SIO_STR("*"))) {
        return sio_text_equal(head->method, SIO_STR("OPTIONS")) ? 0 : SIO_ERR_HTTP_TARGET;
    }
    return reduce_absolute(head);
}

static int check_host(sio_http1_head *head, const facts *f) {
    if (f->hosts > 1 || (f->hosts == 0 && head->minor == 1)) {
        return SIO_ERR_HTTP_HOST;
    }
    if (f->hosts == 1 && !sio_url_is_authority(f->host)) {
        return SIO_ERR_HTTP_HOST;
    }
    head->host = f->host;
    return 0;
}

int sio_http1_rules_request(sio_http1_head *head, const sio_http1_limits *limits) {
    facts f;
    gather(&f, head);
    int rc = check_host(head, &f);
    if (rc == 0) {
        rc = check_target(head);
    }
    if (rc == 0) {
        rc = check_framing(head, &f);
    }
    if (rc == 0 && head->length > limits->max_body) {
        rc = SIO_ERR_HTTP_BODY_TOO_LARGE;
    }
    set_connection(head, &f);
    head->expect_continue = f.expect_continue && head->minor == 1;
    return rc;
}

sio_http1_framing sio_http1_framing_request(const sio_http1_head *head) {
    if (head->chunked) {
        return SIO_HTTP1_BODY_CHUNKED;
    }
    return head->length > 0 ? SIO_HTTP1_BODY_LENGTH : SIO_HTTP1_BODY_NONE;
}

/* RFC 9112 §6.3, in its order. */
static sio_http1_framing framing_response(const sio_http1_head *head, sio_http1_asked asked) {
    bool tunnel = asked == SIO_HTTP1_ASKED_CONNECT && head->status / 100 == 2;
    if (asked == SIO_HTTP1_ASKED_HEAD || tunnel || head->status < 200 || head->status == 204 ||
        head->status == 304) {
        return SIO_HTTP1_BODY_NONE;
    }
    if (head->chunked) {
        return SIO_HTTP1_BODY_CHUNKED;
    }
    if (!head->has_length) {
        return SIO_HTTP1_BODY_UNTIL_CLOSE;
    }
    return head->length > 0 ? SIO_HTTP1_BODY_LENGTH : SIO_HTTP1_BODY_NONE;
}

int sio_http1_rules_response(sio_http1_head *head, sio_http1_framing *framing,
                             sio_http1_asked asked, const sio_http1_limits *limits) {
    facts f;
    gather(&f, head);
    /* HTTP/1.0 has no upgrade (RFC 9110 §7.8). */
    if (head->status == 101 && (asked != SIO_HTTP1_ASKED_UPGRADE || head->minor == 0)) {
        return SIO_ERR_HTTP_STATUS;
    }
    int rc = check_framing(head, &f);
    if (rc != 0) {
        return rc;
    }
    set_connection(head, &f);
    sio_http1_framing how = framing_response(head, asked);
    if (how == SIO_HTTP1_BODY_LENGTH && head->length > limits->max_body) {
        return SIO_ERR_HTTP_BODY_TOO_LARGE;
    }
    if (how == SIO_HTTP1_BODY_UNTIL_CLOSE) {
        head->keep_alive = false;
    }
    *framing = how;
    return 0;
}
