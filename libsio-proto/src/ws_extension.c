#include "ws_extension.h"

#include "ws_field.h"

#include <string.h>

enum { BITS_MIN = 8, BITS_MAX = 15 };

/* The four parameters, in the order in which they are written. */
typedef enum deflate_param {
    SERVER_NO_CONTEXT_TAKEOVER,
    CLIENT_NO_CONTEXT_TAKEOVER,
    SERVER_MAX_WINDOW_BITS,
    CLIENT_MAX_WINDOW_BITS,
    PARAM_COUNT,
} deflate_param;

static const char *const param_names[PARAM_COUNT] = {
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
};

/* One element of the header: an extension with its parameters. */
typedef struct deflate_element {
    bool is_deflate;
    bool valid; /* each parameter is known, stands once, and has a value that it may have */
    bool present[PARAM_COUNT];
    uint8_t bits[PARAM_COUNT]; /* 8 to 15; 0 when there is no value */
} deflate_element;

/* A value as it was written. No valid one has more than two characters, so the rest is only
 * counted. */
typedef struct param_value {
    bool present;
    size_t len;
    char text[2];
} param_value;

static void value_add(param_value *value, char c) {
    if (value->len < sizeof(value->text)) {
        value->text[value->len] = c;
    }
    value->len++;
}

/* The content of a quoted-string, which must be a token (RFC 6455 §9.1). */
static bool take_quoted(sio_ws_cursor *cursor, param_value *value) {
    while (!sio_ws_take_char(cursor, '"')) {
        (void)sio_ws_take_char(cursor, '\\');
        if (cursor->at == cursor->end) {
            return false;
        }
        sio_str one = {cursor->at++, 1};
        if (!sio_ws_is_token(one)) {
            return false;
        }
        value_add(value, one.ptr[0]);
    }
    return value->len > 0;
}

static bool take_value(sio_ws_cursor *cursor, param_value *value) {
    *value = (param_value){.present = false};
    sio_ws_skip_space(cursor);
    if (!sio_ws_take_char(cursor, '=')) {
        return true;
    }
    value->present = true;
    sio_ws_skip_space(cursor);
    if (sio_ws_take_char(cursor, '"')) {
        return take_quoted(cursor, value);
    }
    sio_str token = sio_ws_take_token(cursor);
    for (size_t i = 0; i < token.len && i < sizeof(value->text); i++) {
        value->text[i] = token.ptr[i];
    }
    value->len = token.len;
    return token.len > 0;
}

/* 8 to 15 without a leading zero, sign or exponent (RFC 7692 §7.1.2.1); 0 for anything else. */
static uint8_t window_bits(const param_value *value) {
    if (value->len == 1 && (value->text[0] == '8' || value->text[0] == '9')) {
        return (uint8_t)(value->text[0] - '0');
    }
    if (value->len == 2 && value->text[0] == '1' && value->text[1] >= '0' &&
        value->text[1] <= '5') {
        return (uint8_t)(10 + value->text[1] - '0');
    }
    return 0;
}

static deflate_param param_of(sio_str name) {
    int i = 0;
    while (i < PARAM_COUNT && (strlen(param_names[i]) != name.len ||
                               memcmp(param_names[i], name.ptr, name.len) != 0)) {
        i++;
    }
    return (deflate_param)i;
}

/* Returns false when the parameter makes the element unacceptable. */
static bool element_add(deflate_element *element, sio_str name, const param_value *value) {
    deflate_param param = param_of(name);
    if (param == PARAM_COUNT || element->present[param]) {
        return false;
    }
    element->present[param] = true;
    if (param < SERVER_MAX_WINDOW_BITS) {
        return !value->present;
    }
    element->bits[param] = window_bits(value);
    return !value->present || element->bits[param] != 0;
}

