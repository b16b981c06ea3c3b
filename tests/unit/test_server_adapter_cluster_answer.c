/* What a server makes of each message that arrives, with a carrier that the test plays: what is
 * sent is noted, and anything may be handed in. */
#include "server_support.h"

#include "adapter_cluster.h"
#include "namespace.h"

#include <stdio.h>
#include <stdlib.h>

enum { OTHERS = 2 };

static server_test t;
static sio_namespace *root;
static sio_adapter *adapter;
static char notes[2048];
static raw_client c;
static char id[64];
static int open_status;
static int publish_status;
static uint64_t last_request;
static uint64_t last_to;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...) {
    size_t len = strlen(notes);
    va_list values;
    va_start(values, format);
    vsnprintf(notes + len, sizeof(notes) - len, format, values);
    va_end(values);
}

static void expect(const char *wanted) {
    ck_assert_str_eq(notes, wanted);
    notes[0] = '\0';
}

/* ---- the carrier ---- */

static void note_message(const char *what, const sio_cluster_message *message) {
    const sio_cluster_content *content = &message->content;
    note("%s%d", what, (int)content->type);
    if (content->packet.args.len > 0) {
        note("%.*s", SIO_STR_ARG(content->packet.args));
    }
    if (content->type == SIO_CLUSTER_BROADCAST_CLIENT_COUNT) {
        note("=%u", (unsigned)content->client_count);
    }
    if (content->type == SIO_CLUSTER_FETCH_RESPONSE) {
        note("=%zu", content->peer_count);
    }
    note(" ");
    ck_assert_uint_eq(content->uid, sio_cluster_adapter_uid(adapter));
    ck_assert_uint_eq(content->nsp.len, 1);
}

static int fake_open(sio_carrier *carrier, sio_adapter *self) {
    adapter = self;
    note("open ");
    return open_status;
}

static bool fake_has_others(const sio_carrier *carrier) {
    return true;
}

static int fake_publish(sio_carrier *carrier, sio_cluster_message *message,
                        sio_cluster_audience *audience) {
    note_message(">", message);
    ck_assert_int_eq(audience != NULL, message->content.request_id != 0);
    last_request = message->content.request_id;
    if (audience) {
        audience->uids[0] = 1001;
        audience->uids[1] = 0; /* known by number only */
        audience->count = OTHERS;
    }
    return publish_status;
}

static int fake_publish_response(sio_carrier *carrier, sio_cluster_uid to,
                                 sio_cluster_message *message) {
    note_message("<", message);
    last_to = to;
    ck_assert_uint_eq(message->content.request_id, 77);
    return publish_status;
}

static int fake_server_count(sio_carrier *carrier, sio_adapter_count_fn done, void *user) {
    return SIO_ERR_UNSUPPORTED;
}

static void fake_close(sio_carrier *carrier, sio_adapter_done_fn done, void *user) {
    note("close ");
    if (done) {
        done(SIO_OK, user);
    }
}

static void fake_free(sio_carrier *carrier) {
    note("free ");
    free(carrier);
}

static const sio_carrier_ops ops = {.open = fake_open,
                                    .has_others = fake_has_others,
                                    .publish = fake_publish,
                                    .publish_response = fake_publish_response,
                                    .server_count = fake_server_count,
                                    .close = fake_close,
                                    .free = fake_free};

static int create(struct sio_adapter **out, sio_namespace *ns, void *user) {
    sio_carrier *carrier = calloc(1, sizeof(*carrier));
    *carrier = (sio_carrier){.ops = &ops, .links = 1, .max_others = OTHERS};
    return sio_cluster_adapter_new(out, ns, carrier);
}

static void start_with(int status) {
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server_adapter factory = SIO_SERVER_ADAPTER_INIT;
    factory.create = create;
    options.adapter = &factory;
    open_status = status;
    publish_status = 0;
    notes[0] = '\0';
    server_start(&t, &options);
    root = sio_server_of(t.server, "/");
    ws_join(&c, &t, "40", id);
    server_settle(&t);
    expect("open ");
}

static void start(void) {
    start_with(0);
}

static void stop(void) {
    raw_close(&c);
    if (t.server) {
        server_stop(&t);
    } else {
        event_base_free(t.base);
    }
}

/* Hand in a message of another server. */
static void arrive(sio_cluster_content content, const char *format, ...) {
    sio_buf scratch = {0};
    sio_cluster_message *message;
    sio_args *args = NULL;
    va_list values;
    va_start(values, format);
    ck_assert_int_eq(sio_args_new_vf(&args, NULL, format, values), 0);
    va_end(values);
    content.uid = content.uid ? content.uid : 1001;
    content.nsp = content.nsp.ptr ? content.nsp : SIO_STR("/");
    ck_assert_int_eq(sio_cluster_message_new(&message, &content, args, &scratch, 1, NULL), 0);
    sio_server_enter(t.server);
    sio_cluster_receive(adapter, message);
    sio_server_leave(t.server);
    sio_cluster_message_unref(message);
    sio_args_unref(args);
    sio_buf_free(&scratch);
}

