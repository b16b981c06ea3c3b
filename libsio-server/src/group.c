#include "group.h"

#include "hub.h"
#include "mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define SCOPE "socket.io:server"

/* The posts are part of it, so that no end of a server needs memory. Each is on its way once at a
 * time: a server is closed only when it is open, and opened only when all members have closed; of
 * the one that several may send a flag says whether it is. */
typedef struct member {
    sio_group *group;
    sio_server *server;
    pthread_t thread;
    bool runs;
    size_t sent;           /* connections that member 0 has given to it */
    atomic_size_t arrived; /* and those it has got; written by its thread */
    sio_post close;
    sio_post closed; /* to member 0 */
    sio_post reopen;
    sio_post end;
    sio_post quiet; /* from any: there are no sessions any more */
    atomic_bool quiet_posted;
} member;

struct sio_group {
    sio_mem mem_copy;
    const sio_mem *mem;
    sio_hub *hub; /* of the adapters; NULL: the application has its own */
    unsigned count;
    bool ready;   /* `setup` is through */
    bool started; /* the others' threads run */
    bool ended;
    unsigned last;    /* member that got a connection */
    unsigned closing; /* members that have not closed yet */
    uint32_t deadline_ms;
    member members[];
};

/* ---- asking ---- */

static member *member_of(const sio_server *server) {
    return &server->group->members[server->index];
}

static sio_server *primary_of(const sio_group *group) {
    return group->members[0].server;
}

bool sio_group_is_other(const sio_server *server) {
    return server->index > 0;
}

unsigned sio_server_index(const sio_server *server) {
    return server->index;
}

sio_server *sio_server_member(const sio_server *server, unsigned index) {
    if (!server->group) {
        return index == 0 ? (sio_server *)(uintptr_t)server : NULL;
    }
    return index < server->group->count ? server->group->members[index].server : NULL;
}

/* ---- connections ---- */

/* A connection on its way to its member. */
typedef struct arrival {
    sio_post post;
    member *to;
    sio_tls *tls;
    int fd;
    bool accepted;
    size_t len;
    uint8_t early[];
} arrival;

static int serve(sio_server *server, int fd, sio_tls *tls, sio_bytes early, bool accepted) {
    sio_stream *stream;
    int rc = sio_stream_adopt(&stream, server->loop, fd, tls, server->tls_timeout_ms, NULL, NULL);
    if (rc == 0 && tls && early.len > 0) {
        rc = sio_stream_early(stream, early.ptr, early.len);
        early.len = 0;
        if (rc != 0) {
            sio_stream_free(stream);
        }
    }
    if (rc == 0 && accepted) {
        sio_front_accept(server->front, stream);
    } else if (rc == 0) {
        rc = sio_front_adopt(server->front, stream, early);
    }
    if (rc != 0) {
        SIO_LOG(&server->log, SIO_LOG_WARN, SCOPE, "a connection was dropped: %s",
                sio_error_text(rc));
    }
    return rc;
}

static void on_arrival(sio_post *post, bool cancelled) {
    arrival *self = SIO_CONTAINER(post, arrival, post);
    member *to = self->to;
    size_t arrived = atomic_load_explicit(&to->arrived, memory_order_relaxed) + 1;
    if (cancelled || to->server->dead) {
        close(self->fd);
    } else {
        sio_bytes early = {self->early, self->len};
        (void)serve(to->server, self->fd, self->tls, early, self->accepted);
    }
    atomic_store_explicit(&to->arrived, arrived, memory_order_relaxed);
    sio_tls_unref(self->tls);
    sio_mem_release(to->group->mem, self);
}

static arrival *arrival_new(member *to, int fd, sio_tls *tls, sio_bytes early, bool accepted) {
    arrival *self = sio_mem_alloc(to->group->mem, sizeof(*self) + early.len);
    if (self) {
        *self = (arrival){{NULL, on_arrival}, to, sio_tls_ref(tls), fd, accepted, early.len};
        if (early.len > 0) {
            memcpy(self->early, early.ptr, early.len);
        }
    }
    return self;
}

static size_t load_of(const member *m) {
    size_t on_its_way = m->sent - atomic_load_explicit(&m->arrived, memory_order_relaxed);
    return sio_loop_stream_count(m->server->loop) + on_its_way;
}

