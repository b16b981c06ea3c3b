#include "http1_internal.h"

#include "chars.h"
#include "mem.h"

enum {
    DEFAULT_MAX_HEAD = 16384,
    DEFAULT_MAX_HEADERS = 100,
    DEFAULT_MAX_BODY = 1000000,
    DEFAULT_MAX_DISCARD = 8192,
    DEFAULT_MAX_HELD = 65536,
    MAX_HEADERS = 10000,
    MAX_SIZE = 1 << 28, /* for each limit that counts bytes in memory: offsets fit 32 bits */
    MAX_INTERIM = 8,    /* 1xx responses before the final one */
};

struct sio_http1_scratch {
    sio_http1_limits limits;
    bool has_mem;
    sio_mem mem;
    sio_http1_parser *owner; /* whose message `head` is, or NULL */
    sio_http1_head head;
    sio_bytes bytes; /* that `head` was read from, until more is read */
    sio_http1_header slots[];
};

/* Bytes kept inside: a partial head, or what sio_http1_hold kept. Exists only while there are any.
 * `data[pos..len)` is not consumed yet. */
typedef struct store {
    uint32_t len;
    uint32_t cap;
    uint32_t pos;
    uint32_t seen; /* from `pos`: bytes of a partial head that were searched; 0 = held bytes */
    sio_http1_progress progress; /* in those bytes */
    uint8_t data[];
} store;

enum { STATE_HEAD, STATE_BODY, STATE_END, STATE_DONE, STATE_TUNNEL, STATE_CLOSED, STATE_FAILED };

/* At most 72 bytes on 64-bit systems: this is what an idle connection keeps. */
struct sio_http1_parser {
    sio_http1_scratch *scratch;
    const uint8_t *in; /* borrowed from the caller */
    size_t in_len;
    store *store;
    sio_http1_head *head; /* the scratch's or an own copy; NULL between messages */
    sio_http1_body body;
    int16_t error;
    uint8_t state;
    uint8_t kind : 1;
    uint8_t own_scratch : 1;
    uint8_t tunnel : 1; /* behind this head comes another protocol */
    uint8_t closing : 1;
    uint8_t eof : 1;
    uint8_t asked : 3;   /* sio_http1_asked, 0 = nothing */
    uint8_t interim : 4; /* 1xx responses so far */
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct sio_http1_parser) <= 72, "parser grew");

static const sio_mem *scratch_mem(const sio_http1_scratch *scratch) {
    return scratch->has_mem ? &scratch->mem : NULL;
}

/* ---- creation ---- */

static void set_default(size_t *field, size_t value) {
    if (*field == 0) {
        *field = value;
    }
}

static int limits_read(sio_http1_limits *out, const sio_http1_limits *given) {
    sio_http1_limits limits = SIO_HTTP1_LIMITS_INIT;
    if (given) {
        if (given->size < offsetof(sio_http1_limits, max_held) + sizeof(limits.max_held)) {
            return SIO_ERR_INVALID;
        }
        memcpy(&limits, given, given->size < sizeof(limits) ? given->size : sizeof(limits));
    }
    set_default(&limits.max_head, DEFAULT_MAX_HEAD);
    set_default(&limits.max_discard, DEFAULT_MAX_DISCARD);
    set_default(&limits.max_held, DEFAULT_MAX_HELD);
    if (limits.max_headers == 0) {
        limits.max_headers = DEFAULT_MAX_HEADERS;
    }
    if (limits.max_body == 0) {
        limits.max_body = DEFAULT_MAX_BODY;
    }
    if (limits.max_head > MAX_SIZE || limits.max_discard > MAX_SIZE || limits.max_held > MAX_SIZE ||
        limits.max_headers > MAX_HEADERS) {
        return SIO_ERR_INVALID;
    }
    *out = limits;
    return 0;
}

int sio_http1_scratch_new(sio_http1_scratch **out, const sio_http1_limits *limits,
                          const sio_mem *mem) {
    sio_http1_limits checked;
    int rc = limits_read(&checked, limits);
    if (rc != 0) {
        return rc;
    }
    size_t slots = checked.max_headers * sizeof(sio_http1_header);
    sio_http1_scratch *scratch = sio_mem_alloc(mem, sizeof(*scratch) + slots);
    if (!scratch) {
        return SIO_ERR_NOMEM;
    }
    *scratch = (sio_http1_scratch){.limits = checked, .has_mem = mem != NULL};
    if (mem) {
        scratch->mem = *mem;
    }
    *out = scratch;
    return 0;
}

