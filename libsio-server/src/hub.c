#include "hub_state.h"

#include "adapter.h"
#include "parent.h"
#include "peer.h"

#include "mem.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    MAX_INBOX_BYTES = 64 << 20,
    MESSAGES_PER_TURN = 256 /* then the loop looks at its connections again */
};

/* ---- channels ---- */

static void channel_free(sio_hub_channel *channel) {
    const sio_mem *mem = channel->hub->mem;
    pthread_mutex_destroy(&channel->lock);
    sio_hub_log_free(channel->log);
    sio_mem_release(mem, channel);
}

/* What members call it. */
static sio_str channel_name(const sio_namespace *ns) {
    size_t skip = ns->as_parent ? 1 : 0;
    return (sio_str){ns->name + skip, ns->name_len - skip};
}

static int channel_new(sio_hub_channel **out, sio_hub *hub, const sio_namespace *ns) {
    const sio_server_recovery *recovery = &ns->server->recovery;
    const sio_recovery_limits limits = {.keep_ms = recovery->max_disconnection_ms,
                                        .max_sessions = recovery->max_sessions,
                                        .max_events = recovery->max_events,
                                        .max_bytes = recovery->max_bytes};
    sio_str name = channel_name(ns);
    sio_hub_channel *channel = sio_mem_zalloc(hub->mem, sizeof(*channel) + name.len + 1);
    if (!channel) {
        return SIO_ERR_NOMEM;
    }
    channel->hub = hub;
    channel->name_len = (uint32_t)name.len;
    memcpy(channel->name, name.ptr, name.len);
    if (ns->parent) {
        snprintf(channel->parent, sizeof(channel->parent), "%s", ns->parent->ns->name);
    }
    sio_list_init(&channel->ports);
    atomic_init(&channel->open_count, 0);
    if (pthread_mutex_init(&channel->lock, NULL) != 0) {
        sio_mem_release(hub->mem, channel);
        return SIO_ERR_NOMEM;
    }
    int rc = 0;
    if (recovery->size != 0 && !ns->as_parent) {
        uint64_t seed[2];
        rc = getrandom(seed, sizeof(seed), 0) == sizeof(seed) ? 0 : SIO_ERR_RANDOM;
        rc = rc == 0 ? sio_hub_log_new(&channel->log, &limits, seed, hub->mem) : rc;
    }
    if (rc == 0) {
        rc = sio_table_put(&hub->channels, channel->name, channel->name_len, channel);
    }
    if (rc != 0) {
        channel_free(channel);
        return rc;
    }
    *out = channel;
    return 0;
}

static int channel_take(sio_hub_channel **out, sio_hub *hub, const sio_namespace *ns) {
    int rc = 0;
    pthread_mutex_lock(&hub->lock);
    sio_str name = channel_name(ns);
    sio_hub_channel *channel = sio_table_get(&hub->channels, name.ptr, name.len);
    if (!channel) {
        rc = channel_new(&channel, hub, ns);
    }
    if (rc == 0) {
        channel->users++;
        *out = channel;
    }
    pthread_mutex_unlock(&hub->lock);
    return rc;
}

void sio_hub_channel_give_back(sio_hub_channel *channel) {
    sio_hub *hub = channel->hub;
    pthread_mutex_lock(&hub->lock);
    bool last = --channel->users == 0;
    if (last) {
        sio_table_remove(&hub->channels, channel->name, channel->name_len);
        sio_table_settle(&hub->channels);
    }
    pthread_mutex_unlock(&hub->lock);
    if (last) {
        channel_free(channel);
    }
}

/* ---- inboxes ---- */

void sio_hub_wake(sio_hub_port *port) {
    if (!port->posted) {
        port->posted = true;
        sio_loop_post_node(port->loop, &port->post);
    }
}

/* One message that is larger than the limit passes when nothing else waits. */
static bool has_room(sio_hub_port *port, size_t bytes) {
    sio_hub_member *member = port->member;
    uint64_t before = atomic_fetch_add_explicit(&member->queued, bytes, memory_order_relaxed);
    if (before > 0 && before + bytes > member->hub->max_inbox_bytes) {
        atomic_fetch_sub_explicit(&member->queued, bytes, memory_order_relaxed);
        return false;
    }
    return true;
}

/* Whether clients miss something when it is lost. Of all else the sender learns, by the time that
 * passes, or from the log. */
static bool is_for_clients(sio_cluster_type type) {
    return type >= SIO_CLUSTER_BROADCAST && type <= SIO_CLUSTER_DISCONNECT;
}

