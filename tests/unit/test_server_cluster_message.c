#include "support.h"

#include "cluster_message.h"
#include "namespace.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const sio_handshake handshake = {.size = sizeof(handshake),
                                        .address = "10.1.2.3",
                                        .url = "/socket.io/?x=1",
                                        .query = "x=1",
                                        .auth = {"{\"a\":1}", 7},
                                        .issued_ms = 1234567,
                                        .secure = true,
                                        .time = "then",
                                        .xdomain = true};
static const char *const rooms[] = {"one", "two"};
static const char *const except[] = {"", "four"};
static const char *const own[] = {"id"};
static const sio_remote_peer peers[] = {
    {.id = "id", .handshake = &handshake, .rooms = own, .room_count = 1, .data = "{}"},
    {.id = "id2", .handshake = &handshake, .data = "[1]"}};

static const sio_cluster_content full = {
    .type = SIO_CLUSTER_BROADCAST,
    .uid = 7,
    .nsp = {"/chat", 5},
    .request_id = 9,
    .opts = {.rooms = rooms,
             .room_count = 2,
             .except = except,
             .except_count = 2,
             .timeout_ms = 50,
             .is_volatile = true,
             .no_compress = true},
    .packet = {.name = {"event\0x", 7}},
    .rooms = rooms,
    .room_count = 2,
    .close = true,
    .client_count = 3,
    .peers = peers,
    .peer_count = 2,
    .from = {"somebody", 8},
};

static sio_args *arguments(const sio_mem *mem) {
    sio_args *args;
    if (sio_args_new(&args, mem) != 0) {
        return NULL;
    }
    if (sio_args_addf(args, "i B s B", 5, "abc", (size_t)3, "text", "", (size_t)0) != 0) {
        sio_args_unref(args);
        return NULL;
    }
    return args;
}

static void check_names(const char *const *got, size_t count, const char *const *wanted) {
    ck_assert_uint_eq(count, 2);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(got[i], wanted[i]);
        ck_assert_ptr_ne(got[i], wanted[i]); /* a copy */
    }
}

static void check_text(sio_str got, sio_str wanted) {
    ck_assert_uint_eq(got.len, wanted.len);
    ck_assert_mem_eq(got.ptr, wanted.ptr, wanted.len);
    ck_assert_ptr_ne(got.ptr, wanted.ptr);
}

static void check(const sio_cluster_message *message) {
    const sio_cluster_content *got = &message->content;
    ck_assert_int_eq(got->type, SIO_CLUSTER_BROADCAST);
    ck_assert_uint_eq(got->uid, 7);
    ck_assert_uint_eq(got->request_id, 9);
    ck_assert_uint_eq(got->client_count, 3);
    ck_assert(got->close);
    check_text(got->nsp, full.nsp);
    check_text(got->from, full.from);
    check_text(got->packet.name, full.packet.name);
    check_names(got->opts.rooms, got->opts.room_count, rooms);
    check_names(got->opts.except, got->opts.except_count, except);
    check_names(got->rooms, got->room_count, rooms);
    ck_assert(got->opts.is_volatile && got->opts.no_compress && got->opts.timeout_ms == 50);
    ck_assert_uint_eq(got->peer_count, 2);
    ck_assert_str_eq(got->peers[0].id, "id");
    ck_assert_str_eq(got->peers[0].rooms[0], "id");
    ck_assert_str_eq(got->peers[1].data, "[1]");
    ck_assert_uint_eq(got->peers[1].room_count, 0);
    const sio_handshake *h = got->peers[1].handshake;
    ck_assert_ptr_ne(h, &handshake);
    ck_assert_str_eq(h->address, "10.1.2.3");
    ck_assert_str_eq(h->url, "/socket.io/?x=1");
    ck_assert_str_eq(h->query, "x=1");
    ck_assert_str_eq(h->time, "then");
    ck_assert_ptr_null(h->certificate);
    ck_assert(h->secure && h->xdomain && h->issued_ms == 1234567);
    check_text(h->auth, handshake.auth);
}

