/* Any sequence of calls on one Engine.IO session. The first byte chooses role, transport and
 * revision; each further byte is one call, some take the next byte as argument. */
#include "require.h"

#include <sio/eio_session.h>

#include <stdlib.h>
#include <string.h>

typedef struct fuzz {
    const uint8_t *data;
    size_t size;
    sio_eio_session session;
    sio_eio_config config;
    sio_mem mem;
    long live;
    unsigned fail_in; /* this many allocations from now one fails; 0 = none */
    sio_time now;
    uint32_t sent;
    uint32_t written;
    bool held;
    bool posting;
    bool getting;
    bool closed;
    sio_eio_state last_state;
} fuzz;

static void *mem_resize(void *user, void *old, size_t size) {
    fuzz *f = user;
    if (f->fail_in > 0 && --f->fail_in == 0) {
        return NULL;
    }
    f->live += old == NULL;
    return realloc(old, size);
}

static void *mem_alloc(void *user, size_t size) {
    return mem_resize(user, NULL, size);
}

static void mem_release(void *user, void *old) {
    ((fuzz *)user)->live -= old != NULL;
    free(old);
}

static uint8_t take(fuzz *f) {
    if (f->size == 0) {
        return 0;
    }
    f->size--;
    return *f->data++;
}

static void check_queue(const fuzz *f) {
    size_t count;
    const sio_eio_item *items = sio_eio_session_queue(&f->session, &count);
    size_t bytes = 0;
    REQUIRE(count == sio_eio_session_queued(&f->session));
    for (size_t i = 0; i < count; i++) {
        bytes += items[i].message ? sio_eio_message_data(items[i].message).len : 0;
    }
    REQUIRE(bytes == sio_eio_session_queued_bytes(&f->session));
}

static void check_state(fuzz *f) {
    const sio_eio_session *s = &f->session;
    sio_eio_state state = sio_eio_session_state(s);
    REQUIRE(state >= f->last_state); /* there is no way back */
    f->last_state = state;
    bool open = state == SIO_EIO_STATE_OPEN;
    bool websocket = sio_eio_session_transport(s) == SIO_EIO_WEBSOCKET;
    REQUIRE(sio_eio_session_direct(s) == (open && websocket && sio_eio_session_queued(s) == 0));
    REQUIRE(!sio_eio_session_writable(s) || (open && sio_eio_session_queued(s) == 0));
    REQUIRE(!s->plain || open);
    REQUIRE(!sio_eio_session_upgrading(s) || (!websocket && state != SIO_EIO_STATE_CLOSED));
    if (state == SIO_EIO_STATE_CLOSED) {
        REQUIRE(sio_eio_session_deadline(s) == SIO_TIME_NEVER);
        REQUIRE(s->reason != SIO_EIO_REASON_NONE);
    }
    check_queue(f);
}

static void pull_events(fuzz *f) {
    sio_eio_event event;
    while (sio_eio_session_next(&f->session, &event)) {
        REQUIRE(!f->closed); /* the close is the last and comes once */
        REQUIRE(event.kind > SIO_EIO_EVENT_OPEN && event.kind <= SIO_EIO_EVENT_CLOSE);
        if (event.kind == SIO_EIO_EVENT_CLOSE) {
            REQUIRE(sio_eio_session_state(&f->session) == SIO_EIO_STATE_CLOSED);
            REQUIRE(event.reason != SIO_EIO_REASON_NONE && event.error <= 0);
            f->closed = true;
        }
    }
    REQUIRE(f->closed == (sio_eio_session_state(&f->session) == SIO_EIO_STATE_CLOSED));
}

static void check_items(fuzz *f, const sio_eio_output *out) {
    REQUIRE(out->count > 0);
    for (size_t i = 0; i < out->count; i++) {
        sio_bytes bytes;
        REQUIRE(out->items[i].type < SIO_EIO_ERROR);
        (void)sio_eio_item_bytes(&bytes, &out->items[i], SIO_EIO_FORM_FRAME, f->session.revision);
        if (out->items[i].tag != 0) {
            REQUIRE(out->items[i].tag == ++f->written); /* in order, none twice */
        }
    }
}

