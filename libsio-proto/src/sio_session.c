#include <sio/session.h>

#include "json_text.h"
#include "mem.h"
#include "sio_members.h"
#include "sio_names.h"

#include <string.h>

enum {
    DEFAULT_MAX_CONNECTED = 64,
    DEFAULT_MAX_PENDING = 16,
    DEFAULT_MAX_NSP = 1024,
    DEFAULT_CONNECT_TIMEOUT_MS = 45000,
    SLOTS_FIRST_CAP = 4
};

enum slot_state {
    SLOT_FREE,
    SLOT_PENDING,
    SLOT_CONNECTED,
    SLOT_ABANDONED, /* client: CONNECT was sent, and nobody wants its answer */
    SLOT_REOPENED   /* the same, and the next CONNECT waits for it */
};

/* Protocol 4, client: a server connects "/" once by itself; after a disconnect it has to be asked.
 */
enum root_state { ROOT_EXPECTED, ROOT_GRANTED, ROOT_LOST };

static unsigned session_protocol(const sio_session *session) {
    return session->options->protocol == 4 ? 4 : 5;
}

static bool session_is_server(const sio_session *session) {
    return session->options->role == SIO_ROLE_SERVER;
}

static uint16_t max_connected(const sio_session *session) {
    uint16_t max = session->options->max_connected;
    return max != 0 ? max : DEFAULT_MAX_CONNECTED;
}

static uint16_t max_pending(const sio_session *session) {
    uint16_t max = session->options->max_pending;
    return max != 0 ? max : DEFAULT_MAX_PENDING;
}

static const sio_session_slot *slot_get(const sio_session *session, uint16_t slot) {
    if (slot >= session->slot_count) {
        return NULL;
    }
    const sio_session_slot *slots = session->slots ? session->slots : &session->first;
    unsigned state = slots[slot].state;
    return state == SLOT_FREE || state == SLOT_ABANDONED ? NULL : &slots[slot];
}

static sio_session_slot *slot_at(sio_session *session, uint16_t slot) {
    return session->slots ? &session->slots[slot] : &session->first;
}

/* "/" is not stored. */
static sio_str slot_name(const sio_session_slot *slot) {
    return slot->name ? (sio_str){slot->name, slot->name_len} : SIO_STR("/");
}

int sio_session_init(sio_session *session, const sio_session_options *options, sio_time now) {
    bool protocol_known =
        options->protocol == 0 || options->protocol == 4 || options->protocol == 5;
    bool role_known = options->role == SIO_ROLE_SERVER || options->role == SIO_ROLE_CLIENT;
    if (options->size != sizeof(*options) || !protocol_known || !role_known) {
        return SIO_ERR_INVALID;
    }
    sio_session fresh = {
        .options = options,
        .deadline = SIO_TIME_NEVER,
        .slot_cap = 1,
        .free_slot = SIO_SLOT_NONE,
        .root = ROOT_EXPECTED,
    };
    if ((unsigned)max_connected(&fresh) + max_pending(&fresh) >= SIO_SLOT_NONE) {
        return SIO_ERR_INVALID;
    }
    if (options->role == SIO_ROLE_SERVER) {
        uint32_t wait = options->connect_timeout_ms;
        fresh.deadline = now + (wait != 0 ? wait : DEFAULT_CONNECT_TIMEOUT_MS);
    }
    *session = fresh;
    return 0;
}

void sio_session_free(sio_session *session) {
    if (!session) {
        return;
    }
    const sio_mem *mem = session->options->mem;
    for (uint16_t i = 0; i < session->slot_count; i++) {
        sio_mem_release(mem, slot_at(session, i)->name);
    }
    sio_mem_release(mem, session->slots);
    session->slots = NULL;
    session->slot_count = 0;
    session->slot_cap = 1;
    session->free_slot = SIO_SLOT_NONE;
    session->connected = 0;
    session->pending = 0;
    session->deadline = SIO_TIME_NEVER;
}

static int slots_grow(sio_session *session) {
    unsigned most = (unsigned)max_connected(session) + max_pending(session);
    unsigned cap = session->slots ? session->slot_cap * 2u : SLOTS_FIRST_CAP;
    cap = cap < most ? cap : most;
    sio_session_slot *slots =
        sio_mem_resize_array(session->options->mem, session->slots, cap, sizeof(*slots));
    if (!slots) {
        return SIO_ERR_NOMEM;
    }
    if (!session->slots) {
        slots[0] = session->first;
    }
    session->slots = slots;
    session->slot_cap = (uint16_t)cap;
    return 0;
}

