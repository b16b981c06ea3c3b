#if SIO_HAVE_TLS
#include "net_tls_support.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#else
#include "net_support.h"
#endif

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- one stream between two loops of one thread; its client is a plain socket ---- */

typedef struct move_test {
    sio_loop *from, *to;
    net_peer peer; /* of the stream, wherever it is */
    bool packs;    /* what it reads next is given back, and it leaves */
    sio_parcel *parcel;
    int client;
} move_test;

static void turn(sio_loop *loop) {
    event_base_loop(sio_loop_base(loop), EVLOOP_NONBLOCK);
}

static void on_read(void *ctx, uint8_t *data, size_t len) {
    move_test *t = ctx;
    if (!t->packs) {
        net_peer_read(&t->peer, data, len);
        return;
    }
    const sio_bytes unread[] = {{data, len / 2}, {data + len / 2, len - len / 2}};
    ck_assert_int_eq(sio_stream_pack(&t->parcel, t->peer.stream, unread, 2), 0);
    t->peer.stream = NULL;
    t->packs = false;
}

static void on_eof(void *ctx) {
    net_peer_eof(&((move_test *)ctx)->peer);
}

static void on_error(void *ctx, const sio_stream_error *error) {
    net_peer_error(&((move_test *)ctx)->peer, error);
}

static void on_drain(void *ctx) {
    net_peer_drain(&((move_test *)ctx)->peer);
}

static const sio_stream_callbacks move_callbacks = {
    .on_read = on_read, .on_eof = on_eof, .on_error = on_error, .on_drain = on_drain};

static void setup(move_test *t, const sio_mem *mem) {
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    *t = (move_test){.from = net_loop(mem), .to = net_loop(mem), .client = fds[1]};
    ck_assert_int_eq(
        sio_stream_adopt(&t->peer.stream, t->from, fds[0], NULL, 0, &move_callbacks, t), 0);
}

static void teardown(move_test *t) {
    sio_parcel_free(t->parcel);
    net_peer_free(&t->peer);
    if (t->client >= 0) {
        close(t->client);
    }
    ck_assert_uint_eq(sio_loop_stream_count(t->from) + sio_loop_stream_count(t->to), 0);
    ck_assert_uint_eq(sio_loop_queued(t->from) + sio_loop_queued(t->to), 0);
    sio_loop_free(t->from);
    sio_loop_free(t->to);
}

static void pack(move_test *t) {
    ck_assert_int_eq(sio_stream_pack(&t->parcel, t->peer.stream, NULL, 0), 0);
    t->peer.stream = NULL;
}

static void unpack(move_test *t) {
    sio_parcel *parcel = t->parcel;
    t->parcel = NULL;
    ck_assert_int_eq(sio_stream_unpack(&t->peer.stream, t->to, parcel, &move_callbacks, t), 0);
    ck_assert_ptr_eq(sio_stream_loop(t->peer.stream), t->to);
}

static void expect_eof(int fd) {
    char byte;
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
}

START_TEST(what_was_read_comes_again_before_the_rest) {
    static const char text[] = "GET / HTTP/1.1";
    const size_t len = sizeof text - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        move_test t;
        setup(&t, NULL);
        if (cut == 0) {
            pack(&t);
        } else {
            t.packs = true;
            ck_assert_int_eq(send(t.client, text, cut, 0), (int)cut);
            turn(t.from);
        }
        ck_assert_ptr_nonnull(t.parcel);
        ck_assert_uint_eq(sio_loop_stream_count(t.from), 0);
        if (cut % 2 == 0) {
            unpack(&t);
        }
        ck_assert_int_eq(send(t.client, text + cut, len - cut, 0), (int)(len - cut));
        turn(t.from); /* which has nothing to do with it any more */
        if (cut % 2 == 1) {
            unpack(&t);
        }
        ck_assert_uint_eq(t.peer.len, 0);
        for (int i = 0; i < 10 && t.peer.len < len; i++) {
            turn(t.to);
        }
        ck_assert_uint_eq(t.peer.len, len);
        ck_assert_mem_eq(t.peer.bytes, text, len);
        ck_assert_uint_eq(t.peer.connects, 0);
        teardown(&t);
    }
}
END_TEST

static void count(void *ctx) {
    ++*(unsigned *)ctx;
}

