#include "conformance.h"

#include <event2/event.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_DEADLINE_MS = 1000, MAX_PORT = 65535 };

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

/* ---- timers -------------------------------------------------------------------------------- */

typedef struct delayed {
    struct delayed *next;
    conformance *conformance;
    struct event *timer;
    void (*fn)(void *user);
    void (*drop)(void *user);
    void *user;
} delayed;

static void delayed_free(delayed *d) {
    delayed **at = &d->conformance->delayed;
    while (*at != d) {
        at = &(*at)->next;
    }
    *at = d->next;
    event_free(d->timer);
    free(d);
}

static void on_delay(evutil_socket_t fd, short what, void *arg) {
    delayed now = *(delayed *)arg;
    (void)fd;
    (void)what;
    delayed_free(arg);
    now.fn(now.user);
}

void after(conformance *c, uint32_t ms, void (*fn)(void *user), void (*drop)(void *user),
           void *user) {
    struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    delayed *d = calloc(1, sizeof(*d));
    if (!d || !(d->timer = evtimer_new(c->program.base, on_delay, d)) ||
        evtimer_add(d->timer, &delay)) {
        check(SIO_ERR_NOMEM, "timer");
        return;
    }
    d->conformance = c;
    d->fn = fn;
    d->drop = drop;
    d->user = user;
    d->next = c->delayed;
    c->delayed = d;
}

static void drop_all(conformance *c) {
    while (c->delayed) {
        delayed last = *c->delayed;
        delayed_free(c->delayed);
        last.drop(last.user);
    }
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

static void make_server(conformance *c, const arguments *a) {
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
    a->profile->configure(&options);
    program_init(&c->program, &options, CLOSE_DEADLINE_MS);
    sio_server_set_user(c->program.server, c);
    a->profile->set_up(c);
    check(sio_server_listen(c->program.server, a->host, a->port), "listen");
}

int main(int argc, char **argv) {
    arguments a = read_arguments(argc, argv);
    conformance c = {.delayed = NULL};
    signal(SIGPIPE, SIG_IGN);
    make_server(&c, &a);
    int rc = program_run(&c.program);
    drop_all(&c);
    program_done(&c.program);
    if (a.profile->tear_down) {
        a.profile->tear_down(&c);
    }
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
