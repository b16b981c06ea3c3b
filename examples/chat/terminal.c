/* chat-terminal: the chat from a terminal, or from a script that pipes lines into it. */
#include "terminal.h"

#include "chat_log.h"
#include "chat_text.h"

#include <event2/event.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- rooms --------------------------------------------------------------------------------- */

static void on_joined(const sio_event *reply, void *user) {
    struct terminal *terminal = user;
    const char *refusal = sio_event_string(reply, 0);

    terminal->waiting = false;
    if (reply->status == SIO_ERR_DISCONNECTED) {
        return; /* on_connect() asks again */
    }
    if (reply->status != 0 || refusal[0] != '\0') {
        fputs("cannot join: ", stderr);
        chat_text_print_line(stderr, reply->status != 0 ? sio_error_text(reply->status) : refusal);
        terminal->failed = true;
        if (!terminal->joined) {
            terminal_quit(terminal);
            return;
        }
    } else {
        terminal->joined = true;
        fputs("* joined ", stdout);
        chat_text_print(stdout, sio_event_str(reply, 2));
        fputs(" as ", stdout);
        chat_text_print(stdout, sio_event_str(reply, 1));
        fputc('\n', stdout);
    }
    terminal_input_continue(terminal);
}

static void ask_to_join(struct terminal *terminal) {
    int rc = sio_socket_emit_ackf(terminal->socket, "join", TERMINAL_ACK_MS, on_joined, terminal,
                                  "s s", terminal->nick, terminal->room);

    terminal->waiting = rc == 0;
    if (rc != 0) {
        fprintf(stderr, "cannot join: %s\n", sio_error_text(rc));
        terminal->failed = true;
    }
}

void terminal_join(struct terminal *terminal, const char *room) {
    char *copy = strdup(room);

    if (!copy) {
        fprintf(stderr, "cannot join: %s\n", sio_error_text(SIO_ERR_NOMEM));
        terminal->failed = true;
        return;
    }
    free(terminal->room);
    terminal->room = copy;
    terminal->newest = 0;
    ask_to_join(terminal);
}

void terminal_print_members(const struct terminal *terminal) {
    size_t count = terminal->members ? sio_args_count(terminal->members) : 0;

    fputs("* here:", stdout);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? " " : ", ", stdout);
        chat_text_print(stdout, sio_args_str(terminal->members, i));
    }
    fputc('\n', stdout);
}

void terminal_quit(struct terminal *terminal) {
    sio_socket_disconnect(terminal->socket);
}

/* ---- what the server says ------------------------------------------------------------------ */

/* A history that is sent again only adds what was missed. */
static bool is_news(struct terminal *terminal, int64_t when) {
    if (when <= terminal->newest) {
        return false;
    }
    terminal->newest = when;
    return true;
}

static void print_head(const sio_event *ev) {
    time_t seconds = (time_t)(sio_event_int(ev, 0) / 1000);
    struct tm local;
    char clock[16] = "--:--";

    if (localtime_r(&seconds, &local)) {
        strftime(clock, sizeof(clock), "%H:%M", &local);
    }
    printf("[%s] ", clock);
    chat_text_print(stdout, sio_event_str(ev, 1));
}

static void on_message(sio_socket *socket, const sio_event *ev, void *user) {
    if (is_news(user, sio_event_int(ev, 0))) {
        print_head(ev);
        fputs(": ", stdout);
        chat_text_print(stdout, sio_event_str(ev, 2));
        fputc('\n', stdout);
    }
}

static void on_file(sio_socket *socket, const sio_event *ev, void *user) {
    struct terminal *terminal = user;
    sio_bytes data = sio_event_binary(ev, 4);

    if (!is_news(terminal, sio_event_int(ev, 0))) {
        return;
    }
    print_head(ev);
    fputs(" sends ", stdout);
    chat_text_print(stdout, sio_event_str(ev, 2));
    printf(" (%zu bytes)\n", data.len);
    if (terminal->save_dir) {
        terminal_file_save(terminal->save_dir, sio_event_str(ev, 2), data);
    }
}

static void on_notice(sio_socket *socket, const sio_event *ev, void *user) {
    fputs("* ", stdout);
    chat_text_print(stdout, sio_event_str(ev, 1));
    fputc('\n', stdout);
}

static void on_typing(sio_socket *socket, const sio_event *ev, void *user) {
    if (sio_event_bool(ev, 1)) {
        fputs("* ", stdout);
        chat_text_print(stdout, sio_event_str(ev, 0));
        fputs(" is typing\n", stdout);
    }
}

