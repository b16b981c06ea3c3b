#include "socket.h"

#include "options.h"

#include "mem.h"

#include <string.h>

/* ---- life ---- */

sio_socket *sio_socket_lookup(const sio_client *client, sio_str nsp) {
    return sio_table_get(&client->by_nsp, nsp.ptr, nsp.len);
}

static sio_socket *socket_alloc(sio_client *client, const char *nsp) {
    size_t slash = nsp[0] == '/' ? 0 : 1;
    size_t len = strlen(nsp) + slash;
    if (len >= UINT32_MAX) {
        return NULL;
    }
    sio_socket *socket = sio_mem_zalloc(client->mem, sizeof(*socket) + len + 1);
    if (!socket) {
        return NULL;
    }
    socket->client = client;
    socket->slot = SIO_SLOT_NONE;
    socket->nsp_len = (uint32_t)len;
    socket->nsp[0] = '/';
    memcpy(socket->nsp + slash, nsp, len + 1 - slash);
    sio_list_init(&socket->link);
    sio_list_init(&socket->outgoing);
    sio_list_init(&socket->early);
    sio_list_init(&socket->retry_queue);
    socket->retries = client->rules->options.retries;
    sio_socket_set_ack_timeout(socket, client->rules->options.ack_timeout_ms);
    sio_recovery_init(&socket->recovery, client->mem);
    sio_ack_table_init(&socket->acks, client->rules->options.max_pending_acks, client->mem);
    return socket;
}

static int socket_init(sio_socket *socket) {
    sio_client *client = socket->client;
    int rc = sio_handlers_init(&socket->handlers, client->loop);
    if (rc == 0) {
        rc = sio_timer_init(&socket->ack_timer, client->loop, sio_socket_ack_timeout, socket);
    }
    if (rc == 0) {
        rc = sio_table_put(&client->by_nsp, socket->nsp, socket->nsp_len, socket);
    }
    return rc;
}

static void early_free(sio_socket *socket, sio_early *early) {
    sio_list_remove(&early->link);
    sio_args_unref(early->args);
    sio_mem_release(socket->client->mem, early);
    socket->client->buffered--;
}

static void early_forget(sio_socket *socket) {
    while (!sio_list_empty(&socket->early)) {
        early_free(socket, SIO_CONTAINER(socket->early.next, sio_early, link));
    }
}

void sio_socket_free(sio_socket *socket) {
    const sio_mem *mem = socket->client->mem;
    early_forget(socket);
    sio_weak_end(&socket->ack_owner);
    sio_socket_forget_auth(socket);
    sio_socket_end_kept(socket, SIO_ERR_DISCONNECTED);
    sio_list_remove(&socket->link);
    sio_handlers_done(&socket->handlers);
    if (socket->outgoing_handlers) {
        sio_handlers_done(socket->outgoing_handlers);
        sio_mem_release(mem, socket->outgoing_handlers);
    }
    sio_timer_done(&socket->ack_timer);
    sio_ack_table_free(&socket->acks);
    sio_recovery_free(&socket->recovery);
    sio_mem_release(mem, socket->auth);
    sio_mem_release(mem, socket->id);
    sio_mem_release(mem, socket);
}

sio_socket *sio_client_socket(sio_client *client, const char *nsp) {
    sio_socket *socket = NULL;
    if (nsp) {
        socket = socket_alloc(client, nsp);
    } else {
        sio_str own = sio_client_url(client).path;
        char *path = sio_mem_strndup(client->mem, own.ptr, own.len);
        socket = path ? socket_alloc(client, path) : NULL;
        sio_mem_release(client->mem, path);
    }
    if (!socket) {
        return NULL;
    }
    sio_str full = {socket->nsp, socket->nsp_len};
    sio_socket *present = sio_socket_lookup(client, full);
    if (present || !sio_nsp_is_valid(full) || socket_init(socket) != 0) {
        sio_socket_free(socket);
    } else {
        sio_list_push(&client->sockets, &socket->link);
        present = socket;
    }
    if (present && !client->rules->options.no_auto_connect) {
        (void)sio_socket_connect(present);
    }
    return present;
}

/* ---- connecting ---- */

