/* faults-crowd --url URL|--unix PATH [--clients N] [--first N] [--churn N] [--every MS]
 *              [--transports LIST] [--insecure] [--say]
 *
 * Many clients of one process, numbered from --first, each with numbered events both ways that are
 * written down on both sides (ledger.h). With --churn so many clients a second leave and others
 * take their places; every other one vanishes without a word. Clients with an odd number send again
 * what is not acknowledged. Prints ALL whenever all are connected, once a second what was counted,
 * and with --say each DISCONNECT with the monotonic time in ms.
 * On SIGTERM all compare their ledgers with the server's and leave; then TOTAL is printed:
 * status 0 says that nothing acknowledged was lost, nothing doubled, nothing in disorder, and that
 * who was never disconnected lost nothing at all. */
#include <sio/client.h>

#include "ledger.h"

#include <event2/event.h>

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    ACK_TIMEOUT_MS = 4000,
    TALLY_TIMEOUT_MS = 8000,
    CONNECT_TIMEOUT_MS = 6000,
    DELAY_MS = 100,
    DELAY_MAX_MS = 1000,
    RETRIES = 1000,
    TURN_MS = 50, /* how often clients are chosen to leave */
    LAST_S = 90,  /* how long leaving may take */
};

enum phase { ACTIVE, LEAVING, ASKING, GONE };

struct totals {
    int64_t emitted, acked, received, compared, vanished, connects, disconnects;
    int64_t lost_up, lost_down, wrong_up, wrong_down, unsettled;
};

struct member {
    struct crowd *crowd;
    int number;
    int64_t generation;
    sio_client *client;
    sio_socket *socket;
    enum phase phase;
    struct event *next;
    struct ledger acked;    /* of `put`, by the server */
    struct ledger received; /* of `down` */
    int64_t emitted, answered, failed, disconnects;
    bool connected, again;
};

struct crowd {
    struct event_base *base;
    const char *url, *unix_path, *transports;
    int clients, first, churn, every_ms, connected, left, chosen, seconds;
    bool ending, insecure, say;
    double owed; /* members that are to leave */
    struct member *members;
    struct event *turn, *second, *term;
    struct totals totals;
};

static void check(int rc, const char *what) {
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", what, sio_error_text(rc));
        exit(EXIT_FAILURE);
    }
}

static struct event *event_made(struct event *event) {
    check(event == NULL ? SIO_ERR_NOMEM : 0, "event");
    return event;
}

