/* What arrives on the connection, decoded and handed to its socket. */
#include "socket.h"

#include "mem.h"

/* What one large packet made larger is given back. */
enum { KEPT_TEXT = 64 << 10 };
enum { LOGGED_MAX = 900 };

/* What CONNECT carries are credentials, the token of recovery among them: it is not logged. */
static size_t logged_length(const char *text, size_t len) {
    size_t end = len < LOGGED_MAX ? len : LOGGED_MAX;
    if (len == 0 || text[0] != '0') {
        return end;
    }
    size_t at = 0;
    while (at < end && text[at] != '{' && text[at] != '?') {
        at++;
    }
    return at;
}

void sio_client_log_packet(const sio_client *client, const char *direction, bool binary,
                           sio_bytes data) {
    static const char scope[] = "socket.io-client:packet";
    if (binary) {
        SIO_LOG(client->log, SIO_LOG_DEBUG, scope, "%s %zu bytes", direction, data.len);
        return;
    }
    const char *text = (const char *)data.ptr;
    size_t shown = logged_length(text, data.len);
    SIO_LOG(client->log, SIO_LOG_DEBUG, scope, "%s %.*s%s", direction, (int)shown, text,
            shown < data.len ? "..." : "");
}

static void forget_all(sio_client *client, sio_str payload) {
    for (sio_list *at = client->sockets.next; at != &client->sockets && !client->dead;
         at = at->next) {
        sio_socket *socket = SIO_CONTAINER(at, sio_socket, link);
        if (socket->active && !socket->connected) {
            if (client->phase == SIO_CLIENT_OPEN) {
                sio_session_leave(&client->session, socket->slot);
            }
            sio_socket_refused(socket, payload);
        }
    }
}

static void on_refused(sio_client *client, const sio_session_action *action, sio_str payload) {
    if (action->user) {
        sio_socket_refused(action->user, payload);
    } else if (action->slot == SIO_SLOT_NONE) {
        forget_all(client, payload); /* protocol 4: an error on "/" concerns every namespace */
    }
}

/* What was given up while it was asked for has been accepted. */
static void leave_late(const sio_client *client, sio_str nsp) {
    sio_socket *socket = sio_socket_lookup(client, nsp.len > 0 ? nsp : SIO_STR("/"));
    if (socket) {
        sio_socket_send_disconnect(socket);
    }
}

static void on_packet(sio_client *client, const sio_packet *packet) {
    sio_session_action action;
    if (sio_session_receive(&client->session, packet, &action) != 0) {
        sio_manager_lose(client, "parse error", SIO_ERR_SIO_VIOLATION);
        return;
    }
    if (action.kind == SIO_SESSION_REFUSED) {
        on_refused(client, &action, packet->payload);
        return;
    }
    if (action.kind == SIO_SESSION_LEAVE) {
        leave_late(client, packet->nsp);
    }
    sio_socket *socket = action.user;
    if (!socket) {
        return;
    }
    switch (action.kind) {
    case SIO_SESSION_CONNECTED:
        sio_socket_accepted(socket, packet->payload);
        break;
    case SIO_SESSION_OLD_SERVER:
        sio_socket_connect_failed(socket, SIO_ERR_SIO_OLD_SERVER,
                                  sio_error_text(SIO_ERR_SIO_OLD_SERVER));
        break;
    case SIO_SESSION_EVENT:
        sio_socket_receive(socket, packet);
        break;
    case SIO_SESSION_EVENT_EARLY:
        sio_socket_keep_early(socket, packet);
        break;
    case SIO_SESSION_ACK:
        sio_socket_acknowledged(socket, packet);
        break;
    case SIO_SESSION_DISCONNECT:
        sio_socket_end(socket, "io server disconnect");
        break;
    case SIO_SESSION_LEAVE:
    case SIO_SESSION_ASK:
        sio_socket_authenticate(socket);
        break;
    default:
        break;
    }
}

void sio_client_receive(sio_client *client, bool binary, uint8_t *data, size_t len) {
    sio_packet packet;
    if (client->rules->options.log_packets) {
        sio_client_log_packet(client, "<", binary, (sio_bytes){data, len});
    }
    client->receiving = true;
    int rc = binary
                 ? sio_decoder_binary(&client->decoder, client->home->scratch, data, len, &packet)
                 : sio_decoder_text(&client->decoder, client->home->scratch, (const char *)data,
                                    len, &packet);
    if (rc == 1) {
        on_packet(client, &packet);
    } else if (rc < 0) {
        sio_manager_lose(client, "parse error", rc);
    }
    client->receiving = false;
    if (client->rules->decoded.cap > KEPT_TEXT) {
        sio_buf_free(&client->rules->decoded);
    }
    if (client->phase != SIO_CLIENT_OPEN) {
        sio_decoder_reset(&client->decoder); /* lost meanwhile */
    }
}