/* More than the kernel takes, so that the packed stream is waiting to go on. */
START_TEST(what_is_unsent_is_sent_from_there) {
    static uint8_t data[3000000];
    static uint8_t got[sizeof data + 4];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + i / 999);
    }
    move_test t;
    setup(&t, NULL);
    unsigned released = 0;
    unsigned gone = 0;
    sio_stream_on_gone(t.peer.stream, count, &gone);
    ck_assert_int_eq(sio_stream_write_ref(t.peer.stream, data, sizeof data, count, &released), 0);
    turn(t.from);
    ck_assert_int_eq(sio_stream_write(t.peer.stream, "late", 4), 0);
    pack(&t);
    ck_assert_uint_eq(released, 1);
    ck_assert_uint_eq(sio_loop_queued(t.from), 0);
    unpack(&t);
    ck_assert_uint_gt(sio_loop_queued(t.to), 4);
    size_t len = 0;
    while (len < sizeof got) {
        ck_assert_uint_eq(t.peer.drains, 0);
        turn(t.to);
        ssize_t n = recv(t.client, got + len, sizeof got - len, 0);
        ck_assert(n > 0 || errno == EAGAIN);
        len += n > 0 ? (size_t)n : 0;
    }
    ck_assert_mem_eq(got, data, sizeof data);
    ck_assert_mem_eq(got + sizeof data, "late", 4);
    turn(t.to);
    ck_assert_uint_eq(t.peer.drains, 1);
    ck_assert_uint_eq(gone, 0);
    teardown(&t);
    ck_assert_uint_eq(gone, 1);
}
END_TEST

START_TEST(who_leaves_meanwhile_is_noticed_there) {
    move_test t;
    setup(&t, NULL);
    t.packs = true;
    ck_assert_int_eq(send(t.client, "abc", 3, 0), 3);
    turn(t.from);
    close(t.client);
    t.client = -1;
    unpack(&t);
    turn(t.to);
    turn(t.to);
    ck_assert_uint_eq(t.peer.len, 3);
    ck_assert_uint_eq(t.peer.eofs + t.peer.errors, 1);
    teardown(&t);
}
END_TEST

START_TEST(an_end_that_was_seen_is_seen_again) {
    move_test t;
    setup(&t, NULL);
    ck_assert_int_eq(shutdown(t.client, SHUT_WR), 0);
    turn(t.from);
    ck_assert_uint_eq(t.peer.eofs, 1);
    pack(&t);
    unpack(&t);
    turn(t.to);
    ck_assert_uint_eq(t.peer.eofs, 2);
    ck_assert_int_eq(sio_stream_write(t.peer.stream, "bye", 3), 0);
    turn(t.to);
    char text[4] = "";
    ck_assert_int_eq(recv(t.client, text, 4, 0), 3);
    teardown(&t);
}
END_TEST

START_TEST(a_freed_parcel_closes_the_connection) {
    move_test t;
    unsigned gone = 0;
    setup(&t, NULL);
    sio_stream_on_gone(t.peer.stream, count, &gone);
    pack(&t);
    ck_assert_uint_eq(gone, 0);
    sio_parcel_free(t.parcel);
    t.parcel = NULL;
    ck_assert_uint_eq(gone, 1);
    expect_eof(t.client);
    sio_parcel_free(NULL);
    teardown(&t);
}
END_TEST

static void arrives(void *ctx, sio_parcel *parcel) {
    move_test *t = ctx;
    t->parcel = parcel;
    unpack(t);
}

START_TEST(it_is_posted) {
    move_test t;
    setup(&t, NULL);
    t.packs = true;
    ck_assert_int_eq(send(t.client, "abc", 3, 0), 3);
    turn(t.from);
    sio_parcel_post(t.parcel, t.to, arrives, &t);
    t.parcel = NULL;
    turn(t.to);
    /* The post is a callback of the loop: what was unread came right behind it. */
    ck_assert_uint_eq(t.peer.len, 3);
    teardown(&t);
}
END_TEST

static void never(void *ctx, sio_parcel *parcel) {
    ck_abort_msg("the loop is gone");
}

START_TEST(a_loop_that_ends_frees_what_was_posted) {
    move_test t;
    setup(&t, NULL);
    pack(&t);
    sio_parcel_post(t.parcel, t.to, never, NULL);
    t.parcel = NULL;
    sio_loop_free(t.to);
    t.to = net_loop(NULL);
    expect_eof(t.client);
    teardown(&t);
}
END_TEST

