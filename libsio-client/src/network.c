#include "network.h"

#include "mem.h"

#include <sio/http1.h>

#include <string.h>
#include <strings.h>

static sio_str text_of(const char *text) {
    return (sio_str){text, strlen(text)};
}

/* ---- reading ---- */

bool sio_network_header_is_free(sio_str name) {
    static const char *const ours[] = {
        "Accept-Encoding", "Connection", "Content-Length", "Content-Type",      "Expect", "Host",
        "Keep-Alive",      "TE",         "Trailer",        "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (name.len == strlen(ours[i]) && strncasecmp(name.ptr, ours[i], name.len) == 0) {
            return false;
        }
    }
    return name.len < 14 || strncasecmp(name.ptr, "Sec-WebSocket-", 14) != 0;
}

/* The next piece between commas, without spaces around it. */
static bool next_piece(sio_str *piece, const char **rest) {
    const char *at = *rest;
    if (!at) {
        return false;
    }
    size_t len = strcspn(at, ",");
    *rest = at[len] ? at + len + 1 : NULL;
    while (len > 0 && *at == ' ') {
        at++;
        len--;
    }
    while (len > 0 && at[len - 1] == ' ') {
        len--;
    }
    *piece = (sio_str){at, len};
    return true;
}

static bool is(sio_str piece, const char *text) {
    return piece.len == strlen(text) && memcmp(piece.ptr, text, piece.len) == 0;
}

int sio_network_read_order(sio_network_order *out, const char *text) {
    sio_network_order order = {.count = 0};
    sio_str piece;
    while (next_piece(&piece, &text)) {
        sio_eio_transport transport = is(piece, "websocket") ? SIO_EIO_WEBSOCKET : SIO_EIO_POLLING;
        if ((transport == SIO_EIO_POLLING && !is(piece, "polling")) || order.count == 2 ||
            (order.count == 1 && order.first[0] == transport)) {
            return SIO_ERR_INVALID;
        }
        order.first[order.count++] = transport;
    }
    *out = order;
    return 0;
}

int sio_network_read_protocols(sio_str out[SIO_NETWORK_PROTOCOLS_MAX], const char *text) {
    int count = 0;
    sio_str piece;
    while (next_piece(&piece, &text)) {
        if (count == SIO_NETWORK_PROTOCOLS_MAX || !sio_http1_is_token(piece)) {
            return SIO_ERR_INVALID;
        }
        out[count++] = piece;
    }
    return count;
}

int sio_network_read_unix(sio_address *out, const char *text) {
    return sio_address_unix(out, strncmp(text, "unix:", 5) == 0 ? text + 5 : text);
}

/* ---- checking ---- */

static int check_proxy(const sio_client_network *n) {
    sio_proxy_url url;
    return n->proxy ? sio_proxy_url_parse(&url, text_of(n->proxy)) : 0;
}

static int check_addresses(const sio_client_network *n) {
    sio_address address;
    if (n->local_address && sio_address_literal(&address, n->local_address, 0) != 0) {
        return SIO_ERR_INVALID;
    }
    return n->unix_path ? sio_network_read_unix(&address, n->unix_path) : 0;
}

static int check_texts(const sio_client_network *n) {
    sio_network_order order;
    sio_str protocols[SIO_NETWORK_PROTOCOLS_MAX];
    if (n->transports && sio_network_read_order(&order, n->transports) != 0) {
        return SIO_ERR_INVALID;
    }
    if (n->protocols && sio_network_read_protocols(protocols, n->protocols) < 0) {
        return SIO_ERR_INVALID;
    }
    if (n->timestamp_param && !sio_http1_is_token(text_of(n->timestamp_param))) {
        return SIO_ERR_INVALID;
    }
    return (unsigned)n->timestamps <= SIO_CLIENT_TIMESTAMPS_ALWAYS ? 0 : SIO_ERR_INVALID;
}

static int check_transport(const sio_client_transport_options *t) {
    if (!t) {
        return 0;
    }
    if (t->size != sizeof(*t) || (t->path && t->path[0] != '/') ||
        (t->header_count > 0 && !t->headers)) {
        return SIO_ERR_INVALID;
    }
    for (size_t i = 0; i < t->header_count; i++) {
        const sio_client_header *header = &t->headers[i];
        if (!header->name || !header->value || !sio_http1_is_token(text_of(header->name)) ||
            !sio_http1_is_value(text_of(header->value)) ||
            !sio_network_header_is_free(text_of(header->name))) {
            return SIO_ERR_INVALID;
        }
    }
    return 0;
}