void sio_http1_scratch_free(sio_http1_scratch *scratch) {
    if (!scratch) {
        return;
    }
    sio_mem mem = scratch->mem;
    sio_mem_release(scratch->has_mem ? &mem : NULL, scratch);
}

int sio_http1_parser_new_shared(sio_http1_parser **out, sio_http1_kind kind,
                                sio_http1_scratch *scratch) {
    sio_http1_parser *p = sio_mem_zalloc(scratch_mem(scratch), sizeof(*p));
    if (!p) {
        return SIO_ERR_NOMEM;
    }
    p->scratch = scratch;
    p->kind = kind == SIO_HTTP1_RESPONSES;
    *out = p;
    return 0;
}

int sio_http1_parser_new(sio_http1_parser **out, sio_http1_kind kind,
                         const sio_http1_limits *limits, const sio_mem *mem) {
    sio_http1_scratch *scratch;
    int rc = sio_http1_scratch_new(&scratch, limits, mem);
    if (rc != 0) {
        return rc;
    }
    sio_http1_parser *p;
    rc = sio_http1_parser_new_shared(&p, kind, scratch);
    if (rc != 0) {
        sio_http1_scratch_free(scratch);
        return rc;
    }
    p->own_scratch = 1;
    *out = p;
    return 0;
}

/* ---- the head and whose it is ---- */

static bool head_is_shared(const sio_http1_parser *p) {
    return p->head == &p->scratch->head;
}

static void head_release(sio_http1_parser *p) {
    if (!head_is_shared(p)) {
        sio_http1_head_free(p->head, scratch_mem(p->scratch));
    }
    p->head = NULL;
    if (p->scratch->owner == p) {
        p->scratch->owner = NULL;
    }
}

static void store_release(sio_http1_parser *p) {
    sio_mem_release(scratch_mem(p->scratch), p->store);
    p->store = NULL;
}

static int fail(sio_http1_parser *p, int error) {
    head_release(p);
    store_release(p);
    p->in_len = 0;
    p->state = STATE_FAILED;
    p->error = (int16_t)error;
    return error;
}

/* Move a head out of the scratch and away from bytes that are about to go. */
static int head_keep(sio_http1_parser *p) {
    if (!p->head || !head_is_shared(p)) {
        return 0;
    }
    sio_http1_head *copy;
    int rc = sio_http1_head_copy(&copy, p->head, scratch_mem(p->scratch));
    if (rc != 0) {
        return fail(p, rc);
    }
    head_release(p);
    p->head = copy;
    return 0;
}

/* Before the scratch is written: a message of another parser that is still in it moves out. */
static void scratch_take(sio_http1_parser *p) {
    sio_http1_scratch *scratch = p->scratch;
    if (scratch->owner && scratch->owner != p) {
        (void)head_keep(scratch->owner); /* without memory that parser has failed */
    }
    scratch->owner = p;
    memset(&scratch->head, 0, sizeof(scratch->head));
    scratch->bytes = (sio_bytes){0};
}

void sio_http1_parser_free(sio_http1_parser *parser) {
    if (!parser) {
        return;
    }
    head_release(parser);
    store_release(parser);
    sio_http1_scratch *scratch = parser->scratch;
    bool own = parser->own_scratch;
    sio_mem_release(scratch_mem(scratch), parser);
    if (own) {
        sio_http1_scratch_free(scratch);
    }
}

const sio_http1_head *sio_http1_current(const sio_http1_parser *parser) {
    return parser->head;
}

sio_bytes sio_http1_head_bytes(const sio_http1_parser *parser) {
    return head_is_shared(parser) ? parser->scratch->bytes : (sio_bytes){0};
}

void sio_http1_drop_head(sio_http1_parser *parser) {
    head_release(parser);
}

/* ---- the bytes: first those in the store, then those borrowed ---- */

static size_t store_left(const sio_http1_parser *p) {
    return p->store ? p->store->len - p->store->pos : 0;
}

static bool store_is_partial_head(const sio_http1_parser *p) {
    return store_left(p) > 0 && p->store->seen > 0;
}

