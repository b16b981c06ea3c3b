/* A load driver for Socket.IO servers that answer `echo`, `ack` and `bcast` as README.md says. Each
 * answer is compared byte for byte with the one that is due, in order, on each connection. Prints
 * one line of JSON; the exit status is 0 when nothing was lost, reordered or altered. */
#include "histogram.h"
#include "conn.h"
#include "process.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef enum scenario { ECHO, ACK, BINARY, BROADCAST, POLLING, IDLE, CONNECT } scenario;

static const char *const scenario_names[] = {"echo",    "ack",  "binary", "broadcast",
                                             "polling", "idle", "connect"};

typedef struct options {
    scenario scenario;
    uint16_t port;
    unsigned connections;
    unsigned window; /* messages on their way, on each connection */
    size_t payload;
    double seconds;
    double warmup;
    double rate;       /* of all connections together; 0: as fast as the window allows */
    uint64_t messages; /* sent in all, however long it takes; 0: as many as the time allows */
    bool spin;
    bool json;               /* objects instead of letters */
    bool touch;              /* idle: one message on each connection before they are held */
    bool deflate;            /* permessage-deflate */
    bool resume;             /* TLS sessions */
    const char *certificate; /* of the server; NULL: no TLS */
    processes servers;
} options;

typedef enum client_state { CLOSED, OPENING, JOINING, READY } client_state;

typedef struct client {
    conn main; /* the WebSocket, or the connection that polls */
    conn post;
    client_state state;
    bool posting;
    bool half; /* the text of an answer has come, not yet its attachment */
    unsigned index;
    uint64_t sent;
    uint64_t received;
    uint64_t *started; /* of the messages on their way, in ns, by number modulo `ring` */
    char sid[64];
    bytes posts; /* what the next POST brings */
} client;

typedef struct snapshot {
    uint64_t at;
    uint64_t server_cpu;
    uint64_t own_cpu;
    uint64_t machine_busy;
    uint64_t received;
} snapshot;

static options opt = {.connections = 100, .window = 1, .payload = 16, .seconds = 2, .warmup = 1};
static conns all;
static client *clients;
static uint64_t ring;
static unsigned *have;   /* how many clients have a broadcast, by number modulo `ring` */
static uint64_t arrived; /* broadcasts that all clients have */
static unsigned ready;
static uint64_t sent;
static uint64_t received;
static bool sending;         /* new messages are sent */
static uint64_t counts_from; /* latencies count of messages that were due from here ... */
static uint64_t counts_to;   /* ... and before here, whenever they are answered */
static histogram latencies;
static histogram delays; /* with a rate: how long after they were due messages were sent */
static char *pattern;
static bytes objects[61]; /* with --json: what is sent instead */

enum {
    PATTERN_SHIFTS = sizeof(objects) / sizeof(objects[0]),
    RING_OPEN = 65536,
    OPENING_MAX = 64,
    BURST_MAX = 64, /* messages that are due, sent before answers are read */
};

static uint64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- messages ---- */

/* No quotes, no backslashes; and no two shifts of it are alike. */
static void make_pattern(void) {
    size_t len = opt.payload + PATTERN_SHIFTS;
    pattern = malloc(len);
    uint32_t state = 12345;
    for (size_t i = 0; pattern && i < len; i++) {
        state = state * 1664525 + 1013904223;
        pattern[i] = (char)('a' + (state >> 24) % 26);
    }
}

/* What programs send: a list of records, up to about the payload's length. */
static void make_objects(void) {
    for (unsigned i = 0; i < PATTERN_SHIFTS; i++) {
        bytes *b = &objects[i];
        for (unsigned n = 0; n == 0 || b->len + 80 < opt.payload; n++) {
            char one[128];
            int len = snprintf(one, sizeof(one),
                               "%c{\"id\":%u,\"name\":\"user %u\",\"online\":%s,\"score\":%u.5,"
                               "\"tags\":[\"red\",\"blue\"]}",
                               n == 0 ? '[' : ',', 1000 + i * 17 + n, i + n * 7,
                               (i + n) % 3 == 0 ? "true" : "false", (i * 31 + n * 7) % 100);
            bytes_add(b, one, (size_t)len);
        }
        bytes_text(b, "]");
    }
}

