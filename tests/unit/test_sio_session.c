#include "support.h"

#include <sio/session.h>

#include <string.h>

static sio_str str(const char *text) {
    return (sio_str){text, strlen(text)};
}

static const sio_session_options server = SIO_SESSION_OPTIONS_INIT;

static sio_session_options client_options(unsigned protocol) {
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.role = SIO_ROLE_CLIENT;
    options.protocol = protocol;
    return options;
}

static int receive(sio_session *s, sio_packet_type type, const char *nsp, const char *payload,
                   sio_session_action *out) {
    sio_packet packet = {.type = type, .nsp = str(nsp), .payload = str(payload)};
    *out = (sio_session_action){.slot = SIO_SLOT_NONE};
    return sio_session_receive(s, &packet, out);
}

static void expect(sio_session *s, sio_packet_type type, const char *nsp, const char *payload,
                   sio_session_kind kind, sio_session_action *out) {
    ck_assert_int_eq(receive(s, type, nsp, payload, out), 0);
    ck_assert_int_eq(out->kind, kind);
}

static void expect_violation(sio_session *s, sio_packet_type type, const char *nsp) {
    sio_session_action action;
    ck_assert_int_eq(receive(s, type, nsp, "", &action), SIO_ERR_SIO_VIOLATION);
}

static uint16_t join(sio_session *s, const char *nsp, void *user) {
    sio_session_action action;
    expect(s, SIO_PACKET_CONNECT, nsp, "", SIO_SESSION_CONNECT, &action);
    ck_assert(sio_session_is_pending(s, action.slot));
    ck_assert_int_eq(sio_session_accept(s, action.slot, user), 0);
    ck_assert(sio_session_is_connected(s, action.slot));
    return action.slot;
}

/* T5-17, T5-19: CONNECT for "/" and another namespace, events to each. */
START_TEST(server_dispatches_by_namespace) {
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &server, 100), 0);
    int root, custom;
    uint16_t a = join(&s, "/", &root);
    uint16_t b = join(&s, "/custom", &custom);
    sio_session_action action;
    expect(&s, SIO_PACKET_EVENT, "/custom", "", SIO_SESSION_EVENT, &action);
    ck_assert_uint_eq(action.slot, b);
    ck_assert_ptr_eq(action.user, &custom);
    expect(&s, SIO_PACKET_ACK, "/", "", SIO_SESSION_ACK, &action);
    ck_assert_uint_eq(action.slot, a);
    ck_assert_ptr_eq(action.user, &root);
    ck_assert_uint_eq(sio_session_nsp(&s, b).len, 7);
    sio_session_free(&s);
}
END_TEST

START_TEST(server_refuses_what_is_out_of_turn) {
    static const sio_packet_type early[] = {SIO_PACKET_EVENT, SIO_PACKET_ACK, SIO_PACKET_DISCONNECT,
                                            SIO_PACKET_CONNECT_ERROR};
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &server, 0), 0);
    sio_session_action action;
    for (size_t i = 0; i < 4; i++) {
        expect_violation(&s, early[i], "/");
    }
    expect(&s, SIO_PACKET_CONNECT, "/", "", SIO_SESSION_CONNECT, &action);
    expect_violation(&s, SIO_PACKET_CONNECT, "/"); /* while pending */
    for (size_t i = 0; i < 4; i++) {
        expect_violation(&s, early[i], "/");
    }
    ck_assert_int_eq(sio_session_accept(&s, action.slot, NULL), 0);
    expect_violation(&s, SIO_PACKET_CONNECT, "/");
    expect_violation(&s, SIO_PACKET_CONNECT_ERROR, "/");
    expect_violation(&s, SIO_PACKET_EVENT, "/other");
    sio_session_free(&s);
}
END_TEST