/* extension = token *( ";" parameter ). Returns false when the grammar is broken. */
static bool take_element(sio_ws_cursor *cursor, deflate_element *element) {
    *element = (deflate_element){.valid = true};
    sio_ws_skip_space(cursor);
    sio_str name = sio_ws_take_token(cursor);
    if (name.len == 0) {
        return false;
    }
    element->is_deflate = sio_ws_equal(name, SIO_STR("permessage-deflate"));
    for (;;) {
        sio_ws_skip_space(cursor);
        if (!sio_ws_take_char(cursor, ';')) {
            return true;
        }
        sio_ws_skip_space(cursor);
        sio_str param = sio_ws_take_token(cursor);
        param_value value;
        if (param.len == 0 || !take_value(cursor, &value)) {
            return false;
        }
        if (element->is_deflate && !element_add(element, param, &value)) {
            element->valid = false;
        }
    }
}

/* The next element of the list. Returns 1 with one, 0 at the end, or SIO_ERR_WS_EXTENSION. */
static int next_element(sio_ws_cursor *cursor, deflate_element *element, bool first) {
    sio_ws_skip_space(cursor);
    if (cursor->at == cursor->end) {
        return 0;
    }
    if (!first && !sio_ws_take_char(cursor, ',')) {
        return SIO_ERR_WS_EXTENSION;
    }
    return take_element(cursor, element) ? 1 : SIO_ERR_WS_EXTENSION;
}

static uint8_t least(uint8_t a, uint8_t b) {
    return a < b ? a : b;
}

static uint8_t bits_or_max(uint8_t bits) {
    return bits == 0 ? BITS_MAX : bits;
}

static bool bits_valid(uint8_t bits) {
    return bits == 0 || (bits >= BITS_MIN && bits <= BITS_MAX);
}

bool sio_ws_deflate_options_valid(const sio_ws_deflate_options *options) {
    return options->size >= sizeof(*options) && bits_valid(options->server_max_window_bits) &&
           bits_valid(options->client_max_window_bits);
}

/* RFC 7692 §7.1. The client's window can be limited only when it says that it understands that. */
static bool accept_offer(sio_ws_deflate_params *out, const deflate_element *offer,
                         const sio_ws_deflate_options *options) {
    if (!offer->is_deflate || !offer->valid) {
        return false;
    }
    uint8_t server_bits = offer->bits[SERVER_MAX_WINDOW_BITS];
    if (offer->present[SERVER_MAX_WINDOW_BITS] && server_bits == 0) {
        return false;
    }
    uint8_t client_limit = bits_or_max(options->client_max_window_bits);
    if (!offer->present[CLIENT_MAX_WINDOW_BITS] && client_limit < BITS_MAX) {
        return false;
    }
    *out = (sio_ws_deflate_params){
        .server_no_context_takeover =
            offer->present[SERVER_NO_CONTEXT_TAKEOVER] || !options->server_context_takeover,
        .client_no_context_takeover =
            offer->present[CLIENT_NO_CONTEXT_TAKEOVER] || !options->client_context_takeover,
        .server_max_window_bits =
            least(bits_or_max(server_bits), bits_or_max(options->server_max_window_bits)),
        .client_max_window_bits =
            least(bits_or_max(offer->bits[CLIENT_MAX_WINDOW_BITS]), client_limit),
    };
    return true;
}

int sio_ws_deflate_accept(sio_ws_deflate_params *out, sio_str offers,
                          const sio_ws_deflate_options *options) {
    sio_ws_cursor cursor = sio_ws_cursor_of(offers);
    sio_ws_deflate_params chosen = {.server_max_window_bits = 0};
    bool found = false;
    deflate_element offer;
    int rc;
    for (bool first = true; (rc = next_element(&cursor, &offer, first)) > 0; first = false) {
        if (!found) {
            found = accept_offer(&chosen, &offer, options);
        }
    }
    if (rc == 0 && found) {
        *out = chosen;
    }
    return rc != 0 ? rc : found;
}

