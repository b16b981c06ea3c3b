#include "options.h"

#include "network.h"

#include "mem.h"

#include <string.h>

/* The application's own doing, so only what the table can hold. */
enum { MAX_NAMESPACES = 16384 };

static const sio_client_options DEFAULTS = {
    .size = sizeof(sio_client_options),
    .path = "/socket.io",
    .eio_version = 4,
    .connect_timeout_ms = 20000,
    .reconnection_delay_ms = 1000,
    .reconnection_delay_max_ms = 5000,
    .randomization_factor = 0.5,
    .max_message = 100u << 20,
    .max_attachments = 10,
    .max_json_depth = SIO_JSON_MAX_DEPTH,
    .max_buffered = 10000,
    .max_pending_acks = 10000,
    .max_queued_bytes = 64u << 20,
    .max_retry_queue = 10000,
};

#define FILL(field)                                                                                \
    do {                                                                                           \
        if (!out->field) {                                                                         \
            out->field = DEFAULTS.field;                                                           \
        }                                                                                          \
    } while (0)

static void fill_defaults(sio_client_options *out) {
    FILL(path);
    FILL(eio_version);
    FILL(connect_timeout_ms);
    FILL(reconnection_delay_ms);
    FILL(reconnection_delay_max_ms);
    FILL(max_message);
    FILL(max_attachments);
    FILL(max_json_depth);
    FILL(max_buffered);
    FILL(max_pending_acks);
    FILL(max_queued_bytes);
    FILL(max_retry_queue);
    /* What is kept leaves in one go upon the connection, whose queue must hold it. */
    if (!out->max_buffered_bytes || out->max_buffered_bytes > out->max_queued_bytes / 2) {
        out->max_buffered_bytes = out->max_queued_bytes / 2;
    }
    if (out->randomization_factor == 0) {
        out->randomization_factor = DEFAULTS.randomization_factor;
    }
}

int sio_client_check_auth(const char *auth) {
    size_t len = strlen(auth);
    int rc = sio_json_validate(auth, len, 0);
    if (rc != 0) {
        return rc;
    }
    return auth[strspn(auth, " \t\r\n")] == '{' ? 0 : SIO_ERR_INVALID;
}

static bool header_is_valid(const char *name, const char *value) {
    return name && value && sio_http1_is_token((sio_str){name, strlen(name)}) &&
           sio_http1_is_value((sio_str){value, strlen(value)}) &&
           sio_network_header_is_free((sio_str){name, strlen(name)});
}

static int check(const sio_client_options *options) {
    if (options->header_count > 0 && !options->headers) {
        return SIO_ERR_INVALID;
    }
    for (size_t i = 0; i < options->header_count; i++) {
        if (!header_is_valid(options->headers[i].name, options->headers[i].value)) {
            return SIO_ERR_INVALID;
        }
    }
    if (options->path[0] != '/' || (options->eio_version != 3 && options->eio_version != 4) ||
        (unsigned)options->transports > SIO_CLIENT_WEBSOCKET ||
        options->max_json_depth > SIO_JSON_DEPTH_CEILING ||
        options->max_attachments > SIO_ARGS_MAX_ATTACHMENTS ||
        (unsigned)options->parser > SIO_PARSER_MSGPACK ||
        (options->parser == SIO_PARSER_MSGPACK && options->eio_version == 3)) {
        return SIO_ERR_INVALID;
    }
    return options->auth ? sio_client_check_auth(options->auth) : 0;
}

int sio_client_options_read(sio_client_options *out, const sio_client_options *options) {
    *out = (sio_client_options){.size = sizeof(*out)};
    if (options) {
        /* An older program knows fewer fields; one that knows more was built for a later library.
         */
        if (options->size < sizeof(options->size) || options->size > sizeof(*out)) {
            return SIO_ERR_INVALID;
        }
        memcpy(out, options, options->size);
    }
    fill_defaults(out);
    return check(out);
}

/* ---- copies ---- */

static int copy_text(const sio_client *client, char **out, const char *text, size_t len) {
    char *copy = NULL;
    if (text) {
        copy = sio_mem_strndup(client->mem, text, len);
        if (!copy) {
            return SIO_ERR_NOMEM;
        }
    }
    sio_mem_release(client->mem, *out);
    *out = copy;
    return 0;
}

static int copy_string(const sio_client *client, char **out, const char *text) {
    return copy_text(client, out, text, text ? strlen(text) : 0);
}

/* It was parsed before, so that this cannot fail. */
sio_url sio_client_url(const sio_client *client) {
    sio_url url = {.port = 0};
    (void)sio_url_parse(&url, (sio_str){client->url_text, strlen(client->url_text)});
    return url;
}

