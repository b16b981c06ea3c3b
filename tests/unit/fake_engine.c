#include "fake_engine.h"

#include "loop_internal.h"

#include <check.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sio_cengine {
    const sio_cengine_callbacks *callbacks;
    void *ctx;
    sio_loop *loop;
    sio_task task;
    sio_eio_state state;
    bool answer_open;
    char answer[128]; /* to the last CONNECT */
    int failed;
    char id[16];
};

fake_settings fake;

static fake_attempt last_attempt;
static sio_cengine *newest;
static unsigned made;
static unsigned live;

/* ---- the trace ---- */

static char *text_of_trace;
static size_t trace_len;
static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;

static void trace_add(const char *line) {
    size_t len = strlen(line);
    pthread_mutex_lock(&trace_lock);
    text_of_trace = realloc(text_of_trace, trace_len + len + 2);
    memcpy(text_of_trace + trace_len, line, len);
    trace_len += len;
    text_of_trace[trace_len++] = '\n';
    text_of_trace[trace_len] = '\0';
    pthread_mutex_unlock(&trace_lock);
}

void trace(const char *format, ...) {
    char line[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    trace_add(line);
}

void trace_clear(void) {
    free(text_of_trace);
    text_of_trace = NULL;
    trace_len = 0;
}

char *trace_take(void) {
    char *text = text_of_trace;
    text_of_trace = NULL;
    trace_len = 0;
    return text;
}

void trace_expect(const char *const *lines, const char *file, int line) {
    char wanted[8192] = "";
    size_t len = 0;
    for (; *lines; lines++) {
        len += (size_t)snprintf(wanted + len, sizeof wanted - len, "%s\n", *lines);
        ck_assert_uint_lt(len, sizeof wanted);
    }
    const char *got = text_of_trace ? text_of_trace : "";
    ck_assert_msg(strcmp(got, wanted) == 0, "%s:%d: expected\n%s--- but there was\n%s", file, line,
                  wanted, got);
    trace_clear();
}

/* ---- making and ending ---- */

void fake_reset(void) {
    ck_assert_uint_eq(live, 0);
    fake = (fake_settings){0};
    newest = NULL;
    made = 0;
    trace_clear();
}

sio_cengine *fake_engine(void) {
    ck_assert_ptr_nonnull(newest);
    return newest;
}

sio_cengine *fake_engine_or_null(void) {
    return newest;
}

unsigned fake_made(void) {
    return made;
}

unsigned fake_live(void) {
    return live;
}

const fake_attempt *fake_last_attempt(void) {
    return &last_attempt;
}

static void remember(const sio_cengine_options *o) {
    last_attempt = (fake_attempt){
        .transport = o->transport,
        .upgrade = o->upgrade,
        .revision = o->revision,
        .max_message = o->max_message,
        .max_queued = o->max_queued,
        .connect_timeout = o->connect_timeout,
    };
    fake_attempt *a = &last_attempt;
    snprintf(a->host, sizeof a->host, "%.*s:%u", (int)o->url->host.len, o->url->host.ptr,
             o->url->port);
    snprintf(a->path, sizeof a->path, "%s", o->path);
    snprintf(a->query, sizeof a->query, "%s", o->query ? o->query : "(none)");
    size_t len = 0;
    for (size_t i = 0; i < o->header_count; i++) {
        len += (size_t)snprintf(a->headers + len, sizeof a->headers - len, "%.*s: %.*s;",
                                (int)o->headers[i].name.len, o->headers[i].name.ptr,
                                (int)o->headers[i].value.len, o->headers[i].value.ptr);
    }
}

static void end(sio_cengine *e, sio_eio_reason reason, const sio_cengine_error *error) {
    e->state = SIO_EIO_STATE_CLOSED;
    sio_task_cancel(&e->task);
    e->callbacks->on_close(e->ctx, reason, error);
}

static void open_now(sio_cengine *e) {
    e->state = SIO_EIO_STATE_OPEN;
    snprintf(e->id, sizeof e->id, "engine%u", made);
    e->callbacks->on_open(e->ctx);
}

static void deliver(sio_cengine *e, bool binary, const void *data, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, data, len);
    e->callbacks->on_message(e->ctx, binary, copy, len);
    free(copy);
}