static int slot_reserve(sio_session *session, uint16_t *slot) {
    if (session->free_slot != SIO_SLOT_NONE) {
        *slot = session->free_slot;
        session->free_slot = slot_at(session, *slot)->next_free;
        return 0;
    }
    if (session->slot_count == session->slot_cap) {
        int rc = slots_grow(session);
        if (rc != 0) {
            return rc;
        }
    }
    *slot = session->slot_count++;
    return 0;
}

static void slot_release(sio_session *session, uint16_t slot) {
    sio_session_slot *s = slot_at(session, slot);
    *s = (sio_session_slot){.state = SLOT_FREE, .next_free = session->free_slot};
    session->free_slot = slot;
}

/* A server decides once more when it accepts; a client has no say in the answer, so those it has
 * asked for count as if they were connected. */
static bool slots_are_full(const sio_session *session) {
    unsigned claimed = session->connected;
    if (!session_is_server(session)) {
        claimed += session->pending;
    }
    return claimed >= max_connected(session) || session->pending >= max_pending(session);
}

static int slot_new(sio_session *session, sio_str nsp, void *user, uint16_t *out) {
    if (slots_are_full(session)) {
        return SIO_ERR_LIMIT;
    }
    bool root = sio_nsp_is_root(nsp);
    char *name = NULL;
    if (!root) {
        name = sio_mem_strndup(session->options->mem, nsp.ptr, nsp.len);
        if (!name) {
            return SIO_ERR_NOMEM;
        }
    }
    uint16_t slot;
    int rc = slot_reserve(session, &slot);
    if (rc != 0) {
        sio_mem_release(session->options->mem, name);
        return rc;
    }
    *slot_at(session, slot) = (sio_session_slot){
        .name = name,
        .user = user,
        .name_len = root ? 1 : (uint32_t)nsp.len,
        .state = SLOT_PENDING,
        .next_free = SIO_SLOT_NONE,
    };
    session->pending++;
    *out = slot;
    return 0;
}

static void slot_free(sio_session *session, uint16_t slot) {
    sio_session_slot *s = slot_at(session, slot);
    if (s->state == SLOT_CONNECTED) {
        session->connected--;
    } else {
        session->pending--;
    }
    sio_mem_release(session->options->mem, s->name);
    slot_release(session, slot);
}

static void slot_connect(sio_session *session, uint16_t slot) {
    slot_at(session, slot)->state = SLOT_CONNECTED;
    session->pending--;
    session->connected++;
    session->deadline = SIO_TIME_NEVER;
}

static bool nsp_is_acceptable(const sio_session *session, sio_str nsp) {
    uint32_t max = session->options->max_nsp_bytes;
    return nsp.len <= (max != 0 ? max : DEFAULT_MAX_NSP) && sio_nsp_is_valid(nsp);
}

/* Abandoned ones as well. */
static uint16_t slot_lookup(const sio_session *session, sio_str nsp) {
    sio_str wanted = nsp.len != 0 ? nsp : SIO_STR("/");
    const sio_session_slot *slots = session->slots ? session->slots : &session->first;
    for (uint16_t i = 0; i < session->slot_count; i++) {
        if (slots[i].state != SLOT_FREE && slots[i].name_len == wanted.len &&
            sio_str_equal(slot_name(&slots[i]), wanted)) {
            return i;
        }
    }
    return SIO_SLOT_NONE;
}

uint16_t sio_session_find(const sio_session *session, sio_str nsp) {
    uint16_t slot = slot_lookup(session, nsp);
    return slot_get(session, slot) ? slot : SIO_SLOT_NONE;
}

static sio_session_action action_of(const sio_session *session, sio_session_kind kind,
                                    uint16_t slot) {
    return (sio_session_action){kind, slot, sio_session_user(session, slot), 0};
}

/* For the kinds that end the slot: its user pointer is handed out before. */
static sio_session_action action_ending(sio_session *session, sio_session_kind kind,
                                        uint16_t slot) {
    sio_session_action action = action_of(session, kind, slot);
    slot_free(session, slot);
    return action;
}

static int server_connect(sio_session *session, sio_str nsp, uint16_t known,
                          sio_session_action *out) {
    if (known != SIO_SLOT_NONE) {
        return SIO_ERR_SIO_VIOLATION;
    }
    uint16_t slot = SIO_SLOT_NONE;
    int rc = nsp_is_acceptable(session, nsp) ? slot_new(session, nsp, NULL, &slot)
                                             : SIO_ERR_SIO_NAMESPACE;
    if (rc == SIO_ERR_NOMEM) {
        return rc;
    }
    *out = action_of(session, rc == 0 ? SIO_SESSION_CONNECT : SIO_SESSION_REFUSE, slot);
    out->err = rc;
    return 0;
}

