/* Event handlers of one object: lists by event name, in the order they were added, and one list for
 * every event. Safe against any change while an event is handed out: a handler added meanwhile does
 * not run for it, one removed meanwhile does not run any more. */
#ifndef SIO_NET_HANDLERS_H
#define SIO_NET_HANDLERS_H

#include <net/table.h>

#include <sio/types.h>

/* Cast back to its real type before the call. */
typedef void (*sio_handler_fn)(void);

typedef struct sio_handler {
    sio_handler_fn fn; /* NULL once removed */
    void *user;
    bool once;
} sio_handler;

typedef struct sio_handler_list {
    sio_handler *items;
    size_t count;
    size_t cap;
    size_t live;      /* those not removed */
    unsigned walkers; /* events being handed out: nothing moves meanwhile */
    uint32_t name_len;
    char *name; /* NULL for the list of every event */
} sio_handler_list;

typedef struct sio_handlers {
    sio_table by_name;
    sio_handler_list any;
    const sio_mem *mem;
} sio_handlers;

/* Errors: SIO_ERR_RANDOM. */
int sio_handlers_init(sio_handlers *handlers, sio_loop *loop);
/* Not while an event is handed out: owners keep themselves alive until then. */
void sio_handlers_done(sio_handlers *handlers);

/* `name` NULL: every event. Errors: SIO_ERR_NOMEM. */
int sio_handlers_add(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user,
                     bool once);
/* All with these same three. Errors: SIO_ERR_NOT_FOUND. */
int sio_handlers_remove(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user);

/* Whether anything would run for this name. */
bool sio_handlers_any(const sio_handlers *handlers, const char *name, size_t len);

/* Hand out one event:
 *
 *     sio_handler_walk walk;
 *     sio_handler handler;
 *     sio_handlers_begin(&walk, sio_handlers_named(handlers, name, len));
 *     while (sio_handlers_next(&walk, &handler)) { ... }
 *     sio_handlers_end(&walk, handlers);
 */
typedef struct sio_handler_walk {
    sio_handler_list *list;
    size_t next;
    size_t end;
} sio_handler_walk;

/* NULL when there is none, which sio_handlers_begin accepts. */
sio_handler_list *sio_handlers_named(const sio_handlers *handlers, const char *name, size_t len);
void sio_handlers_begin(sio_handler_walk *walk, sio_handler_list *list);
bool sio_handlers_next(sio_handler_walk *walk, sio_handler *out);
void sio_handlers_end(sio_handler_walk *walk, sio_handlers *handlers);

#endif
