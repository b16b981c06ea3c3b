/* A whole server with a small application while each allocation of a scenario fails in turn. What
 * must hold whatever failed: nothing leaks, nothing hangs, every callback that was promised comes
 * exactly once, and a client either gets what it is owed, in order, or sees an error or its
 * connection closed. */
#include "server_support.h"

#include <sio/middleware.h>
#include <sio/parser.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct scenario {
    void (*settings)(sio_server_options *options);
    int (*application)(sio_server *server);
    bool (*client)(raw_client *c); /* true: it got through to its end */
} scenario;

static server_test t;
static sio_server *server;
static unsigned promised, kept; /* callbacks */

static void start(void) {
    t = (server_test){0};
    t.base = event_base_new();
    ck_assert_ptr_nonnull(t.base);
}

static void stop(void) {
    event_base_free(t.base);
}

static int run(const sio_mem *mem, void *arg) {
    const scenario *s = arg;
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    options.mem = mem;
    options.base = t.base;
    promised = kept = 0;
    server = NULL;
    if (s->settings) {
        s->settings(&options);
    }
    int rc = sio_server_new(&server, &options);
    rc = rc != 0 ? rc : s->application(server);
    rc = rc != 0 ? rc : sio_server_listen(server, "127.0.0.1", 0);
    if (rc == 0) {
        raw_client c;
        t.port = sio_server_port(server);
        raw_open(&c, &t);
        rc = s->client(&c) ? 0 : SIO_ERR_NOMEM;
        raw_close(&c);
    }
    sio_server_free(server);
    event_base_loop(t.base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(promised, kept);
    return rc;
}

/* Each allocation from the start of the server to its end. */
static void sweep(const scenario *s) {
    test_mem_sweep(run, (void *)(uintptr_t)s);
}

/* ---- the client's steps: each either succeeds or finds that the server has given up ---- */

static bool got_frame(raw_client *c, ws_frame *out) {
    if (!ws_receive(c, out)) {
        return false;
    }
    if (out->first == 0x88) {
        ws_frame_free(out);
        return false;
    }
    return true;
}

static bool expects(raw_client *c, const char *begins) {
    ws_frame frame;
    if (!got_frame(c, &frame)) {
        return false;
    }
    bool same = strncmp((char *)frame.data, begins, strlen(begins)) == 0;
    bool refused = strncmp((char *)frame.data, "44", 2) == 0;
    ck_assert_msg(same || refused, "%s, not %s", frame.data, begins);
    ws_frame_free(&frame);
    return same;
}

static bool upgrades(raw_client *c, const char *target) {
    http_answer answer;
    ws_request(c, target, "");
    if (!http_receive(c, &answer)) {
        return false;
    }
    http_answer_free(&answer);
    return answer.status == 101;
}

static bool opens(raw_client *c) {
    return upgrades(c, "/socket.io/?EIO=4&transport=websocket") && expects(c, "0{");
}

/* Answer the event "42<id>[...]" with its id. */
static bool acknowledges(raw_client *c, const char *event, const char *with) {
    ws_frame frame;
    if (!got_frame(c, &frame)) {
        return false;
    }
    char reply[64];
    char *end = NULL;
    unsigned long id = strtoul((char *)frame.data + 2, &end, 10);
    bool same = strncmp((char *)frame.data, "42", 2) == 0 && strstr(end, event) == end;
    ck_assert_msg(same, "%s, not %s", frame.data, event);
    ws_frame_free(&frame);
    snprintf(reply, sizeof reply, "43%lu%s", id, with);
    ws_text(c, reply);
    return true;
}

/* ---- what an application does that cannot do its part: it closes the connection ---- */

static sio_peer *who; /* the only one */

static void must(int rc) {
    if (rc != 0 && who) {
        sio_peer_close_connection(who);
    }
}

static void promise(int rc) {
    promised += rc == 0;
    must(rc);
}

/* ---- rooms, broadcast, acknowledgements both ways, fetching, disconnecting ---- */

static void goodbye(const sio_fetch_reply *reply, void *user) {
    kept++;
    if (!who) {
        return;
    }
    must(reply->status);
    for (size_t i = 0; i < reply->count; i++) {
        must(sio_remote_peer_join(&reply->peers[i], "late"));
        must(sio_remote_peer_leave(&reply->peers[i], "first"));
        must(sio_remote_peer_emit(&reply->peers[i], "fetched", NULL));
    }
    if (who && sio_peer_connected(who)) {
        sio_peer_disconnect(who, false);
    }
}

static void polled(const sio_target_reply *reply, void *user) {
    kept++;
    if (!who) {
        return;
    }
    if (reply->status != 0) {
        must(reply->status);
    } else {
        sio_target all = sio_namespace_target(sio_peer_namespace(who));
        ck_assert_uint_eq(reply->response_count, 1);
        promise(sio_target_fetch(&all, goodbye, NULL));
    }
}

static void asked(const sio_event *reply, void *user) {
    kept++;
    if (!who || reply->status != SIO_OK) {
        return;
    }
    sio_target room = sio_namespace_target(sio_peer_namespace(who));
    sio_target_except(sio_target_to(&room, "second"), "nobody");
    must(sio_target_emit(&room, "told", reply->args));
    must(sio_target_join(&room, "third"));
    promise(sio_target_emit_ackf(&room, "poll", 0, polled, NULL, "B", "xy", (size_t)2));
}

static void tour(sio_peer *peer, const sio_event *event, void *user) {
    promise(sio_peer_emit_ackf(peer, "ask", 0, asked, NULL, ""));
    must(event->ack ? sio_ack_sendf(event->ack, "s", "yes") : SIO_ERR_INVALID);
}

static void gone(sio_peer *peer, const sio_event *event, void *user) {
    kept++;
    who = NULL;
}

static void arrives(sio_peer *peer, const sio_event *event, void *user) {
    const char *rooms[] = {"first", "second"};
    who = peer;
    promised++; /* its disconnect */
    must(sio_peer_join_all(peer, rooms, 2));
    must(sio_peer_set_data(peer, "{\"name\":\"x\"}"));
    must(sio_peer_on(peer, "tour", tour, NULL));
    sio_peer_leave(peer, "second");
    must(sio_peer_join(peer, "second"));
}

static int rooms_application(sio_server *made) {
    sio_namespace *ns = sio_server_of(made, "/");
    who = NULL;
    if (!ns) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_namespace_on_connection(ns, arrives, NULL);
    return rc != 0 ? rc : sio_namespace_on(ns, "disconnect", gone, NULL);
}

static bool rooms_client(raw_client *c) {
    if (!opens(c)) {
        return false;
    }
    ws_text(c, "40");
    if (!expects(c, "40{")) {
        return false;
    }
    ws_text(c, "427[\"tour\"]");
    if (!acknowledges(c, "[\"ask\"]", "[1,\"two\"]") || !expects(c, "437[\"yes\"]") ||
        !expects(c, "42[\"told\",1,\"two\"]")) {
        return false;
    }
    ws_frame attachment;
    if (!got_frame(c, &attachment)) {
        return false;
    }
    ck_assert_int_eq(strncmp((char *)attachment.data, "451-", 4), 0);
    unsigned long id = strtoul((char *)attachment.data + 4, NULL, 10);
    ws_frame_free(&attachment);
    if (!got_frame(c, &attachment)) {
        return false;
    }
    ck_assert_int_eq(attachment.first, 0x82);
    ck_assert_uint_eq(attachment.len, 2);
    ws_frame_free(&attachment);
    char reply[64];
    snprintf(reply, sizeof reply, "461-%lu[{\"_placeholder\":true,\"num\":0}]", id);
    ws_text(c, reply);
    ws_binary(c, "\1\2\3", 3);
    return expects(c, "42[\"fetched\"]") && expects(c, "41");
}

START_TEST(rooms_and_acknowledgements) {
    sweep(&(scenario){NULL, rooms_application, rooms_client});
}
END_TEST

/* ---- middlewares and namespaces made on demand ---- */

static void agree(sio_peer *peer, sio_next *next, void *user) {
    (void)sio_next_ok(next);
}

static void judge(sio_peer *peer, sio_next *next, void *user) {
    bool welcome = strcmp(sio_namespace_name(sio_peer_namespace(peer)), "/n1") == 0;
    (void)(welcome ? sio_next_ok(next) : sio_next_refuse(next, "go", "{\"why\":1}"));
}

static void rename_event(sio_peer *peer, const sio_event *event, sio_next *next, void *user) {
    who = peer;
    must(sio_next_replace(next, "other", event->args));
    (void)sio_next_ok(next);
}

static void answer(sio_peer *peer, const sio_event *event, void *user) {
    who = peer;
    must(sio_peer_emit(peer, "same", event->args, NULL));
}

static int parents_application(sio_server *made) {
    who = NULL;
    sio_namespace *parent = sio_server_of_pattern(made, "^/n[0-9]$");
    if (!parent) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_namespace_use(parent, agree, NULL);
    rc = rc != 0 ? rc : sio_namespace_use(parent, judge, NULL);
    rc = rc != 0 ? rc : sio_namespace_use_events(parent, rename_event, NULL);
    return rc != 0 ? rc : sio_namespace_on(parent, "other", answer, NULL);
}

static void parents_settings(sio_server_options *options) {
    options->cleanup_empty_child_namespaces = true;
}

static bool parents_client(raw_client *c) {
    if (!opens(c)) {
        return false;
    }
    ws_text(c, "40/n1,{\"token\":\"x\"}");
    if (!expects(c, "40/n1,{")) {
        return false;
    }
    ws_text(c, "42/n1,[\"first\",{\"a\":[1,2]}]");
    if (!expects(c, "42/n1,[\"same\",{\"a\":[1,2]}]")) {
        return false;
    }
    ws_text(c, "40/n2,");
    ws_frame frame;
    if (!got_frame(c, &frame)) {
        return false;
    }
    bool refused =
        strcmp((char *)frame.data, "44/n2,{\"message\":\"go\",\"data\":{\"why\":1}}") == 0;
    ws_frame_free(&frame);
    ws_text(c, "41/n1,");
    ws_text(c, "40/n1,");
    return expects(c, "40/n1,{") && refused;
}

START_TEST(middlewares_and_made_namespaces) {
    sweep(&(scenario){parents_settings, parents_application, parents_client});
}
END_TEST

/* ---- polling, then the upgrade; with a cookie and for another origin ---- */

static const char *const anyone[] = {"*"};

static void polling_settings(sio_server_options *options) {
    static const sio_server_cookie cookie = SIO_SERVER_COOKIE_INIT;
    static sio_server_cors cors = SIO_SERVER_CORS_INIT;
    cors.origins = anyone;
    cors.origin_count = 1;
    options->cookie = &cookie;
    options->cors = &cors;
    options->allow_eio3 = true;
}

static void echo(sio_peer *peer, const sio_event *event, void *user) {
    who = peer;
    must(sio_peer_emit(peer, "again", event->args, NULL));
}

static int echo_application(sio_server *made) {
    sio_namespace *ns = sio_server_of(made, "/");
    who = NULL;
    return ns ? sio_namespace_on(ns, "echo", echo, NULL) : SIO_ERR_NOMEM;
}

/* A payload with a close packet, behind a noop perhaps. */
static bool closes(const char *payload) {
    return strcmp(payload, "1") == 0 ||
           strcmp(payload, "6\x1e"
                           "1") == 0 ||
           strstr(payload, "1:1\");") != NULL;
}

/* @return whether it was answered with 200; what is wanted stands in its body */
static bool asks(raw_client *c, const char *method, const char *target, const char *body,
                 const char *wanted, char sid[64]) {
    http_answer got;
    http_send(c, method, target, "Origin: http://a\r\n", body, body ? strlen(body) : 0);
    if (!http_receive(c, &got)) {
        return false;
    }
    bool fine = got.status == 200;
    if (fine && sid) {
        ck_assert(http_has(&got, "Access-Control-Allow-Origin: *"));
        const char *at = strstr(got.body, "\"sid\":\"");
        ck_assert(strstr(got.head, "io=") && at && sscanf(at, "\"sid\":\"%63[^\"]", sid) == 1);
    }
    bool there = strstr(got.body, wanted) != NULL;
    if (fine) {
        ck_assert_msg(there || closes(got.body), "%s, not %s", got.body, wanted);
    }
    http_answer_free(&got);
    return fine && there;
}

static bool upgrade_client(raw_client *c) {
    char sid[64], polling[160], upgrade[160];
    if (!asks(c, "GET", "/socket.io/?EIO=4&transport=polling", NULL, "0{", sid)) {
        return false;
    }
    snprintf(polling, sizeof polling, "/socket.io/?EIO=4&transport=polling&sid=%s", sid);
    snprintf(upgrade, sizeof upgrade, "/socket.io/?EIO=4&transport=websocket&sid=%s", sid);
    if (!asks(c, "POST", polling, "40", "ok", NULL) ||
        !asks(c, "GET", polling, NULL, "40{", NULL) ||
        !asks(c, "POST", polling, "42[\"echo\",1]", "ok", NULL) ||
        !asks(c, "GET", polling, NULL, "42[\"again\",1]", NULL)) {
        return false;
    }
    raw_client ws;
    raw_open(&ws, &t);
    bool through = upgrades(&ws, upgrade);
    if (through) {
        ws_text(&ws, "2probe");
        through = expects(&ws, "3probe");
    }
    if (through) {
        http_send(c, "GET", polling, "", NULL, 0);
        http_answer noop;
        through = http_receive(c, &noop);
        if (through) {
            through = noop.status == 200;
            http_answer_free(&noop);
        }
    }
    if (through) {
        ws_text(&ws, "5");
        ws_text(&ws, "42[\"echo\",\"over ws\"]");
        through = expects(&ws, "42[\"again\",\"over ws\"]");
    }
    raw_close(&ws);
    return through;
}

START_TEST(polling_and_upgrade) {
    sweep(&(scenario){polling_settings, echo_application, upgrade_client});
}
END_TEST

/* Engine.IO 3: the older payloads, and JSONP. */
static bool jsonp_client(raw_client *c) {
    char sid[64], target[160];
    http_answer got;
    http_send(c, "GET", "/socket.io/?EIO=3&transport=polling&j=0", "", NULL, 0);
    if (!http_receive(c, &got)) {
        return false;
    }
    const char *at = strstr(got.body, "\\\"sid\\\":\\\"");
    bool opened = got.status == 200 && at && sscanf(at + 10, "%63[^\\]", sid) == 1;
    http_answer_free(&got);
    if (!opened) {
        return false;
    }
    snprintf(target, sizeof target, "/socket.io/?EIO=3&transport=polling&j=1&sid=%s", sid);
    http_send(c, "GET", target, "", NULL, 0);
    if (!http_receive(c, &got)) {
        return false;
    }
    bool joined = got.status == 200;
    if (joined) {
        joined = strstr(got.body, "2:40") != NULL;
        ck_assert_msg(joined || closes(got.body), "%s", got.body);
    }
    http_answer_free(&got);
    if (!joined) {
        return false;
    }
    http_send(c, "POST", target, "Content-Type: application/x-www-form-urlencoded\r\n",
              "d=12%3A42%5B%22echo%22%2C1%5D", 29);
    if (!http_receive(c, &got)) {
        return false;
    }
    bool posted = got.status == 200;
    http_answer_free(&got);
    if (!posted) {
        return false;
    }
    http_send(c, "GET", target, "", NULL, 0);
    if (!http_receive(c, &got)) {
        return false;
    }
    bool back = got.status == 200;
    if (back) {
        back = strstr(got.body, "again") != NULL;
        ck_assert_msg(back || closes(got.body), "%s", got.body);
    }
    http_answer_free(&got);
    return back;
}

START_TEST(older_clients_and_jsonp) {
    sweep(&(scenario){polling_settings, echo_application, jsonp_client});
}
END_TEST

/* ---- recovery: what was sent meanwhile is there, or the client begins anew and knows it ---- */

static void recovery_settings(sio_server_options *options) {
    static const sio_server_recovery recovery = SIO_SERVER_RECOVERY_INIT;
    options->recovery = &recovery;
}

static void greet(sio_peer *peer, const sio_event *event, void *user) {
    who = peer;
    must(sio_peer_join(peer, "room"));
    must(sio_peer_emitf(peer, sio_peer_recovered(peer) ? "back" : "new", "s", "x"));
}

static void left(sio_peer *peer, const sio_event *event, void *user) {
    who = NULL;
}

static int recovery_application(sio_server *made) {
    sio_namespace *ns = sio_server_of(made, "/");
    who = NULL;
    if (!ns) {
        return SIO_ERR_NOMEM;
    }
    int rc = sio_namespace_on_connection(ns, greet, NULL);
    return rc != 0 ? rc : sio_namespace_on(ns, "disconnect", left, NULL);
}

/* Joins, and reads the ids and the first event's offset. */
static bool gets_identity(raw_client *c, char pid[64], char offset[64]) {
    ws_frame frame;
    if (!opens(c)) {
        return false;
    }
    ws_text(c, "40");
    if (!got_frame(c, &frame)) {
        return false;
    }
    const char *at = strstr((char *)frame.data, "\"pid\":\"");
    bool good = at && sscanf(at + 7, "%63[^\"]", pid) == 1;
    ws_frame_free(&frame);
    if (!good || !got_frame(c, &frame)) {
        return false;
    }
    good = sscanf((char *)frame.data, "42[\"new\",\"x\",\"%63[^\"]", offset) == 1;
    ws_frame_free(&frame);
    return good;
}

/* What was missed comes before the answer to CONNECT, as from the JavaScript server. */
static bool is_made_up_to(raw_client *c, bool missed) {
    ws_frame frame;
    if (!got_frame(c, &frame)) {
        return false;
    }
    bool there = strncmp((char *)frame.data, "42[\"missed\"", 11) == 0;
    ws_frame_free(&frame);
    if ((there && !expects(c, "40{")) || !got_frame(c, &frame)) {
        return false;
    }
    /* Recovered means: it gets all that the server said it had sent. */
    bool recovered = strncmp((char *)frame.data, "42[\"back\"", 9) == 0;
    ck_assert_msg(recovered ? there == missed : !there, "%s, there %d, missed %d", frame.data,
                  there, missed);
    ws_frame_free(&frame);
    return recovered;
}

static bool comes_back(const char *pid, const char *offset, bool missed) {
    raw_client c;
    char connect[256];
    bool back = false;
    raw_open(&c, &t);
    if (opens(&c)) {
        snprintf(connect, sizeof connect, "40{\"pid\":\"%s\",\"offset\":\"%s\"}", pid, offset);
        ws_text(&c, connect);
        back = is_made_up_to(&c, missed);
    }
    raw_close(&c);
    return back;
}

static bool recovery_client(raw_client *c) {
    char pid[64], offset[64];
    if (!gets_identity(c, pid, offset)) {
        return false;
    }
    raw_close(c);
    server_until(&t, sio_server_session_count(server) == 0);
    sio_target room = sio_namespace_target(sio_server_of(server, "/"));
    sio_target_to(&room, "room");
    bool missed = sio_target_emitf(&room, "missed", "s", "text") == 0;
    return comes_back(pid, offset, missed) && missed;
}

START_TEST(recovery) {
    sweep(&(scenario){recovery_settings, recovery_application, recovery_client});
}
END_TEST

/* ---- MessagePack ---- */

static void msgpack_settings(sio_server_options *options) {
    options->parser = SIO_PARSER_MSGPACK;
}

static bool msgpack_client(raw_client *c) {
    static const char connect[] = "\x82\xa4type\x00\xa3nsp\xa1/";
    static const char event[] = "\x83\xa4type\x02\xa4"
                                "data\x92\xa4"
                                "echo\x93\x01\xa1x\xc4\x02yz\xa3nsp\xa1/";
    ws_frame frame;
    if (!opens(c)) {
        return false;
    }
    ws_binary(c, connect, sizeof(connect) - 1);
    if (!got_frame(c, &frame)) {
        return false;
    }
    ws_frame_free(&frame);
    ws_binary(c, event, sizeof(event) - 1);
    if (!got_frame(c, &frame)) {
        return false;
    }
    bool same = frame.first == 0x82 && memmem(frame.data, frame.len, "\x93\x01\xa1x\xc4\x02yz", 8);
    ck_assert(same);
    ws_frame_free(&frame);
    return same;
}

START_TEST(msgpack) {
    sweep(&(scenario){msgpack_settings, echo_application, msgpack_client});
}
END_TEST

/* ---- files, the client's scripts, answers of the application ---- */

static char folder[32];

static void write_file(const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/sio-short-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file("index.html", "<p>page of some length, some length, some length</p>");
    write_file("a.js", "let a = 1; let b = 1; let c = 1; let d = 1;");
}

static void remove_folder(void) {
    char path[64];
    const char *names[] = {"index.html", "a.js"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static void reply_later(sio_request *request, void *user) {
    /* Without memory the request ends unanswered, and so does its connection. */
    (void)sio_request_reply(request, 200, "text/plain", "said by hand", 12);
}

static int files_application(sio_server *made) {
    sio_server_on_request(made, reply_later, NULL);
    return sio_server_serve_dir(made, "/s", folder);
}

static bool files_client(raw_client *c) {
    static const struct {
        const char *method, *target, *headers;
        int status;
    } rows[] = {
        {"GET", "/s/", "Accept-Encoding: gzip\r\n", 200},
        {"GET", "/s/index.html", "Range: bytes=3-6\r\n", 206},
        {"GET", "/s/a.js", "If-None-Match: \"x\"\r\n", 200},
        {"GET", "/s/none", "", 404},
        {"GET", "/else", "", 200},
        {"POST", "/else", "", 200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        http_answer got;
        const char *body = rows[i].method[0] == 'P' ? "body" : NULL;
        http_send(c, rows[i].method, rows[i].target, rows[i].headers, body, body ? 4 : 0);
        if (!http_receive(c, &got)) {
            return false;
        }
        http_answer_free(&got);
        if (got.status >= 500) {
            return false;
        }
        ck_assert_msg(got.status == rows[i].status, "%s: %d", rows[i].target, got.status);
    }
    return true;
}

START_TEST(files) {
    make_folder();
    sweep(&(scenario){NULL, files_application, files_client});
    remove_folder();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("server_short_memory");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, rooms_and_acknowledgements);
    tcase_add_test(tc, middlewares_and_made_namespaces);
    tcase_add_test(tc, polling_and_upgrade);
    tcase_add_test(tc, older_clients_and_jsonp);
    tcase_add_test(tc, recovery);
    tcase_add_test(tc, msgpack);
    tcase_add_test(tc, files);
    suite_add_tcase(suite, tc);
    return test_run(suite);
}
