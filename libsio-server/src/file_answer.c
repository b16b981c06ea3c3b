#include "file_answer.h"

#include "byte_range.h"
#include "front_state.h"

#include <sio/http_fields.h>

#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- what the client has ---- */

static bool name_is(sio_str name, const char *wanted) {
    return name.len == strlen(wanted) && strncasecmp(name.ptr, wanted, name.len) == 0;
}

/* The value of a header that may come once only; else its `ptr` is NULL. */
static sio_str only(const sio_http1_head *head, sio_str name) {
    return sio_http1_count(head, name) == 1 ? sio_http1_find(head, name) : (sio_str){NULL, 0};
}

static sio_str skip_blanks(sio_str text) {
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t' || text.ptr[0] == ',')) {
        text = (sio_str){text.ptr + 1, text.len - 1};
    }
    return text;
}

/* A tag may hold commas, so a list is read from quote to quote. */
static bool list_has_etag(sio_str list, sio_str etag) {
    for (;;) {
        list = skip_blanks(list);
        if (list.len >= 2 && memcmp(list.ptr, "W/", 2) == 0) {
            list = (sio_str){list.ptr + 2, list.len - 2};
        }
        if (list.len < 2 || list.ptr[0] != '"') {
            return false;
        }
        const char *end = memchr(list.ptr + 1, '"', list.len - 1);
        if (!end) {
            return false;
        }
        size_t len = (size_t)(end - list.ptr) + 1;
        if (len == etag.len && memcmp(list.ptr, etag.ptr, len) == 0) {
            return true;
        }
        list = (sio_str){list.ptr + len, list.len - len};
    }
}

/* RFC 9110 §13.1.2, §13.1.3: a date counts only where no tag was sent. */
static bool is_known(const sio_http1_head *head, const char *etag, const int64_t *modified) {
    sio_str tag = {etag, strlen(etag)};
    bool tags = false;
    for (size_t i = 0; i < head->header_count; i++) {
        sio_str value = head->headers[i].value;
        if (!name_is(head->headers[i].name, "If-None-Match")) {
            continue;
        }
        tags = true;
        if ((value.len == 1 && value.ptr[0] == '*') || list_has_etag(value, tag)) {
            return true;
        }
    }
    int64_t since;
    sio_str date = only(head, SIO_STR("If-Modified-Since"));
    return !tags && modified && date.ptr && sio_http_date_parse(&since, date) == 0 &&
           *modified <= since;
}

/* RFC 9110 §13.1.5: the part is wanted only if the rest, which the client has, is of this file. */
static bool if_range_holds(const sio_http1_head *head, const sio_file *file) {
    sio_str name = SIO_STR("If-Range");
    sio_str value = only(head, name);
    int64_t date;
    if (!value.ptr) {
        return sio_http1_count(head, name) == 0;
    }
    if (value.len > 0 && value.ptr[0] == '"') {
        return value.len == strlen(file->etag) && memcmp(value.ptr, file->etag, value.len) == 0;
    }
    return sio_http_date_parse(&date, value) == 0 && date == file->modified;
}

/* ---- compressed forms ---- */

/* What the answer sends. */
typedef struct form {
    sio_http_encoding encoding;
    const sio_blob *blob; /* NULL: the file */
    bool varies;          /* another client might have got another form */
} form;

static bool is_compressible(const char *type) {
    static const char *const words[] = {"text/", "javascript", "json", "xml", "wasm", "font/ttf"};
    for (size_t i = 0; type && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(type, words[i])) {
            return true;
        }
    }
    return false;
}

static const char *ending_of(sio_http_encoding encoding) {
    return encoding == SIO_HTTP_GZIP ? ".gz" : encoding == SIO_HTTP_BROTLI ? ".br" : NULL;
}

