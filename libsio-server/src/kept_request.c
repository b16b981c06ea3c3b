#include "kept_request.h"

#include "mem.h"

#include <string.h>
#include <strings.h>

/* A form, and what a request has for itself, are a row of numbers and texts. A number is written in
 * groups of seven bits, the lowest first; a text is its length as a number, then its bytes.
 *
 *     form: minor, flags, body length, host, method, how many lines; for each line its name, then
 *           0 and the value, or 1 when the value is among the request's own
 *     own:  target, the host if it stands in no line, the own values in the order of the lines
 *
 * `host` is the number of the line that it is the value of, from 1; 0: none. */

struct sio_request_form {
    uint32_t refs;
    uint32_t size;
    bool shared; /* in the table */
    uint8_t bytes[];
};

enum { KEEP_ALIVE = 1, UPGRADE = 2, EXPECT_CONTINUE = 4, CHUNKED = 8, HAS_LENGTH = 16 };

/* ---- numbers and texts ---- */

/* What does not fit is counted only. */
typedef struct writer {
    uint8_t *at;
    size_t room;
    size_t size;
} writer;

static void put_byte(writer *out, uint8_t byte) {
    if (out->size < out->room) {
        out->at[out->size] = byte;
    }
    out->size++;
}

static void put_number(writer *out, uint64_t number) {
    for (; number >= 0x80; number >>= 7) {
        put_byte(out, (uint8_t)(number | 0x80));
    }
    put_byte(out, (uint8_t)number);
}

static void put_text(writer *out, sio_str text) {
    put_number(out, text.len);
    if (out->size < out->room && text.len > 0 && text.len <= out->room - out->size) {
        memcpy(out->at + out->size, text.ptr, text.len);
    }
    out->size += text.len;
}

static uint64_t get_number(const uint8_t **at) {
    uint64_t number = 0;
    unsigned shift = 0;
    for (; (**at & 0x80) != 0; shift += 7) {
        number |= (uint64_t)(*(*at)++ & 0x7f) << shift;
    }
    return number | (uint64_t) * (*at)++ << shift;
}

static sio_str get_text(const uint8_t **at) {
    size_t len = (size_t)get_number(at);
    sio_str text = {(const char *)*at, len};
    *at += len;
    return text;
}

/* ---- what is shared ---- */

static bool same_name(sio_str a, sio_str b) {
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* Values that many clients have in common. Of other lines only the name is shared: one unknown line
 * with a value of its own would make the whole form unlike all others. */
static bool has_common_value(sio_str name) {
    static const sio_str common[] = {
        {"Accept", 6},
        {"Accept-Encoding", 15},
        {"Accept-Language", 15},
        {"Cache-Control", 13},
        {"Connection", 10},
        {"DNT", 3},
        {"Host", 4},
        {"Origin", 6},
        {"Pragma", 6},
        {"Priority", 8},
        {"Sec-CH-UA", 9},
        {"Sec-CH-UA-Mobile", 16},
        {"Sec-CH-UA-Platform", 18},
        {"Sec-Fetch-Dest", 14},
        {"Sec-Fetch-Mode", 14},
        {"Sec-Fetch-Site", 14},
        {"Sec-Fetch-Storage-Access", 24},
        {"Sec-GPC", 7},
        {"Sec-WebSocket-Extensions", 24},
        {"Sec-WebSocket-Protocol", 22},
        {"Sec-WebSocket-Version", 21},
        {"Upgrade", 7},
        {"User-Agent", 10},
        {"Via", 3},
        {"X-Forwarded-Host", 16},
        {"X-Forwarded-Port", 16},
        {"X-Forwarded-Proto", 17},
    };
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        if (same_name(common[i], name)) {
            return true;
        }
    }
    return false;
}

