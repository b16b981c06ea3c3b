/* Events that other threads emit: encoded into arguments there, sent by the loop's thread. */
#include "socket.h"

#include "mem.h"

#include <string.h>

typedef struct sio_posted {
    sio_list link; /* in sio_client.posted, under post_lock */
    sio_client *client;
    sio_socket *socket;
    sio_args *args;
    const sio_mem *mem;
    sio_emit_options options;
    bool queued; /* it goes to the queue of retries, which then answers for it */
    bool ended;  /* under post_lock: its owner has been told that the client is gone */
    char event[];
} posted;

static bool take(posted *post) {
    sio_client *client = post->client;
    pthread_mutex_lock(&client->home->post_lock);
    bool ended = post->ended;
    if (!ended) {
        sio_list_remove(&post->link);
        client->posted_count--;
    }
    pthread_mutex_unlock(&client->home->post_lock);
    return !ended;
}

/* Handlers of what leaves may free the client, which then tells the owner. */
static void emit_posted(posted *post) {
    sio_socket *socket = post->socket;
    sio_client *client = socket->client;
    sio_client_enter(client);
    post->queued = socket->retries > 0 && !post->options.is_volatile;
    client->posting = post;
    int rc = sio_socket_emit_here(socket, post->event, post->args, &post->options);
    bool ours = client->posting == post;
    client->posting = NULL; /* first: its callbacks may free the client as well */
    if (rc != 0 && ours) {
        sio_socket_event_lost(socket, post->event, &post->options, rc);
    }
    sio_client_leave(client);
}

static void run(void *arg, bool cancelled) {
    posted *post = arg;
    sio_client *client = post->client;
    if (!cancelled && take(post)) {
        emit_posted(post);
    }
    sio_args_unref(post->args);
    sio_mem_release(post->mem, post);
    if (!cancelled) {
        sio_client_post_done(client);
    }
}

/* The memory stays with the loop, which hands it back when it runs or is freed; until then that of
 * the client stays too. */
void sio_client_end_posted(sio_client *client, int status) {
    struct sio_posted *posting = client->posting;
    client->posting = NULL;
    if (posting && !posting->queued) {
        sio_socket_event_lost(posting->socket, posting->event, &posting->options, status);
    }
    for (;;) {
        pthread_mutex_lock(&client->home->post_lock);
        sio_list *first = sio_list_shift(&client->posted);
        posted *post = first ? SIO_CONTAINER(first, posted, link) : NULL;
        if (post) {
            post->ended = true;
            client->posted_count--;
        }
        pthread_mutex_unlock(&client->home->post_lock);
        if (!post) {
            return;
        }
        sio_socket_event_lost(post->socket, post->event, &post->options, status);
    }
}

static int enlist(sio_client *client, posted *post) {
    pthread_mutex_lock(&client->home->post_lock);
    bool full = client->posted_count >= client->rules->options.max_buffered;
    if (!full) {
        sio_list_push(&client->posted, &post->link);
        client->posted_count++;
    }
    pthread_mutex_unlock(&client->home->post_lock);
    return full ? SIO_ERR_LIMIT : 0;
}

static posted *posted_new(sio_socket *socket, const char *event, sio_args *args,
                          const sio_emit_options *options) {
    const sio_mem *mem = socket->client->mem;
    size_t len = strlen(event) + 1;
    posted *post = sio_mem_zalloc(mem, sizeof(*post) + len);
    if (post) {
        post->client = socket->client;
        post->socket = socket;
        post->mem = mem;
        post->args = args;
        post->options = *options;
        memcpy(post->event, event, len);
        sio_list_init(&post->link);
    }
    return post;
}

int sio_socket_post(sio_socket *socket, const char *event, sio_args *args,
                    const sio_emit_options *options) {
    sio_client *client = socket->client;
    int rc = sio_event_name_check(event, client->mem);
    posted *post = rc == 0 ? posted_new(socket, event, args, options) : NULL;
    if (!post) {
        sio_args_unref(args);
        return rc != 0 ? rc : SIO_ERR_NOMEM;
    }
    rc = enlist(client, post);
    if (rc == 0) {
        atomic_fetch_add(&client->posts, 1);
        rc = sio_loop_post(client->loop, run, post);
        if (rc != 0) {
            atomic_fetch_sub(&client->posts, 1);
            (void)take(post);
        }
    }
    if (rc != 0) {
        sio_args_unref(args);
        sio_mem_release(client->mem, post);
    }
    return rc;
}

int sio_socket_post_emitf(sio_socket *socket, const char *event, const char *format, ...) {
    static const sio_emit_options defaults = SIO_EMIT_OPTIONS_INIT;
    sio_args *args = NULL;
    int rc = sio_args_new(&args, socket->client->mem);
    if (rc != 0) {
        return rc;
    }
    va_list values;
    va_start(values, format);
    rc = sio_args_vaddf(args, format, values);
    va_end(values);
    if (rc != 0) {
        sio_args_unref(args);
        return rc;
    }
    return sio_socket_post(socket, event, args, &defaults);
}
