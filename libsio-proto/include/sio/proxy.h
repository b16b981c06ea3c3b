/**
 * @file proxy.h
 * @brief A client's words with a proxy before the connection through it belongs to another
 * protocol: HTTP CONNECT (RFC 9110 §9.3.6) with Basic credentials (RFC 7617), and SOCKS 5 (RFC
 * 1928) with user name and password (RFC 1929). Without I/O. The proxy resolves the server's name.
 *
 * An object belongs to one thread and calls nothing back.
 */
#ifndef SIO_PROXY_H
#define SIO_PROXY_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sio_proxy_kind {
    SIO_PROXY_HTTP,   /**< CONNECT */
    SIO_PROXY_SOCKS5, /**< SOCKS 5; a host that is no address goes as a name */
} sio_proxy_kind;

/** Where a proxy is, from a URL. Views of the URL's text. */
typedef struct sio_proxy_url {
    sio_proxy_kind kind;
    sio_str host;     /**< without brackets */
    uint16_t port;    /**< given, or 8080 (HTTP), 1080 (SOCKS) */
    bool has_user;    /**< credentials were given, perhaps empty ones */
    sio_str user;     /**< percent-encoded */
    sio_str password; /**< percent-encoded */
} sio_proxy_url;

/** Split `http://[user[:password]@]host[:port][/]`, or the same with `socks5` or `socks5h`, which
 * mean the same here.
 * @return 0, SIO_ERR_URL, SIO_ERR_LIMIT */
SIO_API int sio_proxy_url_parse(sio_proxy_url *out, sio_str text);

/** Whether a server is to be reached without the proxy. Rules are separated by commas or white
 * space: `*` is everything; `example.org` and `.example.org` are that name and all below it;
 * `host:port` is for this port only; an address in brackets or not is itself;
 * `10.0.0.0/8`, `fd00::/8` are networks. Names are compared without case, a last dot counts
 * nothing.
 * @param host a name, or an address without brackets */
SIO_API bool sio_proxy_is_exempt(sio_str rules, sio_str host, uint16_t port);

/** What to ask of a proxy. Borrowed for the call. Credentials are decoded. */
typedef struct sio_proxy_request {
    sio_proxy_kind kind;
    sio_str host; /**< the server: a name, or an address without brackets */
    uint16_t port;
    bool has_user;
    sio_str user;
    sio_str password;
} sio_proxy_request;

/** One conversation. */
typedef struct sio_proxy sio_proxy;

/** Begin one and append the first bytes for the proxy.
 * @param out owned by the caller, freed with sio_proxy_free()
 * @param wire what is appended goes to the proxy; nothing is appended on failure
 * @return 0; SIO_ERR_INVALID: a name or credential that cannot be said in this protocol (empty,
 * more than 255 bytes with SOCKS, a ":" in the user name or control characters with HTTP);
 * SIO_ERR_NOMEM, SIO_ERR_LIMIT */
SIO_API int sio_proxy_new(sio_proxy **out, const sio_proxy_request *request, sio_buf *wire,
                          const sio_mem *mem);

/** NULL is allowed. */
SIO_API void sio_proxy_free(sio_proxy *proxy);

/** Take what the proxy sent. Any split of it gives the same outcome. Input is bounded: 16 KiB of
 * head with HTTP, 262 bytes an answer with SOCKS. Nothing may stand behind the last answer, because
 * the server behind a proxy does not speak first.
 * @param wire receives what is to be sent next
 * @return 1: the connection is through; 0: more is awaited; SIO_ERR_PROXY: refused, see
 * sio_proxy_status() and sio_proxy_detail(); SIO_ERR_PROXY_AUTH; SIO_ERR_PROXY_ANSWER;
 * SIO_ERR_NOMEM. After 1 or an error: SIO_ERR_STATE */
SIO_API int sio_proxy_feed(sio_proxy *proxy, const uint8_t *data, size_t len, sio_buf *wire);

/** The status of an HTTP proxy's answer, the reply code of a SOCKS proxy; 0 before there is one. */
SIO_API int sio_proxy_status(const sio_proxy *proxy);

/** What went wrong, in words. @return borrowed, never NULL; "" when nothing did */
SIO_API const char *sio_proxy_detail(const sio_proxy *proxy);

#ifdef __cplusplus
}
#endif

#endif
