/* faults-server: what the faults are done to. Public headers only, on its own event base, with
 * SIGPIPE as the system has it. Prints LISTENING; with --say each CONNECT and DISCONNECT with the
 * monotonic time in ms. Counters stand at /metrics. SIGTERM closes it gracefully.
 *
 * Commands come on stdin, one a line, and are answered with OK:
 *   tick MS            send n(0), n(1)... to all, every MS; 0: no more
 *   flood COUNT BYTES  send so many events data(i, text) to all, at once
 *   report             ask all for `report`; answered with REPORT and the sums of what they say */
#include "../support/server_handlers.h"
#include "../support/server_program.h"
#include "ledger.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REPORT_TIMEOUT_MS = 20000, DOWN_TIMEOUT_MS = 5000, MAX_SLOTS = 1 << 16 };

/* One client of the crowd at a time has a slot. Its generation says which. */
struct slot {
    int64_t generation;
    struct ledger received; /* of `put` */
    struct ledger acked;    /* of `down` */
    int64_t next;
};

/* What is kept for each peer that has entered. What a connection carried may arrive when the client
 * has the next one already, so the order is that of one connection. */
struct entered {
    struct slot *slot;
    int64_t generation, last;
};

struct app {
    struct program program;
    sio_namespace *root;
    struct event *tick, *pour, *commands;
    struct slot *slots;
    int64_t next_n;
    bool say;
    char line[256];
    size_t line_len;
};

struct settings {
    struct common_settings common;
    const char *unix_path;
    uint32_t sndbuf, close_ms, down_ms;
    bool say, recovery;
};

static struct app *app_of(sio_peer *peer) {
    return sio_server_user(sio_peer_server(peer));
}

