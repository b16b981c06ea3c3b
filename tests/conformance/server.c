#include "conformance.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_DEADLINE_MS = 1000, MAX_PORT = 65535, MAX_MEMBERS = 64 };

static const profile *const profiles[] = {
    &profile_protocol, &profile_jsclient, &profile_eioclient,
    &profile_general,  &profile_csr,      &profile_wire,
};

typedef struct arguments {
    const profile *profile;
    const char *host;
    uint16_t port;
    bool deflate;
    const char *cert;
    const char *key;
} arguments;

conformance *conformance_of(sio_peer *peer) {
    return sio_server_user(sio_peer_server(peer));
}

void emit_message_back(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    sio_peer_emit(peer, "message-back", ev->args, NULL);
}

void acknowledge_with_arguments(sio_peer *peer, const sio_event *ev, void *user) {
    (void)peer;
    (void)user;
    if (ev->ack) {
        sio_ack_send(ev->ack, ev->args);
    }
}

void after(conformance *c, uint32_t ms, void (*fn)(void *user), void (*drop)(void *user),
           void *user) {
    program_after(c->program, c->server, ms, fn, drop, user);
}

/* ---- the command line ---------------------------------------------------------------------- */

static void usage(void) {
    fprintf(stderr, "usage: conformance-server --profile NAME [--host ADDRESS] [--port N]\n"
                    "                          [--deflate] [--tls CERT KEY]\n"
                    "profiles: ");
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        fprintf(stderr, "%s%s", i == 0 ? "" : ", ", profiles[i]->name);
    }
    fprintf(stderr, "\n");
    exit(2);
}

static const profile *find_profile(const char *name) {
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (strcmp(profiles[i]->name, name) == 0) {
            return profiles[i];
        }
    }
    usage();
    return NULL;
}

static uint16_t read_port(const char *text) {
    char *end;
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || port > MAX_PORT) {
        usage();
    }
    return (uint16_t)port;
}

/* --tls takes two arguments; getopt knows of the first. */
static void read_tls(arguments *a, int argc, char **argv) {
    if (optind >= argc) {
        usage();
    }
    a->cert = optarg;
    a->key = argv[optind++];
}

static arguments read_arguments(int argc, char **argv) {
    static const struct option options[] = {
        {"profile", required_argument, NULL, 'p'}, {"host", required_argument, NULL, 'h'},
        {"port", required_argument, NULL, 'n'},    {"deflate", no_argument, NULL, 'd'},
        {"tls", required_argument, NULL, 't'},     {NULL, 0, NULL, 0},
    };
    arguments a = {.host = "127.0.0.1"};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            a.profile = find_profile(optarg);
            break;
        case 'h':
            a.host = optarg;
            break;
        case 'n':
            a.port = read_port(optarg);
            break;
        case 'd':
            a.deflate = true;
            break;
        case 't':
            read_tls(&a, argc, argv);
            break;
        default:
            usage();
        }
    }
    if (!a.profile || optind != argc) {
        usage();
    }
    return a;
}

/* ---- running ------------------------------------------------------------------------------- */

/* The whole program. */
struct world {
    const arguments *arguments;
    struct program program;
    conformance members[MAX_MEMBERS];
    unsigned count;
};

static int set_up(sio_server *server, unsigned index, void *user) {
    struct world *w = user;
    conformance *c = &w->members[index];
    *c = (conformance){.program = &w->program, .server = server};
    w->count = index + 1;
    sio_server_set_user(server, c);
    w->arguments->profile->set_up(c);
    return 0;
}

static void make_server(struct world *w) {
    const arguments *a = w->arguments;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    if (a->cert) {
        tls.cert_file = a->cert;
        tls.key_file = a->key;
        options.tls = &tls;
    }
    if (a->deflate) {
        options.per_message_deflate = true;
        options.compress_threshold = 1;
    }
    options.setup = set_up;
    options.setup_user = w;
    a->profile->configure(&options);
    program_init(&w->program, &options, CLOSE_DEADLINE_MS);
    check(sio_server_listen(w->program.server, a->host, a->port), "listen");
}

int main(int argc, char **argv) {
    static struct world w;
    arguments a = read_arguments(argc, argv);
    w.arguments = &a;
    signal(SIGPIPE, SIG_IGN);
    make_server(&w);
    int rc = program_run(&w.program);
    program_done(&w.program);
    for (unsigned i = 0; a.profile->tear_down && i < w.count; i++) {
        a.profile->tear_down(&w.members[i]);
    }
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