/* What was consumed makes room once it is at least half, so that a byte is moved once on average
 * and the store stays below four times the limit on its unread bytes. */
static void store_compact(store *s) {
    if (s && s->pos > 0 && s->pos >= s->len / 2) {
        memmove(s->data, s->data + s->pos, s->len - s->pos);
        s->len -= s->pos;
        s->pos = 0;
    }
}

static int store_add(sio_http1_parser *p, const uint8_t *data, size_t len) {
    store_compact(p->store);
    store *s = p->store;
    size_t used = s ? s->len : 0;
    size_t cap = s ? s->cap : 0;
    if (len > cap - used) {
        size_t want = used + len;
        want = want < 2 * cap ? 2 * cap : want;
        store *fresh = sio_mem_resize(scratch_mem(p->scratch), s, sizeof(*s) + want);
        if (!fresh) {
            return SIO_ERR_NOMEM;
        }
        if (!s) {
            *fresh = (store){0};
        }
        fresh->cap = (uint32_t)want;
        p->store = s = fresh;
    }
    if (len > 0) {
        memcpy(s->data + used, data, len);
        s->len += (uint32_t)len;
    }
    return 0;
}

static sio_bytes input(const sio_http1_parser *p) {
    size_t kept = store_left(p);
    if (kept > 0) {
        return (sio_bytes){p->store->data + p->store->pos, kept};
    }
    return (sio_bytes){p->in, p->in_len};
}

/* The store itself stays until its spans are of no more use: see settle. */
static void consume(sio_http1_parser *p, size_t count) {
    if (store_left(p) > 0) {
        p->store->pos += (uint32_t)count;
        p->store->seen = 0;
    } else {
        p->in += count;
        p->in_len -= count;
    }
}

/* All input is used up and the caller's bytes may go: keep what is still needed. */
static int settle(sio_http1_parser *p) {
    int rc = head_keep(p);
    if (rc == 0 && p->store && store_left(p) == 0) {
        store_release(p);
    }
    return rc;
}

static int feed_held(sio_http1_parser *p, const uint8_t *data, size_t len, size_t held) {
    size_t max = p->scratch->limits.max_held;
    if (held > max || len > max - held) {
        return SIO_ERR_LIMIT;
    }
    int rc = head_keep(p); /* its spans may lie in the store */
    return rc == 0 ? store_add(p, data, len) : rc;
}

int sio_http1_feed(sio_http1_parser *parser, const uint8_t *data, size_t len) {
    sio_http1_parser *p = parser;
    if (p->state == STATE_FAILED) {
        return p->error;
    }
    if (p->in_len > 0 || p->eof) {
        return SIO_ERR_STATE;
    }
    size_t held = store_left(p);
    if (held > 0 && !store_is_partial_head(p)) {
        return feed_held(p, data, len, held);
    }
    p->in = data;
    p->in_len = len;
    return 0;
}

static void message_done(sio_http1_parser *p) {
    head_release(p);
    p->asked = 0;
    p->interim = 0;
    p->tunnel = 0;
    p->state = p->closing ? STATE_CLOSED : STATE_HEAD;
}

int sio_http1_hold(sio_http1_parser *parser) {
    sio_http1_parser *p = parser;
    if (p->state == STATE_FAILED) {
        return p->error;
    }
    if (p->state == STATE_DONE) {
        message_done(p);
    }
    int rc = settle(p);
    if (rc != 0 || p->in_len == 0) {
        return rc;
    }
    size_t held = store_left(p);
    size_t max = p->scratch->limits.max_held;
    if (held > max || p->in_len > max - held) {
        return fail(p, SIO_ERR_LIMIT);
    }
    rc = store_add(p, p->in, p->in_len);
    p->in_len = 0;
    return rc == 0 ? 0 : fail(p, rc);
}

size_t sio_http1_pending(const sio_http1_parser *parser) {
    return store_left(parser) + parser->in_len;
}

sio_bytes sio_http1_rest(const sio_http1_parser *parser) {
    return input(parser);
}

/* ---- messages ---- */

