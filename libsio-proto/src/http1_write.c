#include <sio/http1.h>

#include "chars.h"

enum { DECIMAL_MAX = 20 };

static void put(sio_buf *buf, sio_str text) {
    if (text.len > 0) {
        memcpy(buf->data + buf->len, text.ptr, text.len);
        buf->len += text.len;
    }
}

/* Append up to five texts or nothing. */
static int add_all(sio_buf *buf, const sio_str *texts, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len > SIZE_MAX - size) {
            return SIO_ERR_LIMIT;
        }
        size += texts[i].len;
    }
    int rc = sio_buf_reserve(buf, size);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < count; i++) {
        put(buf, texts[i]);
    }
    return 0;
}

int sio_http1_write_request(sio_buf *buf, sio_str method, sio_str target) {
    if (!sio_http1_is_token(method) || target.len == 0 || !sio_text_all(target, SIO_CHAR_TARGET)) {
        return SIO_ERR_INVALID;
    }
    const sio_str line[] = {method, SIO_STR(" "), target, SIO_STR(" HTTP/1.1\r\n")};
    return add_all(buf, line, 4);
}

int sio_http1_write_status(sio_buf *buf, int status, const char *reason) {
    if (status < 100 || status > 599) {
        return SIO_ERR_INVALID;
    }
    const char *text = reason ? reason : sio_http1_reason(status);
    sio_str phrase = {text, strlen(text)};
    if (!sio_http1_is_value(phrase)) {
        return SIO_ERR_INVALID;
    }
    char digits[4] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                      (char)('0' + status % 10), ' '};
    const sio_str line[] = {
        SIO_STR("HTTP/1.1 "), {digits, sizeof(digits)}, phrase, SIO_STR("\r\n")};
    return add_all(buf, line, 4);
}

int sio_http1_write_header(sio_buf *buf, sio_str name, sio_str value) {
    if (!sio_http1_is_token(name) || !sio_http1_is_value(value)) {
        return SIO_ERR_INVALID;
    }
    const sio_str line[] = {name, SIO_STR(": "), value, SIO_STR("\r\n")};
    return add_all(buf, line, 4);
}

int sio_http1_write_header_u64(sio_buf *buf, sio_str name, uint64_t value) {
    char digits[DECIMAL_MAX];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return sio_http1_write_header(buf, name, (sio_str){digits + first, sizeof(digits) - first});
}

int sio_http1_write_end(sio_buf *buf) {
    return sio_buf_add(buf, "\r\n", 2);
}

const char *sio_http1_reason(int status) {
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {103, "Early Hints"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Payload Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {511, "Network Authentication Required"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].text;
        }
    }
    return "Unknown";
}
