#include <sio/event.h>
#include <sio/sys/ack.h>

#include "mem.h"

#include <string.h>

bool sio_event_is(const sio_event *ev, const char *name) {
    return strlen(name) == ev->name.len && memcmp(name, ev->name.ptr, ev->name.len) == 0;
}

void sio_ack_begin(sio_ack *ack, const sio_ack_source *source, void *owner, uint64_t id,
                   const sio_mem *mem) {
    *ack = (sio_ack){.source = source, .owner = owner, .mem = mem, .id = id};
}

void sio_ack_end(sio_ack *ack) {
    sio_ack_unref(ack->kept);
    ack->kept = NULL;
}

/* The handle that knows whether the acknowledgement was sent: the kept one, once there is one. */
static sio_ack *ack_shared(sio_ack *ack) {
    return ack->kept ? ack->kept : ack;
}

int sio_ack_ref(sio_ack **out, sio_ack *ack) {
    sio_ack *shared = ack_shared(ack);
    if (shared->refs == 0) {
        sio_ack *kept = sio_mem_alloc(ack->mem, sizeof(*kept));
        if (!kept) {
            return SIO_ERR_NOMEM;
        }
        *kept = *ack;
        kept->refs = 1;
        ack->kept = kept;
        kept->source->retain(kept->owner);
        shared = kept;
    }
    shared->refs++;
    *out = shared;
    return 0;
}

void sio_ack_unref(sio_ack *ack) {
    if (!ack || --ack->refs != 0) {
        return;
    }
    const sio_ack_source *source = ack->source;
    void *owner = ack->owner;
    sio_mem_release(ack->mem, ack);
    source->release(owner);
}

int sio_ack_send(sio_ack *ack, const sio_args *args) {
    sio_ack *shared = ack_shared(ack);
    if (shared->sent) {
        return SIO_ERR_STATE;
    }
    shared->sent = true;
    return shared->source->send(shared->owner, shared->id, args);
}

int sio_ack_vsendf(sio_ack *ack, const char *format, va_list values) {
    sio_args *args = NULL;
    int rc = sio_args_new(&args, ack->mem);
    if (rc != 0) {
        return rc;
    }
    rc = sio_args_vaddf(args, format, values);
    if (rc == 0) {
        rc = sio_ack_send(ack, args);
    }
    sio_args_unref(args);
    return rc;
}

int sio_ack_sendf(sio_ack *ack, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int rc = sio_ack_vsendf(ack, format, values);
    va_end(values);
    return rc;
}
