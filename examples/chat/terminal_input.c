/* Lines are handled one at a time: the next one is looked at when the server has acknowledged the
 * one before. So nothing is lost or reordered when much is piped in, and at the end of the input
 * everything has arrived. */
#include "terminal.h"

#include "chat_text.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_LINE = 16384 };

static void on_answer(const sio_event *reply, void *user) {
    struct terminal *terminal = user;
    const char *refusal = sio_event_string(reply, 0);

    terminal->waiting = false;
    if (reply->status != 0) {
        fprintf(stderr, "not delivered: %s\n", sio_error_text(reply->status));
        terminal->failed = true;
    } else if (refusal[0] != '\0') {
        fputs("refused: ", stderr);
        chat_text_print_line(stderr, refusal);
        terminal->failed = true;
    }
    if (reply->status != SIO_ERR_DISCONNECTED) {
        terminal_input_continue(terminal);
    }
}

static void sent(struct terminal *terminal, int rc) {
    terminal->waiting = rc == 0;
    if (rc != 0) {
        fprintf(stderr, "cannot send: %s\n", sio_error_text(rc));
        terminal->failed = true;
    }
}

static void say(struct terminal *terminal, const char *text) {
    sent(terminal, sio_socket_emit_ackf(terminal->socket, "say", TERMINAL_ACK_MS, on_answer,
                                        terminal, "s", text));
}

static void send_file(struct terminal *terminal, const char *path) {
    const char *slash = strrchr(path, '/');
    uint8_t *data = NULL;
    size_t size = terminal_file_read(&data, path);

    if (size == 0) {
        terminal->failed = true;
        return;
    }
    sent(terminal, sio_socket_emit_ackf(terminal->socket, "file", TERMINAL_ACK_MS, on_answer,
                                        terminal, "s s B", slash ? slash + 1 : path,
                                        terminal_file_type(path), (const void *)data, size));
    free(data);
}

/* What stands behind a command, or NULL when the line is not that command. */
static const char *argument_of(const char *line, const char *command) {
    size_t len = strlen(command);

    if (strncmp(line, command, len) != 0 || (line[len] != ' ' && line[len] != '\0')) {
        return NULL;
    }
    return line + len + strspn(line + len, " ");
}

static void handle_command(struct terminal *terminal, const char *line) {
    const char *argument;

    if ((argument = argument_of(line, "/send")) && *argument) {
        send_file(terminal, argument);
    } else if ((argument = argument_of(line, "/join")) && *argument) {
        terminal_join(terminal, argument);
    } else if (argument_of(line, "/who")) {
        terminal_print_members(terminal);
    } else if (argument_of(line, "/quit")) {
        terminal->ended = true;
        evbuffer_drain(terminal->typed, evbuffer_get_length(terminal->typed));
    } else {
        fprintf(stderr, "commands: /send FILE, /join ROOM, /who, /quit\n");
    }
}

static void handle_line(struct terminal *terminal, const char *line) {
    if (line[0] == '/') {
        handle_command(terminal, line);
    } else if (line[strspn(line, " \t\r")] != '\0') {
        say(terminal, line);
    }
}

/* The next line, to be freed; the last one may lack its line end. NULL when there is none yet. */
static char *next_line(struct terminal *terminal) {
    size_t len = evbuffer_get_length(terminal->typed);
    char *line = evbuffer_readln(terminal->typed, NULL, EVBUFFER_EOL_CRLF);

    if (line || !terminal->ended || len == 0) {
        return line;
    }
    line = malloc(len + 1);
    if (line) {
        evbuffer_remove(terminal->typed, line, len);
        line[len] = '\0';
    }
    return line;
}

void terminal_input_continue(struct terminal *terminal) {
    char *line;

    while (terminal->joined && !terminal->waiting && (line = next_line(terminal))) {
        bool whole = !terminal->skipping;
        terminal->skipping = false;
        if (whole) {
            handle_line(terminal, line);
        }
        free(line);
    }
    if (!terminal->joined || terminal->waiting) {
        return;
    }
    if (terminal->ended) {
        terminal_quit(terminal);
    } else {
        event_add(terminal->readable, NULL);
    }
}

static void drop_long_line(struct terminal *terminal) {
    size_t len = evbuffer_get_length(terminal->typed);

    if (len > MAX_LINE &&
        evbuffer_search_eol(terminal->typed, NULL, NULL, EVBUFFER_EOL_LF).pos < 0) {
        evbuffer_drain(terminal->typed, len);
        if (!terminal->skipping) {
            fprintf(stderr, "that line is too long\n");
        }
        terminal->skipping = true;
        terminal->failed = true;
    }
}

/* One read for each time poll says so: it never blocks, and stdin keeps its blocking mode, which it
 * may share with other programs. */
static void on_readable(evutil_socket_t fd, short what, void *user) {
    struct terminal *terminal = user;
    char chunk[4096];
    ssize_t n = read(fd, chunk, sizeof(chunk));

    if (n > 0) {
        if (evbuffer_add(terminal->typed, chunk, (size_t)n) != 0) {
            terminal->ended = true;
        }
        drop_long_line(terminal);
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        terminal->ended = true;
    }
    terminal_input_continue(terminal);
}

int terminal_input_open(struct terminal *terminal) {
    terminal->typed = evbuffer_new();
    terminal->readable = event_new(terminal->base, STDIN_FILENO, EV_READ, on_readable, terminal);
    return terminal->typed && terminal->readable ? 0 : SIO_ERR_NOMEM;
}

void terminal_input_close(struct terminal *terminal) {
    if (terminal->readable) {
        event_free(terminal->readable);
    }
    if (terminal->typed) {
        evbuffer_free(terminal->typed);
    }
}