/* T5-21: the slot of an unknown namespace is free again and the connection stays. */
START_TEST(server_refusal_frees_the_slot) {
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &server, 0), 0);
    sio_session_action action;
    for (int i = 0; i < 200; i++) {
        expect(&s, SIO_PACKET_CONNECT, "/random", "", SIO_SESSION_CONNECT, &action);
        ck_assert_int_eq(sio_session_refuse(&s, action.slot), 0);
        ck_assert_int_eq(sio_session_refuse(&s, action.slot), SIO_ERR_STATE);
        ck_assert_int_eq(sio_session_accept(&s, action.slot, NULL), SIO_ERR_STATE);
    }
    ck_assert_uint_eq(s.slot_count, 1);
    ck_assert_uint_eq(sio_session_deadline(&s), 45000);
    sio_session_free(&s);
}
END_TEST

/* T5-24, T5-25: a namespace is left, the other stays, and it may be joined again. */
START_TEST(server_sees_a_client_leave_and_come_back) {
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &server, 0), 0);
    int root, custom;
    join(&s, "/", &root);
    join(&s, "/custom", &custom);
    sio_session_action action;
    expect(&s, SIO_PACKET_DISCONNECT, "/custom", "", SIO_SESSION_DISCONNECT, &action);
    ck_assert_ptr_eq(action.user, &custom);
    expect(&s, SIO_PACKET_EVENT, "/", "", SIO_SESSION_EVENT, &action);
    expect_violation(&s, SIO_PACKET_EVENT, "/custom");
    join(&s, "/custom", &custom);
    expect(&s, SIO_PACKET_DISCONNECT, "/", "", SIO_SESSION_DISCONNECT, &action);
    ck_assert_uint_eq(sio_session_deadline(&s), SIO_TIME_NEVER);
    sio_session_free(&s);
}
END_TEST

/* T5-23: a time limit for the first namespace, which never comes back. */
START_TEST(server_connect_deadline) {
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.connect_timeout_ms = 1000;
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 500), 0);
    ck_assert_uint_eq(sio_session_deadline(&s), 1500);
    uint16_t slot = join(&s, "/", NULL);
    ck_assert_uint_eq(sio_session_deadline(&s), SIO_TIME_NEVER);
    ck_assert_int_eq(sio_session_leave(&s, slot), 1);
    ck_assert_int_eq(sio_session_leave(&s, slot), SIO_ERR_STATE);
    ck_assert_uint_eq(sio_session_deadline(&s), SIO_TIME_NEVER);
    sio_session_free(&s);
}
END_TEST

static sio_str numbered(char *buf, unsigned i) {
    buf[0] = '/';
    buf[1] = 'n';
    buf[2] = (char)('0' + i / 10);
    buf[3] = (char)('0' + i % 10);
    return (sio_str){buf, 4};
}

START_TEST(server_bounds_its_namespaces) {
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &server, 0), 0);
    char buf[4];
    sio_session_action action;
    sio_packet packet = {.type = SIO_PACKET_CONNECT};
    for (unsigned i = 0; i < 16; i++) {
        packet.nsp = numbered(buf, i);
        ck_assert_int_eq(sio_session_receive(&s, &packet, &action), 0);
        ck_assert_int_eq(action.kind, SIO_SESSION_CONNECT);
    }
    packet.nsp = numbered(buf, 16);
    ck_assert_int_eq(sio_session_receive(&s, &packet, &action), 0);
    ck_assert_int_eq(action.kind, SIO_SESSION_REFUSE);
    ck_assert_int_eq(action.err, SIO_ERR_LIMIT);
    ck_assert_uint_eq(action.slot, SIO_SLOT_NONE);
    for (uint16_t slot = 0; slot < 16; slot++) {
        ck_assert_int_eq(sio_session_accept(&s, slot, NULL), 0);
    }
    for (unsigned i = 16; i < 64; i++) {
        packet.nsp = numbered(buf, i);
        ck_assert_int_eq(sio_session_receive(&s, &packet, &action), 0);
        ck_assert_int_eq(sio_session_accept(&s, action.slot, NULL), 0);
    }
    packet.nsp = numbered(buf, 64);
    ck_assert_int_eq(sio_session_receive(&s, &packet, &action), 0);
    ck_assert_int_eq(action.kind, SIO_SESSION_REFUSE);
    sio_session_free(&s);
}
END_TEST