static void say(const struct app *app, const char *what, sio_peer *peer, const char *more) {
    struct timespec ts;
    if (app->say) {
        clock_gettime(CLOCK_MONOTONIC, &ts);
        printf("%s %lld %s %s\n", what, (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000,
               sio_peer_id(peer), more);
    }
}

/* ---- what peers may ask for ---------------------------------------------------------------- */

static void on_join(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    (void)sio_peer_join(peer, sio_event_string(ev, 0)); /* there may be no memory */
    if (ev->ack != NULL) {
        (void)sio_ack_send(ev->ack, NULL);
    }
}

/* Acknowledged with the wall clock's time of the handshake. */
static void on_issued(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    if (ev->ack != NULL) {
        (void)sio_ack_sendf(ev->ack, "U", sio_peer_handshake(peer)->issued_ms);
    }
}

/* stream(count): n(0) to n(count - 1) at once, then `end` */
static void on_stream(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    for (int64_t i = 0; i < sio_event_int(ev, 0); i++) {
        (void)sio_peer_emitf(peer, "n", "I", i);
    }
    (void)sio_peer_emitf(peer, "end", "");
}

/* ---- the ledgers of the crowd -------------------------------------------------------------- */

static struct slot *slot_of(struct app *app, const sio_event *ev) {
    int64_t number = sio_event_int(ev, 0), generation = sio_event_int(ev, 1);
    if (number < 0 || number >= MAX_SLOTS) {
        return NULL;
    }
    struct slot *slot = &app->slots[number];
    if (generation > slot->generation) {
        slot->generation = generation;
        slot->next = 0;
        ledger_reset(&slot->received);
        ledger_reset(&slot->acked);
    }
    return generation == slot->generation ? slot : NULL;
}

/* enter(slot, generation): from now on its `down` events come here */
static void on_enter(sio_peer *peer, const sio_event *ev, void *user) {
    char room[32];
    struct slot *slot = slot_of(app_of(peer), ev);
    struct entered *entered = slot != NULL ? malloc(sizeof *entered) : NULL;
    (void)user;
    if (entered != NULL) { /* there may be no memory */
        *entered = (struct entered){.slot = slot, .generation = slot->generation, .last = -1};
        sio_peer_set_user(peer, entered, free);
        snprintf(room, sizeof room, "slot%d", (int)sio_event_int(ev, 0));
        (void)sio_peer_join(peer, room);
    }
    if (ev->ack != NULL) {
        (void)sio_ack_sendf(ev->ack, "b", entered != NULL);
    }
}

/* put(slot, generation, n, padding) */
static void on_put(sio_peer *peer, const sio_event *ev, void *user) {
    struct slot *slot = slot_of(app_of(peer), ev);
    struct entered *entered = sio_peer_user(peer);
    int64_t n = sio_event_int(ev, 2);
    (void)user;
    if (slot == NULL) {
        return;
    }
    ledger_mark(&slot->received, n);
    if (entered != NULL) {
        slot->received.wrong += n < entered->last;
        entered->last = n;
    }
    if (ev->ack != NULL) {
        (void)sio_ack_sendf(ev->ack, "I", n);
    }
}

/* tally(slot, generation): what came here, how much of it wrongly, what was acknowledged, and how
 * much was sent */
static void on_tally(sio_peer *peer, const sio_event *ev, void *user) {
    struct slot *slot = slot_of(app_of(peer), ev);
    (void)user;
    sio_peer_set_user(peer, NULL, NULL);
    if (slot != NULL && ev->ack != NULL) {
        (void)sio_ack_sendf(ev->ack, "B I B I", (const void *)slot->received.bits,
                            (size_t)LEDGER_BYTES, slot->received.wrong,
                            (const void *)slot->acked.bits, (size_t)LEDGER_BYTES, slot->next);
    }
}

struct sent {
    struct slot *slot;
    int64_t generation, n;
};

static void on_down_acked(const sio_event *reply, void *user) {
    struct sent *sent = user;
    if (reply->status == SIO_OK && sent->slot->generation == sent->generation) {
        ledger_mark(&sent->slot->acked, sent->n);
    }
    free(sent);
}

static void send_down(sio_peer *peer, void *user) {
    struct entered *entered = sio_peer_user(peer);
    (void)user;
    if (entered == NULL || entered->slot->generation != entered->generation ||
        entered->slot->next == LEDGER_EVENTS) {
        return;
    }
    struct slot *slot = entered->slot;
    struct sent *sent = malloc(sizeof *sent);
    check(sent == NULL ? SIO_ERR_NOMEM : 0, "down");
    *sent = (struct sent){.slot = slot, .generation = slot->generation, .n = slot->next++};
    if (sio_peer_emit_ackf(peer, "down", DOWN_TIMEOUT_MS, on_down_acked, sent, "I I",
                           sent->generation, sent->n) != 0) {
        free(sent);
    }
}

static void on_pour(evutil_socket_t fd, short what, void *user) {
    struct app *app = user;
    (void)fd, (void)what;
    check(sio_namespace_each(app->root, send_down, app), "each");
}

/* ---- commands ------------------------------------------------------------------------------ */

static void on_tick(evutil_socket_t fd, short what, void *user) {
    struct app *app = user;
    sio_target all = sio_namespace_target(app->root);
    (void)fd, (void)what;
    (void)sio_target_emitf(&all, "n", "I", app->next_n++);
}

static void start_ticks(struct app *app, int ms) {
    const struct timeval every = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    event_del(app->tick);
    if (ms > 0) {
        event_add(app->tick, &every);
    }
}

static void flood(struct app *app, int count, int bytes) {
    sio_target all = sio_namespace_target(app->root);
    char *text = malloc((size_t)bytes + 1);
    check(text == NULL ? SIO_ERR_NOMEM : 0, "flood");
    memset(text, 'x', (size_t)bytes);
    text[bytes] = '\0';
    for (int i = 0; i < count; i++) {
        (void)sio_target_emitf(&all, "data", "i s", i, text);
    }
    free(text);
}

static void on_reports(const sio_target_reply *reply, void *user) {
    int64_t sums[4] = {0};
    (void)user;
    for (size_t i = 0; i < reply->response_count; i++) {
        for (size_t j = 0; j < 4; j++) {
            sums[j] += sio_args_int(reply->responses[i].args, j);
        }
    }
    printf("REPORT %d %d %d %d %d %d\n", (int)reply->asked, (int)reply->response_count,
           (int)sums[0], (int)sums[1], (int)sums[2], (int)sums[3]);
}

static void ask_for_reports(struct app *app) {
    sio_target all = sio_namespace_target(app->root);
    check(sio_target_emit_ackf(&all, "report", REPORT_TIMEOUT_MS, on_reports, app, ""), "report");
}

static void on_line(struct app *app, const char *line) {
    int a = 0, b = 0;
    if (sscanf(line, "tick %d", &a) == 1) {
        start_ticks(app, a);
    } else if (sscanf(line, "flood %d %d", &a, &b) == 2) {
        flood(app, a, b);
    } else if (strcmp(line, "report") == 0) {
        ask_for_reports(app);
    } else {
        fprintf(stderr, "faults-server: what is %s?\n", line);
        exit(2);
    }
    puts("OK");
}

static void on_command(evutil_socket_t fd, short what, void *user) {
    struct app *app = user;
    ssize_t n = read(fd, app->line + app->line_len, sizeof app->line - app->line_len - 1);
    char *end;
    (void)what;
    if (n <= 0) {
        event_del(app->commands);
        return;
    }
    app->line_len += (size_t)n;
    app->line[app->line_len] = '\0';
    while ((end = strchr(app->line, '\n')) != NULL) {
        *end = '\0';
        on_line(app, app->line);
        app->line_len -= (size_t)(end + 1 - app->line);
        memmove(app->line, end + 1, app->line_len + 1);
    }
}

/* ---- set-up -------------------------------------------------------------------------------- */

static void on_connection(sio_peer *peer, const sio_event *ev, void *user) {
    (void)ev, (void)user;
    say(app_of(peer), "CONNECT", peer, sio_peer_recovered(peer) ? "recovered" : "new");
}

static void on_disconnect(sio_peer *peer, const sio_event *ev, void *user) {
    (void)user;
    say(app_of(peer), "DISCONNECT", peer, ev->reason);
}

static const char usage[] =
    "usage: faults-server [--host ADDRESS] [--port N] [--unix PATH] [--say] [--recovery]\n"
    "  [--tls-cert FILE --tls-key FILE] [--sndbuf BYTES] [--ping-interval MS]\n"
    "  [--ping-timeout MS] [--max-queued BYTES] [--close MS] [--down MS]\n";

static void read_arguments(struct settings *s, int argc, char **argv) {
    const struct setting own[] = {
        {"unix", SETTING_TEXT, &s->unix_path},
        {"say", SETTING_FLAG, &s->say},
        {"recovery", SETTING_FLAG, &s->recovery},
        {"sndbuf", SETTING_U32, &s->sndbuf},
        {"max-queued", SETTING_U64, &s->common.options.max_queued_bytes},
        {"close", SETTING_U32, &s->close_ms},
        {"down", SETTING_U32, &s->down_ms},
        {NULL, SETTING_END, NULL},
    };
    read_settings(&s->common, own, argc, argv, usage);
}

/* Accepted sockets inherit the size of the send buffer. */
static void listen_narrow(sio_server *server, const struct settings *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(s->common.port)};
    int size = (int)s->sndbuf;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || inet_pton(AF_INET, s->common.host, &at.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 128) != 0) {
        perror("listen");
        exit(EXIT_FAILURE);
    }
    check(sio_server_listen_fd(server, fd, NULL, NULL), "listen");
}

