#include <sio/http_fields.h>

#include "chars.h"

#include <string.h>

/* How well one encoding did. Weights are thousandths; an unmatched one has weight 0. */
typedef struct rank {
    unsigned weight;
    bool named; /* not only by "*" */
    size_t order;
} rank;

/* qvalue: "0" or "1", then at most three decimals (RFC 9110 §12.4.2). */
static bool read_qvalue(unsigned *weight, sio_str text) {
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.')) {
        return false;
    }
    unsigned value = text.ptr[0] == '1' ? 1000 : 0;
    unsigned unit = 100;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (!sio_char_is_digit(text.ptr[i])) {
            return false;
        }
        value += (unsigned)(text.ptr[i] - '0') * unit;
    }
    *weight = value;
    return value <= 1000;
}

/* "coding *( ; parameter )": false when its weight cannot be read; the element is ignored then. */
static bool read_element(sio_str *coding, unsigned *weight, sio_str element) {
    *weight = 1000;
    *coding = sio_text_trim(sio_text_cut(&element, ';'));
    while (element.len > 0) {
        sio_str value = sio_text_cut(&element, ';');
        sio_str name = sio_text_trim(sio_text_cut(&value, '='));
        if (sio_text_equal_nocase(name, SIO_STR("q")) &&
            !read_qvalue(weight, sio_text_trim(value))) {
            return false;
        }
    }
    return coding->len > 0;
}

/* An element that names the encoding overrides "*"; of several alike the highest weight counts. */
static void apply(rank *r, bool named, unsigned weight, size_t order) {
    if (named != r->named ? named : weight >= r->weight) {
        *r = (rank){.weight = weight, .named = named, .order = order};
    }
}

static bool is_better(const rank *a, const rank *b) {
    if (a->weight != b->weight) {
        return a->weight > b->weight;
    }
    if (a->named != b->named) {
        return a->named;
    }
    return a->order < b->order;
}

static const struct {
    sio_http_encoding encoding;
    const char *name;
} codings[] = {
    {SIO_HTTP_GZIP, "gzip"},
    {SIO_HTTP_DEFLATE, "deflate"},
    {SIO_HTTP_BROTLI, "br"},
};

enum { CODINGS = sizeof(codings) / sizeof(codings[0]) };

static void apply_element(rank ranks[CODINGS], sio_str coding, unsigned weight, size_t order) {
    bool any = sio_text_equal(coding, SIO_STR("*"));
    for (size_t i = 0; i < CODINGS; i++) {
        sio_str name = {codings[i].name, strlen(codings[i].name)};
        if (any || sio_text_equal_nocase(coding, name)) {
            apply(&ranks[i], !any, weight, order);
        }
    }
}

static sio_http_encoding best_of(const rank ranks[CODINGS], unsigned offered) {
    const rank *best = NULL;
    for (size_t i = 0; i < CODINGS; i++) {
        bool is_offered = (offered & SIO_HTTP_OFFER(codings[i].encoding)) != 0;
        if (is_offered && ranks[i].weight > 0 && (!best || is_better(&ranks[i], best))) {
            best = &ranks[i];
        }
    }
    return best ? codings[best - ranks].encoding : SIO_HTTP_IDENTITY;
}

sio_http_encoding sio_http_choose_encoding(sio_str header, unsigned offered) {
    rank ranks[CODINGS] = {{0}};
    for (size_t order = 0; header.len > 0; order++) {
        sio_str coding;
        unsigned weight;
        if (read_element(&coding, &weight, sio_text_cut(&header, ','))) {
            apply_element(ranks, coding, weight, order);
        }
    }
    return best_of(ranks, offered);
}

sio_http_encoding sio_http_accept_encoding(sio_str header) {
    return sio_http_choose_encoding(header, SIO_HTTP_OFFER(SIO_HTTP_GZIP) |
                                                SIO_HTTP_OFFER(SIO_HTTP_DEFLATE));
}

const char *sio_http_encoding_name(sio_http_encoding encoding) {
    for (size_t i = 0; i < CODINGS; i++) {
        if (codings[i].encoding == encoding) {
            return codings[i].name;
        }
    }
    return "identity";
}
