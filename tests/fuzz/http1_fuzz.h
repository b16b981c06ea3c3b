/* What the two HTTP/1.1 targets share: reading a stream whole and cut into pieces must give the
 * same events, the same body and the same error. */
#ifndef TESTS_FUZZ_HTTP1_FUZZ_H
#define TESTS_FUZZ_HTTP1_FUZZ_H

#include <sio/http1.h>

#include <stdlib.h>
#include <string.h>

typedef struct transcript {
    sio_http1_parser *parser;
    uint8_t *moved; /* what it was fed when it took over from another one */
    sio_buf text;
    sio_http1_asked asked; /* of each response; 0 for requests */
    uint64_t seed;         /* decides about holding and dropping heads, and about other parsers that
                            * take over; 0 = nothing of it */
    int rc;
} transcript;

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void note(transcript *t, const void *data, size_t len) {
    require(sio_buf_add(&t->text, data, len) == 0);
}

static void note_number(transcript *t, uint64_t number) {
    require(sio_buf_add_u64(&t->text, number) == 0);
    note(t, "|", 1);
}

static void note_str(transcript *t, sio_str text) {
    note_number(t, text.len);
    note(t, text.ptr, text.len);
}

static void note_head(transcript *t, const sio_http1_head *head) {
    require(head->header_count <= 100 && (head->status == 0) == (head->method.len > 0));
    note(t, "\nH", 2);
    note_str(t, head->method);
    note_str(t, head->target);
    note_str(t, head->host);
    note_number(t, (uint64_t)head->status * 10 + (uint64_t)head->minor);
    note_str(t, head->reason);
    note_number(t, head->keep_alive + 2U * head->upgrade + 4U * head->expect_continue +
                       8U * head->chunked + 16U * head->has_length);
    note_number(t, head->length);
    for (size_t i = 0; i < head->header_count; i++) {
        require(sio_http1_is_token(head->headers[i].name));
        require(sio_http1_is_value(head->headers[i].value));
        note_str(t, head->headers[i].name);
        note_str(t, head->headers[i].value);
    }
    note(t, "\nB", 2);
}

static unsigned dice(transcript *t, unsigned sides) {
    t->seed = t->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(t->seed >> 33) % sides;
}

static void make_parser(transcript *t, sio_http1_kind kind) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    limits.max_head = 600;
    limits.max_headers = 12;
    limits.max_body = 3000;
    limits.max_discard = 200;
    limits.max_held = (size_t)1 << 26;
    require(sio_http1_parser_new(&t->parser, kind, &limits, NULL) == 0);
}

/* Another parser reads the request anew whose head was just read, and what lies behind it. */
static void hand_over(transcript *t) {
    sio_bytes head = sio_http1_head_bytes(t->parser);
    sio_bytes rest = sio_http1_rest(t->parser);
    require(head.len >= 4 && memcmp(head.ptr + head.len - 4, "\r\n\r\n", 4) == 0);
    uint8_t *all = malloc(head.len + rest.len);
    require(all != NULL);
    memcpy(all, head.ptr, head.len);
    if (rest.len > 0) {
        memcpy(all + head.len, rest.ptr, rest.len);
    }
    sio_http1_parser_free(t->parser);
    free(t->moved);
    t->moved = all;
    make_parser(t, SIO_HTTP1_REQUESTS);
    require(sio_http1_feed(t->parser, all, head.len + rest.len) == 0);
}

static void pull(transcript *t) {
    sio_http1_event ev;
    while ((t->rc = sio_http1_next(t->parser, &ev)) > 0) {
        sio_http1_parser *parser = t->parser;
        if (ev.type == SIO_HTTP1_HEAD && !t->asked && t->seed != 0 && dice(t, 3) == 0) {
            hand_over(t);
            continue;
        }
        if (ev.type == SIO_HTTP1_HEAD) {
            note_head(t, ev.head);
        } else if (ev.type == SIO_HTTP1_BODY) {
            require(ev.body.len > 0);
            note(t, ev.body.ptr, ev.body.len);
        } else {
            note(t, "\nE", 2);
            if (t->asked) { /* refused when the connection ends here or changed its protocol */
                int rc = sio_http1_response_to(parser, t->asked);
                require(rc == 0 || rc == SIO_ERR_STATE);
            }
        }
        if (t->seed != 0 && dice(t, 4) == 0) {
            sio_http1_drop_head(parser);
        }
        if (t->seed != 0 && dice(t, 4) == 0) {
            t->rc = sio_http1_hold(parser);
            if (t->rc != 0) {
                return;
            }
        }
    }
}

/* `piece` 0 feeds all at once, otherwise blocks of 1 to `piece` bytes, each of exactly its size. */
static void read_stream(transcript *t, sio_http1_kind kind, const uint8_t *data, size_t len,
                        size_t piece) {
    make_parser(t, kind);
    if (t->asked) {
        require(sio_http1_response_to(t->parser, t->asked) == 0);
    }
    while (len > 0 && t->rc == 0) {
        size_t part = piece == 0 ? len : 1 + dice(t, (unsigned)piece);
        part = part < len ? part : len;
        uint8_t *copy = malloc(part);
        require(copy != NULL);
        memcpy(copy, data, part);
        require(sio_http1_feed(t->parser, copy, part) == 0);
        pull(t);
        free(copy);
        data += part;
        len -= part;
    }
    if (t->rc == 0) {
        t->rc = sio_http1_eof(t->parser);
        if (t->rc == 0) {
            pull(t);
        }
    }
    note(t, "\n=", 2);
    note_number(t, (uint64_t) - (int64_t)t->rc);
    sio_http1_parser_free(t->parser);
    free(t->moved);
}

static void compare_cuts(sio_http1_kind kind, sio_http1_asked asked, const uint8_t *data,
                         size_t len) {
    static const size_t pieces[] = {1, 7, 100};
    transcript whole = {.asked = asked};
    read_stream(&whole, kind, data, len, 0);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        transcript cut = {.asked = asked, .seed = len * 31 + i + 1};
        read_stream(&cut, kind, data, len, pieces[i]);
        require(cut.rc == whole.rc && cut.text.len == whole.text.len);
        require(memcmp(cut.text.data, whole.text.data, cut.text.len) == 0);
        sio_buf_free(&cut.text);
    }
    sio_buf_free(&whole.text);
}

#endif