/* The server may limit itself unasked, but must confirm what was asked of it. */
static bool answers_offer(const deflate_element *answer, const sio_ws_deflate_options *options) {
    if (!answer->is_deflate || !answer->valid) {
        return false;
    }
    if (!options->server_context_takeover && !answer->present[SERVER_NO_CONTEXT_TAKEOVER]) {
        return false;
    }
    uint8_t server_bits = answer->bits[SERVER_MAX_WINDOW_BITS];
    uint8_t client_bits = answer->bits[CLIENT_MAX_WINDOW_BITS];
    if ((answer->present[SERVER_MAX_WINDOW_BITS] && server_bits == 0) ||
        (answer->present[CLIENT_MAX_WINDOW_BITS] && client_bits == 0)) {
        return false;
    }
    return bits_or_max(server_bits) <= bits_or_max(options->server_max_window_bits) &&
           client_bits <= bits_or_max(options->client_max_window_bits);
}

int sio_ws_deflate_check(sio_ws_deflate_params *out, sio_str response,
                         const sio_ws_deflate_options *options) {
    sio_ws_cursor cursor = sio_ws_cursor_of(response);
    deflate_element answer;
    deflate_element second;
    int rc = next_element(&cursor, &answer, true);
    if (rc <= 0) {
        return rc;
    }
    if (next_element(&cursor, &second, false) != 0 || !options ||
        !answers_offer(&answer, options)) {
        return SIO_ERR_WS_EXTENSION;
    }
    *out = (sio_ws_deflate_params){
        .server_no_context_takeover = answer.present[SERVER_NO_CONTEXT_TAKEOVER],
        .client_no_context_takeover =
            answer.present[CLIENT_NO_CONTEXT_TAKEOVER] || !options->client_context_takeover,
        .server_max_window_bits = bits_or_max(answer.bits[SERVER_MAX_WINDOW_BITS]),
        .client_max_window_bits = least(bits_or_max(answer.bits[CLIENT_MAX_WINDOW_BITS]),
                                        bits_or_max(options->client_max_window_bits)),
    };
    return 1;
}

/* Start over at `start` unless everything could be appended. */
static int keep_or_cut(sio_buf *out, size_t start, int rc) {
    if (rc != 0) {
        out->len = start;
    }
    return rc;
}

static int write_param(sio_buf *out, deflate_param param, uint8_t bits) {
    int rc = sio_buf_add_text(out, "; ");
    if (rc == 0) {
        rc = sio_buf_add_text(out, param_names[param]);
    }
    if (rc == 0 && bits != 0) {
        rc = sio_buf_add_byte(out, '=');
    }
    return rc == 0 && bits != 0 ? sio_buf_add_u64(out, bits) : rc;
}

/* `present` says which parameters to write, `bits` with what value (0: none). */
static int write_element(sio_buf *out, const bool present[PARAM_COUNT],
                         const uint8_t bits[PARAM_COUNT]) {
    size_t start = out->len;
    int rc = sio_buf_add_text(out, "permessage-deflate");
    for (int i = 0; rc == 0 && i < PARAM_COUNT; i++) {
        if (present[i]) {
            rc = write_param(out, (deflate_param)i, bits[i]);
        }
    }
    return keep_or_cut(out, start, rc);
}

static uint8_t bits_if_limited(uint8_t bits) {
    return bits == BITS_MAX ? 0 : bits;
}

int sio_ws_deflate_offer(sio_buf *out, const sio_ws_deflate_options *options) {
    uint8_t server_bits = bits_if_limited(options->server_max_window_bits);
    uint8_t client_bits = bits_if_limited(options->client_max_window_bits);
    const bool present[PARAM_COUNT] = {!options->server_context_takeover,
                                       !options->client_context_takeover, server_bits != 0, true};
    const uint8_t bits[PARAM_COUNT] = {0, 0, server_bits, client_bits};
    return write_element(out, present, bits);
}

int sio_ws_deflate_response(sio_buf *out, const sio_ws_deflate_params *params) {
    uint8_t server_bits = bits_if_limited(params->server_max_window_bits);
    uint8_t client_bits = bits_if_limited(params->client_max_window_bits);
    const bool present[PARAM_COUNT] = {params->server_no_context_takeover,
                                       params->client_no_context_takeover, server_bits != 0,
                                       client_bits != 0};
    const uint8_t bits[PARAM_COUNT] = {0, 0, server_bits, client_bits};
    return write_element(out, present, bits);
}
