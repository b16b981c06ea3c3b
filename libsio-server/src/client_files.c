/* The client's bundles for browsers, directly below the engine's path. */
#include "front_state.h"

#include <string.h>

static const char *const names[] = {
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
};

enum { NAME_MAX_LEN = 32 };

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
    sio_file_answer(exchange, &file,
                    map ? "application/json; charset=utf-8"
                        : "application/javascript; charset=utf-8",
                    "Cache-Control: public, max-age=0\r\n");
    return true;
}
