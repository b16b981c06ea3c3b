#include "engine_request.h"

#include "mem.h"

#include <net/random.h>

#include <string.h>
#include <strings.h>

static sio_str text_of(const char *text) {
    return (sio_str){text, strlen(text)};
}

static bool named(sio_str name, const char *text) {
    return name.len == strlen(text) && strncasecmp(name.ptr, text, name.len) == 0;
}

/* ---- target ---- */

/* What the WHATWG URL standard leaves as it is in a path; `%` because escapes stay escapes. */
static bool path_byte_is_plain(unsigned char c) {
    return c > 0x20 && c < 0x7f && !strchr("\"#<>?`{}^", c);
}

static int add_path(sio_buf *out, const char *path) {
    static const char hex[] = "0123456789ABCDEF";
    size_t len = strlen(path);
    if (len == 0 || path[0] != '/') {
        return SIO_ERR_INVALID;
    }
    int rc = 0;
    for (size_t i = 0; i < len && rc == 0; i++) {
        unsigned char c = (unsigned char)path[i];
        const char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
        rc = path_byte_is_plain(c) ? sio_buf_add_byte(out, c) : sio_buf_add(out, escape, 3);
    }
    if (rc == 0 && path[len - 1] != '/') {
        rc = sio_buf_add_byte(out, '/');
    }
    return rc;
}

/* Node's server makes a list of a repeated parameter and then refuses the request. */
static bool parameter_is_ours(sio_str name) {
    static const char *const ours[] = {"EIO", "transport", "sid"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (sio_query_equals(name, SIO_QUERY_PERCENT, text_of(ours[i]))) {
            return true;
        }
    }
    return false;
}

static bool query_is_plain(sio_str query) {
    for (size_t i = 0; i < query.len; i++) {
        unsigned char c = (unsigned char)query.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#') {
            return false;
        }
    }
    return true;
}

static int add_user_query(sio_buf *out, const char *query) {
    sio_str rest = text_of(query ? query : "");
    if (!query_is_plain(rest)) {
        return SIO_ERR_INVALID;
    }
    sio_str name;
    sio_str value;
    int rc = 0;
    while (rc == 0 && sio_query_next(&rest, &name, &value)) {
        if (parameter_is_ours(name)) {
            continue;
        }
        rc = sio_buf_add(out, name.ptr, name.len);
        if (rc == 0) {
            rc = sio_buf_add_byte(out, '=');
        }
        if (rc == 0) {
            rc = sio_buf_add(out, value.ptr, value.len);
        }
        if (rc == 0) {
            rc = sio_buf_add_byte(out, '&');
        }
    }
    return rc;
}

static int make_target(sio_buf *out, const sio_cengine_options *options) {
    int rc = add_path(out, options->path);
    if (rc == 0) {
        rc = sio_buf_add_byte(out, '?');
    }
    if (rc == 0) {
        rc = add_user_query(out, options->query);
    }
    if (rc == 0) {
        rc =
            sio_buf_add_text(out, options->revision == 3 ? "EIO=3&transport=" : "EIO=4&transport=");
    }
    return rc;
}

/* ---- header lines ---- */

/* What frames the messages of a connection is not for the application to say. */
static bool line_is_ours(sio_str name) {
    static const char *const ours[] = {
        "Accept-Encoding", "Connection", "Content-Length", "Content-Type",      "Expect",
        "Keep-Alive",      "TE",         "Trailer",        "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (named(name, ours[i])) {
            return true;
        }
    }
    return name.len >= 14 && strncasecmp(name.ptr, "Sec-WebSocket-", 14) == 0;
}