static void on_users(sio_socket *socket, const sio_event *ev, void *user) {
    struct terminal *terminal = user;
    sio_args *members;

    if (sio_args_ref(&members, ev->args) == 0) {
        sio_args_unref(terminal->members);
        terminal->members = members;
    }
}

static void on_connect(sio_socket *socket, const sio_event *ev, void *user) {
    struct terminal *terminal = user;

    printf("* connected\n");
    ask_to_join(terminal);
}

static void on_disconnect(sio_socket *socket, const sio_event *ev, void *user) {
    struct terminal *terminal = user;

    terminal->joined = false;
    printf("* disconnected: %s\n", ev->reason);
    if (!terminal->ended && strcmp(ev->reason, "io server disconnect") == 0) {
        sio_socket_connect(socket); /* after any other reason the library does it */
    }
}

static void on_connect_error(sio_socket *socket, const sio_event *ev, void *user) {
    const char *detail = sio_client_error_detail(sio_socket_client(socket));

    fputs("cannot connect: ", stderr);
    chat_text_print_line(stderr, detail[0] ? detail : ev->reason);
}

/* ---- the program --------------------------------------------------------------------------- */

static void usage(FILE *stream) {
    fputs("usage: chat-terminal [--save DIR] URL NICK ROOM\n"
          "  --save DIR  keep received files in this folder\n"
          "  --help      print this text\n"
          "Lines are said; commands: /send FILE, /join ROOM, /who, /quit\n",
          stream);
}

static int watch(struct terminal *terminal) {
    static const struct {
        const char *event;
        sio_socket_fn fn;
    } handlers[] = {
        {"connect", on_connect},       {"connect_error", on_connect_error},
        {"disconnect", on_disconnect}, {"file", on_file},
        {"message", on_message},       {"notice", on_notice},
        {"typing", on_typing},         {"users", on_users},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]) && rc == 0; i++) {
        rc = sio_socket_on(terminal->socket, handlers[i].event, handlers[i].fn, terminal);
    }
    return rc;
}

/* Stdin may be a regular file, which epoll refuses: ask for a method that takes any descriptor. */
static struct event_base *new_base(void) {
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config && event_config_require_features(config, EV_FEATURE_FDS) == 0) {
        base = event_base_new_with_config(config);
    }
    if (config) {
        event_config_free(config);
    }
    return base;
}

static int run(struct terminal *terminal, const char *url) {
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    int rc;

    options.base = terminal->base;
    options.log = chat_log;
    rc = sio_client_new(&terminal->client, url, &options);
    if (rc != 0) {
        return rc;
    }
    terminal->socket = sio_client_socket(terminal->client, "/");
    rc = terminal->socket ? watch(terminal) : SIO_ERR_NOMEM;
    if (rc == 0) {
        rc = terminal_input_open(terminal);
    }
    return rc ? rc : sio_client_run(terminal->client);
}

static void clean_up(struct terminal *terminal) {
    terminal->joined = false; /* answers that end now are the last */
    sio_client_free(terminal->client);
    sio_args_unref(terminal->members);
    free(terminal->room);
    terminal_input_close(terminal);
    if (terminal->base) {
        event_base_free(terminal->base);
    }
}

/* 0 to go on, 1 when all is done, -1 for a mistake. */
static int parse_arguments(struct terminal *terminal, int argc, char **argv) {
    enum { OPT_SAVE = 1, OPT_HELP };
    static const struct option options[] = {
        {"save", required_argument, NULL, OPT_SAVE},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
    };
    int found;

    while ((found = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (found == OPT_HELP) {
            usage(stdout);
            return 1;
        }
        if (found != OPT_SAVE) {
            usage(stderr);
            return -1;
        }
        terminal->save_dir = optarg;
    }
    if (argc - optind != 3) {
        usage(stderr);
        return -1;
    }
    terminal->nick = argv[optind + 1];
    return 0;
}

int main(int argc, char **argv) {
    struct terminal terminal = {0};
    int rc = parse_arguments(&terminal, argc, argv);

    if (rc != 0) {
        return rc > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* whoever reads it through a pipe wants whole lines now */
    terminal.room = strdup(argv[optind + 2]);
    terminal.base = new_base();
    rc = terminal.room && terminal.base ? run(&terminal, argv[optind]) : SIO_ERR_NOMEM;
    if (rc != 0) {
        fprintf(stderr, "chat-terminal: %s\n", sio_error_text(rc));
    }
    clean_up(&terminal);
    return rc == 0 && !terminal.failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
