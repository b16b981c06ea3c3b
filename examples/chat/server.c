/* chat-server: a chat with rooms for the page in page/ and for chat-terminal. This file is the
 * program around it: settings, signals, the loop. The chat itself is in chat_events.c. */
#include "chat_events.h"
#include "chat_log.h"

#include <sio/server.h>

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The build says where these are; without it, they are looked for in the current folder. */
#ifndef CHAT_PAGE_DIR
#define CHAT_PAGE_DIR "page"
#endif
#ifndef CHAT_CLIENT_DIR
#define CHAT_CLIENT_DIR "node_modules/socket.io-client/dist"
#endif

enum { CLOSE_DEADLINE_MS = 2000 };
enum { OPT_PORT = 1, OPT_HOST, OPT_PAGE_DIR, OPT_CLIENT_DIR, OPT_HELP };

struct settings {
    const char *host;
    uint16_t port;
    const char *page_dir;
    const char *client_dir;
};

struct program {
    struct event_base *base;
    struct event *signals[2];
    sio_server *server;
    bool closing;
    struct chat chat;
};

static void usage(FILE *stream) {
    fprintf(stream,
            "usage: chat-server [OPTION]...\n"
            "  --port N          listen on this port; 0 picks a free one (3000)\n"
            "  --host H          numeric address to listen on (all addresses)\n"
            "  --page-dir DIR    folder with the page (%s)\n"
            "  --client-dir DIR  folder with socket.io.js (%s)\n"
            "  --help            print this text\n",
            CHAT_PAGE_DIR, CHAT_CLIENT_DIR);
}

static bool parse_port(uint16_t *out, const char *text) {
    char *end;
    long port = strtol(text, &end, 10);

    if (end == text || *end != '\0' || port < 0 || port > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

static bool apply_option(struct settings *settings, int option, const char *value) {
    switch (option) {
    case OPT_PORT:
        return parse_port(&settings->port, value);
    case OPT_HOST:
        settings->host = value;
        return true;
    case OPT_PAGE_DIR:
        settings->page_dir = value;
        return true;
    case OPT_CLIENT_DIR:
        settings->client_dir = value;
        return true;
    default:
        return false;
    }
}

/* 0 to go on, 1 when all is done, -1 for a mistake. */
static int parse_arguments(struct settings *settings, int argc, char **argv) {
    static const struct option options[] = {
        {"port", required_argument, NULL, OPT_PORT},
        {"host", required_argument, NULL, OPT_HOST},
        {"page-dir", required_argument, NULL, OPT_PAGE_DIR},
        {"client-dir", required_argument, NULL, OPT_CLIENT_DIR},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
    };
    int found;

    while ((found = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (found == OPT_HELP) {
            usage(stdout);
            return 1;
        }
        if (!apply_option(settings, found, optarg)) {
            usage(stderr);
            return -1;
        }
    }
    if (optind != argc) {
        usage(stderr);
        return -1;
    }
    return 0;
}

/* ---- ending -------------------------------------------------------------------------------- */

static void on_closed(void *user) {
    struct program *program = user;

    sio_server_stop(program->server);
}

/* The first signal lets what is queued go out, the second does not wait for it. libevent calls this
 * from its loop, not from the signal handler, so everything is allowed here. */
static void on_signal(evutil_socket_t number, short what, void *user) {
    struct program *program = user;

    if (program->closing ||
        sio_server_close(program->server, CLOSE_DEADLINE_MS, on_closed, program) != 0) {
        sio_server_stop(program->server);
    }
    program->closing = true;
}

static bool watch_signals(struct program *program) {
    static const int numbers[] = {SIGINT, SIGTERM};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        program->signals[i] = evsignal_new(program->base, numbers[i], on_signal, program);
        if (!program->signals[i] || event_add(program->signals[i], NULL) != 0) {
            return false;
        }
    }
    return true;
}

static void clean_up(struct program *program) {
    sio_server_free(program->server);
    chat_rooms_clear(&program->chat.rooms);
    for (size_t i = 0; i < sizeof(program->signals) / sizeof(program->signals[0]); i++) {
        if (program->signals[i]) {
            event_free(program->signals[i]);
        }
    }
    if (program->base) {
        event_base_free(program->base);
    }
}

/* ---- beginning ----------------------------------------------------------------------------- */

static bool is_folder(const char *path) {
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int create_server(struct program *program, const struct settings *settings) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;

    options.base = program->base;
    options.log = chat_log;
    options.max_payload = (uint64_t)CHAT_FILE_BYTES * 2; /* long-polling sends binary as base64 */
    options.max_attachments = 1;
    options.max_json_depth = 8;
    options.max_namespaces = 1;
    options.max_pending_acks = 1; /* the chat asks for none */
    /* A whole history must fit, as base64 if need be. */
    options.max_queued_bytes = (uint64_t)CHAT_HISTORY_BYTES * 4;
    if (is_folder(settings->client_dir)) {
        options.client_dir = settings->client_dir;
    } else {
        fprintf(stderr,
                "chat-server: no folder %s, so browsers get no socket.io.js: run `npm ci`\n",
                settings->client_dir);
    }
    return sio_server_new(&program->server, &options);
}

static int start(struct program *program, const struct settings *settings) {
    sio_namespace *ns;
    int rc = create_server(program, settings);

    if (rc != 0) {
        return rc;
    }
    ns = sio_server_of(program->server, "/");
    rc = ns ? chat_events_attach(&program->chat, ns) : SIO_ERR_NOMEM;
    if (rc == 0) {
        rc = sio_server_serve_dir(program->server, "/", settings->page_dir);
    }
    if (rc == 0) {
        rc = sio_server_listen(program->server, settings->host, settings->port);
    }
    return rc;
}

static int run(struct program *program, const struct settings *settings) {
    int rc = start(program, settings);

    if (rc == 0) {
        printf("listening on http://localhost:%u\n", (unsigned)sio_server_port(program->server));
        fflush(stdout);
        rc = sio_server_run(program->server);
    }
    return rc;
}

int main(int argc, char **argv) {
    static struct program program; /* the rooms are too much for a stack */
    struct settings settings = {NULL, 3000, CHAT_PAGE_DIR, CHAT_CLIENT_DIR};
    int rc = parse_arguments(&settings, argc, argv);

    if (rc != 0) {
        return rc > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    program.base = event_base_new();
    rc = program.base && watch_signals(&program) ? run(&program, &settings) : SIO_ERR_NOMEM;
    if (rc != 0) {
        fprintf(stderr, "chat-server: %s\n", sio_error_text(rc));
    }
    clean_up(&program);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
