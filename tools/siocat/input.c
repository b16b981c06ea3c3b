/* Events from standard input or a file, one JSON array a line. No more is read while as many events
 * are under way as may be: what is piped in waits in the pipe, not here. */
#include "siocat.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16384, WINDOW = 64 };

static void wait_for_more(struct siocat_input *in) {
    static const struct timeval now = {0, 0};
    event_add(in->readable, in->waits_by_timer ? &now : NULL);
}

/* Handled as the rest of a script should be: not. Who types may try again. */
static void bad_line(struct siocat *cat, const char *what) {
    struct siocat_input *in = &cat->input;
    siocat_complain(cat, "line %llu: %s", (unsigned long long)in->line, what);
    if (!in->is_terminal) {
        siocat_finish(cat, SIOCAT_INPUT);
    }
}

static void take_line(struct siocat *cat, sio_str line) {
    struct siocat_input *in = &cat->input;
    in->line++;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    if (line.len == 0) {
        return;
    }
    if (line.len > cat->set.max_line) {
        bad_line(cat, "longer than --max-line allows");
        return;
    }
    if (siocat_message_parse(&in->message, line, false) != 0) {
        bad_line(cat, in->message.error);
        return;
    }
    int rc = siocat_emit(cat, &in->message);
    if (rc != 0) {
        bad_line(cat, sio_error_text(rc));
        return;
    }
    in->under_way++;
}

/* ---- lines ---- */

/* The next line with what is behind it drained; the last one may lack its end.
 * @return to be freed, or NULL */
static char *next_line(struct siocat_input *in, size_t *len) {
    size_t all = evbuffer_get_length(in->bytes);
    struct evbuffer_ptr from;
    evbuffer_ptr_set(in->bytes, &from, in->searched, EVBUFFER_PTR_SET);
    struct evbuffer_ptr end =
        evbuffer_search(in->bytes, "\n", 1, in->searched < all ? &from : NULL);
    if (in->searched >= all || end.pos < 0) {
        in->searched = all;
        if (!in->ended || all == 0) {
            return NULL;
        }
        end.pos = (ev_ssize_t)all;
    }
    char *line = malloc((size_t)end.pos + 1);
    if (line) {
        *len = (size_t)end.pos;
        evbuffer_remove(in->bytes, line, *len);
        evbuffer_drain(in->bytes, 1);
        in->searched = 0;
    }
    return line;
}

static uint32_t window_of(const struct siocat *cat) {
    return cat->set.window > 0 ? cat->set.window : cat->set.ack ? 1 : WINDOW;
}

static bool may_send(const struct siocat *cat) {
    return !cat->finishing && sio_socket_connected(cat->socket) &&
           cat->input.under_way < window_of(cat);
}

/* A line without an end is not kept for ever. */
static void drop_long_line(struct siocat *cat) {
    struct siocat_input *in = &cat->input;
    if (!cat->finishing && evbuffer_get_length(in->bytes) > cat->set.max_line + 1) {
        in->line++;
        evbuffer_drain(in->bytes, evbuffer_get_length(in->bytes));
        in->searched = 0;
        bad_line(cat, "longer than --max-line allows");
    }
}

static void send_lines(struct siocat *cat) {
    struct siocat_input *in = &cat->input;
    size_t len = 0;
    char *line;
    while (may_send(cat) && (line = next_line(in, &len))) {
        take_line(cat, (sio_str){line, len});
        free(line);
    }
}

/* Emitting may tell at once that the event was sent, which comes here again. */
void siocat_input_continue(struct siocat *cat) {
    struct siocat_input *in = &cat->input;
    if (in->continuing || cat->finishing || !in->started) {
        return;
    }
    in->continuing = true;
    send_lines(cat);
    in->continuing = false;
    if (!may_send(cat)) {
        return;
    }
    if (in->ended && in->under_way == 0) {
        siocat_all_sent(cat);
    } else if (!in->ended) {
        drop_long_line(cat);
        if (!cat->finishing) {
            wait_for_more(in);
        }
    }
}

/* One read for each time it is ready: it never blocks, and the descriptor keeps its blocking mode,
 * which it may share with other programs. */
static void on_readable(evutil_socket_t fd, short what, void *user) {
    struct siocat *cat = user;
    struct siocat_input *in = &cat->input;
    char chunk[CHUNK];
    ssize_t n = read(in->fd, chunk, sizeof(chunk));

    if (n > 0) {
        if (evbuffer_add(in->bytes, chunk, (size_t)n) != 0) {
            siocat_finish(cat, SIOCAT_INTERNAL);
        }
    } else if (n == 0) {
        in->ended = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        siocat_complain(cat, "input: %s", strerror(errno));
        siocat_finish(cat, SIOCAT_INPUT);
    }
    siocat_input_continue(cat);
}

/* ---- opening ---- */

/* Whether poll tells when there is something to read. epoll refuses regular files and some devices,
 * which never make a reader wait for long. */
static bool can_wait(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 &&
           (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || isatty(fd));
}

int siocat_input_open(struct siocat *cat) {
    struct siocat_input *in = &cat->input;
    const char *path = cat->set.input;

    in->fd = STDIN_FILENO;
    if (path && strcmp(path, "-") != 0) {
        in->fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (in->fd < 0) {
        siocat_complain(cat, "%s: %s", path, strerror(errno));
        return SIOCAT_INPUT;
    }
    in->is_terminal = isatty(in->fd);
    in->waits_by_timer = !can_wait(in->fd);
    in->bytes = evbuffer_new();
    in->readable = event_new(cat->base, in->waits_by_timer ? -1 : in->fd,
                             in->waits_by_timer ? 0 : EV_READ, on_readable, cat);
    int rc = siocat_message_init(&in->message);
    return rc == 0 && in->bytes && in->readable ? 0 : SIOCAT_INTERNAL;
}

void siocat_input_stop(struct siocat *cat) {
    if (cat->input.readable) {
        event_del(cat->input.readable);
    }
}

void siocat_input_close(struct siocat *cat) {
    struct siocat_input *in = &cat->input;
    if (in->readable) {
        event_free(in->readable);
    }
    if (in->bytes) {
        evbuffer_free(in->bytes);
    }
    if (in->fd > STDIN_FILENO) {
        close(in->fd);
    }
    siocat_message_free(&in->message);
}
