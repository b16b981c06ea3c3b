#include "conn.h"
#include "deflate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Clients compress from some length on: this one is that of Node.js's ws and of our server. */
enum { READ_MAX = 1 << 20, EVENTS_MAX = 512, DEFLATE_MIN = 1024 };

/* ---- sockets ---- */

void conns_init(conns *all, uint16_t port, const conn_callbacks *callbacks) {
    *all = (conns){.epoll = epoll_create1(EPOLL_CLOEXEC), .port = port, .callbacks = *callbacks};
    if (all->epoll < 0) {
        die("epoll_create1: %s", strerror(errno));
    }
}

static void watch(const conns *all, conn *c, int op, bool writes) {
    struct epoll_event event = {.events = EPOLLIN | (writes ? (uint32_t)EPOLLOUT : 0u),
                                .data.ptr = c};
    if (epoll_ctl(all->epoll, op, c->fd, &event) != 0) {
        die("epoll_ctl: %s", strerror(errno));
    }
    c->writes = writes;
}

static const char upgrade[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                              "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n";
static const char offer[] = "Sec-WebSocket-Extensions: permessage-deflate; "
                            "server_no_context_takeover; client_no_context_takeover\r\n";

static size_t send_some(const conn *c, const char *data, size_t len) {
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = send(c->fd, data + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            die("send: %s", strerror(errno));
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return sent;
}

/* Send it, or keep what the kernel does not take. */
static void put_out(const conns *all, conn *c, bytes *data) {
    size_t sent = c->out.len > 0 ? 0 : send_some(c, data->data, data->len);
    bytes_add(&c->out, data->data + sent, data->len - sent);
    data->len = 0;
    if (c->out.len > 0 && !c->writes) {
        watch(all, c, EPOLL_CTL_MOD, true);
    }
}

static void put_encrypted(conns *all, conn *c, bytes *data) {
    tls_put(c->tls, data->data, data->len, &all->wire);
    data->len = 0;
    put_out(all, c, &all->wire);
}

void conn_flush(conns *all, conn *c) {
    if (!c->tls) {
        put_out(all, c, &all->batch);
    } else if (c->secure) {
        put_encrypted(all, c, &all->batch);
    } else {
        bytes_add(&c->early, all->batch.data, all->batch.len);
        all->batch.len = 0;
    }
}

void conn_start(conns *all, conn *c, conn_kind kind, void *user) {
    const int one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(all->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *c = (conn){.kind = kind, .user = user};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        die("connect: %s", strerror(errno));
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    watch(all, c, EPOLL_CTL_ADD, false);
    if (tls_is_on()) {
        c->tls = tls_new(&all->wire);
        put_out(all, c, &all->wire);
    }
    if (kind == CONN_WEBSOCKET) {
        conn_put_text(all, upgrade, sizeof(upgrade) - 1);
        conn_put_text(all, offer, all->deflate ? sizeof(offer) - 1 : 0);
        conn_put_text(all, "\r\n", 2);
        conn_flush(all, c);
    }
}

void conn_end(conns *all, conn *c) {
    if (c->tls) {
        tls_end(c->tls, &all->wire);
        (void)send_some(c, all->wire.data, all->wire.len);
        all->wire.len = 0;
    }
    close(c->fd);
    bytes_free(&c->rest);
    bytes_free(&c->early);
    bytes_free(&c->out);
}

static void write_more(const conns *all, conn *c) {
    size_t sent = send_some(c, c->out.data, c->out.len);
    memmove(c->out.data, c->out.data + sent, c->out.len - sent);
    c->out.len -= sent;
    if (c->out.len == 0) {
        watch(all, c, EPOLL_CTL_MOD, false);
    }
}

/* ---- out ---- */

void conn_put_text(conns *all, const char *data, size_t len) {
    bytes_add(&all->batch, data, len);
}

/* Any key will do for a server under test, but not always the same. */
static uint32_t next_key(void) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void mask(char *data, size_t len, const char key[4]) {
    uint64_t wide;
    memcpy(&wide, key, 4);
    memcpy((char *)&wide + 4, key, 4);
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t block;
        memcpy(&block, data + i, 8);
        block ^= wide;
        memcpy(data + i, &block, 8);
    }
    for (; i < len; i++) {
        data[i] ^= key[i & 3];
    }
}

static void put_be(bytes *b, uint64_t value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        char byte = (char)(value >> 8 * i);
        bytes_add(b, &byte, 1);
    }
}

static void put_frame(bytes *out, uint8_t first, const char *data, size_t len) {
    uint32_t random = next_key();
    char key[4];
    memcpy(key, &random, 4);
    put_be(out, first, 1);
    if (len < 126) {
        put_be(out, 0x80 | len, 1);
    } else if (len < 65536) {
        put_be(out, 0xFE, 1);
        put_be(out, len, 2);
    } else {
        put_be(out, 0xFF, 1);
        put_be(out, len, 8);
    }
    bytes_add(out, key, 4);
    bytes_add(out, data, len);
    mask(out->data + out->len - len, len, key);
}

void conn_put_frame(conns *all, bool text, const bytes *payload) {
    static bytes small;
    uint8_t first = text ? 0x81 : 0x82;
    if (!all->deflate || payload->len < DEFLATE_MIN) {
        put_frame(&all->batch, first, payload->data, payload->len);
        return;
    }
    small.len = 0;
    deflate_message(&small, payload->data, payload->len);
    put_frame(&all->batch, first | 0x40, small.data, small.len);
}

/* ---- in; each takes what has come whole and returns how many bytes that was ---- */

static size_t take_head(const char *data, size_t len) {
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

/* The value of a header field, without white space around it; NULL when there is none. */
static const char *field_of(const char *head, size_t head_len, const char *name, size_t *len) {
    size_t name_len = strlen(name);
    for (const char *at = head; at + name_len + 1 < head + head_len; at++) {
        if (*at == '\n' && strncasecmp(at + 1, name, name_len) == 0 && at[name_len + 1] == ':') {
            const char *value = at + name_len + 2;
            value += strspn(value, " \t");
            *len = strcspn(value, "\r\n");
            return value;
        }
    }
    return NULL;
}

static void note_extensions(conns *all, const char *head, size_t head_len) {
    size_t len = 0;
    const char *value = field_of(head, head_len, "Sec-WebSocket-Extensions", &len);
    if (all->deflate != (value != NULL) || len >= sizeof(all->extensions)) {
        die("compression that was not asked for, or none: %.*s", (int)head_len, head);
    }
    if (value && !memmem(value, len, "server_no_context_takeover", 26)) {
        die("compression with a context: %.*s", (int)len, value);
    }
    memcpy(all->extensions, value ? value : "", len);
    all->extensions[len] = '\0';
}

static size_t take_upgrade(conns *all, conn *c, const char *data, size_t len) {
    static const char accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    size_t head = take_head(data, len);
    if (head > 0) {
        if (memcmp(data, "HTTP/1.1 101", 12) != 0 ||
            !memmem(data, head, accept, sizeof(accept) - 1)) {
            die("no upgrade: %.*s", (int)head, data);
        }
        note_extensions(all, data, head);
        c->open = true;
        all->callbacks.on_open(c);
    }
    return head;
}

static uint64_t get_be(const uint8_t *data, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

static void take_compressed(const conns *all, conn *c, bool text, const char *data, size_t len) {
    static bytes message;
    message.len = 0;
    inflate_message(&message, data, len);
    all->callbacks.on_message(c, text, message.data, message.len);
}

static size_t take_frame(const conns *all, conn *c, const char *data, size_t len) {
    const uint8_t *head = (const uint8_t *)data;
    if (len < 2) {
        return 0;
    }
    size_t head_len = head[1] == 126 ? 4 : head[1] == 127 ? 10 : 2;
    if (len < head_len) {
        return 0;
    }
    uint64_t payload = head_len == 2 ? head[1] : get_be(head + 2, (int)head_len - 2);
    if (payload > len - head_len) {
        return 0;
    }
    if (head[0] == 0x81 || head[0] == 0x82) {
        all->callbacks.on_message(c, head[0] == 0x81, data + head_len, (size_t)payload);
    } else if (all->deflate && (head[0] == 0xC1 || head[0] == 0xC2)) {
        take_compressed(all, c, head[0] == 0xC1, data + head_len, (size_t)payload);
    } else {
        die("a frame that begins with %02x %02x", head[0], head[1]);
    }
    return head_len + (size_t)payload;
}

static size_t take_answer(const conns *all, conn *c, const char *data, size_t len) {
    size_t head = take_head(data, len);
    if (head == 0) {
        return 0;
    }
    if (memcmp(data, "HTTP/1.1 200", 12) != 0) {
        die("an answer: %.*s", (int)head, data);
    }
    size_t field_len;
    const char *field = field_of(data, head, "Content-Length", &field_len);
    size_t body = field ? strtoul(field, NULL, 10) : 0;
    if (!field || len - head < body) {
        return 0;
    }
    all->callbacks.on_message(c, true, data + head, body);
    return head + body;
}

static size_t take(conns *all, conn *c, const char *data, size_t len) {
    if (c->kind == CONN_HTTP) {
        return take_answer(all, c, data, len);
    }
    return c->open ? take_frame(all, c, data, len) : take_upgrade(all, c, data, len);
}

static void take_all(conns *all, conn *c, const char *data, size_t len) {
    size_t at = 0;
    size_t taken;
    while (at < len && (taken = take(all, c, data + at, len - at)) > 0) {
        at += taken;
    }
    if (data == c->rest.data) {
        memmove(c->rest.data, data + at, len - at);
        c->rest.len = len - at;
    } else {
        bytes_add(&c->rest, data + at, len - at);
    }
    if (c->rest.len == 0 && c->rest.cap > 0) {
        bytes_free(&c->rest);
    }
}

static void take_input(conns *all, conn *c, const char *data, size_t len) {
    if (c->rest.len > 0) {
        bytes_add(&c->rest, data, len);
        take_all(all, c, c->rest.data, c->rest.len);
    } else {
        take_all(all, c, data, len);
    }
    if (all->batch.len > 0) {
        conn_flush(all, c);
    }
}

static void take_encrypted(conns *all, conn *c, const char *data, size_t len) {
    static bytes plain;
    plain.len = 0;
    bool secure = tls_take(c->tls, data, len, &plain, &all->wire);
    if (all->wire.len > 0) {
        put_out(all, c, &all->wire);
    }
    if (secure && !c->secure) {
        c->secure = true;
        put_encrypted(all, c, &c->early);
        bytes_free(&c->early);
    }
    if (plain.len > 0) {
        take_input(all, c, plain.data, plain.len);
    }
}

static void read_some(conns *all, conn *c) {
    static char buffer[READ_MAX];
    ssize_t n = recv(c->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        die("the server has closed a connection: %s", n < 0 ? strerror(errno) : "end of stream");
    }
    if (c->tls) {
        take_encrypted(all, c, buffer, (size_t)n);
    } else {
        take_input(all, c, buffer, (size_t)n);
    }
}

void conns_turn(conns *all, int64_t timeout_ns) {
    struct epoll_event events[EVENTS_MAX];
    struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    int count = epoll_pwait2(all->epoll, events, EVENTS_MAX, timeout_ns < 0 ? NULL : &limit, NULL);
    if (count < 0 && errno != EINTR) {
        die("epoll_pwait2: %s", strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        conn *c = events[i].data.ptr;
        if ((events[i].events & EPOLLOUT) != 0) {
            write_more(all, c);
        }
        if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            read_some(all, c);
        }
    }
}
