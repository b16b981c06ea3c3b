/* faults-proxy LISTEN TO
 *
 * A TCP and Unix socket proxy that does to connections what networks do. LISTEN and TO are PORT,
 * ADDRESS:PORT or unix:PATH; the port 0 lets the system choose. Prints LISTENING and the port,
 * which is 0 for a Unix socket. Commands come on stdin, one a line; each is answered with OK once
 * it holds. The end of stdin ends the program.
 *
 *   delay MS       each byte comes so much later
 *   chunk N        at most N bytes with each write (0: as many as fit) ...
 *   chunk-for N    ... for the first N bytes of a direction; 0: for all
 *   rate N         bytes a second, 0: no limit
 *   up N, down N   cut after N bytes to the server, to the client; -1: never
 *   manner NAME    how: close, reset, half, silent or stall
 *   match TEXT     only connections whose first bytes hold TEXT; - for all
 *   times N        so many connections, then no more; -1: all
 *   refuse on|off  reset what connects from now on
 *   chaos SEED     each new connection draws delays, pieces, pauses and its end; 0: no more
 *   clear          forget all of these
 *   now MANNER     cut all that are open; `now resume` ends a stall
 *   links          answered with LINKS open accepted cut
 */
#include <event2/buffer.h>
#include <event2/event.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_MAX = 256 * 1024,
    READ_SIZE = 64 * 1024,
    MARKS = 64, /* reads that wait for their time */
    WRITES_PER_TURN = 32,
    MATCH_BYTES = 2048,
    PAUSE_MS = 700,   /* of a stall that chaos made */
    LINGER_MS = 1000, /* how long a closed link goes on being read, so that it is no reset */
};

enum manner { NOTHING, CLOSE, RESET, HALF, SILENT, STALL, RESUME };
static const char *const manner_names[] = {"nothing", "close", "reset", "half",
                                           "silent",  "stall", "resume"};

enum { UP, DOWN };

struct rules {
    int64_t delay_ms, chunk, chunk_for, rate, cut[2], times;
    enum manner manner;
    bool refuse;
    uint64_t chaos; /* the state of the generator; 0: off */
    char match[128];
};

static const struct rules no_rules = {.cut = {-1, -1}, .times = -1, .manner = CLOSE};

/* What was read at one time, and from when on it may be written. */
struct mark {
    uint64_t due_ms;
    size_t len;
};

/* One direction of a link: from fds[dir] to fds[!dir]. */
struct way {
    struct link *link;
    int dir;
    struct evbuffer *buffer;
    struct event *reading, *writing, *later;
    struct mark marks[MARKS];
    unsigned first_mark, mark_count;
    uint64_t forwarded;
    int64_t cut_after; /* -1: not */
    double credit;     /* of the rate */
    uint64_t credit_ms;
    bool ended;    /* nothing more comes */
    bool finished; /* nor goes */
    bool deaf;     /* what comes is thrown away */
};

struct link {
    struct proxy *proxy;
    struct link *next, *prev;
    int fds[2]; /* client, server */
    struct way ways[2];
    struct event *fate;
    enum manner fated;
    int64_t delay_ms, chunk;
    int fated_dir;
    bool looked_at, connecting, stalled, closing;
};

struct proxy {
    struct event_base *base;
    struct sockaddr_storage to;
    socklen_t to_len;
    int listener;
    struct link *links;
    struct rules rules;
    int64_t open, accepted, cut;
    char line[512];
    size_t line_len;
};