/* Put the file that lies compressed beside it in its place. */
static bool take_neighbour(sio_exchange *exchange, sio_file *file, const sio_file_reply *reply,
                           sio_http_encoding encoding) {
    const char *ending = ending_of(encoding);
    sio_file other;
    sio_buf name;
    if (!ending) {
        return false;
    }
    sio_buf_init(&name, 0, exchange->conn->front->mem);
    bool found = sio_buf_add_text(&name, reply->path) == 0 &&
                 sio_buf_add(&name, ending, strlen(ending) + 1) == 0 &&
                 sio_file_open(&other, reply->dir, (const char *)name.data) == 0;
    sio_buf_free(&name);
    if (!found) {
        return false;
    }
    if (other.modified < file->modified) {
        sio_file_close(&other);
        return false;
    }
    sio_file_close(file);
    file->fd = other.fd;
    file->size = other.size;
    return true;
}

static form choose_form(sio_exchange *exchange, sio_file *file, const sio_file_reply *reply) {
    form f = {.encoding = SIO_HTTP_IDENTITY};
    sio_str accepted = sio_http1_find(sio_exchange_head(exchange), SIO_STR("Accept-Encoding"));
    unsigned offered = SIO_HTTP_OFFER(SIO_HTTP_GZIP) | SIO_HTTP_OFFER(SIO_HTTP_DEFLATE) |
                       SIO_HTTP_OFFER(SIO_HTTP_BROTLI);
    if (!reply->path || file->size < reply->compress_min || !is_compressible(reply->content_type)) {
        return f;
    }
    f.varies = true;
    while ((f.encoding = sio_http_choose_encoding(accepted, offered)) != SIO_HTTP_IDENTITY) {
        if (take_neighbour(exchange, file, reply, f.encoding)) {
            break;
        }
        if (f.encoding != SIO_HTTP_BROTLI) {
            f.blob = sio_file_cache_get(&exchange->conn->front->files, file, f.encoding);
        }
        if (f.blob) {
            break;
        }
        offered &= ~SIO_HTTP_OFFER(f.encoding);
    }
    return f;
}

/* Each form has its own tag (RFC 9110 §8.8.3.3). */
static void mark_etag(char *etag, sio_http_encoding encoding) {
    static const char *const marks[] = {
        [SIO_HTTP_GZIP] = "-gz\"", [SIO_HTTP_DEFLATE] = "-df\"", [SIO_HTTP_BROTLI] = "-br\""};
    if (encoding != SIO_HTTP_IDENTITY) {
        memcpy(etag + strlen(etag) - 1, marks[encoding], 5);
    }
}

/* ---- the answer ---- */

static int add_line(sio_buf *buf, const char *name, const char *value) {
    return sio_http1_write_header(buf, (sio_str){name, strlen(name)},
                                  (sio_str){value, strlen(value)});
}

static int add_date(sio_buf *buf, int64_t modified) {
    char date[SIO_HTTP_DATE_LEN];
    sio_http_date_format(date, modified);
    return sio_http1_write_header(buf, SIO_STR("Last-Modified"), (sio_str){date, sizeof(date)});
}

static int write_lines(sio_buf *buf, const sio_file *file, const sio_file_reply *reply,
                       const form *f) {
    int rc = add_line(buf, "ETag", reply->etag ? reply->etag : file->etag);
    if (rc == 0 && !reply->etag) {
        rc = add_date(buf, file->modified);
    }
    if (rc == 0 && f->varies) {
        rc = add_line(buf, "Vary", "Accept-Encoding");
    }
    return rc;
}

/* RFC 9110 §14.4: "bytes 0-9/10", or for 416 the size only. */
static int add_content_range(sio_buf *buf, const sio_byte_range *range, uint64_t size) {
    int rc = sio_buf_add_text(buf, "Content-Range: bytes ");
    if (rc == 0 && range) {
        rc = sio_buf_add_u64(buf, range->first);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(buf, range ? "-" : "*");
    }
    if (rc == 0 && range) {
        rc = sio_buf_add_u64(buf, range->first + range->len - 1);
    }
    if (rc == 0) {
        rc = sio_buf_add_byte(buf, '/');
    }
    if (rc == 0) {
        rc = sio_buf_add_u64(buf, size);
    }
    return rc == 0 ? sio_buf_add_text(buf, "\r\n") : rc;
}

static void give_up(sio_exchange *exchange, sio_file *file, int status) {
    sio_file_close(file);
    sio_exchange_answer_status(exchange, status, NULL);
}

