#include "cors.h"

#include "mem.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static sio_str text_of(const char *text) {
    return (sio_str){text, strlen(text)};
}

static bool equal(sio_str a, sio_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ---- settings ---- */

/* An older program knows fewer fields; one that knows more was built for a later library. */
static bool read_options(sio_server_cors *out, const sio_server_cors *options) {
    *out = (sio_server_cors)SIO_SERVER_CORS_INIT;
    bool fits =
        options->size >= offsetof(sio_server_cors, any_origin) && options->size <= sizeof(*options);
    if (fits) {
        memcpy(out, options, options->size);
    }
    return fits;
}

static bool origins_are_valid(const sio_server_cors *options) {
    if (options->origin_count > 0 && !options->origins) {
        return false;
    }
    for (size_t i = 0; i < options->origin_count; i++) {
        const char *origin = options->origins[i];
        if (!origin || origin[0] == '\0' || !sio_http1_is_value(text_of(origin)) ||
            (strcmp(origin, "*") == 0 && options->credentials)) {
            return false;
        }
    }
    return true;
}

static bool are_tokens(const char *const *texts, size_t count) {
    if (count > 0 && !texts) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!texts[i] || !sio_http1_is_token(text_of(texts[i]))) {
            return false;
        }
    }
    return true;
}

static bool is_valid(const sio_server_cors *options) {
    int status = options->options_success_status;
    return origins_are_valid(options) && are_tokens(options->methods, options->method_count) &&
           are_tokens(options->allowed_headers, options->allowed_header_count) &&
           are_tokens(options->exposed_headers, options->exposed_header_count) &&
           (status == 0 || (status >= 200 && status <= 299));
}

int sio_cors_check(const sio_server_cors *options) {
    sio_server_cors full;
    return !options || (read_options(&full, options) && is_valid(&full)) ? 0 : SIO_ERR_INVALID;
}

static int copy_origins(sio_cors *cors, const sio_server_cors *options, const sio_mem *mem) {
    size_t size = options->origin_count * sizeof(sio_str);
    for (size_t i = 0; i < options->origin_count; i++) {
        size += strlen(options->origins[i]);
    }
    if (size == 0) {
        return 0;
    }
    cors->origins = sio_mem_alloc(mem, size);
    if (!cors->origins) {
        return SIO_ERR_NOMEM;
    }
    char *text = (char *)(cors->origins + options->origin_count);
    for (size_t i = 0; i < options->origin_count; i++) {
        sio_str origin = text_of(options->origins[i]);
        memcpy(text, origin.ptr, origin.len);
        cors->origins[i] = (sio_str){text, origin.len};
        cors->any = cors->any || equal(origin, SIO_STR("*"));
        text += origin.len;
    }
    cors->origin_count = options->origin_count;
    return 0;
}

static int write_list(sio_buf *buf, const char *name, const char *const *texts, size_t count) {
    int rc = count > 0 ? sio_buf_add_text(buf, name) : 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = sio_buf_add_text(buf, i == 0 ? ": " : ",");
        if (rc == 0) {
            rc = sio_buf_add_text(buf, texts[i]);
        }
    }
    return rc == 0 && count > 0 ? sio_buf_add_text(buf, "\r\n") : rc;
}

static int write_preflight_lines(sio_buf *buf, const sio_server_cors *options) {
    static const char *const methods[] = {"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"};
    int rc = write_list(buf, "Access-Control-Allow-Methods",
                        options->methods ? options->methods : methods,
                        options->methods ? options->method_count : 6);
    if (rc == 0) {
        rc = write_list(buf, "Access-Control-Allow-Headers", options->allowed_headers,
                        options->allowed_header_count);
    }
    if (rc == 0 && options->has_max_age) {
        rc = sio_http1_write_header_u64(buf, SIO_STR("Access-Control-Max-Age"), options->max_age);
    }
    return rc;
}

int sio_cors_init(sio_cors *cors, const sio_server_cors *options, const sio_mem *mem) {
    sio_server_cors full;
    *cors = (sio_cors){0};
    if (!options) {
        return 0;
    }
    if (!read_options(&full, options) || !is_valid(&full)) {
        return SIO_ERR_INVALID;
    }
    sio_buf_init(&cors->preflight, 0, mem);
    sio_buf_init(&cors->common, 0, mem);
    cors->enabled = full.origin_count > 0 || full.any_origin || full.decide;
    cors->guards = !full.open_websockets && (cors->enabled || full.same_host_only);
    cors->decide = full.decide;
    cors->decide_user = full.decide_user;
    cors->reflect = full.any_origin;
    cors->credentials = full.credentials;
    cors->echo_headers = !full.allowed_headers;
    cors->go_on = full.preflight_continue;
    cors->status = full.options_success_status ? full.options_success_status : 204;
    int rc = copy_origins(cors, &full, mem);
    if (rc == 0) {
        rc = write_preflight_lines(&cors->preflight, &full);
    }
    if (rc == 0) {
        rc = write_list(&cors->common, "Access-Control-Expose-Headers", full.exposed_headers,
                        full.exposed_header_count);
    }
    if (rc != 0) {
        sio_cors_done(cors, mem);
    }
    return rc;
}

