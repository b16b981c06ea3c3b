#include "net/resolver.h"

#include "loop_internal.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Threads are joined once they have nothing left to ask, so that none is behind a freed loop. One
 * that still waits for a name server is let go instead: freeing a loop must not block.
 *
 * What helper threads touch comes from malloc, not from the loop's allocator: a thread that hangs
 * in a dead name server outlives the loop, and perhaps the allocator. */

enum { MAX_THREADS = 4, HOST_MAX = 255 };

struct sio_lookup {
    sio_post post;
    sio_lookup *next; /* waiting for a thread */
    struct sio_resolver *resolver;
    sio_lookup_fn fn; /* NULL once cancelled; the loop's thread only */
    void *ctx;
    int err;
    const char *detail; /* static text */
    uint16_t port;
    size_t count;
    sio_address *list;
    char host[HOST_MAX + 1];
};

typedef struct asker {
    enum { ASKER_FREE, ASKER_RUNNING, ASKER_ENDED } state; /* ENDED: to be joined */
    pthread_t thread;
    struct sio_resolver *resolver;
} asker;

/* One for each loop, kept alive by it and by the threads. */
typedef struct sio_resolver {
    pthread_mutex_t lock;
    sio_loop *loop; /* NULL when it is gone */
    sio_lookup *waiting;
    sio_lookup **waiting_end;
    unsigned threads; /* RUNNING ones */
    asker askers[MAX_THREADS];
} sio_resolver;

static void free_lookup(sio_lookup *lookup) {
    free(lookup->list);
    free(lookup);
}

static void free_resolver(sio_resolver *resolver) {
    pthread_mutex_destroy(&resolver->lock);
    free(resolver);
}

static int get_resolver(sio_loop *loop) {
    if (loop->resolver) {
        return 0;
    }
    sio_resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver || pthread_mutex_init(&resolver->lock, NULL) != 0) {
        free(resolver);
        return SIO_ERR_NOMEM;
    }
    resolver->loop = loop;
    resolver->waiting_end = &resolver->waiting;
    loop->resolver = resolver;
    return 0;
}

/* -- the answer, on the loop's thread -- */

static void deliver(sio_post *post, bool cancelled) {
    sio_lookup *lookup = SIO_CONTAINER(post, sio_lookup, post);
    sio_lookup_fn fn = lookup->fn;
    sio_address *list = lookup->list;
    void *ctx = lookup->ctx;
    int err = lookup->err;
    const char *detail = lookup->detail;
    size_t count = lookup->count;
    lookup->list = NULL;
    free_lookup(lookup);
    if (fn && !cancelled) {
        fn(ctx, err, detail, list, count);
    }
    free(list);
}

/* -- the question, on a helper thread -- */

static size_t count_answers(const struct addrinfo *answers) {
    size_t count = 0;
    for (const struct addrinfo *a = answers; a; a = a->ai_next) {
        count += a->ai_addrlen <= sizeof((sio_address *)0)->u;
    }
    return count < SIO_LOOKUP_MAX_ADDRESSES ? count : SIO_LOOKUP_MAX_ADDRESSES;
}

static void keep_answers(sio_lookup *lookup, const struct addrinfo *answers) {
    size_t max = count_answers(answers);
    lookup->list = max > 0 ? calloc(max, sizeof *lookup->list) : NULL;
    if (!lookup->list) {
        lookup->err = max > 0 ? SIO_ERR_NOMEM : SIO_ERR_RESOLVE;
        lookup->detail = max > 0 ? "out of memory" : "no usable address";
        return;
    }
    for (const struct addrinfo *a = answers; a && lookup->count < max; a = a->ai_next) {
        sio_address *to = &lookup->list[lookup->count];
        if (a->ai_addrlen <= sizeof to->u) {
            memcpy(&to->u, a->ai_addr, a->ai_addrlen);
            to->len = a->ai_addrlen;
            lookup->count++;
        }
    }
}

static void ask(sio_lookup *lookup) {
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    char port[8];
    struct addrinfo *answers = NULL;
    snprintf(port, sizeof port, "%u", (unsigned)lookup->port);
    int rc = getaddrinfo(lookup->host, port, &hints, &answers);
    if (rc != 0) {
        lookup->err = rc == EAI_MEMORY ? SIO_ERR_NOMEM : SIO_ERR_RESOLVE;
        lookup->detail = gai_strerror(rc);
        return;
    }
    keep_answers(lookup, answers);
    freeaddrinfo(answers);
}

static sio_lookup *take_waiting(sio_resolver *resolver) {
    sio_lookup *lookup = resolver->waiting;
    if (lookup) {
        resolver->waiting = lookup->next;
        if (!resolver->waiting) {
            resolver->waiting_end = &resolver->waiting;
        }
    }
    return lookup;
}

