/* Many clients in one process, on public headers only, to be compared with the JavaScript client
 * (peers/client.mjs, which takes the same arguments and prints the same JSON):
 *
 *     echo   each client keeps a window of "echo" events on their way; every answer is compared
 *            with the one that is due. Reports the CPU time of the whole process for each
 *     idle   the clients are connected and do nothing. Reports the memory of each
 *     start  one client; exits when its first event was acknowledged. The caller takes the time
 */
#include <sio/client_loop.h>

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTING_MAX = 64, PAYLOAD_MIN = 16, CLOCK_EVERY = 64 };

typedef enum mode { MODE_ECHO, MODE_IDLE, MODE_START } mode;

typedef struct settings {
    mode mode;
    unsigned long port;
    unsigned long clients;
    unsigned long window;
    unsigned long payload;
    double seconds;
    double warmup;
    const char *ca; /* with TLS */
    bool polling;
    bool count; /* what is allocated */
} settings;

typedef struct peer {
    sio_client *client;
    sio_socket *socket;
    uint32_t number;
    uint32_t sent;
    uint32_t received;
} peer;

/* What the process has used, or the difference of two. */
typedef struct usage {
    double time;
    double cpu;
    uint64_t events;
    uint64_t allocations;
} usage;

static settings set = {.clients = 1, .window = 1, .payload = PAYLOAD_MIN, .seconds = 1.5};
static sio_client_loop *loop;
static sio_args *args;
static char *payload;
static peer *peers;
static unsigned long made, connected;
static uint64_t events, allocations;
static size_t allocated, base_bytes; /* with what malloc adds */
static long base_kib;
static double warm_at, end_at;
static usage begun, measured;
static const char *fault;

/* ---- what is used ---- */