static int start_request(sio_http1_parser *p) {
    sio_http1_head *head = &p->scratch->head;
    const sio_http1_limits *limits = &p->scratch->limits;
    int rc = sio_http1_rules_request(head, limits);
    if (rc != 0) {
        return rc;
    }
    sio_http1_body_start(&p->body, sio_http1_framing_request(head), head->length, limits);
    return 0;
}

static int start_response(sio_http1_parser *p) {
    sio_http1_head *head = &p->scratch->head;
    const sio_http1_limits *limits = &p->scratch->limits;
    sio_http1_framing framing;
    int rc = sio_http1_rules_response(head, &framing, (sio_http1_asked)p->asked, limits);
    if (rc != 0) {
        return rc;
    }
    sio_http1_body_start(&p->body, framing, head->length, limits);
    p->tunnel =
        head->status == 101 || (p->asked == SIO_HTTP1_ASKED_CONNECT && head->status / 100 == 2);
    return 0;
}

/* Returns 1 for an interim response, which is passed over. */
static int skip_interim(sio_http1_parser *p) {
    int status = p->scratch->head.status;
    if (p->kind == SIO_HTTP1_REQUESTS || status >= 200 || status == 101) {
        return 0;
    }
    if (p->interim == MAX_INTERIM) {
        return SIO_ERR_HTTP_STATUS;
    }
    p->interim++;
    head_release(p);
    return 1;
}

enum { GO_ON = 2 };

/* A head lies complete in the scratch, `len` bytes of the input. */
static int head_complete(sio_http1_parser *p, size_t len, sio_http1_event *event) {
    p->scratch->bytes = (sio_bytes){input(p).ptr, len};
    consume(p, len);
    int rc = p->kind == SIO_HTTP1_REQUESTS ? start_request(p) : start_response(p);
    if (rc == 0) {
        rc = skip_interim(p);
    }
    if (rc != 0) {
        return rc < 0 ? rc : GO_ON;
    }
    p->head = &p->scratch->head;
    p->closing = !p->head->keep_alive;
    p->state = STATE_BODY;
    *event = (sio_http1_event){.type = SIO_HTTP1_HEAD, .head = p->head};
    return 1;
}

static int head_lines(sio_http1_parser *p, sio_http1_progress *progress, sio_bytes bytes) {
    sio_http1_scratch *scratch = p->scratch;
    scratch_take(p);
    return sio_http1_head_read(&scratch->head, scratch->slots, (sio_http1_kind)p->kind,
                               &scratch->limits, progress, (const char *)bytes.ptr, bytes.len);
}

/* The usual case: the head starts in the caller's bytes, and mostly ends there too. */
static int head_from_input(sio_http1_parser *p, sio_http1_event *event) {
    sio_http1_progress progress = {0};
    int rc = head_lines(p, &progress, input(p));
    if (rc != 0) {
        return rc < 0 ? rc : head_complete(p, progress.at, event);
    }
    if (store_left(p) == 0) {
        store_release(p);
        rc = store_add(p, p->in, p->in_len);
        if (rc != 0) {
            return rc;
        }
        p->in_len = 0;
    }
    p->store->seen = (uint32_t)store_left(p);
    p->store->progress = progress;
    return 0;
}

/* Take more of the caller's bytes behind a partial head: as many as a head may have. They are
 * searched for the end of a line first, and complete lines are read once, so the work stays linear
 * however small the pieces are. */
static int head_from_store(sio_http1_parser *p, sio_http1_event *event) {
    size_t before = store_left(p);
    size_t take = p->scratch->limits.max_head - before;
    take = take < p->in_len ? take : p->in_len;
    int rc = store_add(p, p->in, take);
    if (rc != 0) {
        return rc;
    }
    store *s = p->store;
    sio_bytes all = input(p);
    s->seen = (uint32_t)all.len;
    if (all.len < p->scratch->limits.max_head && !memchr(all.ptr + before, '\n', take)) {
        p->in_len = 0;
        return 0;
    }
    bool resumed = s->progress.begun;
    rc = head_lines(p, &s->progress, all);
    if (rc == 1 && resumed) {
        /* The slots of earlier lines may have been lent to others meanwhile: fill them again. */
        s->progress = (sio_http1_progress){0};
        rc = head_lines(p, &s->progress, all);
    }
    size_t used = rc == 1 ? s->progress.at - before : take;
    s->len -= (uint32_t)(take - used);
    p->in += used;
    p->in_len -= used;
    return rc == 1 ? head_complete(p, s->progress.at, event) : rc;
}

