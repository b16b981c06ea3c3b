#include <sio/http_fields.h>
#include <sio/http1.h>
#include <sio/url.h>

#include "chars.h"

static sio_str unquote(sio_str text) {
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"') {
        return (sio_str){text.ptr + 1, text.len - 2};
    }
    return text;
}

bool sio_cookie_next(sio_str *rest, sio_str *name, sio_str *value) {
    while (rest->len > 0) {
        sio_str right = sio_text_cut(rest, ';');
        sio_str left = sio_text_trim(sio_text_cut(&right, '='));
        if (right.ptr && left.len > 0) {
            *name = left;
            *value = unquote(sio_text_trim(right));
            return true;
        }
    }
    return false;
}

bool sio_cookie_find(sio_str header, sio_str name, sio_str *value) {
    sio_str key;
    sio_str found;
    while (sio_cookie_next(&header, &key, &found)) {
        if (sio_text_equal(key, name)) {
            *value = found;
            return true;
        }
    }
    return false;
}

/* ---- Set-Cookie, written ---- */

/* Text that stays inside its attribute: no separator, nothing that could end the line. */
static bool is_attribute(sio_str text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c < 0x20 || c == 0x7f || c == ';' || c == ',') {
            return false;
        }
    }
    return true;
}

static bool has_control(sio_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

int sio_cookie_check(const sio_cookie *cookie) {
    bool fine = sio_http1_is_token(cookie->name) && !has_control(cookie->value) &&
                is_attribute(cookie->domain) && is_attribute(cookie->path) &&
                cookie->priority <= SIO_COOKIE_PRIORITY_HIGH &&
                cookie->same_site <= SIO_COOKIE_SAME_SITE_NONE;
    return fine ? 0 : SIO_ERR_INVALID;
}

static int add_str(sio_buf *buf, sio_str text) {
    return sio_buf_add(buf, text.ptr, text.len);
}

static int add_named(sio_buf *buf, const char *name, sio_str value) {
    if (value.len == 0) {
        return 0;
    }
    int rc = sio_buf_add_text(buf, name);
    return rc == 0 ? add_str(buf, value) : rc;
}

static int add_max_age(sio_buf *buf, int64_t seconds) {
    int rc = sio_buf_add_text(buf, seconds < 0 ? "; Max-Age=-" : "; Max-Age=");
    uint64_t size = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    return rc == 0 ? sio_buf_add_u64(buf, size) : rc;
}

static int add_expires(sio_buf *buf, int64_t when) {
    char date[SIO_HTTP_DATE_LEN];
    sio_http_date_format(date, when);
    return add_named(buf, "; Expires=", (sio_str){date, sizeof(date)});
}

static int add_flags(sio_buf *buf, const sio_cookie *cookie) {
    static const char *const priorities[] = {"", "; Priority=Low", "; Priority=Medium",
                                             "; Priority=High"};
    static const char *const same_sites[] = {"", "; SameSite=Lax", "; SameSite=Strict",
                                             "; SameSite=None"};
    const char *texts[] = {
        cookie->http_only ? "; HttpOnly" : "",
        cookie->secure ? "; Secure" : "",
        cookie->partitioned ? "; Partitioned" : "",
        priorities[cookie->priority],
        same_sites[cookie->same_site],
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]); i++) {
        rc = sio_buf_add_text(buf, texts[i]);
    }
    return rc;
}

static int add_cookie(sio_buf *buf, const sio_cookie *cookie) {
    int rc = add_str(buf, cookie->name);
    if (rc == 0) {
        rc = sio_buf_add_byte(buf, '=');
    }
    if (rc == 0) {
        rc = sio_query_encode(buf, cookie->value);
    }
    if (rc == 0 && cookie->has_max_age) {
        rc = add_max_age(buf, cookie->max_age);
    }
    if (rc == 0) {
        rc = add_named(buf, "; Domain=", cookie->domain);
    }
    if (rc == 0) {
        rc = add_named(buf, "; Path=", cookie->path);
    }
    if (rc == 0 && cookie->has_expires) {
        rc = add_expires(buf, cookie->expires);
    }
    return rc == 0 ? add_flags(buf, cookie) : rc;
}

int sio_cookie_write(sio_buf *buf, const sio_cookie *cookie) {
    int rc = sio_cookie_check(cookie);
    if (rc != 0) {
        return rc;
    }
    size_t start = buf->len;
    rc = add_cookie(buf, cookie);
    if (rc != 0) {
        buf->len = start;
    }
    return rc;
}

/* ---- Set-Cookie, read ---- */

static void read_max_age(sio_cookie_received *cookie, sio_str text) {
    bool negative = text.len > 1 && text.ptr[0] == '-';
    uint64_t seconds;
    cookie->seconds = 0;
    cookie->life = SIO_COOKIE_EXPIRED;
    if (negative || text.len == 0) {
        return;
    }
    size_t digits = 0;
    while (digits < text.len && sio_char_is_digit(text.ptr[digits])) {
        digits++;
    }
    if (digits < text.len) {
        return;
    }
    /* More than 64 bits of seconds is for ever as well. */
    if (!sio_text_to_u64(&seconds, text) || seconds > INT64_MAX) {
        seconds = INT64_MAX;
    }
    if (seconds > 0) {
        cookie->seconds = (int64_t)seconds;
        cookie->life = SIO_COOKIE_MAX_AGE;
    }
}

static void read_attribute(sio_cookie_received *cookie, sio_str attribute) {
    sio_str name = sio_text_trim(sio_text_cut(&attribute, '='));
    sio_str value = sio_text_trim(attribute);
    if (sio_text_equal_nocase(name, SIO_STR("max-age"))) {
        read_max_age(cookie, value);
    } else if (sio_text_equal_nocase(name, SIO_STR("expires"))) {
        bool fine = sio_http_date_parse_cookie(&cookie->seconds, value) == 0;
        cookie->life = fine ? SIO_COOKIE_EXPIRES : SIO_COOKIE_EXPIRED;
    } else if (sio_text_equal_nocase(name, SIO_STR("domain"))) {
        bool dotted = value.len > 0 && value.ptr[0] == '.';
        cookie->domain = dotted ? (sio_str){value.ptr + 1, value.len - 1} : value;
    } else if (sio_text_equal_nocase(name, SIO_STR("path"))) {
        bool absolute = value.len > 0 && value.ptr[0] == '/';
        cookie->path = absolute ? value : (sio_str){NULL, 0};
    } else if (sio_text_equal_nocase(name, SIO_STR("secure"))) {
        cookie->secure = true;
    }
}

int sio_cookie_parse(sio_cookie_received *out, sio_str header) {
    sio_cookie_received cookie = {.life = SIO_COOKIE_SESSION};
    sio_str value = sio_text_cut(&header, ';');
    cookie.name = sio_text_trim(sio_text_cut(&value, '='));
    if (!value.ptr || cookie.name.len == 0) {
        return SIO_ERR_HTTP_HEADER;
    }
    cookie.value = unquote(sio_text_trim(value));
    if (has_control(cookie.name) || has_control(cookie.value)) {
        return SIO_ERR_HTTP_HEADER;
    }
    while (header.len > 0) {
        read_attribute(&cookie, sio_text_cut(&header, ';'));
    }
    if (cookie.life == SIO_COOKIE_EXPIRED || cookie.life == SIO_COOKIE_SESSION) {
        cookie.seconds = 0;
    }
    *out = cookie;
    return 0;
}
