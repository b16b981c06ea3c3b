/* threads-server: a server with several loops, on public headers and an event base of its own.
 * Prints LISTENING. What clients may ask for stands in `events`. Counters stand at /metrics.
 * SIGTERM closes it gracefully, SIGUSR1 frees it at once; both end it with status 0. */
#include <sio/engine.h>
#include <sio/server.h>

#include <event2/event.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_MS = 5000, ANSWERS_MS = 10000 };

struct app {
    struct event_base *base;
    sio_server *server;
    unsigned fail_at; /* member whose set-up fails */
};

static void check(int rc, const char *what) {
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", what, sio_error_text(rc));
        exit(EXIT_FAILURE);
    }
}

static unsigned index_of(sio_peer *peer) {
    return sio_server_index(sio_peer_server(peer));
}

static sio_target all_of(sio_peer *peer) {
    return sio_namespace_target(sio_peer_namespace(peer));
}

static void acknowledge(const sio_event *event) {
    if (event->ack) {
        (void)sio_ack_send(event->ack, NULL);
    }
}

/* ---- what peers ask for ---- */

static void on_connection(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    (void)event;
    (void)sio_peer_emitf(peer, "hello", "ub", index_of(peer), sio_peer_recovered(peer));
}

/* echo(...): the same back, as an acknowledgement if one is asked for */
static void on_echo(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    if (event->ack) {
        (void)sio_ack_send(event->ack, event->args);
    } else {
        (void)sio_peer_emit(peer, "echo", event->args, NULL);
    }
}

/* which(): the member's number */
static void on_which(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    if (event->ack) {
        (void)sio_ack_sendf(event->ack, "u", index_of(peer));
    }
}

static void on_join(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    (void)sio_peer_join(peer, sio_event_string(event, 0));
    acknowledge(event);
}

static void on_leave(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_peer_leave(peer, sio_event_string(event, 0));
    acknowledge(event);
}

/* everyone(from, to): n(from) to n(to - 1) to all, room(name, from, to): to a room */
static void stream(const sio_target *target, const sio_event *event, size_t at) {
    for (int64_t i = sio_event_int(event, at); i < sio_event_int(event, at + 1); i++) {
        (void)sio_target_emitf(target, "n", "I", i);
    }
}

static void on_everyone(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_target target = all_of(peer);
    stream(&target, event, 0);
    acknowledge(event);
}

static void on_room(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_target target = all_of(peer);
    sio_target_to(&target, sio_event_string(event, 0));
    stream(&target, event, 1);
    acknowledge(event);
}

/* all_join(from, to), all_leave(from, to): who is in the first room */
static void on_all_join(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_target target = all_of(peer);
    sio_target_to(&target, sio_event_string(event, 0));
    (void)sio_target_join(&target, sio_event_string(event, 1));
    acknowledge(event);
}

static void on_all_leave(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_target target = all_of(peer);
    sio_target_to(&target, sio_event_string(event, 0));
    (void)sio_target_leave(&target, sio_event_string(event, 1));
    acknowledge(event);
}

/* kick(room) */
static void on_kick(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_target target = all_of(peer);
    sio_target_to(&target, sio_event_string(event, 0));
    (void)sio_target_disconnect(&target, false);
    acknowledge(event);
}

/* ---- what takes other members ---- */

/* For an acknowledgement that is given later. */
static sio_ack *later(const sio_event *event) {
    sio_ack *ack = NULL;
    return event->ack && sio_ack_ref(&ack, event->ack) == 0 ? ack : NULL;
}

static void give(sio_ack *ack, sio_args *args) {
    (void)sio_ack_send(ack, args);
    sio_ack_unref(ack);
    sio_args_unref(args);
}

static void on_answers(const sio_target_reply *reply, void *user) {
    sio_args *args;
    check(sio_args_new(&args, NULL), "arguments");
    check(sio_args_add_int(args, reply->status), "status");
    for (size_t i = 0; i < reply->response_count; i++) {
        check(sio_args_add_arg(args, reply->responses[i].args, 0), "answer");
    }
    give(user, args);
}

/* ask(room): (status, answers...) of all in it to `ask` */
static void on_ask(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_target target = all_of(peer);
    sio_ack *ack = later(event);
    sio_target_to(&target, sio_event_string(event, 0));
    if (ack) {
        check(sio_target_emit_ack(&target, "ask", NULL, ANSWERS_MS, on_answers, ack), "asking");
    }
}

static void on_fetched(const sio_fetch_reply *reply, void *user) {
    sio_args *args;
    check(sio_args_new(&args, NULL), "arguments");
    check(sio_args_add_int(args, reply->status), "status");
    for (size_t i = 0; i < reply->count; i++) {
        check(sio_args_add_string(args, reply->peers[i].id), "id");
    }
    give(user, args);
}

/* fetch(room): (status, ids...) */
static void on_fetch(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_target target = all_of(peer);
    sio_ack *ack = later(event);
    sio_target_to(&target, sio_event_string(event, 0));
    if (ack) {
        check(sio_target_fetch(&target, on_fetched, ack), "fetching");
    }
}

