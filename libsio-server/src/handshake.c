/* What is known of a peer's client since its first request. */
#include "peer.h"

#include "engine_session.h"
#include "mem.h"

#include <sio/http_fields.h>
#include <sio/url.h>

#include <string.h>

/* As JavaScript writes a date where it is always UTC, such as
 * "Sat Nov 21 2026 05:31:51 GMT+0000 (Coordinated Universal Time)". */
static const char TIME_END[] = " GMT+0000 (Coordinated Universal Time)";
enum { TIME_LEN = 24 + sizeof(TIME_END) - 1 };

/* From "Sat, 21 Nov 2026 05:31:51 GMT". */
static void write_time(char *out, uint64_t ms) {
    char date[SIO_HTTP_DATE_LEN + 1];
    sio_http_date_format(date, (int64_t)(ms / 1000));
    memcpy(out, date, 3);
    out[3] = ' ';
    memcpy(out + 4, date + 8, 3);
    out[7] = ' ';
    memcpy(out + 8, date + 5, 2);
    memcpy(out + 10, date + 11, 14);
    memcpy(out + 24, TIME_END, sizeof(TIME_END));
}

/* The struct and its texts in one block. */
static sio_handshake *handshake_new(const sio_peer *peer) {
    const sio_engine_session *engine = peer->conn->engine;
    sio_str target = sio_kept_request_target(&engine->request);
    sio_handshake *handshake =
        sio_mem_alloc(peer->ns->server->mem, sizeof(*handshake) + target.len + TIME_LEN + 2);
    if (!handshake) {
        return NULL;
    }
    char *url = (char *)(handshake + 1);
    char *time = url + target.len + 1;
    memcpy(url, target.ptr, target.len);
    url[target.len] = '\0';
    const char *mark = memchr(url, '?', target.len);
    *handshake = (sio_handshake){
        .size = sizeof(*handshake),
        .address = sio_engine_session_remote(engine),
        .url = url,
        .query = mark ? mark + 1 : "",
        .auth = peer->auth ? (sio_str){peer->auth, peer->auth_len} : SIO_STR("{}"),
        .issued_ms = sio_engine_session_issued(engine),
        .secure = sio_engine_session_secure(engine),
        .time = time,
        .xdomain = sio_peer_header(peer, "Origin").len > 0,
    };
    handshake->certificate =
        sio_engine_session_certificate(engine, &handshake->certificate_verified);
    write_time(time, handshake->issued_ms);
    return handshake;
}

const sio_handshake *sio_peer_handshake(sio_peer *peer) {
    static const sio_handshake unknown = {.size = sizeof(unknown),
                                          .address = "",
                                          .url = "",
                                          .query = "",
                                          .auth = {"{}", 2},
                                          .time = ""};
    sio_peer_extra *extra = sio_peer_extras(peer);
    if (extra && !extra->handshake) {
        extra->handshake = handshake_new(peer);
    }
    return peer->extra->handshake ? peer->extra->handshake : &unknown;
}

const char *sio_peer_client_id(const sio_peer *peer) {
    return sio_engine_session_id(peer->conn->engine);
}

sio_str sio_peer_header(const sio_peer *peer, const char *name) {
    return sio_kept_request_find(&peer->conn->engine->request, (sio_str){name, strlen(name)});
}

void sio_peer_headers(const sio_peer *peer, void (*fn)(sio_str name, sio_str value, void *user),
                      void *user) {
    sio_kept_lines lines = sio_kept_request_lines(&peer->conn->engine->request);
    sio_http1_header line;
    while (sio_kept_lines_next(&lines, &line)) {
        fn(line.name, line.value, user);
    }
}

int sio_peer_query(const sio_peer *peer, const char *name, sio_buf *out) {
    sio_url_target target;
    sio_str raw;
    sio_url_split_target(&target, sio_kept_request_target(&peer->conn->engine->request));
    if (!sio_query_find(target.query, SIO_QUERY_FORM, (sio_str){name, strlen(name)}, &raw)) {
        return SIO_ERR_NOT_FOUND;
    }
    return sio_query_decode(out, raw, SIO_QUERY_FORM);
}
