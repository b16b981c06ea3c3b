#include "cors.h"

#include "mem.h"

#include <string.h>

#define METHODS "GET,HEAD,PUT,PATCH,POST,DELETE"

static bool equal(sio_str a, sio_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ---- settings ---- */

static int measure(size_t *size, const sio_server_cors *options) {
    *size = options->origin_count * sizeof(sio_str);
    for (size_t i = 0; i < options->origin_count; i++) {
        const char *origin = options->origins[i];
        bool any = origin && strcmp(origin, "*") == 0;
        if (!origin || (any && options->credentials) ||
            !sio_http1_is_value((sio_str){origin, strlen(origin)})) {
            return SIO_ERR_INVALID;
        }
        *size += strlen(origin);
    }
    return 0;
}

int sio_cors_init(sio_cors *cors, const sio_server_cors *options, const sio_mem *mem) {
    *cors = (sio_cors){0};
    if (!options || options->origin_count == 0) {
        return 0;
    }
    size_t size;
    int rc = measure(&size, options);
    if (rc != 0) {
        return rc;
    }
    sio_str *origins = sio_mem_alloc(mem, size);
    if (!origins) {
        return SIO_ERR_NOMEM;
    }
    char *text = (char *)(origins + options->origin_count);
    for (size_t i = 0; i < options->origin_count; i++) {
        size_t len = strlen(options->origins[i]);
        memcpy(text, options->origins[i], len);
        origins[i] = (sio_str){text, len};
        cors->any = cors->any || equal(origins[i], SIO_STR("*"));
        text += len;
    }
    cors->origins = origins;
    cors->origin_count = options->origin_count;
    cors->credentials = options->credentials;
    return 0;
}

void sio_cors_done(sio_cors *cors, const sio_mem *mem) {
    sio_mem_release(mem, cors->origins);
    *cors = (sio_cors){0};
}

/* ---- answers ---- */

bool sio_cors_is_preflight(const sio_cors *cors, const sio_http1_head *head) {
    return sio_cors_enabled(cors) && equal(head->method, SIO_STR("OPTIONS"));
}

/* An origin that is sent twice is none. */
static bool is_allowed(const sio_cors *cors, const sio_http1_head *head, sio_str *origin) {
    sio_str name = SIO_STR("Origin");
    *origin = sio_http1_find(head, name);
    if (!origin->ptr || sio_http1_count(head, name) != 1) {
        return false;
    }
    for (size_t i = 0; i < cors->origin_count; i++) {
        if (equal(cors->origins[i], *origin)) {
            return true;
        }
    }
    return false;
}

static int write_origin(sio_buf *buf, const sio_cors *cors, const sio_http1_head *head) {
    sio_str name = SIO_STR("Access-Control-Allow-Origin");
    sio_str origin;
    if (cors->any) {
        return sio_http1_write_header(buf, name, SIO_STR("*"));
    }
    return is_allowed(cors, head, &origin) ? sio_http1_write_header(buf, name, origin) : 0;
}

/* The answer depends on Origin also where that is refused, so caches must know. */
static int write_vary(sio_buf *buf, const sio_cors *cors, bool preflight) {
    if (cors->any) {
        return preflight ? sio_buf_add_text(buf, "Vary: Access-Control-Request-Headers\r\n") : 0;
    }
    return sio_buf_add_text(buf, preflight ? "Vary: Origin, Access-Control-Request-Headers\r\n"
                                           : "Vary: Origin\r\n");
}

static int write_preflight(sio_buf *buf, const sio_http1_head *head) {
    int rc = sio_buf_add_text(buf, "Access-Control-Allow-Methods: " METHODS "\r\n");
    sio_str asked = sio_http1_find(head, SIO_STR("Access-Control-Request-Headers"));
    if (rc == 0 && asked.len > 0) {
        rc = sio_http1_write_header(buf, SIO_STR("Access-Control-Allow-Headers"), asked);
    }
    return rc;
}

int sio_cors_write(sio_buf *buf, const sio_cors *cors, const sio_http1_head *head) {
    if (!sio_cors_enabled(cors)) {
        return 0;
    }
    bool preflight = sio_cors_is_preflight(cors, head);
    int rc = write_origin(buf, cors, head);
    if (rc == 0) {
        rc = write_vary(buf, cors, preflight);
    }
    if (rc == 0 && cors->credentials) {
        rc = sio_buf_add_text(buf, "Access-Control-Allow-Credentials: true\r\n");
    }
    if (rc == 0 && preflight) {
        rc = write_preflight(buf, head);
    }
    return rc;
}
