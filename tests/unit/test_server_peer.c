#include "server_peer_support.h"

static void start(void) {
    peer_start(NULL, "EIO=4&token=a%20b", "40{\"user\":\"me\"}");
}

/* IO108 IO109 */
START_TEST(shows_its_handshake) {
    const sio_handshake *handshake = sio_peer_handshake(peer);
    ck_assert_uint_eq(handshake->size, sizeof(*handshake));
    ck_assert_str_eq(handshake->address, "127.0.0.1");
    ck_assert_str_eq(handshake->url, "/socket.io/?EIO=4&token=a%20b&transport=websocket");
    ck_assert_str_eq(handshake->query, "EIO=4&token=a%20b&transport=websocket");
    ck_assert_uint_eq(handshake->auth.len, 13);
    ck_assert_mem_eq(handshake->auth.ptr, "{\"user\":\"me\"}", 13);
    ck_assert_uint_gt(handshake->issued_ms, 1600000000000u);
    ck_assert(!handshake->secure);
    ck_assert_ptr_eq(sio_peer_handshake(peer), handshake);
    ck_assert_uint_eq(sio_peer_header(peer, "HOST").len, 4);
    ck_assert_ptr_null(sio_peer_header(peer, "x-none").ptr);
    ck_assert_str_eq(sio_peer_transport(peer), "websocket");
    ck_assert_ptr_eq(sio_peer_server(peer), t.server);
    ck_assert_uint_eq(sio_peer_queued_bytes(peer), 0);
}
END_TEST

/* IO142 IO144 */
START_TEST(is_in_rooms) {
    const char *id = sio_peer_id(peer);
    ck_assert_uint_eq(sio_peer_room_count(peer), 1);
    ck_assert_str_eq(sio_peer_room(peer, 0), id);
    ck_assert(sio_peer_in_room(peer, id));
    ck_assert_ptr_null(sio_peer_room(peer, 1));
    ck_assert_int_eq(sio_peer_join(peer, "a"), 0);
    ck_assert_int_eq(sio_peer_join(peer, "a"), 0);
    ck_assert_int_eq(sio_peer_join(peer, "b"), 0);
    ck_assert_int_eq(sio_peer_join(peer, ""), 0);
    ck_assert_uint_eq(sio_peer_room_count(peer), 4);
    ck_assert(sio_peer_in_room(peer, "a") && sio_peer_in_room(peer, ""));
    ck_assert(!sio_peer_in_room(peer, "c"));
    sio_peer_leave(peer, "a");
    sio_peer_leave(peer, "never");
    ck_assert(!sio_peer_in_room(peer, "a"));
    ck_assert_uint_eq(sio_peer_room_count(peer), 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(sio_peer_in_room(peer, sio_peer_room(peer, i)));
    }
    ck_assert_ptr_null(sio_peer_room(peer, 3));
    sio_peer_leave(peer, id); /* its own room can be left, and joined again */
    ck_assert(!sio_peer_in_room(peer, id));
    ck_assert_uint_eq(sio_peer_room_count(peer), 2);
    ck_assert_int_eq(sio_peer_join(peer, id), 0);
    ck_assert_uint_eq(sio_peer_room_count(peer), 3);
}
END_TEST

static void rooms_note(sio_peer *gone, const sio_event *event, void *user) {
    char text[128];
    snprintf(text, sizeof(text), "%.*s(%s)%zu%d", (int)event->name.len, event->name.ptr,
             event->reason, sio_peer_room_count(gone), sio_peer_connected(gone));
    ck_assert_uint_eq(sio_event_count(event), 0);
    note(text);
    if (!sio_peer_connected(gone)) {
        ck_assert_int_eq(sio_peer_join(gone, "late"), SIO_ERR_DISCONNECTED);
        ck_assert_int_eq(sio_peer_emitf(gone, "late", NULL), SIO_ERR_DISCONNECTED);
        ck_assert(!sio_peer_in_room(gone, sio_peer_id(gone)));
        ck_assert_ptr_null(sio_namespace_find(root, sio_peer_id(gone)));
    }
    sio_peer_disconnect(gone, true); /* nothing more comes of it */
}

/* IO47 IO125 */
START_TEST(leaves_its_rooms_between_the_two_events) {
    sio_namespace_on(root, "disconnecting", rooms_note, NULL);
    sio_namespace_on(root, "disconnect", rooms_note, NULL);
    sio_peer_join(peer, "a");
    ws_text(&c, "41");
    server_until(&t, strstr(notes, "disconnect("));
    ck_assert_str_eq(notes, "disconnecting(client namespace disconnect)21 "
                            "disconnect(client namespace disconnect)00 ");
}
END_TEST

START_TEST(disconnects) {
    sio_namespace_on(root, "disconnect", rooms_note, NULL);
    sio_peer_disconnect(peer, false);
    ws_expect(&c, "41");
    ck_assert_str_eq(notes, "disconnect(server namespace disconnect)00 ");
    ws_join_more(&c, "40", NULL); /* the connection goes on */
}
END_TEST

/* IO46 IO134 */
START_TEST(disconnects_all_namespaces) {
    sio_namespace *chat = sio_server_of(t.server, "/chat");
    sio_namespace_on(root, "disconnect", rooms_note, NULL);
    sio_namespace_on(chat, "disconnect", rooms_note, NULL);
    ws_join_more(&c, "40/chat,", NULL);
    sio_peer_disconnect(peer, true);
    ws_expect(&c, "41");
    ws_expect(&c, "41/chat,");
    ws_expect_close(&c, 0);
    ck_assert_str_eq(notes, "disconnect(server namespace disconnect)00 "
                            "disconnect(server namespace disconnect)00 ");
}
END_TEST