/* Before its bytes are read again the stream may end in each way. */
START_TEST(it_may_end_before_it_reads) {
    move_test t;
    setup(&t, NULL);
    t.packs = true;
    ck_assert_int_eq(send(t.client, "abc", 3, 0), 3);
    turn(t.from);
    unpack(&t);
    sio_parcel *again;
    ck_assert_int_eq(sio_stream_pack(&again, t.peer.stream, NULL, 0), SIO_ERR_STATE);
    if (_i == 0) {
        sio_stream_free(t.peer.stream);
    } else if (_i == 1) {
        sio_stream_close(t.peer.stream, 1000);
    } else {
        sio_stream_abort(t.peer.stream);
    }
    t.peer.stream = NULL;
    close(t.client);
    t.client = -1;
    turn(t.to);
    turn(t.to);
    ck_assert_uint_eq(t.peer.len, 0);
    teardown(&t);
}
END_TEST

START_TEST(only_open_streams_move) {
    move_test t;
    setup(&t, NULL);
    sio_address address;
    sio_stream *connecting;
    ck_assert_int_eq(sio_address_literal(&address, "127.0.0.1", 1), 0);
    sio_stream_connect_options options = {.addresses = &address, .address_count = 1};
    ck_assert_int_eq(sio_stream_connect(&connecting, t.from, &options), 0);
    ck_assert_int_eq(sio_stream_pack(&t.parcel, connecting, NULL, 0), SIO_ERR_STATE);
    sio_stream_free(connecting);
    close(t.client);
    t.client = -1;
    ck_assert_int_eq(sio_stream_write(t.peer.stream, "abc", 3), 0);
    turn(t.from);
    ck_assert_uint_eq(t.peer.errors, 1);
    ck_assert_int_eq(sio_stream_pack(&t.parcel, t.peer.stream, NULL, 0), SIO_ERR_STATE);
    ck_assert_ptr_null(t.parcel);
    teardown(&t);
}
END_TEST

/* A pause belongs to the owner, who is another one there. */
START_TEST(a_paused_stream_reads_on_there) {
    move_test t;
    setup(&t, NULL);
    sio_stream_pause(t.peer.stream);
    ck_assert_int_eq(send(t.client, "abc", 3, 0), 3);
    turn(t.from);
    ck_assert_uint_eq(t.peer.len, 0);
    pack(&t);
    unpack(&t);
    turn(t.to);
    ck_assert_uint_eq(t.peer.len, 3);
    teardown(&t);
}
END_TEST

/* ---- memory ---- */

typedef struct sweep {
    struct sio_tls *tls;
    int (*open)(struct sweep *s, sio_loop *loop, sio_stream **stream, int fds[2]);
    void (*close)(struct sweep *s);
    void *client;
} sweep;

static int open_plain(sweep *s, sio_loop *loop, sio_stream **stream, int fds[2]) {
    ck_assert_int_eq(send(fds[1], "abc", 3, 0), 3);
    return sio_stream_adopt(stream, loop, fds[0], NULL, 0, NULL, NULL);
}

static int move_once(sweep *s, move_test *t) {
    const sio_bytes unread = {(const uint8_t *)"unread", 6};
    int rc = sio_stream_write(t->peer.stream, "out", 3);
    if (rc == 0) {
        rc = sio_stream_pack(&t->parcel, t->peer.stream, &unread, 1);
    }
    if (rc != 0) {
        return rc;
    }
    sio_parcel *parcel = t->parcel;
    t->parcel = NULL;
    t->peer.stream = NULL;
    rc = sio_stream_unpack(&t->peer.stream, t->to, parcel, &move_callbacks, t);
    if (rc != 0) {
        return rc;
    }
    for (int i = 0; i < 3; i++) {
        turn(t->to);
    }
    ck_assert(t->peer.errors > 0 || t->peer.len == 9);
    return t->peer.errors > 0 ? SIO_ERR_NOMEM : 0;
}

static int move_scenario(const sio_mem *mem, void *arg) {
    sweep *s = arg;
    move_test t = {.client = -1};
    const sio_loop_options options = {.mem = mem};
    int fds[2];
    int rc = sio_loop_new(&t.from, &options);
    if (rc == 0) {
        rc = sio_loop_new(&t.to, &options);
    }
    if (rc == 0) {
        net_pair(fds, SOCK_STREAM);
        t.client = fds[1];
        rc = s->open(s, t.from, &t.peer.stream, fds);
    }
    if (rc == 0) {
        rc = move_once(s, &t);
    }
    net_peer_free(&t.peer);
    if (t.client >= 0) {
        close(t.client);
    }
    if (s->close) {
        s->close(s);
    }
    sio_loop_free(t.from);
    sio_loop_free(t.to);
    return rc;
}

