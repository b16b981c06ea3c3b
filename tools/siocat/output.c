/* What goes to standard output: one line for each event, written at once. */
#include "siocat.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { KEPT_LINE = 1 << 16 };

/* ---- writing ---- */

/* Waits with poll, which a signal interrupts always, and writes no more than fits without waiting:
 * so siocat can be ended while nobody reads. */
static bool write_some(const uint8_t *data, size_t len, size_t *written) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    *written = 0;
    if (poll(&out, 1, -1) < 0) {
        return errno == EINTR && siocat_signals_seen() == 0;
    }
    ssize_t n = write(STDOUT_FILENO, data, len < PIPE_BUF ? len : PIPE_BUF);
    *written = n > 0 ? (size_t)n : 0;
    return n >= 0 || errno == EINTR || errno == EAGAIN;
}

static void output_failed(struct siocat *cat) {
    cat->output_is_gone = true;
    if (siocat_signals_seen() != 0) {
        return; /* the loop will end it */
    }
    /* `siocat ... | head -n 1` is no mistake. */
    if (errno != EPIPE) {
        siocat_complain(cat, "standard output: %s", strerror(errno));
    }
    siocat_finish(cat, SIOCAT_OUTPUT);
}

void siocat_print_line(struct siocat *cat) {
    size_t at = 0, written = 0;
    while (!cat->output_is_gone && at < cat->line.len) {
        if (!write_some(cat->line.data + at, cat->line.len - at, &written)) {
            output_failed(cat);
        }
        at += written;
    }
    cat->line.len = 0;
    if (cat->line.cap > KEPT_LINE) {
        sio_buf_free(&cat->line);
    }
}

/* ---- events ---- */

static bool is_plain(sio_str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("_-.:/", c)) {
            return false;
        }
    }
    return name.len > 0;
}

static int print_args(struct siocat *cat, const sio_args *args, const char *separator) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sio_args_count(args); i++) {
        if (i > 0) {
            rc = sio_buf_add_text(&cat->line, separator);
        }
        if (rc == 0) {
            rc = siocat_json_print(&cat->line, args, i, !cat->set.json);
        }
    }
    return rc;
}

static int print_readable(struct siocat *cat, sio_str name, uint64_t number, const sio_args *args) {
    int rc = number > 0 ? sio_buf_add_text(&cat->line, "ack ") : 0;
    if (rc == 0) {
        rc = is_plain(name) ? sio_buf_add(&cat->line, name.ptr, name.len)
                            : siocat_json_string(&cat->line, name);
    }
    if (rc == 0 && sio_args_count(args) > 0) {
        rc = sio_buf_add_byte(&cat->line, ' ');
    }
    return rc == 0 ? print_args(cat, args, " ") : rc;
}

static int print_json(struct siocat *cat, const char *type, sio_str name, uint64_t number,
                      const sio_args *args) {
    sio_buf *out = &cat->line;
    int rc = sio_buf_add_text(out, "{\"type\":\"");
    rc = rc == 0 ? sio_buf_add_text(out, type) : rc;
    rc = rc == 0 ? sio_buf_add_text(out, "\",\"event\":") : rc;
    rc = rc == 0 ? siocat_json_string(out, name) : rc;
    if (number > 0) {
        rc = rc == 0 ? sio_buf_add_text(out, ",\"number\":") : rc;
        rc = rc == 0 ? sio_buf_add_u64(out, number) : rc;
    }
    rc = rc == 0 ? sio_buf_add_text(out, ",\"args\":[") : rc;
    rc = rc == 0 ? print_args(cat, args, ",") : rc;
    return rc == 0 ? sio_buf_add_text(out, "]}") : rc;
}

void siocat_print(struct siocat *cat, const char *type, sio_str name, uint64_t number,
                  const sio_args *args) {
    cat->line.len = 0;
    int rc = cat->set.json ? print_json(cat, type, name, number, args)
                           : print_readable(cat, name, number, args);
    if (rc == 0) {
        rc = sio_buf_add_byte(&cat->line, '\n');
    }
    if (rc != 0) {
        cat->line.len = 0;
        siocat_complain(cat, "%s", sio_error_text(rc));
        siocat_finish(cat, SIOCAT_INTERNAL);
        return;
    }
    siocat_print_line(cat);
}