void sio_cors_done(sio_cors *cors, const sio_mem *mem) {
    sio_mem_release(mem, cors->origins);
    sio_buf_free(&cors->preflight);
    sio_buf_free(&cors->common);
    *cors = (sio_cors){0};
}

/* ---- answers ---- */

/* An origin that is sent twice is none. */
static sio_str origin_of(const sio_http1_head *head) {
    sio_str name = SIO_STR("Origin");
    return sio_http1_count(head, name) == 1 ? sio_http1_find(head, name) : (sio_str){NULL, 0};
}

static bool is_listed(const sio_cors *cors, sio_str origin) {
    for (size_t i = 0; origin.ptr && i < cors->origin_count; i++) {
        if (equal(cors->origins[i], origin)) {
            return true;
        }
    }
    return false;
}

static sio_cors_verdict judge(const sio_cors *cors, sio_str origin, const sio_http1_head *head) {
    if (cors->decide) {
        return cors->decide(origin, head, cors->decide_user);
    }
    bool allowed = cors->any || cors->reflect || is_listed(cors, origin);
    return allowed ? SIO_CORS_ALLOW : SIO_CORS_REFUSE;
}

/* A page has the authority of its URL as the host of its origin (RFC 6454 §6.2, RFC 6455 §10.2).
 * Its scheme is not compared: TLS may end in front of the server. */
static bool is_same_host(const sio_http1_head *head, sio_str origin) {
    sio_str host = sio_http1_find(head, SIO_STR("Host"));
    const char *mark = origin.len > 0 ? memmem(origin.ptr, origin.len, "://", 3) : NULL;
    if (!mark || host.len == 0) {
        return false;
    }
    const char *authority = mark + 3;
    return (size_t)(origin.ptr + origin.len - authority) == host.len &&
           strncasecmp(authority, host.ptr, host.len) == 0;
}

/* A page may open WebSockets to everywhere, and reads what comes: cross-site WebSocket hijacking,
 * such as CVE-2019-13611. */
static bool is_foreign(const sio_cors *cors, sio_cors_verdict verdict, sio_str origin,
                       const sio_http1_head *head) {
    return cors->guards && verdict == SIO_CORS_REFUSE && head->upgrade &&
           sio_http1_count(head, SIO_STR("Origin")) > 0 && !is_same_host(head, origin);
}

/* The same for all, whoever asks. */
static bool is_constant(const sio_cors *cors) {
    return cors->any && !cors->decide && !cors->reflect;
}

static int write_origin(sio_buf *buf, const sio_cors *cors, sio_str origin) {
    sio_str name = SIO_STR("Access-Control-Allow-Origin");
    if (is_constant(cors)) {
        return sio_http1_write_header(buf, name, SIO_STR("*"));
    }
    return origin.ptr ? sio_http1_write_header(buf, name, origin) : 0;
}

/* The answer depends on Origin also where that is refused, so caches must know. */
static int write_vary(sio_buf *buf, const sio_cors *cors, bool preflight) {
    bool origin = !is_constant(cors);
    bool headers = preflight && cors->echo_headers;
    if (!origin && !headers) {
        return 0;
    }
    return sio_buf_add_text(buf, !headers ? "Vary: Origin\r\n"
                                 : origin ? "Vary: Origin, Access-Control-Request-Headers\r\n"
                                          : "Vary: Access-Control-Request-Headers\r\n");
}

static int write_preflight(sio_buf *buf, const sio_cors *cors, const sio_http1_head *head) {
    int rc = sio_buf_add(buf, cors->preflight.data, cors->preflight.len);
    sio_str asked = sio_http1_find(head, SIO_STR("Access-Control-Request-Headers"));
    if (rc == 0 && cors->echo_headers && asked.len > 0) {
        rc = sio_http1_write_header(buf, SIO_STR("Access-Control-Allow-Headers"), asked);
    }
    return rc;
}

int sio_cors_write(sio_buf *buf, int *status, const sio_cors *cors, const sio_http1_head *head) {
    *status = 0;
    if (!cors->enabled && !cors->guards) {
        return 0;
    }
    sio_str origin = origin_of(head);
    sio_cors_verdict verdict = judge(cors, origin, head);
    if (is_foreign(cors, verdict, origin, head)) {
        *status = SIO_CORS_FOREIGN;
        return 0;
    }
    if (verdict == SIO_CORS_SKIP || !cors->enabled) {
        return 0;
    }
    bool preflight = equal(head->method, SIO_STR("OPTIONS"));
    int rc = verdict == SIO_CORS_ALLOW ? write_origin(buf, cors, origin) : 0;
    if (rc == 0) {
        rc = write_vary(buf, cors, preflight);
    }
    if (rc == 0 && cors->credentials) {
        rc = sio_buf_add_text(buf, "Access-Control-Allow-Credentials: true\r\n");
    }
    if (rc == 0 && preflight) {
        rc = write_preflight(buf, cors, head);
    }
    if (rc == 0) {
        rc = sio_buf_add(buf, cors->common.data, cors->common.len);
    }
    *status = preflight && !cors->go_on ? cors->status : 0;
    return rc;
}
