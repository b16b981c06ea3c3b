/**
 * @file http_fields.h
 * @brief What stands inside some header fields: cookies, dates, accepted encodings.
 *
 * All functions are callable from any thread. Time is an argument: seconds since 1970-01-01 UTC.
 */
#ifndef SIO_HTTP_FIELDS_H
#define SIO_HTTP_FIELDS_H

#include <sio/buffer.h>
#include <sio/error.h>
#include <sio/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Cookies (RFC 6265) ---- */

/** Take the next cookie off the value of a Cookie header. Pieces without "=" or without a name are
 * passed over; double quotes around a value are removed; nothing is decoded.
 * @param rest in: what is left of the value; out: what is left behind the cookie
 * @return false when nothing was left; the outputs are untouched then */
SIO_API bool sio_cookie_next(sio_str *rest, sio_str *name, sio_str *value);

/** The value of the first cookie with this name (compared exactly) in a Cookie header.
 * @return whether there is one; `value` is untouched otherwise */
SIO_API bool sio_cookie_find(sio_str header, sio_str name, sio_str *value);

typedef enum sio_cookie_same_site {
    SIO_COOKIE_SAME_SITE_UNSET,
    SIO_COOKIE_SAME_SITE_LAX,
    SIO_COOKIE_SAME_SITE_STRICT,
    SIO_COOKIE_SAME_SITE_NONE,
} sio_cookie_same_site;

typedef enum sio_cookie_priority {
    SIO_COOKIE_PRIORITY_UNSET,
    SIO_COOKIE_PRIORITY_LOW,
    SIO_COOKIE_PRIORITY_MEDIUM,
    SIO_COOKIE_PRIORITY_HIGH,
} sio_cookie_priority;

/** A cookie to set. All views are borrowed for the call; an empty view leaves its attribute out. */
typedef struct sio_cookie {
    size_t size;   /**< sizeof(sio_cookie), set by SIO_COOKIE_INIT */
    sio_str name;  /**< a token */
    sio_str value; /**< percent-encoded when written */
    sio_str domain;
    sio_str path;
    bool has_max_age;
    int64_t max_age; /**< seconds */
    bool has_expires;
    int64_t expires; /**< seconds since 1970, in the years 1601 to 9999 */
    bool http_only;
    bool secure;
    bool partitioned;
    sio_cookie_priority priority;
    sio_cookie_same_site same_site;
} sio_cookie;

