#include "poll_answers.h"

#include "mem.h"

#include <stddef.h>
#include <string.h>

/* What is kept for the next body; a larger one is given back. */
enum { PACKED_KEPT = 64 * 1024 };

/* ---- settings ---- */

static sio_str text_of(const char *text) {
    return (sio_str){text, text ? strlen(text) : 0};
}

/* An older program knows fewer fields; one that knows more was built for a later library. */
static bool read_options(sio_server_cookie *out, const sio_server_cookie *options) {
    *out = (sio_server_cookie)SIO_SERVER_COOKIE_INIT;
    bool fits = options->size >= offsetof(sio_server_cookie, same_site) &&
                options->size <= sizeof(*options);
    if (fits) {
        memcpy(out, options, options->size);
    }
    return fits;
}

static sio_cookie cookie_of(const sio_server_cookie *options) {
    sio_cookie cookie = SIO_COOKIE_INIT;
    cookie.name = text_of(options->name ? options->name : "io");
    cookie.path = text_of(options->path);
    cookie.domain = text_of(options->domain);
    cookie.has_max_age = options->has_max_age;
    cookie.max_age = options->max_age;
    cookie.has_expires = options->has_expires;
    cookie.expires = options->expires;
    cookie.http_only = options->http_only;
    cookie.secure = options->secure;
    cookie.partitioned = options->partitioned;
    cookie.priority = options->priority;
    cookie.same_site = options->same_site;
    return cookie;
}

/* Browsers throw a partitioned cookie away that is not secure. */
static bool is_valid(const sio_cookie *cookie) {
    return sio_cookie_check(cookie) == 0 && (cookie->secure || !cookie->partitioned);
}

int sio_server_cookie_check(const sio_server_cookie *options) {
    sio_server_cookie full;
    if (!options) {
        return 0;
    }
    if (!read_options(&full, options)) {
        return SIO_ERR_INVALID;
    }
    sio_cookie cookie = cookie_of(&full);
    return is_valid(&cookie) ? 0 : SIO_ERR_INVALID;
}

/* Copy a text behind the others. */
static void take(sio_str *text, char **at) {
    if (text->len > 0) {
        memcpy(*at, text->ptr, text->len);
        text->ptr = *at;
        *at += text->len;
    }
}

static int keep_cookie(sio_poll_answers *answers, const sio_server_cookie *options) {
    sio_server_cookie full;
    if (!read_options(&full, options)) {
        return SIO_ERR_INVALID;
    }
    sio_cookie cookie = cookie_of(&full);
    if (!is_valid(&cookie)) {
        return SIO_ERR_INVALID;
    }
    size_t size = cookie.name.len + cookie.path.len + cookie.domain.len;
    char *text = sio_mem_alloc(answers->mem, size);
    if (!text) {
        return SIO_ERR_NOMEM;
    }
    answers->cookie_text = text;
    take(&cookie.name, &text);
    take(&cookie.path, &text);
    take(&cookie.domain, &text);
    answers->cookie = cookie;
    return 0;
}

int sio_poll_answers_init(sio_poll_answers *answers, const sio_server_cookie *cookie, bool compress,
                          size_t threshold, const sio_mem *mem) {
    *answers = (sio_poll_answers){
        .mem = mem, .compress = SIO_HAVE_DEFLATE && compress, .threshold = threshold};
    sio_buf_init(&answers->packed, 0, mem);
    return cookie ? keep_cookie(answers, cookie) : 0;
}

void sio_poll_answers_done(sio_poll_answers *answers) {
    sio_http_coder_free(answers->coder[0]);
    sio_http_coder_free(answers->coder[1]);
    sio_buf_free(&answers->packed);
    sio_mem_release(answers->mem, answers->cookie_text);
    *answers = (sio_poll_answers){0};
}

/* ---- the request ---- */

static bool contains(sio_str text, sio_str what) {
    return text.len > 0 && memmem(text.ptr, text.len, what.ptr, what.len) != NULL;
}

sio_poll_traits sio_poll_traits_read(const sio_poll_answers *answers, const sio_http1_head *head) {
    sio_poll_traits traits = {SIO_HTTP_IDENTITY, false};
    sio_str agent = sio_http1_find(head, SIO_STR("User-Agent"));
    traits.explorer = contains(agent, SIO_STR(";MSIE")) || contains(agent, SIO_STR("Trident/"));
    if (answers->compress) {
        sio_str accepted = sio_http1_find(head, SIO_STR("Accept-Encoding"));
        traits.encoding = (uint8_t)sio_http_accept_encoding(accepted);
    }
    return traits;
}

/* ---- the answer ---- */

const char *sio_poll_answers_lines(sio_poll_traits traits) {
    return traits.explorer ? "X-XSS-Protection: 0\r\ncache-control: no-store\r\n"
                           : "cache-control: no-store\r\n";
}

int sio_poll_answers_cookie(const sio_poll_answers *answers, sio_buf *headers, sio_str id) {
    if (!answers->cookie.name.ptr) {
        return 0;
    }
    sio_cookie cookie = answers->cookie;
    cookie.value = id;
    size_t start = headers->len;
    int rc = sio_buf_add_text(headers, "Set-Cookie: ");
    if (rc == 0) {
        rc = sio_cookie_write(headers, &cookie);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(headers, "\r\n");
    }
    if (rc != 0) {
        headers->len = start;
    }
    return rc;
}

static int pack(sio_poll_answers *answers, sio_bytes body, sio_http_encoding encoding) {
    sio_http_coder **coder = &answers->coder[encoding == SIO_HTTP_GZIP ? 0 : 1];
    if (answers->packed.cap > PACKED_KEPT) {
        sio_buf_free(&answers->packed);
    }
    answers->packed.len = 0;
    int rc = *coder ? 0 : sio_http_coder_new(coder, encoding, 0, answers->mem);
    return rc == 0 ? sio_http_coder_write(*coder, &answers->packed, body.ptr, body.len, true) : rc;
}

void sio_poll_answers_compress(sio_poll_answers *answers, sio_buf *headers, sio_bytes *body,
                               sio_poll_traits traits) {
    sio_http_encoding encoding = (sio_http_encoding)traits.encoding;
    if (encoding == SIO_HTTP_IDENTITY || body->len < answers->threshold) {
        return;
    }
    const char *name = sio_http_encoding_name(encoding);
    if (pack(answers, *body, encoding) == 0 &&
        sio_http1_write_header(headers, SIO_STR("Content-Encoding"), text_of(name)) == 0) {
        *body = (sio_bytes){answers->packed.data, answers->packed.len};
    }
}
