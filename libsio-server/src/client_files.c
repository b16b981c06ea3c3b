/* The client's bundles for browsers, directly below the engine's path. */
#include "front_state.h"

#include <cjson/cJSON.h>
#include <net/table.h>
#include <sio/json.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
};

enum { NAME_MAX_LEN = 32 };

/* ---- the version ---- */

/* More than any bundle has. */
enum { BUNDLE_MAX = 8 << 20, PACKAGE_MAX = 64 << 10, BANNER_MAX = 256 };

/* At most `max` bytes from its beginning. @return false when it is not there or cannot be read */
static bool read_start(sio_buf *out, int dir, const char *name, size_t max) {
    sio_file file;
    if (sio_file_open(&file, dir, name) != 0) {
        return false;
    }
    size_t len = file.size < max ? (size_t)file.size : max;
    bool fine = sio_buf_reserve(out, len) == 0;
    for (size_t got = 0; fine && got < len;) {
        ssize_t n = read(file.fd, out->data + out->len, len - got);
        fine = n > 0 || (n < 0 && errno == EINTR);
        got += n > 0 ? (size_t)n : 0;
        out->len += n > 0 ? (size_t)n : 0;
    }
    sio_file_close(&file);
    return fine;
}

/* What may stand in an ETag without further thought. */
static bool is_version_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '+' || c == '-' || c == '_';
}

static size_t version_len(const char *text, size_t len) {
    size_t at = 0;
    while (at < len && is_version_char(text[at])) {
        at++;
    }
    return at;
}

static bool set_version(sio_front *front, const char *text, size_t len) {
    if (len == 0 || len > SIO_CLIENT_ETAG_MAX - 3) {
        return false;
    }
    front->client_etag[0] = '"';
    memcpy(front->client_etag + 1, text, len);
    memcpy(front->client_etag + 1 + len, "\"", 2);
    return true;
}

/* They begin with a comment that says "Socket.IO v4.8.1". */
static bool take_banner(sio_front *front, sio_buf *scratch) {
    static const char mark[] = "Socket.IO v";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        scratch->len = 0;
        if (!read_start(scratch, front->client_dir, names[i], BANNER_MAX) || scratch->len == 0) {
            continue;
        }
        const char *end = (const char *)scratch->data + scratch->len;
        const char *found = memmem(scratch->data, scratch->len, mark, sizeof(mark) - 1);
        const char *text = found ? found + sizeof(mark) - 1 : end;
        if (set_version(front, text, version_len(text, (size_t)(end - text)))) {
            return true;
        }
    }
    return false;
}

static bool take_package(sio_front *front, sio_buf *scratch) {
    cJSON *tree;
    scratch->len = 0;
    if (!read_start(scratch, front->client_dir, "package.json", PACKAGE_MAX) ||
        sio_json_parse(&tree, (const char *)scratch->data, scratch->len, 0) != 0) {
        return false;
    }
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "version"));
    bool fine = text && version_len(text, strlen(text)) == strlen(text) &&
                set_version(front, text, strlen(text));
    cJSON_Delete(tree);
    return fine;
}

/* One for all, of what is in them: the same on every server that has the same files. */
static void take_hash(sio_front *front, sio_buf *scratch) {
    static const uint64_t seed[2] = {0, 0};
    static const char digits[] = "0123456789abcdef";
    uint64_t hashes[sizeof(names) / sizeof(names[0])] = {0};
    char text[16];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        scratch->len = 0;
        if (read_start(scratch, front->client_dir, names[i], BUNDLE_MAX) && scratch->len > 0) {
            hashes[i] = sio_siphash13(seed, scratch->data, scratch->len);
        }
    }
    uint64_t all = sio_siphash13(seed, hashes, sizeof(hashes));
    for (size_t i = 0; i < sizeof(text); i++, all >>= 4) {
        text[i] = digits[all & 15];
    }
    set_version(front, text, sizeof(text));
}

int sio_client_files_init(sio_front *front, const char *version) {
    if (version) {
        size_t len = strlen(version);
        bool fine = version_len(version, len) == len && set_version(front, version, len);
        return fine ? 0 : SIO_ERR_INVALID;
    }
    sio_buf scratch;
    sio_buf_init(&scratch, 0, front->mem);
    if (!take_banner(front, &scratch) && !take_package(front, &scratch)) {
        take_hash(front, &scratch);
    }
    sio_buf_free(&scratch);
    return 0;
}

/* ---- the files ---- */

/* `name` gets a NUL-terminated copy. */
static bool is_client_file(char name[NAME_MAX_LEN], sio_str text, bool *map) {
    static const char ending[] = ".map";
    if (text.len >= NAME_MAX_LEN) {
        return false;
    }
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);
        *map = strcmp(name + (text.len < len ? text.len : len), ending) == 0;
        if (strncmp(name, names[i], len) == 0 && (*map || text.len == len)) {
            return true;
        }
    }
    return false;
}

/* What is before the last slash of a path, with that slash. */
static sio_str parent_of(sio_str path) {
    while (path.len > 0 && path.ptr[path.len - 1] != '/') {
        path.len--;
    }
    return path;
}

/* The path of the folder is the engine's, and that of the folder's parent is not any more. */
static bool is_engine_folder(const sio_engine *engine, sio_str folder) {
    sio_str above = parent_of((sio_str){folder.ptr, folder.len > 0 ? folder.len - 1 : 0});
    return folder.len > 0 && sio_engine_has_path(engine, folder) &&
           (above.len == 0 || !sio_engine_has_path(engine, above));
}

bool sio_client_files_route(sio_front *front, sio_exchange *exchange, sio_str path) {
    char name[NAME_MAX_LEN];
    bool map;
    sio_file file;
    if (front->client_dir < 0) {
        return false;
    }
    sio_str folder = parent_of(path);
    sio_str text = {path.ptr + folder.len, path.len - folder.len};
    if (!is_client_file(name, text, &map) || !is_engine_folder(front->engine, folder) ||
        sio_file_open(&file, front->client_dir, name) != 0) {
        return false;
    }
    sio_file_reply reply = {
        .content_type =
            map ? "application/json; charset=utf-8" : "application/javascript; charset=utf-8",
        .extra = "Cache-Control: public, max-age=0\r\n",
        .etag = front->client_etag,
        .dir = front->client_dir,
        .path = name,
    };
    sio_file_serve(exchange, &file, &reply);
    return true;
}
