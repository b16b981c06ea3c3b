/* URLs, targets, queries, cookies, dates and Accept-Encoding: any text, and what was understood can
 * be written and understood again. */
#include <sio/http1.h>
#include <sio/http_fields.h>
#include <sio/url.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool same(sio_str a, sio_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static sio_str contents(const sio_buf *buf) {
    return (sio_str){(const char *)buf->data, buf->len};
}

static void try_url(sio_str text) {
    sio_url url;
    if (sio_url_parse(&url, text) != 0) {
        return;
    }
    require(url.host.len > 0 && url.path.len > 0 && url.path.ptr[0] == '/');
    sio_buf buf = {0};
    require(sio_buf_add(&buf, url.scheme.ptr, url.scheme.len) == 0);
    require(sio_buf_add_text(&buf, "://") == 0);
    size_t start = buf.len;
    require(sio_url_write_authority(&buf, url.host, url.port, url.tls ? 443 : 80) == 0);
    require(sio_url_is_authority((sio_str){(const char *)buf.data + start, buf.len - start}));
    require(sio_buf_add(&buf, url.path.ptr, url.path.len) == 0);
    require(sio_buf_add_byte(&buf, '?') == 0);
    require(sio_buf_add(&buf, url.query.ptr, url.query.len) == 0);
    sio_url again;
    if (buf.len <= SIO_URL_MAX) {
        require(sio_url_parse(&again, contents(&buf)) == 0);
        require(same(again.host, url.host) && again.port == url.port && again.ipv6 == url.ipv6);
        require(same(again.path, url.path) && same(again.query, url.query));
    }
    sio_buf_free(&buf);
}

static void try_target(sio_str text) {
    sio_url_target target;
    sio_url_split_target(&target, text);
    require(target.path.len + target.query.len <= text.len);
    sio_buf buf = {0};
    if (sio_url_decode_path(&buf, target.path) == 0) {
        sio_url_split_target(&target, target.path);
        require(!target.bad_escape && !target.control);
        require(!buf.len || !memchr(buf.data, '\\', buf.len));
    } else {
        require(buf.len == 0);
    }
    sio_buf_free(&buf);
}

static void try_query(sio_str query, sio_query_rules rules) {
    sio_str rest = query;
    sio_str name;
    sio_str value;
    while (sio_query_next(&rest, &name, &value)) {
        sio_str found;
        sio_buf text = {0};
        sio_buf again = {0};
        require(sio_query_decode(&text, value, rules) == 0);
        require(sio_query_encode(&again, contents(&text)) == 0);
        require(sio_query_equals(contents(&again), rules, contents(&text)));
        text.len = 0;
        require(sio_query_decode(&text, name, rules) == 0);
        if (sio_query_equals(name, rules, contents(&text))) {
            require(sio_query_find(query, rules, contents(&text), &found));
        }
        sio_buf_free(&text);
        sio_buf_free(&again);
    }
}

static void try_cookies(sio_str text) {
    sio_str rest = text;
    sio_str name;
    sio_str value;
    while (sio_cookie_next(&rest, &name, &value)) {
        sio_str found;
        require(name.len > 0 && sio_cookie_find(text, name, &found));
    }
    sio_cookie_received received;
    if (sio_cookie_parse(&received, text) == 0) {
        require(received.name.len > 0);
    }
    sio_cookie cookie = SIO_COOKIE_INIT;
    cookie.name = SIO_STR("n");
    cookie.value = text;
    cookie.path = text;
    sio_buf buf = {0};
    if (sio_cookie_write(&buf, &cookie) == 0) {
        require(sio_http1_is_value(contents(&buf)));
        require(sio_cookie_parse(&received, contents(&buf)) == 0);
        require(sio_query_equals(received.value, SIO_QUERY_PERCENT, text));
    }
    sio_buf_free(&buf);
}

static void try_dates(sio_str text) {
    int64_t when;
    char again[SIO_HTTP_DATE_LEN];
    if (sio_http_date_parse(&when, text) == 0) {
        sio_http_date_format(again, when);
        require(same((sio_str){again, sizeof(again)}, text));
    }
    if (sio_http_date_parse_cookie(&when, text) == 0) {
        int64_t other = 0;
        sio_http_date_format(again, when);
        require(sio_http_date_parse(&other, (sio_str){again, sizeof(again)}) == 0);
        require(other == when);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sio_str text = {(const char *)data, size};
    try_url(text);
    try_target(text);
    try_query(text, SIO_QUERY_FORM);
    try_query(text, SIO_QUERY_PERCENT);
    try_cookies(text);
    try_dates(text);
    (void)sio_http_accept_encoding(text);
    (void)sio_url_is_ipv6(text);
    return 0;
}
