/* The client object: one connection at a time, and the sockets that share it. */
#ifndef SIO_CLIENT_STATE_H
#define SIO_CLIENT_STATE_H

#include "client_tls.h"
#include "engine.h"
#include "waits.h"

#include <net/handlers.h>
#include <net/list.h>
#include <net/log.h>
#include <net/loop.h>
#include <net/table.h>
#include <net/timer.h>
#include <net/tls.h>
#include <sio/ack_table.h>
#include <sio/backoff.h>
#include <sio/client.h>
#include <sio/client_loop.h>
#include <sio/packet.h>
#include <sio/parser.h>
#include <sio/recovery.h>
#include <sio/session.h>
#include <sio/sys/ack.h>
#include <sio/url.h>

#include <pthread.h>
#include <stdatomic.h>

/* One engine session, from its start until its connections are gone. The client has at most one
 * current attempt; others are still closing. */
typedef struct sio_attempt {
    sio_client *client;
    sio_cengine *engine;
    sio_list link; /* in sio_client.attempts */
} sio_attempt;

typedef enum sio_client_phase {
    SIO_CLIENT_CLOSED,
    SIO_CLIENT_OPENING, /* there is a current attempt that is not open yet */
    SIO_CLIENT_OPEN,
} sio_client_phase;

/* Settings that never change, one for all clients of a loop that were given the same. */
typedef struct sio_client_rules {
    sio_list link; /* in home->rules; of nobody else without a home */
    unsigned refs;
    sio_client_options options; /* numbers only; its pointers are not used but to be compared */
    sio_decoder_options decoder;
    sio_session_options session;
    sio_http1_scratch *heads; /* where responses are parsed */
    sio_buf decoded; /* MessagePack: the JSON text of the packet that is being handed out */
} sio_client_rules;

/* A loop and what its clients share: only one of them is ever at work. A client that is made
 * without one has its own. */
struct sio_client_loop {
    sio_loop *loop;
    const sio_mem *mem; /* the loop's copy */
    sio_client_log_fn log_fn;
    void *log_user;
    sio_list clients;
    sio_list dead;  /* freed inside a callback, or with something posted */
    sio_list rules; /* of sio_client_rules */

    sio_args *scratch; /* the arguments of the packet that is being handed out */
    sio_args *no_args; /* for events that have none; never changed */
    sio_buf encode;    /* the packet that is being sent */
    sio_client_tls_cache tls;

    pthread_mutex_t post_lock; /* of all their sio_client.posted */
    pthread_mutex_t starting;  /* held while a thread of ours is made */
    bool running;
    bool has_thread; /* one of ours, which does not end when its client is idle */
    bool silent;     /* its owner was freed */
};

struct sio_client {
    const sio_mem *mem; /* that of `home` */
    sio_loop *loop;     /* that of `home` */
    sio_client_loop *home;
    sio_list home_link; /* in home->clients, then in home->dead */
    const sio_log *log;

    /* What attempts are made with. */
    char *url_text;
    char *path;
    char *query;
    char *auth;
    sio_auth_fn auth_fn;
    void *auth_user;
    char *server_name;
    sio_http1_header *headers; /* names and values owned */
    size_t header_count;
    sio_tls *tls;
    sio_client_network *network; /* a copy of its own; NULL: all defaults */
    sio_client_rules *rules;
    uint32_t reconnection_attempts;
    uint32_t connect_timeout_ms;
    sio_client_transports transports;
    bool websocket_worked; /* the last time: for `remember_upgrade` */