static double clock_seconds(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static usage usage_now(void) {
    return (usage){clock_seconds(), cpu_seconds(), events, allocations};
}

static long rss_kib(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    if (file) {
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* What further clients are compared with: the process before the only one, or with the first, which
 * touches all that they share. */
static void base_now(void) {
    base_kib = rss_kib();
    base_bytes = allocated;
}

static size_t block_size(void *block) {
    return malloc_usable_size(block) + sizeof(size_t);
}

static void *counting_alloc(void *user, size_t size) {
    (void)user;
    void *block = malloc(size);
    allocations++;
    allocated += block ? block_size(block) : 0;
    return block;
}

static void *counting_resize(void *user, void *block, size_t size) {
    (void)user;
    size_t before = block ? block_size(block) : 0;
    void *moved = realloc(block, size);
    allocations++;
    if (moved) {
        allocated += block_size(moved) - before;
    }
    return moved;
}

static void counting_release(void *user, void *block) {
    (void)user;
    allocated -= block ? block_size(block) : 0;
    free(block);
}

static const sio_mem counting = {counting_alloc, counting_resize, counting_release, NULL};

/* ---- the echo ---- */

static void fail(const char *why) {
    fault = fault ? fault : why;
    sio_client_loop_stop(loop);
}

static void write_hex(char *out, uint32_t value) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 7; i >= 0; i--, value >>= 4) {
        out[i] = digits[value & 15];
    }
}

/* Who, and the how manieth; then what is the same in all. */
static sio_str payload_of(const peer *p, uint32_t number) {
    write_hex(payload, p->number);
    write_hex(payload + 8, number);
    return (sio_str){payload, set.payload};
}

static void send_one(peer *p) {
    sio_args_reset(args);
    if (sio_args_add_str(args, payload_of(p, p->sent++)) != 0 ||
        sio_socket_emit(p->socket, "echo", args, NULL) != 0) {
        fail("an event cannot be sent");
    }
}

static void look_at_clock(void) {
    double now = clock_seconds();
    if (begun.time == 0 && now >= warm_at) {
        begun = usage_now();
        end_at = begun.time + set.seconds;
    } else if (begun.time != 0 && now >= end_at) {
        measured = usage_now();
        sio_client_loop_stop(loop);
    }
}

static void on_echo(sio_socket *socket, const sio_event *event, void *user) {
    peer *p = user;
    (void)socket;
    sio_str due = payload_of(p, p->received++);
    sio_str got = sio_event_str(event, 0);
    if (sio_event_count(event) != 1 || got.len != due.len ||
        memcmp(got.ptr, due.ptr, due.len) != 0) {
        fail("an answer is not the one that is due");
        return;
    }
    if (++events % CLOCK_EVERY == 0) {
        look_at_clock();
    }
    if (measured.time == 0) {
        send_one(p);
    }
}

static void begin_echo(void) {
    warm_at = clock_seconds() + set.warmup;
    for (unsigned long i = 0; i < set.clients; i++) {
        for (unsigned long w = 0; w < set.window; w++) {
            send_one(&peers[i]);
        }
    }
}

/* ---- the first acknowledgement ---- */

static void on_ack(const sio_event *reply, void *user) {
    (void)user;
    const char *answer = sio_event_string(reply, 0);
    if (reply->status != 0 || strcmp(answer, "first") != 0) {
        fail("no acknowledgement");
        return;
    }
    puts("acknowledged");
    fflush(stdout);
    _exit(0);
}

static void begin_start(peer *p) {
    if (sio_socket_emit_ackf(p->socket, "ack", 0, on_ack, NULL, "s", "first") != 0) {
        fail("an event cannot be sent");
    }
}

/* ---- connecting ---- */

static void make_one(void);

static void one_more(void) {
    if (++connected == 1 && set.clients > 1) {
        base_now();
    }
    if (connected == set.clients) {
        if (set.mode == MODE_ECHO) {
            begin_echo();
        } else {
            sio_client_loop_stop(loop);
        }
    }
    while (made < set.clients && made - connected < CONNECTING_MAX) {
        make_one();
    }
}

static void on_connect(sio_socket *socket, const sio_event *event, void *user) {
    (void)socket;
    (void)event;
    if (set.mode == MODE_START) {
        begin_start(user);
    } else {
        one_more();
    }
}

static void on_failure(sio_socket *socket, const sio_event *event, void *user) {
    (void)socket;
    (void)user;
    fprintf(stderr, "%.*s: %s\n", (int)event->name.len, event->name.ptr, event->reason);
    fail("a connection failed");
}

static int make_client(peer *p) {
    char url[64];
    sio_client_options options = SIO_CLIENT_OPTIONS_INIT;
    sio_client_tls tls = SIO_CLIENT_TLS_INIT;
    tls.ca_file = set.ca;
    options.loop = loop;
    options.transports = set.polling ? SIO_CLIENT_POLLING : SIO_CLIENT_WEBSOCKET;
    options.tls = set.ca ? &tls : NULL;
    snprintf(url, sizeof url, "%s://127.0.0.1:%lu", set.ca ? "https" : "http", set.port);
    int rc = sio_client_new(&p->client, url, &options);
    if (rc != 0) {
        return rc;
    }
    p->socket = sio_client_socket(p->client, "/");
    if (!p->socket || sio_socket_on(p->socket, "connect", on_connect, p) != 0 ||
        sio_socket_on(p->socket, "connect_error", on_failure, p) != 0 ||
        sio_socket_on(p->socket, "disconnect", on_failure, p) != 0) {
        return SIO_ERR_NOMEM;
    }
    return set.mode == MODE_ECHO ? sio_socket_on(p->socket, "echo", on_echo, p) : 0;
}

static void make_one(void) {
    peer *p = &peers[made];
    p->number = (uint32_t)made++;
    int rc = make_client(p);
    if (rc != 0) {
        fail(sio_error_text(rc));
    }
}

/* ---- modes ---- */

static void *stop_later(void *arg) {
    (void)arg;
    usleep(1000 * 1000);
    sio_client_loop_stop(loop);
    return NULL;
}

/* Long enough for what only connecting needs to be given back. */
static void settle(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, stop_later, NULL) == 0) {
        (void)sio_client_loop_run(loop);
        pthread_join(thread, NULL);
    }
}

static void connect_all(void) {
    make_one();
    int rc = fault ? 0 : sio_client_loop_run(loop);
    if (rc != 0) {
        fail(sio_error_text(rc));
    }
}

static void report_echo(void) {
    usage used = {measured.time - begun.time, measured.cpu - begun.cpu,
                  measured.events - begun.events, measured.allocations - begun.allocations};
    double each = used.events > 0 ? 1.0 / (double)used.events : 0;
    bool fine = !fault && used.events > 0;
    printf("{\"ok\":%s,\"clients\":%lu,\"events\":%llu,\"seconds\":%.3f,\"cpu_us\":%.3f,"
           "\"rate\":%.0f",
           fine ? "true" : "false", set.clients, (unsigned long long)used.events, used.time,
           used.cpu * 1e6 * each, used.time > 0 ? (double)used.events / used.time : 0);
    if (set.count) {
        printf(",\"allocations\":%llu", (unsigned long long)used.allocations);
    }
    puts("}");
}