/* What the engine does by itself, one thing at a time: a callback may free it. */
static void on_task(void *ctx) {
    sio_cengine *e = ctx;
    if (e->failed != 0) {
        sio_cengine_error error = {.err = e->failed, .message = "failed", .detail = ""};
        end(e, SIO_EIO_REASON_TRANSPORT_ERROR, &error);
    } else if (e->state == SIO_EIO_STATE_CLOSING) {
        end(e, SIO_EIO_REASON_FORCED_CLOSE, NULL);
    } else if (e->answer_open) {
        e->answer_open = false;
        open_now(e);
    } else if (e->answer[0]) {
        char answer[sizeof e->answer];
        memcpy(answer, e->answer, sizeof answer);
        e->answer[0] = '\0';
        deliver(e, false, answer, strlen(answer));
    }
}

int sio_cengine_new(sio_cengine **out, sio_loop *loop, const sio_cengine_options *options) {
    trace("attempt");
    remember(options);
    made++;
    if (fake.fail_new != 0) {
        return fake.fail_new;
    }
    sio_cengine *e = sio_mem_zalloc(sio_loop_mem(loop), sizeof *e);
    if (!e) {
        return SIO_ERR_NOMEM;
    }
    e->callbacks = options->callbacks;
    e->ctx = options->ctx;
    e->loop = loop;
    sio_task_init(&e->task, on_task, e);
    if (fake.accept) {
        e->answer_open = true;
        sio_loop_defer(loop, &e->task);
    }
    newest = e;
    live++;
    *out = e;
    return 0;
}

void sio_cengine_free(sio_cengine *e) {
    if (!e) {
        return;
    }
    sio_task_cancel(&e->task);
    newest = newest == e ? NULL : newest;
    live--;
    sio_mem_release(sio_loop_mem(e->loop), e);
}

void sio_cengine_close(sio_cengine *e) {
    trace("(closing)");
    if (e->state >= SIO_EIO_STATE_CLOSING) {
        return;
    }
    e->state = SIO_EIO_STATE_CLOSING;
    if (fake.close_inside) {
        end(e, SIO_EIO_REASON_FORCED_CLOSE, NULL);
    } else if (!fake.close_never) {
        sio_loop_defer(e->loop, &e->task);
    }
}

void sio_cengine_fail(sio_cengine *e, int err) {
    trace("(failing)");
    if (e->failed == 0 && e->state != SIO_EIO_STATE_CLOSED) {
        e->failed = err;
        sio_loop_defer(e->loop, &e->task);
    }
}

/* ---- sending ---- */

static void answer_connect(sio_cengine *e, const char *text, size_t len) {
    if (!fake.accept || text[0] != '0') {
        return;
    }
    const char *nsp = len > 1 && text[1] == '/' ? text + 1 : "";
    int nsp_len = (int)strcspn(nsp, ",{");
    snprintf(e->answer, sizeof e->answer, "0%.*s%s{\"sid\":\"id%u\"}", nsp_len, nsp,
             nsp_len ? "," : "", made);
    sio_loop_defer(e->loop, &e->task);
}

static void trace_sent(bool binary, const uint8_t *data, size_t len, unsigned flags) {
    char line[1000] = "> ";
    size_t at = 2;
    if (!binary) {
        at += (size_t)snprintf(line + at, sizeof line - at, "%.*s", (int)len, (const char *)data);
    } else {
        line[at++] = '<';
        for (size_t i = 0; i < len && at < 900; i++) {
            at += (size_t)snprintf(line + at, sizeof line - at, "%02x", data[i]);
        }
        line[at++] = '>';
        line[at] = '\0';
    }
    trace("%s%s", line, (flags & SIO_EIO_COMPRESS) != 0 ? "" : " (raw)");
}