START_TEST(closes_the_connection) {
    sio_namespace_on(root, "disconnect", rooms_note, NULL);
    ck_assert_int_eq(sio_peer_emitf(peer, "last", NULL), 0);
    sio_peer_close_connection(peer);
    ws_expect(&c, "42[\"last\"]");
    ws_expect_close(&c, 0);
    ck_assert_str_eq(notes, "disconnect(forced close)00 ");
}
END_TEST

static void release(void *user) {
    note(user);
}

START_TEST(releases_the_applications_pointer) {
    ck_assert_ptr_null(sio_peer_user(peer));
    sio_peer_set_user(peer, tag("one"), release);
    ck_assert_str_eq(sio_peer_user(peer), "one");
    sio_peer_set_user(peer, tag("two"), release);
    ck_assert_str_eq(notes, "one ");
    sio_peer_set_user(peer, tag("three"), NULL);
    ck_assert_str_eq(notes, "one two ");
    sio_peer_set_user(peer, tag("four"), release);
    sio_peer_ref(peer);
    ws_text(&c, "41");
    server_until(&t, !sio_peer_connected(peer));
    ck_assert_str_eq(notes, "one two "); /* the object is still there */
    ck_assert_str_eq(sio_peer_user(peer), "four");
    ck_assert_uint_eq(strlen(sio_peer_id(peer)), 20);
    ck_assert_str_eq(sio_peer_handshake(peer)->address, "127.0.0.1");
    raw_close(&c);
    server_until(&t, sio_server_session_count(t.server) == 0);
    ck_assert_int_eq(sio_peer_emitf(peer, "x", NULL), SIO_ERR_DISCONNECTED);
    ck_assert_uint_eq(sio_peer_queued_bytes(peer), 0);
    sio_peer_disconnect(peer, true);
    sio_peer_close_connection(peer);
    sio_peer_leave(peer, "x");
    ck_assert_uint_eq(sio_peer_header(peer, "host").len, 4);
    ck_assert_str_eq(sio_peer_transport(peer), "websocket");
    sio_peer_unref(peer);
    ck_assert_str_eq(notes, "one two four ");
    sio_peer_unref(NULL);
}
END_TEST

START_TEST(knows_its_transport_now) {
    poller p;
    raw_client ws;
    char query[96];
    http_answer answer;
    char id[64];
    poller_open(&p, &t, "EIO=4");
    poller_post(&p, "40");
    poller_poll(&p);
    ck_assert(http_receive(&p.get, &answer));
    ck_assert_int_eq(sscanf(answer.body, "40{\"sid\":\"%63[^\"]", id), 1);
    http_answer_free(&answer);
    sio_peer *mine = sio_namespace_find(root, id);
    ck_assert_str_eq(sio_peer_transport(mine), "polling");
    ck_assert_str_eq(sio_peer_handshake(mine)->query, "EIO=4&transport=polling");
    ck_assert_mem_eq(sio_peer_handshake(mine)->auth.ptr, "{}", 2);
    ck_assert_int_eq(sio_peer_emitf(mine, "queued", NULL), 0);
    ck_assert_uint_gt(sio_peer_queued_bytes(mine), 0);
    snprintf(query, sizeof(query), "EIO=4&sid=%.40s", p.sid);
    ws_open(&ws, &t, query, "");
    ws_text(&ws, "5");
    ws_expect(&ws, "42[\"queued\"]");
    ck_assert_str_eq(sio_peer_transport(mine), "websocket");
    raw_close(&ws);
    poller_close(&p);
}
END_TEST

static void leave_at_once(sio_peer *fresh, const sio_event *event, void *user) {
    sio_peer_disconnect(fresh, true);
}

START_TEST(may_be_disconnected_in_connection) {
    raw_client other;
    sio_namespace_on_connection(root, leave_at_once, NULL);
    ws_connect(&other, &t, "EIO=4", NULL);
    ws_text(&other, "40");
    ws_expect_start(&other, "40{");
    ws_expect(&other, "41");
    ws_expect_close(&other, 0);
    raw_close(&other);
}
END_TEST

/* A client of Socket.IO 2.x is announced before its WebSocket has begun to read. */
START_TEST(an_old_client_may_be_disconnected_in_connection) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.allow_eio3 = true;
    peer_stop();
    server_start(&t, &options);
    sio_namespace_on_connection(sio_server_of(t.server, "/"), leave_at_once, NULL);
    ws_connect(&c, &t, "EIO=3", NULL);
    ws_expect(&c, "40");
    ws_expect(&c, "41");
    ws_expect_close(&c, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("peer");
    TCase *tc = tcase_create("peer");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, peer_stop);
    tcase_add_test(tc, shows_its_handshake);
    tcase_add_test(tc, is_in_rooms);
    tcase_add_test(tc, leaves_its_rooms_between_the_two_events);
    tcase_add_test(tc, disconnects);
    tcase_add_test(tc, disconnects_all_namespaces);
    tcase_add_test(tc, closes_the_connection);
    tcase_add_test(tc, releases_the_applications_pointer);
    tcase_add_test(tc, knows_its_transport_now);
    tcase_add_test(tc, may_be_disconnected_in_connection);
    tcase_add_test(tc, an_old_client_may_be_disconnected_in_connection);
    return test_run(suite);
}
