/* What the tests of one peer share: a server with one client on a WebSocket, whose peer of the root
 * namespace is known, and notes of what happened. For one source of each program. */
#ifndef TESTS_UNIT_SERVER_PEER_SUPPORT_H
#define TESTS_UNIT_SERVER_PEER_SUPPORT_H

#include "server_notes.h"
#include "server_support.h"

static server_test t;
static sio_namespace *root;
static raw_client c;
static sio_peer *peer;

/* `options` NULL: all defaults; `query` such as "EIO=4", `connect` such as "40{...}". */
static inline void peer_start(const sio_server_options *options, const char *query,
                              const char *connect) {
    char id[64];
    notes[0] = '\0';
    server_start(&t, options);
    root = sio_server_of(t.server, "/");
    ws_connect(&c, &t, query, NULL);
    ws_join_more(&c, connect, id);
    peer = sio_namespace_find(root, id);
    ck_assert_ptr_nonnull(peer);
}

static inline void peer_stop(void) {
    raw_close(&c);
    server_stop(&t);
}

#endif