static void listen_somewhere(sio_server *server, const struct settings *s) {
    sio_listen_options options = SIO_LISTEN_OPTIONS_INIT;
    if (s->sndbuf > 0) {
        listen_narrow(server, s);
        return;
    }
    options.host = s->unix_path == NULL ? s->common.host : NULL;
    options.port = s->common.port;
    options.unix_path = s->unix_path;
    options.backlog = 4096;
    check(sio_server_listen_with(server, &options, NULL), "listen");
}

static void set_up_root(struct app *app) {
    static const struct handler handlers[] = {
        {"echo", on_echo},     {"join", on_join},
        {"stream", on_stream}, {"issued", on_issued},
        {"enter", on_enter},   {"put", on_put},
        {"tally", on_tally},   {"disconnect", on_disconnect},
    };
    app->root = sio_server_of(app->program.server, "/");
    check(app->root == NULL ? SIO_ERR_NOMEM : 0, "namespace");
    check(sio_namespace_on_connection(app->root, on_connection, NULL), "handler");
    add_handlers(app->root, handlers, sizeof handlers / sizeof handlers[0], NULL);
}

static struct event *event_made(struct event *event) {
    check(event == NULL ? SIO_ERR_NOMEM : 0, "event");
    return event;
}

static void add_events(struct app *app, uint32_t down_ms) {
    const struct timeval down = {.tv_sec = down_ms / 1000,
                                 .tv_usec = (suseconds_t)(down_ms % 1000) * 1000};
    app->tick = event_made(event_new(app->program.base, -1, EV_PERSIST, on_tick, app));
    app->pour = event_made(event_new(app->program.base, -1, EV_PERSIST, on_pour, app));
    app->commands = event_made(
        event_new(app->program.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, app));
    event_add(app->commands, NULL); /* impossible on /dev/null, and not needed there */
    if (down_ms > 0) {
        event_add(app->pour, &down);
    }
}

int main(int argc, char **argv) {
    struct settings s = {.common = COMMON_SETTINGS_INIT, .close_ms = 1000};
    sio_server_options *options = &s.common.options;
    sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    struct app app = {.slots = calloc(MAX_SLOTS, sizeof(struct slot))};
    signal(SIGPIPE, SIG_DFL);
    read_arguments(&s, argc, argv);
    check(app.slots == NULL ? SIO_ERR_NOMEM : 0, "memory");
    app.say = s.say;
    options->metrics_path = "/metrics";
    options->tls = s.common.tls.cert_file != NULL ? &s.common.tls : NULL;
    options->recovery = s.recovery ? &recovery : NULL;
    program_init(&app.program, options, s.close_ms);
    sio_server_set_user(app.program.server, &app);
    set_up_root(&app);
    add_events(&app, s.down_ms);
    listen_somewhere(app.program.server, &s);
    check(program_run(&app.program), "loop");

    event_free(app.tick);
    event_free(app.pour);
    event_free(app.commands);
    program_done(&app.program);
    free(app.slots);
    return 0;
}
