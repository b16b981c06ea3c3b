#include <sio/eio_session.h>

#include "eio_state.h"
#include "mem.h"

#include <string.h>

enum { QUEUE_FIRST_CAP = 8 };

/* A single packet (a ping, most often) lives in the session itself. */
static sio_eio_item *queue_items(sio_eio_session *s) {
    return s->queue_cap == 1 ? &s->queue.one : s->queue.items;
}

const sio_eio_item *sio_eio_queue_items(const sio_eio_session *s) {
    return (s->queue_cap == 1 ? &s->queue.one : s->queue.items) + s->queue_head;
}

const sio_eio_item *sio_eio_session_queue(const sio_eio_session *s, size_t *count) {
    *count = s->queue_count;
    return s->queue_count > 0 ? sio_eio_queue_items(s) : NULL;
}

static int queue_grow(sio_eio_session *s) {
    bool inside = s->queue_cap == 1;
    if (s->queue_cap > UINT32_MAX / 2) {
        return SIO_ERR_NOMEM;
    }
    uint32_t cap = inside ? QUEUE_FIRST_CAP : s->queue_cap * 2;
    sio_eio_item *old = inside ? NULL : s->queue.items;
    sio_eio_item *items = sio_mem_resize_array(s->config->mem, old, cap, sizeof(*items));
    if (!items) {
        return SIO_ERR_NOMEM;
    }
    if (inside) {
        items[0] = s->queue.one;
    }
    s->queue.items = items;
    s->queue_cap = cap;
    return 0;
}

/* Room for one more behind the last. Moving to the front happens at most once in `queue_head`
 * pushes, and only when at least half of the room is won by it. */
static int queue_room(sio_eio_session *s) {
    if (s->queue_head + s->queue_count < s->queue_cap) {
        return 0;
    }
    if (s->queue_head < s->queue_cap / 2 || s->queue_head == 0) {
        return queue_grow(s);
    }
    sio_eio_item *items = queue_items(s);
    memmove(items, items + s->queue_head, s->queue_count * sizeof(*items));
    s->queue_head = 0;
    return 0;
}

static size_t item_bytes(const sio_eio_item *item) {
    return item->message ? sio_eio_message_data(item->message).len : 0;
}

int sio_eio_queue_push(sio_eio_session *s, const sio_eio_item *item) {
    int rc = queue_room(s);
    if (rc != 0) {
        return rc;
    }
    queue_items(s)[s->queue_head + s->queue_count] = *item;
    s->queue_count++;
    s->queue_bytes += item_bytes(item);
    if (item->message) {
        sio_eio_message_ref(item->message);
    }
    sio_eio_refresh(s);
    return 0;
}

bool sio_eio_queue_bare(sio_eio_session *s, sio_eio_type type) {
    int rc =
        sio_eio_queue_push(s, &(sio_eio_item){.type = (uint8_t)type, .flags = SIO_EIO_COMPRESS});
    if (rc != 0) {
        sio_eio_finish(s, SIO_EIO_REASON_TRANSPORT_ERROR, rc, false);
    }
    return rc == 0;
}

static void queue_reset(sio_eio_session *s) {
    if (s->queue_cap > 1) {
        sio_mem_release(s->config->mem, s->queue.items);
    }
    s->queue_cap = 1;
    s->queue_head = 0;
}

void sio_eio_queue_drop(sio_eio_session *s, size_t count) {
    sio_eio_item *items = queue_items(s) + s->queue_head;
    for (size_t i = 0; i < count; i++) {
        s->queue_bytes -= item_bytes(&items[i]);
        sio_eio_message_unref(items[i].message);
    }
    s->queue_head += (uint32_t)count;
    s->queue_count -= (uint32_t)count;
    s->in_flight -= s->in_flight < count ? s->in_flight : (uint32_t)count;
    if (s->queue_count == 0) {
        queue_reset(s);
    }
    sio_eio_refresh(s);
}

void sio_eio_session_clear(sio_eio_session *s) {
    if (s->state == SIO_EIO_STATE_CLOSED) {
        sio_eio_queue_drop(s, s->queue_count);
    }
}

static bool queue_full(const sio_eio_session *s, size_t len) {
    const sio_eio_config *config = s->config;
    if (config->max_queue_messages != 0 && s->queue_count >= config->max_queue_messages) {
        return true;
    }
    size_t max = config->max_queue_bytes;
    return max != 0 && (len > max || s->queue_bytes > max - len);
}

int sio_eio_session_send(sio_eio_session *s, sio_eio_message *message, unsigned flags,
                         uint32_t tag) {
    if (s->state >= SIO_EIO_STATE_CLOSING) {
        return SIO_ERR_CLOSED;
    }
    if (s->state == SIO_EIO_STATE_OPENING && s->role == SIO_EIO_SERVER) {
        return SIO_ERR_STATE;
    }
    if ((flags & SIO_EIO_VOLATILE) != 0 && !sio_eio_session_writable(s)) {
        return SIO_ERR_DISCARDED;
    }
    if (queue_full(s, sio_eio_message_data(message).len)) {
        return SIO_ERR_EIO_QUEUE_FULL;
    }
    return sio_eio_queue_push(s, &(sio_eio_item){
                                     .message = message,
                                     .type = (uint8_t)sio_eio_message_type(message),
                                     .flags = (uint8_t)(flags & SIO_EIO_COMPRESS),
                                     .tag = tag,
                                 });
}
