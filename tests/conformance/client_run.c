#include "client_run.h"

#include <cjson/cJSON.h>
#include <event2/event.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void check(int rc, const char *what) {
    if (rc != 0) {
        fail("%s: %s", what, sio_error_text(rc));
    }
}

static void *alloc(size_t size) {
    void *memory = calloc(1, size);
    check(memory == NULL ? SIO_ERR_NOMEM : 0, "memory");
    return memory;
}

static char *copy(const char *text, size_t len) {
    char *out = alloc(len + 1);
    if (len > 0) {
        memcpy(out, text, len);
    }
    return out;
}

uint64_t now_ms(void) {
    struct timespec now;
    check(clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? 0 : SIO_ERR_STATE, "clock");
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the inbox ---------------------------------------------------------------------------- */

static void keep(struct run *run, sio_socket *socket, const char *name, const sio_event *ev) {
    struct record *record = alloc(sizeof(*record)), **end = &run->inbox;
    const char *reason = ev->reason != NULL ? ev->reason : "";
    record->socket = socket;
    record->name_len = name != NULL ? strlen(name) : ev->name.len;
    record->name = copy(name != NULL ? name : ev->name.ptr, record->name_len);
    record->reason = copy(reason, strlen(reason));
    record->data = copy(ev->data.ptr, ev->data.len);
    record->status = ev->status;
    record->came_ms = now_ms();
    if (socket != NULL) {
        record->id = copy(sio_socket_id(socket), strlen(sio_socket_id(socket)));
        record->recovered = sio_socket_recovered(socket);
    }
    check(sio_args_ref(&record->args, ev->args), "arguments");
    if (ev->ack != NULL) {
        check(sio_ack_ref(&record->ack, ev->ack), "ack");
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = record;
}

void record_free(struct record *record) {
    sio_args_unref(record->args);
    sio_ack_unref(record->ack);
    free(record->name);
    free(record->reason);
    free(record->data);
    free(record->id);
    free(record);
}

static void on_any(sio_socket *socket, const sio_event *ev, void *user) {
    struct run *run = user;
    if (sio_event_is(ev, "down")) {
        run->down_wrong += sio_event_int(ev, 0) != run->down_next;
        run->down_next++;
        return;
    }
    keep(run, socket, NULL, ev);
}

static void on_connect(sio_socket *socket, const sio_event *ev, void *user) {
    keep(user, socket, "connect", ev);
}

static void on_connect_error(sio_socket *socket, const sio_event *ev, void *user) {
    keep(user, socket, "connect_error", ev);
}

static void on_disconnect(sio_socket *socket, const sio_event *ev, void *user) {
    struct run *run = user;
    keep(run, socket, "disconnect", ev);
    if (run->on_disconnect != NULL) {
        run->on_disconnect(socket);
    }
}

void on_reply(const sio_event *reply, void *user) {
    keep(user, NULL, "ack", reply);
}

static void count(sio_client *client, const sio_event *ev, void *user) {
    int64_t *counter = user;
    (void)client, (void)ev;
    (*counter)++;
}

/* ---- sockets ------------------------------------------------------------------------------- */

sio_socket *open_socket(struct run *run, const char *nsp) {
    if (run->client == NULL) {
        check(sio_client_new(&run->client, run->url, &run->options), "client");
        check(sio_client_on(run->client, "open", count, &run->opens), "on");
        check(sio_client_on(run->client, "reconnect", count, &run->reconnections), "on");
        check(sio_client_on(run->client, "reconnect_attempt", count, &run->attempts), "on");
        check(sio_client_on(run->client, "reconnect_error", count, &run->failed_attempts), "on");
    }
    sio_socket *socket = sio_client_socket(run->client, nsp);
    check(socket == NULL ? SIO_ERR_NOMEM : 0, nsp);
    check(sio_socket_on(socket, "connect", on_connect, run), "on");
    check(sio_socket_on(socket, "connect_error", on_connect_error, run), "on");
    check(sio_socket_on(socket, "disconnect", on_disconnect, run), "on");
    check(sio_socket_on_any(socket, on_any, run), "on");
    return socket;
}

void settle(struct run *run) {
    run->awaiting = "the client to be done";
    check(sio_client_run(run->client), "run");
}

void leave(struct run *run, sio_socket *socket) {
    sio_socket_disconnect(socket);
    expect_reason(run, socket, "disconnect", "io client disconnect");
    settle(run);
}

/* ---- awaiting ------------------------------------------------------------------------------ */

struct record *take(struct run *run, const sio_socket *socket, const char *name) {
    for (struct record **at = &run->inbox; *at != NULL; at = &(*at)->next) {
        struct record *record = *at;
        bool named = record->name_len == strlen(name) && strcmp(record->name, name) == 0;
        if (named && (socket == NULL || record->socket == socket)) {
            *at = record->next;
            return record;
        }
    }
    return NULL;
}

void expect_none(struct run *run, const sio_socket *socket, const char *name) {
    struct record *record = take(run, socket, name);
    if (record != NULL) {
        fail("unexpected: %s, reason '%s'", name, record->reason);
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *user) {
    struct run *run = user;
    (void)fd, (void)what;
    for (const struct record *record = run->inbox; record != NULL; record = record->next) {
        fprintf(stderr, "not taken: %s, reason '%s'\n", record->name, record->reason);
    }
    fail("time is up; awaited: %s; detail: %s", run->awaiting,
         run->client != NULL ? sio_client_error_detail(run->client) : "");
}

void turn(struct run *run, const char *awaiting) {
    run->awaiting = awaiting;
    if (event_base_loop(run->base, EVLOOP_ONCE) != 0) {
        fail("the loop has nothing to do; awaited: %s", awaiting);
    }
}

static void on_idle_end(evutil_socket_t fd, short what, void *user) {
    bool *over = user;
    (void)fd, (void)what;
    *over = true;
}

void idle(struct run *run, unsigned ms) {
    const struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    bool over = false;
    check(event_base_once(run->base, -1, EV_TIMEOUT, on_idle_end, &over, &wait), "timer");
    while (!over) {
        turn(run, "nothing");
    }
}

struct record *await(struct run *run, sio_socket *socket, const char *name) {
    struct record *record;
    while ((record = take(run, socket, name)) == NULL) {
        turn(run, name);
    }
    return record;
}

/* ---- values ------------------------------------------------------------------------------- */

static uint8_t digit(char c) {
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes that `<00ff>` stands for, as a binary node; NULL for any other text. */
static cJSON *binary_of(const char *text) {
    size_t len = strlen(text);
    if (len < 2 || len % 2 != 0 || text[0] != '<' || text[len - 1] != '>' ||
        strspn(text + 1, "0123456789abcdef") != len - 2) {
        return NULL;
    }
    uint8_t *bytes = alloc(len);
    for (size_t i = 1; i + 1 < len; i += 2) {
        bytes[i / 2] = (uint8_t)(digit(text[i]) << 4 | digit(text[i + 1]));
    }
    cJSON *node = sio_json_binary(bytes, (len - 2) / 2);
    check(node == NULL ? SIO_ERR_NOMEM : 0, "memory");
    free(bytes);
    return node;
}

/* Put binary nodes in place of the texts that stand for them. */
static void fill_in_binary(cJSON *tree) {
    for (cJSON *item = tree->child, *next; item != NULL; item = next) {
        cJSON *binary = cJSON_IsString(item) ? binary_of(item->valuestring) : NULL;
        next = item->next;
        if (binary != NULL && cJSON_IsObject(tree)) {
            char *name = copy(item->string, strlen(item->string));
            check(cJSON_ReplaceItemInObjectCaseSensitive(tree, name, binary) ? 0 : SIO_ERR_NOMEM,
                  name);
            free(name);
        } else if (binary != NULL) {
            check(cJSON_ReplaceItemViaPointer(tree, item, binary) ? 0 : SIO_ERR_NOMEM, "list");
        } else {
            fill_in_binary(item);
        }
    }
}

/* The list that `text` describes, see args_of(). */
static cJSON *list_of(const char *text) {
    sio_buf json;
    cJSON *list = NULL;
    sio_buf_init(&json, 0, NULL);
    check(sio_buf_add_byte(&json, '['), text);
    check(sio_buf_add_text(&json, text), text);
    check(sio_buf_add_byte(&json, ']'), text);
    check(sio_json_parse(&list, (const char *)json.data, json.len, 0), text);
    sio_buf_free(&json);
    fill_in_binary(list);
    return list;
}

sio_args *args_of(const char *text) {
    cJSON *list = list_of(text), *item;
    sio_args *args = NULL;
    check(sio_args_new(&args, NULL), "arguments");
    cJSON_ArrayForEach(item, list) {
        check(sio_args_add_json(args, item), text);
    }
    cJSON_Delete(list);
    return args;
}

static bool same(const cJSON *a, const cJSON *b);

static bool same_members(const cJSON *a, const cJSON *b) {
    const cJSON *item;
    cJSON_ArrayForEach(item, a) {
        if (!same(item, cJSON_GetObjectItemCaseSensitive(b, item->string))) {
            return false;
        }
    }
    return cJSON_GetArraySize(a) == cJSON_GetArraySize(b);
}

static bool same_items(const cJSON *a, const cJSON *b) {
    const cJSON *x = a->child, *y = b->child;
    while (x != NULL && y != NULL && same(x, y)) {
        x = x->next;
        y = y->next;
    }
    return x == NULL && y == NULL;
}

static bool same_bytes(sio_bytes a, sio_bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool same(const cJSON *a, const cJSON *b) {
    if (a == NULL || b == NULL || sio_json_is_binary(a) || sio_json_is_binary(b)) {
        return sio_json_is_binary(a) && sio_json_is_binary(b) &&
               same_bytes(sio_json_binary_get(a), sio_json_binary_get(b));
    }
    if ((a->type & 0xff) != (b->type & 0xff)) {
        return false;
    }
    switch (a->type & 0xff) {
    case cJSON_Number:
        return !(a->valuedouble < b->valuedouble) && !(a->valuedouble > b->valuedouble);
    case cJSON_String:
        return strcmp(a->valuestring, b->valuestring) == 0;
    case cJSON_Array:
        return same_items(a, b);
    case cJSON_Object:
        return same_members(a, b);
    default:
        return true;
    }
}

_Noreturn static void fail_args(const struct record *record, const char *args) {
    sio_buf text;
    sio_buf_init(&text, 0, NULL);
    check(sio_args_write(record->args, &text), "text");
    fail("%s: expected (%s), got (%.*s) and %u attachments", record->name, args, (int)text.len,
         (const char *)text.data, sio_args_attachment_count(record->args));
}

void expect_args(const struct record *record, const char *args) {
    cJSON *list = list_of(args);
    const cJSON *item = list->child;
    size_t count = sio_args_count(record->args);
    for (size_t i = 0; i < count; i++) {
        const cJSON *got = NULL;
        check(sio_args_json(&got, record->args, i), record->name);
        if (item == NULL || !same(got, item)) {
            fail_args(record, args);
        }
        item = item->next;
    }
    if (item != NULL) {
        fail_args(record, args);
    }
    cJSON_Delete(list);
}

static void expect_data(const struct record *record, const char *data) {
    cJSON *got = list_of(record->data), *expected = list_of(data);
    if (!same(got, expected)) {
        fail("%s: expected data %s, got %s", record->name, data, record->data);
    }
    cJSON_Delete(got);
    cJSON_Delete(expected);
}

void expect(struct run *run, sio_socket *socket, const char *name, const char *args) {
    struct record *record = await(run, socket, name);
    expect_args(record, args);
    record_free(record);
}

void expect_reason(struct run *run, sio_socket *socket, const char *name, const char *reason) {
    struct record *record = await(run, socket, name);
    if (strcmp(record->reason, reason) != 0) {
        fail("%s: expected '%s', got '%s'", name, reason, record->reason);
    }
    record_free(record);
}

void expect_refusal(struct run *run, sio_socket *socket, const char *reason, const char *data) {
    struct record *record = await(run, socket, "connect_error");
    if (reason != NULL && strcmp(record->reason, reason) != 0) {
        fail("connect_error: expected '%s', got '%s'", reason, record->reason);
    }
    if (data != NULL) {
        expect_data(record, data);
    }
    if (record->status != SIO_ERR_SIO_REFUSED || sio_socket_connected(socket)) {
        fail("connect_error: status %d", record->status);
    }
    record_free(record);
}

void expect_nothing(const struct run *run) {
    if (run->inbox != NULL) {
        fail("unexpected: %s, reason '%s'", run->inbox->name, run->inbox->reason);
    }
}

void expect_ack(struct run *run, const char *args) {
    struct record *record = await(run, NULL, "ack");
    check(record->status, "acknowledgement");
    expect_args(record, args);
    record_free(record);
}

/* ---- the program -------------------------------------------------------------------------- */

static void write_log(const char *scope, const char *text, void *user) {
    (void)user;
    fprintf(stderr, "%s %s\n", scope, text);
}

void run_init(struct run *run, const char *url) {
    *run = (struct run){.url = url, .options = SIO_CLIENT_OPTIONS_INIT};
    run->base = event_base_new();
    run->options.base = run->base;
    run->options.reconnection_delay_ms = 100;
    run->options.reconnection_delay_max_ms = 300;
    run->options.randomization_factor = -1;
    run->options.log = getenv("DEBUG") != NULL ? write_log : NULL;
    run->tls = (sio_client_tls)SIO_CLIENT_TLS_INIT;
    run->tls.ca_file = getenv("SIO_CA");
    run->tls.cert_file = getenv("SIO_CERT");
    run->tls.key_file = getenv("SIO_KEY");
    run->options.tls = &run->tls;
}

void run_play(struct run *run, const struct scenario *scenario, unsigned deadline_s) {
    const struct timeval deadline = {(time_t)deadline_s, 0};
    struct event *timer = run->base != NULL ? event_new(run->base, -1, 0, on_deadline, run) : NULL;
    check(timer == NULL ? SIO_ERR_NOMEM : event_add(timer, &deadline), "deadline");
    scenario->play(run);
    event_free(timer);
}

void run_done(struct run *run) {
    struct record *record;
    sio_client_free(run->client);
    while ((record = run->inbox) != NULL) {
        run->inbox = record->next;
        record_free(record);
    }
    event_base_free(run->base);
}

const struct scenario *scenario_named(const struct scenario *list, const char *name) {
    while (list->name != NULL && strcmp(list->name, name) != 0) {
        list++;
    }
    return list->name != NULL ? list : NULL;
}