START_TEST(memory_may_run_out_anywhere) {
    sweep s = {.open = open_plain};
    test_mem_sweep(move_scenario, &s);
}
END_TEST

/* ---- two threads ---- */

/* Messages of 8 bytes, of which the first says which loop must answer them, by sending them back.
 */
enum { MESSAGE = 8, MESSAGES = 1500, WALKERS = 6 };

typedef struct crossing {
    sio_loop *loops[2];
    atomic_uint ended;
    atomic_uint moves;
    size_t len; /* that each client sends */
} crossing;

typedef struct walker {
    crossing *crossing;
    sio_stream *stream;
    uint8_t part[MESSAGE]; /* the beginning of a message */
    size_t part_len;
    int fd; /* the client's */
    void *tls;
    uint8_t sent[MESSAGES * MESSAGE];
    size_t sent_len;
    size_t got_len;
} walker;

static void walker_arrives(void *ctx, sio_parcel *parcel);

static void walk(walker *w, int to, const uint8_t *data, size_t len) {
    const sio_bytes unread[] = {{w->part, w->part_len}, {data, len}};
    sio_parcel *parcel;
    ck_assert_int_eq(sio_stream_pack(&parcel, w->stream, unread, 2), 0);
    w->stream = NULL;
    w->part_len = 0;
    atomic_fetch_add(&w->crossing->moves, 1);
    sio_parcel_post(parcel, w->crossing->loops[to], walker_arrives, w);
}

static void walker_read(void *ctx, uint8_t *data, size_t len) {
    walker *w = ctx;
    while (len > 0) {
        int here = sio_stream_loop(w->stream) == w->crossing->loops[1];
        int to = (w->part_len > 0 ? w->part[0] : data[0]) & 1;
        ck_assert(sio_loop_in_thread(w->crossing->loops[here]));
        if (to != here) {
            walk(w, to, data, len);
            return;
        }
        size_t take = MESSAGE - w->part_len < len ? MESSAGE - w->part_len : len;
        memcpy(w->part + w->part_len, data, take);
        w->part_len += take;
        data += take;
        len -= take;
        if (w->part_len == MESSAGE) {
            w->part_len = 0;
            ck_assert_int_eq(sio_stream_write(w->stream, w->part, MESSAGE), 0);
        }
    }
}

static void walker_ends(walker *w) {
    sio_stream_free(w->stream);
    w->stream = NULL;
    atomic_fetch_add(&w->crossing->ended, 1);
}

static void walker_eof(void *ctx) {
    walker_ends(ctx);
}

static void walker_error(void *ctx, const sio_stream_error *error) {
    walker_ends(ctx);
}

static const sio_stream_callbacks walker_callbacks = {
    .on_read = walker_read, .on_eof = walker_eof, .on_error = walker_error};

static void walker_arrives(void *ctx, sio_parcel *parcel) {
    walker *w = ctx;
    sio_loop *loop = w->crossing->loops[0];
    loop = sio_loop_in_thread(loop) ? loop : w->crossing->loops[1];
    ck_assert_int_eq(sio_stream_unpack(&w->stream, loop, parcel, &walker_callbacks, w), 0);
}

static void *run_loop(void *loop) {
    ck_assert_int_eq(sio_loop_run(loop), 0);
    return NULL;
}

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

typedef struct transport {
    ssize_t (*send)(walker *w, const uint8_t *data, size_t len);
    ssize_t (*receive)(walker *w, uint8_t *data, size_t len);
    void (*close)(walker *w);
} transport;

static ssize_t plain_send(walker *w, const uint8_t *data, size_t len) {
    return send(w->fd, data, len, MSG_NOSIGNAL);
}

static ssize_t plain_receive(walker *w, uint8_t *data, size_t len) {
    return recv(w->fd, data, len, 0);
}

static void plain_close(walker *w) {
    close(w->fd);
}

static const transport plain_transport = {plain_send, plain_receive, plain_close};

static void send_some(walker *w, const transport *by, uint32_t *random) {
    size_t left = w->crossing->len - w->sent_len;
    size_t len = next_random(random) % 100;
    ssize_t n = left > 0 ? by->send(w, w->sent + w->sent_len, len < left ? len : left) : 0;
    w->sent_len += n > 0 ? (size_t)n : 0;
}

