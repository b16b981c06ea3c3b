/* interop-crowd SOCKET COUNT polling|websocket|polling,websocket
 *
 * COUNT clients of one process on one Unix socket, for restart.test.mjs. Prints ALL whenever every
 * client is connected; on SIGTERM what was counted, and ends. Each client expects n(0), n(1)... and
 * answers `report` with what it saw. It uses only the public headers. */
#include <sio/client.h>

#include <event2/event.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_ATTEMPTS = 8, DELAY_MS = 100, DELAY_MAX_MS = 500 };

/* The delays before the attempts of one number. */
struct delays {
    int64_t count, min, max, sum;
};

struct crowd {
    struct event_base *base;
    int count, connected;
    struct delays delays[MAX_ATTEMPTS]; /* the last: of all further attempts */
};

struct member {
    struct crowd *crowd;
    sio_client *client;
    int64_t next, wrong; /* of n(i) */
    int64_t connects, recoveries;
};

static void check(int rc, const char *what) {
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", what, sio_error_text(rc));
        exit(EXIT_FAILURE);
    }
}

static void on_connect(sio_socket *socket, const sio_event *ev, void *user) {
    struct member *m = user;
    (void)ev;
    m->connects++;
    m->recoveries += sio_socket_recovered(socket);
    if (++m->crowd->connected == m->crowd->count) {
        puts("ALL");
    }
}

static void on_disconnect(sio_socket *socket, const sio_event *ev, void *user) {
    struct member *m = user;
    (void)socket, (void)ev;
    m->crowd->connected--;
}

static void on_n(sio_socket *socket, const sio_event *ev, void *user) {
    struct member *m = user;
    (void)socket;
    m->wrong += sio_event_int(ev, 0) != m->next;
    m->next++;
}

static void on_report(sio_socket *socket, const sio_event *ev, void *user) {
    const struct member *m = user;
    (void)socket;
    check(sio_ack_sendf(ev->ack, "I I I I", m->next, m->wrong, m->connects, m->recoveries),
          "report");
}

static void on_scheduled(sio_client *client, const sio_event *ev, void *user) {
    const struct member *m = user;
    int64_t attempt = sio_event_int(ev, 0), ms = sio_event_int(ev, 1);
    struct delays *d = &m->crowd->delays[(attempt < MAX_ATTEMPTS ? attempt : MAX_ATTEMPTS) - 1];
    (void)client;
    d->min = d->count == 0 || ms < d->min ? ms : d->min;
    d->max = ms > d->max ? ms : d->max;
    d->sum += ms;
    d->count++;
}

static void on_end(evutil_socket_t fd, short what, void *user) {
    const struct crowd *crowd = user;
    (void)fd, (void)what;
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        const struct delays *d = &crowd->delays[i];
        printf("DELAYS %d %d %d %d %d\n", i + 1, (int)d->count, (int)d->min, (int)d->max,
               (int)(d->count > 0 ? d->sum / d->count : 0));
    }
    event_base_loopbreak(crowd->base);
}

static void join(struct member *m, const char *path, const char *transports) {
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    sio_client_network network = SIO_CLIENT_NETWORK_INIT;
    network.unix_path = path;
    network.transports = transports;
    options.network = &network;
    options.base = m->crowd->base;
    options.reconnection_delay_ms = DELAY_MS;
    options.reconnection_delay_max_ms = DELAY_MAX_MS;
    check(sio_client_new(&m->client, "http://crowd.test", &options), "client");
    sio_socket *socket = sio_client_socket(m->client, "/");
    check(socket == NULL ? SIO_ERR_NOMEM : 0, "socket");
    check(sio_socket_on(socket, "connect", on_connect, m), "on");
    check(sio_socket_on(socket, "disconnect", on_disconnect, m), "on");
    check(sio_socket_on(socket, "n", on_n, m), "on");
    check(sio_socket_on(socket, "report", on_report, m), "on");
    check(sio_client_on(m->client, "reconnect_scheduled", on_scheduled, m), "on");
}

int main(int argc, char **argv) {
    struct crowd crowd = {.base = event_base_new(), .count = argc == 4 ? atoi(argv[2]) : 0};
    struct member *members = calloc((size_t)(crowd.count > 0 ? crowd.count : 1), sizeof(*members));
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (crowd.count < 1) {
        fputs("usage: interop-crowd SOCKET COUNT TRANSPORTS\n", stderr);
        return 2;
    }
    check(crowd.base == NULL || members == NULL ? SIO_ERR_NOMEM : 0, "memory");
    struct event *end = evsignal_new(crowd.base, SIGTERM, on_end, &crowd);
    check(end == NULL ? SIO_ERR_NOMEM : event_add(end, NULL), "signal");
    for (int i = 0; i < crowd.count; i++) {
        members[i].crowd = &crowd;
        join(&members[i], argv[1], argv[3]);
    }
    event_base_dispatch(crowd.base);
    for (int i = 0; i < crowd.count; i++) {
        sio_client_free(members[i].client);
    }
    free(members);
    event_free(end);
    event_base_free(crowd.base);
    return 0;
}
