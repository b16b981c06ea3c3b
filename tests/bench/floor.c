/* The floor: what answering the load driver costs without being a Socket.IO server. One thread, one
 * recv and one send for each connection and wake-up, masks taken off on the way into the answer;
 * nothing is checked, nothing is parsed beyond the first bytes, nobody is timed out, and a client
 * that does not read is not waited for: it is dropped. The port comes from PORT. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_MAX = 1 << 20, OUT_MAX = 4 << 20, EVENTS = 512, SESSIONS = 65536, QUEUE = 65536 };

/* A polling client: what its next GET brings. */
typedef struct session {
    struct peer *waiting;
    size_t len;
    char queue[QUEUE];
} session;

typedef struct peer {
    int fd;
    bool websocket;
    bool blocked;
    unsigned index;
    size_t rest_len;
    size_t out_len;
    char *rest; /* the beginning of a message */
    char *out;  /* what the kernel did not take */
} peer;

static int epoll_fd;
static peer **peers;
static unsigned peer_count;
static unsigned peer_cap;
static session *sessions[SESSIONS];
static unsigned session_count;
static char in[IN_MAX];
static char out[OUT_MAX];
static size_t out_len;
static char everyone[OUT_MAX]; /* the broadcasts of this wake-up, framed */
static size_t everyone_len;

static const char open_packet[] = "0{\"sid\":\"%u\",\"upgrades\":[],\"pingInterval\":25000,"
                                  "\"pingTimeout\":20000,\"maxPayload\":1000000}";

static void drop(peer *p) {
    close(p->fd);
    peers[p->index] = peers[--peer_count];
    peers[p->index]->index = p->index;
    free(p->rest);
    free(p->out);
    free(p);
}

static void watch(peer *p, bool blocked) {
    struct epoll_event event = {.events = EPOLLIN | (blocked ? (uint32_t)EPOLLOUT : 0u),
                                .data.ptr = p};
    if (p->blocked != blocked) {
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p->fd, &event);
        p->blocked = blocked;
    }
}

static void put(peer *p, const char *data, size_t len) {
    ssize_t n = p->out_len > 0 ? 0 : send(p->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent == len) {
        return;
    }
    char *more = realloc(p->out, p->out_len + len - sent);
    if (!more) {
        exit(1);
    }
    memcpy(more + p->out_len, data + sent, len - sent);
    p->out = more;
    p->out_len += len - sent;
    watch(p, true);
}

static void put_more(peer *p) {
    ssize_t n = send(p->fd, p->out, p->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        memmove(p->out, p->out + n, p->out_len - (size_t)n);
        p->out_len -= (size_t)n;
    }
    if (p->out_len == 0) {
        watch(p, false);
    }
}

/* ---- WebSocket ---- */

static size_t frame_head(char *at, int opcode, size_t len) {
    size_t extra = len < 126 ? 0 : len < 65536 ? 2 : 8;
    at[0] = (char)(0x80 | opcode);
    at[1] = (char)(extra == 0 ? len : extra == 2 ? 126 : 127);
    for (size_t i = 0; i < extra; i++) {
        at[2 + i] = (char)(len >> 8 * (extra - 1 - i));
    }
    return 2 + extra;
}

static void unmask(char *restrict to, const char *restrict from, size_t len, const char *key) {
    uint64_t wide;
    size_t i = 0;
    memcpy(&wide, key, 4);
    memcpy((char *)&wide + 4, key, 4);
    for (; i + 8 <= len; i += 8) {
        uint64_t block;
        memcpy(&block, from + i, 8);
        block ^= wide;
        memcpy(to + i, &block, 8);
    }
    for (; i < len; i++) {
        to[i] = (char)(from[i] ^ key[i & 3]);
    }
}

static void put_text_frame(const char *text, size_t len) {
    out_len += frame_head(out + out_len, 1, len);
    memcpy(out + out_len, text, len);
    out_len += len;
}