static int round_trip(const sio_mem *mem, void *arg) {
    sio_buf scratch;
    sio_cluster_message *message;
    sio_args *read = NULL;
    sio_args *args = arguments(mem);
    sio_buf_init(&scratch, 0, mem);
    int rc = args ? sio_cluster_message_new(&message, &full, args, &scratch, 3, mem) : 1;
    ck_assert_uint_eq(scratch.len, 0);
    if (rc == 0) {
        check(message);
        ck_assert_uint_ge(message->bytes, sizeof(*message));
        for (int i = 0; i < 3; i++) {
            ck_assert_ptr_eq(message->links[i].message, message);
            ck_assert(!sio_list_linked(&message->links[i].link));
        }
        rc = sio_args_new(&read, mem);
        rc = rc == 0 ? sio_cluster_message_args(message, read) : rc;
        if (rc == 0) {
            ck_assert_uint_eq(sio_args_count(read), 4);
            ck_assert_int_eq(sio_args_int(read, 0), 5);
            ck_assert_uint_eq(sio_args_binary(read, 1).len, 3);
            ck_assert_mem_eq(sio_args_binary(read, 1).ptr, "abc", 3);
            ck_assert_uint_eq(sio_args_binary(read, 3).len, 0);
        }
        sio_args_unref(read);
        sio_cluster_message_unref(message);
    }
    sio_args_unref(args);
    sio_buf_free(&scratch);
    return rc;
}

START_TEST(says_what_it_was_given) {
    ck_assert_int_eq(round_trip(NULL, NULL), 0);
}
END_TEST

START_TEST(survives_short_memory) {
    test_mem_sweep(round_trip, NULL);
}
END_TEST

/* Each of the types, with nothing but what it must have. */
START_TEST(every_type_can_be_empty) {
    sio_buf scratch = {0};
    for (int type = SIO_CLUSTER_INITIAL_HEARTBEAT; type <= SIO_CLUSTER_OF_CARRIER; type++) {
        const sio_cluster_content content = {.type = (sio_cluster_type)type, .uid = 1};
        sio_cluster_message *message;
        ck_assert_int_eq(sio_cluster_message_new(&message, &content, NULL, &scratch, 0, NULL), 0);
        ck_assert_int_eq((int)message->content.type, type);
        ck_assert_uint_eq(message->content.peer_count, 0);
        bool packet = type == SIO_CLUSTER_BROADCAST || type == SIO_CLUSTER_BROADCAST_ACK ||
                      type == SIO_CLUSTER_SERVER_SIDE_EMIT ||
                      type == SIO_CLUSTER_SERVER_SIDE_EMIT_RESPONSE;
        ck_assert_uint_eq(message->content.packet.args.len, packet ? 2 : 0);
        if (packet) {
            sio_args *args;
            ck_assert_int_eq(sio_args_new(&args, NULL), 0);
            ck_assert_int_eq(sio_cluster_message_args(message, args), 0);
            ck_assert_uint_eq(sio_args_count(args), 0);
            sio_args_unref(args);
        }
        sio_cluster_message_unref(message);
    }
    sio_buf_free(&scratch);
    sio_cluster_message_unref(NULL);
}
END_TEST

/* What comes over a network may be anything. */
START_TEST(bad_arguments_are_refused) {
    static const char *const bad[] = {"", "{}", "[1", "[{\"_placeholder\":true,\"num\":1}]"};
    const sio_bytes attachment = {NULL, 0};
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sio_cluster_message message = {.content.packet = {.args = {bad[i], strlen(bad[i])},
                                                          .attachments = &attachment,
                                                          .attachment_count = 1}};
        ck_assert_int_ne(sio_cluster_message_args(&message, args), 0);
    }
    sio_args_unref(args);
}
END_TEST

