#include "http1_internal.h"

#include "chars.h"

enum { METHOD_MAX = 32 };

/* The readers of one line return the number of bytes consumed or an error. They may look at a line
 * whose end has not arrived: what they say about it counts only once its LF is there. */

static int read_version(int *minor, const char *text, size_t len) {
    if (len < 8 || memcmp(text, "HTTP/", 5) != 0 || text[6] != '.' || !sio_char_is_digit(text[5]) ||
        !sio_char_is_digit(text[7])) {
        return SIO_ERR_HTTP_SYNTAX;
    }
    if (text[5] != '1' || text[7] > '1') {
        return SIO_ERR_HTTP_VERSION;
    }
    *minor = text[7] - '0';
    return 8;
}

static bool is_line_end(const char *text, size_t len) {
    return len >= 2 && text[0] == '\r' && text[1] == '\n';
}

static size_t span_of(const char *text, size_t len, unsigned classes) {
    size_t at = 0;
    while (at < len && sio_char_is(text[at], classes)) {
        at++;
    }
    return at;
}

/* method SP request-target SP HTTP-version CRLF (RFC 9112 §3) */
static int read_request_line(sio_http1_head *head, const char *text, size_t len) {
    size_t method = span_of(text, len, SIO_CHAR_TOKEN);
    if (method == 0 || method > METHOD_MAX || method == len || text[method] != ' ') {
        return SIO_ERR_HTTP_METHOD;
    }
    size_t start = method + 1;
    size_t target = span_of(text + start, len - start, SIO_CHAR_TARGET);
    size_t at = start + target;
    if (target == 0 || at == len || text[at] != ' ') {
        return SIO_ERR_HTTP_TARGET;
    }
    at++;
    int rc = read_version(&head->minor, text + at, len - at);
    if (rc < 0) {
        return rc;
    }
    at += (size_t)rc;
    if (!is_line_end(text + at, len - at)) {
        return SIO_ERR_HTTP_SYNTAX;
    }
    head->method = (sio_str){text, method};
    head->target = (sio_str){text + start, target};
    return (int)(at + 2);
}

/* HTTP-version SP status-code [SP reason-phrase] CRLF (RFC 9112 §4). The space before an empty
 * reason is required there; many servers leave it out, and nothing can be read two ways. */
static int read_status_line(sio_http1_head *head, const char *text, size_t len) {
    int rc = read_version(&head->minor, text, len);
    if (rc < 0) {
        return rc;
    }
    if (len < 12 || text[8] != ' ' || !sio_char_is_digit(text[9]) || !sio_char_is_digit(text[10]) ||
        !sio_char_is_digit(text[11])) {
        return SIO_ERR_HTTP_SYNTAX;
    }
    int status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
    size_t start = len > 12 && text[12] == ' ' ? 13 : 12;
    size_t reason = start == 13 ? sio_char_value_span(text + start, len - start) : 0;
    if (!is_line_end(text + start + reason, len - start - reason)) {
        return SIO_ERR_HTTP_SYNTAX;
    }
    if (status < 100 || status > 599) {
        return SIO_ERR_HTTP_STATUS;
    }
    head->status = status;
    head->reason = (sio_str){text + start, reason};
    return (int)(start + reason + 2);
}

/* field-name ":" OWS field-value OWS CRLF (RFC 9112 §5). A line that starts with white space
 * (obs-fold) has an empty name. */
static int read_header_line(sio_http1_header *header, const char *text, size_t len) {
    size_t name = span_of(text, len, SIO_CHAR_TOKEN);
    if (name == 0 || name == len || text[name] != ':') {
        return SIO_ERR_HTTP_HEADER;
    }
    size_t start = name + 1;
    while (start < len && sio_char_is_blank(text[start])) {
        start++;
    }
    size_t end = start + sio_char_value_span(text + start, len - start);
    if (!is_line_end(text + end, len - end)) {
        return SIO_ERR_HTTP_HEADER;
    }
    size_t line = end + 2;
    while (end > start && sio_char_is_blank(text[end - 1])) {
        end--;
    }
    header->name = (sio_str){text, name};
    header->value = (sio_str){text + start, end - start};
    return (int)line;
}

static int read_first_line(sio_http1_head *head, sio_http1_kind kind, sio_http1_progress *progress,
                           const char *text, size_t len) {
    if (kind == SIO_HTTP1_RESPONSES) {
        return read_status_line(head, text, len);
    }
    if (progress->at > 0 || !is_line_end(text, len)) {
        return read_request_line(head, text, len);
    }
    /* One empty line before a request is ignored (RFC 9112 §2.2). */
    int rc = read_request_line(head, text + 2, len - 2);
    return rc < 0 ? rc : rc + 2;
}

/* An error in a line counts when the line is complete; otherwise more bytes are needed. An empty
 * line before a request ends in the first LF, the request line behind it in the second. */
static int judge(int error, const sio_http1_progress *progress, const char *text, size_t len) {
    size_t skip = !progress->begun && is_line_end(text, len) ? 2 : 0;
    bool complete = len > skip && memchr(text + skip, '\n', len - skip) != NULL;
    return complete ? error : 0;
}

static int read_lines(sio_http1_head *head, sio_http1_header *slots, sio_http1_kind kind,
                      uint32_t max_headers, sio_http1_progress *progress, const char *data,
                      size_t len) {
    if (!progress->begun) {
        int rc = read_first_line(head, kind, progress, data, len);
        if (rc < 0) {
            return judge(rc, progress, data, len);
        }
        progress->at = (uint32_t)rc;
        progress->begun = true;
    }
    for (;;) {
        const char *line = data + progress->at;
        size_t left = len - progress->at;
        if (is_line_end(line, left)) {
            progress->at += 2;
            return 1;
        }
        sio_http1_header spare;
        bool fits = progress->lines < max_headers;
        int rc = read_header_line(fits ? &slots[progress->lines] : &spare, line, left);
        if (rc >= 0 && !fits) {
            return SIO_ERR_HTTP_TOO_MANY_HEADERS;
        }
        if (rc < 0) {
            return judge(rc, progress, line, left);
        }
        progress->at += (uint32_t)rc;
        progress->lines++;
    }
}

int sio_http1_head_read(sio_http1_head *head, sio_http1_header *slots, sio_http1_kind kind,
                        const sio_http1_limits *limits, sio_http1_progress *progress,
                        const char *data, size_t len) {
    size_t window = len < limits->max_head ? len : limits->max_head;
    int rc = read_lines(head, slots, kind, limits->max_headers, progress, data, window);
    if (rc == 0 && len >= limits->max_head) {
        return SIO_ERR_HTTP_HEAD_TOO_LARGE;
    }
    if (rc == 1) {
        head->headers = slots;
        head->header_count = progress->lines;
    }
    return rc;
}
