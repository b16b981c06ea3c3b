/* An intrusive circular list. A node that is in no list points at itself, so that unlinking twice
 * is harmless and "am I linked" is one comparison. */
#ifndef SIO_NET_LIST_H
#define SIO_NET_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sio_list {
    struct sio_list *next;
    struct sio_list *prev;
} sio_list;

#define SIO_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* For a head and for a node alike. */
static inline void sio_list_init(sio_list *node) {
    node->next = node;
    node->prev = node;
}

static inline bool sio_list_empty(const sio_list *head) {
    return head->next == head;
}

static inline bool sio_list_linked(const sio_list *node) {
    return node->next != node;
}

static inline void sio_list_push(sio_list *head, sio_list *node) {
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void sio_list_remove(sio_list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    sio_list_init(node);
}

/* The first node, unlinked; NULL when the list is empty. */
static inline sio_list *sio_list_shift(sio_list *head) {
    sio_list *node = head->next;
    if (node == head) {
        return NULL;
    }
    sio_list_remove(node);
    return node;
}

/* Move all nodes of `from` to the end of `to`. */
static inline void sio_list_splice(sio_list *to, sio_list *from) {
    if (sio_list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    sio_list_init(from);
}

#endif
