#include "client_state.h"

#include "options.h"
#include "socket.h"

#include "mem.h"

#include <string.h>

/* ---- making and freeing ---- */

static int make_home(sio_client *client, const sio_client_options *options) {
    sio_client_loop_options own = SIO_CLIENT_LOOP_OPTIONS_INIT;
    own.mem = options->mem;
    own.base = options->base;
    own.log = options->log;
    own.log_user = options->log_user;
    client->home = options->loop;
    client->shared = options->loop != NULL;
    int rc = client->shared ? 0 : sio_client_loop_new(&client->home, &own);
    if (rc == 0) {
        client->loop = client->home->loop;
        client->mem = client->home->mem;
        client->log = sio_loop_log(client->loop);
        sio_list_push(&client->home->clients, &client->home_link);
    }
    return rc;
}

static int make(sio_client *client, const char *url, const sio_client_options *options) {
    int rc = sio_client_options_apply(client, url, options);
    if (rc == 0) {
        rc = sio_manager_init(client);
    }
    if (rc == 0) {
        rc = sio_handlers_init(&client->handlers, client->loop);
    }
    return rc == 0 ? sio_table_init(&client->by_nsp, client->loop) : rc;
}

void sio_client_empty(sio_client *client) {
    sio_manager_done(client);
    while (!sio_list_empty(&client->sockets)) {
        sio_socket_free(SIO_CONTAINER(client->sockets.next, sio_socket, link));
    }
    sio_handlers_done(&client->handlers);
    sio_table_done(&client->by_nsp);
    sio_mem_release(client->mem, client->failure_texts);
    sio_client_options_free(client);
}

/* Everything, then the loop if that is its own. In no callback of the loop. */
static void destroy(void *ctx) {
    sio_client *client = ctx;
    bool has_mem = client->mem != NULL; /* it goes with the loop */
    sio_mem mem = has_mem ? *client->mem : (sio_mem){0};
    sio_client_empty(client);
    sio_list_remove(&client->home_link);
    if (!client->shared) {
        sio_client_loop_destroy(client->home);
    }
    sio_mem_release(has_mem ? &mem : NULL, client);
}

static bool options_agree(const sio_client_options *options) {
    return !options->loop || (!options->mem && !options->base && !options->log);
}

int sio_client_new(sio_client **out, const char *url, const sio_client_options *options) {
    sio_client_options full;
    int rc = sio_client_options_read(&full, options);
    if (rc != 0 || !options_agree(&full)) {
        return rc != 0 ? rc : SIO_ERR_INVALID;
    }
    const sio_mem *mem = full.loop ? full.loop->mem : full.mem;
    sio_client *client = sio_mem_zalloc(mem, sizeof(*client));
    if (!client) {
        return SIO_ERR_NOMEM;
    }
    sio_list_init(&client->sockets);
    sio_list_init(&client->attempts);
    sio_list_init(&client->posted);
    sio_list_init(&client->cache_link);
    sio_list_init(&client->home_link);
    client->refs = 1;
    sio_waits_init(&client->opens);
    sio_waits_init(&client->sent);
    sio_task_init(&client->failed_task, NULL, NULL);
    sio_task_init(&client->opened_task, NULL, NULL);
    rc = make_home(client, &full);
    if (rc != 0) {
        sio_mem_release(mem, client);
        return rc;
    }
    rc = make(client, url, &full);
    if (rc != 0) {
        destroy(client);
        return rc;
    }
    *out = client;
    return 0;
}

static void finish(sio_client *client) {
    client->finishing = true;
    if (client->shared) {
        sio_client_loop_bury(client->home, client);
    } else if (client->home->running) {
        sio_loop_stop(client->loop); /* whoever runs it destroys it */
    } else if (!sio_loop_in_callback(client->loop)) {
        destroy(client);
    } else {
        sio_loop_after(client->loop, destroy, client);
    }
}