static void check_output(fuzz *f, const sio_eio_output *out) {
    bool client = f->session.role == SIO_EIO_CLIENT;
    bool websocket = sio_eio_session_transport(&f->session) == SIO_EIO_WEBSOCKET;
    switch (out->kind) {
    case SIO_EIO_OUTPUT_POLL:
        REQUIRE(!client && f->held);
        f->held = false;
        check_items(f, out);
        break;
    case SIO_EIO_OUTPUT_DROP_POST:
        REQUIRE(!client && f->posting);
        f->posting = false;
        break;
    case SIO_EIO_OUTPUT_GET:
        REQUIRE(client && !websocket && !f->getting);
        f->getting = true;
        break;
    case SIO_EIO_OUTPUT_POST:
        REQUIRE(client && !websocket && !f->posting);
        f->posting = true;
        check_items(f, out);
        break;
    case SIO_EIO_OUTPUT_FRAMES:
        REQUIRE(websocket);
        check_items(f, out);
        break;
    case SIO_EIO_OUTPUT_PROBE:
        REQUIRE(!websocket);
        check_items(f, out);
        break;
    case SIO_EIO_OUTPUT_CLOSE:
        REQUIRE(websocket);
        break;
    default:
        REQUIRE(out->kind == SIO_EIO_OUTPUT_CLOSE_PROBE);
        break;
    }
}

static bool pull_output(fuzz *f, uint8_t lower) {
    sio_eio_output out;
    if (!sio_eio_session_output(&f->session, &out)) {
        return false;
    }
    if (out.queued && lower != 0 && lower < out.count) {
        out.count = lower;
    }
    check_output(f, &out);
    sio_eio_session_consume(&f->session, &out, f->now);
    pull_events(f);
    return true;
}

#define HANDSHAKE                                                                                  \
    "{\"sid\":\"S\",\"upgrades\":[\"websocket\"],\"pingInterval\":20,\"pingTimeout\":10,"          \
    "\"maxPayload\":8}"

static sio_eio_packet any_packet(fuzz *f) {
    static const char *const datas[] = {"", "probe", "x", HANDSHAKE};
    uint8_t byte = take(f);
    const char *data = datas[byte >> 3 & 3];
    return (sio_eio_packet){
        (sio_eio_type)(byte & 7), (byte & 0x20) != 0, {(const uint8_t *)data, strlen(data)}};
}

static void do_packet(fuzz *f) {
    sio_eio_packet packet = any_packet(f);
    sio_eio_state before = sio_eio_session_state(&f->session);
    sio_eio_event_kind kind = sio_eio_session_packet(&f->session, &packet, f->now);
    REQUIRE(kind == SIO_EIO_EVENT_NONE || kind == SIO_EIO_EVENT_MESSAGE ||
            kind == SIO_EIO_EVENT_OPEN);
    REQUIRE(kind == SIO_EIO_EVENT_NONE || before != SIO_EIO_STATE_CLOSED);
    REQUIRE(kind != SIO_EIO_EVENT_MESSAGE || packet.type == SIO_EIO_MESSAGE);
}

static void do_send(fuzz *f) {
    uint8_t byte = take(f);
    sio_eio_message *message;
    if (sio_eio_message_new(&message, (byte & 1) != 0, "message", byte >> 1 & 7, &f->mem) != 0) {
        return;
    }
    size_t before = sio_eio_session_queued(&f->session);
    unsigned flags = (byte & 0x10 ? SIO_EIO_VOLATILE : 0) | (byte & 0x20 ? SIO_EIO_COMPRESS : 0);
    if (sio_eio_session_send(&f->session, message, flags, f->sent + 1) == 0) {
        f->sent++;
        REQUIRE(sio_eio_session_queued(&f->session) == before + 1);
        REQUIRE(before < f->config.max_queue_messages);
    } else {
        REQUIRE(sio_eio_session_queued(&f->session) == before);
    }
    sio_eio_message_unref(message);
}

static void do_close(fuzz *f) {
    bool discard = take(f) % 4 == 0;
    sio_eio_session_close(&f->session, discard, f->now);
    if (discard) {
        REQUIRE(sio_eio_session_state(&f->session) == SIO_EIO_STATE_CLOSED);
        f->written = f->sent;
    }
}

static void do_poll(fuzz *f) {
    int rc = sio_eio_session_poll(&f->session, f->now);
    REQUIRE(rc != 0 || !f->held);
    f->held = f->held || rc == 0;
}