static sio_cluster_content broadcast(uint64_t request_id) {
    return (sio_cluster_content){
        .type = SIO_CLUSTER_BROADCAST, .packet.name = SIO_STR("e"), .request_id = request_id};
}

/* ---- messages ---- */

START_TEST(a_broadcast_is_carried_out) {
    arrive(broadcast(0), "i B", 1, "xy", (size_t)2);
    ws_expect(&c, "451-[\"e\",1,{\"_placeholder\":true,\"num\":0}]");
    ws_expect_binary(&c, "xy", 2);
    expect("");
}
END_TEST

START_TEST(what_is_not_for_it_is_ignored) {
    sio_cluster_content own = broadcast(0);
    sio_cluster_content other = broadcast(0);
    own.uid = sio_cluster_adapter_uid(adapter);
    other.nsp = SIO_STR("/other");
    arrive(own, NULL);
    arrive(other, NULL);
    for (int type = 0; type < 70; type++) { /* answers that nobody awaits, heartbeats, unknown */
        if (type < SIO_CLUSTER_BROADCAST || type > SIO_CLUSTER_SERVER_SIDE_EMIT ||
            type == SIO_CLUSTER_FETCH_RESPONSE) {
            arrive((sio_cluster_content){.type = (sio_cluster_type)type, .request_id = 5}, "i", 1);
        }
    }
    server_settle(&t);
    ck_assert_uint_eq(c.len, 0);
    expect("");
}
END_TEST

START_TEST(commands_are_carried_out) {
    static const char *const two[] = {"x", "y"};
    arrive((sio_cluster_content){.type = SIO_CLUSTER_JOIN, .rooms = two, .room_count = 2}, NULL);
    const sio_peer *peer = sio_namespace_find(root, id);
    ck_assert(sio_peer_in_room(peer, "x") && sio_peer_in_room(peer, "y"));
    arrive((sio_cluster_content){.type = SIO_CLUSTER_LEAVE, .rooms = two, .room_count = 1}, NULL);
    ck_assert(!sio_peer_in_room(peer, "x") && sio_peer_in_room(peer, "y"));
    arrive((sio_cluster_content){.type = SIO_CLUSTER_DISCONNECT, .close = true}, NULL);
    ws_expect(&c, "41");
    ws_expect_close(&c, 0);
    expect("");
}
END_TEST

/* The count is always told, also when it is 0. */
START_TEST(a_broadcast_with_acknowledgements_is_answered) {
    static const char *const nobody[] = {"nobody"};
    arrive(broadcast(77), NULL);
    expect("<11=1 ");
    ck_assert_uint_eq(last_to, 1001);
    ws_expect(&c, "420[\"e\"]");
    ws_text(&c, "430[\"yes\",2]");
    server_until(&t, notes[0]);
    expect("<12[\"yes\",2] ");
    sio_cluster_content none = broadcast(77);
    none.opts.rooms = nobody;
    none.opts.room_count = 1;
    arrive(none, NULL);
    expect("<11=0 ");
}
END_TEST

START_TEST(peers_are_described) {
    static const char *const nobody[] = {"nobody"};
    sio_cluster_content content = {.type = SIO_CLUSTER_FETCH, .request_id = 77};
    arrive(content, NULL);
    server_until(&t, notes[0]);
    expect("<8=1 ");
    content.opts.rooms = nobody;
    content.opts.room_count = 1;
    arrive(content, NULL);
    server_until(&t, notes[0]);
    expect("<8=0 ");
}
END_TEST

static sio_ack *kept;

static void on_event(sio_namespace *ns, const sio_event *event, void *user) {
    note("event%zu%s ", sio_event_count(event), event->ack ? "?" : "");
    if (event->ack) {
        ck_assert_int_eq(sio_ack_ref(&kept, event->ack), 0);
    }
}

START_TEST(events_between_servers_are_handed_out) {
    sio_namespace_on_server_side(root, "s", on_event, NULL);
    sio_cluster_content content = {.type = SIO_CLUSTER_SERVER_SIDE_EMIT,
                                   .packet.name = SIO_STR("s")};
    arrive(content, "i", 1);
    expect("event1 ");
    content.request_id = 77;
    arrive(content, NULL);
    expect("event0? ");
    ck_assert_int_eq(sio_ack_sendf(kept, "i", 5), 0);
    expect("<10[5] ");
    sio_ack_unref(kept);
    arrive(content, NULL);
    expect("event0? ");
    sio_server_free(t.server); /* the right to answer outlives the server */
    t.server = NULL;
    ck_assert_int_eq(sio_ack_sendf(kept, "i", 5), SIO_ERR_DISCONNECTED);
    sio_ack_unref(kept);
}
END_TEST