void sio_client_leave(sio_client *client) {
    if (--client->depth == 0 && client->dead && !client->finishing) {
        finish(client);
    }
}

/* Not asked of the loop, which learns of its thread only when that runs. */
static bool in_own_thread(const sio_client *client) {
    return client->has_thread && pthread_equal(pthread_self(), client->thread);
}

/* Everyone who waits is told, exactly once. */
static void end_waiting(sio_socket *socket) {
    sio_socket_end_losing(socket, SIO_ERR_DISCONNECTED);
    sio_socket_forget_auth(socket);
    sio_socket_end_acks(socket, true);
    sio_socket_end_kept(socket, SIO_ERR_DISCONNECTED);
    sio_socket_end_queue(socket, SIO_ERR_DISCONNECTED);
}

bool sio_client_in_thread(const sio_client *client) {
    return client->has_thread ? in_own_thread(client) : sio_loop_in_thread(client->loop);
}

void sio_client_free(sio_client *client) {
    if (!client || client->dead) {
        return;
    }
    if (client->has_thread && !in_own_thread(client)) {
        sio_client_stop(client);
    }
    sio_client_enter(client);
    sio_list_remove(&client->cache_link);
    sio_list_remove(&client->home_link);
    client->dead = true; /* first, so that nothing new can be awaited */
    client->home->silent = !client->shared;
    for (sio_list *at = client->sockets.next; at != &client->sockets; at = at->next) {
        end_waiting(SIO_CONTAINER(at, sio_socket, link));
    }
    sio_waits_end(&client->sent, SIO_ERR_DISCONNECTED, client->mem);
    sio_waits_end(&client->opens, SIO_ERR_DISCONNECTED, client->mem);
    sio_client_end_posted(client, SIO_ERR_DISCONNECTED);
    sio_client_leave(client);
}

/* ---- running ---- */

bool sio_client_is_idle(const sio_client *client) {
    return client->phase == SIO_CLIENT_CLOSED && !client->reconnecting &&
           sio_list_empty(&client->attempts);
}

void sio_client_check_idle(sio_client *client) {
    sio_client_loop_check_idle(client->home);
}

int sio_client_run(sio_client *client) {
    if (client->shared) {
        return SIO_ERR_UNSUPPORTED;
    }
    int rc = sio_client_loop_run(client->home);
    if (rc != SIO_ERR_STATE && client->dead) {
        destroy(client);
    }
    return rc;
}

static void *thread_main(void *arg) {
    sio_client *client = arg;
    pthread_mutex_lock(&client->home->starting); /* until `thread` is set */
    pthread_mutex_unlock(&client->home->starting);
    (void)sio_loop_run(client->loop);
    if (client->dead) {
        pthread_detach(pthread_self());
        destroy(client);
    }
    return NULL;
}

int sio_client_start(sio_client *client) {
    sio_client_loop *home = client->home;
    if (home->running) {
        return SIO_ERR_STATE;
    }
    if (client->rules->options.base || client->shared) {
        return SIO_ERR_UNSUPPORTED;
    }
    home->running = true;
    home->has_thread = true;
    pthread_mutex_lock(&home->starting);
    int failed = pthread_create(&client->thread, NULL, thread_main, client);
    client->has_thread = !failed;
    home->has_thread = !failed;
    home->running = !failed;
    pthread_mutex_unlock(&home->starting);
    return failed ? SIO_ERR_NOMEM : 0;
}

void sio_client_stop(sio_client *client) {
    if (client->shared) {
        return;
    }
    sio_loop_stop(client->loop);
    if (client->has_thread && !in_own_thread(client)) {
        pthread_join(client->thread, NULL);
        /* It may have ended before, by itself: then this stop is still pending, and would end the
         * next run. A run with a stop pending does nothing but take it. */
        sio_loop_stop(client->loop);
        (void)sio_loop_run(client->loop);
        client->has_thread = false;
        client->home->has_thread = false;
        client->home->running = false;
    }
}