static int next_head(sio_http1_parser *p, sio_http1_event *event) {
    if (store_is_partial_head(p)) {
        return p->in_len > 0 ? head_from_store(p, event) : 0;
    }
    if (input(p).len == 0) {
        return 0;
    }
    if (p->kind == SIO_HTTP1_RESPONSES && p->asked == 0) {
        return SIO_ERR_HTTP_SYNTAX;
    }
    return head_from_input(p, event);
}

static int next_body(sio_http1_parser *p, sio_http1_event *event) {
    sio_bytes bytes = input(p);
    if (head_is_shared(p)) {
        p->scratch->bytes = (sio_bytes){0};
    }
    size_t used;
    sio_bytes piece;
    int rc = sio_http1_body_read(&p->body, bytes.ptr, bytes.len, &used, &piece);
    if (rc < 0) {
        return rc;
    }
    if (used > 0) {
        consume(p, used);
    }
    if (rc == SIO_HTTP1_BODY_PIECE) {
        *event = (sio_http1_event){.type = SIO_HTTP1_BODY, .head = p->head, .body = piece};
        return 1;
    }
    if (rc == SIO_HTTP1_BODY_DONE) {
        p->state = STATE_END;
        return GO_ON;
    }
    return input(p).len > 0 ? GO_ON : 0;
}

static int next_end(sio_http1_parser *p, sio_http1_event *event) {
    *event = (sio_http1_event){.type = SIO_HTTP1_END, .head = p->head};
    p->state = p->tunnel ? STATE_TUNNEL : STATE_DONE;
    return 1;
}

/* The peer was told, or has told, that nothing follows: whatever it sends is not read. */
static int next_closed(sio_http1_parser *p) {
    store_release(p);
    p->in_len = 0;
    return 0;
}

static int step(sio_http1_parser *p, sio_http1_event *event) {
    switch (p->state) {
    case STATE_HEAD:
        return next_head(p, event);
    case STATE_BODY:
        return next_body(p, event);
    case STATE_END:
        return next_end(p, event);
    case STATE_DONE:
        message_done(p);
        return GO_ON;
    case STATE_CLOSED:
        return next_closed(p);
    case STATE_TUNNEL:
        return SIO_ERR_STATE;
    default:
        return p->error;
    }
}

int sio_http1_next(sio_http1_parser *parser, sio_http1_event *event) {
    int rc;
    do {
        rc = step(parser, event);
    } while (rc == GO_ON);
    if (rc == 0) {
        return settle(parser);
    }
    if (rc < 0 && parser->state != STATE_TUNNEL) {
        return fail(parser, rc);
    }
    return rc;
}

static bool only_empty_line(const sio_http1_parser *p) {
    sio_bytes left = input(p);
    return p->kind == SIO_HTTP1_REQUESTS && left.len == 2 && left.ptr[0] == '\r' &&
           left.ptr[1] == '\n';
}

int sio_http1_eof(sio_http1_parser *parser) {
    sio_http1_parser *p = parser;
    p->eof = 1;
    switch (p->state) {
    case STATE_HEAD:
        if (p->asked == 0 && (!store_is_partial_head(p) || only_empty_line(p))) {
            return 0;
        }
        return fail(p, SIO_ERR_HTTP_TRUNCATED);
    case STATE_BODY:
        if (!sio_http1_body_ends_at_close(&p->body)) {
            return fail(p, SIO_ERR_HTTP_TRUNCATED);
        }
        p->state = STATE_END;
        return 0;
    case STATE_FAILED:
        return p->error;
    default:
        return 0;
    }
}

int sio_http1_response_to(sio_http1_parser *parser, sio_http1_asked asked) {
    sio_http1_parser *p = parser;
    if (p->kind != SIO_HTTP1_RESPONSES || asked < SIO_HTTP1_ASKED_PLAIN ||
        asked > SIO_HTTP1_ASKED_UPGRADE) {
        return SIO_ERR_INVALID;
    }
    if (p->state == STATE_DONE) {
        message_done(p);
    }
    if (p->state != STATE_HEAD || p->asked != 0) {
        return SIO_ERR_STATE;
    }
    p->asked = asked & 7u;
    return 0;
}