static const char *body_of(const client *c, uint64_t number) {
    return pattern + (number * 7 + c->index) % PATTERN_SHIFTS;
}

/* The text of message `number`, as it is sent or as its answer is to look. */
static void compose(bytes *out, const client *c, uint64_t number, bool answer) {
    out->len = 0;
    if (opt.scenario == BINARY) {
        bytes_text(out, "451-[\"echo\",");
        bytes_number(out, number);
        bytes_text(out, ",{\"_placeholder\":true,\"num\":0}]");
        return;
    }
    if (opt.scenario == ACK) {
        bytes_text(out, answer ? "43" : "42");
        bytes_number(out, number);
        bytes_text(out, answer ? "[" : "[\"ack\",");
    } else {
        bytes_text(out, opt.scenario == BROADCAST ? "42[\"bcast\"," : "42[\"echo\",");
    }
    bytes_number(out, number);
    if (opt.json) {
        const bytes *body = &objects[(number * 7 + c->index) % PATTERN_SHIFTS];
        bytes_text(out, ",");
        bytes_add(out, body->data, body->len);
        bytes_text(out, "]");
        return;
    }
    bytes_text(out, ",\"");
    bytes_add(out, body_of(c, number), opt.payload);
    bytes_text(out, "\"]");
}

/* The server does not keep up with the rate. That is an answer, too. */
static void late(void) __attribute__((noreturn));
static void late(void) {
    printf("{\"scenario\":\"%s\",\"late\":true,\"ok\":true}\n", scenario_names[opt.scenario]);
    fflush(stdout);
    _exit(0);
}

static void begin_message(client *c, uint64_t started) {
    if (c->sent - c->received >= ring) {
        late();
    }
    c->started[c->sent % ring] = started;
    c->sent++;
    sent++;
    if (sent == opt.messages) {
        sending = false;
    }
}

/* Put the next message of this WebSocket. */
static void put_message(client *c, uint64_t started) {
    static bytes text;
    compose(&text, c, c->sent, false);
    conn_put_frame(&all, true, &text);
    if (opt.scenario == BINARY) {
        bytes attachment = {.data = pattern + (body_of(c, c->sent) - pattern), .len = opt.payload};
        conn_put_frame(&all, false, &attachment);
    }
    begin_message(c, started);
}

/* One more client has the broadcast. */
static void count_broadcast(uint64_t number) {
    have[number % ring]++;
    while (have[arrived % ring] == opt.connections) {
        have[arrived % ring] = 0;
        arrived++;
    }
}

/* The answer to the oldest message is complete. */
static void count_answer(client *c, const client *sender) {
    uint64_t started = sender->started[c->received % ring];
    if (opt.scenario == BROADCAST) {
        count_broadcast(c->received);
    }
    c->received++;
    received++;
    if (started >= counts_from && started < counts_to) {
        histogram_add(&latencies, now_ns() - started);
    }
}

static void check(bool same, const client *c, const char *data, size_t len) {
    if (!same) {
        die("connection %u, answer %llu: got %.*s%s", c->index, (unsigned long long)c->received,
            (int)(len < 200 ? len : 200), data, len < 200 ? "" : "...");
    }
}

/* Check an event or acknowledgement. All broadcasts come from the first client. */
static void take_text(client *c, const char *data, size_t len) {
    static bytes due;
    const client *sender = opt.scenario == BROADCAST ? clients : c;
    check(!c->half && c->received < sender->sent, c, data, len);
    compose(&due, sender, c->received, true);
    check(len == due.len && memcmp(data, due.data, len) == 0, c, data, len);
    if (opt.scenario == BINARY) {
        c->half = true;
    } else {
        count_answer(c, sender);
    }
}

static void take_attachment(client *c, const char *data, size_t len) {
    bool same = c->half && len == opt.payload && memcmp(data, body_of(c, c->received), len) == 0;
    check(same, c, "(binary)", 8);
    c->half = false;
    count_answer(c, c);
}

/* ---- WebSockets ---- */