static int apply_url(sio_client *client, const char *url, const char *query) {
    sio_url parsed;
    if (!url) {
        return SIO_ERR_URL;
    }
    int rc = copy_string(client, &client->url_text, url);
    if (rc == 0) {
        rc = sio_url_parse(&parsed, (sio_str){client->url_text, strlen(url)});
    }
    if (rc != 0) {
        return rc;
    }
    if (parsed.query.len > 0) {
        return copy_text(client, &client->query, parsed.query.ptr, parsed.query.len);
    }
    return sio_client_set_query(client, query);
}

/* Read again by every attempt: printable, without white space, `#` or a `?` in front. */
static bool query_is_valid(const char *query) {
    if (*query == '?') {
        return false;
    }
    for (; *query; query++) {
        if ((unsigned char)*query <= ' ' || (unsigned char)*query >= 0x7f || *query == '#') {
            return false;
        }
    }
    return true;
}

int sio_client_set_query(sio_client *client, const char *query) {
    if (query && !query_is_valid(query)) {
        return SIO_ERR_INVALID;
    }
    return copy_string(client, &client->query, query);
}

int sio_client_set_url(sio_client *client, const char *url) {
    sio_url parsed;
    sio_tls *tls = NULL;
    char *copy = url ? sio_mem_strndup(client->mem, url, strlen(url)) : NULL;
    char *query = NULL;
    if (!copy) {
        return url ? SIO_ERR_NOMEM : SIO_ERR_URL;
    }
    int rc = sio_url_parse(&parsed, (sio_str){copy, strlen(copy)});
    if (rc == 0 && parsed.tls && !client->tls) {
        char detail[SIO_TLS_DETAIL_MAX] = "";
        rc = sio_client_tls_get(&tls, client, &(sio_tls_options){.alpn = "http/1.1"}, detail);
    }
    if (rc == 0 && parsed.query.len > 0) {
        query = sio_mem_strndup(client->mem, parsed.query.ptr, parsed.query.len);
        rc = query ? 0 : SIO_ERR_NOMEM;
    }
    if (rc != 0) {
        sio_tls_unref(tls);
        sio_mem_release(client->mem, copy);
        return rc;
    }
    sio_mem_release(client->mem, client->url_text);
    client->url_text = copy;
    client->tls = tls ? tls : client->tls;
    if (query) {
        sio_mem_release(client->mem, client->query);
        client->query = query;
    }
    return 0;
}

int sio_client_set_transports(sio_client *client, sio_client_transports transports) {
    if ((unsigned)transports > SIO_CLIENT_WEBSOCKET) {
        return SIO_ERR_INVALID;
    }
    client->transports = transports;
    return 0;
}

/* ---- headers ---- */

static void header_free(const sio_client *client, sio_http1_header *header) {
    sio_mem_release(client->mem, (char *)(uintptr_t)header->name.ptr);
    sio_mem_release(client->mem, (char *)(uintptr_t)header->value.ptr);
}

static sio_http1_header *header_find(const sio_client *client, const char *name) {
    for (size_t i = 0; i < client->header_count; i++) {
        sio_str present = client->headers[i].name;
        if (present.len == strlen(name) &&
            sio_http1_has_token(present, (sio_str){name, present.len})) {
            return &client->headers[i];
        }
    }
    return NULL;
}

/* The order of the others stays. */
static void header_remove(sio_client *client, sio_http1_header *header) {
    size_t at = (size_t)(header - client->headers);
    header_free(client, header);
    client->header_count--;
    memmove(header, header + 1, (client->header_count - at) * sizeof(*header));
}

static int header_replace(const sio_client *client, sio_http1_header *header, const char *value) {
    size_t len = strlen(value);
    char *copy = sio_mem_strndup(client->mem, value, len);
    if (!copy) {
        return SIO_ERR_NOMEM;
    }
    sio_mem_release(client->mem, (char *)(uintptr_t)header->value.ptr);
    header->value = (sio_str){copy, len};
    return 0;
}

static int header_add(sio_client *client, const char *name, const char *value) {
    sio_http1_header *headers = sio_mem_resize_array(client->mem, client->headers,
                                                     client->header_count + 1, sizeof(*headers));
    if (!headers) {
        return SIO_ERR_NOMEM;
    }
    client->headers = headers;
    sio_http1_header fresh = {
        .name = {sio_mem_strndup(client->mem, name, strlen(name)), strlen(name)},
        .value = {sio_mem_strndup(client->mem, value, strlen(value)), strlen(value)},
    };
    if (!fresh.name.ptr || !fresh.value.ptr) {
        header_free(client, &fresh);
        return SIO_ERR_NOMEM;
    }
    headers[client->header_count++] = fresh;
    return 0;
}

