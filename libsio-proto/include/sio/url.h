/**
 * @file url.h
 * @brief URLs, request targets and query strings.
 *
 * Nothing here allocates except through the `sio_buf` it is given. All functions are callable from
 * any thread.
 */
#ifndef SIO_URL_H
#define SIO_URL_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest URL that sio_url_parse accepts, in bytes. */
#define SIO_URL_MAX 8000

/** The parts of an absolute http, https, ws or wss URL; views into the parsed text. */
typedef struct sio_url {
    sio_str scheme; /**< exactly as given, lower case */
    sio_str host;   /**< a name, an IPv4 address or an IPv6 address without brackets */
    uint16_t port;  /**< given, or 80 or 443 by scheme */
    bool tls;       /**< https and wss */
    bool has_port;  /**< a port was given */
    bool ipv6;      /**< the host is an IPv6 address */
    sio_str path;   /**< verbatim, "/" when the URL has none; a client reads it as the namespace */
    sio_str query;  /**< verbatim, without "?"; empty when there is none */
} sio_url;

/** Split an absolute URL (RFC 3986). User information and fragment are dropped. An IPv6 address
 * may also stand without brackets; a port can follow it then only when all eight groups are there.
 * @param text borrowed; the views in `out` point into it
 * @return 0, SIO_ERR_LIMIT for more than SIO_URL_MAX bytes, SIO_ERR_URL */
SIO_API int sio_url_parse(sio_url *out, sio_str text);

/** Append "host" or "host:port", with an IPv6 address in brackets; for the Host header and for
 * building URLs.
 * @param default_port the port is left out when it equals this one; 0 never leaves it out
 * @return 0, SIO_ERR_LIMIT, SIO_ERR_NOMEM; nothing was appended on failure */
SIO_API int sio_url_write_authority(sio_buf *buf, sio_str host, uint16_t port,
                                    uint16_t default_port);

/** Whether a text is host[:port] as the Host header allows it (RFC 9110 §7.2): a name, an IPv4
 * address or an IPv6 address in brackets; a port of at most 65535, which may be empty. */
SIO_API bool sio_url_is_authority(sio_str text);

/** Whether a text is an IPv6 address (RFC 4291 §2.2) without brackets and without a zone. */
SIO_API bool sio_url_is_ipv6(sio_str text);

/** A request target in two. */
typedef struct sio_url_target {
    sio_str path;    /**< verbatim, up to the first "?" */
    sio_str query;   /**< verbatim, behind the first "?"; empty when there is none */
    bool bad_escape; /**< a "%" without two hexadecimal digits */
    bool control;    /**< an escape for a control character, such as %00 or %0d */
} sio_url_target;

/** Split an origin-form request target. Never fails; the two flags say what is odd. */
SIO_API void sio_url_split_target(sio_url_target *out, sio_str target);

/** Append the path with its escapes decoded, for looking up files. "+" stays.
 * @return 0; SIO_ERR_URL for a bad escape, an escaped control character, "/" or "\", a raw "\", a
 * segment "." or ".." (escaped or not), or text that is not UTF-8; SIO_ERR_LIMIT, SIO_ERR_NOMEM.
 * On failure nothing was appended */
SIO_API int sio_url_decode_path(sio_buf *buf, sio_str path);

/** How to read a query string. */
typedef enum sio_query_rules {
    SIO_QUERY_FORM,    /**< WHATWG application/x-www-form-urlencoded: "+" is a space (servers) */
    SIO_QUERY_PERCENT, /**< "+" is itself (the query of a client's URL) */
} sio_query_rules;

/** Take the next parameter off a query string. Empty pieces between "&" are passed over; a piece
 * without "=" has an empty value.
 * @param rest in: what is left of the query; out: what is left behind the parameter
 * @param name,value views of the raw text, not decoded
 * @return false when nothing was left; the outputs are untouched then */
SIO_API bool sio_query_next(sio_str *rest, sio_str *name, sio_str *value);

/** The last parameter whose decoded name is `name`; with duplicates the last one wins. Names are
 * compared byte by byte and none is special.
 * @param raw its value, not decoded
 * @return whether there is one; `raw` is untouched otherwise */
SIO_API bool sio_query_find(sio_str query, sio_query_rules rules, sio_str name, sio_str *raw);

/** Whether a raw name or value decodes to exactly the bytes of `text`: what is not UTF-8 equals no
 * text, not even one with U+FFFD. Nothing is allocated. */
SIO_API bool sio_query_equals(sio_str raw, sio_query_rules rules, sio_str text);

/** Append a raw name or value, decoded. A "%" without two hexadecimal digits stays as it is; what
 * is not UTF-8 afterwards becomes U+FFFD (WHATWG URL §5.1).
 * @return 0, SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing was appended */
SIO_API int sio_query_decode(sio_buf *buf, sio_str raw, sio_query_rules rules);

/** Append a text with everything but A-Z a-z 0-9 - _ . ! ~ * ' ( ) percent-encoded
 * (encodeURIComponent). Errors as sio_query_decode. */
SIO_API int sio_query_encode(sio_buf *buf, sio_str text);

/** Append "name=value" with both sides encoded, behind a "&" when `*first` is false, and set
 * `*first` to false. Errors as sio_query_decode. */
SIO_API int sio_query_add(sio_buf *buf, bool *first, sio_str name, sio_str value);

#ifdef __cplusplus
}
#endif

#endif
