#include "engine_request.h"

#include "mem.h"

#include <net/clock.h>
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

static int add_path(sio_buf *out, const char *path, bool slash) {
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
    if (rc == 0 && slash && path[len - 1] != '/') {
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

/* What the options say, with what they say for this transport alone. */
typedef struct wishes {
    const char *path;
    const char *query;
    const sio_client_header *own; /* instead of the common headers when not NULL */
    size_t own_count;
    bool slash;
} wishes;

static wishes wishes_for(const sio_cengine_options *options, sio_eio_transport transport) {
    const sio_client_network *network = options->network;
    wishes w = {.path = options->path, .query = options->query, .slash = true};
    if (!network) {
        return w;
    }
    w.slash = !network->no_trailing_slash;
    const sio_client_transport_options *own =
        transport == SIO_EIO_WEBSOCKET ? network->websocket : network->polling;
    if (own) {
        w.path = own->path ? own->path : w.path;
        w.query = own->query ? own->query : w.query;
        w.own = own->headers;
        w.own_count = own->header_count;
    }
    return w;
}

static int make_target(sio_engine_head *head, const wishes *w, int revision) {
    sio_buf *out = &head->target;
    int rc = add_path(out, w->path, w->slash);
    head->path_len = out->len;
    if (rc == 0) {
        rc = sio_buf_add_byte(out, '?');
    }
    if (rc == 0) {
        rc = add_user_query(out, w->query);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(out, revision == 3 ? "EIO=3&transport=" : "EIO=4&transport=");
    }
    return rc;
}

/* ---- header lines ---- */

static int add_cookie_text(sio_buf *out, sio_str text) {
    int rc = out->len > 0 ? sio_buf_add_text(out, "; ") : 0;
    return rc == 0 ? sio_buf_add(out, text.ptr, text.len) : rc;
}

/* What frames the messages of a connection is not for the application to say. */
static bool is_ours(sio_str name) {
    return !sio_network_header_is_free(name) && !named(name, "Host");
}

static int add_line(sio_engine_head *head, bool *user_agent, sio_str name, sio_str value) {
    if (is_ours(name)) {
        return 0;
    }
    if (named(name, "Cookie")) {
        return add_cookie_text(&head->cookie, value);
    }
    *user_agent |= named(name, "User-Agent");
    head->has_accept |= named(name, "Accept");
    return sio_http1_write_header(&head->lines, name, value);
}

static bool has_host(const sio_cengine_options *options, const wishes *w) {
    bool found = false;
    for (size_t i = 0; i < options->header_count && !w->own; i++) {
        found |= named(options->headers[i].name, "Host");
    }
    return found;
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

static int add_lines(sio_engine_head *head, bool *user_agent, const sio_cengine_options *options,
                     const wishes *w) {
    int rc = 0;
    for (size_t i = 0; i < w->own_count && rc == 0; i++) {
        rc = add_line(head, user_agent, text_of(w->own[i].name), text_of(w->own[i].value));
    }
    for (size_t i = 0; i < options->header_count && rc == 0 && !w->own; i++) {
        rc = add_line(head, user_agent, options->headers[i].name, options->headers[i].value);
    }
    return rc;
}

static int make_lines(sio_engine_head *head, const sio_cengine_options *options, const wishes *w,
                      const sio_mem *mem) {
    bool user_agent = false;
    int rc = has_host(options, w) ? 0 : add_host(&head->lines, options->url, mem);
    if (rc == 0) {
        rc = add_lines(head, &user_agent, options, w);
    }
    if (rc == 0 && !user_agent) {
        rc = sio_http1_write_header(&head->lines, SIO_STR("User-Agent"),
                                    SIO_STR("libsio/" SIO_VERSION_STRING));
    }
    return rc;
}

static int make_head(sio_engine_request *request, const sio_cengine_options *options,
                     sio_eio_transport transport) {
    sio_engine_head *head = &request->of[transport];
    wishes w = wishes_for(options, transport);
    int rc = make_target(head, &w, options->revision);
    return rc == 0 ? make_lines(head, options, &w, request->mem) : rc;
}

/* ---- the way to the server ---- */

static int copy_proxy(sio_dial_proxy *way, const sio_client_network *network, const sio_url *url,
                      const sio_mem *mem) {
    sio_str exempt = text_of(network->no_proxy ? network->no_proxy : "");
    sio_proxy_url proxy;
    if (sio_proxy_is_exempt(exempt, url->host, url->port)) {
        return 0;
    }
    int rc = sio_proxy_url_parse(&proxy, text_of(network->proxy));
    if (rc != 0) {
        return rc;
    }
    way->kind = proxy.kind;
    way->port = proxy.port;
    way->has_user = proxy.has_user;
    way->host = sio_mem_strndup(mem, proxy.host.ptr, proxy.host.len);
    rc = way->host ? sio_query_decode(&way->user, proxy.user, SIO_QUERY_PERCENT) : SIO_ERR_NOMEM;
    return rc == 0 ? sio_query_decode(&way->password, proxy.password, SIO_QUERY_PERCENT) : rc;
}

static int find_way(sio_engine_request *request, const sio_cengine_options *options) {
    const sio_client_network *network = options->network;
    sio_dial_target *to = &request->to;
    if (network->local_address) {
        int rc = sio_address_literal(&to->local, network->local_address, 0);
        if (rc != 0) {
            return rc;
        }
    }
    if (network->unix_path) {
        to->has_peer = true;
        return sio_network_read_unix(&to->peer, network->unix_path);
    }
    return network->proxy ? copy_proxy(&to->proxy, network, options->url, request->mem) : 0;
}

static int copy_protocols(sio_engine_request *request, const char *text) {
    int rc = sio_buf_add_text(&request->protocol_text, text);
    if (rc == 0) {
        rc = sio_buf_add_byte(&request->protocol_text, '\0');
    }
    if (rc != 0) {
        return rc;
    }
    request->protocols =
        sio_mem_alloc(request->mem, SIO_NETWORK_PROTOCOLS_MAX * sizeof(*request->protocols));
    if (!request->protocols) {
        return SIO_ERR_NOMEM;
    }
    int count =
        sio_network_read_protocols(request->protocols, (const char *)request->protocol_text.data);
    request->protocol_count = count > 0 ? (size_t)count : 0;
    return count < 0 ? count : 0;
}

static int apply_network(sio_engine_request *request, const sio_cengine_options *options) {
    const sio_client_network *network = options->network;
    sio_client_timestamps stamps = network ? network->timestamps : SIO_CLIENT_TIMESTAMPS_DEFAULT;
    request->stamps[SIO_EIO_POLLING] = stamps != SIO_CLIENT_TIMESTAMPS_NEVER;
    request->stamps[SIO_EIO_WEBSOCKET] = stamps == SIO_CLIENT_TIMESTAMPS_ALWAYS;
    const char *name = network && network->timestamp_param ? network->timestamp_param : "t";
    int rc = sio_buf_add_byte(&request->stamp_name, '&');
    if (rc == 0) {
        rc = sio_query_encode(&request->stamp_name, text_of(name));
    }
    if (rc == 0) {
        rc = sio_buf_add_byte(&request->stamp_name, '=');
    }
    if (rc != 0 || !network) {
        return rc;
    }
    request->timeout_ms = network->request_timeout_ms;
    request->base64 = network->force_base64;
    rc = network->protocols ? copy_protocols(request, network->protocols) : 0;
    if (rc == 0 && network->with_credentials) {
        rc = sio_cookie_jar_new(&request->jar, options->url->host, options->url->tls, request->mem);
    }
    return rc == 0 ? find_way(request, options) : rc;
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
    *request = (sio_engine_request){
        .mem = sio_loop_mem(loop), .revision = options->revision, .heads = options->heads};
    const sio_mem *mem = request->mem;
    for (size_t i = 0; i < 2; i++) {
        sio_buf_init(&request->of[i].target, 0, mem);
        sio_buf_init(&request->of[i].lines, 0, mem);
        sio_buf_init(&request->of[i].cookie, 0, mem);
    }
    sio_buf_init(&request->protocol_text, 0, mem);
    sio_buf_init(&request->stamp_name, 0, mem);
    sio_buf_init(&request->to.proxy.user, 0, mem);
    sio_buf_init(&request->to.proxy.password, 0, mem);
    int rc = copy_names(request, options);
    if (rc == 0) {
        rc = apply_network(request, options);
    }
    if (rc == 0) {
        rc = make_head(request, options, SIO_EIO_POLLING);
    }
    if (rc == 0) {
        rc = make_head(request, options, SIO_EIO_WEBSOCKET);
    }
    if (rc == 0) {
        rc = sio_random_fill(loop, &request->stamp, sizeof(request->stamp));
    }
    if (rc != 0) {
        sio_engine_request_done(request);
    }
    return rc;
}

void sio_engine_request_drop(sio_engine_request *request, sio_eio_transport transport) {
    sio_buf_free(&request->of[transport].target);
    sio_buf_free(&request->of[transport].lines);
    sio_buf_free(&request->of[transport].cookie);
}

void sio_engine_request_done(sio_engine_request *request) {
    const sio_mem *mem = request->mem;
    sio_mem_release(mem, request->to.host);
    sio_mem_release(mem, request->to.proxy.host);
    sio_mem_release(mem, request->server_name);
    sio_tls_unref(request->to.tls);
    sio_engine_request_drop(request, SIO_EIO_POLLING);
    sio_engine_request_drop(request, SIO_EIO_WEBSOCKET);
    sio_buf_free(&request->protocol_text);
    sio_mem_release(mem, request->protocols);
    sio_buf_free(&request->stamp_name);
    sio_buf_free(&request->to.proxy.user);
    sio_buf_free(&request->to.proxy.password);
    sio_cookie_jar_free(request->jar);
    *request = (sio_engine_request){.mem = mem};
}

/* ---- cookies ---- */

static int64_t seconds_now(void) {
    return (int64_t)(sio_clock_wall_ms() / 1000);
}

static sio_str path_of(const sio_engine_head *head) {
    return (sio_str){(const char *)head->target.data, head->path_len};
}

void sio_engine_request_take_cookies(sio_engine_request *request, sio_eio_transport transport,
                                     const sio_http1_head *head) {
    for (size_t i = 0; request->jar && i < head->header_count; i++) {
        if (named(head->headers[i].name, "Set-Cookie")) {
            /* Without memory it is as if the server had not set it. */
            (void)sio_cookie_jar_take(request->jar, head->headers[i].value,
                                      path_of(&request->of[transport]), seconds_now());
        }
    }
}

/* The application's own come first. */
static int add_cookies(sio_engine_request *request, const sio_engine_head *head, sio_buf *out) {
    if (!request->jar && head->cookie.len == 0) {
        return 0;
    }
    sio_buf value;
    sio_buf_init(&value, 0, request->mem);
    int rc = sio_buf_add(&value, head->cookie.data, head->cookie.len);
    size_t own = value.len;
    if (rc == 0 && request->jar) {
        rc = own > 0 ? sio_buf_add_text(&value, "; ") : 0;
        size_t before = value.len;
        if (rc == 0) {
            rc = sio_cookie_jar_write(request->jar, &value, path_of(head), seconds_now());
        }
        value.len = value.len == before ? own : value.len;
    }
    if (rc == 0 && value.len > 0) {
        rc = sio_http1_write_header(out, SIO_STR("Cookie"),
                                    (sio_str){(const char *)value.data, value.len});
    }
    sio_buf_free(&value);
    return rc;
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
    int rc = sio_buf_add(out, request->stamp_name.data, request->stamp_name.len);
    return rc == 0 ? sio_buf_add(out, text, sizeof(text)) : rc;
}

static int build_target(sio_engine_request *request, sio_buf *out, sio_eio_transport transport,
                        const char *sid) {
    const sio_buf *target = &request->of[transport].target;
    bool old_polling = transport == SIO_EIO_POLLING && request->revision == 3;
    int rc = sio_buf_add(out, target->data, target->len);
    if (rc == 0) {
        rc = sio_buf_add_text(out, sio_eio_transport_name(transport));
    }
    if (rc == 0 && request->stamps[transport]) {
        rc = add_stamp(request, out);
    }
    if (rc == 0 && (old_polling || request->base64)) {
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
    const sio_engine_head *head = &request->of[transport];
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
        rc = sio_buf_add(out, head->lines.data, head->lines.len);
    }
    if (rc == 0) {
        rc = add_cookies(request, head, out);
    }
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}