    /* The connection. */
    sio_client_phase phase;
    sio_attempt *current;
    sio_list attempts;
    sio_decoder decoder;
    sio_session session; /* the slots' user pointers are sockets; in use while OPEN */
    sio_backoff backoff;
    sio_timer reconnect_timer;
    sio_task failed_task; /* an attempt that could not even be started */
    int failed_error;
    bool reconnecting; /* the loop of attempts is on, waiting or trying */
    bool skip_reconnect;
    bool no_reconnection;
    bool attempt_is_asked; /* by sio_client_open_then: its failure starts no loop */
    sio_waits opens;       /* of sio_client_open_then */
    sio_task opened_task;
    sio_waits sent; /* for the connection to have written everything */
    bool receiving; /* a packet is being handed out; it may lie in the decoder's memory */

    sio_client_error failure; /* the last one, see sio_client_last_error; `size` 0: none */
    char *failure_texts;      /* NULL: those of `failure` are static */

    sio_handlers handlers;
    sio_table by_nsp;
    sio_list sockets;
    uint32_t buffered;       /* events kept for sending or early ones kept for delivery */
    uint64_t buffered_bytes; /* of those kept for sending */

    uint32_t refs;
    sio_list cache_link; /* in the cache that finds it again */
    void *user;
    pthread_t thread;
    atomic_bool has_thread; /* `thread` is the loop's */

    /* Events of other threads, see socket_post.c. */
    sio_list posted; /* under home->post_lock */
    uint32_t posted_count;
    atomic_uint posts; /* what the loop has of them: the memory stays until they ran */
    struct sio_posted *posting;

    bool shared; /* `home` is not its own */
    bool dead;
    bool finishing;
    unsigned depth;
};

/* Around everything that may run handlers while it goes on using the client: a handler may free it,
 * and then the memory goes with the last of these. */
static inline void sio_client_enter(sio_client *client) {
    client->depth++;
}
void sio_client_leave(sio_client *client);

/* Whether the caller is where the client's objects belong. Callable from any thread. */
bool sio_client_in_thread(const sio_client *client);

/* Nothing will ever happen to it by itself. */
bool sio_client_is_idle(const sio_client *client);

/* End the loop's run when that holds for all its clients. */
void sio_client_check_idle(sio_client *client);

/* Release everything but the struct. In no callback of the loop. */
void sio_client_empty(sio_client *client);

/* What was posted is through. On the loop's thread, the last use of the client. */
void sio_client_post_done(sio_client *client);

/* Whether it is a JSON object. Errors: SIO_ERR_INVALID, JSON errors. */
int sio_client_check_auth(const char *auth);

/* Events of the client itself. */
void sio_client_hand_out(sio_client *client, sio_event *event, const char *name);

/* ---- client_loop.c ---- */

/* Its clients are gone, or empty. In no callback of the loop. */
void sio_client_loop_destroy(sio_client_loop *home);
void sio_client_loop_check_idle(sio_client_loop *home);
/* Release a dead client of a shared loop when nothing uses it any more. */
void sio_client_loop_bury(sio_client_loop *home, sio_client *client);
/* One that was buried before may be no longer in use. */
void sio_client_loop_bury_soon(sio_client_loop *home);

/* ---- error.c ---- */

/* What sio_client_last_error() gives from now on; copied, NULL forgets. Called before the handlers
 * of the event that tells of it. */
void sio_client_keep_error(sio_client *client, const sio_client_error *error);

/* ---- manager.c ---- */

/* Connect unless it is connecting, connected, or waiting to reconnect. */
void sio_manager_want(sio_client *client);
/* A socket is no longer active: without any, the connection is closed. */
void sio_manager_release(sio_client *client);
/* The connection is unusable: it is closed and, if wanted, made anew. */
void sio_manager_lose(sio_client *client, const char *reason, int err);
/* Errors: SIO_ERR_NOMEM. */
int sio_manager_init(sio_client *client);
void sio_manager_done(sio_client *client);

/* ---- packets.c ---- */

void sio_client_receive(sio_client *client, bool binary, uint8_t *data, size_t len);
/* For where options.log_packets is set. @param direction "<" or ">" */
void sio_client_log_packet(const sio_client *client, const char *direction, bool binary,
                           sio_bytes data);

#endif
