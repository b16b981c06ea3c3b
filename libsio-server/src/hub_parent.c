/* Parents of dynamic namespaces: a member may have children that another one has not. What is sent
 * to a parent goes through its own children to all members that have the same ones, and from here
 * to those that only others have. */
#include "hub_state.h"

#include "parent.h"

#include "mem.h"

#include <string.h>

struct sio_cluster_place {
    sio_hub_channel *channel;
};

void sio_hub_parent_open(sio_hub_port *port) {
    sio_hub *hub = port->member->hub;
    pthread_mutex_lock(&hub->lock);
    sio_list_push(&hub->parents, &port->in_hub);
    pthread_mutex_unlock(&hub->lock);
}

void sio_hub_parent_close(sio_hub_port *port) {
    sio_hub *hub = port->member->hub;
    if (port->ns->as_parent) {
        pthread_mutex_lock(&hub->lock);
        sio_list_remove(&port->in_hub);
        pthread_mutex_unlock(&hub->lock);
    }
}

/* ---- finding them ---- */

/* Under the hub's lock. */
static bool is_elsewhere(sio_hub_channel *channel, const sio_hub_port *port) {
    if (strcmp(channel->parent, port->ns->name) != 0) {
        return false;
    }
    pthread_mutex_lock(&channel->lock);
    bool others_only =
        !sio_list_empty(&channel->ports) && !sio_hub_has_member(channel, port->member);
    pthread_mutex_unlock(&channel->lock);
    return others_only;
}

/* They are held, to be given back. */
static int find(const sio_hub_port *port, sio_cluster_place **out, size_t *count) {
    sio_hub *hub = port->member->hub;
    sio_cluster_place *places = NULL;
    int rc = 0;
    pthread_mutex_lock(&hub->lock);
    sio_table_iter it = sio_table_iter_start(&hub->channels);
    sio_hub_channel *channel;
    while (rc == 0 && (channel = sio_table_next(&hub->channels, &it)) != NULL) {
        if (!is_elsewhere(channel, port)) {
            continue;
        }
        if (!places) {
            places = sio_mem_alloc_array(hub->mem, hub->channels.count, sizeof(*places));
        }
        if (places) {
            channel->users++;
            places[(*count)++].channel = channel;
        } else {
            rc = SIO_ERR_NOMEM;
        }
    }
    pthread_mutex_unlock(&hub->lock);
    *out = places;
    return rc;
}

/* A failure with one of them does not keep it from the others. */
int sio_hub_elsewhere(sio_carrier *carrier, sio_cluster_place_fn fn, void *user) {
    const sio_hub_port *port = sio_hub_port_of(carrier);
    sio_cluster_place *places;
    size_t count = 0;
    int rc = find(port, &places, &count);
    for (size_t i = 0; i < count; i++) {
        sio_hub_channel *channel = places[i].channel;
        int failed = fn(&places[i], (sio_str){channel->name, channel->name_len}, user);
        rc = rc != 0 ? rc : failed;
        sio_hub_channel_give_back(channel);
    }
    sio_mem_release(port->member->hub->mem, places);
    return rc;
}

/* ---- sending ---- */

static unsigned push_all(sio_hub_channel *channel, sio_cluster_message *message,
                         sio_cluster_audience *audience) {
    unsigned lost = 0;
    uint32_t link = 0;
    for (sio_list *at = channel->ports.next; at != &channel->ports; at = at->next) {
        sio_hub_port *port = SIO_CONTAINER(at, sio_hub_port, link);
        if (audience) {
            audience->uids[audience->count++] = port->uid;
        }
        lost += !sio_hub_push(port, message, link++);
    }
    return lost;
}

int sio_hub_publish_at(sio_carrier *carrier, sio_cluster_place *place, sio_cluster_message *message,
                       bool store, sio_cluster_audience *audience) {
    const sio_hub_port *port = sio_hub_port_of(carrier);
    sio_hub_channel *channel = place->channel;
    sio_time now = sio_loop_now(port->loop);
    unsigned lost = 0;
    int rc = 0;
    pthread_mutex_lock(&channel->lock);
    if (store && channel->log) {
        rc = sio_hub_log_add(channel->log, message, port->member->index, 0, false, now);
    }
    if (rc == 0) {
        lost = push_all(channel, message, audience);
    }
    pthread_mutex_unlock(&channel->lock);
    sio_hub_report_lost(port, lost);
    return rc;
}

/* ---- answers ---- */

bool sio_hub_answer_parent(sio_hub *hub, sio_cluster_uid to, sio_cluster_message *message) {
    bool taken = true;
    pthread_mutex_lock(&hub->lock);
    for (sio_list *at = hub->parents.next; at != &hub->parents; at = at->next) {
        sio_hub_port *port = SIO_CONTAINER(at, sio_hub_port, in_hub);
        if (port->uid == to) {
            pthread_mutex_lock(&port->channel->lock);
            taken = sio_hub_push(port, message, 0);
            pthread_mutex_unlock(&port->channel->lock);
            break;
        }
    }
    pthread_mutex_unlock(&hub->lock);
    return taken;
}
