#include "net/call.h"

#include "mem.h"

typedef struct call {
    sio_loop *loop;
    const bool *dead;
    void (*fn)(void *user);
    void (*drop)(void *user);
    void *user;
} call;

static void run(void *arg, bool cancelled) {
    call *self = arg;
    void (*fn)(void *) = cancelled || *self->dead ? self->drop : self->fn;
    void *user = self->user;
    sio_mem_release(sio_loop_mem(self->loop), self);
    if (fn) {
        fn(user);
    }
}

int sio_loop_call(sio_loop *loop, const bool *dead, void (*fn)(void *user),
                  void (*drop)(void *user), void *user) {
    const sio_mem *mem = sio_loop_mem(loop);
    call *self = sio_mem_alloc(mem, sizeof(*self));
    if (!self) {
        return SIO_ERR_NOMEM;
    }
    *self = (call){loop, dead, fn, drop, user};
    int rc = sio_loop_post(loop, run, self);
    if (rc != 0) {
        sio_mem_release(mem, self);
    }
    return rc;
}
