/* The functions of the client's engine.h in memory: the test plays the server. Linked in place of
 * the real engine below the rest of the client library.
 *
 * What the client does to the engine is written into one trace, together with what the handlers of
 * client_fixture.h saw, so that a test states the order of both:
 *
 *     attempt              an engine was made
 *     > 20["a"]            a text message was sent; "(raw)" behind it: not to be compressed
 *     > <00ff>             a binary one
 *     (closing) (failing)  sio_cengine_close, sio_cengine_fail
 */
#ifndef TESTS_UNIT_FAKE_ENGINE_H
#define TESTS_UNIT_FAKE_ENGINE_H

#include "engine.h"

/* What one attempt was started with. */
typedef struct fake_attempt {
    char host[64];
    char path[64];
    char query[64];
    char headers[128]; /* "Name: value;" each */
    sio_eio_transport transport;
    bool upgrade;
    int revision;
    uint64_t max_message;
    uint64_t max_queued;
    uint64_t connect_timeout;
} fake_attempt;

typedef struct fake_settings {
    int fail_new;       /* sio_cengine_new returns this */
    int fail_send;      /* sends return this ... */
    unsigned fail_from; /* ... after so many more that succeed */
    bool close_inside;  /* on_close comes from inside sio_cengine_close */
    bool close_never;   /* only the test calls it back */
    bool not_writable;
    bool overdue;
    bool accept; /* open by itself and answer each CONNECT */
} fake_settings;

extern fake_settings fake;

/* Forget everything; fails the test when an engine still exists. */
void fake_reset(void);

/* The newest engine (fails the test when it is gone; _or_null does not), and how many were made and
 * still exist. */
sio_cengine *fake_engine(void);
sio_cengine *fake_engine_or_null(void);
unsigned fake_made(void);
unsigned fake_live(void);
const fake_attempt *fake_last_attempt(void);

/* ---- the server's part; all but fake_close act on the newest engine ---- */

void fake_open(void);
void fake_text(const char *text);
void fake_binary(const void *data, size_t len);
void fake_ping(void);
/* Everything was written; the transport was exchanged. */
void fake_drain(void);
void fake_upgrade(void);
/* Close with a reason; `error` NULL as for "ping timeout". Nothing of the engine is used after. */
void fake_close(sio_cengine *engine, sio_eio_reason reason, const sio_cengine_error *error);
/* "transport close" and "transport error". */
void fake_cut(void);
void fake_break(int err, const char *message, const char *detail);

/* ---- the trace ---- */

void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Compare all that was traced since the last time. */
void trace_expect(const char *const *lines, const char *file, int line);

#define EXPECT(...) trace_expect((const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
#define EXPECT_NOTHING() trace_expect((const char *const[]){NULL}, __FILE__, __LINE__)
/* What came so far does not matter. */
void trace_clear(void);
/* All of it, for the caller to free. */
char *trace_take(void);

#endif
