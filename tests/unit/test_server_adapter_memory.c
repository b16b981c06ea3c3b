#include "crowd_support.h"

#include "adapter.h"

#include <stdlib.h>

static crowd w;

/* An adapter that notes what it is asked for, and knows only some of the operations. */
typedef struct spy {
    sio_adapter base;
    sio_adapter_done_fn closed;
    void *user;
} spy;

static int init_status;
static int create_status;
static spy *last; /* of "/" */

static int spy_init(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    crowd_note(&w, "init:%s ", sio_namespace_name(adapter->ns));
    return init_status;
}

static void spy_close(sio_adapter *adapter, sio_adapter_done_fn done, void *user) {
    spy *s = (spy *)adapter;
    crowd_note(&w, "close%s ", done ? "" : "-now");
    s->closed = done;
    s->user = user;
}

static void spy_free(sio_adapter *adapter) {
    crowd_note(&w, "free ");
    free(adapter);
}

static int spy_join(sio_adapter *adapter, sio_peer *peer, const char *room) {
    crowd_note(&w, "join:%s ", room);
    return sio_adapter_local_join(peer, room);
}

static int spy_broadcast(sio_adapter *adapter, const sio_target *target,
                         const sio_adapter_event *event) {
    sio_adapter_event stored = *event;
    stored.offset = SIO_STR("o1");
    crowd_note(&w, "broadcast:%.*s:%zu:%zu%s ", (int)event->name.len, event->name.ptr,
               sio_target_room_count(target), sio_target_except_count(target),
               target->is_local ? ":local" : "");
    return sio_adapter_local_emit(target, &stored);
}

static const sio_adapter_ops spy_ops = {
    .size = offsetof(sio_adapter_ops, broadcast_with_ack), /* of an older header */
    .init = spy_init,
    .close = spy_close,
    .free = spy_free,
    .join = spy_join,
    .broadcast = spy_broadcast,
};

static int spy_create(struct sio_adapter **out, sio_namespace *ns, void *user) {
    if (create_status != 0) {
        return create_status;
    }
    spy *s = calloc(1, sizeof(*s));
    s->base.ops = user;
    *out = &s->base;
    last = s;
    return 0;
}

static void start(void) {
    crowd_start(&w, NULL);
}

/* Those of the root are made before there is anything to note them on. */
static void start_spied(const sio_adapter_ops *ops) {
    sio_server_adapter adapter = SIO_SERVER_ADAPTER_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    adapter.create = spy_create;
    adapter.user = (void *)(uintptr_t)ops;
    options.adapter = &adapter;
    create_status = init_status = 0;
    crowd_stop(&w);
    crowd_start(&w, &options);
    w.notes[0] = '\0';
}

static void stop(void) {
    crowd_stop(&w);
}

/* ---- in memory ---- */

static void on_count(int status, uint32_t servers, void *user) {
    crowd_note(&w, "count%d:%u ", status, servers);
}

static void on_done(int status, void *user) {
    crowd_note(&w, "done%d ", status);
}

static void on_restored(int status, const sio_adapter_session *session,
                        const sio_adapter_event *missed, size_t missed_count, void *user) {
    crowd_note(&w, "restored%d:%zu ", status, missed_count);
}

static int ask_all(crowd *c, void *arg) {
    sio_adapter *adapter = sio_namespace_adapter(c->root);
    const sio_adapter_ops *ops = adapter->ops;
    sio_adapter_session session = {.size = sizeof(session), .pid = SIO_STR("p")};
    int rc = ops->server_count(adapter, on_count, NULL);
    if (rc == 0) {
        rc = ops->persist_session(adapter, &session, on_done, NULL);
    }
    if (rc == 0) {
        rc = ops->persist_session(adapter, &session, NULL, NULL);
    }
    if (rc == 0) {
        rc = ops->restore_session(adapter, SIO_STR("p"), SIO_STR("o"), on_restored, NULL);
    }
    return rc;
}

/* IO190: nothing is stored */
START_TEST(knows_of_no_other_server) {
    ck_assert_int_eq(ask_all(&w, NULL), 0);
    crowd_expect(&w, "");
    server_until(&w.t, w.notes[0]);
    server_settle(&w.t);
    crowd_expect(&w, "count0:1 done0 restored-5:0 ");
}
END_TEST

START_TEST(answers_although_the_server_goes) {
    ck_assert_int_eq(ask_all(&w, NULL), 0);
    sio_server_free(w.t.server);
    w.t.server = NULL;
    crowd_expect(&w, "count-9:0 done-9 restored-9:0 ");
}
END_TEST