static void do_post(fuzz *f) {
    int rc = sio_eio_session_post(&f->session, f->now);
    REQUIRE(rc != 0 || !f->posting);
    f->posting = f->posting || rc == 0;
}

static void do_post_end(fuzz *f, bool aborted) {
    if (f->session.role == SIO_EIO_CLIENT) {
        return;
    }
    if (aborted) {
        sio_eio_session_post_aborted(&f->session, f->now);
        f->posting = false;
    } else if (sio_eio_session_state(&f->session) != SIO_EIO_STATE_CLOSED &&
               sio_eio_session_transport(&f->session) == SIO_EIO_POLLING) {
        sio_eio_session_post_complete(&f->session);
        f->posting = false;
    }
}

static void do_written(fuzz *f) {
    sio_eio_session_written(&f->session, f->now);
    if (f->session.role == SIO_EIO_CLIENT) {
        f->posting = false;
    }
}

static void do_time(fuzz *f) {
    sio_time deadline = sio_eio_session_deadline(&f->session);
    f->now += take(f);
    sio_eio_session_elapsed(&f->session, f->now);
    if (f->now < deadline) {
        REQUIRE(sio_eio_session_deadline(&f->session) == deadline);
    } else if (deadline != SIO_TIME_NEVER) {
        REQUIRE(sio_eio_session_deadline(&f->session) > f->now);
    }
}

static void do_call(fuzz *f, uint8_t call) {
    sio_eio_session *s = &f->session;
    switch (call % 19) {
    case 0:
        (void)sio_eio_session_open(s, SIO_STR("SID"), f->now);
        break;
    case 1:
    case 2:
        do_packet(f);
        break;
    case 3: {
        sio_eio_packet packet = any_packet(f);
        sio_eio_session_probe_packet(s, &packet, f->now);
        break;
    }
    case 4:
        do_send(f);
        break;
    case 5:
        do_close(f);
        break;
    case 6:
        sio_eio_session_transport_closed(s, take(f) % 2 ? SIO_ERR_RESET : 0, f->now);
        break;
    case 7:
        do_written(f);
        break;
    case 8:
        sio_eio_session_busy(s);
        break;
    case 9:
        do_poll(f);
        break;
    case 10:
        sio_eio_session_poll_aborted(s, f->now);
        f->held = false;
        break;
    case 11:
        do_post(f);
        break;
    case 12:
        do_post_end(f, take(f) % 2);
        break;
    case 13:
        sio_eio_session_polled(s, f->now);
        f->getting = f->getting && s->role == SIO_EIO_SERVER;
        break;
    case 14:
        (void)sio_eio_session_probe_open(s, f->now);
        break;
    case 15:
        sio_eio_session_probe_closed(s, take(f) % 2 ? SIO_ERR_RESET : 0, f->now);
        break;
    case 16:
        (void)pull_output(f, take(f) % 4);
        break;
    case 17:
        do_time(f);
        break;
    default:
        f->fail_in = take(f) % 8;
        break;
    }
}

/* A client would GET again and again without an answer, so the number of outputs that nothing
 * happens between is bounded by what can be under way at once. */
static void drain_output(fuzz *f) {
    unsigned rounds = 0;
    while (pull_output(f, 0)) {
        REQUIRE(++rounds < 300);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz f = {.data = data, .size = size};
    uint8_t kind = take(&f);
    f.mem = (sio_mem){mem_alloc, mem_resize, mem_release, &f};
    f.config = (sio_eio_config){.size = sizeof(f.config),
                                .ping_interval = 20,
                                .ping_timeout = 10,
                                .upgrade_timeout = 30,
                                .close_timeout = 40,
                                .max_payload = 8,
                                .no_upgrade = (kind & 8) != 0,
                                .max_queue_messages = 12,
                                .max_queue_bytes = 60,
                                .mem = &f.mem};
    sio_eio_session_init(&f.session, (sio_eio_role)(kind & 1), (sio_eio_transport)(kind >> 1 & 1),
                         (kind & 4) != 0 ? 3 : 4, &f.config);
    while (f.size > 0) {
        do_call(&f, take(&f));
        pull_events(&f);
        check_state(&f);
    }
    drain_output(&f);
    sio_eio_session_free(&f.session);
    REQUIRE(f.live == 0);
    return 0;
}