static void receive_some(walker *w, const transport *by) {
    uint8_t data[512];
    ssize_t n = by->receive(w, data, sizeof data);
    if (n > 0) {
        ck_assert_uint_le(w->got_len + (size_t)n, w->sent_len);
        ck_assert_mem_eq(data, w->sent + w->got_len, (size_t)n);
        w->got_len += (size_t)n;
    }
}

/* The clients of walkers whose streams are in the loops, which run in two threads until all that
 * was sent has come back. */
static void cross(crossing *c, walker *walkers, const transport *by) {
    uint32_t random = 4711;
    pthread_t threads[2];
    unsigned messages = test_steps(MESSAGES);
    c->len = (size_t)messages * MESSAGE;
    for (size_t i = 0; i < WALKERS; i++) {
        for (size_t at = 0; at < c->len; at++) {
            walkers[i].sent[at] = (uint8_t)next_random(&random);
        }
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_loop, c->loops[i]), 0);
    }
    size_t done = 0;
    while (done < WALKERS) {
        done = 0;
        for (size_t i = 0; i < WALKERS; i++) {
            send_some(&walkers[i], by, &random);
            receive_some(&walkers[i], by);
            done += walkers[i].got_len == c->len;
        }
    }
    for (size_t i = 0; i < WALKERS; i++) {
        by->close(&walkers[i]);
    }
    while (atomic_load(&c->ended) < WALKERS) {
        sched_yield();
    }
    for (int i = 0; i < 2; i++) {
        sio_loop_stop(c->loops[i]);
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(sio_loop_stream_count(c->loops[i]), 0);
        sio_loop_free(c->loops[i]);
    }
    ck_assert_uint_gt(atomic_load(&c->moves), messages);
}

START_TEST(streams_go_to_and_fro_between_threads) {
    static walker walkers[WALKERS];
    crossing c = {.loops = {net_loop(NULL), net_loop(NULL)}};
    for (size_t i = 0; i < WALKERS; i++) {
        int fds[2];
        net_pair(fds, SOCK_STREAM);
        walkers[i] = (walker){.crossing = &c, .fd = fds[1]};
        ck_assert_int_eq(sio_stream_adopt(&walkers[i].stream, c.loops[i % 2], fds[0], NULL, 0,
                                          &walker_callbacks, &walkers[i]),
                         0);
    }
    cross(&c, walkers, &plain_transport);
}
END_TEST

#if SIO_HAVE_TLS

/* ---- TLS: the client's records pass through memory, so that they can be cut anywhere ---- */

typedef struct tls_keys {
    net_cert cert;
    sio_tls *server;
    SSL_CTX *client;
} tls_keys;

typedef struct tls_client {
    SSL *ssl;
    BIO *in, *out; /* its own */
    int fd;
} tls_client;

static tls_keys keys_make(int version) {
    tls_keys keys = {.cert = net_cert_make(NULL, "DNS:good.test", 100)};
    sio_tls_options options = {.cert_pem = keys.cert.cert_pem, .key_pem = keys.cert.key_pem};
    ck_assert_int_eq(sio_tls_server_new(&keys.server, &options, NULL, NULL), 0);
    keys.client = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(keys.client, version == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    return keys;
}

static void keys_free(tls_keys *keys) {
    SSL_CTX_free(keys->client);
    sio_tls_unref(keys->server);
    net_cert_free(&keys->cert);
}

static tls_client client_make(const tls_keys *keys, int fd) {
    tls_client c = {SSL_new(keys->client), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()), fd};
    SSL_set_bio(c.ssl, c.in, c.out);
    SSL_set_connect_state(c.ssl);
    return c;
}

/* What it has to send. */
static size_t client_take(tls_client *c, uint8_t *out, size_t room) {
    int n = BIO_read(c->out, out, (int)room);
    return n > 0 ? (size_t)n : 0;
}

static void client_send(tls_client *c) {
    uint8_t data[4096];
    size_t len;
    while ((len = client_take(c, data, sizeof data)) > 0) {
        ck_assert_int_eq(send(c->fd, data, len, MSG_NOSIGNAL), (int)len);
    }
}

static void client_receive(tls_client *c) {
    uint8_t data[4096];
    ssize_t n;
    while ((n = recv(c->fd, data, sizeof data, MSG_DONTWAIT)) > 0) {
        BIO_write(c->in, data, (int)n);
    }
}

