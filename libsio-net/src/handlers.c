#include <net/handlers.h>
#include <net/loop.h>

#include "mem.h"

#include <string.h>

int sio_handlers_init(sio_handlers *handlers, sio_loop *loop) {
    *handlers = (sio_handlers){.mem = sio_loop_mem(loop)};
    return sio_table_init(&handlers->by_name, loop);
}

static void list_free(sio_handler_list *list, const sio_mem *mem) {
    sio_mem_release(mem, list->items);
    sio_mem_release(mem, list->name);
}

void sio_handlers_done(sio_handlers *handlers) {
    sio_table_iter it = sio_table_iter_start(&handlers->by_name);
    sio_handler_list *list;
    while ((list = sio_table_next(&handlers->by_name, &it)) != NULL) {
        sio_table_remove(&handlers->by_name, list->name, list->name_len);
        list_free(list, handlers->mem);
        sio_mem_release(handlers->mem, list);
    }
    sio_table_done(&handlers->by_name);
    list_free(&handlers->any, handlers->mem);
    handlers->any = (sio_handler_list){0};
}

sio_handler_list *sio_handlers_named(const sio_handlers *handlers, const char *name, size_t len) {
    return sio_table_get(&handlers->by_name, name, len);
}

/* A list for a name that has none yet. */
static sio_handler_list *list_new(sio_handlers *handlers, const char *name, size_t len) {
    sio_handler_list *list = sio_mem_zalloc(handlers->mem, sizeof(*list));
    if (!list) {
        return NULL;
    }
    list->name = sio_mem_strndup(handlers->mem, name, len);
    list->name_len = (uint32_t)len;
    if (!list->name || sio_table_put(&handlers->by_name, list->name, len, list) != 0) {
        list_free(list, handlers->mem);
        sio_mem_release(handlers->mem, list);
        return NULL;
    }
    return list;
}

static int list_append(sio_handler_list *list, const sio_handler *handler, const sio_mem *mem) {
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 2;
        sio_handler *items = sio_mem_resize_array(mem, list->items, cap, sizeof(*items));
        if (!items) {
            return SIO_ERR_NOMEM;
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = *handler;
    list->live++;
    return 0;
}

/* Close the gaps. An empty named list goes, so that names nobody handles any more cost nothing. */
static void list_tidy(sio_handlers *handlers, sio_handler_list *list) {
    if (list->walkers > 0) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].fn) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
    if (kept == 0 && list->name) {
        sio_table_remove(&handlers->by_name, list->name, list->name_len);
        list_free(list, handlers->mem);
        sio_mem_release(handlers->mem, list);
    }
}

int sio_handlers_add(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user,
                     bool once) {
    sio_handler_list *list = &handlers->any;
    if (name) {
        size_t len = strlen(name);
        list = sio_handlers_named(handlers, name, len);
        if (!list) {
            list = list_new(handlers, name, len);
        }
    }
    if (!list) {
        return SIO_ERR_NOMEM;
    }
    int rc = list_append(list, &(sio_handler){.fn = fn, .user = user, .once = once}, handlers->mem);
    if (rc != 0) {
        list_tidy(handlers, list);
    }
    return rc;
}

int sio_handlers_remove(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user) {
    sio_handler_list *list =
        name ? sio_handlers_named(handlers, name, strlen(name)) : &handlers->any;
    if (!list) {
        return SIO_ERR_NOT_FOUND;
    }
    size_t before = list->live;
    for (size_t i = 0; i < list->count; i++) {
        sio_handler *item = &list->items[i];
        if (item->fn == fn && item->user == user) {
            item->fn = NULL;
            list->live--;
        }
    }
    if (list->live == before) {
        return SIO_ERR_NOT_FOUND;
    }
    list_tidy(handlers, list);
    return 0;
}

bool sio_handlers_any(const sio_handlers *handlers, const char *name, size_t len) {
    const sio_handler_list *list = sio_handlers_named(handlers, name, len);
    return handlers->any.live > 0 || (list && list->live > 0);
}

void sio_handlers_begin(sio_handler_walk *walk, sio_handler_list *list) {
    *walk = (sio_handler_walk){.list = list};
    if (list) {
        list->walkers++;
        walk->end = list->count;
    }
}

bool sio_handlers_next(sio_handler_walk *walk, sio_handler *out) {
    while (walk->next < walk->end) {
        sio_handler *item = &walk->list->items[walk->next++];
        if (!item->fn) {
            continue;
        }
        *out = *item;
        if (item->once) {
            item->fn = NULL;
            walk->list->live--;
        }
        return true;
    }
    return false;
}

void sio_handlers_end(sio_handler_walk *walk, sio_handlers *handlers) {
    if (!walk->list) {
        return;
    }
    walk->list->walkers--;
    if (walk->list->live != walk->list->count) {
        list_tidy(handlers, walk->list);
    }
}
