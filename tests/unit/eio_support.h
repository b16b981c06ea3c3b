/* What the tests of the Engine.IO session share: packets from literals, and events and output as
 * text. */
#ifndef TESTS_UNIT_EIO_SUPPORT_H
#define TESTS_UNIT_EIO_SUPPORT_H

#include "support.h"

#include <sio/eio_session.h>

#include <string.h>

static inline sio_eio_packet eio_packet(sio_eio_type type, const char *data) {
    return (sio_eio_packet){type, false, {(const uint8_t *)data, strlen(data)}};
}

/* Feed a packet of the transport. */
static inline sio_eio_event_kind eio_feed(sio_eio_session *s, sio_eio_type type, const char *data,
                                          sio_time now) {
    sio_eio_packet packet = eio_packet(type, data);
    return sio_eio_session_packet(s, &packet, now);
}

static inline void eio_feed_probe(sio_eio_session *s, sio_eio_type type, const char *data,
                                  sio_time now) {
    sio_eio_packet packet = eio_packet(type, data);
    sio_eio_session_probe_packet(s, &packet, now);
}

static inline int eio_send(sio_eio_session *s, const char *text, unsigned flags) {
    sio_eio_message *message;
    int rc = sio_eio_message_new(&message, false, text, strlen(text), s->config->mem);
    if (rc == 0) {
        rc = sio_eio_session_send(s, message, flags, 0);
        sio_eio_message_unref(message);
    }
    return rc;
}

/* Text that is put together piece by piece. */
typedef struct eio_text {
    char text[4096];
    size_t len;
} eio_text;

static inline void eio_append(eio_text *to, const void *piece, size_t len) {
    ck_assert_uint_lt(to->len + len, sizeof(to->text));
    memcpy(to->text + to->len, piece, len);
    to->len += len;
    to->text[to->len] = '\0';
}

static inline void eio_append_text(eio_text *to, const char *piece) {
    eio_append(to, piece, strlen(piece));
}

/* All pending events, as in "ping upgrade close(transport error:EIO_OVERLAP)". */
static inline const char *eio_events(sio_eio_session *s) {
    static const char *const names[] = {"none",    "message",   "open",        "ping",
                                        "pong",    "heartbeat", "probe-start", "upgrading",
                                        "upgrade", "probe-end", "drain",       "close"};
    static eio_text out;
    out = (eio_text){.len = 0};
    sio_eio_event event;
    while (sio_eio_session_next(s, &event)) {
        eio_append_text(&out, out.len ? " " : "");
        eio_append_text(&out, names[event.kind]);
        if (event.kind == SIO_EIO_EVENT_CLOSE) {
            eio_append_text(&out, "(");
            eio_append_text(&out, sio_eio_reason_text(event.reason));
            eio_append_text(&out, ":");
        } else if (event.kind == SIO_EIO_EVENT_PROBE_END) {
            eio_append_text(&out, "(");
        } else {
            continue;
        }
        eio_append_text(&out, sio_error_name(event.error));
        eio_append_text(&out, ")");
    }
    return out.text;
}

/* Carry out the next output, as in "poll 6+1" or "frames 4a"; "" when there is none. */
static inline const char *eio_output(sio_eio_session *s, sio_time now) {
    static const char *const names[] = {"none",   "poll",  "drop-post", "get",        "post",
                                        "frames", "close", "probe",     "close-probe"};
    static eio_text text;
    text = (eio_text){.len = 0};
    sio_eio_output out;
    if (!sio_eio_session_output(s, &out)) {
        return "";
    }
    eio_append_text(&text, names[out.kind]);
    for (size_t i = 0; i < out.count; i++) {
        sio_bytes packet;
        int rc = sio_eio_item_bytes(&packet, &out.items[i], SIO_EIO_FORM_TEXT, 4);
        ck_assert_int_eq(rc, 0);
        eio_append_text(&text, i == 0 ? " " : "+");
        eio_append(&text, packet.ptr, packet.len);
    }
    sio_eio_session_consume(s, &out, now);
    return text.text;
}

/* A server session that is open, its open packet delivered: on polling with no GET held. */
static inline void eio_server(sio_eio_session *s, sio_eio_transport transport, int revision,
                              const sio_eio_config *config) {
    sio_eio_session_init(s, SIO_EIO_SERVER, transport, revision, config);
    ck_assert_int_eq(sio_eio_session_open(s, SIO_STR("SID"), 0), 0);
    if (transport == SIO_EIO_POLLING) {
        ck_assert_int_eq(sio_eio_session_poll(s, 0), 0);
    }
    (void)eio_output(s, 0);
    sio_eio_session_written(s, 0);
    ck_assert_str_eq(eio_events(s), "drain");
}

#define EIO_HANDSHAKE(upgrades, max)                                                               \
    "{\"sid\":\"SID\",\"upgrades\":[" upgrades "],\"pingInterval\":25000,\"pingTimeout\":20000,"   \
    "\"maxPayload\":" max "}"

/* A client session that is open; on polling its first GET was answered. */
static inline void eio_client(sio_eio_session *s, sio_eio_transport transport, int revision,
                              const sio_eio_config *config, const char *handshake) {
    sio_eio_session_init(s, SIO_EIO_CLIENT, transport, revision, config);
    if (transport == SIO_EIO_POLLING) {
        ck_assert_str_eq(eio_output(s, 0), "get");
    }
    ck_assert_str_eq(eio_output(s, 0), "");
    ck_assert_int_eq(eio_feed(s, SIO_EIO_OPEN, handshake, 0), SIO_EIO_EVENT_OPEN);
    sio_eio_session_polled(s, 0);
}

#endif