/* The parser has taken the host from the target, or from a line. */
static size_t line_of_host(const sio_http1_head *head) {
    for (size_t i = 0; i < head->header_count; i++) {
        sio_str value = head->headers[i].value;
        if (head->host.len > 0 && value.ptr == head->host.ptr && value.len == head->host.len) {
            return i + 1;
        }
    }
    return 0;
}

static uint8_t flags_of(const sio_http1_head *head) {
    unsigned flags = (head->keep_alive ? KEEP_ALIVE : 0u) | (head->upgrade ? UPGRADE : 0u) |
                     (head->expect_continue ? EXPECT_CONTINUE : 0u) |
                     (head->chunked ? CHUNKED : 0u) | (head->has_length ? HAS_LENGTH : 0u);
    return (uint8_t)flags;
}

static void write_form(writer *out, const sio_http1_head *head) {
    put_number(out, (uint64_t)head->minor);
    put_byte(out, flags_of(head));
    put_number(out, head->length);
    put_number(out, line_of_host(head));
    put_text(out, head->method);
    put_number(out, head->header_count);
    for (size_t i = 0; i < head->header_count; i++) {
        const sio_http1_header *line = &head->headers[i];
        bool common = has_common_value(line->name);
        put_text(out, line->name);
        put_byte(out, common ? 0 : 1);
        if (common) {
            put_text(out, line->value);
        }
    }
}

static void write_own(writer *out, const sio_http1_head *head) {
    put_text(out, head->target);
    if (line_of_host(head) == 0) {
        put_text(out, head->host);
    }
    for (size_t i = 0; i < head->header_count; i++) {
        if (!has_common_value(head->headers[i].name)) {
            put_text(out, head->headers[i].value);
        }
    }
}

/* ---- forms ---- */

int sio_request_forms_init(sio_request_forms *forms, sio_loop *loop) {
    forms->mem = sio_loop_mem(loop);
    return sio_table_init(&forms->shared, loop);
}

void sio_request_forms_done(sio_request_forms *forms) {
    sio_table_done(&forms->shared);
}

static sio_request_form *form_alloc(const sio_request_forms *forms, size_t size) {
    sio_request_form *form =
        size <= UINT32_MAX - sizeof(*form) ? sio_mem_alloc(forms->mem, sizeof(*form) + size) : NULL;
    if (form) {
        form->refs = 1;
        form->size = (uint32_t)size;
        form->shared = false;
    }
    return form;
}

/* One that is large is not shared. */
static sio_request_form *form_alone(const sio_request_forms *forms, const sio_http1_head *head,
                                    size_t size) {
    sio_request_form *form = form_alloc(forms, size);
    if (form) {
        writer out = {form->bytes, size, 0};
        write_form(&out, head);
    }
    return form;
}

/* One that finds no place in the table is not shared either. */
static sio_request_form *form_get(sio_request_forms *forms, const sio_http1_head *head) {
    uint8_t bytes[SIO_REQUEST_FORM_BYTES_MAX];
    writer out = {bytes, sizeof(bytes), 0};
    write_form(&out, head);
    if (out.size > sizeof(bytes)) {
        return form_alone(forms, head, out.size);
    }
    sio_request_form *form = sio_table_get(&forms->shared, bytes, out.size);
    if (form) {
        form->refs++;
        return form;
    }
    form = form_alloc(forms, out.size);
    if (form) {
        memcpy(form->bytes, bytes, out.size);
        form->shared = forms->shared.count < SIO_REQUEST_FORMS_MAX &&
                       sio_table_put(&forms->shared, form->bytes, form->size, form) == 0;
    }
    return form;
}

static void form_unref(sio_request_forms *forms, sio_request_form *form) {
    if (form && --form->refs == 0) {
        if (form->shared) {
            sio_table_remove(&forms->shared, form->bytes, form->size);
        }
        sio_mem_release(forms->mem, form);
    }
}

/* ---- keeping ---- */

size_t sio_kept_request_size(const sio_http1_head *head) {
    writer out = {NULL, 0, 0};
    write_own(&out, head);
    return out.size;
}