static void put_plain(const char *text) {
    static bytes payload;
    payload.len = 0;
    bytes_text(&payload, text);
    conn_put_frame(&all, true, &payload);
}

static void joined(client *c) {
    if (c->state != JOINING) {
        die("an unexpected CONNECT");
    }
    c->state = READY;
    ready++;
}

static void fill_window(client *c) {
    while (sending && opt.rate == 0 && opt.scenario != BROADCAST && opt.scenario < IDLE &&
           c->sent - c->received < opt.window) {
        put_message(c, now_ns());
    }
}

static void on_packet(client *c, const char *data, size_t len) {
    if (len >= 1 && data[0] == '0' && c->state == OPENING) {
        c->state = JOINING;
        put_plain("40");
    } else if (len == 1 && data[0] == '2') {
        put_plain("3");
    } else if (len >= 2 && memcmp(data, "40", 2) == 0) {
        joined(c);
    } else {
        take_text(c, data, len);
        fill_window(c);
    }
}

/* ---- polling ---- */

static void poll_again(client *c) {
    char head[256];
    int len = snprintf(head, sizeof(head),
                       "GET /socket.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\n"
                       "Host: 127.0.0.1\r\n\r\n",
                       c->sid[0] ? "&sid=" : "", c->sid);
    conn_put_text(&all, head, (size_t)len);
    conn_flush(&all, &c->main);
}