START_TEST(survives_short_memory) {
    crowd_sweep(&w, ask_all, NULL);
}
END_TEST

/* ---- another one ---- */

START_TEST(another_one_sees_what_it_knows) {
    start_spied(&spy_ops);
    ck_assert_ptr_eq(sio_namespace_adapter(w.root), &last->base);
    ck_assert_ptr_eq(last->base.ns, w.root);
    ck_assert_int_eq(sio_peer_join(crowd_peer(&w, 0), "x"), 0);
    sio_peer_leave(crowd_peer(&w, 0), "x"); /* in memory */
    crowd_expect(&w, "join:x ");
    sio_target target = crowd_target(&w, "a");
    target.is_local = true;
    ck_assert_int_eq(sio_target_emitf(sio_target_except(&target, "b"), "e", NULL), 0);
    crowd_expect(&w, "broadcast:e:1:1:local ");
    ws_expect(&w.c[0], "42[\"e\",\"o1\"]");
    sio_namespace *other = sio_server_of(w.t.server, "/other");
    ck_assert_ptr_nonnull(other);
    crowd_expect(&w, "init:/other ");
}
END_TEST

/* Events to one peer go through the adapter when it stores them (reference: recovery). */
START_TEST(may_store_the_events_of_peers) {
    start_spied(&spy_ops);
    ck_assert_int_eq(sio_peer_emitf(crowd_peer(&w, 0), "e", NULL), 0);
    crowd_expect(&w, "");
    last->base.stores_events = true;
    ck_assert_int_eq(sio_peer_emitf(crowd_peer(&w, 0), "f", NULL), 0);
    crowd_expect(&w, "broadcast:f:1:0 ");
    ck_assert_int_eq(sio_peer_emitf(crowd_peer(&w, 0), "connect", NULL), SIO_ERR_RESERVED);
    ws_expect(&w.c[0], "42[\"e\"]");
    ws_expect(&w.c[0], "42[\"f\",\"o1\"]");
}
END_TEST

START_TEST(is_freed_with_the_server) {
    start_spied(&spy_ops);
    sio_server_free(w.t.server);
    w.t.server = NULL;
    crowd_expect(&w, "close-now free ");
}
END_TEST

static void on_closed(void *user) {
    crowd_note(&w, "closed ");
}

START_TEST(is_waited_for_by_the_close) {
    start_spied(&spy_ops);
    ck_assert_int_eq(sio_server_close(w.t.server, 100000, on_closed, NULL), 0);
    for (int i = 0; i < CROWD; i++) {
        raw_close(&w.c[i]);
    }
    server_run_for(&w.t, 30);
    crowd_expect(&w, "close ");
    last->closed(SIO_OK, last->user);
    crowd_expect(&w, "closed ");
    sio_server_free(w.t.server);
    w.t.server = NULL;
    crowd_expect(&w, "free ");
}
END_TEST

START_TEST(the_deadline_holds_for_it_too) {
    start_spied(&spy_ops);
    ck_assert_int_eq(sio_server_close(w.t.server, 20, on_closed, NULL), 0);
    server_until(&w.t, strstr(w.notes, "closed"));
}
END_TEST

START_TEST(may_fail) {
    start_spied(&spy_ops);
    init_status = SIO_ERR_NET; /* logged */
    ck_assert_ptr_nonnull(sio_server_of(w.t.server, "/one"));
    create_status = SIO_ERR_NOMEM;
    ck_assert_ptr_null(sio_server_of(w.t.server, "/two"));
    ck_assert_ptr_null(sio_server_of(w.t.server, "/two"));
}
END_TEST

START_TEST(must_be_one) {
    sio_server *server;
    sio_server_adapter adapter = SIO_SERVER_ADAPTER_INIT;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.adapter = &adapter;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
    adapter.create = spy_create;
    adapter.size = 0;
    ck_assert_int_eq(sio_server_new(&server, &options), SIO_ERR_INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("adapter_memory");
    TCase *tc = tcase_create("adapter_memory");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, knows_of_no_other_server);
    tcase_add_test(tc, answers_although_the_server_goes);
    tcase_add_test(tc, survives_short_memory);
    tcase_add_test(tc, another_one_sees_what_it_knows);
    tcase_add_test(tc, may_store_the_events_of_peers);
    tcase_add_test(tc, is_freed_with_the_server);
    tcase_add_test(tc, is_waited_for_by_the_close);
    tcase_add_test(tc, the_deadline_holds_for_it_too);
    tcase_add_test(tc, may_fail);
    tcase_add_test(tc, must_be_one);
    return test_run(suite);
}