START_TEST(server_accepts_no_more_than_the_limit_when_many_were_pending) {
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.max_connected = 1;
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    sio_session_action a, b;
    expect(&s, SIO_PACKET_CONNECT, "/a", "", SIO_SESSION_CONNECT, &a);
    expect(&s, SIO_PACKET_CONNECT, "/b", "", SIO_SESSION_CONNECT, &b);
    ck_assert_int_eq(sio_session_accept(&s, a.slot, NULL), 0);
    ck_assert_int_eq(sio_session_accept(&s, b.slot, NULL), SIO_ERR_LIMIT);
    ck_assert_int_eq(sio_session_refuse(&s, b.slot), 0);
    sio_session_free(&s);
}
END_TEST

START_TEST(server_refuses_names_too_long_or_with_control_characters) {
    static char name[1026];
    memset(name, 'n', sizeof(name));
    name[0] = '/';
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &server, 0), 0);
    sio_session_action action;
    sio_packet packet = {.type = SIO_PACKET_CONNECT, .nsp = {name, 1025}};
    ck_assert_int_eq(sio_session_receive(&s, &packet, &action), 0);
    ck_assert_int_eq(action.kind, SIO_SESSION_REFUSE);
    ck_assert_int_eq(action.err, SIO_ERR_SIO_NAMESPACE);
    packet.nsp.len = 1024;
    ck_assert_int_eq(sio_session_receive(&s, &packet, &action), 0);
    ck_assert_int_eq(action.kind, SIO_SESSION_CONNECT);
    expect(&s, SIO_PACKET_CONNECT, "/a\tb", "", SIO_SESSION_REFUSE, &action);
    ck_assert_int_eq(action.err, SIO_ERR_SIO_NAMESPACE);
    sio_session_free(&s);
}
END_TEST

START_TEST(server_connects_the_root_by_itself_in_protocol_4) {
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.protocol = 4;
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t slot;
    ck_assert_int_eq(sio_session_connect_implicit(&s, str("/"), &slot), 0);
    ck_assert_int_eq(sio_session_connect_implicit(&s, str(""), &slot), SIO_ERR_EXISTS);
    expect_violation(&s, SIO_PACKET_EVENT, "/");
    ck_assert_int_eq(sio_session_accept(&s, slot, NULL), 0);
    sio_session_action action;
    expect(&s, SIO_PACKET_EVENT, "/", "", SIO_SESSION_EVENT, &action);
    expect(&s, SIO_PACKET_DISCONNECT, "/", "", SIO_SESSION_DISCONNECT, &action);
    sio_session_free(&s);
}
END_TEST