static int write_connect(sio_socket *socket, sio_str auth) {
    sio_client *client = socket->client;
    sio_buf payload;
    sio_buf *buf = NULL;
    sio_buf_init(&payload, 0, client->mem);
    int rc = 0;
    if (client->rules->options.eio_version == 4) {
        rc = sio_recovery_auth(&socket->recovery, auth, &payload);
    }
    if (rc == 0) {
        rc = sio_socket_packet_begin(socket, &buf);
    }
    if (rc == 0) {
        rc = sio_parser_encode_connect(client->rules->options.parser, buf,
                                       (sio_str){socket->nsp, socket->nsp_len}, (sio_str){NULL, 0},
                                       (sio_str){(const char *)payload.data, payload.len});
    }
    if (rc == 0) {
        rc = sio_socket_packet_send(socket, SIO_EIO_COMPRESS);
    }
    sio_buf_free(&payload);
    return rc;
}

void sio_socket_send_connect(sio_socket *socket, sio_str auth) {
    sio_client *client = socket->client;
    int rc = write_connect(socket, auth);
    if (rc == 0) {
        socket->asked = true;
        return;
    }
    sio_socket_connect_failed(socket, rc, sio_error_text(rc));
    /* Nothing was sent, so no answer would ever come: the next connection asks again. */
    if (client->phase == SIO_CLIENT_OPEN) {
        sio_cengine_fail(client->current->engine, rc);
    }
}

void sio_socket_ask(sio_socket *socket) {
    sio_client *client = socket->client;
    sio_str nsp = {socket->nsp, socket->nsp_len};
    int opening = sio_session_open(&client->session, nsp, socket, &socket->slot);
    if (opening == SIO_OPENING_SEND) {
        sio_socket_authenticate(socket);
    } else if (opening == SIO_OPENING_CONNECTED) {
        sio_socket_accepted(socket, (sio_str){NULL, 0});
    } else if (opening < 0 && opening != SIO_ERR_EXISTS) {
        /* The next connection would not do better. */
        sio_socket_give_up(socket, opening, sio_error_text(opening));
    }
}

int sio_socket_connect(sio_socket *socket) {
    sio_client *client = socket->client;
    if (socket->active) {
        if (!socket->connected) {
            sio_manager_want(client);
        }
        return 0;
    }
    socket->active = true;
    sio_client_enter(client);
    if (client->phase == SIO_CLIENT_OPEN) {
        sio_socket_ask(socket);
    } else {
        sio_manager_want(client);
    }
    sio_client_leave(client);
    return 0;
}

/* In protocol 4 the server sends no id: it is made from that of the connection. */
static char *old_id(const sio_socket *socket) {
    sio_client *client = socket->client;
    const char *sid = sio_cengine_id(client->current->engine);
    sio_buf id;
    sio_buf_init(&id, 0, client->mem);
    int rc = 0;
    if (socket->nsp_len > 1) {
        rc = sio_buf_add(&id, socket->nsp, socket->nsp_len);
        rc = rc != 0 ? rc : sio_buf_add_byte(&id, '#');
    }
    rc = rc != 0 ? rc : sio_buf_add(&id, sid, strlen(sid) + 1);
    if (rc != 0) {
        sio_buf_free(&id);
    }
    return (char *)id.data;
}

/* What CONNECT said. Errors: SIO_ERR_SIO_PAYLOAD, SIO_ERR_NOMEM. */
static int take_reply(sio_socket *socket, sio_str payload) {
    sio_client *client = socket->client;
    sio_connect_reply reply = {{NULL, 0}, {NULL, 0}};
    sio_buf text;
    sio_buf_init(&text, 4096, client->mem);
    int rc = payload.len == 0 ? 0 : sio_connect_reply_parse(payload, &text, &reply);
    if (rc == 0) {
        socket->id = reply.sid.len ? sio_mem_strndup(client->mem, reply.sid.ptr, reply.sid.len)
                                   : old_id(socket);
        rc = socket->id ? sio_recovery_connected(&socket->recovery, reply.pid) : SIO_ERR_NOMEM;
    }
    if (rc >= 0) {
        socket->recovered = rc == 1;
        rc = 0;
    } else {
        sio_mem_release(client->mem, socket->id);
        socket->id = NULL;
    }
    sio_buf_free(&text);
    return rc;
}

static void replay_early(sio_socket *socket) {
    while (socket->connected && !sio_list_empty(&socket->early)) {
        sio_early *early = SIO_CONTAINER(socket->early.next, sio_early, link);
        sio_packet packet = {.type = SIO_PACKET_EVENT,
                             .args = early->args,
                             .has_id = early->has_id,
                             .id = early->id};
        early->args = NULL;
        early_free(socket, early);
        sio_socket_receive(socket, &packet);
        sio_args_unref(packet.args);
        if (socket->client->dead) {
            return;
        }
    }
}