/* Arguments may be nested as deep as any application allows. */
START_TEST(deep_arguments_are_read) {
    enum { DEPTH = SIO_JSON_MAX_DEPTH };
    char text[2 * DEPTH + 3] = "[";
    memset(text + 1, '[', DEPTH);
    memset(text + 1 + DEPTH, ']', DEPTH + 1);
    sio_cluster_message message = {.content.packet.args = {text, 2 * DEPTH + 2}};
    sio_args *args;
    ck_assert_int_eq(sio_args_new(&args, NULL), 0);
    ck_assert_int_eq(sio_cluster_message_args(&message, args), 0);
    sio_args_unref(args);
}
END_TEST

static const char *many[20];

static void check_opts(const sio_target *target, bool joined_wanted) {
    sio_cluster_opts opts;
    const char **joined;
    ck_assert_int_eq(sio_cluster_opts_of(&opts, &joined, target), 0);
    ck_assert_int_eq(joined != NULL, joined_wanted);
    ck_assert_uint_eq(opts.room_count, sio_target_room_count(target));
    ck_assert_uint_eq(opts.except_count, sio_target_except_count(target));
    sio_cluster_message message = {.content.opts = opts};
    sio_target back = sio_cluster_message_target(&message, target->ns);
    ck_assert_uint_eq(sio_target_room_count(&back), opts.room_count);
    for (size_t i = 0; i < opts.room_count; i++) {
        ck_assert_str_eq(sio_target_room(&back, i), sio_target_room(target, i));
    }
    for (size_t i = 0; i < opts.except_count; i++) {
        ck_assert_str_eq(sio_target_except_room(&back, i), sio_target_except_room(target, i));
    }
    ck_assert_int_eq(back.is_volatile, target->is_volatile);
    ck_assert_int_eq(back.no_compress, target->no_compress);
    ck_assert_uint_eq(back.timeout_ms, target->timeout_ms);
    ck_assert(!back.is_local);
    free(joined);
}

/* AD22: flags travel */
START_TEST(targets_come_back) {
    sio_server server = {0};
    sio_namespace ns = {.server = &server};
    for (int i = 0; i < 20; i++) {
        many[i] = i % 2 ? "odd" : "even";
    }
    sio_target target = sio_namespace_target(&ns);
    check_opts(&target, false);
    target.is_volatile = target.no_compress = true;
    target.timeout_ms = 77;
    sio_target_to(&target, "a");
    sio_target_except(&target, "b");
    check_opts(&target, false);
    sio_target_to_all(&target, many, 20);
    check_opts(&target, true);
    sio_target_except_all(&target, many, 20);
    check_opts(&target, true);
    sio_target other = sio_namespace_target(&ns);
    sio_target_except_all(&other, many, 20);
    check_opts(&other, false);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000 };

static void *count_up_and_down(void *arg) {
    for (int i = 0; i < ROUNDS; i++) {
        sio_cluster_message_unref(sio_cluster_message_ref(arg));
    }
    sio_cluster_message_unref(arg);
    return NULL;
}

START_TEST(threads_share_it) {
    sio_buf scratch = {0};
    sio_cluster_message *message;
    pthread_t threads[THREADS];
    ck_assert_int_eq(sio_cluster_message_new(&message, &full, NULL, &scratch, 1, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        sio_cluster_message_ref(message);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up_and_down, message), 0);
    }
    sio_cluster_message_unref(message);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    sio_buf_free(&scratch);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server cluster message");
    TCase *messages = tcase_create("messages");
    tcase_add_test(messages, says_what_it_was_given);
    tcase_add_test(messages, survives_short_memory);
    tcase_add_test(messages, every_type_can_be_empty);
    tcase_add_test(messages, bad_arguments_are_refused);
    tcase_add_test(messages, deep_arguments_are_read);
    tcase_add_test(messages, targets_come_back);
    tcase_add_test(messages, threads_share_it);
    suite_add_tcase(suite, messages);
    return test_run(suite);
}
