/* The load driver's end of TLS: OpenSSL between buffers, the sockets are conn.c's. TLS 1.3 with
 * AES-128-GCM and X25519 only, so that every server works with the same. */
#ifndef TESTS_BENCH_TLS_H
#define TESTS_BENCH_TLS_H

#include "bytes.h"

#include <stdbool.h>

typedef struct ssl_st tls;

/* From now on connections are made with TLS, to servers with exactly this certificate (PEM).
 * `resume`: each offers a session ticket of one before. */
void tls_set_up(const char *certificate, bool resume);

bool tls_is_on(void);

/* A connection whose first flight is appended to `wire`, as everything that is to be sent. */
tls *tls_new(bytes *wire);

/* Take what has come: append what it says to `plain`. Returns whether the handshake is complete. */
bool tls_take(tls *t, const char *data, size_t len, bytes *plain, bytes *wire);

void tls_put(tls *t, const char *data, size_t len, bytes *wire);

/* The connection ends; `wire` gets the farewell. */
void tls_end(tls *t, bytes *wire);

/* Handshakes so far, and how many of them resumed a session. */
typedef struct tls_counts {
    uint64_t handshakes;
    uint64_t resumed;
} tls_counts;

tls_counts tls_count(void);

#endif
