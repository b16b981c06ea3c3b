/* The credentials of CONNECT: a value, or asked of the application for each connection. */
#include "socket.h"

#include "mem.h"

#include <string.h>

/* Belongs to the application until it has answered; it may outlive the socket. */
struct sio_auth_request {
    sio_socket *socket; /* NULL once the connection it was for is gone */
    sio_mem mem;
    bool has_mem;
};

/* ---- values ---- */

static int replace(const sio_mem *mem, char **out, const char *auth) {
    char *copy = NULL;
    if (auth) {
        int rc = sio_client_check_auth(auth);
        if (rc != 0) {
            return rc;
        }
        copy = sio_mem_strndup(mem, auth, strlen(auth));
        if (!copy) {
            return SIO_ERR_NOMEM;
        }
    }
    sio_mem_release(mem, *out);
    *out = copy;
    return 0;
}

int sio_socket_set_auth(sio_socket *socket, const char *auth) {
    int rc = replace(socket->client->mem, &socket->auth, auth);
    if (rc == 0) {
        socket->auth_fn = NULL;
    }
    return rc;
}

int sio_client_set_auth(sio_client *client, const char *auth) {
    int rc = replace(client->mem, &client->auth, auth);
    if (rc == 0) {
        client->auth_fn = NULL;
    }
    return rc;
}

void sio_socket_set_auth_fn(sio_socket *socket, sio_auth_fn fn, void *user) {
    socket->auth_fn = fn;
    socket->auth_user = user;
}

void sio_client_set_auth_fn(sio_client *client, sio_auth_fn fn, void *user) {
    client->auth_fn = fn;
    client->auth_user = user;
}

/* ---- asking ---- */

static void request_free(sio_auth_request *request) {
    sio_mem mem = request->mem;
    sio_mem_release(request->has_mem ? &mem : NULL, request);
}

/* The request is over; the socket it is for, or NULL. */
static sio_socket *request_end(sio_auth_request *request) {
    sio_socket *socket = request->socket;
    request_free(request);
    if (socket) {
        socket->asking = NULL;
    }
    return socket;
}

int sio_auth_answer(sio_auth_request *request, const char *auth) {
    int rc = auth ? sio_client_check_auth(auth) : 0;
    if (rc != 0) {
        return rc;
    }
    sio_socket *socket = request_end(request);
    if (!socket) {
        return SIO_ERR_DISCONNECTED;
    }
    sio_client *client = socket->client;
    const char *text = auth ? auth + strspn(auth, " \t\r\n") : NULL;
    sio_client_enter(client);
    sio_socket_send_connect(socket, (sio_str){text, text ? strlen(text) : 0});
    sio_client_leave(client);
    return 0;
}

int sio_auth_fail(sio_auth_request *request, const char *message) {
    sio_socket *socket = request_end(request);
    if (!socket) {
        return SIO_ERR_DISCONNECTED;
    }
    sio_client *client = socket->client;
    sio_client_enter(client);
    sio_socket_give_up(socket, SIO_ERR_SIO_AUTH,
                       message ? message : sio_error_text(SIO_ERR_SIO_AUTH));
    sio_client_leave(client);
    return 0;
}

static void ask(sio_socket *socket, sio_auth_fn fn, void *user) {
    const sio_mem *mem = socket->client->mem;
    sio_auth_request *request = sio_mem_zalloc(mem, sizeof(*request));
    if (!request) {
        sio_socket_give_up(socket, SIO_ERR_NOMEM, sio_error_text(SIO_ERR_NOMEM));
        return;
    }
    request->socket = socket;
    request->has_mem = mem != NULL;
    if (mem) {
        request->mem = *mem;
    }
    socket->asking = request;
    fn(socket, request, user);
}

void sio_socket_authenticate(sio_socket *socket) {
    const sio_client *client = socket->client;
    if (socket->auth_fn) {
        ask(socket, socket->auth_fn, socket->auth_user);
    } else if (!socket->auth && client->auth_fn) {
        ask(socket, client->auth_fn, client->auth_user);
    } else {
        const char *auth = socket->auth ? socket->auth : client->auth;
        auth = auth ? auth + strspn(auth, " \t\r\n") : NULL;
        sio_socket_send_connect(socket, (sio_str){auth, auth ? strlen(auth) : 0});
    }
}

void sio_socket_forget_auth(sio_socket *socket) {
    if (socket->asking) {
        socket->asking->socket = NULL;
        socket->asking = NULL;
    }
}
