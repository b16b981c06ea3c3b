#include <sio/error.h>

const char *sio_version(void) {
    return SIO_VERSION_STRING;
}

const char *sio_error_text(int err) {
    switch (err) {
    case SIO_OK:
        return "success";
#define SIO_ERROR_TEXT(name, value, text)                                                          \
    case (value):                                                                                  \
        return text;
        SIO_ERROR_MAP(SIO_ERROR_TEXT)
#undef SIO_ERROR_TEXT
    default:
        return "unknown error";
    }
}

const char *sio_error_name(int err) {
    switch (err) {
    case SIO_OK:
        return "OK";
#define SIO_ERROR_NAME(name, value, text)                                                          \
    case (value):                                                                                  \
        return #name;
        SIO_ERROR_MAP(SIO_ERROR_NAME)
#undef SIO_ERROR_NAME
    default:
        return "UNKNOWN";
    }
}

uint16_t sio_error_close_code(int err) {
    switch (err) {
    case SIO_ERR_WS_RSV:
    case SIO_ERR_WS_OPCODE:
    case SIO_ERR_WS_MASK:
    case SIO_ERR_WS_CONTROL:
    case SIO_ERR_WS_LENGTH:
    case SIO_ERR_WS_CONTINUATION:
    case SIO_ERR_WS_CLOSE_CODE:
        return 1002;
    case SIO_ERR_WS_UTF8:
    case SIO_ERR_WS_INFLATE:
        return 1007;
    case SIO_ERR_LIMIT:
        return 1008;
    case SIO_ERR_WS_TOO_LARGE:
        return 1009;
    case SIO_ERR_NOMEM:
    case SIO_ERR_INTERNAL:
        return 1011;
    default:
        return 0;
    }
}

int sio_error_http_status(int err) {
    switch (err) {
    case SIO_ERR_EIO_FORBIDDEN:
        return 403;
    case SIO_ERR_HTTP_BODY_TOO_LARGE:
        return 413;
    case SIO_ERR_HTTP_HEAD_TOO_LARGE:
    case SIO_ERR_HTTP_TOO_MANY_HEADERS:
        return 431;
    case SIO_ERR_HTTP_ENCODING:
        return 501;
    case SIO_ERR_HTTP_VERSION:
        return 505;
    case SIO_ERR_NOMEM:
    case SIO_ERR_INTERNAL:
    case SIO_ERR_RANDOM:
        return 500;
    default:
        return 400;
    }
}