static void post_all(client *c) {
    char head[256];
    if (c->posting || c->posts.len == 0) {
        return;
    }
    int len = snprintf(head, sizeof(head),
                       "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\n"
                       "Host: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       c->sid, c->posts.len);
    c->posting = true;
    conn_put_text(&all, head, (size_t)len);
    conn_put_text(&all, c->posts.data, c->posts.len);
    c->posts.len = 0;
    conn_flush(&all, &c->post);
}

static void post(client *c, const char *text, size_t len) {
    if (c->posts.len > 0) {
        bytes_add(&c->posts, "\x1e", 1);
    }
    bytes_add(&c->posts, text, len);
}

static void post_window(client *c) {
    static bytes text;
    while (sending && c->sent - c->received < opt.window) {
        compose(&text, c, c->sent, false);
        post(c, text.data, text.len);
        begin_message(c, now_ns());
    }
}

static void take_sid(client *c, const char *data, size_t len) {
    const char *sid = memmem(data, len, "\"sid\":\"", 7);
    const char *end = sid ? memchr(sid + 7, '"', len - (size_t)(sid + 7 - data)) : NULL;
    if (!end || (size_t)(end - sid) - 7 >= sizeof(c->sid)) {
        die("no session id in %.*s", (int)len, data);
    }
    memcpy(c->sid, sid + 7, (size_t)(end - sid) - 7);
    c->state = JOINING;
    post(c, "40", 2);
}

static void on_polled_packet(client *c, const char *data, size_t len) {
    if (c->state == OPENING) {
        take_sid(c, data, len);
    } else if (len == 1 && data[0] == '2') {
        post(c, "3", 1);
    } else if (len >= 2 && memcmp(data, "40", 2) == 0) {
        joined(c);
    } else {
        take_text(c, data, len);
    }
}

static void on_answer(client *c, const conn *from, const char *data, size_t len) {
    if (from == &c->post) {
        check(len == 2 && memcmp(data, "ok", 2) == 0, c, data, len);
        c->posting = false;
    } else {
        while (len > 0) {
            const char *end = memchr(data, '\x1e', len);
            size_t packet = end ? (size_t)(end - data) : len;
            on_polled_packet(c, data, packet);
            data += end ? packet + 1 : packet;
            len -= end ? packet + 1 : packet;
        }
        poll_again(c);
        post_window(c);
    }
    post_all(c);
}

/* ---- conns ---- */

static void on_open(conn *from) {
    client *c = from->user;
    c->state = OPENING;
}

static void on_message(conn *from, bool text, const char *data, size_t len) {
    client *c = from->user;
    if (opt.scenario == POLLING) {
        on_answer(c, from, data, len);
    } else if (text) {
        on_packet(c, data, len);
    } else {
        take_attachment(c, data, len);
        fill_window(c);
    }
}

static void start_client(client *c, unsigned index) {
    *c = (client){.index = index, .state = OPENING, .started = calloc(ring, sizeof(uint64_t))};
    if (opt.scenario == POLLING) {
        conn_start(&all, &c->main, CONN_HTTP, c);
        conn_start(&all, &c->post, CONN_HTTP, c);
        poll_again(c);
    } else {
        conn_start(&all, &c->main, CONN_WEBSOCKET, c);
    }
}

/* ---- sending by itself ---- */

static void send_one(client *c, uint64_t started) {
    put_message(c, started);
    conn_flush(&all, &c->main);
}

/* The first client keeps `window` broadcasts on their way. One has arrived when all have it. */
static void keep_broadcasting(void) {
    while (sending && opt.scenario == BROADCAST && clients->sent - arrived < opt.window) {
        send_one(clients, now_ns());
    }
}

static void begin_sending(void) {
    sending = true;
    for (unsigned i = 0; i < opt.connections && opt.rate == 0; i++) {
        client *c = &clients[i];
        if (opt.scenario == POLLING) {
            post_window(c);
            post_all(c);
        } else {
            fill_window(c);
            conn_flush(&all, &c->main);
        }
    }
}

/* Open loop: message n is due at a time that no answer moves, and its latency counts from there,
 * also when this program is late. Returns how long nothing is due, in ns. */
static int64_t keep_rate(uint64_t began) {
    for (int burst = 0; sending && burst < BURST_MAX; burst++) {
        uint64_t due = began + (uint64_t)((double)sent * 1e9 / opt.rate);
        uint64_t now = now_ns();
        if (due >= counts_to) {
            sending = false; /* the last one is sent */
        } else if (due > now) {
            return (int64_t)(due - now);
        } else {
            if (due >= counts_from) {
                histogram_add(&delays, now - due);
            }
            send_one(&clients[sent % opt.connections], due);
        }
    }
    return sending ? 0 : 10000000;
}

/* One turn of everything, at most until `end`. */
static void turn(uint64_t began, uint64_t end) {
    uint64_t now = now_ns();
    int64_t wait = end > now ? (int64_t)(end - now) : 0;
    keep_broadcasting();
    if (opt.rate > 0) {
        int64_t due = keep_rate(began);
        wait = due < wait ? due : wait;
    }
    conns_turn(&all, opt.spin ? 0 : wait);
}

static void run_until(uint64_t began, uint64_t end) {
    while (now_ns() < end) {
        turn(began, end);
    }
}

/* ---- measuring ---- */

static uint64_t machine_busy(void) {
    unsigned long long user = 0, nice_ = 0, sys = 0, idle = 0, wait = 0, irq = 0, soft = 0,
                       steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file) {
        if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice_, &sys, &idle,
                   &wait, &irq, &soft, &steal) != 8) {
            user = 0;
        }
        fclose(file);
    }
    return (user + nice_ + sys + irq + soft + steal) * 10000000;
}

