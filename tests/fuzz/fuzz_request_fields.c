/* Header values that the server reads of itself: Range, and who asks behind proxies
 * (X-Forwarded-For, Forwarded, RFC 7239), and the query with which clients of Socket.IO 2.x send
 * their credentials. Two bytes are the size of a file, then each line is the value of a header. */
#include "byte_range.h"
#include "draw.h"
#include "old_auth.h"
#include "proxies.h"

#include <sio/json.h>

enum { LINES_MAX = 6 };

/* ---- Range ---- */

static void try_range(sio_str header, uint64_t size) {
    sio_byte_range range = {7, 7};
    sio_range_verdict verdict = sio_byte_range_read(&range, header, size);
    if (verdict == SIO_RANGE_PART) {
        REQUIRE(range.len > 0 && range.first < size && range.len <= size - range.first);
    } else {
        REQUIRE(range.first == 7 && range.len == 7);
    }
    REQUIRE(verdict == SIO_RANGE_WHOLE || size > 0);
}

/* Every range of a file can be asked for, and is what one gets. */
static void ask_range(uint64_t first, uint64_t last, uint64_t size) {
    sio_buf text = {0};
    sio_byte_range range = {0};
    REQUIRE(sio_buf_add_text(&text, "bytes=") == 0 && sio_buf_add_u64(&text, first) == 0);
    REQUIRE(sio_buf_add_byte(&text, '-') == 0 && sio_buf_add_u64(&text, last) == 0);
    sio_range_verdict verdict =
        sio_byte_range_read(&range, (sio_str){(const char *)text.data, text.len}, size);
    if (size == 0 || last < first) {
        REQUIRE(verdict == SIO_RANGE_WHOLE);
    } else if (first >= size) {
        REQUIRE(verdict == SIO_RANGE_NEVER);
    } else {
        REQUIRE(verdict == SIO_RANGE_PART && range.first == first);
        REQUIRE(range.len == (last < size ? last - first + 1 : size - first));
    }
    sio_buf_free(&text);
}

/* ---- proxies ---- */

static bool acceptable(sio_str value) {
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static void try_client(const sio_proxies *proxies, const sio_http1_head *head) {
    char text[SIO_ADDRESS_TEXT_MAX] = "untouched";
    bool malformed = false;
    bool secure = false;
    if (sio_proxies_client(proxies, head, text, &malformed)) {
        sio_address address;
        REQUIRE(sio_address_literal(&address, text, 0) == 0 && !strchr(text, '%'));
    } else {
        REQUIRE(strcmp(text, "untouched") == 0);
    }
    (void)sio_proxies_secure(head, &secure);
}

static void try_proxies(const sio_http1_header *headers, size_t count) {
    static const char *const known[] = {"10.0.0.0/8", "::1", "fd00::/9", "unix:"};
    sio_http1_head head = {.headers = headers, .header_count = count};
    sio_proxies some;
    sio_proxies none;
    REQUIRE(sio_proxies_init(&some, known, 4, NULL) == 0);
    REQUIRE(sio_proxies_init(&none, NULL, 0, NULL) == 0);
    try_client(&some, &head);
    try_client(&none, &head);
    sio_proxies_done(&some, NULL);
    sio_proxies_done(&none, NULL);
}

/* The setting: what is taken is a range that holds its own address. */
static void try_setting(sio_str line) {
    char *text = malloc(line.len + 1);
    REQUIRE(text);
    if (line.len > 0) {
        memcpy(text, line.ptr, line.len);
    }
    text[line.len] = '\0';
    const char *texts[] = {text};
    sio_proxies proxies;
    if (sio_proxies_init(&proxies, texts, 1, NULL) == 0 && !proxies.local) {
        sio_address address;
        text[strcspn(text, "/")] = '\0';
        REQUIRE(sio_address_literal(&address, text, 0) == 0);
        REQUIRE(sio_proxies_trust(&proxies, &address));
    }
    sio_proxies_done(&proxies, NULL);
    free(text);
}

/* ---- the old credentials ---- */

static void try_old_auth(sio_str query) {
    sio_buf out = {0};
    REQUIRE(sio_old_auth_write(&out, query) == 0);
    REQUIRE(sio_json_validate((const char *)out.data, out.len, 0) == 0);
    REQUIRE(out.data[0] == '{' && out.data[out.len - 1] == '}');
    sio_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"X-Forwarded-For", "Forwarded", "X-Forwarded-Proto",
                                        "x-forwarded-for", "Other"};
    sio_http1_header headers[LINES_MAX];
    char *copies[LINES_MAX] = {NULL};
    size_t count = 0;
    draw in = {data, size};
    uint64_t file = draw_number(&in, 2);
    ask_range(file >> 8, file & 255, 200);
    for (size_t lines = 0; in.left > 0 && lines < LINES_MAX; lines++) {
        const char *name = names[draw_byte(&in) % 5];
        sio_str value = draw_line(&in);
        copies[lines] = draw_copy(value.ptr, value.len);
        value.ptr = copies[lines];
        try_range(value, file);
        try_range(value, UINT64_MAX);
        try_setting(value);
        try_old_auth(value);
        if (acceptable(value)) { /* the parser lets nothing else through */
            headers[count++] = (sio_http1_header){{name, strlen(name)}, value};
        }
    }
    try_proxies(headers, count);
    for (size_t i = 0; i < LINES_MAX; i++) {
        free(copies[i]);
    }
    return 0;
}