static void die(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static void *must(void *p, const char *what) {
    if (p == NULL) {
        die(what);
    }
    return p;
}

static uint64_t now_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct timeval ms_of(uint64_t ms) {
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

/* splitmix64: the same seed, the same faults. */
static uint64_t draw(uint64_t *state, uint64_t below) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* ---- links --------------------------------------------------------------------------------- */

static void event_drop(struct event **event) {
    if (*event != NULL) {
        event_free(*event);
        *event = NULL;
    }
}

static void side_close(struct link *link, int side) {
    event_drop(&link->ways[side].reading);
    event_drop(&link->ways[!side].writing);
    if (link->fds[side] >= 0) {
        close(link->fds[side]);
        link->fds[side] = -1;
    }
}

static void link_free(struct link *link) {
    struct proxy *proxy = link->proxy;
    for (int i = 0; i < 2; i++) {
        side_close(link, i);
        event_drop(&link->ways[i].later);
        evbuffer_free(link->ways[i].buffer);
    }
    event_drop(&link->fate);
    *(link->prev != NULL ? &link->prev->next : &proxy->links) = link->next;
    if (link->next != NULL) {
        link->next->prev = link->prev;
    }
    proxy->open--;
    free(link);
}

static void link_reset(struct link *link) {
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 2; i++) {
        if (link->fds[i] >= 0) {
            setsockopt(link->fds[i], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        }
    }
    link_free(link);
}

static void way_deafen(struct way *way) {
    way->deaf = true;
    evbuffer_drain(way->buffer, evbuffer_get_length(way->buffer));
    way->mark_count = 0;
    event_del(way->later);
    if (way->reading != NULL && !way->ended) {
        event_add(way->reading, NULL);
    }
}

static void way_finish(struct way *way) {
    if (!way->finished) {
        way->finished = true;
        shutdown(way->link->fds[!way->dir], SHUT_WR);
    }
}

/* Bytes that were not read would turn the close into a reset, so both ends are read for a while. */
static void link_close(struct link *link) {
    const struct timeval wait = ms_of(LINGER_MS);
    for (int i = 0; i < 2; i++) {
        way_deafen(&link->ways[i]);
        way_finish(&link->ways[i]);
    }
    link->closing = true;
    event_add(link->fate, &wait);
}

static void way_watch(struct way *way);
static void way_wait_until(struct way *way, uint64_t when_ms, uint64_t now);

/* @return whether the link still exists */
static bool link_do(struct link *link, enum manner manner, int dir) {
    if (link->closing) {
        return true;
    }
    link->proxy->cut += manner != RESUME && manner != NOTHING;
    switch (manner) {
    case CLOSE:
        link_close(link);
        return true;
    case RESET:
        link_reset(link);
        return false;
    case HALF:
        way_deafen(&link->ways[dir]);
        way_finish(&link->ways[dir]);
        return true;
    case SILENT:
        way_deafen(&link->ways[UP]);
        way_deafen(&link->ways[DOWN]);
        return true;
    case STALL:
        link->stalled = true;
        way_watch(&link->ways[UP]);
        way_watch(&link->ways[DOWN]);
        return true;
    case RESUME:
        link->stalled = false;
        way_wait_until(&link->ways[UP], 0, 0);
        way_wait_until(&link->ways[DOWN], 0, 0);
        return true;
    default:
        return true;
    }
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* How much of the buffer is due; the time of the next byte else. */
static size_t way_due(const struct way *way, uint64_t now, uint64_t *next_ms) {
    size_t due = 0;
    for (unsigned i = 0; i < way->mark_count; i++) {
        const struct mark *mark = &way->marks[(way->first_mark + i) % MARKS];
        if (mark->due_ms > now) {
            *next_ms = mark->due_ms;
            break;
        }
        due += mark->len;
    }
    return due;
}

static void way_forget(struct way *way, size_t len) {
    while (len > 0) {
        struct mark *mark = &way->marks[way->first_mark];
        size_t part = len < mark->len ? len : mark->len;
        mark->len -= part;
        len -= part;
        if (mark->len == 0) {
            way->first_mark = (way->first_mark + 1) % MARKS;
            way->mark_count--;
        }
    }
}

/* A tenth of a second's bytes may be saved up. */
static size_t way_credit(struct way *way, uint64_t now, uint64_t *next_ms) {
    double rate = (double)way->link->proxy->rules.rate;
    if (rate <= 0) {
        return SIZE_MAX;
    }
    way->credit += rate * (double)(now - way->credit_ms) / 1000;
    way->credit_ms = now;
    if (way->credit > rate / 10 + 1) {
        way->credit = rate / 10 + 1;
    }
    if (way->credit < 1) {
        *next_ms = now + 10;
        return 0;
    }
    return (size_t)way->credit;
}

static size_t way_piece(const struct way *way) {
    const struct rules *rules = &way->link->proxy->rules;
    int64_t chunk = way->link->chunk > 0 ? way->link->chunk : rules->chunk;
    bool over = rules->chunk_for > 0 && way->forwarded >= (uint64_t)rules->chunk_for;
    return chunk > 0 && !over ? (size_t)chunk : READ_SIZE;
}

enum wrote { WROTE, BLOCKED, DRY, GONE };

/* Writes one piece. */
static enum wrote way_write(struct way *way, size_t *allowed) {
    size_t len = way_piece(way);
    len = len < *allowed ? len : *allowed;
    if (way->cut_after >= 0 && len > (size_t)way->cut_after - way->forwarded) {
        len = (size_t)way->cut_after - way->forwarded;
    }
    if (len == 0) {
        return DRY;
    }
    ssize_t n = send(way->link->fds[!way->dir], evbuffer_pullup(way->buffer, (ssize_t)len), len,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? BLOCKED : GONE;
    }
    evbuffer_drain(way->buffer, (size_t)n);
    way_forget(way, (size_t)n);
    way->forwarded += (uint64_t)n;
    way->credit -= (double)n;
    *allowed -= (size_t)n;
    return WROTE;
}

static bool way_is_cut(const struct way *way) {
    return way->cut_after >= 0 && way->forwarded >= (uint64_t)way->cut_after && !way->deaf;
}

static void link_settle(struct link *link) {
    if (link->ways[UP].finished && link->ways[DOWN].finished &&
        (!link->closing || (link->ways[UP].ended && link->ways[DOWN].ended))) {
        link_free(link);
    }
}

/* What a way waits for now. */
static void way_watch(struct way *way) {
    bool room = way->mark_count < MARKS && evbuffer_get_length(way->buffer) < BUFFER_MAX;
    if (way->reading == NULL) {
        return;
    }
    if (way->ended || way->link->connecting || (way->link->stalled && !way->deaf) ||
        (!room && !way->deaf)) {
        event_del(way->reading);
    } else {
        event_add(way->reading, NULL);
    }
}

static void way_wait_until(struct way *way, uint64_t when_ms, uint64_t now) {
    const struct timeval wait = ms_of(when_ms > now ? when_ms - now : 0);
    event_add(way->later, &wait);
}

/* Moves what may be moved. The link may be gone afterwards. */
static void way_push(struct way *way) {
    struct link *link = way->link;
    uint64_t now = now_ms(), next_ms = 0;
    if (link->connecting || link->stalled || way->deaf || way->finished) {
        return;
    }
    size_t allowed = way_due(way, now, &next_ms), credit = way_credit(way, now, &next_ms);
    enum wrote wrote = WROTE;
    allowed = allowed < credit ? allowed : credit;
    for (int i = 0; i < WRITES_PER_TURN && wrote == WROTE; i++) {
        wrote = way_write(way, &allowed);
    }
    if (wrote == GONE) {
        link_reset(link);
        return;
    }
    if (way_is_cut(way)) {
        if (link_do(link, link->proxy->rules.manner, way->dir)) {
            link_settle(link);
        }
        return;
    }
    if (wrote == BLOCKED) {
        event_add(way->writing, NULL);
    } else if (wrote == WROTE) {
        way_wait_until(way, now, now); /* others have their turn */
    } else if (next_ms != 0) {
        way_wait_until(way, next_ms, now);
    } else if (evbuffer_get_length(way->buffer) > 0) {
        way_wait_until(way, now + 10, now); /* the rate allows no more now */
    }
    way_watch(way);
    if (way->ended && evbuffer_get_length(way->buffer) == 0) {
        way_finish(way);
        link_settle(link);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *user) {
    (void)fd, (void)what;
    way_push(user);
}

/* Which cuts a connection gets is decided by its first bytes. */
static void link_look(struct link *link, const char *bytes, size_t len) {
    struct rules *rules = &link->proxy->rules;
    size_t seen = len < MATCH_BYTES ? len : MATCH_BYTES;
    link->looked_at = true;
    if ((rules->cut[UP] < 0 && rules->cut[DOWN] < 0) || rules->times == 0 ||
        (rules->match[0] != '\0' &&
         memmem(bytes, seen, rules->match, strlen(rules->match)) == NULL)) {
        return;
    }
    rules->times -= rules->times > 0;
    link->ways[UP].cut_after = rules->cut[UP];
    link->ways[DOWN].cut_after = rules->cut[DOWN];
}

static void way_end(struct way *way) {
    struct link *link = way->link;
    way->ended = true;
    event_del(way->reading);
    if (link->closing) {
        link_settle(link);
    } else if (way->deaf && !way->finished) {
        /* Behind a silent link nobody learns of it. */
        side_close(link, way->dir);
        if (link->fds[!way->dir] < 0) {
            link_free(link);
        }
    } else {
        way_push(way);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *user) {
    static char bytes[READ_SIZE];
    struct way *way = user;
    struct link *link = way->link;
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n < 0 && !way->deaf && !link->closing) {
        link_reset(link);
    } else if (n <= 0) {
        way_end(way);
    } else if (!way->deaf) {
        struct mark *mark = &way->marks[(way->first_mark + way->mark_count++) % MARKS];
        int64_t delay = link->delay_ms > 0 ? link->delay_ms : link->proxy->rules.delay_ms;
        *mark = (struct mark){.due_ms = now_ms() + (uint64_t)delay, .len = (size_t)n};
        evbuffer_add(way->buffer, bytes, (size_t)n);
        if (way->dir == UP && !link->looked_at) {
            link_look(link, bytes, (size_t)n);
        }
        way_push(way);
    }
}

/* ---- new links ----------------------------------------------------------------------------- */

static void on_fate(evutil_socket_t fd, short what, void *user) {
    const struct timeval pause = ms_of(PAUSE_MS);
    struct link *link = user;
    (void)fd, (void)what;
    if (link->closing) {
        link_free(link);
    } else if (link->stalled) {
        (void)link_do(link, RESUME, UP);
    } else {
        if (link->fated == STALL) {
            event_add(link->fate, &pause);
        }
        (void)link_do(link, link->fated, link->fated_dir);
    }
}

/* Most connections live some seconds; some are slow, some pause, some are left alone. */
static void link_draw_fate(struct link *link) {
    static const enum manner manners[] = {CLOSE, RESET, RESET, HALF, SILENT, STALL, STALL, NOTHING};
    uint64_t *chaos = &link->proxy->rules.chaos;
    link->delay_ms = draw(chaos, 2) == 0 ? (int64_t)draw(chaos, 40) : 0;
    link->chunk = draw(chaos, 4) == 0 ? 1 + (int64_t)draw(chaos, 100) : 0;
    link->fated = manners[draw(chaos, sizeof manners / sizeof manners[0])];
    link->fated_dir = (int)draw(chaos, 2);
    const struct timeval when = ms_of(50 + draw(chaos, 30000));
    event_add(link->fate, &when);
}

static void on_connected(evutil_socket_t fd, short what, void *user) {
    struct way *way = user;
    int error = 0;
    socklen_t len = sizeof error;
    (void)what;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        link_reset(way->link);
        return;
    }
    way->link->connecting = false;
    event_free(way->writing);
    way->writing = event_new(way->link->proxy->base, fd, EV_WRITE, on_writable, way);
    way_watch(&way->link->ways[UP]);
    way_watch(&way->link->ways[DOWN]);
}

static void way_init(struct link *link, int dir) {
    struct event_base *base = link->proxy->base;
    struct way *way = &link->ways[dir];
    way->link = link;
    way->dir = dir;
    way->cut_after = -1;
    way->credit_ms = now_ms();
    way->buffer = must(evbuffer_new(), "memory");
    way->reading =
        must(event_new(base, link->fds[dir], EV_READ | EV_PERSIST, on_readable, way), "event");
    way->writing = must(
        event_new(base, link->fds[!dir], EV_WRITE, dir == UP ? on_connected : on_writable, way),
        "event");
    way->later = must(evtimer_new(base, on_writable, way), "event");
}

static int open_upstream(const struct proxy *proxy) {
    int fd = socket(proxy->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&proxy->to, proxy->to_len) != 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void refuse(int fd) {
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

static void link_new(struct proxy *proxy, int fd) {
    const int on = 1;
    int upstream = proxy->rules.refuse ? -1 : open_upstream(proxy);
    proxy->accepted++;
    if (upstream < 0) {
        refuse(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(upstream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct link *link = must(calloc(1, sizeof *link), "memory");
    link->proxy = proxy;
    link->fds[UP] = fd;
    link->fds[DOWN] = upstream;
    link->connecting = true;
    way_init(link, UP);
    way_init(link, DOWN);
    link->fate = must(evtimer_new(proxy->base, on_fate, link), "event");
    link->next = proxy->links;
    if (link->next != NULL) {
        link->next->prev = link;
    }
    proxy->links = link;
    proxy->open++;
    event_add(link->ways[UP].writing, NULL);
    if (proxy->rules.chaos != 0) {
        link_draw_fate(link);
    }
}

static void on_accept(evutil_socket_t listener, short what, void *user) {
    int fd;
    (void)what;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        link_new(user, fd);
    }
}

/* ---- commands ------------------------------------------------------------------------------ */

static enum manner manner_named(const char *name) {
    for (unsigned i = CLOSE; i <= RESUME; i++) {
        if (strcmp(manner_names[i], name) == 0) {
            return (enum manner)i;
        }
    }
    return NOTHING;
}

static void cut_all(struct proxy *proxy, enum manner manner) {
    struct link *next;
    for (struct link *link = proxy->links; link != NULL; link = next) {
        next = link->next;
        if (link_do(link, manner, DOWN)) {
            link_settle(link);
        }
    }
}

static bool set_number(struct rules *rules, const char *name, int64_t value) {
    struct {
        const char *name;
        int64_t *to;
    } numbers[] = {
        {"delay", &rules->delay_ms}, {"chunk", &rules->chunk}, {"chunk-for", &rules->chunk_for},
        {"rate", &rules->rate},      {"up", &rules->cut[UP]},  {"down", &rules->cut[DOWN]},
        {"times", &rules->times},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].name, name) == 0) {
            *numbers[i].to = value;
            return true;
        }
    }
    return false;
}

static bool obey(struct proxy *proxy, const char *name, const char *value) {
    struct rules *rules = &proxy->rules;
    if (set_number(rules, name, strtoll(value, NULL, 10))) {
        return true;
    }
    if (strcmp(name, "clear") == 0) {
        *rules = no_rules;
    } else if (strcmp(name, "manner") == 0) {
        rules->manner = manner_named(value);
        return rules->manner != NOTHING;
    } else if (strcmp(name, "match") == 0) {
        snprintf(rules->match, sizeof rules->match, "%s", strcmp(value, "-") == 0 ? "" : value);
    } else if (strcmp(name, "refuse") == 0) {
        rules->refuse = strcmp(value, "on") == 0;
    } else if (strcmp(name, "chaos") == 0) {
        rules->chaos = strtoull(value, NULL, 10);
    } else if (strcmp(name, "now") == 0) {
        cut_all(proxy, manner_named(value));
        return manner_named(value) != NOTHING;
    } else {
        return false;
    }
    return true;
}

static void on_line(struct proxy *proxy, char *line) {
    char *save = NULL, *name = strtok_r(line, " ", &save), *value = strtok_r(NULL, " ", &save);
    if (name == NULL) {
        return;
    }
    if (strcmp(name, "links") == 0) {
        printf("LINKS %d %d %d\n", (int)proxy->open, (int)proxy->accepted, (int)proxy->cut);
    } else if (obey(proxy, name, value != NULL ? value : "")) {
        puts("OK");
    } else {
        fprintf(stderr, "faults-proxy: what is %s?\n", name);
        exit(2);
    }
}

static void on_command(evutil_socket_t fd, short what, void *user) {
    struct proxy *proxy = user;
    ssize_t n = read(fd, proxy->line + proxy->line_len, sizeof proxy->line - proxy->line_len - 1);
    char *end;
    (void)what;
    if (n <= 0) {
        event_base_loopbreak(proxy->base);
        return;
    }
    proxy->line_len += (size_t)n;
    proxy->line[proxy->line_len] = '\0';
    while ((end = strchr(proxy->line, '\n')) != NULL) {
        *end = '\0';
        on_line(proxy, proxy->line);
        proxy->line_len -= (size_t)(end + 1 - proxy->line);
        memmove(proxy->line, end + 1, proxy->line_len + 1);
    }
}

/* ---- the program --------------------------------------------------------------------------- */

static socklen_t read_address(struct sockaddr_storage *out, const char *text) {
    struct sockaddr_un *local = (struct sockaddr_un *)out;
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    const char *colon = strrchr(text, ':');
    char host[64] = "127.0.0.1";
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0) {
        local->sun_family = AF_UNIX;
        snprintf(local->sun_path, sizeof local->sun_path, "%s", text + 5);
        return sizeof *local;
    }
    if (colon != NULL) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    }
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)atoi(colon != NULL ? colon + 1 : text));
    if (inet_pton(AF_INET, host, &in->sin_addr) != 1) {
        die(text);
    }
    return sizeof *in;
}

