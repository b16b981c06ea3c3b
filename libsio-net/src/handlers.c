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
    sio_handler_list *list = len < UINT32_MAX - sizeof(*list)
                                 ? sio_mem_zalloc(handlers->mem, sizeof(*list) + len + 1)
                                 : NULL;
    if (!list) {
        return NULL;
    }
    list->name = (char *)(list + 1);
    memcpy(list->name, name, len);
    list->name_len = (uint32_t)len;
    if (sio_table_put(&handlers->by_name, list->name, len, list) != 0) {
        sio_mem_release(handlers->mem, list);
        return NULL;
    }
    return list;
}

static int list_reserve(sio_handler_list *list, const sio_mem *mem) {
    if (list->count == list->cap) {
        if (list->cap > UINT32_MAX / 2) {
            return SIO_ERR_NOMEM;
        }
        uint32_t cap = list->cap ? list->cap * 2 : 1; /* most events have one handler */
        sio_handler *items = sio_mem_resize_array(mem, list->items, cap, sizeof(*items));
        if (!items) {
            return SIO_ERR_NOMEM;
        }
        list->items = items;
        list->cap = cap;
    }
    return 0;
}

/* The events being handed out go on where they were, without what has come before. */
static void list_insert_first(sio_handler_list *list, const sio_handler *handler) {
    memmove(list->items + 1, list->items, list->count * sizeof(*list->items));
    list->items[0] = *handler;
    for (sio_handler_walk *walk = list->walk; walk; walk = walk->outer) {
        walk->next++;
        walk->end++;
    }
}

static int list_add(sio_handler_list *list, const sio_handler *handler, bool first,
                    const sio_mem *mem) {
    int rc = list_reserve(list, mem);
    if (rc != 0) {
        return rc;
    }
    if (first) {
        list_insert_first(list, handler);
    } else {
        list->items[list->count] = *handler;
    }
    list->count++;
    list->live++;
    return 0;
}

/* Close the gaps. An empty named list goes, so that names nobody handles any more cost nothing. */
static void list_tidy(sio_handlers *handlers, sio_handler_list *list) {
    if (list->walk) {
        return;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
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

static int add(sio_handlers *handlers, sio_str name, const sio_handler *handler, bool first) {
    sio_handler_list *list = &handlers->any;
    if (name.ptr) {
        list = sio_handlers_named(handlers, name.ptr, name.len);
        if (!list) {
            list = list_new(handlers, name.ptr, name.len);
        }
    }
    if (!list) {
        return SIO_ERR_NOMEM;
    }
    int rc = list_add(list, handler, first, handlers->mem);
    if (rc != 0) {
        list_tidy(handlers, list);
    }
    return rc;
}

int sio_handlers_add(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user,
                     bool once) {
    sio_handler handler = {.fn = fn, .user = user, .once = once};
    return add(handlers, (sio_str){name, name ? strlen(name) : 0}, &handler, false);
}

int sio_handlers_prepend(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user,
                         bool once) {
    sio_handler handler = {.fn = fn, .user = user, .once = once};
    return add(handlers, (sio_str){name, name ? strlen(name) : 0}, &handler, true);
}

int sio_handlers_remove(sio_handlers *handlers, const char *name, sio_handler_fn fn, void *user) {
    sio_handler_list *list =
        name ? sio_handlers_named(handlers, name, strlen(name)) : &handlers->any;
    if (!list) {
        return SIO_ERR_NOT_FOUND;
    }
    uint32_t before = list->live;
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

static void list_remove_all(sio_handlers *handlers, sio_handler_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        list->items[i].fn = NULL;
    }
    list->live = 0;
    list_tidy(handlers, list);
}

void sio_handlers_remove_name(sio_handlers *handlers, const char *name) {
    sio_handler_list *list =
        name ? sio_handlers_named(handlers, name, strlen(name)) : &handlers->any;
    if (list) {
        list_remove_all(handlers, list);
    }
}

void sio_handlers_remove_all(sio_handlers *handlers) {
    sio_table_iter it = sio_table_iter_start(&handlers->by_name);
    sio_handler_list *list;
    while ((list = sio_table_next(&handlers->by_name, &it)) != NULL) {
        list_remove_all(handlers, list);
    }
    list_remove_all(handlers, &handlers->any);
}

static int list_copy(sio_handlers *handlers, const sio_handler_list *from) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < from->count; i++) {
        if (from->items[i].fn) {
            rc = add(handlers, (sio_str){from->name, from->name_len}, &from->items[i], false);
        }
    }
    return rc;
}

int sio_handlers_copy(sio_handlers *handlers, const sio_handlers *from) {
    sio_table_iter it = sio_table_iter_start(&from->by_name);
    const sio_handler_list *list;
    int rc = list_copy(handlers, &from->any);
    while (rc == 0 && (list = sio_table_next(&from->by_name, &it)) != NULL) {
        rc = list_copy(handlers, list);
    }
    return rc;
}

size_t sio_handlers_count(const sio_handlers *handlers, const char *name) {
    const sio_handler_list *list =
        name ? sio_handlers_named(handlers, name, strlen(name)) : &handlers->any;
    return list ? list->live : 0;
}

void sio_handlers_names(const sio_handlers *handlers, void (*fn)(sio_str name, void *user),
                        void *user) {
    sio_table_iter it = sio_table_iter_start(&handlers->by_name);
    const sio_handler_list *list;
    while ((list = sio_table_next(&handlers->by_name, &it)) != NULL) {
        if (list->live > 0) {
            fn((sio_str){list->name, list->name_len}, user);
        }
    }
}

bool sio_handlers_any(const sio_handlers *handlers, const char *name, size_t len) {
    const sio_handler_list *list = sio_handlers_named(handlers, name, len);
    return handlers->any.live > 0 || (list && list->live > 0);
}

void sio_handlers_begin(sio_handler_walk *walk, sio_handler_list *list) {
    *walk = (sio_handler_walk){.list = list};
    if (list) {
        walk->end = list->count;
        walk->outer = list->walk;
        list->walk = walk;
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
    walk->list->walk = walk->outer;
    if (walk->list->live != walk->list->count) {
        list_tidy(handlers, walk->list);
    }
}