#define SIO_COOKIE_INIT                                                                            \
    {                                                                                              \
        sizeof(sio_cookie), {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, false, 0, false, 0, false, \
            false, false, SIO_COOKIE_PRIORITY_UNSET, SIO_COOKIE_SAME_SITE_UNSET                    \
    }

/** Check what a Set-Cookie value would be made of, so that a bad configuration is refused before
 * the first connection: the name must be a token, and domain and path free of ";", "," and control
 * characters; the value free of control characters.
 * @return 0 or SIO_ERR_INVALID */
SIO_API int sio_cookie_check(const sio_cookie *cookie);

/** Append the value of a Set-Cookie header: name=value, then those that are set of Max-Age, Domain,
 * Path, Expires, HttpOnly, Secure, Partitioned, Priority, SameSite, in this order.
 * @return 0, SIO_ERR_INVALID as sio_cookie_check, SIO_ERR_LIMIT, SIO_ERR_NOMEM; on failure nothing
 * was appended */
SIO_API int sio_cookie_write(sio_buf *buf, const sio_cookie *cookie);

typedef enum sio_cookie_life {
    SIO_COOKIE_SESSION, /**< as long as the jar */
    SIO_COOKIE_MAX_AGE, /**< `seconds` from now, more than 0 */
    SIO_COOKIE_EXPIRES, /**< at `seconds` since 1970 */
    SIO_COOKIE_EXPIRED, /**< expired now: remove it */
} sio_cookie_life;

/** What a client keeps of a Set-Cookie header; views into the header's value. */
typedef struct sio_cookie_received {
    sio_str name;
    sio_str value; /**< without double quotes around it */
    sio_cookie_life life;
    int64_t seconds;
    sio_str domain; /**< without a dot in front; empty when there is none */
    sio_str path;   /**< empty when there is none, or when it does not begin with "/" */
    bool secure;
} sio_cookie_received;

/** Read the value of a Set-Cookie header. Names of attributes are compared without case, and of
 * several with one name the last one counts, as it does of Expires and Max-Age; a date or an age
 * that cannot be read means expired.
 * @return 0, or SIO_ERR_HTTP_HEADER when there is no name or "=", or a control character in name
 * or value */
SIO_API int sio_cookie_parse(sio_cookie_received *out, sio_str header);

/** The cookies that one server has set, for the requests that follow (RFC 6265 §5.3, §5.4). A
 * cookie for another domain, or with Secure from a server without TLS, is not kept; one for a part
 * of the paths is sent to these only. HttpOnly and SameSite mean nothing to a client like this. */
typedef struct sio_cookie_jar sio_cookie_jar;

/** Bounds of a jar: cookies, and bytes of the name and value of one. */
enum { SIO_COOKIE_JAR_COUNT = 64, SIO_COOKIE_JAR_BYTES = 4096 };

/** A new jar, owned by the caller.
 * @param host the server's name, or an address without brackets; copied
 * @param tls whether it is reached over TLS
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_cookie_jar_new(sio_cookie_jar **out, sio_str host, bool tls, const sio_mem *mem);

/** NULL is allowed. */
SIO_API void sio_cookie_jar_free(sio_cookie_jar *jar);

/** Take the value of a Set-Cookie header. One with the name and path of an earlier cookie replaces
 * it; one that is expired removes it. What may not be kept is passed over: with a full jar, the
 * new one.
 * @param path of the request that was answered, without its query
 * @param now seconds since 1970
 * @return 0 or SIO_ERR_NOMEM */
SIO_API int sio_cookie_jar_take(sio_cookie_jar *jar, sio_str header, sio_str path, int64_t now);

/** Append the value of a Cookie header, `a=1; b=2` in the order they were first set; nothing when
 * there is none for this path. Expired ones are removed.
 * @return 0, SIO_ERR_NOMEM, SIO_ERR_LIMIT; nothing was appended on failure */
SIO_API int sio_cookie_jar_write(sio_cookie_jar *jar, sio_buf *out, sio_str path, int64_t now);

/* ---- Dates (RFC 9110 §5.6.7) ---- */

/** Length of a date as sio_http_date_format writes it. */
#define SIO_HTTP_DATE_LEN 29

/** Write a date such as "Sun, 06 Nov 1994 08:49:37 GMT", without NUL.
 * @param out room for SIO_HTTP_DATE_LEN characters
 * @param unix_seconds in the years 1 to 9999; beyond them the nearest date inside is written */
SIO_API void sio_http_date_format(char *out, int64_t unix_seconds);

/** Read a date in exactly the form that sio_http_date_format writes.
 * @return 0 or SIO_ERR_HTTP_HEADER */
SIO_API int sio_http_date_parse(int64_t *unix_seconds, sio_str text);

/** Read a date as cookies carry it, in any of the usual forms (RFC 6265 §5.1.1).
 * @return 0 or SIO_ERR_HTTP_HEADER */
SIO_API int sio_http_date_parse_cookie(int64_t *unix_seconds, sio_str text);

/* ---- Accept-Encoding (RFC 9110 §12.5.3) ---- */

typedef enum sio_http_encoding {
    SIO_HTTP_IDENTITY, /**< send it uncompressed */
    SIO_HTTP_GZIP,
    SIO_HTTP_DEFLATE, /**< zlib format, RFC 1950 */
    SIO_HTTP_BROTLI,  /**< "br", RFC 7932; libsio chooses it for files that come compressed, but
                           cannot compress with it */
} sio_http_encoding;

/** The bit of an encoding in the set that a server offers. */
#define SIO_HTTP_OFFER(encoding) (1u << (unsigned)(encoding))

/** Choose how to encode a response body among those that the server offers. The highest q wins; at
 * equal q an encoding that is named comes before one that only "*" matches, then the earlier in the
 * header; "*" alone means the first offered of gzip, deflate, br.
 * @param header the value of Accept-Encoding; empty when absent
 * @param offered SIO_HTTP_OFFER() of each encoding, combined with "|"
 * @return SIO_HTTP_IDENTITY when none of them is accepted */
SIO_API sio_http_encoding sio_http_choose_encoding(sio_str header, unsigned offered);

/** As sio_http_choose_encoding with gzip and deflate on offer, which libsio can make itself. */
SIO_API sio_http_encoding sio_http_accept_encoding(sio_str header);

/** The name of an encoding as in Content-Encoding. @return static text, never NULL. */
SIO_API const char *sio_http_encoding_name(sio_http_encoding encoding);

#ifdef __cplusplus
}
#endif

#endif
