/* Which member a request belongs to: the first character of a session's id says it, and who has no
 * session yet may be sent to where there are few. */
#include "group.h"

#include <net/figure.h>
#include <sio/url.h>

#include <string.h>

enum { FEW = 8 }; /* sessions */

static const char tags[SIO_GROUP_MAX + 1] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char sio_group_tag(const sio_server *server) {
    if (!server->group) {
        return '\0';
    }
    return tags[server->index];
}

/* The id as the engine will look for it, which takes no escapes. */
static bool find_sid(sio_str *sid, const sio_http1_head *head) {
    sio_url_target target;
    sio_url_split_target(&target, head->target);
    return sio_query_find(target.query, SIO_QUERY_FORM, SIO_STR("sid"), sid) && sid->len > 0;
}

static size_t sessions_of(const sio_server *server) {
    return SIO_FIGURE(server->budget.sessions);
}

/* A connection that is kept, as proxies do, stays where its last session was, so those that are
 * used most would gather all new sessions with them. A few more here are no reason to move. */
static int where_to_begin(const sio_server *server) {
    size_t mine = sessions_of(server);
    size_t least = mine;
    const sio_server *best = server;
    const sio_server *at;
    for (unsigned i = 0; (at = sio_server_member(server, i)) != NULL; i++) {
        size_t count = sessions_of(at);
        if (count < least) {
            least = count;
            best = at;
        }
    }
    return mine > least + FEW + least / FEW ? (int)best->index : -1;
}

/* A tag of nobody is answered here: the session is unknown everywhere. */
static int where(void *ctx, const sio_engine *engine, const sio_http1_head *head) {
    const sio_server *server = ctx;
    sio_str sid;
    if (!find_sid(&sid, head)) {
        return where_to_begin(server);
    }
    const char *tag = sid.ptr[0] ? strchr(tags, sid.ptr[0]) : NULL;
    unsigned index = tag ? (unsigned)(tag - tags) : SIO_GROUP_MAX;
    bool elsewhere = index != server->index && sio_server_member(server, index) != NULL;
    return elsewhere ? (int)index : -1;
}

static void arrive(void *ctx, sio_parcel *parcel) {
    sio_server *server = ctx;
    if (server->dead) {
        sio_parcel_free(parcel);
    } else {
        sio_front_arrive(server->front, parcel);
    }
}

static void send_away(void *ctx, int index, sio_parcel *parcel) {
    sio_server *to = sio_server_member(ctx, (unsigned)index);
    sio_parcel_post(parcel, to->loop, arrive, to);
}

void sio_group_route(sio_server *server) {
    sio_front_elsewhere elsewhere = {where, send_away, server};
    sio_front_set_elsewhere(server->front, &elsewhere);
}