static bool has_line(const sio_cengine_options *options, const char *name) {
    for (size_t i = 0; i < options->header_count; i++) {
        if (named(options->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static int add_host(sio_buf *out, const sio_url *url, const sio_mem *mem) {
    sio_buf authority;
    sio_buf_init(&authority, 0, mem);
    int rc = sio_url_write_authority(&authority, url->host, url->port, url->tls ? 443 : 80);
    if (rc == 0) {
        const char *text = (const char *)authority.data;
        rc = sio_http1_write_header(out, SIO_STR("Host"), (sio_str){text, authority.len});
    }
    sio_buf_free(&authority);
    return rc;
}

static int make_lines(sio_buf *out, const sio_cengine_options *options, const sio_mem *mem) {
    int rc = has_line(options, "Host") ? 0 : add_host(out, options->url, mem);
    for (size_t i = 0; i < options->header_count && rc == 0; i++) {
        const sio_http1_header *line = &options->headers[i];
        if (!line_is_ours(line->name)) {
            rc = sio_http1_write_header(out, line->name, line->value);
        }
    }
    if (rc == 0 && !has_line(options, "User-Agent")) {
        rc = sio_http1_write_header(out, SIO_STR("User-Agent"),
                                    SIO_STR("libsio/" SIO_VERSION_STRING));
    }
    return rc;
}

/* ---- life ---- */

static int copy_names(sio_engine_request *request, const sio_cengine_options *options) {
    const sio_url *url = options->url;
    request->to.host = sio_mem_strndup(request->mem, url->host.ptr, url->host.len);
    if (!request->to.host) {
        return SIO_ERR_NOMEM;
    }
    request->to.port = url->port;
    if (!url->tls) {
        return 0;
    }
    if (!options->tls) {
        return SIO_ERR_INVALID;
    }
    request->to.tls = sio_tls_ref(options->tls);
    const char *name = options->server_name ? options->server_name : request->to.host;
    request->server_name = sio_mem_strndup(request->mem, name, strlen(name));
    request->to.server_name = request->server_name;
    return request->server_name ? 0 : SIO_ERR_NOMEM;
}

int sio_engine_request_init(sio_engine_request *request, sio_loop *loop,
                            const sio_cengine_options *options) {
    *request = (sio_engine_request){.mem = sio_loop_mem(loop), .revision = options->revision};
    sio_buf_init(&request->target, 0, request->mem);
    sio_buf_init(&request->lines, 0, request->mem);
    request->has_accept = has_line(options, "Accept");
    int rc = copy_names(request, options);
    if (rc == 0) {
        rc = make_target(&request->target, options);
    }
    if (rc == 0) {
        rc = make_lines(&request->lines, options, request->mem);
    }
    if (rc == 0) {
        rc = sio_random_fill(loop, &request->stamp, sizeof(request->stamp));
    }
    if (rc != 0) {
        sio_engine_request_done(request);
    }
    return rc;
}

void sio_engine_request_done(sio_engine_request *request) {
    sio_mem_release(request->mem, request->to.host);
    sio_mem_release(request->mem, request->server_name);
    sio_tls_unref(request->to.tls);
    sio_buf_free(&request->target);
    sio_buf_free(&request->lines);
    *request = (sio_engine_request){.mem = request->mem};
}

/* ---- writing ---- */

enum { STAMP_LEN = 8 };

static int add_stamp(sio_engine_request *request, sio_buf *out) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char text[STAMP_LEN];
    uint64_t value = request->stamp++;
    for (size_t i = STAMP_LEN; i-- > 0; value /= 36) {
        text[i] = digits[value % 36];
    }
    int rc = sio_buf_add_text(out, "&t=");
    return rc == 0 ? sio_buf_add(out, text, sizeof(text)) : rc;
}

static int build_target(sio_engine_request *request, sio_buf *out, sio_eio_transport transport,
                        const char *sid) {
    bool polling = transport == SIO_EIO_POLLING;
    int rc = sio_buf_add(out, request->target.data, request->target.len);
    if (rc == 0) {
        rc = sio_buf_add_text(out, sio_eio_transport_name(transport));
    }
    if (rc == 0 && polling) {
        rc = add_stamp(request, out);
    }
    if (rc == 0 && polling && request->revision == 3) {
        rc = sio_buf_add_text(out, "&b64=1");
    }
    if (rc == 0 && *sid) {
        rc = sio_buf_add_text(out, "&sid=");
    }
    /* The server's own text: it must not become anything but a value. */
    return rc == 0 ? sio_query_encode(out, text_of(sid)) : rc;
}

int sio_engine_request_write(sio_engine_request *request, sio_buf *out, const char *method,
                             sio_eio_transport transport, const char *sid) {
    size_t before = out->len;
    sio_buf target;
    sio_buf_init(&target, 0, request->mem);
    int rc = build_target(request, &target, transport, sid);
    if (rc == 0) {
        sio_str view = {(const char *)target.data, target.len};
        rc = sio_http1_write_request(out, text_of(method), view);
    }
    sio_buf_free(&target);
    if (rc == 0) {
        rc = sio_buf_add(out, request->lines.data, request->lines.len);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}
