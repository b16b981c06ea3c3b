/* Events that are sent again until they are acknowledged: at least once, in order, one at a time.
 */
#include "socket.h"

#include "mem.h"

#include <string.h>

/* Without a limit of time nothing would ever be sent again. */
enum { DEFAULT_ACK_TIMEOUT_MS = 10000 };

typedef struct sio_retry {
    sio_list link; /* in sio_socket.retry_queue; only the head is ever in flight */
    sio_socket *socket;
    sio_args *args;
    sio_emit_options options; /* the owner's */
    uint32_t tries;
    uint64_t ack_id; /* of the try in flight */
    bool in_flight;
    char event[];
} sio_retry;

static void entry_free(sio_retry *entry) {
    const sio_mem *mem = entry->socket->client->mem;
    sio_list_remove(&entry->link);
    entry->socket->retry_count--;
    sio_args_unref(entry->args);
    sio_mem_release(mem, entry);
}

/* It is over: the owner is told. */
static void entry_end(sio_retry *entry, const sio_event *reply) {
    sio_socket *socket = entry->socket;
    sio_emit_options options = entry->options;
    if (reply->status != SIO_OK) {
        sio_list_remove(&entry->link); /* before the callbacks, which may look at the queue */
        sio_socket_event_lost(socket, entry->event, &options, reply->status);
        entry_free(entry);
        return;
    }
    entry_free(entry);
    if (options.on_ack) {
        options.on_ack(reply, options.user);
    }
}

static void entry_fail(sio_retry *entry, int status) {
    sio_event reply = {
        .size = sizeof(reply), .args = entry->socket->client->home->no_args, .status = status};
    entry_end(entry, &reply);
}

static void on_reply(const sio_event *reply, void *user) {
    sio_retry *entry = user;
    sio_socket *socket = entry->socket;
    sio_client *client = socket->client;
    entry->in_flight = false;
    sio_client_enter(client);
    if (reply->status == SIO_OK || client->dead || entry->tries > socket->retries) {
        entry_end(entry, reply);
    }
    sio_socket_retry(socket);
    sio_client_leave(client);
}

static int try_now(sio_retry *entry) {
    sio_socket *socket = entry->socket;
    sio_emit_options options = entry->options;
    options.on_ack = on_reply;
    options.user = entry;
    if (options.timeout_ms == 0 && socket->ack_timeout_ms == 0) {
        options.timeout_ms = DEFAULT_ACK_TIMEOUT_MS;
    }
    entry->in_flight = true;
    int rc = sio_socket_emit_now(socket, entry->event, entry->args, &options, &entry->ack_id);
    if (socket->client->dead) {
        return rc; /* the entry went with it */
    }
    if (rc != 0) {
        entry->in_flight = false;
    } else if (entry->tries < UINT32_MAX) {
        entry->tries++;
    }
    return rc;
}

/* What passes by itself: it is tried again when the connection has written, or is made anew. */
static bool is_passing(const sio_socket *socket, int err) {
    if (err == SIO_ERR_EIO_QUEUE_FULL) {
        /* An idle connection whose queue cannot hold the event never will. */
        return !sio_cengine_writable(socket->client->current->engine);
    }
    return err == SIO_ERR_DISCONNECTED || err == SIO_ERR_LIMIT;
}

void sio_socket_retry(sio_socket *socket) {
    sio_client *client = socket->client;
    if (socket->retrying) {
        return;
    }
    socket->retrying = true;
    sio_client_enter(client);
    while (!client->dead && !sio_list_empty(&socket->retry_queue) && sio_socket_can_send(socket)) {
        sio_retry *head = SIO_CONTAINER(socket->retry_queue.next, sio_retry, link);
        int rc = head->in_flight ? 0 : try_now(head);
        if (rc == 0 || client->dead || is_passing(socket, rc)) {
            break;
        }
        entry_fail(head, rc);
    }
    socket->retrying = false;
    sio_client_leave(client);
}

static sio_retry *entry_new(sio_socket *socket, const char *event, const sio_args *args,
                            const sio_emit_options *options) {
    const sio_mem *mem = socket->client->mem;
    size_t len = strlen(event) + 1;
    sio_retry *entry = sio_mem_zalloc(mem, sizeof(*entry) + len);
    if (!entry) {
        return NULL;
    }
    entry->socket = socket;
    entry->options = *options;
    memcpy(entry->event, event, len);
    sio_list_init(&entry->link);
    if (args &&
        (sio_args_new(&entry->args, mem) != 0 || sio_args_add_all(entry->args, args) != 0)) {
        sio_args_unref(entry->args);
        sio_mem_release(mem, entry);
        return NULL;
    }
    return entry;
}

int sio_socket_enqueue(sio_socket *socket, const char *event, const sio_args *args,
                       const sio_emit_options *options) {
    sio_client *client = socket->client;
    int rc = sio_event_name_check(event, client->mem);
    if (rc != 0) {
        return rc;
    }
    if (options->on_sent) {
        return SIO_ERR_INVALID;
    }
    if (socket->retry_count >= client->rules->options.max_retry_queue) {
        return SIO_ERR_LIMIT;
    }
    sio_retry *entry = entry_new(socket, event, args, options);
    if (!entry) {
        return SIO_ERR_NOMEM;
    }
    sio_list_push(&socket->retry_queue, &entry->link);
    socket->retry_count++;
    sio_socket_retry(socket);
    return 0;
}

void sio_socket_end_queue(sio_socket *socket, int status) {
    uint32_t left = socket->retry_count; /* what the callbacks emit comes later */
    while (left-- > 0 && !sio_list_empty(&socket->retry_queue)) {
        sio_retry *head = SIO_CONTAINER(socket->retry_queue.next, sio_retry, link);
        sio_ack_entry ack;
        if (head->in_flight) {
            sio_socket_drop_kept(socket, head->ack_id, status);
            (void)sio_ack_table_take(&socket->acks, head->ack_id, &ack);
        }
        entry_fail(head, status);
    }
}

void sio_socket_clear_queue(sio_socket *socket) {
    sio_client *client = socket->client;
    if (socket->retrying) {
        return;
    }
    sio_client_enter(client);
    sio_socket_end_queue(socket, SIO_ERR_DISCARDED);
    sio_client_leave(client);
}

uint32_t sio_socket_queue_length(const sio_socket *socket) {
    return socket->retry_count;
}

void sio_socket_set_retries(sio_socket *socket, uint32_t retries) {
    socket->retries = retries;
}

void sio_socket_set_ack_timeout(sio_socket *socket, uint32_t timeout_ms) {
    socket->ack_timeout_ms = timeout_ms == SIO_EMIT_NO_TIMEOUT ? 0 : timeout_ms;
}
