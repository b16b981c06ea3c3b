#include <sio/json.h>
#include <sio/recovery.h>

#include "json_text.h"
#include "mem.h"
#include "sio_members.h"
#include "sio_names.h"

#include <string.h>

_Static_assert(SIO_RECOVERY_TEXT_MAX <= UINT8_MAX, "the lengths are bytes");

static size_t put_base64(char *out, uint64_t value) {
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
    char text[11];
    size_t first = sizeof(text);
    do {
        text[--first] = digits[value & 63];
        value >>= 6;
    } while (value != 0);
    memcpy(out, text + first, sizeof(text) - first);
    return sizeof(text) - first;
}

size_t sio_offset_next(sio_offset_clock *clock, uint64_t wall_ms, char out[SIO_OFFSET_MAX]) {
    if (wall_ms > clock->last_ms) {
        clock->last_ms = wall_ms;
        clock->repeat = 0;
        return put_base64(out, wall_ms);
    }
    size_t len = put_base64(out, clock->last_ms);
    out[len++] = '.';
    return len + put_base64(out + len, clock->repeat++);
}

/* Any string of a length an offset or pid can have. One that needs escapes is none of ours. */
static bool plain_string(sio_str raw, sio_str *out) {
    if (raw.len < 2 || raw.ptr[0] != '"' || raw.len - 2 > SIO_RECOVERY_TEXT_MAX ||
        memchr(raw.ptr, '\\', raw.len)) {
        return false;
    }
    *out = (sio_str){raw.ptr + 1, raw.len - 2};
    return true;
}

bool sio_recovery_request_parse(sio_str auth, sio_recovery_request *out) {
    sio_str pid, offset;
    sio_recovery_request request;
    if (auth.len == 0 || !sio_member_find(auth, "pid", &pid) ||
        !sio_member_find(auth, "offset", &offset) || !plain_string(pid, &request.pid) ||
        !plain_string(offset, &request.offset)) {
        return false;
    }
    *out = request;
    return true;
}

void sio_recovery_init(sio_recovery *recovery, const sio_mem *mem) {
    *recovery = (sio_recovery){.mem = mem};
}

void sio_recovery_free(sio_recovery *recovery) {
    if (recovery) {
        sio_mem_release(recovery->mem, recovery->text);
        sio_recovery_init(recovery, recovery->mem);
    }
}

int sio_recovery_connected(sio_recovery *recovery, sio_str pid) {
    if (pid.len == 0 || pid.len > SIO_RECOVERY_TEXT_MAX) {
        sio_recovery_free(recovery);
        return 0;
    }
    if (sio_str_equal(pid, sio_recovery_pid(recovery))) {
        return 1;
    }
    /* The offset belongs to the session that is gone. The reference keeps it, where it can only
     * make the next recovery fail. */
    sio_recovery_free(recovery);
    recovery->text = sio_mem_alloc(recovery->mem, (size_t)SIO_RECOVERY_TEXT_MAX * 2);
    if (!recovery->text) {
        return SIO_ERR_NOMEM;
    }
    memcpy(recovery->text, pid.ptr, pid.len);
    recovery->pid_len = (uint8_t)pid.len;
    return 0;
}

void sio_recovery_event(sio_recovery *recovery, const sio_args *args, bool has_id) {
    size_t count = sio_args_count(args);
    if (!recovery->text || has_id || count == 0 ||
        sio_args_kind(args, count - 1) != SIO_KIND_STRING) {
        return;
    }
    sio_str last = sio_args_str(args, count - 1);
    if (last.len == 0 || last.len > SIO_RECOVERY_TEXT_MAX) {
        return;
    }
    memcpy(recovery->text + SIO_RECOVERY_TEXT_MAX, last.ptr, last.len);
    recovery->offset_len = (uint8_t)last.len;
}

sio_str sio_recovery_pid(const sio_recovery *recovery) {
    return (sio_str){recovery->text ? recovery->text : "", recovery->pid_len};
}

sio_str sio_recovery_offset(const sio_recovery *recovery) {
    return (sio_str){recovery->text ? recovery->text + SIO_RECOVERY_TEXT_MAX : "",
                     recovery->offset_len};
}

/* `"name":` and the value `raw`, or `text` as a string when there is no raw value. */
static int add_member(sio_buf *out, const char *name, sio_str raw, sio_str text) {
    int rc = sio_json_add_string(out, name, strlen(name));
    if (rc == 0) {
        rc = sio_buf_add_byte(out, ':');
    }
    if (rc != 0) {
        return rc;
    }
    return raw.len > 0 ? sio_buf_add(out, raw.ptr, raw.len)
                       : sio_json_add_string(out, text.ptr, text.len);
}

/* The members of `auth` other than pid and offset, which already stand in front. */
static int add_others(sio_buf *out, sio_str auth) {
    sio_members members = sio_members_of(auth);
    sio_member member;
    int rc = 0;
    while (rc == 0 && sio_members_next(&members, &member)) {
        if (sio_json_raw_equals(member.key.ptr, member.key.len, "pid") ||
            sio_json_raw_equals(member.key.ptr, member.key.len, "offset")) {
            continue;
        }
        const char *key = member.key.ptr - 1; /* with its quotes */
        rc = sio_buf_add_byte(out, ',');
        if (rc == 0) {
            rc = sio_buf_add(out, key, member.key.len + 2);
        }
        if (rc == 0) {
            rc = sio_buf_add_byte(out, ':');
        }
        if (rc == 0) {
            rc = sio_buf_add(out, member.value.ptr, member.value.len);
        }
    }
    return rc;
}

static int add_overlaid(const sio_recovery *recovery, sio_str auth, sio_buf *out) {
    sio_str pid = {NULL, 0};
    sio_str offset = {NULL, 0};
    (void)sio_member_find(auth, "pid", &pid);
    bool has_offset = sio_member_find(auth, "offset", &offset) || recovery->offset_len > 0;
    int rc = sio_buf_add_byte(out, '{');
    if (rc == 0) {
        rc = add_member(out, "pid", pid, sio_recovery_pid(recovery));
    }
    if (rc == 0 && has_offset) {
        rc = sio_buf_add_byte(out, ',');
        if (rc == 0) {
            rc = add_member(out, "offset", offset, sio_recovery_offset(recovery));
        }
    }
    if (rc == 0) {
        rc = add_others(out, auth);
    }
    return rc == 0 ? sio_buf_add_byte(out, '}') : rc;
}

int sio_recovery_auth(const sio_recovery *recovery, sio_str auth, sio_buf *out) {
    if (auth.len > 0 && (auth.ptr[0] != '{' || sio_json_validate(auth.ptr, auth.len, 0) != 0)) {
        return SIO_ERR_SIO_PAYLOAD;
    }
    if (!recovery->text) {
        return sio_buf_add(out, auth.ptr, auth.len);
    }
    size_t before = out->len;
    int rc = add_overlaid(recovery, auth, out);
    if (rc != 0) {
        out->len = before;
    }
    return rc;
}