static int server_receive(sio_session *session, const sio_packet *packet, sio_session_action *out) {
    uint16_t slot = sio_session_find(session, packet->nsp);
    if (packet->type == SIO_PACKET_CONNECT) {
        return server_connect(session, packet->nsp, slot, out);
    }
    if (!sio_session_is_connected(session, slot)) {
        return SIO_ERR_SIO_VIOLATION;
    }
    switch (packet->type) {
    case SIO_PACKET_EVENT:
        *out = action_of(session, SIO_SESSION_EVENT, slot);
        return 0;
    case SIO_PACKET_ACK:
        *out = action_of(session, SIO_SESSION_ACK, slot);
        return 0;
    case SIO_PACKET_DISCONNECT:
        *out = action_ending(session, SIO_SESSION_DISCONNECT, slot);
        return 0;
    default:
        return SIO_ERR_SIO_VIOLATION;
    }
}

static bool has_sid(sio_str payload) {
    sio_str sid;
    return payload.len > 0 && sio_member_find(payload, "sid", &sid) && sid.len > 2 &&
           sid.ptr[0] == '"';
}

static sio_session_action client_connect(sio_session *session, const sio_packet *packet,
                                         uint16_t slot) {
    bool old = session_protocol(session) == 4;
    if (old && sio_nsp_is_root(packet->nsp)) {
        session->root = ROOT_GRANTED;
    }
    if (!sio_session_is_pending(session, slot)) {
        return action_of(session, SIO_SESSION_IGNORE, slot);
    }
    if (!old && !has_sid(packet->payload)) {
        return action_of(session, SIO_SESSION_OLD_SERVER, slot);
    }
    slot_connect(session, slot);
    return action_of(session, SIO_SESSION_CONNECTED, slot);
}

static sio_session_action client_refused(sio_session *session, const sio_packet *packet,
                                         uint16_t slot) {
    if (session_protocol(session) == 4 && sio_nsp_is_root(packet->nsp)) {
        session->root = ROOT_LOST;
        return action_of(session, SIO_SESSION_REFUSED, SIO_SLOT_NONE);
    }
    if (slot == SIO_SLOT_NONE) {
        return action_of(session, SIO_SESSION_IGNORE, slot);
    }
    return action_ending(session, SIO_SESSION_REFUSED, slot);
}

static sio_session_action client_disconnect(sio_session *session, const sio_packet *packet,
                                            uint16_t slot) {
    if (sio_nsp_is_root(packet->nsp)) {
        session->root = ROOT_LOST;
    }
    if (slot == SIO_SLOT_NONE) {
        return action_of(session, SIO_SESSION_IGNORE, slot);
    }
    return action_ending(session, SIO_SESSION_DISCONNECT, slot);
}

static bool is_given_up(const sio_session *session, uint16_t slot) {
    const sio_session_slot *slots = session->slots ? session->slots : &session->first;
    return slot != SIO_SLOT_NONE &&
           (slots[slot].state == SLOT_ABANDONED || slots[slot].state == SLOT_REOPENED);
}

/* The answer to a CONNECT that was given up has come: whoever waited for it may ask. */
static sio_session_action given_up_ends(sio_session *session, uint16_t slot,
                                        sio_session_kind kind) {
    if (slot_at(session, slot)->state == SLOT_REOPENED) {
        slot_at(session, slot)->state = SLOT_PENDING;
        return action_of(session, kind, slot);
    }
    slot_free(session, slot);
    return action_of(session, kind == SIO_SESSION_ASK ? SIO_SESSION_IGNORE : kind, SIO_SLOT_NONE);
}

static sio_session_action client_receive_late(sio_session *session, const sio_packet *packet,
                                              uint16_t slot) {
    switch (packet->type) {
    case SIO_PACKET_CONNECT:
        return given_up_ends(session, slot, SIO_SESSION_LEAVE);
    case SIO_PACKET_CONNECT_ERROR:
    case SIO_PACKET_DISCONNECT:
        return given_up_ends(session, slot, SIO_SESSION_ASK);
    default:
        return action_of(session, SIO_SESSION_IGNORE, SIO_SLOT_NONE);
    }
}

