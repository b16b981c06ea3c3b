#include "sio_members.h"

#include "json_text.h"

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_spaces(sio_members *in) {
    while (in->at < in->end && is_space(*in->at)) {
        in->at++;
    }
}

/* At the opening quote; to behind the closing one. */
static void skip_string(sio_members *in) {
    for (in->at++; in->at < in->end && *in->at != '"'; in->at++) {
        if (*in->at == '\\') {
            in->at++;
        }
    }
    in->at++;
}

/* To behind the value. The text is valid, so that counting brackets is enough. */
static void skip_value(sio_members *in) {
    size_t depth = 0;
    while (in->at < in->end) {
        char c = *in->at;
        if (c == '"') {
            skip_string(in);
            if (depth == 0) {
                return;
            }
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_space(c))) {
            return;
        }
        in->at++;
        if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return;
        }
    }
}

sio_members sio_members_of(sio_str object) {
    if (object.len == 0) {
        object = SIO_STR(""); /* the pointer of an empty view may be NULL */
    }
    sio_members in = {object.ptr, object.ptr + object.len};
    skip_spaces(&in);
    if (in.at < in.end) {
        in.at++; /* the opening brace */
    }
    return in;
}

bool sio_members_next(sio_members *in, sio_member *out) {
    skip_spaces(in);
    if (in->at < in->end && *in->at == ',') {
        in->at++;
        skip_spaces(in);
    }
    if (in->at >= in->end || *in->at != '"') {
        return false;
    }
    const char *start = in->at + 1;
    skip_string(in);
    out->key = (sio_str){start, (size_t)(in->at - 1 - start)};
    skip_spaces(in);
    in->at++; /* the colon */
    skip_spaces(in);
    start = in->at;
    skip_value(in);
    out->value = (sio_str){start, (size_t)(in->at - start)};
    return true;
}

bool sio_member_find(sio_str object, const char *name, sio_str *value) {
    sio_members members = sio_members_of(object);
    sio_member member;
    bool found = false;
    while (sio_members_next(&members, &member)) {
        if (sio_json_raw_equals(member.key.ptr, member.key.len, name)) {
            *value = member.value;
            found = true;
        }
    }
    return found;
}
