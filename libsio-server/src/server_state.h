/* The server object: what connections, namespaces and peers share. */
#ifndef SIO_SERVER_STATE_H
#define SIO_SERVER_STATE_H

#include "counters.h"
#include "engine.h"
#include "front.h"
#include "shared.h"

#include <net/handlers.h>
#include <net/list.h>
#include <net/listener.h>
#include <net/log.h>
#include <net/log_limit.h>
#include <net/loop.h>
#include <net/table.h>
#include <net/timer.h>
#include <net/tls.h>
#include <sio/packet.h>
#include <sio/server.h>
#include <sio/session.h>

enum { SIO_SERVER_MAX_LISTENERS = 16, SIO_SERVER_MAX_ENGINES = 16 };

typedef struct sio_server_listener {
    sio_listener *listener; /* NULL: the place is free */
    unsigned id;
    bool has_tls;
    bool shared_tls; /* the server's, not of its own */
} sio_server_listener;

struct sio_server {
    const sio_mem *mem;      /* the loop's copy */
    struct sio_group *group; /* see group.h; NULL: it is the only one */
    unsigned index;          /* in there */
    sio_loop *loop;
    sio_log log; /* hands on to log_fn */
    sio_server_log_fn log_fn;
    void *log_user;
    sio_log_limit log_limit;
    sio_timer log_timer; /* runs when lines have been left out, to say so */

    sio_counters counters;
    sio_lag lag;
    sio_engine *engine;                          /* Socket.IO's; NULL with engine_only */
    sio_engine *engines[SIO_SERVER_MAX_ENGINES]; /* that one and further ones */
    size_t engine_count;
    uint64_t max_payload;
    sio_queue_limits queue;
    sio_engine_budget budget;
    sio_shared *shared;          /* with the members of its group; NULL: it is alone */
    uint32_t max_rooms_per_peer; /* 0: no limit, as in the next */
    uint32_t max_room_name;
    uint32_t tls_timeout_ms;
    uint32_t message_timeout_ms;
    uint32_t min_receive_rate;
    sio_front *front;
    sio_tls *tls;
    sio_server_listener listeners[SIO_SERVER_MAX_LISTENERS];
    unsigned last_listener_id;
    char detail[SIO_TLS_DETAIL_MAX]; /* why the last call about listening failed */

    sio_table namespaces;
    sio_list parents;          /* of sio_parent.link */
    sio_list idle_children;    /* of sio_namespace.idle: to be looked at by idle_task */
    sio_list removed_children; /* of sio_namespace.in_parent: only peers lead there */
    sio_task idle_task;
    sio_handlers on_new_namespace; /* in its list of every event */
    size_t child_count;
    uint64_t child_ack_ids; /* where new children go on: no id of a removed one comes again */
    unsigned parents_made;
    uint32_t max_child_namespaces;
    bool cleanup_children;
    sio_list ending; /* peers whose "disconnect" or acknowledgements are being handed out */
    sio_list nexts;  /* what middlewares have not answered */

    /* See delivery.h. */
    sio_list ready_deliveries;
    sio_list waiting_deliveries;
    sio_list spare_deliveries;
    sio_task ready_task;
    uint32_t spare_count;
    uint32_t max_waiting_events;

    /* What all connections share, for each protocol generation. */
    sio_eio_config eio;
    sio_decoder_options decoder5;
    sio_decoder_options decoder4;
    sio_session_options session5;
    sio_session_options session4;
    uint32_t max_pending_acks;
    sio_server_recovery recovery; /* all zero: none */
    sio_parser parser;
    sio_buf parser_text; /* of the packet that is being handed out, in MessagePack */
    uint64_t max_reply_bytes;
    sio_server_adapter adapter;

    sio_args *scratch; /* the arguments of the packet that is being handed out */
    sio_args *no_args; /* for events that have none; never changed */
    sio_buf encode;    /* the packet that is being sent */

    void *user;
    void (*on_closed)(void *user); /* of sio_server_close() */
    void *on_closed_user;
    sio_timer close_timer;
    sio_task no_sessions;      /* while it is closing */
    unsigned adapters_closing; /* adapters that are telling other servers of their end */
    bool closing;
    bool closed;
    bool all_closed; /* and the other members */
    bool running;
    bool dead; /* freed by the application: no callback any more */
    bool finishing;
    unsigned depth;
};

/* Around everything that may run handlers while it goes on using the server: a handler may free it,
 * and then the memory goes with the last of these. */
static inline void sio_server_enter(sio_server *server) {
    server->depth++;
}
void sio_server_leave(sio_server *server);

/* ---- server.c, for group.c: what is done to each member ---- */

/* `options` are complete. */
int sio_server_make(sio_server **out, const sio_server_options *options, struct sio_group *group,
                    unsigned index);
/* In no callback of its loop, which nobody runs. */
void sio_server_destroy(sio_server *server);
void sio_server_close_member(sio_server *server, uint32_t deadline_ms);
/* All members have closed: tell who asked. */
void sio_server_all_closed(sio_server *server);
/* No member has sessions any more. */
void sio_server_sessions_ended(sio_server *server);
void sio_server_reopen_member(sio_server *server);
void sio_server_free_member(sio_server *server);

/* Sessions on this server's own loop. */
static inline size_t sio_server_own_sessions(const sio_server *server) {
    return server->budget.sessions;
}

/* ---- counters.c ---- */

/* Have the others see how many packets wait on this loop. */
void sio_server_note_queues(sio_server *server);
/* Before and after all that is counted: join the other members, and leave. */
void sio_server_share(sio_server *server, sio_shared *shared);
void sio_server_unshare(sio_server *server);

/* ---- server_listen.c ---- */

void sio_server_stop_listening(sio_server *server);
/* One reference. What failed goes into `detail` and the log. */
int sio_server_make_tls(sio_server *server, sio_tls **out, const sio_server_tls *tls);

#endif