void sio_socket_accepted(sio_socket *socket, sio_str payload) {
    sio_client *client = socket->client;
    int rc = take_reply(socket, payload);
    if (rc != 0) {
        sio_manager_lose(client, "parse error", rc);
        return;
    }
    socket->asked = false;
    socket->connected = true;
    replay_early(socket);
    if (socket->connected && !client->dead) {
        sio_socket_flush(socket);
    }
    if (socket->connected && !client->dead) {
        sio_event event = {
            .size = sizeof(event), .name = SIO_STR("connect"), .args = client->home->no_args};
        sio_socket_hand_out(socket, &event);
    }
}

/* ---- not connecting ---- */

void sio_socket_connect_failed(sio_socket *socket, int err, const char *message) {
    sio_event event = {.size = sizeof(event),
                       .name = SIO_STR("connect_error"),
                       .args = socket->client->home->no_args,
                       .status = err,
                       .reason = message};
    sio_socket_hand_out(socket, &event);
}

void sio_socket_give_up(sio_socket *socket, int err, const char *message) {
    sio_client *client = socket->client;
    if (client->phase == SIO_CLIENT_OPEN && socket->slot != SIO_SLOT_NONE) {
        (void)sio_session_leave(&client->session, socket->slot);
    }
    socket->active = false;
    socket->asked = false;
    socket->slot = SIO_SLOT_NONE;
    sio_socket_forget_auth(socket);
    early_forget(socket);
    sio_manager_release(client);
    if (!client->dead) {
        sio_socket_connect_failed(socket, err, message);
    }
}

void sio_socket_refused(sio_socket *socket, sio_str payload) {
    sio_client *client = socket->client;
    sio_connect_error error;
    sio_buf text;
    sio_buf_init(&text, 0, client->mem);
    socket->active = false;
    socket->asked = false;
    socket->slot = SIO_SLOT_NONE;
    early_forget(socket);
    /* The payload lies in the connection's memory, which the next line may give up. */
    int rc = sio_connect_error_parse(payload, &text, &error);
    sio_manager_release(client);
    /* Nothing forbids a server to refuse what it has accepted before: that is an end as well. */
    sio_socket_lost(socket, "io server disconnect", SIO_ERR_SIO_REFUSED);
    sio_event event = {.size = sizeof(event),
                       .name = SIO_STR("connect_error"),
                       .args = client->home->no_args,
                       .status = SIO_ERR_SIO_REFUSED,
                       .reason = rc == 0 ? error.message : sio_error_text(rc),
                       .data = rc == 0 ? error.data : (sio_str){NULL, 0}};
    if (!client->dead) {
        sio_socket_hand_out(socket, &event);
    }
    sio_buf_free(&text);
}

void sio_socket_lost(sio_socket *socket, const char *reason, int err) {
    sio_client *client = socket->client;
    sio_socket_forget_auth(socket);
    socket->asked = false;
    socket->slot = SIO_SLOT_NONE;
    /* The next connection sends what was missed again; the ids belonged to this one. */
    early_forget(socket);
    if (!socket->connected) {
        return;
    }
    socket->connected = false;
    sio_weak_end(&socket->ack_owner);
    sio_mem_release(client->mem, socket->id);
    socket->id = NULL;
    sio_event event = {.size = sizeof(event),
                       .name = SIO_STR("disconnect"),
                       .args = client->home->no_args,
                       .status = err,
                       .reason = reason};
    sio_socket_hand_out(socket, &event);
    if (!client->dead) {
        sio_socket_end_acks(socket, false);
    }
}

void sio_socket_end(sio_socket *socket, const char *reason) {
    socket->active = false;
    sio_manager_release(socket->client);
    if (!socket->client->dead) {
        sio_socket_lost(socket, reason, 0);
    }
}

void sio_socket_send_disconnect(sio_socket *socket) {
    sio_buf *buf = NULL;
    if (sio_socket_packet_begin(socket, &buf) == 0 &&
        sio_parser_encode_disconnect(socket->client->rules->options.parser, buf,
                                     (sio_str){socket->nsp, socket->nsp_len}) == 0) {
        (void)sio_socket_packet_send(socket, SIO_EIO_COMPRESS);
    }
}