int sio_client_set_header(sio_client *client, const char *name, const char *value) {
    if (!header_is_valid(name, value ? value : "")) {
        return SIO_ERR_INVALID;
    }
    sio_http1_header *present = header_find(client, name);
    if (!present) {
        return value ? header_add(client, name, value) : 0;
    }
    if (value) {
        return header_replace(client, present, value);
    }
    header_remove(client, present);
    return 0;
}

static int apply_headers(sio_client *client, const sio_client_options *options) {
    for (size_t i = 0; i < options->header_count; i++) {
        int rc = header_add(client, options->headers[i].name, options->headers[i].value);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- the rest ---- */

static int apply_tls(sio_client *client, const sio_client_tls *tls) {
    static const sio_client_tls none = SIO_CLIENT_TLS_INIT;
    char detail[SIO_TLS_DETAIL_MAX] = "";
    if (!sio_client_url(client).tls) {
        return 0;
    }
    if (!tls) {
        tls = &none;
    }
    sio_client_tls given = SIO_CLIENT_TLS_INIT;
    if (tls->size < sizeof(tls->size) || tls->size > sizeof(given)) {
        return SIO_ERR_INVALID;
    }
    memcpy(&given, tls, tls->size);
    tls = &given;
    sio_tls_options options = {
        .context = tls->ctx,
        .ca_file = tls->ca_file,
        .ca_dir = tls->ca_dir,
        .cert_file = tls->cert_file,
        .key_file = tls->key_file,
        .passphrase = tls->key_passphrase,
        .insecure = tls->insecure,
        .ca_pem = tls->ca_pem,
        .cert_pem = tls->cert_pem,
        .key_pem = tls->key_pem,
        .pkcs12_file = tls->pkcs12_file,
        .pins = tls->pins,
        .min_version = (int)tls->min_version,
        .ciphers = tls->ciphers,
        .alpn = "http/1.1",
    };
    int rc = sio_client_tls_get(&client->tls, client, &options, detail);
    if (rc != 0) {
        SIO_LOG(client->log, SIO_LOG_ERROR, "socket.io-client", "TLS: %s", detail);
        return rc;
    }
    return copy_string(client, &client->server_name, tls->server_name);
}

/* A text and all its attachments. */
static size_t max_packet(uint64_t max_message, uint32_t attachments) {
    uint64_t messages = (uint64_t)attachments + 1;
    return max_message > SIZE_MAX / messages ? SIZE_MAX : (size_t)(max_message * messages);
}

/* ---- rules ---- */

static sio_client_rules *rules_new(const sio_client_options *options, const sio_mem *mem) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_body = options->max_message;
    sio_client_rules *r = sio_mem_zalloc(mem, sizeof(*r));
    if (!r || sio_http1_scratch_new(&r->heads, &limits, mem) != 0) {
        sio_mem_release(mem, r);
        return NULL;
    }
    sio_list_init(&r->link);
    r->options = *options;
    r->decoder = (sio_decoder_options)SIO_DECODER_OPTIONS_INIT;
    r->decoder.protocol = options->eio_version == 3 ? 4 : 5;
    r->decoder.max_attachments = options->max_attachments;
    r->decoder.max_partial_bytes = max_packet(options->max_message, options->max_attachments);
    r->decoder.args.max_depth = options->max_json_depth;
    r->decoder.mem = mem;
    r->decoder.parser = options->parser;
    r->decoder.text = &r->decoded;
    sio_buf_init(&r->decoded, max_packet(options->max_message, 5), mem); /* \u00xx: six bytes */
    r->session = (sio_session_options)SIO_SESSION_OPTIONS_INIT;
    r->session.role = SIO_ROLE_CLIENT;
    r->session.protocol = r->decoder.protocol;
    r->session.max_connected = MAX_NAMESPACES;
    r->session.max_pending = MAX_NAMESPACES;
    r->session.mem = mem;
    return r;
}

static bool rules_agree(const sio_client_options *a, const sio_client_options *b) {
    return a->base == b->base && a->loop == b->loop && a->eio_version == b->eio_version &&
           a->reconnection_delay_ms == b->reconnection_delay_ms &&
           a->reconnection_delay_max_ms == b->reconnection_delay_max_ms &&
           a->randomization_factor == b->randomization_factor && a->max_message == b->max_message &&
           a->max_attachments == b->max_attachments && a->max_json_depth == b->max_json_depth &&
           a->max_buffered == b->max_buffered && a->max_pending_acks == b->max_pending_acks &&
           a->max_queued_bytes == b->max_queued_bytes && a->no_auto_connect == b->no_auto_connect &&
           a->retries == b->retries && a->ack_timeout_ms == b->ack_timeout_ms &&
           a->max_retry_queue == b->max_retry_queue &&
           a->max_buffered_bytes == b->max_buffered_bytes && a->parser == b->parser &&
           a->log_packets == b->log_packets;
}

static sio_client_rules *rules_find(sio_client_loop *home, const sio_client_options *options) {
    for (sio_list *at = home->rules.next; at != &home->rules; at = at->next) {
        sio_client_rules *r = SIO_CONTAINER(at, sio_client_rules, link);
        if (rules_agree(&r->options, options)) {
            return r;
        }
    }
    return NULL;
}

static int apply_rules(sio_client *client, const sio_client_options *options) {
    sio_client_rules *r = client->home ? rules_find(client->home, options) : NULL;
    if (!r) {
        r = rules_new(options, client->mem);
        if (r && client->home) {
            sio_list_push(&client->home->rules, &r->link);
        }
    }
    if (!r) {
        return SIO_ERR_NOMEM;
    }
    r->refs++;
    client->rules = r;
    client->transports = options->transports;
    client->reconnection_attempts = options->reconnection_attempts;
    client->connect_timeout_ms = options->connect_timeout_ms;
    return 0;
}

static void rules_unref(sio_client_rules *r, const sio_mem *mem) {
    if (r && --r->refs == 0) {
        sio_list_remove(&r->link);
        sio_buf_free(&r->decoded);
        sio_http1_scratch_free(r->heads);
        sio_mem_release(mem, r);
    }
}

static int apply_network(sio_client *client, const sio_client_network *network) {
    sio_client_network copy;
    int rc = network ? sio_network_copy(&copy, network, client->mem) : 0;
    if (!network || rc != 0) {
        return rc;
    }
    client->network = sio_mem_alloc(client->mem, sizeof(copy));
    if (!client->network) {
        sio_network_free(&copy, client->mem);
        return SIO_ERR_NOMEM;
    }
    *client->network = copy;
    return 0;
}

int sio_client_options_apply(sio_client *client, const char *url,
                             const sio_client_options *options) {
    int rc = apply_rules(client, options);
    if (rc == 0) {
        rc = apply_url(client, url, options->query);
    }
    if (rc == 0) {
        rc = copy_string(client, &client->path, options->path);
    }
    if (rc == 0) {
        rc = copy_string(client, &client->auth, options->auth);
    }
    if (rc == 0) {
        rc = apply_headers(client, options);
    }
    if (rc == 0) {
        rc = apply_network(client, options->network);
    }
    if (rc == 0) {
        rc = apply_tls(client, options->tls);
    }
    return rc;
}

void sio_client_options_free(sio_client *client) {
    const sio_mem *mem = client->mem;
    for (size_t i = 0; i < client->header_count; i++) {
        header_free(client, &client->headers[i]);
    }
    sio_mem_release(mem, client->headers);
    sio_mem_release(mem, client->url_text);
    sio_mem_release(mem, client->path);
    sio_mem_release(mem, client->query);
    sio_mem_release(mem, client->auth);
    sio_mem_release(mem, client->server_name);
    if (client->network) {
        sio_network_free(client->network, mem);
        sio_mem_release(mem, client->network);
    }
    rules_unref(client->rules, mem);
    sio_tls_unref(client->tls);
}

/* To the engine zero means that there is no limit. */
static uint64_t engine_timeout(uint32_t ms) {
    return ms == SIO_CLIENT_NO_TIMEOUT ? 0 : ms > 0 ? ms : 1;
}

sio_cengine_options sio_client_engine_options(sio_client *client, const sio_url *url,
                                              const sio_cengine_callbacks *callbacks, void *ctx) {
    const sio_client_options *o = &client->rules->options;
    return (sio_cengine_options){
        .url = url,
        .path = client->path,
        .query = client->query,
        .headers = client->headers,
        .header_count = client->header_count,
        .transport =
            client->transports == SIO_CLIENT_WEBSOCKET ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING,
        .upgrade = client->transports == SIO_CLIENT_UPGRADE,
        .revision = (int)o->eio_version,
        .max_message = o->max_message,
        .max_queued = o->max_queued_bytes,
        .connect_timeout = engine_timeout(client->connect_timeout_ms),
        .deflate = true,
        .compress_threshold = 1024,
        .tls = client->tls,
        .server_name = client->server_name,
        .network = client->network,
        .heads = client->rules->heads,
        .websocket_worked = &client->websocket_worked,
        .callbacks = callbacks,
        .ctx = ctx,
    };
}
