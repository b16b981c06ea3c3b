/* Two bytes for each step: what happens, and to which namespace or slot. Whatever the peer sends
 * and the application does, the table stays consistent. Bit 0 of the first byte chooses the role,
 * bit 1 protocol 4. */
#include "require.h"

#include <sio/session.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_CONNECTED = 5, MAX_PENDING = 3, NAMES = 12 };

static sio_str name_of(uint8_t byte) {
    static const char *const names[NAMES] = {"/",    "/a", "/b",  "/c",   "/dd",      "/ee",
                                             "/fff", "/g", "/hh", "/i?x", "/\001bad", "/jj"};
    const char *name = names[byte % NAMES];
    size_t len = 0;
    while (name[len] != '\0') {
        len++;
    }
    return (sio_str){name, len};
}

static void check(const sio_session *session) {
    unsigned connected = 0, pending = 0;
    uint16_t slot = SIO_SLOT_NONE;
    while ((slot = sio_session_next(session, slot)) != SIO_SLOT_NONE) {
        connected += sio_session_is_connected(session, slot);
        pending += sio_session_is_pending(session, slot);
        REQUIRE(sio_session_is_connected(session, slot) != sio_session_is_pending(session, slot));
        REQUIRE(sio_session_find(session, sio_session_nsp(session, slot)) == slot);
    }
    REQUIRE(connected == session->connected && connected <= MAX_CONNECTED);
    /* What was given up counts until its answer. */
    REQUIRE(pending <= session->pending && session->pending <= MAX_PENDING);
    REQUIRE(session->slot_count <= MAX_CONNECTED + MAX_PENDING);
}

static void receive(sio_session *session, sio_packet_type type, uint8_t which, bool has_sid) {
    sio_packet packet = {.type = type, .nsp = name_of(which)};
    if (has_sid) {
        packet.payload = SIO_STR("{\"sid\":\"abc\"}");
    }
    uint16_t before = sio_session_find(session, packet.nsp);
    void *user = sio_session_user(session, before);
    sio_session_action action;
    int rc = sio_session_receive(session, &packet, &action);
    if (rc != 0) {
        REQUIRE(rc == SIO_ERR_SIO_VIOLATION && session->options->role == SIO_ROLE_SERVER);
        return;
    }
    bool ends = action.kind == SIO_SESSION_DISCONNECT ||
                (action.kind == SIO_SESSION_REFUSED && action.slot != SIO_SLOT_NONE);
    if (ends) {
        REQUIRE(action.slot == before && action.user == user);
        REQUIRE(sio_session_find(session, packet.nsp) == SIO_SLOT_NONE);
    }
    if (action.kind == SIO_SESSION_EVENT) {
        REQUIRE(sio_session_is_connected(session, action.slot) && action.user == user);
    }
    bool awaits = action.kind == SIO_SESSION_LEAVE || action.kind == SIO_SESSION_ASK;
    if (action.kind == SIO_SESSION_CONNECT || (awaits && action.slot != SIO_SLOT_NONE)) {
        REQUIRE(sio_session_is_pending(session, action.slot));
    }
    REQUIRE(action.kind != SIO_SESSION_ASK || action.slot != SIO_SLOT_NONE);
}

static void step(sio_session *session, uint8_t what, uint8_t which) {
    uint16_t slot = which;
    switch (what % 12) {
    case 5:
        (void)sio_session_accept(session, slot, session);
        break;
    case 6:
        (void)sio_session_refuse(session, slot);
        break;
    case 7:
        (void)sio_session_leave(session, slot);
        break;
    case 8:
        (void)sio_session_open(session, name_of(which), session, &slot);
        break;
    case 9:
        (void)sio_session_connect_implicit(session, name_of(which), &slot);
        break;
    case 10:
        sio_session_set_user(session, slot, &session->first);
        break;
    case 11:
        (void)sio_session_abandon(session, slot);
        break;
    default:
        receive(session, (sio_packet_type)(what % 12), which, (what & 0x80) != 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.max_connected = MAX_CONNECTED;
    options.max_pending = MAX_PENDING;
    if (size == 0) {
        return 0;
    }
    options.role = (data[0] & 1) != 0 ? SIO_ROLE_CLIENT : SIO_ROLE_SERVER;
    options.protocol = (data[0] & 2) != 0 ? 4 : 5;
    sio_session session;
    REQUIRE(sio_session_init(&session, &options, 0) == 0);
    for (size_t i = 1; i + 1 < size; i += 2) {
        step(&session, data[i], data[i + 1]);
        check(&session);
    }
    sio_session_free(&session);
    return 0;
}