static int check(const sio_client_network *n) {
    int rc = check_proxy(n);
    if (rc == 0) {
        rc = check_addresses(n);
    }
    if (rc == 0) {
        rc = check_texts(n);
    }
    if (rc == 0) {
        rc = check_transport(n->polling);
    }
    return rc == 0 ? check_transport(n->websocket) : rc;
}

/* ---- copying ---- */

static void release(const char *text, const sio_mem *mem) {
    sio_mem_release(mem, (char *)(uintptr_t)text);
}

static void free_transport(const sio_client_transport_options *shown, const sio_mem *mem) {
    sio_client_transport_options *t = (sio_client_transport_options *)(uintptr_t)shown;
    if (!t) {
        return;
    }
    for (size_t i = 0; i < t->header_count; i++) {
        release(t->headers[i].name, mem);
        release(t->headers[i].value, mem);
    }
    sio_mem_release(mem, (sio_client_header *)(uintptr_t)t->headers);
    release(t->path, mem);
    release(t->query, mem);
    sio_mem_release(mem, t);
}

void sio_network_free(sio_client_network *network, const sio_mem *mem) {
    sio_client_network *n = network;
    release(n->proxy, mem);
    release(n->no_proxy, mem);
    release(n->unix_path, mem);
    release(n->local_address, mem);
    release(n->transports, mem);
    release(n->timestamp_param, mem);
    release(n->protocols, mem);
    free_transport(n->polling, mem);
    free_transport(n->websocket, mem);
    *n = (sio_client_network)SIO_CLIENT_NETWORK_INIT;
}

/* @return whether there was memory */
static bool copy(const char **out, const char *text, const sio_mem *mem) {
    *out = text ? sio_mem_strndup(mem, text, strlen(text)) : NULL;
    return !text || *out;
}

static bool copy_headers(sio_client_transport_options *to, const sio_client_transport_options *from,
                         const sio_mem *mem) {
    if (!from->headers) {
        return true;
    }
    size_t count = from->header_count;
    sio_client_header *headers = sio_mem_alloc_array(mem, count > 0 ? count : 1, sizeof(*headers));
    to->headers = headers;
    bool fine = headers != NULL;
    for (size_t i = 0; i < count && fine; i++) {
        to->header_count = i + 1;
        headers[i] = (sio_client_header){NULL, NULL};
        fine = copy(&headers[i].name, from->headers[i].name, mem) &&
               copy(&headers[i].value, from->headers[i].value, mem);
    }
    return fine;
}

static bool copy_transport(const sio_client_transport_options **out,
                           const sio_client_transport_options *from, const sio_mem *mem) {
    if (!from) {
        return true;
    }
    sio_client_transport_options *to = sio_mem_zalloc(mem, sizeof(*to));
    *out = to;
    if (!to) {
        return false;
    }
    to->size = sizeof(*to);
    return copy(&to->path, from->path, mem) && copy(&to->query, from->query, mem) &&
           copy_headers(to, from, mem);
}

static bool copy_all(sio_client_network *to, const sio_client_network *from, const sio_mem *mem) {
    return copy(&to->proxy, from->proxy, mem) && copy(&to->no_proxy, from->no_proxy, mem) &&
           copy(&to->unix_path, from->unix_path, mem) &&
           copy(&to->local_address, from->local_address, mem) &&
           copy(&to->transports, from->transports, mem) &&
           copy(&to->timestamp_param, from->timestamp_param ? from->timestamp_param : "t", mem) &&
           copy(&to->protocols, from->protocols, mem) &&
           copy_transport(&to->polling, from->polling, mem) &&
           copy_transport(&to->websocket, from->websocket, mem);
}

int sio_network_copy(sio_client_network *out, const sio_client_network *network,
                     const sio_mem *mem) {
    sio_client_network given = SIO_CLIENT_NETWORK_INIT;
    if (network) {
        if (network->size < sizeof(network->size) || network->size > sizeof(given)) {
            return SIO_ERR_INVALID;
        }
        memcpy(&given, network, network->size);
    }
    int rc = check(&given);
    if (rc != 0) {
        return rc;
    }
    sio_client_network made = given;
    made.size = sizeof(made);
    made.compress_threshold = given.compress_threshold ? given.compress_threshold : 1024;
    made.proxy = made.no_proxy = made.unix_path = made.local_address = made.transports = NULL;
    made.timestamp_param = made.protocols = NULL;
    made.polling = made.websocket = NULL;
    if (!copy_all(&made, &given, mem)) {
        sio_network_free(&made, mem);
        return SIO_ERR_NOMEM;
    }
    *out = made;
    return 0;
}