START_TEST(client_connects) {
    sio_session_options options = client_options(5);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    ck_assert_uint_eq(sio_session_deadline(&s), SIO_TIME_NEVER);
    int user;
    uint16_t slot, again;
    ck_assert_int_eq(sio_session_open(&s, str("/"), &user, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_open(&s, str(""), &user, &again), SIO_ERR_EXISTS);
    ck_assert_int_eq(sio_session_open(&s, str("/a,b"), &user, &again), SIO_ERR_SIO_NAMESPACE);
    sio_session_action action;
    expect(&s, SIO_PACKET_EVENT, "/", "", SIO_SESSION_EVENT_EARLY, &action);
    ck_assert_ptr_eq(action.user, &user);
    expect(&s, SIO_PACKET_CONNECT, "/", "{\"sid\":\"x\"}", SIO_SESSION_CONNECTED, &action);
    ck_assert_ptr_eq(action.user, &user);
    expect(&s, SIO_PACKET_CONNECT, "/", "{\"sid\":\"x\"}", SIO_SESSION_IGNORE, &action);
    expect(&s, SIO_PACKET_EVENT, "/", "", SIO_SESSION_EVENT, &action);
    expect(&s, SIO_PACKET_ACK, "/", "", SIO_SESSION_ACK, &action);
    expect(&s, SIO_PACKET_EVENT, "/foreign", "", SIO_SESSION_IGNORE, &action);
    expect(&s, SIO_PACKET_DISCONNECT, "/foreign", "", SIO_SESSION_IGNORE, &action);
    expect(&s, SIO_PACKET_DISCONNECT, "/", "", SIO_SESSION_DISCONNECT, &action);
    ck_assert_ptr_eq(action.user, &user);
    ck_assert_uint_eq(sio_session_find(&s, str("/")), SIO_SLOT_NONE);
    ck_assert_int_eq(sio_session_accept(&s, slot, NULL), SIO_ERR_STATE);
    sio_session_free(&s);
}
END_TEST

START_TEST(client_asks_for_no_more_than_the_limit) {
    sio_session_options options = client_options(5);
    options.max_connected = 2;
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t slot;
    sio_session_action action;
    ck_assert_int_eq(sio_session_open(&s, str("/a"), NULL, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_open(&s, str("/b"), NULL, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_open(&s, str("/c"), NULL, &slot), SIO_ERR_LIMIT);
    expect(&s, SIO_PACKET_CONNECT, "/a", "{\"sid\":\"x\"}", SIO_SESSION_CONNECTED, &action);
    ck_assert_int_eq(sio_session_open(&s, str("/c"), NULL, &slot), SIO_ERR_LIMIT);
    sio_session_free(&s);
}
END_TEST

START_TEST(client_is_refused_on_one_namespace_only) {
    sio_session_options options = client_options(0);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    int user;
    uint16_t slot;
    ck_assert_int_eq(sio_session_open(&s, str("/x"), &user, &slot), SIO_OPENING_SEND);
    sio_session_action action;
    expect(&s, SIO_PACKET_CONNECT_ERROR, "/", "{}", SIO_SESSION_IGNORE, &action);
    expect(&s, SIO_PACKET_CONNECT_ERROR, "/x", "{}", SIO_SESSION_REFUSED, &action);
    ck_assert_uint_eq(action.slot, slot);
    ck_assert_ptr_eq(action.user, &user);
    ck_assert_ptr_null(sio_session_user(&s, slot));
    ck_assert_int_eq(sio_session_open(&s, str("/x"), &user, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_leave(&s, slot), 0);
    sio_session_free(&s);
}
END_TEST

START_TEST(client_waits_for_the_answer_to_what_it_gave_up) {
    static const sio_packet_type answers[] = {SIO_PACKET_CONNECT, SIO_PACKET_CONNECT_ERROR,
                                              SIO_PACKET_DISCONNECT};
    static const char sid[] = "{\"sid\":\"s\"}";
    sio_session_kind kind = _i == 0 ? SIO_SESSION_LEAVE : SIO_SESSION_ASK;
    sio_session_options options = client_options(5);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    int user;
    uint16_t slot;
    uint16_t again;
    sio_session_action action;
    ck_assert_int_eq(sio_session_open(&s, str("/a"), &user, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_abandon(&s, slot), 0);
    ck_assert_int_eq(sio_session_abandon(&s, slot), SIO_ERR_STATE);
    ck_assert_int_eq(sio_session_leave(&s, slot), SIO_ERR_STATE);
    ck_assert_uint_eq(sio_session_find(&s, str("/a")), SIO_SLOT_NONE);
    ck_assert_uint_eq(sio_session_next(&s, SIO_SLOT_NONE), SIO_SLOT_NONE);
    expect(&s, SIO_PACKET_EVENT, "/a", "", SIO_SESSION_IGNORE, &action);

    ck_assert_int_eq(sio_session_open(&s, str("/a"), &user, &again), SIO_OPENING_WAIT);
    ck_assert_uint_eq(again, slot);
    ck_assert(sio_session_is_pending(&s, slot));
    ck_assert_int_eq(sio_session_open(&s, str("/a"), &user, &again), SIO_ERR_EXISTS);
    expect(&s, SIO_PACKET_EVENT, "/a", "", SIO_SESSION_IGNORE, &action);
    ck_assert_int_eq(sio_session_leave(&s, slot), 0); /* and once more */
    ck_assert_int_eq(sio_session_open(&s, str("/a"), &user, &again), SIO_OPENING_WAIT);
    expect(&s, answers[_i], "/a", sid, kind, &action);
    ck_assert_uint_eq(action.slot, slot);
    ck_assert_ptr_eq(action.user, &user);
    expect(&s, SIO_PACKET_CONNECT, "/a", sid, SIO_SESSION_CONNECTED, &action);

    ck_assert_int_eq(sio_session_abandon(&s, slot), SIO_ERR_STATE);
    ck_assert_int_eq(sio_session_leave(&s, slot), 1);
    ck_assert_int_eq(sio_session_open(&s, str("/a"), &user, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_abandon(&s, slot), 0);
    expect(&s, answers[_i], "/a", sid, _i == 0 ? SIO_SESSION_LEAVE : SIO_SESSION_IGNORE, &action);
    ck_assert_uint_eq(action.slot, SIO_SLOT_NONE);
    ck_assert_ptr_null(action.user);
    ck_assert_int_eq(sio_session_open(&s, str("/a"), &user, &slot), SIO_OPENING_SEND);
    sio_session_free(&s);
}
END_TEST

START_TEST(what_was_given_up_counts_as_pending) {
    sio_session_options options = client_options(5);
    options.max_pending = 2;
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t slot;
    sio_session_action action;
    ck_assert_int_eq(sio_session_open(&s, str("/a"), NULL, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_abandon(&s, slot), 0);
    ck_assert_int_eq(sio_session_open(&s, str("/b"), NULL, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_open(&s, str("/c"), NULL, &slot), SIO_ERR_LIMIT);
    expect(&s, SIO_PACKET_CONNECT_ERROR, "/a", "{}", SIO_SESSION_IGNORE, &action);
    ck_assert_int_eq(sio_session_open(&s, str("/c"), NULL, &slot), SIO_OPENING_SEND);
    sio_session_free(&s);
}
END_TEST

START_TEST(protocol_4_gives_up_at_once) {
    sio_session_options options = client_options(4);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t slot;
    ck_assert_int_eq(sio_session_open(&s, str("/a"), NULL, &slot), SIO_OPENING_SEND);
    ck_assert_int_eq(sio_session_abandon(&s, slot), 0);
    ck_assert_int_eq(sio_session_open(&s, str("/a"), NULL, &slot), SIO_OPENING_SEND);
    sio_session_free(&s);
}
END_TEST

START_TEST(client_recognises_a_server_of_protocol_4) {
    static const char *const payloads[] = {"", "{}", "{\"sid\":1}", "{\"sid\":\"\"}",
                                           "{\"a\":{\"sid\":\"x\"}}"};
    sio_session_options options = client_options(5);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t slot;
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &slot), SIO_OPENING_SEND);
    sio_session_action action;
    for (size_t i = 0; i < 5; i++) {
        expect(&s, SIO_PACKET_CONNECT, "/", payloads[i], SIO_SESSION_OLD_SERVER, &action);
        ck_assert(sio_session_is_pending(&s, slot));
    }
    sio_session_free(&s);
}
END_TEST

START_TEST(client_waits_for_the_root_in_protocol_4) {
    sio_session_options options = client_options(4);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t slot, other;
    sio_session_action action;
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &slot), SIO_OPENING_WAIT);
    ck_assert_int_eq(sio_session_open(&s, str("/a"), NULL, &other), SIO_OPENING_SEND);
    expect(&s, SIO_PACKET_CONNECT, "/", "", SIO_SESSION_CONNECTED, &action);
    expect(&s, SIO_PACKET_CONNECT, "/a", "", SIO_SESSION_CONNECTED, &action);
    expect(&s, SIO_PACKET_DISCONNECT, "/", "", SIO_SESSION_DISCONNECT, &action);
    /* The server does not connect it a second time. */
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &slot), SIO_OPENING_SEND);
    expect(&s, SIO_PACKET_CONNECT, "/", "", SIO_SESSION_CONNECTED, &action);
    ck_assert_int_eq(sio_session_leave(&s, slot), 1);
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &slot), SIO_OPENING_SEND);
    sio_session_free(&s);
}
END_TEST