/* ---- answers ---- */

static void on_fetched(const sio_fetch_reply *reply, void *user) {
    note("fetched%d:%zu ", reply->status, reply->count);
}

static void answer_fetch(uint64_t uid, uint64_t request_id, int type) {
    static const sio_handshake handshake = {.size = sizeof(handshake),
                                            .address = "",
                                            .url = "",
                                            .query = "",
                                            .auth = {"{}", 2},
                                            .time = ""};
    const sio_remote_peer peer = {.id = "x", .handshake = &handshake, .data = "{}"};
    arrive((sio_cluster_content){.type = (sio_cluster_type)type,
                                 .uid = uid,
                                 .request_id = request_id,
                                 .peers = &peer,
                                 .peer_count = 1},
           NULL);
}

static uint64_t start_fetch(uint32_t timeout_ms) {
    sio_target all = sio_namespace_target(root);
    all.timeout_ms = timeout_ms;
    ck_assert_int_eq(sio_target_fetch(&all, on_fetched, NULL), 0);
    expect(">7 ");
    return last_request;
}

START_TEST(each_server_is_counted_once) {
    uint64_t request = start_fetch(10000);
    answer_fetch(1001, request, SIO_CLUSTER_FETCH_RESPONSE);
    answer_fetch(1001, request, SIO_CLUSTER_FETCH_RESPONSE);         /* again */
    answer_fetch(1002, request + 1, SIO_CLUSTER_FETCH_RESPONSE);     /* to something else */
    answer_fetch(1002, request, SIO_CLUSTER_BROADCAST_CLIENT_COUNT); /* of the wrong type */
    answer_fetch(1002, request, SIO_CLUSTER_SERVER_SIDE_EMIT_RESPONSE);
    server_settle(&t);
    expect("");
    answer_fetch(1002, request, SIO_CLUSTER_FETCH_RESPONSE);
    server_until(&t, notes[0]);
    expect("fetched0:3 ");
    answer_fetch(1003, request, SIO_CLUSTER_FETCH_RESPONSE); /* too late */
    server_settle(&t);
    expect("");
}
END_TEST

START_TEST(strangers_are_not_counted) {
    char text[64];
    uint64_t request = start_fetch(40);
    answer_fetch(1002, request, SIO_CLUSTER_FETCH_RESPONSE); /* the one of unknown name */
    answer_fetch(1003, request, SIO_CLUSTER_FETCH_RESPONSE);
    server_until(&t, notes[0]);
    snprintf(text, sizeof(text), "fetched%d:2 ", SIO_ERR_TIMEOUT);
    expect(text);
}
END_TEST

START_TEST(a_server_that_goes_is_not_waited_for) {
    uint64_t request = start_fetch(10000);
    arrive((sio_cluster_content){.type = SIO_CLUSTER_ADAPTER_CLOSE, .uid = 1001}, NULL);
    arrive((sio_cluster_content){.type = SIO_CLUSTER_ADAPTER_CLOSE, .uid = 1001}, NULL);
    server_settle(&t);
    expect("");
    answer_fetch(1002, request, SIO_CLUSTER_FETCH_RESPONSE);
    server_until(&t, notes[0]);
    expect("fetched0:2 ");
}
END_TEST

static void on_reply(const sio_target_reply *reply, void *user) {
    note("acks%d:%u:%zu ", reply->status, (unsigned)reply->asked, reply->response_count);
}

static void answer_count(uint64_t uid, uint64_t peers) {
    arrive((sio_cluster_content){.type = SIO_CLUSTER_BROADCAST_CLIENT_COUNT,
                                 .uid = uid,
                                 .request_id = last_request,
                                 .client_count = peers},
           NULL);
}

static void answer_ack(uint64_t uid) {
    arrive((sio_cluster_content){.type = SIO_CLUSTER_BROADCAST_ACK,
                                 .uid = uid,
                                 .request_id = last_request},
           "i", 1);
}

