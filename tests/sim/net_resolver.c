/* net/resolver.h: one name is known, its addresses come late or never. */
#include "net_internal.h"

#include <stdlib.h>
#include <string.h>

struct sio_lookup {
    sio_list link; /* loop->lookups */
    sio_loop *loop;
    sim_event answer;
    sio_lookup_fn fn;
    void *ctx;
    uint16_t port;
    char host[256];
};

static size_t find(sio_address *out, const sio_lookup *lookup) {
    size_t count = 0;
    if (sio_address_literal(out, lookup->host, lookup->port) == 0) {
        return 1;
    }
    if (strcmp(lookup->host, SIM_NAME) != 0 || sim_the.dns == SIM_DNS_FAILS) {
        return 0;
    }
    if (sim_the.dns == SIM_DNS_MIXED && sim_chance(&sim_the.wire, 50)) {
        sio_address_literal(&out[count++], "10.0.0.8", lookup->port);
    }
    if (sim_the.dns == SIM_DNS_MIXED && sim_chance(&sim_the.wire, 50)) {
        sio_address_literal(&out[count++], "10.0.0.9", lookup->port);
    }
    sio_address_literal(&out[count++], SIM_ADDRESS, lookup->port);
    return count;
}

static void forget(sio_lookup *lookup) {
    sio_list_remove(&lookup->link);
    sim_event_cancel(&lookup->answer);
    free(lookup);
}

static void on_answer(void *ctx) {
    sio_lookup *lookup = ctx;
    sio_loop *loop = lookup->loop;
    sio_lookup_fn fn = lookup->fn;
    void *user = lookup->ctx;
    sio_address list[3];
    if (sim_loop_puts_off(loop, &lookup->answer)) {
        return;
    }
    size_t count = find(list, lookup);
    forget(lookup);
    sim_loop_enter(loop);
    fn(user, count > 0 ? 0 : SIO_ERR_RESOLVE, count > 0 ? NULL : "no such host", list, count);
    sim_loop_leave(loop);
}

int sio_lookup_start(sio_lookup **out, sio_loop *loop, const char *host, uint16_t port,
                     sio_lookup_fn fn, void *ctx) {
    size_t len = strlen(host);
    if (len == 0 || len > 255) {
        return SIO_ERR_INVALID;
    }
    sio_lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup) {
        return SIO_ERR_NOMEM;
    }
    memcpy(lookup->host, host, len);
    lookup->loop = loop;
    lookup->port = port;
    lookup->fn = fn;
    lookup->ctx = ctx;
    sim_event_init(&lookup->answer, on_answer, lookup);
    sio_list_push(&loop->lookups, &lookup->link);
    sim_event_after(&lookup->answer, sim_below(&sim_the.wire, sim_the.dns_delay_us + 1));
    *out = lookup;
    return 0;
}

void sio_lookup_cancel(sio_lookup *lookup) {
    if (lookup) {
        forget(lookup);
    }
}

void sim_lookups_cancel(sio_loop *loop) {
    while (!sio_list_empty(&loop->lookups)) {
        forget(SIO_CONTAINER(loop->lookups.next, sio_lookup, link));
    }
}

void sim_net_set_dns(sim_dns dns, uint64_t delay_us) {
    sim_the.dns = dns;
    sim_the.dns_delay_us = delay_us;
}
