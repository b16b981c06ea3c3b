#include "middleware.h"

#include "peer.h"

#include "mem.h"

#include <string.h>

int sio_chain_add(sio_chain **chain, void (*fn)(void), void *user, const sio_mem *mem) {
    const sio_chain *old = *chain;
    uint32_t count = sio_chain_count(old);
    size_t size;
    if (count == UINT32_MAX ||
        __builtin_mul_overflow((size_t)count + 1, sizeof(sio_middleware), &size) ||
        __builtin_add_overflow(size, sizeof(sio_chain), &size)) {
        return SIO_ERR_NOMEM;
    }
    sio_chain *longer = sio_mem_alloc(mem, size);
    if (!longer) {
        return SIO_ERR_NOMEM;
    }
    *longer = (sio_chain){.mem = mem, .refs = 1, .count = count + 1};
    if (count > 0) {
        memcpy(longer->items, old->items, count * sizeof(sio_middleware));
    }
    longer->items[count] = (sio_middleware){fn, user};
    sio_chain_unref(*chain);
    *chain = longer;
    return 0;
}

sio_chain *sio_chain_ref(sio_chain *chain) {
    if (chain) {
        chain->refs++;
    }
    return chain;
}

void sio_chain_unref(sio_chain *chain) {
    if (chain && --chain->refs == 0) {
        sio_mem_release(chain->mem, chain);
    }
}

int sio_namespace_use(sio_namespace *ns, sio_middleware_fn fn, void *user) {
    return sio_chain_add(&ns->chain, (void (*)(void))fn, user, ns->server->mem);
}

int sio_namespace_use_events(sio_namespace *ns, sio_event_middleware_fn fn, void *user) {
    return sio_chain_add(&ns->event_chain, (void (*)(void))fn, user, ns->server->mem);
}

int sio_peer_use(sio_peer *peer, sio_event_middleware_fn fn, void *user) {
    sio_peer_extra *extra = sio_peer_extras(peer);
    return extra
               ? sio_chain_add(&extra->event_chain, (void (*)(void))fn, user, peer->ns->server->mem)
               : SIO_ERR_NOMEM;
}