/* A server may not answer for more peers than it has announced, nor before. */
START_TEST(acknowledgements_are_counted_for_each_server) {
    sio_target all = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emit_ackf(&all, "e", 10000, on_reply, NULL, NULL), 0);
    expect(">3[] ");
    answer_ack(1001); /* before its count */
    answer_count(1001, 2);
    answer_count(1001, 9); /* again */
    answer_ack(1001);
    ws_expect(&c, "420[\"e\"]");
    ws_text(&c, "430[]");
    server_settle(&t);
    answer_count(1002, 0);
    answer_ack(1002); /* none was announced */
    expect("");
    answer_ack(1001);
    expect("acks0:3:3 ");
    answer_ack(1001);
    expect("");
}
END_TEST

START_TEST(answers_that_cannot_be_read_end_it) {
    char text[64];
    sio_target all = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emit_ackf(&all, "e", 10000, on_reply, NULL, NULL), 0);
    expect(">3[] ");
    answer_count(1001, 1);
    sio_cluster_message bad = {.content = {.type = SIO_CLUSTER_BROADCAST_ACK,
                                           .uid = 1001,
                                           .nsp = SIO_STR("/"),
                                           .request_id = last_request,
                                           .packet.args = SIO_STR("{}")}};
    sio_cluster_receive(adapter, &bad);
    snprintf(text, sizeof(text), "acks%d:2:0 ", SIO_ERR_SIO_PAYLOAD);
    expect(text);
    /* The peer of this server is still awaited below; that ends with the server. */
}
END_TEST

/* ---- a carrier that fails ---- */

/* AD22: still local when publishing fails */
START_TEST(what_cannot_be_told_is_done_here) {
    sio_target all = sio_namespace_target(root);
    publish_status = SIO_ERR_NET;
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), SIO_ERR_NET);
    ws_expect(&c, "42[\"e\"]");
    ck_assert_int_eq(sio_target_join(&all, "x"), SIO_ERR_NET);
    ck_assert(sio_peer_in_room(sio_namespace_find(root, id), "x"));
    ck_assert_int_eq(sio_target_fetch(&all, on_fetched, NULL), SIO_ERR_NET);
    ck_assert_int_eq(sio_target_emit_ackf(&all, "f", 10, on_reply, NULL, NULL), SIO_ERR_NET);
    expect(">3[] >4 >7 >3[] ");
    arrive(broadcast(77), NULL);
    expect("<11=1 "); /* and a line in the log */
}
END_TEST

START_TEST(what_cannot_begin_works_alone) {
    stop();
    start_with(SIO_ERR_NET);
    sio_target all = sio_namespace_target(root);
    ck_assert_int_eq(sio_target_emitf(&all, "e", NULL), 0);
    ws_expect(&c, "42[\"e\"]");
    ck_assert_int_eq(sio_target_fetch(&all, on_fetched, NULL), 0);
    server_until(&t, notes[0]);
    expect("fetched0:1 ");
    arrive(broadcast(0), NULL); /* nothing can */
    server_settle(&t);
    ck_assert_uint_eq(c.len, 0);
    sio_server_free(t.server);
    t.server = NULL;
    expect("free ");
}
END_TEST

START_TEST(the_end_is_told) {
    sio_target all = sio_namespace_target(root);
    char text[64];
    ck_assert_int_eq(sio_target_fetch(&all, on_fetched, NULL), 0);
    sio_server_free(t.server);
    t.server = NULL;
    snprintf(text, sizeof(text), ">7 fetched%d:0 >13 close free ", SIO_ERR_DISCONNECTED);
    expect(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server adapter cluster answer");
    TCase *messages = tcase_create("messages");
    tcase_add_checked_fixture(messages, start, stop);
    tcase_add_test(messages, a_broadcast_is_carried_out);
    tcase_add_test(messages, what_is_not_for_it_is_ignored);
    tcase_add_test(messages, commands_are_carried_out);
    tcase_add_test(messages, a_broadcast_with_acknowledgements_is_answered);
    tcase_add_test(messages, peers_are_described);
    tcase_add_test(messages, events_between_servers_are_handed_out);
    suite_add_tcase(suite, messages);
    TCase *answers = tcase_create("answers");
    tcase_add_checked_fixture(answers, start, stop);
    tcase_add_test(answers, each_server_is_counted_once);
    tcase_add_test(answers, strangers_are_not_counted);
    tcase_add_test(answers, a_server_that_goes_is_not_waited_for);
    tcase_add_test(answers, acknowledgements_are_counted_for_each_server);
    tcase_add_test(answers, answers_that_cannot_be_read_end_it);
    suite_add_tcase(suite, answers);
    TCase *failures = tcase_create("failures");
    tcase_add_checked_fixture(failures, start, stop);
    tcase_add_test(failures, what_cannot_be_told_is_done_here);
    tcase_add_test(failures, what_cannot_begin_works_alone);
    tcase_add_test(failures, the_end_is_told);
    suite_add_tcase(suite, failures);
    return test_run(suite);
}