static void shake(tls_client *c, sio_loop *loop) {
    while (SSL_do_handshake(c->ssl) != 1) {
        client_send(c);
        turn(loop);
        client_receive(c);
    }
    client_send(c);
}

static void client_says(tls_client *c, const char *text) {
    ck_assert_int_eq(SSL_write(c->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* Wait for exactly this. */
static void client_hears(tls_client *c, sio_loop *loop, const uint8_t *text, size_t len) {
    uint8_t got[4096];
    for (size_t at = 0; at < len;) {
        turn(loop);
        client_receive(c);
        int n = SSL_read(c->ssl, got, sizeof got);
        if (n > 0) {
            ck_assert_uint_le(at + (size_t)n, len);
            ck_assert_mem_eq(got, text + at, (size_t)n);
            at += (size_t)n;
        }
    }
}

static void setup_tls(move_test *t, tls_client *c, const tls_keys *keys, const sio_mem *mem) {
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    *t = (move_test){.from = net_loop(mem), .to = net_loop(mem), .client = fds[1]};
    ck_assert_int_eq(
        sio_stream_adopt(&t->peer.stream, t->from, fds[0], keys->server, 0, &move_callbacks, t), 0);
    *c = client_make(keys, fds[1]);
    ck_assert_int_eq(sio_stream_pack(&t->parcel, t->peer.stream, NULL, 0), SIO_ERR_STATE);
    shake(c, t->from);
    turn(t->from);
}

static void teardown_tls(move_test *t, tls_client *c) {
    SSL_free(c->ssl);
    teardown(t);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

/* Two records, cut at each byte: what came before the cut is decrypted in the one loop as far as it
 * goes, and the rest in the other. */
static size_t cut_records(const tls_keys *keys, size_t cut) {
    move_test t;
    tls_client c;
    setup_tls(&t, &c, keys, NULL);
    client_says(&c, "hello");
    client_says(&c, "world");
    uint8_t data[256];
    size_t len = client_take(&c, data, sizeof data);
    ck_assert_uint_lt(len, sizeof data);
    t.packs = true;
    if (cut > 0) {
        ck_assert_int_eq(send(c.fd, data, cut, 0), (int)cut);
    }
    turn(t.from);
    if (t.packs) { /* no record was complete */
        t.packs = false;
        pack(&t);
    }
    ck_assert_int_eq(send(c.fd, data + cut, len - cut, 0), (int)(len - cut));
    turn(t.from);
    unpack(&t);
    for (int i = 0; i < 10 && t.peer.len < 10; i++) {
        turn(t.to);
    }
    ck_assert_uint_eq(t.peer.len, 10);
    ck_assert_mem_eq(t.peer.bytes, "helloworld", 10);
    ck_assert_int_eq(sio_stream_write(t.peer.stream, "answer", 6), 0);
    client_hears(&c, t.to, (const uint8_t *)"answer", 6);
    ck_assert(sio_stream_is_tls(t.peer.stream));
    teardown_tls(&t, &c);
    return len;
}

START_TEST(records_may_be_cut_by_the_move) {
    tls_keys keys = keys_make(_i);
    size_t len = cut_records(&keys, 0);
    size_t step = len / test_steps((unsigned)len);
    for (size_t cut = 1; cut <= len; cut += step) {
        ck_assert_uint_eq(cut_records(&keys, cut), len);
    }
    keys_free(&keys);
}
END_TEST

/* Some of it is encrypted, in a queue of its own, and some is not. */
START_TEST(what_is_unsent_on_both_sides_of_the_encryption_moves) {
    enum { LEN = 800000 };
    uint8_t *data = malloc(LEN);
    for (size_t i = 0; i < LEN; i++) {
        data[i] = (uint8_t)(i * 13 + i / 777);
    }
    tls_keys keys = keys_make(_i);
    move_test t;
    tls_client c;
    setup_tls(&t, &c, &keys, NULL);
    ck_assert_int_eq(sio_stream_write(t.peer.stream, data, LEN), 0);
    turn(t.from);
    size_t before = sio_stream_queued(t.peer.stream);
    ck_assert_uint_gt(before, 0);
    pack(&t);
    unpack(&t);
    ck_assert_uint_eq(sio_stream_queued(t.peer.stream), before);
    client_hears(&c, t.to, data, LEN);
    turn(t.to);
    ck_assert_uint_eq(t.peer.drains, 1);
    teardown_tls(&t, &c);
    keys_free(&keys);
    free(data);
}
END_TEST

/* The client has said, behind its request, that nothing follows. The loop that read it has no time
 * to tell. */
START_TEST(an_end_behind_the_request_is_told_there) {
    tls_keys keys = keys_make(_i);
    move_test t;
    tls_client c;
    setup_tls(&t, &c, &keys, NULL);
    t.packs = true;
    client_says(&c, "request");
    SSL_shutdown(c.ssl);
    client_send(&c);
    turn(t.from);
    unpack(&t);
    turn(t.to);
    ck_assert_uint_eq(t.peer.len, 7);
    ck_assert_uint_eq(t.peer.eofs, 1);
    ck_assert_uint_eq(t.peer.errors, 0);
    ck_assert_int_eq(sio_stream_write(t.peer.stream, "answer", 6), 0);
    client_hears(&c, t.to, (const uint8_t *)"answer", 6);
    teardown_tls(&t, &c);
    keys_free(&keys);
}
END_TEST

START_TEST(garbage_behind_the_request_ends_it) {
    tls_keys keys = keys_make(_i);
    move_test t;
    tls_client c;
    setup_tls(&t, &c, &keys, NULL);
    client_says(&c, "request");
    client_send(&c);
    ck_assert_int_eq(send(c.fd, "no record at all", 16, 0), 16);
    turn(t.from);
    ck_assert_uint_eq(t.peer.len, 7);
    ck_assert_uint_eq(t.peer.errors, 1);
    ck_assert_int_eq(sio_stream_pack(&t.parcel, t.peer.stream, NULL, 0), SIO_ERR_STATE);
    teardown_tls(&t, &c);
    keys_free(&keys);
}
END_TEST

static void packs_at_once(void *ctx) {
    move_test *t = ctx;
    ck_assert_int_eq(sio_stream_pack(&t->parcel, t->peer.stream, NULL, 0), 0);
    t->peer.stream = NULL;
}

/* The stream leaves when the handshake is through. TLS 1.3: the first request came in one read with
 * the client's last message, and is not decrypted yet. TLS 1.2: the server's is not sent yet. */
START_TEST(what_comes_with_the_handshake_moves) {
    static const sio_stream_callbacks callbacks = {.on_connected = packs_at_once};
    tls_keys keys = keys_make(_i);
    int fds[2];
    net_pair(fds, SOCK_STREAM);
    move_test t = {.from = net_loop(NULL), .to = net_loop(NULL), .client = fds[1]};
    ck_assert_int_eq(
        sio_stream_adopt(&t.peer.stream, t.from, fds[0], keys.server, 0, &callbacks, &t), 0);
    tls_client c = client_make(&keys, fds[1]);
    while (SSL_do_handshake(c.ssl) != 1 && !t.parcel) {
        client_send(&c);
        turn(t.from);
        client_receive(&c);
    }
    if (_i == 12) {
        unpack(&t);
        shake(&c, t.to);
    }
    client_says(&c, "request");
    client_send(&c);
    turn(t.from);
    if (_i == 13) {
        unpack(&t);
    }
    for (int i = 0; i < 5 && t.peer.len < 7; i++) {
        turn(t.to);
    }
    ck_assert_uint_eq(t.peer.len, 7);
    teardown_tls(&t, &c);
    keys_free(&keys);
}
END_TEST

START_TEST(a_freed_parcel_ends_tls) {
    tls_keys keys = keys_make(_i);
    move_test t;
    tls_client c;
    setup_tls(&t, &c, &keys, NULL);
    ck_assert_int_eq(sio_stream_write(t.peer.stream, "unsent", 6), 0);
    pack(&t);
    sio_parcel_free(t.parcel);
    t.parcel = NULL;
    client_receive(&c);
    expect_eof(t.client);
    teardown_tls(&t, &c);
    keys_free(&keys);
}
END_TEST

static int open_tls(sweep *s, sio_loop *loop, sio_stream **stream, int fds[2]) {
    tls_client *c = s->client;
    move_test state = {0};
    sio_stream *made;
    int rc = sio_stream_adopt(&made, loop, fds[0], s->tls, 0, &move_callbacks, &state);
    if (rc != 0) {
        return rc;
    }
    c->fd = fds[1];
    SSL_clear(c->ssl);
    SSL_set_connect_state(c->ssl);
    state.peer.stream = made;
    for (int i = 0; i < 10; i++) {
        (void)SSL_do_handshake(c->ssl);
        client_send(c);
        turn(loop);
        client_receive(c);
    }
    if (state.peer.errors > 0 || !SSL_is_init_finished(c->ssl)) {
        sio_stream_free(made);
        return SIO_ERR_NOMEM;
    }
    client_says(c, "abc");
    client_send(c);
    sio_stream_set_callbacks(made, NULL, NULL);
    *stream = made;
    return 0;
}

static void renew_client(sweep *s) {
    tls_client *c = s->client;
    SSL_CTX *context = SSL_get_SSL_CTX(c->ssl);
    SSL_CTX_up_ref(context);
    SSL_free(c->ssl);
    *c = client_make(&(tls_keys){.client = context}, -1);
    SSL_CTX_free(context);
}

START_TEST(memory_may_run_out_anywhere_with_tls) {
    tls_keys keys = keys_make(13);
    tls_client c = client_make(&keys, -1);
    sweep s = {.tls = keys.server, .open = open_tls, .close = renew_client, .client = &c};
    test_mem_sweep(move_scenario, &s);
    SSL_free(c.ssl);
    keys_free(&keys);
}
END_TEST

static ssize_t tls_send(walker *w, const uint8_t *data, size_t len) {
    int n = len > 0 ? SSL_write(w->tls, data, (int)len) : 0;
    ERR_clear_error();
    return n;
}

static ssize_t tls_receive(walker *w, uint8_t *data, size_t len) {
    int n = SSL_read(w->tls, data, (int)len);
    ERR_clear_error();
    return n;
}

static void tls_close(walker *w) {
    SSL_shutdown(w->tls);
    SSL_free(w->tls);
    close(w->fd);
}

static const transport tls_transport = {tls_send, tls_receive, tls_close};

START_TEST(tls_goes_to_and_fro_between_threads) {
    static walker walkers[WALKERS];
    tls_keys keys = keys_make(_i);
    crossing c = {.loops = {net_loop(NULL), net_loop(NULL)}};
    for (size_t i = 0; i < WALKERS; i++) {
        int fds[2];
        net_pair(fds, SOCK_STREAM);
        walkers[i] = (walker){.crossing = &c, .fd = fds[1], .tls = SSL_new(keys.client)};
        ck_assert_int_eq(sio_stream_adopt(&walkers[i].stream, c.loops[i % 2], fds[0], keys.server,
                                          0, &walker_callbacks, &walkers[i]),
                         0);
        SSL_set_fd(walkers[i].tls, fds[1]);
        SSL_set_connect_state(walkers[i].tls);
        SSL_set_mode(walkers[i].tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        while (SSL_do_handshake(walkers[i].tls) != 1) {
            turn(c.loops[i % 2]);
        }
    }
    cross(&c, walkers, &tls_transport);
    keys_free(&keys);
}
END_TEST

#endif

int main(void) {
    Suite *suite = suite_create("net_stream_move");
    TCase *tc = tcase_create("net_stream_move");
    tcase_add_test(tc, what_was_read_comes_again_before_the_rest);
    tcase_add_test(tc, what_is_unsent_is_sent_from_there);
    tcase_add_test(tc, who_leaves_meanwhile_is_noticed_there);
    tcase_add_test(tc, an_end_that_was_seen_is_seen_again);
    tcase_add_test(tc, a_freed_parcel_closes_the_connection);
    tcase_add_test(tc, it_is_posted);
    tcase_add_test(tc, a_loop_that_ends_frees_what_was_posted);
    tcase_add_loop_test(tc, it_may_end_before_it_reads, 0, 3);
    tcase_add_test(tc, only_open_streams_move);
    tcase_add_test(tc, a_paused_stream_reads_on_there);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    tcase_add_test(tc, streams_go_to_and_fro_between_threads);
#if SIO_HAVE_TLS
    tcase_add_loop_test(tc, records_may_be_cut_by_the_move, 12, 14);
    tcase_add_loop_test(tc, what_is_unsent_on_both_sides_of_the_encryption_moves, 12, 14);
    tcase_add_loop_test(tc, an_end_behind_the_request_is_told_there, 12, 14);
    tcase_add_loop_test(tc, garbage_behind_the_request_ends_it, 12, 14);
    tcase_add_loop_test(tc, what_comes_with_the_handshake_moves, 12, 14);
    tcase_add_loop_test(tc, a_freed_parcel_ends_tls, 12, 14);
    tcase_add_test(tc, memory_may_run_out_anywhere_with_tls);
    tcase_add_loop_test(tc, tls_goes_to_and_fro_between_threads, 12, 14);
#endif
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