/* What comes behind a gap is not taken before the thread has come to the gap. */
bool sio_hub_push(sio_hub_port *port, sio_cluster_message *message, uint32_t link) {
    bool taken = port->lost == 0 && has_room(port, message->bytes);
    if (taken) {
        sio_list_push(&port->inbox, &message->links[link].link);
        sio_cluster_message_ref(message);
        port->stored += message->number != 0;
    } else {
        port->lost += is_for_clients(message->content.type);
        atomic_fetch_add_explicit(&port->member->hub->lost, 1, memory_order_relaxed);
    }
    sio_hub_wake(port);
    return taken;
}

unsigned sio_hub_push_all(sio_hub_port *self, sio_cluster_message *message,
                          sio_cluster_audience *audience) {
    sio_list *ports = &self->channel->ports;
    unsigned lost = 0;
    uint32_t link = 0;
    for (sio_list *at = ports->next; at != ports; at = at->next) {
        sio_hub_port *port = SIO_CONTAINER(at, sio_hub_port, link);
        if (port == self) {
            continue;
        }
        if (audience) {
            audience->uids[audience->count++] = port->uid;
        }
        lost += !sio_hub_push(port, message, link++);
    }
    return lost;
}

/* The first message of a gap says so; the end of the gap tells how many there were. */
void sio_hub_report_lost(const sio_hub_port *port, unsigned count) {
    if (count > 0) {
        SIO_LOG(&port->ns->server->log, SIO_LOG_ERROR, "socket.io:adapter",
                "%u servers of this process are too far behind and lose messages", count);
    }
}

int sio_hub_publish(sio_carrier *carrier, sio_cluster_message *message,
                    sio_cluster_audience *audience) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    pthread_mutex_lock(&port->channel->lock);
    unsigned lost = sio_hub_push_all(port, message, audience);
    pthread_mutex_unlock(&port->channel->lock);
    sio_hub_report_lost(port, lost);
    return 0;
}

int sio_hub_publish_response(sio_carrier *carrier, sio_cluster_uid to,
                             sio_cluster_message *message) {
    sio_hub_port *self = sio_hub_port_of(carrier);
    sio_list *ports = &self->channel->ports;
    bool found = false;
    bool lost = false;
    pthread_mutex_lock(&self->channel->lock);
    for (sio_list *at = ports->next; !found && at != ports; at = at->next) {
        sio_hub_port *port = SIO_CONTAINER(at, sio_hub_port, link);
        found = port->uid == to && port != self;
        lost = found && !sio_hub_push(port, message, 0);
    }
    pthread_mutex_unlock(&self->channel->lock);
    if (!found && self->channel->parent[0] != '\0') {
        lost = !sio_hub_answer_parent(self->channel->hub, to, message);
    }
    sio_hub_report_lost(self, lost);
    return 0;
}

/* ---- taking out ---- */

static sio_cluster_link *pop(sio_hub_port *port) {
    pthread_mutex_lock(&port->channel->lock);
    sio_list *first = sio_list_shift(&port->inbox);
    sio_cluster_link *link = first ? SIO_CONTAINER(first, sio_cluster_link, link) : NULL;
    if (link && link->message && link->message->number != 0) {
        port->stored--;
        port->passed = link->message->number;
    }
    pthread_mutex_unlock(&port->channel->lock);
    if (link && link->message) {
        atomic_fetch_sub_explicit(&port->member->queued, link->message->bytes,
                                  memory_order_relaxed);
    }
    return link;
}

static void hand_out(sio_hub_port *port, sio_cluster_link *link) {
    sio_cluster_message *message = link->message;
    if (!message) {
        sio_hub_turn(link);
        return;
    }
    if (message->content.type >= SIO_CLUSTER_OF_CARRIER) {
        sio_hub_receive(port, message);
    } else {
        sio_cluster_receive(port->adapter, message);
    }
    sio_cluster_message_unref(message);
}

static void cut_off(sio_list *peers) {
    for (sio_list *at = peers->next; at != peers; at = at->next) {
        sio_engine_session_fail(SIO_CONTAINER(at, sio_peer, link)->conn->engine, SIO_ERR_LIMIT);
    }
}

/* The inbox is empty. Were messages lost, then nobody who was there may go on as if nothing had
 * happened; the connections end before anything else is taken out. True when that was so. */
static bool pass_gap(sio_hub_port *port) {
    sio_hub_channel *channel = port->channel;
    pthread_mutex_lock(&channel->lock);
    uint64_t lost = sio_list_empty(&port->inbox) ? port->lost : 0;
    if (lost > 0) {
        port->lost = 0;
        port->passed = channel->log ? sio_hub_log_last(channel->log) : 0;
    }
    pthread_mutex_unlock(&channel->lock);
    if (lost == 0) {
        return false;
    }
    SIO_LOG(&port->ns->server->log, SIO_LOG_ERROR, "socket.io:adapter",
            "%s: %llu messages of other servers of this process were lost, because this one was "
            "too far behind: its clients are disconnected",
            port->ns->name, (unsigned long long)lost);
    cut_off(&port->ns->peers);
    cut_off(&port->ns->returning);
    return true;
}

