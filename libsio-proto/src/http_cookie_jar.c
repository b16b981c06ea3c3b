#include <sio/http_fields.h>
#include <sio/url.h>

#include "chars.h"
#include "mem.h"

typedef struct kept {
    char *text; /* name, value and path, one behind the other */
    size_t name_len;
    size_t value_len;
    size_t path_len;
    int64_t expires; /* INT64_MAX: with the jar */
} kept;

struct sio_cookie_jar {
    const sio_mem *mem;
    sio_mem mem_copy;
    sio_str host;
    bool tls;
    size_t count;
    kept cookies[SIO_COOKIE_JAR_COUNT];
};

static sio_str name_of(const kept *cookie) {
    return (sio_str){cookie->text, cookie->name_len};
}

static sio_str value_of(const kept *cookie) {
    return (sio_str){cookie->text + cookie->name_len, cookie->value_len};
}

static sio_str path_of(const kept *cookie) {
    return (sio_str){cookie->text + cookie->name_len + cookie->value_len, cookie->path_len};
}

/* ---- rules ---- */

/* RFC 6265 §5.1.3; a domain of one label would be everybody's. */
static bool domain_matches(const sio_cookie_jar *jar, sio_str domain) {
    sio_str host = jar->host;
    if (domain.len == 0 || sio_text_equal_nocase(domain, host)) {
        return true;
    }
    if (domain.len >= host.len || !memchr(domain.ptr, '.', domain.len) || sio_url_is_ipv6(host) ||
        (host.len > 0 && sio_char_is_digit(host.ptr[host.len - 1]))) {
        return false;
    }
    sio_str tail = {host.ptr + host.len - domain.len, domain.len};
    return tail.ptr[-1] == '.' && sio_text_equal_nocase(tail, domain);
}

/* RFC 6265 §5.1.4 */
static bool path_matches(sio_str cookie, sio_str path) {
    if (cookie.len > path.len || memcmp(cookie.ptr, path.ptr, cookie.len) != 0) {
        return false;
    }
    return cookie.len == path.len || cookie.ptr[cookie.len - 1] == '/' ||
           path.ptr[cookie.len] == '/';
}

/* The folder of the request. */
static sio_str default_path(sio_str path) {
    size_t len = path.len;
    while (len > 0 && path.ptr[len - 1] != '/') {
        len--;
    }
    return len > 1 ? (sio_str){path.ptr, len - 1} : SIO_STR("/");
}

static int64_t expiry(const sio_cookie_received *cookie, int64_t now) {
    switch (cookie->life) {
    case SIO_COOKIE_MAX_AGE:
        return cookie->seconds < INT64_MAX - now ? now + cookie->seconds : INT64_MAX;
    case SIO_COOKIE_EXPIRES:
        return cookie->seconds;
    case SIO_COOKIE_EXPIRED:
        return INT64_MIN;
    default:
        return INT64_MAX;
    }
}

/* ---- keeping ---- */

static void remove_at(sio_cookie_jar *jar, size_t at) {
    sio_mem_release(jar->mem, jar->cookies[at].text);
    jar->count--;
    memmove(&jar->cookies[at], &jar->cookies[at + 1], (jar->count - at) * sizeof(kept));
}

static size_t find(const sio_cookie_jar *jar, sio_str name, sio_str path) {
    size_t at = 0;
    while (at < jar->count && !(sio_text_equal(name_of(&jar->cookies[at]), name) &&
                                sio_text_equal(path_of(&jar->cookies[at]), path))) {
        at++;
    }
    return at;
}

static int put(sio_cookie_jar *jar, size_t at, const sio_cookie_received *cookie, sio_str path,
               int64_t expires) {
    char *text = sio_mem_alloc(jar->mem, cookie->name.len + cookie->value.len + path.len);
    if (!text) {
        return SIO_ERR_NOMEM;
    }
    memcpy(text, cookie->name.ptr, cookie->name.len);
    if (cookie->value.len > 0) {
        memcpy(text + cookie->name.len, cookie->value.ptr, cookie->value.len);
    }
    memcpy(text + cookie->name.len + cookie->value.len, path.ptr, path.len);
    if (at < jar->count) {
        sio_mem_release(jar->mem, jar->cookies[at].text);
    } else {
        jar->count++;
    }
    jar->cookies[at] = (kept){text, cookie->name.len, cookie->value.len, path.len, expires};
    return 0;
}

int sio_cookie_jar_take(sio_cookie_jar *jar, sio_str header, sio_str path, int64_t now) {
    sio_cookie_received cookie;
    if (sio_cookie_parse(&cookie, header) != 0 || !domain_matches(jar, cookie.domain) ||
        (cookie.secure && !jar->tls)) {
        return 0;
    }
    sio_str scope = cookie.path.len > 0 ? cookie.path : default_path(path);
    if (cookie.name.len + cookie.value.len > SIO_COOKIE_JAR_BYTES ||
        scope.len > SIO_COOKIE_JAR_BYTES) {
        return 0;
    }
    size_t at = find(jar, cookie.name, scope);
    int64_t expires = expiry(&cookie, now);
    if (expires <= now) {
        if (at < jar->count) {
            remove_at(jar, at);
        }
        return 0;
    }
    return at < SIO_COOKIE_JAR_COUNT ? put(jar, at, &cookie, scope, expires) : 0;
}

/* ---- sending ---- */

static int add_cookie(sio_buf *out, const kept *cookie, bool first) {
    sio_str name = name_of(cookie);
    sio_str value = value_of(cookie);
    int rc = first ? 0 : sio_buf_add_text(out, "; ");
    if (rc == 0) {
        rc = sio_buf_add(out, name.ptr, name.len);
    }
    if (rc == 0) {
        rc = sio_buf_add_byte(out, '=');
    }
    return rc == 0 ? sio_buf_add(out, value.ptr, value.len) : rc;
}

int sio_cookie_jar_write(sio_cookie_jar *jar, sio_buf *out, sio_str path, int64_t now) {
    size_t before = out->len;
    for (size_t i = 0; i < jar->count;) {
        const kept *cookie = &jar->cookies[i];
        if (cookie->expires <= now) {
            remove_at(jar, i);
            continue;
        }
        int rc =
            path_matches(path_of(cookie), path) ? add_cookie(out, cookie, out->len == before) : 0;
        if (rc != 0) {
            out->len = before;
            return rc;
        }
        i++;
    }
    return 0;
}

/* ---- life ---- */

int sio_cookie_jar_new(sio_cookie_jar **out, sio_str host, bool tls, const sio_mem *mem) {
    sio_cookie_jar *jar = sio_mem_zalloc(mem, sizeof(*jar) + host.len);
    if (!jar) {
        return SIO_ERR_NOMEM;
    }
    if (mem) {
        jar->mem_copy = *mem;
        jar->mem = &jar->mem_copy;
    }
    char *name = (char *)(jar + 1);
    if (host.len > 0) {
        memcpy(name, host.ptr, host.len);
    }
    jar->host = (sio_str){name, host.len};
    jar->tls = tls;
    *out = jar;
    return 0;
}

void sio_cookie_jar_free(sio_cookie_jar *jar) {
    if (!jar) {
        return;
    }
    while (jar->count > 0) {
        remove_at(jar, jar->count - 1);
    }
    sio_mem copy = jar->mem_copy;
    sio_mem_release(jar->mem ? &copy : NULL, jar);
}
