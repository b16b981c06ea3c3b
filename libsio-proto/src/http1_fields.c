/* Questions about a parsed head, and copies of it. */
#include <sio/http1.h>

#include "chars.h"
#include "mem.h"

sio_str sio_http1_find(const sio_http1_head *head, sio_str name) {
    for (size_t i = 0; i < head->header_count; i++) {
        if (sio_text_equal_nocase(head->headers[i].name, name)) {
            return head->headers[i].value;
        }
    }
    return (sio_str){NULL, 0};
}

size_t sio_http1_count(const sio_http1_head *head, sio_str name) {
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        count += sio_text_equal_nocase(head->headers[i].name, name);
    }
    return count;
}

int sio_http1_join(sio_str *out, const sio_http1_head *head, sio_str name, sio_buf *joined) {
    if (sio_http1_count(head, name) < 2) {
        *out = sio_http1_find(head, name);
        return 0;
    }
    joined->len = 0;
    bool first = true;
    for (size_t i = 0; i < head->header_count; i++) {
        const sio_http1_header *line = &head->headers[i];
        if (!sio_text_equal_nocase(line->name, name)) {
            continue;
        }
        int rc = first ? 0 : sio_buf_add_byte(joined, ',');
        if (rc == 0) {
            rc = sio_buf_add(joined, line->value.ptr, line->value.len);
        }
        if (rc != 0) {
            return rc;
        }
        first = false;
    }
    *out = (sio_str){(const char *)joined->data, joined->len};
    return 0;
}

bool sio_http1_has_token(sio_str list, sio_str token) {
    while (list.len > 0) {
        sio_str element = sio_text_trim(sio_text_cut(&list, ','));
        if (element.len > 0 && sio_text_equal_nocase(element, token)) {
            return true;
        }
    }
    return false;
}

bool sio_http1_header_has_token(const sio_http1_head *head, sio_str name, sio_str token) {
    for (size_t i = 0; i < head->header_count; i++) {
        const sio_http1_header *header = &head->headers[i];
        if (sio_text_equal_nocase(header->name, name) &&
            sio_http1_has_token(header->value, token)) {
            return true;
        }
    }
    return false;
}

bool sio_http1_is_token(sio_str text) {
    return text.len > 0 && sio_text_all(text, SIO_CHAR_TOKEN);
}

bool sio_http1_is_value(sio_str text) {
    return sio_char_value_span(text.ptr, text.len) == text.len;
}

/* A copy is one block: the head, its header lines, then the text of all of them. The lengths come
 * from a parsed head, whose size is limited: their sum does not overflow. */

static size_t text_size(const sio_http1_head *head) {
    size_t size = head->method.len + head->target.len + head->host.len + head->reason.len;
    for (size_t i = 0; i < head->header_count; i++) {
        size += head->headers[i].name.len + head->headers[i].value.len;
    }
    return size;
}

static sio_str put_text(char **at, sio_str text) {
    sio_str copy = {*at, text.len};
    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
        *at += text.len;
    }
    return copy;
}

int sio_http1_head_copy(sio_http1_head **out, const sio_http1_head *head, const sio_mem *mem) {
    size_t lines = head->header_count * sizeof(sio_http1_header);
    sio_http1_head *copy = sio_mem_alloc(mem, sizeof(*copy) + lines + text_size(head));
    if (!copy) {
        return SIO_ERR_NOMEM;
    }
    sio_http1_header *headers = (sio_http1_header *)(copy + 1);
    char *at = (char *)(headers + head->header_count);
    *copy = *head;
    copy->method = put_text(&at, head->method);
    copy->target = put_text(&at, head->target);
    copy->host = put_text(&at, head->host);
    copy->reason = put_text(&at, head->reason);
    copy->headers = headers;
    for (size_t i = 0; i < head->header_count; i++) {
        headers[i].name = put_text(&at, head->headers[i].name);
        headers[i].value = put_text(&at, head->headers[i].value);
    }
    *out = copy;
    return 0;
}

void sio_http1_head_free(sio_http1_head *head, const sio_mem *mem) {
    sio_mem_release(mem, head);
}