START_TEST(client_attaches_late_to_a_granted_root_in_protocol_4) {
    sio_session_options options = client_options(4);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t slot;
    sio_session_action action;
    expect(&s, SIO_PACKET_CONNECT, "/", "", SIO_SESSION_IGNORE, &action);
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &slot), SIO_OPENING_CONNECTED);
    ck_assert(sio_session_is_connected(&s, slot));
    sio_session_free(&s);
}
END_TEST

START_TEST(client_hears_of_a_root_error_for_all_in_protocol_4) {
    sio_session_options options = client_options(4);
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    uint16_t a, b;
    sio_session_action action;
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &a), SIO_OPENING_WAIT);
    ck_assert_int_eq(sio_session_open(&s, str("/x"), NULL, &b), SIO_OPENING_SEND);
    expect(&s, SIO_PACKET_CONNECT_ERROR, "/", "\"no\"", SIO_SESSION_REFUSED, &action);
    ck_assert_uint_eq(action.slot, SIO_SLOT_NONE);
    unsigned closed = 0;
    uint16_t slot = SIO_SLOT_NONE;
    while ((slot = sio_session_next(&s, slot)) != SIO_SLOT_NONE) {
        ck_assert_int_eq(sio_session_leave(&s, slot), 0);
        closed++;
    }
    ck_assert_uint_eq(closed, 2);
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &a), SIO_OPENING_SEND);
    sio_session_free(&s);
}
END_TEST

