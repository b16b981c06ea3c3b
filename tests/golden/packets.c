#include "packets.h"

#include <sio/json.h>

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"connect", "disconnect", "event", "ack", "connect_error"};

/* ---- trees with binary ---- */

typedef cJSON *(*replace_fn)(const cJSON *node);

/* Put what `replace` makes of a node in its place, everywhere in the tree. */
static cJSON *replaced(cJSON *node, replace_fn replace) {
    cJSON *other = replace(node);
    if (other) {
        other->string = node->string;
        node->string = NULL;
        cJSON_Delete(node);
        return other;
    }
    cJSON *next;
    for (cJSON *child = node->child; child; child = next) {
        next = child->next;
        cJSON *before = child->prev;
        bool last = next == NULL;
        bool first = node->child == child;
        child->next = NULL;
        cJSON *now = replaced(child, replace);
        now->next = next;
        now->prev = before;
        if (first) {
            node->child = now;
        } else {
            before->next = now;
        }
        if (last) {
            node->child->prev = now;
        } else {
            next->prev = now;
        }
    }
    return node;
}

static cJSON *to_binary(const cJSON *node) {
    const cJSON *digits = cJSON_IsObject(node) ? cJSON_GetObjectItem(node, "$bin") : NULL;
    if (!digits) {
        return NULL;
    }
    sio_buf bytes = {0};
    golden_unhex(&bytes, (sio_str){digits->valuestring, strlen(digits->valuestring)});
    cJSON *binary = sio_json_binary(bytes.data, bytes.len);
    GOLDEN_NEED(binary);
    sio_buf_free(&bytes);
    return binary;
}

static cJSON *from_binary(const cJSON *node) {
    if (!sio_json_is_binary(node)) {
        return NULL;
    }
    sio_buf text = {0};
    golden_hex(&text, sio_json_binary_get(node));
    GOLDEN_NEED(sio_buf_add_byte(&text, '\0') == 0);
    cJSON *object = cJSON_CreateObject();
    GOLDEN_NEED(cJSON_AddStringToObject(object, "$bin", (const char *)text.data));
    sio_buf_free(&text);
    return object;
}

/* cJSON_Duplicate does not copy binary, so a received tree is rebuilt by hand. */
static cJSON *copied(const cJSON *node) {
    cJSON *other = from_binary(node);
    if (other) {
        return other;
    }
    other = cJSON_Duplicate(node, 0);
    GOLDEN_NEED(other);
    cJSON *last = NULL;
    for (const cJSON *child = node->child; child; child = child->next) {
        cJSON *now = copied(child);
        if (child->string && !now->string) {
            now->string = strdup(child->string);
        }
        now->prev = last;
        if (last) {
            last->next = now;
        } else {
            other->child = now;
        }
        last = now;
    }
    if (last) {
        other->child->prev = last;
    }
    return other;
}

static void add_escaped(sio_buf *log, const sio_buf *text) {
    golden_escape(log, text->data, text->len, true);
}

static void add_tree(sio_buf *out, const cJSON *node) {
    cJSON *plain = copied(node);
    GOLDEN_NEED(sio_json_print(out, plain) == 0);
    cJSON_Delete(plain);
}

/* ---- what is to be encoded ---- */

static void read_id(sio_packet_head *head, sio_str text) {
    head->has_id = !golden_is(text, "-");
    for (size_t i = 0; head->has_id && i < text.len; i++) {
        head->id = head->id * 10 + (uint64_t)(text.ptr[i] - '0');
    }
}

static void read_name(golden_packet *out, const cJSON *name) {
    if (cJSON_IsNumber(name)) {
        out->head.name_is_number = true;
        GOLDEN_NEED(sio_json_add_double(&out->name, name->valuedouble) == 0);
    } else {
        GOLDEN_NEED(cJSON_IsString(name));
        GOLDEN_NEED(sio_buf_add_text(&out->name, name->valuestring) == 0);
    }
}

static void read_args(golden_packet *out) {
    GOLDEN_NEED(sio_args_new(&out->args, NULL) == 0);
    const cJSON *next = out->data ? out->data->child : NULL;
    if (next && out->head.type == SIO_PACKET_EVENT) {
        read_name(out, next);
        next = next->next;
    }
    for (; next; next = next->next) {
        GOLDEN_NEED(sio_args_add_json(out->args, next) == 0);
    }
}

void golden_packet_read(golden_packet *out, const golden_case *test) {
    *out = (golden_packet){.data = NULL};
    GOLDEN_NEED(test->packet.count == 1 && test->data.count <= 1);
    sio_str line = test->packet.line[0];
    out->kind = golden_word(&line);
    golden_unescape(&out->nsp, golden_word(&line));
    out->head.nsp = (sio_str){(const char *)out->nsp.data, out->nsp.len};
    read_id(&out->head, line);
    if (test->data.count == 1) {
        sio_buf json = {0};
        golden_unescape(&json, test->data.line[0]);
        GOLDEN_NEED(sio_json_parse(&out->data, (const char *)json.data, json.len, 0) == 0);
        out->data = replaced(out->data, to_binary);
        sio_buf_free(&json);
    }
    for (size_t type = 0; type < sizeof(kinds) / sizeof(*kinds); type++) {
        if (golden_is(out->kind, kinds[type])) {
            out->head.type = (sio_packet_type)type;
        }
    }
    if (out->head.type == SIO_PACKET_EVENT || out->head.type == SIO_PACKET_ACK) {
        read_args(out);
    }
}