static void send_encoded(sio_exchange *exchange, sio_file *file, const sio_file_reply *reply,
                         const form *f) {
    const char *name = sio_http_encoding_name(f->encoding);
    if (add_line(sio_exchange_headers(exchange), "Content-Encoding", name) != 0) {
        give_up(exchange, file, 500);
    } else if (f->blob) {
        sio_file_close(file);
        sio_exchange_answer(exchange, 200, reply->content_type,
                            (sio_bytes){f->blob->data, f->blob->len}, reply->extra);
    } else {
        sio_exchange_answer_file(exchange, 200, reply->content_type, file->fd, file->size,
                                 reply->extra);
    }
}

static void send_part(sio_exchange *exchange, sio_file *file, const sio_file_reply *reply,
                      const sio_byte_range *range) {
    sio_buf *headers = sio_exchange_headers(exchange);
    if (add_content_range(headers, range, file->size) != 0 ||
        lseek(file->fd, (off_t)range->first, SEEK_SET) < 0) {
        sio_file_close(file);
        sio_exchange_destroy(exchange);
        return;
    }
    sio_exchange_answer_file(exchange, 206, reply->content_type, file->fd, range->len,
                             reply->extra);
}

static void send_plain(sio_exchange *exchange, sio_file *file, const sio_file_reply *reply,
                       bool parts) {
    const sio_http1_head *head = sio_exchange_head(exchange);
    sio_buf *headers = sio_exchange_headers(exchange);
    sio_byte_range range;
    sio_range_verdict verdict = SIO_RANGE_WHOLE;
    if (parts && if_range_holds(head, file)) {
        verdict = sio_byte_range_read(&range, only(head, SIO_STR("Range")), file->size);
    }
    if (verdict == SIO_RANGE_PART) {
        send_part(exchange, file, reply, &range);
    } else if (verdict == SIO_RANGE_NEVER) {
        bool fine = add_content_range(headers, NULL, file->size) == 0;
        give_up(exchange, file, fine ? 416 : 500);
    } else if (!reply->etag && add_line(headers, "Accept-Ranges", "bytes") != 0) {
        give_up(exchange, file, 500);
    } else {
        sio_exchange_answer_file(exchange, 200, reply->content_type, file->fd, file->size,
                                 reply->extra);
    }
}

/* A part is a part of the file as it is, so who asks for one gets that form (RFC 9110 §14.2: only
 * GET has parts). */
static bool asks_for_part(const sio_http1_head *head, const sio_file_reply *reply) {
    bool get = head->method.len == 3 && memcmp(head->method.ptr, "GET", 3) == 0;
    return get && !reply->etag && only(head, SIO_STR("Range")).ptr;
}

void sio_file_serve(sio_exchange *exchange, sio_file *file, const sio_file_reply *reply) {
    const sio_http1_head *head = sio_exchange_head(exchange);
    bool parts = head && asks_for_part(head, reply);
    form f = {.encoding = SIO_HTTP_IDENTITY};
    if (!head || !exchange->conn) {
        give_up(exchange, file, 500); /* there is nobody to answer */
        return;
    }
    if (!parts) {
        f = choose_form(exchange, file, reply);
    }
    mark_etag(file->etag, f.encoding);
    if (write_lines(sio_exchange_headers(exchange), file, reply, &f) != 0) {
        give_up(exchange, file, 500);
    } else if (is_known(head, reply->etag ? reply->etag : file->etag,
                        reply->etag ? NULL : &file->modified)) {
        sio_file_close(file);
        sio_exchange_answer(exchange, 304, NULL, (sio_bytes){NULL, 0}, reply->extra);
    } else if (f.encoding != SIO_HTTP_IDENTITY) {
        send_encoded(exchange, file, reply, &f);
    } else {
        send_plain(exchange, file, reply, parts);
    }
}

void sio_file_answer(sio_exchange *exchange, sio_file *file, const char *content_type,
                     const char *extra) {
    sio_file_reply reply = {.content_type = content_type, .extra = extra, .dir = -1};
    sio_file_serve(exchange, file, &reply);
}