START_TEST(an_idle_connection_is_small) {
    test_mem m;
    test_mem_init(&m);
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.mem = &m.mem;
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    join(&s, "/", NULL);
    ck_assert_uint_eq(m.live_size, 0);
    ck_assert_uint_le(sizeof(sio_session) + sizeof(sio_decoder), 128);
    sio_session_free(&s);

    ck_assert_int_eq(sio_session_init(&s, &options, 0), 0);
    join(&s, "/chat", NULL);
    ck_assert_uint_le(m.live_size, 8);
    sio_session_free(&s);
    ck_assert_uint_eq(m.live, 0);
}
END_TEST

START_TEST(walks_its_slots) {
    sio_session s;
    ck_assert_int_eq(sio_session_init(&s, &server, 0), 0);
    ck_assert_uint_eq(sio_session_next(&s, SIO_SLOT_NONE), SIO_SLOT_NONE);
    uint16_t a = join(&s, "/a", NULL);
    uint16_t b = join(&s, "/b", NULL);
    uint16_t c = join(&s, "/c", NULL);
    ck_assert_int_eq(sio_session_leave(&s, b), 1);
    ck_assert_uint_eq(sio_session_next(&s, SIO_SLOT_NONE), a);
    ck_assert_uint_eq(sio_session_next(&s, a), c);
    ck_assert_uint_eq(sio_session_next(&s, c), SIO_SLOT_NONE);
    ck_assert_uint_eq(sio_session_nsp(&s, b).len, 0);
    int user;
    sio_session_set_user(&s, b, &user);
    ck_assert_ptr_null(sio_session_user(&s, b));
    sio_session_set_user(&s, c, &user);
    ck_assert_ptr_eq(sio_session_user(&s, c), &user);
    sio_session_free(&s);
    sio_session_free(NULL);
}
END_TEST

START_TEST(options_are_checked) {
    sio_session s;
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.protocol = 3;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), SIO_ERR_INVALID);
    options.protocol = 5;
    options.max_connected = UINT16_MAX - 16;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), SIO_ERR_INVALID);
    options.max_connected = 0;
    options.size--;
    ck_assert_int_eq(sio_session_init(&s, &options, 0), SIO_ERR_INVALID);
    ck_assert_int_eq(sio_session_init(&s, &server, 0), 0);
    uint16_t slot;
    ck_assert_int_eq(sio_session_open(&s, str("/"), NULL, &slot), SIO_ERR_STATE);
}
END_TEST