static void leave_namespace(sio_socket *socket) {
    sio_client *client = socket->client;
    if (client->phase != SIO_CLIENT_OPEN || socket->slot == SIO_SLOT_NONE) {
        return;
    }
    if (socket->asked) {
        (void)sio_session_abandon(&client->session, socket->slot);
        return;
    }
    if (socket->connected) {
        sio_socket_send_disconnect(socket);
    }
    (void)sio_session_leave(&client->session, socket->slot);
}

void sio_socket_disconnect(sio_socket *socket) {
    sio_client *client = socket->client;
    if (!socket->active) {
        return;
    }
    sio_client_enter(client);
    leave_namespace(socket);
    sio_socket_end(socket, "io client disconnect");
    sio_client_leave(client);
}

/* ---- receiving ---- */

static int ack_send(void *owner, uint64_t id, const sio_args *args) {
    sio_socket *socket = ((sio_weak *)owner)->object;
    sio_buf *buf = NULL;
    if (!socket) {
        return SIO_ERR_DISCONNECTED;
    }
    sio_packet_head head = {
        .type = SIO_PACKET_ACK, .has_id = true, .id = id, .nsp = {socket->nsp, socket->nsp_len}};
    int rc = sio_socket_packet_begin(socket, &buf);
    if (rc == 0) {
        rc = sio_parser_encode(socket->client->rules->options.parser, buf, &head,
                               (sio_str){NULL, 0}, args, (sio_str){NULL, 0});
    }
    if (rc == 0) {
        rc = sio_socket_packet_send(socket, SIO_EIO_COMPRESS);
    }
    if (rc == 0) {
        rc = sio_socket_send_attachments(socket, args, SIO_EIO_COMPRESS);
    }
    return rc;
}

static const sio_ack_source ack_source = {ack_send, sio_weak_ref, sio_weak_unref};

static void deliver(sio_socket *socket, const sio_packet *packet, sio_ack *ack) {
    sio_event event = {.size = sizeof(event),
                       .name = sio_args_name(packet->args),
                       .args = packet->args,
                       .ack = ack};
    sio_socket_hand_out_any(socket, &event);
    if (!socket->client->dead) {
        sio_socket_hand_out(socket, &event);
    }
    if (!socket->client->dead) {
        sio_recovery_event(&socket->recovery, packet->args, packet->has_id);
    }
}

void sio_socket_receive(sio_socket *socket, const sio_packet *packet) {
    if (!packet->has_id) {
        deliver(socket, packet, NULL);
        return;
    }
    sio_weak *owner = sio_weak_get(&socket->ack_owner, socket, socket->client->mem);
    if (!owner) {
        sio_manager_lose(socket->client, "transport error", SIO_ERR_NOMEM);
        return;
    }
    sio_ack ack;
    sio_weak_ref(owner);
    sio_ack_begin(&ack, &ack_source, owner, packet->id, sio_weak_mem(owner));
    deliver(socket, packet, &ack);
    sio_ack_end(&ack);
    sio_weak_unref(owner);
}

void sio_socket_keep_early(sio_socket *socket, const sio_packet *packet) {
    sio_client *client = socket->client;
    sio_early *early = NULL;
    if (client->buffered < client->rules->options.max_buffered) {
        early = sio_mem_zalloc(client->mem, sizeof(*early));
    }
    if (!early || sio_args_ref(&early->args, packet->args) != 0) {
        sio_mem_release(client->mem, early);
        sio_manager_lose(client, "transport error", SIO_ERR_LIMIT);
        return;
    }
    early->has_id = packet->has_id;
    early->id = packet->id;
    sio_list_init(&early->link);
    sio_list_push(&socket->early, &early->link);
    client->buffered++;
}

/* ---- what is known ---- */

const char *sio_socket_namespace(const sio_socket *socket) {
    return socket->nsp;
}

sio_client *sio_socket_client(const sio_socket *socket) {
    return socket->client;
}

const char *sio_socket_id(const sio_socket *socket) {
    return socket->id ? socket->id : "";
}

bool sio_socket_connected(const sio_socket *socket) {
    return socket->connected;
}

bool sio_socket_active(const sio_socket *socket) {
    return socket->active;
}

bool sio_socket_recovered(const sio_socket *socket) {
    return socket->recovered;
}

void sio_socket_set_user(sio_socket *socket, void *user) {
    socket->user = user;
}

void *sio_socket_user(const sio_socket *socket) {
    return socket->user;
}
