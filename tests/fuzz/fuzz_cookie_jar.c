/* A client's cookies against a simple model of RFC 6265 §5.3 and §5.4. The first byte chooses the
 * server; each line is a step: its first byte says whether the rest is a Set-Cookie or the path of
 * a request, and how much time passes.
 *
 * The model keeps every cookie as text and looks through all of them; it shares with the jar only
 * sio_cookie_parse, which has a target of its own. */
#include <sio/http_fields.h>
#include <sio/url.h>

#include "draw.h"

#include <ctype.h>
#include <strings.h>

typedef struct kept {
    char *name;
    char *value;
    char *path;
    size_t name_len, value_len, path_len;
    int64_t expires;
} kept;

typedef struct model {
    sio_str host;
    bool tls;
    kept list[SIO_COOKIE_JAR_COUNT];
    size_t count;
} model;

static const sio_str hosts[] = {
    {"example.org", 11}, {"a.b.example.org", 15}, {"10.0.0.1", 8}, {"::1", 3}, {"localhost", 9},
};

/* ---- the model ---- */

static bool is_address(sio_str host) {
    return memchr(host.ptr, ':', host.len) || isdigit((unsigned char)host.ptr[host.len - 1]);
}

static bool is_for(const model *m, sio_str domain) {
    if (domain.len == 0) {
        return true;
    }
    if (domain.len > m->host.len ||
        strncasecmp(m->host.ptr + m->host.len - domain.len, domain.ptr, domain.len) != 0) {
        return false;
    }
    return domain.len == m->host.len ||
           (!is_address(m->host) && memchr(domain.ptr, '.', domain.len) &&
            m->host.ptr[m->host.len - domain.len - 1] == '.');
}

static bool covers(sio_str cookie, sio_str path) {
    return cookie.len <= path.len && memcmp(cookie.ptr, path.ptr, cookie.len) == 0 &&
           (cookie.len == path.len || cookie.ptr[cookie.len - 1] == '/' ||
            path.ptr[cookie.len] == '/');
}

static sio_str folder(sio_str path) {
    for (size_t len = path.len; len > 1; len--) {
        if (path.ptr[len - 1] == '/') {
            return (sio_str){path.ptr, len - 1};
        }
    }
    return SIO_STR("/");
}

static int64_t end_of(const sio_cookie_received *cookie, int64_t now) {
    switch (cookie->life) {
    case SIO_COOKIE_SESSION:
        return INT64_MAX;
    case SIO_COOKIE_MAX_AGE:
        return cookie->seconds > INT64_MAX - now ? INT64_MAX : now + cookie->seconds;
    case SIO_COOKIE_EXPIRES:
        return cookie->seconds;
    default:
        return now;
    }
}

static void kept_free(kept *cookie) {
    free(cookie->name);
    free(cookie->value);
    free(cookie->path);
}

static void model_drop(model *m, size_t at) {
    kept_free(&m->list[at]);
    m->count--;
    memmove(&m->list[at], &m->list[at + 1], (m->count - at) * sizeof(kept));
}

static size_t model_find(const model *m, sio_str name, sio_str path) {
    size_t at = 0;
    while (at < m->count &&
           !(same_bytes(m->list[at].name, m->list[at].name_len, name.ptr, name.len) &&
             same_bytes(m->list[at].path, m->list[at].path_len, path.ptr, path.len))) {
        at++;
    }
    return at;
}

static void model_take(model *m, sio_str header, sio_str path, int64_t now) {
    sio_cookie_received cookie;
    if (sio_cookie_parse(&cookie, header) != 0 || !is_for(m, cookie.domain) ||
        (cookie.secure && !m->tls)) {
        return;
    }
    sio_str scope = cookie.path.len > 0 ? cookie.path : folder(path);
    if (cookie.name.len + cookie.value.len > SIO_COOKIE_JAR_BYTES ||
        scope.len > SIO_COOKIE_JAR_BYTES) {
        return;
    }
    int64_t expires = end_of(&cookie, now);
    size_t at = model_find(m, cookie.name, scope);
    if (expires <= now) {
        if (at < m->count) {
            model_drop(m, at);
        }
        return;
    }
    if (at == m->count) {
        if (m->count == SIO_COOKIE_JAR_COUNT) {
            return;
        }
        m->count++;
    } else {
        kept_free(&m->list[at]);
    }
    m->list[at] = (kept){.name = draw_copy(cookie.name.ptr, cookie.name.len),
                         .value = draw_copy(cookie.value.ptr, cookie.value.len),
                         .path = draw_copy(scope.ptr, scope.len),
                         .name_len = cookie.name.len,
                         .value_len = cookie.value.len,
                         .path_len = scope.len,
                         .expires = expires};
}

static void model_write(model *m, sio_buf *out, sio_str path, int64_t now) {
    for (size_t at = 0; at < m->count;) {
        const kept *cookie = &m->list[at];
        if (cookie->expires <= now) {
            model_drop(m, at);
            continue;
        }
        if (covers((sio_str){cookie->path, cookie->path_len}, path)) {
            REQUIRE(sio_buf_add_text(out, out->len > 0 ? "; " : "") == 0);
            REQUIRE(sio_buf_add(out, cookie->name, cookie->name_len) == 0);
            REQUIRE(sio_buf_add_byte(out, '=') == 0);
            REQUIRE(sio_buf_add(out, cookie->value, cookie->value_len) == 0);
        }
        at++;
    }
}

/* ---- steps ---- */

/* What is sent is one header value, whatever servers have sent. */
static void check_header(const sio_buf *header) {
    for (size_t i = 0; i < header->len; i++) {
        REQUIRE(header->data[i] >= 0x20 && header->data[i] != 0x7f);
    }
}

static void ask(sio_cookie_jar *jar, model *m, sio_str path, int64_t now) {
    sio_buf ours = {0};
    sio_buf expected = {0};
    REQUIRE(sio_cookie_jar_write(jar, &ours, path, now) == 0);
    model_write(m, &expected, path, now);
    REQUIRE(same_bytes(ours.data, ours.len, expected.data, expected.len));
    check_header(&ours);
    sio_buf_free(&ours);
    sio_buf_free(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const sio_str request = {"/socket.io/x", 12};
    draw in = {data, size};
    uint8_t which = draw_byte(&in);
    model m = {.host = hosts[(which >> 1) % 5], .tls = (which & 1) != 0};
    sio_cookie_jar *jar;
    int64_t now = 1700000000;
    REQUIRE(sio_cookie_jar_new(&jar, m.host, m.tls, NULL) == 0);
    while (in.left > 0) {
        uint8_t what = draw_byte(&in);
        sio_str line = draw_line(&in);
        char *copy = draw_copy(line.ptr, line.len);
        line.ptr = copy;
        now += INT64_C(1) << (what >> 1 & 31);
        if (what & 1) {
            ask(jar, &m, line, now);
        } else {
            REQUIRE(sio_cookie_jar_take(jar, line, request, now) == 0);
            model_take(&m, line, request, now);
        }
        free(copy);
        ask(jar, &m, request, now);
    }
    ask(jar, &m, SIO_STR("/"), now);
    sio_cookie_jar_free(jar);
    while (m.count > 0) {
        model_drop(&m, m.count - 1);
    }
    return 0;
}
