/* Events to be sent, made of JSON text. */
#include "siocat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX_BINARIES = SIO_JSON_MAX_BINARIES };

/* What a pass over the text has found. */
struct rewriting {
    struct siocat_message *message;
    sio_str json;
    sio_blob *binaries[MAX_BINARIES];
    uint32_t count;
    bool any_file;
    bool has_placeholder;
};

int siocat_message_init(struct siocat_message *message) {
    sio_buf_init(&message->text, 0, NULL);
    return sio_args_new(&message->args, NULL);
}

void siocat_message_free(struct siocat_message *message) {
    sio_args_unref(message->args);
    message->args = NULL;
    sio_buf_free(&message->text);
}

static int fail(struct siocat_message *message, int rc, const char *text) {
    snprintf(message->error, sizeof(message->error), "%s", text);
    return rc;
}

/* ---- binary ---- */

static int read_file(struct rewriting *r, sio_buf *out, sio_str path) {
    char name[4096];
    if (path.len >= sizeof(name) || memchr(path.ptr, '\0', path.len)) {
        return fail(r->message, SIO_ERR_INVALID, "impossible file name");
    }
    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    int rc = siocat_file_read(out, name, SIOCAT_FILE_MAX, r->any_file);
    if (rc != 0) {
        const char *why = rc == SIO_ERR_LIMIT   ? "larger than 64 MiB"
                          : rc == SIO_ERR_NOMEM ? sio_error_text(rc)
                                                : strerror(errno);
        snprintf(r->message->error, sizeof(r->message->error), "%.160s: %s", name, why);
    }
    return rc;
}

static int keep_binary(struct rewriting *r, sio_buf *bytes) {
    if (r->count == MAX_BINARIES) {
        return fail(r->message, SIO_ERR_LIMIT, "too many binaries");
    }
    int rc = sio_blob_take(&r->binaries[r->count], bytes);
    if (rc != 0) {
        return fail(r->message, rc, sio_error_text(rc));
    }
    sio_buf *out = &r->message->text;
    rc = sio_buf_add_text(out, "{\"_placeholder\":true,\"num\":");
    if (rc == 0) {
        rc = sio_buf_add_u64(out, r->count);
    }
    r->count++;
    return rc == 0 ? sio_buf_add_byte(out, '}') : rc;
}

/* The string `token` is the path or the base64 text. */
static int add_binary(struct rewriting *r, bool file, sio_str token) {
    sio_args *decoded = NULL;
    sio_buf array, bytes;
    sio_buf_init(&array, 0, NULL);
    sio_buf_init(&bytes, 0, NULL);
    int rc = sio_args_new(&decoded, NULL);
    if (rc == 0 && (rc = sio_buf_add_byte(&array, '[')) == 0 &&
        (rc = sio_buf_add(&array, token.ptr, token.len)) == 0 &&
        (rc = sio_buf_add_byte(&array, ']')) == 0) {
        rc = sio_args_parse(decoded, (const char *)array.data, array.len, 0, 0, NULL);
    }
    if (rc != 0) {
        (void)fail(r->message, rc, sio_error_text(rc));
    } else if (file) {
        rc = read_file(r, &bytes, sio_args_str(decoded, 0));
    } else if ((rc = siocat_base64_read(&bytes, sio_args_str(decoded, 0))) != 0) {
        (void)fail(r->message, rc, "@base64: not base64");
    }
    if (rc == 0) {
        rc = keep_binary(r, &bytes);
    }
    sio_buf_free(&bytes);
    sio_buf_free(&array);
    sio_args_unref(decoded);
    return rc;
}

static bool is_token(sio_str json, size_t at, size_t end, const char *text) {
    return end - at == strlen(text) && memcmp(json.ptr + at, text, end - at) == 0;
}

/* @return whether the object at `at` stands for binary; `*end` is then behind it, and 0 when it is
 * malformed. `*value` receives its value. */
static bool is_marker(sio_str json, size_t at, size_t *end, bool *file, sio_str *value) {
    size_t key = siocat_json_skip_space(json, at + 1);
    if (json.ptr[key] != '"') {
        return false;
    }
    size_t key_end = siocat_json_string_end(json, key);
    *file = is_token(json, key, key_end, "\"@file\"");
    if (!*file && !is_token(json, key, key_end, "\"@base64\"")) {
        return false;
    }
    size_t from = siocat_json_skip_space(json, siocat_json_skip_space(json, key_end) + 1);
    *end = 0;
    if (json.ptr[from] == '"') {
        size_t to = siocat_json_string_end(json, from);
        *value = (sio_str){json.ptr + from, to - from};
        to = siocat_json_skip_space(json, to);
        *end = json.ptr[to] == '}' ? to + 1 : 0;
    }
    return true;
}

/* ---- the text ---- */