/* 42ID["ack",... becomes 43ID[...; it ends where it did. */
static void answer_ack(const char *text, size_t len) {
    static const char name[] = "[\"ack\",";
    const char *bracket = memchr(text, '[', len);
    if (!bracket || len - (size_t)(bracket - text) < sizeof(name)) {
        exit(1);
    }
    size_t head = (size_t)(bracket - text) + 1;
    size_t skip = sizeof(name) - 2;
    char *at = out + out_len;
    size_t size = frame_head(at, 1, len - skip);
    memmove(at + size, text, head);
    memmove(at + size + head, text + head + skip, len - head - skip);
    at[size + 1] = '3';
    out_len += size + len - skip;
}

static void answer_broadcast(const char *masked, size_t len, const char *key) {
    if (everyone_len + len + 16 > sizeof(everyone)) {
        exit(1);
    }
    everyone_len += frame_head(everyone + everyone_len, 1, len);
    unmask(everyone + everyone_len, masked, len, key);
    everyone_len += len;
}

/* The payload is behind the key. */
static void answer(peer *p, int opcode, const char *key, size_t len) {
    enum { LOOK = 24, HEAD_MAX = 10 };
    char look[LOOK];
    if (out_len + len + 64 > sizeof(out)) {
        put(p, out, out_len);
        out_len = 0;
    }
    size_t seen = len < LOOK ? len : LOOK;
    unmask(look, key + 4, seen, key);
    if (opcode == 1 && len == 2 && memcmp(look, "40", 2) == 0) {
        put_text_frame("40{\"sid\":\"s\"}", 13);
    } else if (opcode == 1 && len > 5 && memcmp(look, "42[\"b", 5) == 0) {
        answer_broadcast(key + 4, len, key);
    } else if (opcode == 1 && len > 5 && memcmp(look, "42", 2) == 0 && look[2] != '[') {
        char *text = out + out_len + HEAD_MAX + 16;
        unmask(text, key + 4, len, key);
        answer_ack(text, len);
    } else if (opcode <= 2 && len > 1) {
        out_len += frame_head(out + out_len, opcode, len);
        unmask(out + out_len, key + 4, len, key);
        out_len += len;
    }
}

static size_t take_frame(peer *p, const char *data, size_t len) {
    const uint8_t *head = (const uint8_t *)data;
    if (len < 6) {
        return 0;
    }
    size_t payload = head[1] & 0x7F;
    size_t extra = payload == 126 ? 2 : payload == 127 ? 8 : 0;
    if (len < 6 + extra) {
        return 0;
    }
    for (size_t i = 0; i < extra; i++) {
        payload = (i == 0 ? 0 : payload << 8) | head[2 + i];
    }
    if (len - 6 - extra < payload) {
        return 0;
    }
    answer(p, head[0] & 15, data + 2 + extra, payload);
    return 6 + extra + payload;
}

/* ---- HTTP ---- */

static void reply(peer *p, const char *body, size_t len) {
    char head[160];
    int size = snprintf(head, sizeof(head),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        len);
    memcpy(out + out_len, head, (size_t)size);
    memcpy(out + out_len + size, body, len);
    put(p, out, out_len + (size_t)size + len);
    out_len = 0;
}

static void reply_open(peer *p) {
    char body[160];
    if (session_count == SESSIONS || !(sessions[session_count] = calloc(1, sizeof(session)))) {
        exit(1);
    }
    reply(p, body, (size_t)snprintf(body, sizeof(body), open_packet, session_count++));
}

static void enqueue(session *s, const char *text, size_t len) {
    if (s->len + len + 16 > QUEUE) {
        exit(1);
    }
    if (s->len > 0) {
        s->queue[s->len++] = 0x1e;
    }
    bool joins = len == 2 && memcmp(text, "40", 2) == 0;
    memcpy(s->queue + s->len, joins ? "40{\"sid\":\"s\"}" : text, joins ? 13 : len);
    s->len += joins ? 13 : len;
}