void golden_packet_free(golden_packet *packet) {
    cJSON_Delete(packet->data);
    sio_args_unref(packet->args);
    sio_buf_free(&packet->nsp);
    sio_buf_free(&packet->name);
}

sio_str golden_member_text(const golden_packet *packet, const char *key) {
    const cJSON *member = packet->data ? cJSON_GetObjectItem(packet->data, key) : NULL;
    const char *text = cJSON_GetStringValue(member);
    return (sio_str){text, text ? strlen(text) : 0};
}

void golden_member_json(sio_buf *out, const golden_packet *packet, const char *key) {
    const cJSON *member = packet->data ? cJSON_GetObjectItem(packet->data, key) : NULL;
    if (member) {
        GOLDEN_NEED(sio_json_print(out, member) == 0);
    }
}

void golden_data_json(sio_buf *out, const golden_packet *packet) {
    if (packet->data) {
        GOLDEN_NEED(sio_json_print(out, packet->data) == 0);
    }
}

/* ---- logs ---- */

static void log_head(sio_buf *log, const sio_packet *packet) {
    GOLDEN_NEED(sio_buf_add_text(log, kinds[packet->type]) == 0);
    GOLDEN_NEED(sio_buf_add_byte(log, ' ') == 0);
    golden_escape(log, packet->nsp.ptr, packet->nsp.len, false);
    if (packet->nsp_query.len > 0) {
        GOLDEN_NEED(sio_buf_add_byte(log, '?') == 0);
        golden_escape(log, packet->nsp_query.ptr, packet->nsp_query.len, false);
    }
    GOLDEN_NEED(sio_buf_add_byte(log, ' ') == 0);
    GOLDEN_NEED((packet->has_id ? sio_buf_add_u64(log, packet->id) : sio_buf_add_byte(log, '-')) ==
                0);
}

static void log_name(sio_buf *log, const sio_packet *packet) {
    sio_str name = sio_args_name(packet->args);
    sio_buf text = {0};
    GOLDEN_NEED((packet->name_is_number ? sio_buf_add(&text, name.ptr, name.len)
                                        : sio_json_add_string(&text, name.ptr, name.len)) == 0);
    GOLDEN_NEED(sio_buf_add_byte(log, ' ') == 0);
    add_escaped(log, &text);
    sio_buf_free(&text);
}

/* As JSON.stringify writes the argument. A tree cannot hold U+0000: then the text itself. */
static void add_arg(sio_buf *text, const sio_args *args, size_t index) {
    const cJSON *tree;
    int rc = sio_args_json(&tree, args, index);
    if (rc == 0) {
        add_tree(text, tree);
        return;
    }
    GOLDEN_NEED(rc == SIO_ERR_JSON_NUL);
    sio_str raw = sio_args_raw(args, index);
    GOLDEN_NEED(sio_buf_add(text, raw.ptr, raw.len) == 0);
}

static void log_args(sio_buf *log, const sio_args *args) {
    sio_buf text = {0};
    for (size_t i = 0; i < sio_args_count(args); i++) {
        GOLDEN_NEED(sio_buf_add_byte(&text, i == 0 ? '[' : ',') == 0);
        add_arg(&text, args, i);
    }
    GOLDEN_NEED(sio_buf_add_text(&text, text.len == 0 ? "[]" : "]") == 0);
    GOLDEN_NEED(sio_buf_add_byte(log, ' ') == 0);
    add_escaped(log, &text);
    sio_buf_free(&text);
}

static void log_payload(sio_buf *log, sio_str payload) {
    cJSON *tree;
    sio_buf text = {0};
    GOLDEN_NEED(sio_json_parse(&tree, payload.ptr, payload.len, 0) == 0);
    GOLDEN_NEED(sio_json_print(&text, tree) == 0);
    GOLDEN_NEED(sio_buf_add_byte(log, ' ') == 0);
    add_escaped(log, &text);
    sio_buf_free(&text);
    cJSON_Delete(tree);
}

void golden_packet_log(sio_buf *log, const sio_packet *packet) {
    log_head(log, packet);
    if (packet->type == SIO_PACKET_EVENT) {
        log_name(log, packet);
    }
    if (packet->args) {
        log_args(log, packet->args);
    } else if (packet->payload.len > 0) {
        log_payload(log, packet->payload);
    }
    GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
}

void golden_packet_expect(sio_buf *log, const golden_packet *packet) {
    sio_packet as = {.type = packet->head.type,
                     .has_id = packet->head.has_id,
                     .id = packet->head.id,
                     .nsp = packet->head.nsp};
    if (golden_is(packet->kind, "error_v4")) {
        as.type = SIO_PACKET_CONNECT_ERROR;
    }
    log_head(log, &as);
    if (packet->data) {
        sio_buf text = {0};
        const cJSON *shown = packet->data;
        if (as.type == SIO_PACKET_EVENT) {
            add_tree(&text, shown->child);
            GOLDEN_NEED(sio_buf_add_byte(&text, ' ') == 0);
        }
        cJSON *rest = copied(shown);
        if (as.type == SIO_PACKET_EVENT) {
            cJSON_DeleteItemFromArray(rest, 0);
        }
        GOLDEN_NEED(sio_json_print(&text, rest) == 0);
        cJSON_Delete(rest);
        GOLDEN_NEED(sio_buf_add_byte(log, ' ') == 0);
        add_escaped(log, &text);
        sio_buf_free(&text);
    }
    GOLDEN_NEED(sio_buf_add_byte(log, '\n') == 0);
}