static struct timeval ms_of(int ms) {
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void member_start(struct member *m);

/* ---- leaving ------------------------------------------------------------------------------- */

static void member_end(struct member *m) {
    struct crowd *crowd = m->crowd;
    crowd->connected -= m->connected;
    m->connected = false;
    m->phase = GONE;
    event_del(m->next);
    sio_client_free(m->client);
    m->client = NULL;
    if (!crowd->ending) {
        member_start(m);
    } else if (++crowd->left == crowd->clients) {
        event_base_loopbreak(crowd->base);
    }
}

/* Frees the client outside of its own callbacks. */
static void member_end_soon(struct member *m) {
    const struct timeval now = {0, 0};
    m->phase = GONE;
    event_add(m->next, &now);
}

static void compare(struct member *m, const sio_event *reply) {
    struct totals *t = &m->crowd->totals;
    sio_bytes received = sio_event_binary(reply, 0), acked = sio_event_binary(reply, 2);
    if (received.len != LEDGER_BYTES || acked.len != LEDGER_BYTES) {
        fprintf(stderr, "client %d: a tally that is none\n", m->number);
        exit(EXIT_FAILURE);
    }
    int64_t lost_up = ledger_lacks(received.ptr, m->acked.bits);
    int64_t lost_down = ledger_lacks(m->received.bits, acked.ptr);
    /* Sent again until acknowledged: may come twice, but must come. */
    int64_t wrong_up = m->again ? 0 : sio_event_int(reply, 1);
    if (m->again) {
        lost_up += m->emitted - m->acked.count;
    }
    /* What was told to have failed may have come or not. */
    if (m->disconnects == 0) {
        int64_t missing = m->emitted - ledger_count(received.ptr) - m->failed;
        lost_up += missing > 0 ? missing : 0;
        lost_down += sio_event_int(reply, 3) - m->received.count;
    }
    t->compared++;
    t->lost_up += lost_up;
    t->lost_down += lost_down;
    t->wrong_up += wrong_up;
    t->wrong_down += m->received.wrong;
    if (lost_up + lost_down + wrong_up + m->received.wrong > 0) {
        fprintf(stderr,
                "client %d.%d: %d of %d lost up, %d of %d lost down, %d and %d doubled or in "
                "disorder\n",
                m->number, (int)m->generation, (int)lost_up, (int)m->emitted, (int)lost_down,
                (int)m->received.count, (int)wrong_up, (int)m->received.wrong);
    }
}

static void ask(struct member *m);

static void on_tally(const sio_event *reply, void *user) {
    struct member *m = user;
    if (m->phase != ASKING) {
        return;
    }
    if (reply->status == SIO_OK && sio_event_count(reply) == 4) {
        compare(m, reply);
        member_end_soon(m);
    } else {
        m->phase = LEAVING; /* asked again from the timer */
    }
}

static void ask(struct member *m) {
    m->phase = ASKING;
    int rc = sio_socket_emit_ackf(m->socket, "tally", TALLY_TIMEOUT_MS, on_tally, m, "i I",
                                  m->number, m->generation);
    if (rc != 0) {
        m->phase = LEAVING;
    }
}

/* ---- events -------------------------------------------------------------------------------- */

static void on_put_acked(const sio_event *reply, void *user) {
    struct member *m = user;
    m->answered++;
    m->failed += reply->status != SIO_OK;
    if (m->phase != GONE && reply->status == SIO_OK) {
        ledger_mark(&m->acked, sio_event_int(reply, 0));
        m->crowd->totals.acked++;
    }
}

static void put(struct member *m) {
    static const char padding[2000] = "";
    size_t len = (size_t)(m->emitted * 37 % (int64_t)sizeof padding);
    if (m->emitted == LEDGER_EVENTS) {
        m->phase = LEAVING;
        return;
    }
    int rc = sio_socket_emit_ackf(m->socket, "put", m->again ? 0 : ACK_TIMEOUT_MS, on_put_acked, m,
                                  "i I I B", m->number, m->generation, m->emitted,
                                  (const void *)padding, len);
    if (rc == 0) {
        m->emitted++;
        m->crowd->totals.emitted++;
    }
}

static void on_next(evutil_socket_t fd, short what, void *user) {
    struct member *m = user;
    const struct timeval again = ms_of(m->phase == ACTIVE ? m->crowd->every_ms : 4 * TURN_MS);
    (void)fd, (void)what;
    if (m->phase == GONE) {
        member_end(m);
        return;
    }
    event_add(m->next, &again);
    if (m->phase == ACTIVE) {
        put(m);
    } else if (m->phase == LEAVING && m->answered == m->emitted) {
        ask(m);
    }
}

static void on_down(sio_socket *socket, const sio_event *ev, void *user) {
    struct member *m = user;
    (void)socket;
    if (m->phase != GONE && sio_event_int(ev, 0) == m->generation) {
        ledger_add(&m->received, sio_event_int(ev, 1));
        m->crowd->totals.received++;
        (void)sio_ack_send(ev->ack, NULL);
    }
}

static void on_connect(sio_socket *socket, const sio_event *ev, void *user) {
    struct member *m = user;
    (void)ev;
    m->connected = true;
    m->crowd->totals.connects++;
    if (m->phase == ACTIVE) {
        (void)sio_socket_emitf(socket, "enter", "i I", m->number, m->generation);
    }
    if (++m->crowd->connected == m->crowd->clients) {
        puts("ALL");
    }
}

static void on_disconnect(sio_socket *socket, const sio_event *ev, void *user) {
    struct member *m = user;
    struct timespec ts;
    (void)socket;
    m->crowd->connected -= m->connected;
    m->connected = false;
    m->disconnects++;
    m->crowd->totals.disconnects++;
    if (m->crowd->say) {
        clock_gettime(CLOCK_MONOTONIC, &ts);
        printf("DISCONNECT %lld %d %s\n", (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000,
               m->number, ev->reason);
    }
}

/* ---- clients ------------------------------------------------------------------------------- */

static void member_connect(struct member *m) {
    static const char *const transports[] = {"websocket", "polling", "polling,websocket"};
    const struct crowd *crowd = m->crowd;
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    sio_client_network network = SIO_CLIENT_NETWORK_INIT;
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    network.unix_path = crowd->unix_path;
    network.transports = crowd->transports != NULL ? crowd->transports : transports[m->number % 3];
    tls.insecure = crowd->insecure;
    options.network = &network;
    options.tls = crowd->insecure ? &tls : NULL;
    options.base = crowd->base;
    options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    options.reconnection_delay_ms = DELAY_MS;
    options.reconnection_delay_max_ms = DELAY_MAX_MS;
    options.retries = m->again ? RETRIES : 0;
    options.ack_timeout_ms = m->again ? ACK_TIMEOUT_MS : 0;
    check(sio_client_new(&m->client, crowd->url, &options), "client");
    m->socket = sio_client_socket(m->client, "/");
    check(m->socket == NULL ? SIO_ERR_NOMEM : 0, "socket");
    check(sio_socket_on(m->socket, "connect", on_connect, m), "on");
    check(sio_socket_on(m->socket, "disconnect", on_disconnect, m), "on");
    check(sio_socket_on(m->socket, "down", on_down, m), "on");
}

static void member_start(struct member *m) {
    m->generation++;
    m->phase = ACTIVE;
    m->emitted = m->answered = m->failed = m->disconnects = 0;
    ledger_reset(&m->acked);
    ledger_reset(&m->received);
    member_connect(m);
    if (m->crowd->every_ms > 0) {
        const struct timeval first = ms_of(rand() % m->crowd->every_ms);
        event_add(m->next, &first);
    }
}

static void vanish(struct member *m) {
    m->crowd->totals.vanished++;
    member_end(m);
}

static void on_turn(evutil_socket_t fd, short what, void *user) {
    struct crowd *crowd = user;
    (void)fd, (void)what;
    for (crowd->owed += crowd->churn * TURN_MS / 1000.0; crowd->owed >= 1; crowd->owed--) {
        struct member *m = &crowd->members[rand() % crowd->clients];
        if (m->phase == ACTIVE && crowd->chosen++ % 2 == 0) {
            m->phase = LEAVING;
        } else if (m->phase == ACTIVE) {
            vanish(m);
        }
    }
}

static void print(const struct crowd *crowd, const char *word) {
    const struct totals *t = &crowd->totals;
    printf("%s connected %d emitted %d acked %d received %d connects %d disconnects %d compared %d "
           "vanished %d lost %d %d wrong %d %d unsettled %d\n",
           word, crowd->connected, (int)t->emitted, (int)t->acked, (int)t->received,
           (int)t->connects, (int)t->disconnects, (int)t->compared, (int)t->vanished,
           (int)t->lost_up, (int)t->lost_down, (int)t->wrong_up, (int)t->wrong_down,
           (int)t->unsettled);
}

static void on_second(evutil_socket_t fd, short what, void *user) {
    struct crowd *crowd = user;
    (void)fd, (void)what;
    print(crowd, "STAT");
    if (crowd->ending && ++crowd->seconds == LAST_S) {
        crowd->totals.unsettled = crowd->clients - crowd->left;
        event_base_loopbreak(crowd->base);
    }
}

static void on_term(evutil_socket_t fd, short what, void *user) {
    const struct timeval now = {0, 0};
    struct crowd *crowd = user;
    (void)fd, (void)what;
    crowd->ending = true;
    event_del(crowd->turn);
    for (int i = 0; i < crowd->clients; i++) {
        struct member *m = &crowd->members[i];
        if (crowd->every_ms == 0) {
            member_end(m);
        } else {
            m->phase = m->phase == ACTIVE ? LEAVING : m->phase;
            event_add(m->next, &now);
        }
    }
}

static void read_settings(struct crowd *crowd, int argc, char **argv) {
    static const struct option names[] = {
        {"first", required_argument, NULL, 'f'},
        {"url", required_argument, NULL, 'u'},
        {"unix", required_argument, NULL, 'x'},
        {"clients", required_argument, NULL, 'n'},
        {"churn", required_argument, NULL, 'c'},
        {"every", required_argument, NULL, 'e'},
        {"transports", required_argument, NULL, 't'},
        {"insecure", no_argument, NULL, 'i'},
        {"say", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'u':
            crowd->url = optarg;
            break;
        case 'x':
            crowd->unix_path = optarg;
            break;
        case 'n':
            crowd->clients = atoi(optarg);
            break;
        case 'f':
            crowd->first = atoi(optarg);
            break;
        case 'c':
            crowd->churn = atoi(optarg);
            break;
        case 'e':
            crowd->every_ms = atoi(optarg);
            break;
        case 'i':
            crowd->insecure = true;
            break;
        case 's':
            crowd->say = true;
            break;
        case 't':
            crowd->transports = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc || crowd->clients < 1 || (crowd->url == NULL && crowd->unix_path == NULL)) {
        fputs("usage: faults-crowd --url URL|--unix PATH [--clients N] [--first N] [--churn N] "
              "[--every MS]\n"
              "                    [--transports LIST] [--insecure] [--say]\n",
              stderr);
        exit(2);
    }
    crowd->url = crowd->url != NULL ? crowd->url : "http://crowd.test";
}

int main(int argc, char **argv) {
    const struct timeval turn = ms_of(TURN_MS), second = ms_of(1000);
    struct crowd crowd = {.base = event_base_new(), .clients = 1};
    signal(SIGPIPE, SIG_DFL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_settings(&crowd, argc, argv);
    crowd.members = calloc((size_t)crowd.clients, sizeof *crowd.members);
    check(crowd.base == NULL || crowd.members == NULL ? SIO_ERR_NOMEM : 0, "memory");
    crowd.turn = event_made(event_new(crowd.base, -1, EV_PERSIST, on_turn, &crowd));
    crowd.second = event_made(event_new(crowd.base, -1, EV_PERSIST, on_second, &crowd));
    crowd.term = event_made(evsignal_new(crowd.base, SIGTERM, on_term, &crowd));
    event_add(crowd.term, NULL);
    event_add(crowd.turn, &turn);
    event_add(crowd.second, &second);
    for (int i = 0; i < crowd.clients; i++) {
        struct member *m = &crowd.members[i];
        m->crowd = &crowd;
        m->number = crowd.first + i;
        m->again = i % 2 == 1;
        m->next = event_made(evtimer_new(crowd.base, on_next, m));
        member_start(m);
    }
    event_base_dispatch(crowd.base);
    for (int i = 0; i < crowd.clients; i++) {
        sio_client_free(crowd.members[i].client);
        event_free(crowd.members[i].next);
    }
    print(&crowd, "TOTAL");
    event_free(crowd.turn);
    event_free(crowd.second);
    event_free(crowd.term);
    event_base_free(crowd.base);
    free(crowd.members);
    const struct totals *t = &crowd.totals;
    return t->lost_up + t->lost_down + t->wrong_up + t->wrong_down + t->unsettled > 0;
}