static size_t take_request(peer *p, const char *data, size_t len, size_t head) {
    const char *sid = memmem(data, head, "&sid=", 5);
    const char *field = memmem(data, head, "Content-Length: ", 16);
    size_t body = field ? strtoul(field + 16, NULL, 10) : 0;
    if (len - head < body) {
        return 0;
    }
    session *s = sid ? sessions[strtoul(sid + 5, NULL, 10) % SESSIONS] : NULL;
    if (!sid) {
        reply_open(p);
    } else if (!s) {
        exit(1);
    } else if (data[0] == 'P') {
        enqueue(s, data + head, body);
        reply(p, "ok", 2);
    } else {
        s->waiting = p;
    }
    if (s && s->waiting && s->len > 0) {
        reply(s->waiting, s->queue, s->len);
        s->waiting = NULL;
        s->len = 0;
    }
    return head + body;
}

/* For the one key that the driver uses. */
static void upgrade(peer *p) {
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    char text[160];
    memcpy(out + out_len, head, sizeof(head) - 1);
    out_len += sizeof(head) - 1;
    put_text_frame(text, (size_t)snprintf(text, sizeof(text), open_packet, p->index));
    p->websocket = true;
}

static size_t take_head(peer *p, const char *data, size_t len) {
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    size_t head = (size_t)(end - data) + 4;
    if (memmem(data, head, "transport=polling", 17)) {
        return take_request(p, data, len, head);
    }
    upgrade(p);
    return head;
}

/* ---- the loop ---- */

static void keep_rest(peer *p, const char *data, size_t len) {
    char *kept = NULL;
    if (len > 0) {
        kept = malloc(len);
        if (!kept) {
            exit(1);
        }
        memcpy(kept, data, len);
    }
    free(p->rest);
    p->rest = kept;
    p->rest_len = len;
}

static void take_input(peer *p) {
    if (p->rest_len > 0) {
        memcpy(in, p->rest, p->rest_len);
    }
    ssize_t n = recv(p->fd, in + p->rest_len, sizeof(in) - p->rest_len, MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            drop(p);
        }
        return;
    }
    size_t len = p->rest_len + (size_t)n;
    size_t at = 0;
    size_t taken;
    do {
        taken = p->websocket ? take_frame(p, in + at, len - at) : take_head(p, in + at, len - at);
        at += taken;
    } while (taken > 0 && at < len);
    keep_rest(p, in + at, len - at);
    if (out_len > 0) {
        put(p, out, out_len);
        out_len = 0;
    }
}

static void accept_all(int listener) {
    const int one = 1;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        peer *p = calloc(1, sizeof(*p));
        if (peer_count == peer_cap) {
            peer_cap = peer_cap ? peer_cap * 2 : 64;
            peers = realloc(peers, peer_cap * sizeof(*peers));
        }
        if (!p || !peers) {
            exit(1);
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        *p = (peer){.fd = fd, .index = peer_count};
        peers[peer_count++] = p;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(uint16_t port) {
    const int one = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0 || listen(fd, 4096) != 0) {
        perror("floor");
        exit(1);
    }
    socklen_t size = sizeof(here);
    getsockname(fd, (struct sockaddr *)&here, &size);
    printf("listening on %u\n", ntohs(here.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    return fd;
}

int main(void) {
    const char *port = getenv("PORT");
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on((uint16_t)(port ? strtoul(port, NULL, 10) : 0));
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            peer *p = events[i].data.ptr;
            if (!p) {
                accept_all(listener);
                continue;
            }
            if ((events[i].events & EPOLLOUT) != 0) {
                put_more(p);
            }
            take_input(p);
        }
        for (unsigned i = 0; everyone_len > 0 && i < peer_count; i++) {
            put(peers[i], everyone, everyone_len);
        }
        everyone_len = 0;
    }
}