static int add_string(struct rewriting *r, size_t at, size_t end) {
    const char *token = r->json.ptr + at;
    size_t len = end - at;
    sio_buf *out = &r->message->text;
    if (!siocat_json_is_key(r->json, end)) {
        return sio_buf_add(out, token, len);
    }
    r->has_placeholder |= is_token(r->json, at, end, "\"_placeholder\"");
    bool escaped = len > 3 && token[1] == '@' &&
                   (token[2] == '@' || (len > 8 && memcmp(token + 2, "\\u0040", 6) == 0));
    int rc = sio_buf_add_byte(out, '"');
    return rc == 0 ? sio_buf_add(out, token + 1 + escaped, len - 1 - escaped) : rc;
}

static int rewrite(struct rewriting *r) {
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && at < r->json.len) {
        char c = r->json.ptr[at];
        size_t end = at + 1;
        bool file = false;
        sio_str value = {NULL, 0};
        if (c == '"') {
            end = siocat_json_string_end(r->json, at);
            rc = add_string(r, at, end);
        } else if (c == '{' && is_marker(r->json, at, &end, &file, &value)) {
            rc = end > 0 ? add_binary(r, file, value)
                         : fail(r->message, SIO_ERR_INVALID,
                                "@file and @base64 want one string and nothing beside it");
        } else {
            rc = sio_buf_add_byte(&r->message->text, (uint8_t)c);
        }
        at = end;
    }
    if (rc == 0 && r->count > 0 && r->has_placeholder) {
        rc = fail(r->message, SIO_ERR_INVALID, "_placeholder cannot be sent beside binary");
    }
    return rc;
}

static int view(struct rewriting *r) {
    struct siocat_message *message = r->message;
    unsigned flags = SIO_ARGS_EVENT | (r->count > 0 ? (unsigned)SIO_ARGS_BINARY : 0u);
    int rc = sio_args_parse(message->args, (const char *)message->text.data, message->text.len,
                            flags, r->count, NULL);
    for (uint32_t i = 0; rc == 0 && i < r->count; i++) {
        rc = sio_args_set_blob(message->args, i, r->binaries[i]);
    }
    if (rc == SIO_ERR_SIO_PAYLOAD) {
        return fail(message, rc, "not an array that begins with the event's name");
    }
    sio_str name = sio_args_name(message->args);
    if (rc == 0 && memchr(name.ptr, '\0', name.len)) {
        return fail(message, SIO_ERR_JSON_NUL, "U+0000 in the event's name");
    }
    return rc == 0 ? 0 : fail(message, rc, sio_error_text(rc));
}

int siocat_message_parse(struct siocat_message *message, sio_str json, bool any_file) {
    struct rewriting r = {.message = message, .json = json, .any_file = any_file};
    message->text.len = 0;
    message->error[0] = '\0';
    sio_args_reset(message->args);
    int rc = sio_json_validate(json.ptr, json.len, 0);
    if (rc == 0) {
        rc = rewrite(&r);
    }
    if (rc == 0) {
        rc = view(&r);
    }
    for (uint32_t i = 0; i < r.count; i++) {
        sio_blob_unref(r.binaries[i]);
    }
    if (rc != 0 && message->error[0] == '\0') {
        (void)fail(message, rc, sio_error_text(rc));
    }
    return rc;
}

/* ---- the command line ---- */

/* "@path" is a file, "@@text" the text "@text", JSON is JSON, and anything else a string. */
static int add_arg(sio_buf *out, const char *arg) {
    size_t len = strlen(arg);
    if (arg[0] != '@' && sio_json_validate(arg, len, 0) == 0) {
        return sio_buf_add(out, arg, len);
    }
    if (arg[0] != '@' || arg[1] == '@') {
        size_t skip = arg[0] == '@';
        return sio_json_add_string(out, arg + skip, len - skip);
    }
    int rc = sio_buf_add_text(out, "{\"@file\":");
    if (rc == 0) {
        rc = sio_json_add_string(out, arg + 1, len - 1);
    }
    return rc == 0 ? sio_buf_add_byte(out, '}') : rc;
}

int siocat_message_from_args(struct siocat_message *message, char **args, int count) {
    sio_buf text;
    sio_buf_init(&text, 0, NULL);
    int rc = sio_buf_add_byte(&text, '[');
    if (rc == 0) {
        rc = sio_json_add_string(&text, args[0], strlen(args[0]));
    }
    for (int i = 1; rc == 0 && i < count; i++) {
        rc = sio_buf_add_byte(&text, ',');
        if (rc == 0) {
            rc = add_arg(&text, args[i]);
        }
    }
    if (rc == 0) {
        rc = sio_buf_add_byte(&text, ']');
    }
    rc = rc == 0 ? siocat_message_parse(message, (sio_str){(const char *)text.data, text.len}, true)
                 : fail(message, rc, sio_error_text(rc));
    sio_buf_free(&text);
    return rc;
}
