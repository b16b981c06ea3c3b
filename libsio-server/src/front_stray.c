/* Upgrade requests for which there is neither an engine nor a handler. As in the reference they are
 * not answered, and the connection ends after a while; the application may ask that it does not. */
#include "front_state.h"

#include "mem.h"

typedef struct stray {
    sio_front *front;
    sio_exchange *exchange;
    sio_list link;
    sio_timer timer;
} stray;

static void stray_free(stray *s) {
    sio_list_remove(&s->link);
    sio_timer_done(&s->timer);
    sio_mem_release(s->front->mem, s);
}

static void on_abort(void *ctx, sio_exchange *exchange, int err) {
    stray_free(ctx);
}

static const sio_exchange_callbacks callbacks = {.on_abort = on_abort};

static void end(stray *s) {
    sio_exchange *exchange = s->exchange;
    sio_exchange_claim(exchange, NULL, NULL);
    stray_free(s);
    sio_exchange_destroy(exchange);
}

static void on_timer(void *ctx) {
    end(ctx);
}

void sio_front_stray(sio_front *front, sio_exchange *exchange) {
    if (front->closing) {
        sio_exchange_destroy(exchange);
        return;
    }
    stray *s = sio_mem_zalloc(front->mem, sizeof(*s));
    if (!s || sio_timer_init(&s->timer, front->loop, on_timer, s) != 0) {
        sio_mem_release(front->mem, s);
        sio_exchange_destroy(exchange);
        return;
    }
    s->front = front;
    s->exchange = exchange;
    sio_list_init(&s->link);
    sio_list_push(&front->stray, &s->link);
    sio_exchange_claim(exchange, &callbacks, s);
    if (front->stray_ms != 0) {
        sio_timer_start(&s->timer, front->stray_ms);
    }
}

void sio_front_stray_close(sio_front *front) {
    while (!sio_list_empty(&front->stray)) {
        end(SIO_CONTAINER(front->stray.next, stray, link));
    }
}