static snapshot take_snapshot(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    uint64_t own = (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000000 +
                   (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000;
    return (snapshot){.at = now_ns(),
                      .server_cpu = processes_cpu(&opt.servers),
                      .own_cpu = own,
                      .machine_busy = machine_busy(),
                      .received = received};
}

/* With a rate: send what was due before the end, however late. */
static void catch_up(uint64_t began) {
    uint64_t end = now_ns() + 5000000000u;
    while (sending && opt.rate > 0) {
        if (now_ns() > end) {
            late();
        }
        turn(began, end);
    }
}

/* Wait until every answer that is due has come. */
static void drain(void) {
    uint64_t due = opt.scenario == BROADCAST ? clients->sent * opt.connections : sent;
    uint64_t end = now_ns() + 10000000000u;
    sending = false;
    while (received < due) {
        if (now_ns() > end) {
            die("%llu of %llu answers have not come", (unsigned long long)(due - received),
                (unsigned long long)due);
        }
        turn(0, end);
    }
    /* What comes now, comes too much: a moment for it. */
    run_until(0, now_ns() + 20000000);
}

static double percent(uint64_t part, uint64_t whole) {
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void print_common(const snapshot *a, const snapshot *b) {
    uint64_t span = b->at - a->at;
    uint64_t server = b->server_cpu - a->server_cpu;
    uint64_t own = b->own_cpu - a->own_cpu;
    uint64_t busy = b->machine_busy - a->machine_busy;
    if (all.deflate) {
        printf("\"extensions\":\"%s\",", all.extensions);
    }
    printf("\"server_pct\":%.0f,\"driver_pct\":%.0f,\"others_pct\":%.0f,\"ok\":true}\n",
           percent(server, span), percent(own, span),
           busy > server + own ? percent(busy - server - own, span) : 0.0);
}

static void print_messages(const snapshot *a, const snapshot *b) {
    uint64_t count = b->received - a->received;
    double seconds = (double)(b->at - a->at) / 1e9;
    printf("{\"scenario\":\"%s\",\"connections\":%u,\"window\":%u,\"payload\":%zu,",
           scenario_names[opt.scenario], opt.connections, opt.window, opt.payload);
    printf("\"messages\":%llu,\"rate\":%.0f,\"cpu_us\":%.4f,", (unsigned long long)count,
           (double)count / seconds,
           count ? (double)(b->server_cpu - a->server_cpu) / 1e3 / (double)count : 0.0);
    printf("\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,",
           (double)histogram_at(&latencies, 0.5) / 1e3,
           (double)histogram_at(&latencies, 0.99) / 1e3,
           (double)histogram_at(&latencies, 0.999) / 1e3, (double)latencies.max / 1e3);
    if (opt.rate > 0) {
        printf("\"sent_late_p50_us\":%.1f,\"sent_late_p99_us\":%.1f,",
               (double)histogram_at(&delays, 0.5) / 1e3, (double)histogram_at(&delays, 0.99) / 1e3);
    }
    printf("\"rss_kib\":%llu,", (unsigned long long)processes_rss(&opt.servers));
    print_common(a, b);
}

static void measure_messages(void) {
    uint64_t began = now_ns();
    counts_from = began + (uint64_t)(opt.warmup * 1e9);
    counts_to = counts_from + (uint64_t)(opt.seconds * 1e9);
    begin_sending();
    run_until(began, counts_from);
    snapshot a = take_snapshot();
    run_until(began, counts_to);
    snapshot b = take_snapshot();
    catch_up(began);
    drain();
    if (b.received == a.received) {
        die("no answer has come in the measured time");
    }
    print_messages(&a, &b);
}

/* For who counts what the server does for them: until our input ends, nothing is closed. */
static void send_some(void) {
    uint64_t end = now_ns() + 120000000000u;
    begin_sending();
    while (sending) {
        if (now_ns() > end) {
            die("%llu messages take too long", (unsigned long long)opt.messages);
        }
        turn(0, end);
    }
    drain();
    printf("{\"scenario\":\"%s\",\"messages\":%llu,\"ok\":true}\n", scenario_names[opt.scenario],
           (unsigned long long)received);
    fflush(stdout);
    (void)getchar();
}

/* ---- connections ---- */

/* Open them all, a few at a time. */
static void open_clients(void) {
    uint64_t last = now_ns();
    for (unsigned started = 0, before = 0; ready < opt.connections;) {
        while (started < opt.connections && started - ready < OPENING_MAX) {
            start_client(&clients[started], started);
            started++;
        }
        conns_turn(&all, opt.spin ? 0 : 100000000);
        if (ready > before) {
            before = ready;
            last = now_ns();
        } else if (now_ns() - last > 30000000000u) {
            die("%u of %u connections have opened", ready, opt.connections);
        }
    }
}

static void one_message_each(void) {
    for (unsigned i = 0; i < opt.connections; i++) {
        send_one(&clients[i], now_ns());
    }
    drain();
}

static void measure_idle(void) {
    uint64_t empty = processes_rss(&opt.servers);
    snapshot a = take_snapshot();
    open_clients();
    snapshot b = take_snapshot();
    if (opt.touch) {
        one_message_each();
    }
    snapshot before = take_snapshot();
    run_until(0, now_ns() + (uint64_t)(opt.seconds * 1e9));
    uint64_t held = processes_rss(&opt.servers);
    snapshot c = take_snapshot();
    one_message_each();
    printf("{\"scenario\":\"idle\",\"connections\":%u,", opt.connections);
    printf("\"connects_per_s\":%.0f,\"cpu_us\":%.3f,",
           (double)opt.connections * 1e9 / (double)(b.at - a.at),
           (double)(b.server_cpu - a.server_cpu) / 1e3 / (double)opt.connections);
    printf("\"idle_cpu_pct\":%.2f,", percent(c.server_cpu - before.server_cpu, c.at - before.at));
    printf("\"rss_empty_kib\":%llu,\"rss_held_kib\":%llu,\"kib_per_connection\":%.3f,",
           (unsigned long long)empty, (unsigned long long)held,
           ((double)held - (double)empty) / (double)opt.connections);
    print_common(&a, &c);
}

/* Connections that end as soon as they have joined, and others in their places. */
static void keep_connecting(uint64_t end) {
    while (now_ns() < end) {
        for (unsigned i = 0; i < opt.connections; i++) {
            if (clients[i].state == READY) {
                conn_end(&all, &clients[i].main);
                free(clients[i].started);
                start_client(&clients[i], i);
            }
        }
        conns_turn(&all, opt.spin ? 0 : 10000000);
    }
}

static void measure_connects(void) {
    open_clients();
    uint64_t from = now_ns() + (uint64_t)(opt.warmup * 1e9);
    keep_connecting(from);
    unsigned first = ready;
    tls_counts shaken = tls_count();
    snapshot a = take_snapshot();
    keep_connecting(from + (uint64_t)(opt.seconds * 1e9));
    snapshot b = take_snapshot();
    unsigned count = ready - first;
    if (count == 0) {
        die("no connection has opened in the measured time");
    }
    tls_counts now = tls_count();
    printf("{\"scenario\":\"connect\",\"connects\":%u,\"connects_per_s\":%.0f,\"cpu_us\":%.3f,",
           count, (double)count * 1e9 / (double)(b.at - a.at),
           (double)(b.server_cpu - a.server_cpu) / 1e3 / (double)count);
    printf("\"resumed_pct\":%.1f,",
           percent(now.resumed - shaken.resumed, now.handshakes - shaken.handshakes));
    print_common(&a, &b);
}

/* ---- the command line ---- */

static const char usage[] =
    "usage: bench-load SCENARIO --port PORT [options]\n"
    "  echo       events on WebSockets, each answered by an event\n"
    "  ack        the same, answered by acknowledgements\n"
    "  binary     events with one attachment\n"
    "  broadcast  one connection sends, all receive\n"
    "  polling    echo over HTTP long-polling\n"
    "  idle       open WebSockets, hold them, send one message on each\n"
    "  connect    open WebSockets, join, and close them: so many at a time, again and again\n"
    "options:\n"
    "  -c, --connections N  (100)\n"
    "  -w, --window N       messages on their way on each connection (1)\n"
    "  -p, --payload BYTES  (16)\n"
    "  -t, --seconds S      measured, or held (2)\n"
    "      --warmup S       before that (1)\n"
    "      --rate N         messages a second, sent when they are due (WebSockets); latencies\n"
    "                       count from that moment, whatever the answers before do\n"
    "      --messages N     send so many, say so, and wait for the end of the input\n"
    "      --json           records instead of letters: what compresses well\n"
    "      --touch          idle: send one message on each before they are held, too\n"
    "      --deflate        WebSockets with permessage-deflate, without context takeover\n"
    "      --tls CERT       TLS 1.3 to a server with this certificate\n"
    "      --resume         offer session tickets of earlier connections\n"
    "      --spin           never sleep, so that the server is not charged for waking us\n"
    "      --pid PID[,PID]  whose CPU time and memory are read\n";

static void refuse(const char *what) {
    fprintf(stderr, "bench-load: %s\n%s", what, usage);
    exit(2);
}

static void read_scenario(const char *name) {
    for (unsigned i = 0; i < sizeof(scenario_names) / sizeof(scenario_names[0]); i++) {
        if (strcmp(name, scenario_names[i]) == 0) {
            opt.scenario = (scenario)i;
            return;
        }
    }
    refuse("no such scenario");
}

static void read_options(int argc, char **argv) {
    enum { PORT = 256, WARMUP, RATE, SPIN, PID, JSON, TOUCH, DEFLATE, TLS, RESUME, MESSAGES };
    static const struct option names[] = {{"connections", required_argument, NULL, 'c'},
                                          {"window", required_argument, NULL, 'w'},
                                          {"payload", required_argument, NULL, 'p'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"port", required_argument, NULL, PORT},
                                          {"warmup", required_argument, NULL, WARMUP},
                                          {"messages", required_argument, NULL, MESSAGES},
                                          {"rate", required_argument, NULL, RATE},
                                          {"spin", no_argument, NULL, SPIN},
                                          {"pid", required_argument, NULL, PID},
                                          {"json", no_argument, NULL, JSON},
                                          {"touch", no_argument, NULL, TOUCH},
                                          {"deflate", no_argument, NULL, DEFLATE},
                                          {"tls", required_argument, NULL, TLS},
                                          {"resume", no_argument, NULL, RESUME},
                                          {NULL, 0, NULL, 0}};
    int name;
    while ((name = getopt_long(argc, argv, "c:w:p:t:", names, NULL)) != -1) {
        switch (name) {
        case 'c':
            opt.connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'w':
            opt.window = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            opt.payload = strtoul(optarg, NULL, 10);
            break;
        case 't':
            opt.seconds = strtod(optarg, NULL);
            break;
        case PORT:
            opt.port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case WARMUP:
            opt.warmup = strtod(optarg, NULL);
            break;
        case RATE:
            opt.rate = strtod(optarg, NULL);
            break;
        case MESSAGES:
            opt.messages = strtoull(optarg, NULL, 10);
            break;
        case SPIN:
            opt.spin = true;
            break;
        case JSON:
            opt.json = true;
            break;
        case TOUCH:
            opt.touch = true;
            break;
        case DEFLATE:
            opt.deflate = true;
            break;
        case TLS:
            opt.certificate = optarg;
            break;
        case RESUME:
            opt.resume = true;
            break;
        case PID:
            if (processes_parse(&opt.servers, optarg) != 0) {
                refuse("--pid: numbers with commas between");
            }
            break;
        default:
            refuse("bad arguments");
        }
    }
    if (optind + 1 != argc) {
        refuse("one scenario");
    }
    read_scenario(argv[optind]);
}

static void check_options(void) {
    if (opt.port == 0 || opt.connections == 0 || opt.window == 0) {
        refuse("--port, --connections and --window must not be 0");
    }
    if (opt.rate < 0 || (opt.rate > 0 && opt.scenario > BINARY)) {
        refuse("--rate is for echo, ack and binary");
    }
    if (opt.messages > 0 && (opt.rate > 0 || opt.scenario >= IDLE)) {
        refuse("--messages is not for a rate, idle and connect");
    }
    if (opt.json && opt.scenario == BINARY) {
        refuse("--json is for text");
    }
    if (opt.deflate && opt.scenario == POLLING) {
        refuse("--deflate is for WebSockets");
    }
}

int main(int argc, char **argv) {
    static const conn_callbacks callbacks = {on_open, on_message};
    read_options(argc, argv);
    check_options();
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    ring = opt.rate > 0 ? RING_OPEN : opt.window;
    clients = calloc(opt.connections, sizeof(*clients));
    have = calloc(ring, sizeof(*have));
    make_pattern();
    make_objects();
    if (!clients || !have || !pattern) {
        die("no memory");
    }
    if (opt.certificate) {
        tls_set_up(opt.certificate, opt.resume);
    }
    conns_init(&all, opt.port, &callbacks);
    all.deflate = opt.deflate;
    if (opt.scenario == IDLE) {
        measure_idle();
    } else if (opt.scenario == CONNECT) {
        measure_connects();
    } else {
        open_clients();
        if (opt.messages > 0) {
            send_some();
        } else {
            measure_messages();
        }
    }
    return 0;
}