static void look_again(sio_hub_port *port) {
    pthread_mutex_lock(&port->channel->lock);
    if (!sio_list_empty(&port->inbox) || port->lost > 0) {
        sio_hub_wake(port);
    }
    pthread_mutex_unlock(&port->channel->lock);
}

/* A handler may end the port, but its memory stays: see free_port. */
static void drain(sio_hub_port *port) {
    sio_server *server = port->ns->server;
    sio_server_enter(server);
    for (int i = 0; port->open && i < MESSAGES_PER_TURN; i++) {
        sio_cluster_link *link = pop(port);
        if (!link) {
            pass_gap(port);
            break;
        }
        hand_out(port, link);
    }
    if (port->open) {
        look_again(port);
    }
    sio_server_leave(server);
}

static void port_release(sio_hub_port *port) {
    sio_hub *hub = port->member->hub;
    sio_hub_channel_give_back(port->channel);
    sio_mem_release(hub->mem, port);
    sio_hub_unref(hub);
}

static void on_post(sio_post *post, bool cancelled) {
    sio_hub_port *port = SIO_CONTAINER(post, sio_hub_port, post);
    pthread_mutex_lock(&port->channel->lock);
    port->posted = false;
    pthread_mutex_unlock(&port->channel->lock);
    if (port->freed) {
        port_release(port);
    } else if (port->open && !cancelled) {
        drain(port);
    }
}

/* ---- a port as carrier ---- */

bool sio_hub_has_member(const sio_hub_channel *channel, const sio_hub_member *member) {
    for (sio_list *at = channel->ports.next; at != &channel->ports; at = at->next) {
        if (SIO_CONTAINER(at, sio_hub_port, link)->member == member) {
            return true;
        }
    }
    return false;
}

static int open_port(sio_carrier *carrier, sio_adapter *adapter) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    sio_hub_channel *channel = port->channel;
    int rc = SIO_ERR_EXISTS; /* two servers are the same member */
    port->adapter = adapter;
    port->uid = sio_cluster_adapter_uid(adapter);
    pthread_mutex_lock(&channel->lock);
    if (!sio_hub_has_member(channel, port->member)) {
        rc = 0;
        sio_list_push(&channel->ports, &port->link);
        atomic_fetch_add_explicit(&channel->open_count, 1, memory_order_relaxed);
        port->passed = channel->log ? sio_hub_log_last(channel->log) : 0;
    }
    pthread_mutex_unlock(&channel->lock);
    port->open = rc == 0;
    if (port->open && port->ns->as_parent) {
        sio_hub_parent_open(port);
    }
    return rc;
}

static bool has_others(const sio_carrier *carrier) {
    const sio_hub_channel *channel = sio_hub_port_of(carrier)->channel;
    return atomic_load_explicit(&channel->open_count, memory_order_relaxed) > 1;
}

static int server_count(sio_carrier *carrier, sio_adapter_count_fn done, void *user) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    unsigned count = atomic_load_explicit(&port->channel->open_count, memory_order_relaxed);
    return sio_adapter_answer_count(port->ns, count, done, user);
}

/* Tokens in the inbox have been taken out: what they stand for has been completed. */
static void empty_inbox(sio_hub_port *port) {
    sio_cluster_link *link;
    while ((link = pop(port)) != NULL) {
        sio_cluster_message_unref(link->message);
    }
}

static void close_port(sio_carrier *carrier, sio_adapter_done_fn done, void *user) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    sio_hub_channel *channel = port->channel;
    port->open = false;
    sio_hub_parent_close(port);
    pthread_mutex_lock(&channel->lock);
    sio_list_remove(&port->link);
    atomic_fetch_sub_explicit(&channel->open_count, 1, memory_order_relaxed);
    pthread_mutex_unlock(&channel->lock);
    empty_inbox(port);
    if (done) {
        done(SIO_OK, user);
    }
}

/* While it stands among the posts of the loop its memory is theirs. */
static void free_port(sio_carrier *carrier) {
    sio_hub_port *port = sio_hub_port_of(carrier);
    sio_hub_recovery_done(port);
    pthread_mutex_lock(&port->channel->lock);
    port->freed = true;
    bool posted = port->posted;
    pthread_mutex_unlock(&port->channel->lock);
    if (!posted) {
        port_release(port);
    }
}

#define CARRIER_OPS                                                                                \
    .open = open_port, .has_others = has_others, .publish = sio_hub_publish,                       \
    .publish_response = sio_hub_publish_response, .server_count = server_count,                    \
    .close = close_port, .free = free_port, .elsewhere = sio_hub_elsewhere,                        \
    .publish_at = sio_hub_publish_at