static void *run_thread(void *arg) {
    asker *self = arg;
    sio_resolver *resolver = self->resolver;
    pthread_mutex_lock(&resolver->lock);
    sio_lookup *lookup;
    while ((lookup = take_waiting(resolver)) != NULL) {
        pthread_mutex_unlock(&resolver->lock);
        ask(lookup);
        pthread_mutex_lock(&resolver->lock);
        /* Under the lock: the loop cannot go away meanwhile. */
        if (resolver->loop) {
            sio_loop_post_node(resolver->loop, &lookup->post);
        } else {
            free_lookup(lookup);
        }
    }
    self->state = ASKER_ENDED;
    resolver->threads--;
    bool last = resolver->threads == 0 && !resolver->loop;
    pthread_mutex_unlock(&resolver->lock);
    if (last) {
        free_resolver(resolver);
    }
    return NULL;
}

/* Under the lock: an ended thread has no use for it any more. */
static void join_ended(sio_resolver *resolver) {
    for (size_t i = 0; i < MAX_THREADS; i++) {
        asker *a = &resolver->askers[i];
        if (a->state == ASKER_ENDED) {
            pthread_join(a->thread, NULL);
            a->state = ASKER_FREE;
        }
    }
}

static asker *free_asker(sio_resolver *resolver) {
    for (size_t i = 0; i < MAX_THREADS; i++) {
        if (resolver->askers[i].state == ASKER_FREE) {
            return &resolver->askers[i];
        }
    }
    return NULL;
}

/* Under the lock. Signals are for the application's own threads. */
static bool start_thread(sio_resolver *resolver) {
    join_ended(resolver);
    asker *a = free_asker(resolver);
    if (!a) {
        return false;
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    a->resolver = resolver;
    bool ok = pthread_create(&a->thread, NULL, run_thread, a) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    a->state = ok ? ASKER_RUNNING : ASKER_FREE;
    resolver->threads += ok;
    return ok;
}

/* -- starting and stopping -- */

static void enqueue(sio_resolver *resolver, sio_lookup *lookup) {
    pthread_mutex_lock(&resolver->lock);
    lookup->next = NULL;
    *resolver->waiting_end = lookup;
    resolver->waiting_end = &lookup->next;
    bool served = resolver->threads > 0;
    if (start_thread(resolver)) {
        served = true;
    }
    if (!served) {
        /* It is the only one waiting: with no thread the queue was empty. */
        (void)take_waiting(resolver);
        lookup->err = SIO_ERR_RESOLVE;
        lookup->detail = "no thread to ask the name service";
        sio_loop_post_node(resolver->loop, &lookup->post);
    }
    pthread_mutex_unlock(&resolver->lock);
}

int sio_lookup_start(sio_lookup **out, sio_loop *loop, const char *host, uint16_t port,
                     sio_lookup_fn fn, void *ctx) {
    size_t len = strlen(host);
    if (len == 0 || len > HOST_MAX) {
        return SIO_ERR_INVALID;
    }
    sio_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup || get_resolver(loop) != 0) {
        free(lookup);
        return SIO_ERR_NOMEM;
    }
    lookup->post.fn = deliver;
    lookup->resolver = loop->resolver;
    lookup->fn = fn;
    lookup->ctx = ctx;
    lookup->port = port;
    memcpy(lookup->host, host, len + 1);
    sio_address literal;
    if (sio_address_literal(&literal, host, port) != 0) {
        *out = lookup;
        enqueue(loop->resolver, lookup);
        return 0;
    }
    lookup->list = malloc(sizeof *lookup->list);
    if (!lookup->list) {
        free(lookup);
        return SIO_ERR_NOMEM;
    }
    lookup->list[0] = literal;
    lookup->count = 1;
    *out = lookup;
    sio_loop_post_node(loop, &lookup->post);
    return 0;
}

/* @return whether it was still waiting */
static bool remove_waiting(sio_resolver *resolver, const sio_lookup *lookup) {
    for (sio_lookup **at = &resolver->waiting; *at; at = &(*at)->next) {
        if (*at == lookup) {
            *at = lookup->next;
            if (!*at) {
                resolver->waiting_end = at;
            }
            return true;
        }
    }
    return false;
}

void sio_lookup_cancel(sio_lookup *lookup) {
    if (!lookup) {
        return;
    }
    sio_resolver *resolver = lookup->resolver;
    lookup->fn = NULL;
    pthread_mutex_lock(&resolver->lock);
    bool waited = remove_waiting(resolver, lookup);
    pthread_mutex_unlock(&resolver->lock);
    if (waited) {
        free_lookup(lookup);
    }
}

void sio_resolver_detach(sio_loop *loop) {
    sio_resolver *resolver = loop->resolver;
    if (!resolver) {
        return;
    }
    loop->resolver = NULL;
    pthread_mutex_lock(&resolver->lock);
    resolver->loop = NULL;
    sio_lookup *lookup;
    while ((lookup = take_waiting(resolver)) != NULL) {
        free_lookup(lookup);
    }
    join_ended(resolver);
    for (size_t i = 0; i < MAX_THREADS; i++) {
        if (resolver->askers[i].state == ASKER_RUNNING) {
            pthread_detach(resolver->askers[i].thread);
        }
    }
    bool last = resolver->threads == 0;
    pthread_mutex_unlock(&resolver->lock);
    if (last) {
        free_resolver(resolver);
    }
}
