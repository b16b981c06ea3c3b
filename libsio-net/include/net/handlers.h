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
    struct sio_handler_walk *walk; /* the innermost event being handed out */
    char *name;                    /* in the list's block; NULL for the list of every event */
    uint32_t name_len;
    uint32_t count;
    uint32_t cap;
    uint32_t live; /* those not removed */
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
/* The same, before those that are there. */
int sio_handlers_prepend(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user,
                         bool once);
/* All with these same three. Errors: SIO_ERR_NOT_FOUND. */
int sio_handlers_remove(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user);
/* All of one name; `name` NULL: those of every event. */
void sio_handlers_remove_name(sio_handlers *handlers, const char *name);
/* All there are, under a name or for every event. */
void sio_handlers_remove_all(sio_handlers *handlers);
/* Add all of `from` behind what is there. Errors: SIO_ERR_NOMEM; some may have been added. */
int sio_handlers_copy(sio_handlers *handlers, const sio_handlers *from);

/* How many there are for a name; NULL: for every event. */
size_t sio_handlers_count(const sio_handlers *handlers, const char *name);
/* Call `fn` with each name that has handlers, in no particular order. `fn` changes nothing. */
void sio_handlers_names(const sio_handlers *handlers, void (*fn)(sio_str name, void *user),
                        void *user);

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
    struct sio_handler_walk *outer; /* one that this one runs inside of */
} sio_handler_walk;

/* NULL when there is none, which sio_handlers_begin accepts. */
sio_handler_list *sio_handlers_named(const sio_handlers *handlers, const char *name, size_t len);
void sio_handlers_begin(sio_handler_walk *walk, sio_handler_list *list);
bool sio_handlers_next(sio_handler_walk *walk, sio_handler *out);
void sio_handlers_end(sio_handler_walk *walk, sio_handlers *handlers);

#endif