static const sio_carrier_ops plain_ops = {CARRIER_OPS};

static const sio_carrier_ops keeping_ops = {
    CARRIER_OPS,
    .store = sio_hub_store,
    .not_sent = sio_hub_not_sent,
    .persist_session = sio_hub_persist_session,
    .restore_session = sio_hub_restore_session,
    .forget_session = sio_hub_forget_session,
};

static int port_new(sio_hub_port **out, sio_hub_member *member, sio_namespace *ns) {
    sio_hub *hub = member->hub;
    sio_hub_port *port = sio_mem_zalloc(hub->mem, sizeof(*port));
    if (!port) {
        return SIO_ERR_NOMEM;
    }
    port->member = member;
    port->ns = ns;
    port->loop = ns->server->loop;
    port->post.fn = on_post;
    sio_list_init(&port->link);
    sio_list_init(&port->in_hub);
    sio_list_init(&port->inbox);
    int rc = channel_take(&port->channel, hub, ns);
    if (rc != 0) {
        sio_mem_release(hub->mem, port);
        return rc;
    }
    port->carrier = (sio_carrier){.ops = port->channel->log ? &keeping_ops : &plain_ops,
                                  .mem = hub->mem,
                                  .links = hub->member_count - 1,
                                  .max_others = hub->member_count - 1};
    sio_hub_ref(hub);
    rc = sio_hub_recovery_init(port);
    if (rc != 0) {
        port_release(port);
        return rc;
    }
    *out = port;
    return 0;
}

static int create(struct sio_adapter **out, sio_namespace *ns, void *user) {
    sio_hub_port *port;
    int rc = port_new(&port, user, ns);
    if (rc == 0) {
        rc = sio_cluster_adapter_new(out, ns, &port->carrier);
        if (rc != 0) {
            free_port(&port->carrier);
        }
    }
    return rc;
}

/* ---- the hub ---- */

static void set_mem(sio_hub *hub, const sio_mem *mem) {
    if (mem) {
        hub->mem_copy = *mem;
        hub->mem = &hub->mem_copy;
    }
}

int sio_hub_new(sio_hub **out, const sio_hub_options *options) {
    unsigned count = options->members;
    if (count == 0 || count > SIO_HUB_MAX_MEMBERS) {
        return SIO_ERR_INVALID;
    }
    sio_hub *hub = sio_mem_zalloc(options->mem, sizeof(*hub) + count * sizeof(sio_hub_member));
    if (!hub) {
        return SIO_ERR_NOMEM;
    }
    set_mem(hub, options->mem);
    atomic_init(&hub->refs, 1);
    atomic_init(&hub->lost, 0);
    hub->max_inbox_bytes = options->max_inbox_bytes ? options->max_inbox_bytes : MAX_INBOX_BYTES;
    hub->member_count = count;
    for (unsigned i = 0; i < count; i++) {
        sio_hub_member *member = &hub->members[i];
        member->hub = hub;
        member->index = i;
        member->adapter = (sio_server_adapter)SIO_SERVER_ADAPTER_INIT;
        member->adapter.create = create;
        member->adapter.user = member;
        atomic_init(&member->queued, 0);
    }
    int rc = getrandom(hub->seed, sizeof(hub->seed), 0) == sizeof(hub->seed) ? 0 : SIO_ERR_RANDOM;
    if (rc == 0 && pthread_mutex_init(&hub->lock, NULL) != 0) {
        rc = SIO_ERR_NOMEM;
    }
    if (rc != 0) {
        sio_mem_release(options->mem, hub);
        return rc;
    }
    sio_table_init_seeded(&hub->channels, hub->mem, hub->seed);
    sio_list_init(&hub->parents);
    *out = hub;
    return 0;
}

sio_hub *sio_hub_ref(sio_hub *hub) {
    atomic_fetch_add_explicit(&hub->refs, 1, memory_order_relaxed);
    return hub;
}

void sio_hub_unref(sio_hub *hub) {
    if (!hub || atomic_fetch_sub_explicit(&hub->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    sio_mem mem = hub->mem_copy; /* what releases it must not lie in it */
    const sio_mem *with = hub->mem ? &mem : NULL;
    sio_table_done(&hub->channels);
    pthread_mutex_destroy(&hub->lock);
    sio_mem_release(with, hub);
}

const sio_server_adapter *sio_hub_adapter(sio_hub *hub, unsigned index) {
    return &hub->members[index].adapter;
}

bool sio_hub_serves(const sio_server *server) {
    return server->adapter.create == create;
}

uint64_t sio_hub_lost(const sio_hub *hub) {
    return atomic_load_explicit(&((sio_hub *)(uintptr_t)hub)->lost, memory_order_relaxed);
}
