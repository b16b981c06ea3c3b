#include "ws_field.h"

#include <string.h>

static bool is_token_char(char c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
        return true;
    }
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

sio_ws_cursor sio_ws_cursor_of(sio_str value) {
    const char *at = value.ptr ? value.ptr : "";
    return (sio_ws_cursor){at, at + value.len};
}

void sio_ws_skip_space(sio_ws_cursor *cursor) {
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t')) {
        cursor->at++;
    }
}

bool sio_ws_take_char(sio_ws_cursor *cursor, char expected) {
    if (cursor->at == cursor->end || *cursor->at != expected) {
        return false;
    }
    cursor->at++;
    return true;
}

sio_str sio_ws_take_token(sio_ws_cursor *cursor) {
    const char *start = cursor->at;
    while (cursor->at < cursor->end && is_token_char(*cursor->at)) {
        cursor->at++;
    }
    return (sio_str){start, (size_t)(cursor->at - start)};
}

bool sio_ws_is_token(sio_str text) {
    sio_ws_cursor cursor = sio_ws_cursor_of(text);
    return text.len > 0 && sio_ws_take_token(&cursor).len == text.len;
}

bool sio_ws_equal(sio_str a, sio_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool sio_ws_equal_nocase(sio_str a, sio_str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool sio_ws_list_has(sio_str list, sio_str token) {
    sio_ws_cursor cursor = sio_ws_cursor_of(list);
    while (cursor.at < cursor.end) {
        sio_ws_skip_space(&cursor);
        sio_str found = sio_ws_take_token(&cursor);
        sio_ws_skip_space(&cursor);
        bool whole = cursor.at == cursor.end || *cursor.at == ',';
        if (whole && sio_ws_equal_nocase(found, token)) {
            return true;
        }
        while (cursor.at < cursor.end && *cursor.at++ != ',') {
        }
    }
    return false;
}