/* The next one behind the last, of those that have the fewest. */
static member *choose(sio_group *group) {
    unsigned best = 0;
    size_t least = SIZE_MAX;
    for (unsigned i = 1; i <= group->count; i++) {
        unsigned at = (group->last + i) % group->count;
        size_t load = load_of(&group->members[at]);
        if (load < least) {
            least = load;
            best = at;
        }
    }
    group->last = best;
    return &group->members[best];
}

int sio_group_take(sio_server *server, int fd, sio_tls *tls, sio_bytes early, bool accepted) {
    member *to = server->group ? choose(server->group) : NULL;
    arrival *self = NULL;
    if (to && to->server != server) {
        self = arrival_new(to, fd, tls, early, accepted);
    }
    if (!self) {
        return serve(server, fd, tls, early, accepted);
    }
    to->sent++;
    sio_loop_post_node(to->server->loop, &self->post);
    return 0;
}

/* ---- threads ---- */

static void *run(void *arg) {
    member *self = arg;
    int rc = sio_loop_run(self->server->loop);
    if (rc != 0) {
        SIO_LOG(&self->server->log, SIO_LOG_ERROR, SCOPE, "the loop of member %u ended: %s",
                self->server->index, sio_error_text(rc));
    }
    return NULL;
}

/* Signals are for the application's own threads. */
static bool start_all(sio_group *group) {
    bool ok = true;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 1; ok && i < group->count; i++) {
        member *m = &group->members[i];
        ok = pthread_create(&m->thread, NULL, run, m) == 0;
        m->runs = ok;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static void join_all(sio_group *group) {
    for (unsigned i = 1; i < group->count; i++) {
        member *m = &group->members[i];
        if (m->runs) {
            pthread_join(m->thread, NULL);
            m->runs = false;
        }
    }
    group->started = false;
}

static void stop_all(sio_group *group) {
    for (unsigned i = 1; i < group->count; i++) {
        if (group->members[i].runs) {
            sio_loop_stop(group->members[i].server->loop);
        }
    }
    join_all(group);
}

int sio_group_start(sio_server *server) {
    sio_group *group = server->group;
    if (!group || group->started) {
        return 0;
    }
    if (!group->ready || group->ended) {
        return SIO_ERR_STATE;
    }
    group->started = true;
    if (!start_all(group)) {
        stop_all(group);
        return SIO_ERR_NOMEM;
    }
    return 0;
}

void sio_group_halt(sio_server *server) {
    if (server->group && server->group->started) {
        stop_all(server->group);
    }
}

/* ---- closing ---- */

static void on_close(sio_post *post, bool cancelled) {
    member *self = SIO_CONTAINER(post, member, close);
    if (!cancelled && !self->server->dead) {
        sio_server_close_member(self->server, self->group->deadline_ms);
    }
}

static void on_closed(sio_post *post, bool cancelled) {
    member *self = SIO_CONTAINER(post, member, closed);
    sio_server *primary = primary_of(self->group);
    if (--self->group->closing == 0 && !cancelled && !primary->dead) {
        sio_server_all_closed(primary);
    }
}

static void on_reopen(sio_post *post, bool cancelled) {
    member *self = SIO_CONTAINER(post, member, reopen);
    if (!cancelled && !self->server->dead) {
        sio_server_reopen_member(self->server);
    }
}

static void on_quiet(sio_post *post, bool cancelled) {
    member *self = SIO_CONTAINER(post, member, quiet);
    atomic_store(&self->quiet_posted, false);
    if (!cancelled) {
        sio_server_sessions_ended(self->server);
    }
}

/* Of two members whose last sessions end at once, one at least sees that there are none left: the
 * sum is made under a lock. */
void sio_group_sessions_ended(sio_server *server) {
    sio_group *group = server->group;
    for (unsigned i = 0; group && i < group->count; i++) {
        member *m = &group->members[i];
        if (m->server != server && !atomic_exchange(&m->quiet_posted, true)) {
            sio_loop_post_node(m->server->loop, &m->quiet);
        }
    }
}

void sio_group_close(sio_server *server, uint32_t deadline_ms) {
    sio_group *group = server->group;
    if (!group) {
        return;
    }
    group->deadline_ms = deadline_ms;
    group->closing = group->count;
    for (unsigned i = 1; i < group->count; i++) {
        sio_loop_post_node(group->members[i].server->loop, &group->members[i].close);
    }
}

bool sio_group_closed(sio_server *server) {
    sio_group *group = server->group;
    if (!group) {
        return true;
    }
    if (server->index == 0) {
        return --group->closing == 0;
    }
    sio_loop_post_node(primary_of(group)->loop, &member_of(server)->closed);
    return false;
}

void sio_group_reopen(sio_server *server) {
    sio_group *group = server->group;
    for (unsigned i = 1; group && i < group->count; i++) {
        sio_loop_post_node(group->members[i].server->loop, &group->members[i].reopen);
    }
}

/* ---- life ---- */

static void on_end(sio_post *post, bool cancelled) {
    member *self = SIO_CONTAINER(post, member, end);
    if (!cancelled) {
        sio_server_free_member(self->server);
    }
}

/* While no thread of theirs runs, the caller's does it. */
void sio_group_end(sio_server *server) {
    sio_group *group = server->group;
    if (!group || group->ended) {
        return;
    }
    group->ended = true;
    for (unsigned i = 1; i < group->count; i++) {
        member *m = &group->members[i];
        if (m->runs) {
            sio_loop_post_node(m->server->loop, &m->end);
        } else if (m->server) {
            sio_server_free_member(m->server);
        }
    }
    join_all(group);
}

void sio_group_destroy_others(sio_group *group) {
    for (unsigned i = 1; group && i < group->count; i++) {
        if (group->members[i].server) {
            sio_server_destroy(group->members[i].server);
        }
    }
}

void sio_group_free(sio_group *group) {
    if (group) {
        sio_hub_unref(group->hub);
        sio_mem mem = group->mem_copy;
        sio_mem_release(group->mem ? &mem : NULL, group);
    }
}

static sio_group *alloc(const sio_server_options *options) {
    sio_group *group =
        sio_mem_zalloc(options->mem, sizeof(*group) + options->threads * sizeof(member));
    if (!group) {
        return NULL;
    }
    if (options->mem) {
        group->mem_copy = *options->mem;
        group->mem = &group->mem_copy;
    }
    group->count = options->threads;
    for (unsigned i = 0; i < group->count; i++) {
        group->members[i] = (member){
            .group = group,
            .close.fn = on_close,
            .closed.fn = on_closed,
            .reopen.fn = on_reopen,
            .end.fn = on_end,
            .quiet.fn = on_quiet,
        };
        atomic_init(&group->members[i].quiet_posted, false);
        atomic_init(&group->members[i].arrived, 0);
    }
    return group;
}

static int make_hub(sio_group *group, const sio_server_options *options) {
    sio_hub_options hub = {.mem = options->mem, .members = group->count};
    return options->adapter ? 0 : sio_hub_new(&group->hub, &hub);
}

/* Only member 0 listens, so it has the base and the TLS settings. */
static int make_member(sio_group *group, const sio_server_options *options, unsigned index) {
    sio_server_options own = *options;
    if (index > 0) {
        own.base = NULL;
        own.tls = NULL;
    }
    if (group->hub) {
        own.adapter = sio_hub_adapter(group->hub, index);
    }
    int rc = sio_server_make(&group->members[index].server, &own, group, index);
    if (rc == 0) {
        sio_group_route(group->members[index].server);
    }
    return rc;
}

int sio_group_new(sio_server **out, const sio_server_options *options) {
    sio_group *group = alloc(options);
    if (!group) {
        return SIO_ERR_NOMEM;
    }
    int rc = make_hub(group, options);
    for (unsigned i = 0; rc == 0 && i < group->count; i++) {
        rc = make_member(group, options, i);
    }
    if (rc == 0) {
        *out = primary_of(group);
    } else if (primary_of(group)) {
        sio_server_destroy(primary_of(group));
    } else {
        sio_group_free(group);
    }
    return rc;
}

void sio_group_ready(sio_server *server) {
    if (server->group) {
        server->group->ready = true;
    }
}