static sio_session_action client_receive(sio_session *session, const sio_packet *packet) {
    uint16_t slot = slot_lookup(session, packet->nsp);
    if (is_given_up(session, slot)) {
        return client_receive_late(session, packet, slot);
    }
    switch (packet->type) {
    case SIO_PACKET_CONNECT:
        return client_connect(session, packet, slot);
    case SIO_PACKET_CONNECT_ERROR:
        return client_refused(session, packet, slot);
    case SIO_PACKET_DISCONNECT:
        return client_disconnect(session, packet, slot);
    default:
        break;
    }
    if (slot == SIO_SLOT_NONE) {
        return action_of(session, SIO_SESSION_IGNORE, slot);
    }
    if (packet->type == SIO_PACKET_ACK) {
        return action_of(session, SIO_SESSION_ACK, slot);
    }
    bool connected = sio_session_is_connected(session, slot);
    return action_of(session, connected ? SIO_SESSION_EVENT : SIO_SESSION_EVENT_EARLY, slot);
}

int sio_session_receive(sio_session *session, const sio_packet *packet, sio_session_action *out) {
    if (session_is_server(session)) {
        return server_receive(session, packet, out);
    }
    *out = client_receive(session, packet);
    return 0;
}

int sio_session_accept(sio_session *session, uint16_t slot, void *user) {
    if (!session_is_server(session) || !sio_session_is_pending(session, slot)) {
        return SIO_ERR_STATE;
    }
    if (session->connected >= max_connected(session)) {
        return SIO_ERR_LIMIT;
    }
    slot_at(session, slot)->user = user;
    slot_connect(session, slot);
    return 0;
}

int sio_session_refuse(sio_session *session, uint16_t slot) {
    if (!session_is_server(session) || !sio_session_is_pending(session, slot)) {
        return SIO_ERR_STATE;
    }
    slot_free(session, slot);
    return 0;
}

static int slot_request(sio_session *session, sio_str nsp, void *user, uint16_t *slot) {
    if (!nsp_is_acceptable(session, nsp)) {
        return SIO_ERR_SIO_NAMESPACE;
    }
    if (sio_session_find(session, nsp) != SIO_SLOT_NONE) {
        return SIO_ERR_EXISTS;
    }
    return slot_new(session, nsp, user, slot);
}

int sio_session_connect_implicit(sio_session *session, sio_str nsp, uint16_t *slot) {
    return session_is_server(session) ? slot_request(session, nsp, NULL, slot) : SIO_ERR_STATE;
}

int sio_session_open(sio_session *session, sio_str nsp, void *user, uint16_t *slot) {
    if (session_is_server(session)) {
        return SIO_ERR_STATE;
    }
    uint16_t known = slot_lookup(session, nsp);
    if (known != SIO_SLOT_NONE && slot_at(session, known)->state == SLOT_ABANDONED) {
        slot_at(session, known)->state = SLOT_REOPENED;
        slot_at(session, known)->user = user;
        *slot = known;
        return SIO_OPENING_WAIT;
    }
    int rc = slot_request(session, nsp, user, slot);
    if (rc != 0) {
        return rc;
    }
    if (session_protocol(session) != 4 || !sio_nsp_is_root(nsp) || session->root == ROOT_LOST) {
        return SIO_OPENING_SEND;
    }
    if (session->root == ROOT_EXPECTED) {
        return SIO_OPENING_WAIT;
    }
    slot_connect(session, *slot);
    return SIO_OPENING_CONNECTED;
}

static void slot_abandon(sio_session *session, uint16_t slot) {
    slot_at(session, slot)->state = SLOT_ABANDONED;
    slot_at(session, slot)->user = NULL;
}

int sio_session_leave(sio_session *session, uint16_t slot) {
    const sio_session_slot *s = slot_get(session, slot);
    if (!s) {
        return SIO_ERR_STATE;
    }
    if (s->state == SLOT_REOPENED) {
        slot_abandon(session, slot);
        return 0;
    }
    int was_connected = s->state == SLOT_CONNECTED;
    if (was_connected && sio_nsp_is_root(slot_name(s))) {
        session->root = ROOT_LOST;
    }
    slot_free(session, slot);
    return was_connected;
}

int sio_session_abandon(sio_session *session, uint16_t slot) {
    if (session_is_server(session) || !sio_session_is_pending(session, slot)) {
        return SIO_ERR_STATE;
    }
    if (session_protocol(session) == 4) {
        slot_free(session, slot);
    } else {
        slot_abandon(session, slot);
    }
    return 0;
}