static void open_listener(struct proxy *proxy, const char *text) {
    struct sockaddr_storage at;
    socklen_t len = read_address(&at, text);
    proxy->listener = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&at, len) != 0 ||
        listen(proxy->listener, 4096) != 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&at, &len) != 0) {
        die(text);
    }
    printf("LISTENING %u\n",
           at.ss_family == AF_INET ? (unsigned)ntohs(((struct sockaddr_in *)&at)->sin_port) : 0u);
}

int main(int argc, char **argv) {
    struct proxy proxy = {.base = event_base_new(), .rules = no_rules};
    struct rlimit files;
    if (argc != 3) {
        fputs("usage: faults-proxy LISTEN TO\n", stderr);
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(proxy.base, "event base");
    proxy.to_len = read_address(&proxy.to, argv[2]);
    open_listener(&proxy, argv[1]);
    struct event *accepting = must(
        event_new(proxy.base, proxy.listener, EV_READ | EV_PERSIST, on_accept, &proxy), "event");
    struct event *commands = must(
        event_new(proxy.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, &proxy), "event");
    event_add(accepting, NULL);
    event_add(commands, NULL);
    event_base_dispatch(proxy.base);
    while (proxy.links != NULL) {
        link_free(proxy.links);
    }
    event_free(accepting);
    event_free(commands);
    close(proxy.listener);
    event_base_free(proxy.base);
    return 0;
}