static int send_data(sio_cengine *e, bool binary, sio_bytes data, unsigned flags) {
    if (e->state != SIO_EIO_STATE_OPEN || e->failed != 0) {
        return SIO_ERR_CLOSED;
    }
    if ((flags & SIO_EIO_VOLATILE) != 0 && fake.not_writable) {
        return SIO_ERR_DISCARDED;
    }
    if (fake.fail_send != 0 && fake.fail_from-- == 0) {
        int rc = fake.fail_send;
        fake.fail_send = 0;
        return rc;
    }
    trace_sent(binary, data.ptr, data.len, flags);
    answer_connect(e, (const char *)data.ptr, binary ? 0 : data.len);
    return 0;
}

int sio_cengine_send(sio_cengine *e, sio_eio_message *message, unsigned flags) {
    return send_data(e, sio_eio_message_is_binary(message), sio_eio_message_data(message), flags);
}

/* The buffer is taken, as by the real one. */
int sio_cengine_send_buf(sio_cengine *e, sio_buf *buf, bool binary, unsigned flags) {
    sio_eio_message *message;
    int rc = sio_eio_message_take(&message, binary, buf);
    if (rc == 0) {
        rc = sio_cengine_send(e, message, flags);
        sio_eio_message_unref(message);
    }
    return rc;
}

/* ---- asking ---- */

const char *sio_cengine_id(const sio_cengine *e) {
    return e->id;
}

sio_eio_transport sio_cengine_transport(const sio_cengine *e) {
    return last_attempt.transport;
}

sio_eio_state sio_cengine_state(const sio_cengine *e) {
    return e->state;
}

bool sio_cengine_writable(const sio_cengine *e) {
    return !fake.not_writable;
}

bool sio_cengine_overdue(const sio_cengine *e) {
    return fake.overdue;
}

/* ---- the server's part ---- */

/* Everything that a real engine tells comes from inside a callback of its loop, and what was
 * deferred runs before that ends. */

void fake_open(void) {
    sio_cengine *e = fake_engine();
    sio_loop *loop = e->loop;
    sio_loop_enter(loop);
    open_now(e);
    sio_loop_leave(loop);
}

static void receive(bool binary, const void *data, size_t len) {
    sio_cengine *e = fake_engine();
    sio_loop *loop = e->loop;
    sio_loop_enter(loop);
    deliver(e, binary, data, len);
    sio_loop_leave(loop);
}

void fake_text(const char *text) {
    receive(false, text, strlen(text));
}

void fake_binary(const void *data, size_t len) {
    receive(true, data, len);
}

static void tell(void (*fn)(void *ctx)) {
    sio_cengine *e = fake_engine();
    sio_loop *loop = e->loop;
    sio_loop_enter(loop);
    fn(e->ctx);
    sio_loop_leave(loop);
}

void fake_ping(void) {
    tell(fake_engine()->callbacks->on_ping);
}

void fake_drain(void) {
    tell(fake_engine()->callbacks->on_drain);
}

void fake_upgrade(void) {
    tell(fake_engine()->callbacks->on_upgrade);
}

void fake_close(sio_cengine *e, sio_eio_reason reason, const sio_cengine_error *error) {
    sio_loop *loop = e->loop;
    sio_loop_enter(loop);
    end(e, reason, error);
    sio_loop_leave(loop);
}

void fake_cut(void) {
    sio_cengine_error error = {
        .err = SIO_ERR_CLOSED, .message = "websocket connection closed", .detail = "1006"};
    fake_close(fake_engine(), SIO_EIO_REASON_TRANSPORT_CLOSE, &error);
}

void fake_break(int err, const char *message, const char *detail) {
    sio_cengine_error error = {.err = err, .message = message, .detail = detail};
    fake_close(fake_engine(), SIO_EIO_REASON_TRANSPORT_ERROR, &error);
}
