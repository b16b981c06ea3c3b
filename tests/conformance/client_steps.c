#include "client_steps.h"

#include <stdlib.h>
#include <string.h>

/* ---- from the first word to the last ------------------------------------------------------- */

sio_socket *connected(struct run *run) {
    sio_socket *socket = open_socket(run, "/");
    record_free(await(run, socket, "connect"));
    return socket;
}

void call(struct run *run, sio_socket *socket, const char *event, const char *args,
          const char *answer) {
    sio_args *list = args_of(args);
    sio_emit_options options = SIO_EMIT_OPTIONS_INIT;
    options.on_ack = on_reply;
    options.user = run;
    check(sio_socket_emit(socket, event, list, &options), event);
    sio_args_unref(list);
    expect_ack(run, answer);
}

void finish(struct run *run, sio_socket *socket, const char *done_args) {
    if (done_args != NULL) {
        sio_args *list = args_of(done_args);
        check(sio_socket_emit(socket, "done", list, NULL), "done");
        sio_args_unref(list);
    }
    struct record *bye = await(run, socket, "bye");
    if (run->bye != NULL) {
        expect_args(bye, run->bye);
    }
    record_free(bye);
    leave(run, socket);
}

/* ---- what connections are called, and their ends ------------------------------------------- */

char *id_of(const sio_socket *socket) {
    char *id = strdup(sio_socket_id(socket));
    check(id == NULL || id[0] == '\0' ? SIO_ERR_INVALID : 0, "id");
    return id;
}

void expect_other_id(const sio_socket *socket, char *before) {
    if (strcmp(sio_socket_id(socket), before) == 0) {
        fail("the id is the same as before");
    }
    free(before);
}

void expect_loss(struct run *run, sio_socket *socket) {
    struct record *gone = await(run, socket, "disconnect");
    if (strcmp(gone->reason, "transport close") != 0 &&
        strcmp(gone->reason, "transport error") != 0) {
        fail("disconnect: %s", gone->reason);
    }
    record_free(gone);
}

void expect_failure(struct run *run, sio_socket *socket) {
    struct record *error = await(run, socket, "connect_error");
    if (error->status == 0 || error->reason[0] == '\0') {
        fail("connect_error: status %d, reason '%s'", error->status, error->reason);
    }
    record_free(error);
}

void expect_no_attempt(const struct run *run, const sio_socket *socket) {
    if (sio_socket_active(socket) || run->attempts != 0) {
        fail("the library tries to reconnect");
    }
}

/* ---- namespaces, credentials --------------------------------------------------------------- */

const char *const namespace_names[3] = {"/", "/a", "/b"};
const char *const namespace_args[3] = {"\"/\"", "\"/a\"", "\"/b\""};

void open_namespaces(struct run *run, struct namespaces *all) {
    for (int i = 0; i < 3; i++) {
        all->known[i] = open_socket(run, namespace_names[i]);
    }
    all->nope = open_socket(run, "/nope");
    all->denied = open_socket(run, "/denied");
}

void expect_one_connection(const struct run *run, const struct namespaces *all) {
    if (run->opens != 1 || sio_socket_active(all->nope) || sio_socket_active(all->denied)) {
        fail("%d connections, or a refused socket is active", (int)run->opens);
    }
}

sio_socket *open_unauthorized(struct run *run) {
    static const sio_client_header header = {"X-Token", "abc"};
    run->options.path = "/custom/path/";
    run->options.query = "room=42&x=a%26b";
    run->options.headers = &header;
    run->options.header_count = 1;
    run->options.auth = "{\"token\":\"bad\"}";
    sio_socket *socket = open_socket(run, "/");
    expect_refusal(run, socket, "unauthorized", "{\"code\":401}");
    return socket;
}

/* ---- much ---------------------------------------------------------------------------------- */

void exchange_big(struct run *run, sio_socket *socket, size_t letters, size_t bytes) {
    char *text = malloc(2 * letters);
    uint8_t *blob = malloc(bytes);
    check(text == NULL || blob == NULL ? SIO_ERR_NOMEM : 0, "memory");
    for (size_t i = 0; i < letters; i++) {
        memcpy(text + 2 * i, "é", 2);
    }
    for (size_t i = 0; i < bytes; i++) {
        blob[i] = (uint8_t)(7 * i);
    }
    struct record *big = await(run, socket, "big");
    sio_str got_text = sio_args_str(big->args, 0);
    sio_bytes got_blob = sio_args_binary(big->args, 1);
    if (sio_args_count(big->args) != 2 || got_text.len != 2 * letters ||
        memcmp(got_text.ptr, text, got_text.len) != 0 || got_blob.len != bytes ||
        memcmp(got_blob.ptr, blob, got_blob.len) != 0) {
        fail("big: %zu and %zu bytes, or others than expected", got_text.len, got_blob.len);
    }
    record_free(big);
    check(sio_socket_emitf(socket, "big-back", "S B", text, 2 * letters, blob, bytes), "big-back");
    free(text);
    free(blob);
}

void expect_down(const struct run *run, int count) {
    if (run->down_next != count || run->down_wrong != 0) {
        fail("%d of %d came, %d out of order", (int)run->down_next, count, (int)run->down_wrong);
    }
}

/* ---- scenarios ----------------------------------------------------------------------------- */

void play_maxpayload(struct run *run) {
    char text[1001] = "";
    sio_socket *socket = connected(run);
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 50; i++) {
        check(sio_socket_emitf(socket, "item", "i s", i, text), "item");
    }
    finish(run, socket, "");
}

void play_upgrade(struct run *run) {
    sio_socket *socket = connected(run);
    expect(run, socket, "transport", "\"websocket\"");
    if (strcmp(sio_client_transport(run->client), "websocket") != 0) {
        fail("the client does not know that it uses WebSocket");
    }
    finish(run, socket, "");
}