/* ---- calls from other threads ---- */

typedef struct call {
    sio_client *client;
    void (*fn)(void *user);
    void (*drop)(void *user);
    void *user;
} call;

void sio_client_post_done(sio_client *client) {
    /* Read first: without anything posted, whoever frees the client may release it. */
    bool shared = client->shared;
    sio_client_loop *home = client->home;
    if (atomic_fetch_sub(&client->posts, 1) == 1 && shared && !sio_list_empty(&home->dead)) {
        sio_client_loop_bury_soon(home);
    }
}

static void run_call(void *arg, bool cancelled) {
    call self = *(call *)arg;
    void (*fn)(void *) = cancelled || self.client->dead ? self.drop : self.fn;
    sio_mem_release(self.client->mem, arg);
    if (fn) {
        fn(self.user);
    }
    if (!cancelled) {
        sio_client_post_done(self.client);
    }
}

int sio_client_post(sio_client *client, void (*fn)(void *user), void (*drop)(void *user),
                    void *user) {
    call *self = sio_mem_alloc(client->mem, sizeof(*self));
    if (!self) {
        return SIO_ERR_NOMEM;
    }
    *self = (call){client, fn, drop, user};
    atomic_fetch_add(&client->posts, 1);
    int rc = sio_loop_post(client->loop, run_call, self);
    if (rc != 0) {
        atomic_fetch_sub(&client->posts, 1);
        sio_mem_release(client->mem, self);
    }
    return rc;
}

/* ---- events ---- */

void sio_client_hand_out(sio_client *client, sio_event *event, const char *name) {
    sio_handler_walk walk;
    sio_handler handler;
    event->name = (sio_str){name, strlen(name)};
    if (!event->args) {
        event->args = client->home->no_args;
    }
    sio_client_enter(client);
    sio_handlers_begin(&walk, sio_handlers_named(&client->handlers, name, event->name.len));
    while (!client->dead && sio_handlers_next(&walk, &handler)) {
        ((sio_client_fn)handler.fn)(client, event, handler.user);
    }
    sio_handlers_end(&walk, &client->handlers);
    sio_client_leave(client);
}

int sio_client_on(sio_client *client, const char *event, sio_client_fn fn, void *user) {
    return sio_handlers_add(&client->handlers, event, (sio_handler_fn)fn, user, false);
}

int sio_client_once(sio_client *client, const char *event, sio_client_fn fn, void *user) {
    return sio_handlers_add(&client->handlers, event, (sio_handler_fn)fn, user, true);
}

void sio_client_off_event(sio_client *client, const char *event) {
    sio_handlers_remove_name(&client->handlers, event);
}

void sio_client_off_all(sio_client *client) {
    sio_handlers_remove_all(&client->handlers);
}

size_t sio_client_handler_count(const sio_client *client, const char *event) {
    return sio_handlers_count(&client->handlers, event);
}

int sio_client_off(sio_client *client, const char *event, sio_client_fn fn, void *user) {
    return sio_handlers_remove(&client->handlers, event, (sio_handler_fn)fn, user);
}

/* ---- what is known ---- */

const char *sio_client_transport(const sio_client *client) {
    return client->phase == SIO_CLIENT_OPEN
               ? sio_eio_transport_name(sio_cengine_transport(client->current->engine))
               : NULL;
}

uint32_t sio_client_kept(const sio_client *client, uint64_t *bytes) {
    if (bytes) {
        *bytes = client->buffered_bytes;
    }
    return client->buffered;
}

const char *sio_client_engine_id(const sio_client *client) {
    return client->phase == SIO_CLIENT_OPEN ? sio_cengine_id(client->current->engine) : "";
}

void sio_client_set_user(sio_client *client, void *user) {
    client->user = user;
}

void *sio_client_user(const sio_client *client) {
    return client->user;
}