int sio_kept_request_init(sio_kept_request *kept, sio_request_forms *forms,
                          const sio_http1_head *head, uint8_t *own) {
    *kept = (sio_kept_request){.form = form_get(forms, head), .own = own};
    if (!kept->form) {
        return SIO_ERR_NOMEM;
    }
    writer out = {own, SIZE_MAX, 0};
    write_own(&out, head);
    return 0;
}

void sio_kept_request_done(sio_kept_request *kept, sio_request_forms *forms) {
    form_unref(forms, kept->form);
    sio_mem_release(forms->mem, kept->whole);
    *kept = (sio_kept_request){0};
}

/* ---- asking ---- */

/* The parts before the lines; `lines` then stands at those. Headers are not set. */
static sio_http1_head read_start(const sio_kept_request *kept, size_t *host_line,
                                 sio_kept_lines *lines) {
    sio_http1_head head = {0};
    lines->form = kept->form->bytes;
    lines->own = kept->own;
    head.minor = (int)get_number(&lines->form);
    uint8_t flags = *lines->form++;
    head.keep_alive = (flags & KEEP_ALIVE) != 0;
    head.upgrade = (flags & UPGRADE) != 0;
    head.expect_continue = (flags & EXPECT_CONTINUE) != 0;
    head.chunked = (flags & CHUNKED) != 0;
    head.has_length = (flags & HAS_LENGTH) != 0;
    head.length = get_number(&lines->form);
    *host_line = (size_t)get_number(&lines->form);
    head.method = get_text(&lines->form);
    lines->left = (size_t)get_number(&lines->form);
    head.target = get_text(&lines->own);
    if (*host_line == 0) {
        head.host = get_text(&lines->own);
    }
    return head;
}

sio_str sio_kept_request_target(const sio_kept_request *kept) {
    const uint8_t *own = kept->own;
    return get_text(&own);
}

sio_kept_lines sio_kept_request_lines(const sio_kept_request *kept) {
    sio_kept_lines lines;
    size_t host_line;
    (void)read_start(kept, &host_line, &lines);
    return lines;
}

bool sio_kept_lines_next(sio_kept_lines *lines, sio_http1_header *out) {
    if (lines->left == 0) {
        return false;
    }
    lines->left--;
    out->name = get_text(&lines->form);
    bool own = *lines->form++ != 0;
    out->value = get_text(own ? &lines->own : &lines->form);
    return true;
}

sio_str sio_kept_request_find(const sio_kept_request *kept, sio_str name) {
    sio_kept_lines lines = sio_kept_request_lines(kept);
    sio_http1_header line;
    while (sio_kept_lines_next(&lines, &line)) {
        if (same_name(line.name, name)) {
            return line.value;
        }
    }
    return (sio_str){NULL, 0};
}

static sio_http1_head *make_whole(const sio_kept_request *kept, const sio_mem *mem) {
    sio_kept_lines lines;
    size_t host_line;
    sio_http1_head head = read_start(kept, &host_line, &lines);
    head.header_count = lines.left;
    sio_http1_head *whole =
        sio_mem_alloc(mem, sizeof(*whole) + head.header_count * sizeof(sio_http1_header));
    if (!whole) {
        return NULL;
    }
    sio_http1_header *headers = (sio_http1_header *)(whole + 1);
    for (size_t i = 0; sio_kept_lines_next(&lines, &headers[i]); i++) {
    }
    head.headers = headers;
    if (host_line > 0) {
        head.host = headers[host_line - 1].value;
    }
    *whole = head;
    return whole;
}

const sio_http1_head *sio_kept_request_head(sio_kept_request *kept, const sio_mem *mem) {
    static const sio_http1_head none = {.minor = 1};
    if (!kept->whole && kept->form) {
        kept->whole = make_whole(kept, mem);
    }
    return kept->whole ? kept->whole : &none;
}
