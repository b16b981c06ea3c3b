/* How often zlib is asked, and for how many states: it is called through this program. */
#include "server_support.h"

#include <stdlib.h>

#if SIO_HAVE_DEFLATE

#include <dlfcn.h>
#include <zlib.h>

enum { PEERS = 8, LEN = 3000 };

/* The libraries call these instead of zlib's. */
#define SEEN __attribute__((visibility("default")))

static unsigned compressed; /* messages */
static unsigned compressors;
static unsigned decompressors;

static void *original(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        abort();
    }
    return found;
}

SEEN int deflate(z_streamp z, int flush) {
    static int (*real)(z_streamp, int);
    if (!real) {
        *(void **)&real = original("deflate");
    }
    compressed += z->total_in == 0;
    return real(z, flush);
}

SEEN int deflateInit2_(z_streamp z, int level, int method, int window, int memory, int strategy,
                       const char *version, int size) {
    static int (*real)(z_streamp, int, int, int, int, int, const char *, int);
    if (!real) {
        *(void **)&real = original("deflateInit2_");
    }
    compressors++;
    return real(z, level, method, window, memory, strategy, version, size);
}

SEEN int inflateInit2_(z_streamp z, int window, const char *version, int size) {
    static int (*real)(z_streamp, int, const char *, int);
    if (!real) {
        *(void **)&real = original("inflateInit2_");
    }
    decompressors++;
    return real(z, window, version, size);
}

static server_test t;
static sio_namespace *root;
static raw_client c[PEERS];
static char text[LEN + 1];
static char event[LEN + 32]; /* a packet that carries it */

static void on_echo(sio_peer *peer, const sio_event *received, void *user) {
    (void)user;
    (void)sio_peer_emit(peer, "echo", received->args, NULL);
}

static void start(void) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.per_message_deflate = true;
    server_start(&t, &options);
    root = sio_server_of(t.server, "/");
    ck_assert_int_eq(sio_namespace_on(root, "echo", on_echo, NULL), 0);
    for (int i = 0; i < LEN; i++) {
        text[i] = (char)('a' + i * i % 23);
    }
    snprintf(event, sizeof(event), "42[\"echo\",\"%s\"]", text);
    for (int i = 0; i < PEERS; i++) {
        ws_open(&c[i], &t, "EIO=4", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        ws_expect_start(&c[i], "0{");
        ws_join_more(&c[i], "40", NULL);
    }
    compressed = 0;
    compressors = 0;
    decompressors = 0;
}

static void stop(void) {
    for (int i = 0; i < PEERS; i++) {
        raw_close(&c[i]);
    }
    server_stop(&t);
}

/* The frame's payload inflated by a state of its own, which the counts above do not see. */
static void expect_compressed(raw_client *client, const char *want) {
    static unsigned char out[2 * LEN];
    ws_frame frame;
    ck_assert(ws_receive(client, &frame));
    ck_assert_uint_eq(frame.first, 0xc1);
    unsigned before = decompressors;
    z_stream z = {.next_in = frame.data, .avail_in = (uInt)frame.len};
    z.next_out = out;
    z.avail_out = sizeof(out);
    ck_assert_int_eq(inflateInit2(&z, -15), Z_OK);
    ck_assert_int_eq(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    ck_assert_uint_eq(z.total_out, strlen(want));
    ck_assert_mem_eq(out, want, z.total_out);
    inflateEnd(&z);
    ws_frame_free(&frame);
    decompressors = before;
}

/* IO55 */
START_TEST(a_broadcast_is_compressed_once) {
    sio_target everyone = sio_namespace_target(root);
    for (unsigned round = 1; round <= 3; round++) {
        ck_assert_int_eq(sio_target_emitf(&everyone, "echo", "s", text), 0);
        for (int i = 0; i < PEERS; i++) {
            expect_compressed(&c[i], event);
        }
        ck_assert_uint_eq(compressed, round);
    }
    ck_assert_uint_eq(compressors, 1);
}
END_TEST

static void send_compressed(raw_client *client) {
    static unsigned char out[2 * LEN];
    unsigned compressed_before = compressed;
    unsigned compressors_before = compressors;
    z_stream z = {.next_in = (unsigned char *)event, .avail_in = (uInt)strlen(event)};
    z.next_out = out;
    z.avail_out = sizeof(out);
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    ws_send(client, 0xc1, out, z.total_out - 4);
    deflateEnd(&z);
    compressed = compressed_before;
    compressors = compressors_before;
}

/* A state of zlib has up to 256 KiB: all connections share one for each direction. */
START_TEST(connections_have_no_state_of_their_own) {
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PEERS; i++) {
            send_compressed(&c[i]);
            expect_compressed(&c[i], event);
        }
    }
    ck_assert_uint_eq(compressed, 2 * PEERS);
    ck_assert_uint_eq(compressors, 1);
    ck_assert_uint_eq(decompressors, 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("compression of WebSockets");
    TCase *tc = tcase_create("counts");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_broadcast_is_compressed_once);
    tcase_add_test(tc, connections_have_no_state_of_their_own);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}

#else

int main(void) {
    return 0;
}

#endif