uint16_t sio_session_next(const sio_session *session, uint16_t slot) {
    uint16_t at = slot == SIO_SLOT_NONE ? 0 : (uint16_t)(slot + 1);
    while (at < session->slot_count && !slot_get(session, at)) {
        at++;
    }
    return at < session->slot_count ? at : SIO_SLOT_NONE;
}

bool sio_session_is_connected(const sio_session *session, uint16_t slot) {
    const sio_session_slot *s = slot_get(session, slot);
    return s && s->state == SLOT_CONNECTED;
}

bool sio_session_is_pending(const sio_session *session, uint16_t slot) {
    const sio_session_slot *s = slot_get(session, slot);
    return s && (s->state == SLOT_PENDING || s->state == SLOT_REOPENED);
}

sio_str sio_session_nsp(const sio_session *session, uint16_t slot) {
    const sio_session_slot *s = slot_get(session, slot);
    return s ? slot_name(s) : (sio_str){NULL, 0};
}

void *sio_session_user(const sio_session *session, uint16_t slot) {
    const sio_session_slot *s = slot_get(session, slot);
    return s ? s->user : NULL;
}

void sio_session_set_user(sio_session *session, uint16_t slot, void *user) {
    if (slot_get(session, slot)) {
        slot_at(session, slot)->user = user;
    }
}

sio_time sio_session_deadline(const sio_session *session) {
    return session->deadline;
}

/* Where a decoded string stands in the buffer, which may still move. */
typedef struct text_span {
    size_t at;
    size_t len;
} text_span;

/* `raw` with its quotes. */
static int decode_string(sio_str raw, sio_buf *text, text_span *out) {
    int rc = sio_buf_reserve(text, raw.len - 2);
    if (rc == 0 && raw.len > 2) {
        char *decoded = (char *)text->data + text->len;
        out->len = sio_json_unescape(decoded, raw.ptr + 1, raw.len - 2);
        text->len += out->len;
    }
    return rc;
}

static int read_string(sio_str object, const char *name, sio_buf *text, text_span *out) {
    sio_str raw;
    *out = (text_span){text->len, 0};
    if (!sio_member_find(object, name, &raw) || raw.ptr[0] != '"') {
        return 0;
    }
    return decode_string(raw, text, out);
}

static sio_str span_view(const sio_buf *text, text_span span) {
    return span.len == 0 ? (sio_str){NULL, 0}
                         : (sio_str){(const char *)text->data + span.at, span.len};
}

int sio_connect_reply_parse(sio_str payload, sio_buf *text, sio_connect_reply *out) {
    if (payload.len == 0) {
        *out = (sio_connect_reply){{NULL, 0}, {NULL, 0}};
        return 0;
    }
    if (payload.ptr[0] != '{' || sio_json_validate(payload.ptr, payload.len, 0) != 0) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    size_t before = text->len;
    text_span sid, pid;
    int rc = read_string(payload, "sid", text, &sid);
    if (rc == 0) {
        rc = read_string(payload, "pid", text, &pid);
    }
    if (rc != 0) {
        text->len = before;
        return rc;
    }
    *out = (sio_connect_reply){span_view(text, sid), span_view(text, pid)};
    return 0;
}

/* Protocol 4 sends a bare string, or whatever the application gave; protocol 5 an object. */
int sio_connect_error_parse(sio_str payload, sio_buf *text, sio_connect_error *out) {
    if (payload.len > 0 && sio_json_validate(payload.ptr, payload.len, 0) != 0) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    size_t before = text->len;
    sio_str data = {NULL, 0};
    text_span message = {before, 0};
    int rc = 0;
    if (payload.len > 0 && payload.ptr[0] == '{') {
        rc = read_string(payload, "message", text, &message);
        (void)sio_member_find(payload, "data", &data);
    } else if (payload.len > 0 && payload.ptr[0] == '"') {
        const char *last = payload.ptr + payload.len;
        while (last[-1] != '"') {
            last--; /* white space behind the string */
        }
        rc = decode_string((sio_str){payload.ptr, (size_t)(last - payload.ptr)}, text, &message);
    } else {
        data = payload;
    }
    text_span kept = {text->len + 1, data.len};
    rc = rc != 0 ? rc : sio_buf_add_byte(text, '\0');
    rc = rc != 0 ? rc : sio_buf_add(text, data.ptr, data.len);
    if (rc != 0) {
        text->len = before;
        return rc;
    }
    *out = (sio_connect_error){(const char *)text->data + message.at, span_view(text, kept)};
    return 0;
}