static void report_idle(void) {
    settle();
    long full = rss_kib();
    double more = set.clients > 1 ? (double)(set.clients - 1) : 1;
    printf("{\"ok\":%s,\"clients\":%lu,\"rss_base_kib\":%ld,\"rss_kib\":%ld,"
           "\"kib_per_client\":%.2f",
           !fault && connected == set.clients ? "true" : "false", set.clients, base_kib, full,
           (double)(full - base_kib) / more);
    if (set.count) {
        printf(",\"bytes_per_client\":%.1f", (double)(allocated - base_bytes) / more);
    }
    puts("}");
}

static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(void) {
    sio_client_loop_options options = SIO_CLIENT_LOOP_OPTIONS_INIT;
    options.mem = set.count ? &counting : NULL;
    raise_descriptors();
    peers = calloc(set.clients, sizeof(*peers));
    payload = malloc(set.payload);
    if (!peers || !payload || sio_args_new(&args, NULL) != 0 ||
        sio_client_loop_new(&loop, &options) != 0) {
        return 1;
    }
    memset(peers, 0, set.clients * sizeof(*peers)); /* its pages are not the clients' */
    memset(payload, 'x', set.payload);
    base_now();
    connect_all();
    if (set.mode == MODE_ECHO) {
        report_echo();
    } else if (set.mode == MODE_IDLE) {
        report_idle();
    }
    if (fault) {
        fprintf(stderr, "bench-client: %s\n", fault);
    }
    sio_client_loop_free(loop);
    sio_args_unref(args);
    free(payload);
    free(peers);
    if (set.count && allocated > 0) {
        fprintf(stderr, "bench-client: %zu bytes were not released\n", allocated);
        return 1;
    }
    bool complete = set.mode != MODE_ECHO || measured.events > begun.events;
    return fault != NULL || !complete || set.mode == MODE_START;
}

/* ---- arguments ---- */

static bool read_number(const char *text, unsigned long *out, unsigned long least) {
    char *end;
    *out = strtoul(text, &end, 10);
    return *text && !*end && *out >= least && *out <= 1u << 30;
}

static bool read_seconds(const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return *text && !*end && *out >= 0 && *out < 1e6;
}

static bool read_mode(const char *text) {
    static const char *const names[] = {"echo", "idle", "start"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            set.mode = (mode)i;
            return true;
        }
    }
    return false;
}

/* @return how many words were taken; 0 for an unknown or bad one */
static int read_option(const char *name, const char *value) {
    if (strcmp(name, "--polling") == 0) {
        set.polling = true;
        return 1;
    }
    if (strcmp(name, "--count") == 0) {
        set.count = true;
        return 1;
    }
    bool fine =
        value && ((strcmp(name, "--port") == 0 && read_number(value, &set.port, 1)) ||
                  (strcmp(name, "-c") == 0 && read_number(value, &set.clients, 1)) ||
                  (strcmp(name, "-w") == 0 && read_number(value, &set.window, 1)) ||
                  (strcmp(name, "-p") == 0 && read_number(value, &set.payload, PAYLOAD_MIN)) ||
                  (strcmp(name, "-t") == 0 && read_seconds(value, &set.seconds)) ||
                  (strcmp(name, "--warmup") == 0 && read_seconds(value, &set.warmup)));
    if (value && strcmp(name, "--ca") == 0) {
        set.ca = value;
        fine = true;
    }
    return fine ? 2 : 0;
}

int main(int argc, char **argv) {
    bool fine = argc > 1 && read_mode(argv[1]);
    for (int i = 2; fine && i < argc;) {
        int taken = read_option(argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        fine = taken > 0;
        i += taken;
    }
    if (!fine || set.port == 0 || (set.mode == MODE_START && set.clients != 1)) {
        fprintf(stderr, "usage: bench-client echo|idle|start --port PORT [-c CLIENTS] [-w WINDOW]\n"
                        "    [-p BYTES] [-t SECONDS] [--warmup SECONDS] [--polling] [--ca FILE]\n"
                        "    [--count]\n");
        return 2;
    }
    return run();
}