START_TEST(reads_a_connect_reply) {
    sio_buf text = {0};
    sio_connect_reply reply;
    ck_assert_int_eq(
        sio_connect_reply_parse(str("{\"pid\":\"p\\u0041\",\"sid\":\"abc\"}"), &text, &reply), 0);
    ck_assert_uint_eq(reply.sid.len, 3);
    ck_assert_mem_eq(reply.sid.ptr, "abc", 3);
    ck_assert_uint_eq(reply.pid.len, 2);
    ck_assert_mem_eq(reply.pid.ptr, "pA", 2);
    ck_assert_int_eq(sio_connect_reply_parse(str("{\"sid\":1}"), &text, &reply), 0);
    ck_assert_uint_eq(reply.sid.len + reply.pid.len, 0);
    ck_assert_int_eq(sio_connect_reply_parse(str(""), &text, &reply), 0);
    ck_assert_int_eq(sio_connect_reply_parse(str("[]"), &text, &reply), SIO_ERR_SIO_PAYLOAD);
    ck_assert_int_eq(sio_connect_reply_parse(str("{"), &text, &reply), SIO_ERR_SIO_PAYLOAD);
    sio_buf_free(&text);
}
END_TEST

static int growing_scenario(const sio_mem *mem, void *arg) {
    sio_session_options options = SIO_SESSION_OPTIONS_INIT;
    options.mem = mem;
    sio_session s;
    int rc = sio_session_init(&s, &options, 0);
    char buf[4];
    for (unsigned i = 0; rc == 0 && i < 30; i++) {
        sio_packet packet = {.type = SIO_PACKET_CONNECT, .nsp = numbered(buf, i)};
        sio_session_action action;
        rc = sio_session_receive(&s, &packet, &action);
        if (rc == 0) {
            rc = sio_session_accept(&s, action.slot, NULL);
        }
    }
    sio_buf text;
    sio_buf_init(&text, 0, mem);
    sio_connect_reply reply;
    if (rc == 0) {
        rc = sio_connect_reply_parse(str("{\"sid\":\"abc\"}"), &text, &reply);
    }
    sio_buf_free(&text);
    sio_session_free(&s);
    return rc;
}

START_TEST(survives_failing_allocations) {
    test_mem_sweep(growing_scenario, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sio_session");
    TCase *tc = tcase_create("server");
    tcase_add_test(tc, server_dispatches_by_namespace);
    tcase_add_test(tc, server_refuses_what_is_out_of_turn);
    tcase_add_test(tc, server_refusal_frees_the_slot);
    tcase_add_test(tc, server_sees_a_client_leave_and_come_back);
    tcase_add_test(tc, server_connect_deadline);
    tcase_add_test(tc, server_bounds_its_namespaces);
    tcase_add_test(tc, server_accepts_no_more_than_the_limit_when_many_were_pending);
    tcase_add_test(tc, server_refuses_names_too_long_or_with_control_characters);
    tcase_add_test(tc, server_connects_the_root_by_itself_in_protocol_4);
    suite_add_tcase(suite, tc);
    tc = tcase_create("client");
    tcase_add_test(tc, client_connects);
    tcase_add_test(tc, client_asks_for_no_more_than_the_limit);
    tcase_add_test(tc, client_is_refused_on_one_namespace_only);
    tcase_add_loop_test(tc, client_waits_for_the_answer_to_what_it_gave_up, 0, 3);
    tcase_add_test(tc, what_was_given_up_counts_as_pending);
    tcase_add_test(tc, protocol_4_gives_up_at_once);
    tcase_add_test(tc, client_recognises_a_server_of_protocol_4);
    tcase_add_test(tc, client_waits_for_the_root_in_protocol_4);
    tcase_add_test(tc, client_attaches_late_to_a_granted_root_in_protocol_4);
    tcase_add_test(tc, client_hears_of_a_root_error_for_all_in_protocol_4);
    suite_add_tcase(suite, tc);
    tc = tcase_create("both");
    tcase_add_test(tc, an_idle_connection_is_small);
    tcase_add_test(tc, walks_its_slots);
    tcase_add_test(tc, options_are_checked);
    tcase_add_test(tc, reads_a_connect_reply);
    tcase_add_test(tc, survives_failing_allocations);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
