/* Round trips, one after the other. */
#include "siocat.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void start_timer(struct siocat_ping *ping, uint64_t ms) {
    const struct timeval after = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    event_add(ping->next, &after);
}

/* ---- the report ---- */

static int by_value(const void *a, const void *b) {
    uint64_t left, right;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return (left > right) - (left < right);
}

/* Nearest rank. */
static double percentile_ms(const struct siocat_ping *ping, uint32_t percent) {
    uint64_t rank = ((uint64_t)ping->answered * percent + 99) / 100;
    return (double)ping->nanoseconds[rank > 0 ? rank - 1 : 0] / 1e6;
}

static void report(struct siocat *cat) {
    struct siocat_ping *ping = &cat->ping;
    char text[256];
    uint32_t lost = ping->sent - ping->answered;

    if (ping->answered > 0) {
        qsort(ping->nanoseconds, ping->answered, sizeof(*ping->nanoseconds), by_value);
        snprintf(text, sizeof(text),
                 cat->set.json ? "{\"type\":\"ping\",\"sent\":%u,\"lost\":%u,\"min_ms\":%.3f,"
                                 "\"median_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n"
                               : "%u round trips, %u lost: min %.3f ms, median %.3f ms, "
                                 "p99 %.3f ms, max %.3f ms\n",
                 ping->sent, lost, percentile_ms(ping, 0), percentile_ms(ping, 50),
                 percentile_ms(ping, 99), percentile_ms(ping, 100));
    } else {
        snprintf(text, sizeof(text),
                 cat->set.json ? "{\"type\":\"ping\",\"sent\":%u,\"lost\":%u}\n"
                               : "%u round trips, %u lost\n",
                 ping->sent, lost);
    }
    cat->line.len = 0;
    if (sio_buf_add_text(&cat->line, text) == 0) {
        siocat_print_line(cat);
    }
}

/* ---- one after the other ---- */

static void ended(struct siocat *cat, bool answered) {
    struct siocat_ping *ping = &cat->ping;
    ping->waiting = false;
    event_del(ping->next);
    if (answered) {
        ping->nanoseconds[ping->answered++] = now_ns() - ping->sent_at;
    }
    if (ping->sent < cat->set.pings) {
        start_timer(ping, cat->set.interval_ms);
        return;
    }
    report(cat);
    siocat_finish(cat, ping->answered == ping->sent ? SIOCAT_OK : SIOCAT_NO_ACK);
}

static void on_ack(const sio_event *reply, void *user) {
    struct siocat *cat = user;
    /* Of a disconnect siocat is told besides. */
    if (!cat->finishing && cat->ping.waiting && reply->status != SIO_ERR_DISCONNECTED) {
        ended(cat, reply->status == 0);
    }
}

static int emit(struct siocat *cat) {
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    const struct siocat_ping *ping = &cat->ping;
    char name[256];
    sio_str event = sio_args_name(ping->message.args);

    snprintf(name, sizeof(name), "%.*s", SIO_STR_ARG(event));
    if (!cat->set.echo) {
        options.on_ack = on_ack;
        options.user = cat;
        options.timeout_ms = cat->set.timeout_ms;
    }
    return sio_socket_emit(cat->socket, name, ping->message.args, &options);
}

static void send_one(struct siocat *cat) {
    struct siocat_ping *ping = &cat->ping;
    ping->sent++;
    ping->waiting = true;
    ping->sent_at = now_ns();
    int rc = emit(cat);
    if (rc != 0) {
        siocat_complain(cat, "cannot emit: %s", sio_error_text(rc));
        siocat_finish(cat, rc == SIO_ERR_RESERVED ? SIOCAT_INPUT : SIOCAT_INTERNAL);
    } else if (cat->set.echo && ping->waiting) {
        start_timer(ping, cat->set.timeout_ms);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *user) {
    struct siocat *cat = user;
    if (cat->ping.waiting) {
        ended(cat, false);
    } else {
        send_one(cat);
    }
}

bool siocat_ping_take(struct siocat *cat, const sio_event *event) {
    if (!cat->set.echo || !cat->ping.waiting || !sio_event_is(event, cat->set.echo)) {
        return false;
    }
    ended(cat, true);
    return true;
}

void siocat_ping_start(struct siocat *cat) {
    send_one(cat);
}

/* ---- opening ---- */

int siocat_ping_open(struct siocat *cat) {
    static char ping_name[] = "ping";
    static char *default_args[] = {ping_name};
    struct siocat_ping *ping = &cat->ping;
    bool given = cat->set.arg_count > 0;

    ping->nanoseconds = calloc(cat->set.pings, sizeof(*ping->nanoseconds));
    ping->next = evtimer_new(cat->base, on_timer, cat);
    if (!ping->nanoseconds || !ping->next || siocat_message_init(&ping->message) != 0) {
        return SIOCAT_INTERNAL;
    }
    if (siocat_message_from_args(&ping->message, given ? cat->set.args : default_args,
                                 given ? cat->set.arg_count : 1) != 0) {
        siocat_complain(cat, "%s", ping->message.error);
        return SIOCAT_INPUT;
    }
    if (sio_args_name(ping->message.args).len >= 256) {
        siocat_complain(cat, "--ping: the event's name is too long");
        return SIOCAT_INPUT;
    }
    return 0;
}

void siocat_ping_stop(struct siocat *cat) {
    if (cat->ping.next) {
        event_del(cat->ping.next);
    }
}

void siocat_ping_close(struct siocat *cat) {
    if (cat->ping.next) {
        event_free(cat->ping.next);
    }
    free(cat->ping.nanoseconds);
    siocat_message_free(&cat->ping.message);
}