static void on_responses(const sio_server_side_reply *reply, void *user) {
    sio_args *args;
    check(sio_args_new(&args, NULL), "arguments");
    check(sio_args_add_int(args, reply->status), "status");
    for (size_t i = 0; i < reply->count; i++) {
        check(sio_args_add_arg(args, reply->responses[i], 0), "response");
    }
    give(user, args);
}

/* members(): (status, numbers...) of the other members */
static void on_members(sio_peer *peer, const sio_event *event, void *user) {
    (void)user;
    sio_ack *ack = later(event);
    if (ack) {
        check(sio_namespace_server_side_emit(sio_peer_namespace(peer), "who", event->args,
                                             ANSWERS_MS, on_responses, ack),
              "server-side emit");
    }
}

static void on_who(sio_namespace *ns, const sio_event *event, void *user) {
    (void)user;
    if (event->ack) {
        (void)sio_ack_sendf(event->ack, "u", sio_server_index(sio_namespace_server(ns)));
    }
}

/* cut(): its connection ends, without a word */
static void on_cut(sio_peer *peer, const sio_event *event, void *user) {
    (void)event;
    (void)user;
    sio_engine_session_close(sio_peer_session(peer), true);
}

static const struct {
    const char *name;
    sio_peer_fn fn;
} events[] = {
    {"echo", on_echo},         {"which", on_which},         {"join", on_join},
    {"leave", on_leave},       {"everyone", on_everyone},   {"room", on_room},
    {"all_join", on_all_join}, {"all_leave", on_all_leave}, {"kick", on_kick},
    {"ask", on_ask},           {"fetch", on_fetch},         {"members", on_members},
    {"cut", on_cut},
};

/* ---- the members ---- */

static int furnish(sio_namespace *ns) {
    int rc = sio_namespace_on_connection(ns, on_connection, NULL);
    if (rc == 0) {
        rc = sio_namespace_on_server_side(ns, "who", on_who, NULL);
    }
    for (size_t i = 0; rc == 0 && i < sizeof events / sizeof events[0]; i++) {
        rc = sio_namespace_on(ns, events[i].name, events[i].fn, NULL);
    }
    return rc;
}

static int setup(sio_server *server, unsigned index, void *user) {
    const struct app *app = user;
    if (index == app->fail_at) {
        return SIO_ERR_NOT_FOUND;
    }
    sio_namespace *root = sio_server_of(server, "/");
    sio_namespace *parent = sio_server_of_pattern(server, "^/made-");
    int rc = root && parent ? furnish(root) : SIO_ERR_NOMEM;
    return rc != 0 ? rc : furnish(parent);
}

/* ---- the program ---- */

static void on_term(evutil_socket_t fd, short what, void *arg) {
    struct app *app = arg;
    (void)fd;
    (void)what;
    (void)sio_server_close(app->server, CLOSE_MS, NULL, NULL);
}

static void on_usr1(evutil_socket_t fd, short what, void *arg) {
    struct app *app = arg;
    (void)fd;
    (void)what;
    sio_server_free(app->server);
    app->server = NULL;
}

static void log_line(const char *scope, const char *text, void *user) {
    (void)user;
    fprintf(stderr, "%s %s\n", scope, text);
}

static int run(struct app *app, const sio_server_options *options) {
    check(sio_server_new(&app->server, options), "server");
    check(sio_server_listen(app->server, "127.0.0.1", 0), "listen");
    printf("LISTENING %u\n", (unsigned)sio_server_port(app->server));
    fflush(stdout);
    struct event *term = evsignal_new(app->base, SIGTERM, on_term, app);
    struct event *usr1 = evsignal_new(app->base, SIGUSR1, on_usr1, app);
    evsignal_add(term, NULL);
    evsignal_add(usr1, NULL);
    int rc = sio_server_run(app->server);
    sio_server_free(app->server);
    event_free(term);
    event_free(usr1);
    return rc;
}

int main(int argc, char **argv) {
    static const struct option options_known[] = {
        {"threads", required_argument, NULL, 't'},
        {"tls-cert", required_argument, NULL, 'c'},
        {"tls-key", required_argument, NULL, 'k'},
        {"recovery", no_argument, NULL, 'r'},
        {"fail-at", required_argument, NULL, 'f'},
        {"log", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    struct app app = {.fail_at = 1000};
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.setup = setup;
    options.setup_user = &app;
    options.metrics_path = "/metrics";
    int option;
    while ((option = getopt_long(argc, argv, "", options_known, NULL)) != -1) {
        switch (option) {
        case 't':
            options.threads = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            tls.cert_file = optarg;
            options.tls = &tls;
            break;
        case 'k':
            tls.key_file = optarg;
            break;
        case 'r':
            options.recovery = &recovery;
            break;
        case 'f':
            app.fail_at = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            options.log = log_line;
            break;
        default:
            return 2;
        }
    }
    app.base = event_base_new();
    options.base = app.base;
    int rc = app.base ? run(&app, &options) : SIO_ERR_NOMEM;
    event_base_free(app.base);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
