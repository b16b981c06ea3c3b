#include "old_auth.h"

#include <sio/json.h>
#include <sio/url.h>

static int write_decoded(sio_buf *out, sio_buf *text, sio_str raw) {
    text->len = 0;
    int rc = sio_query_decode(text, raw, SIO_QUERY_FORM);
    return rc != 0 ? rc : sio_json_add_string(out, (const char *)text->data, text->len);
}

static bool is_last_of_its_name(sio_str query, sio_buf *text, sio_str name, sio_str value) {
    sio_str last;
    text->len = 0;
    return sio_query_decode(text, name, SIO_QUERY_FORM) == 0 &&
           sio_query_find(query, SIO_QUERY_FORM, (sio_str){(const char *)text->data, text->len},
                          &last) &&
           last.ptr == value.ptr;
}

static int write_member(sio_buf *out, sio_buf *text, sio_str name, sio_str value, bool first) {
    int rc = first ? 0 : sio_buf_add_byte(out, ',');
    rc = rc != 0 ? rc : write_decoded(out, text, name);
    rc = rc != 0 ? rc : sio_buf_add_byte(out, ':');
    return rc != 0 ? rc : write_decoded(out, text, value);
}

int sio_old_auth_write(sio_buf *out, sio_str query) {
    sio_str rest = query, name, value;
    sio_buf text;
    bool first = true;
    sio_buf_init(&text, 0, out->mem);
    int rc = sio_buf_add_byte(out, '{');
    while (rc == 0 && sio_query_next(&rest, &name, &value)) {
        if (is_last_of_its_name(query, &text, name, value)) {
            rc = write_member(out, &text, name, value, first);
            first = false;
        }
    }
    rc = rc != 0 ? rc : sio_buf_add_byte(out, '}');
    sio_buf_free(&text);
    return rc;
}
