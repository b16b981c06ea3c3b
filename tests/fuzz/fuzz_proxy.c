/* What a proxy may send, whole and byte by byte, and the texts of its settings. The first byte says
 * which protocol, and whether there are credentials. */
#include <sio/proxy.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static int talk(unsigned how, const uint8_t *data, size_t size, size_t step, size_t *sent) {
    sio_proxy_request request = {
        .kind = how & 1 ? SIO_PROXY_SOCKS5 : SIO_PROXY_HTTP,
        .host = SIO_STR("example.org"),
        .port = 443,
        .has_user = (how & 2) != 0,
        .user = SIO_STR("user"),
        .password = SIO_STR("password"),
    };
    sio_buf wire = {0};
    sio_proxy *proxy;
    require(sio_proxy_new(&proxy, &request, &wire, NULL) == 0);
    int rc = 0;
    for (size_t at = 0; at < size && rc == 0; at += step) {
        size_t len = size - at < step ? size - at : step;
        rc = sio_proxy_feed(proxy, data + at, len, &wire);
    }
    require(rc <= 1 && wire.len < 1024);
    require((rc < 0) == (sio_proxy_detail(proxy)[0] != '\0'));
    *sent = wire.len;
    sio_proxy_free(proxy);
    sio_buf_free(&wire);
    return rc;
}

static void try_settings(sio_str text) {
    sio_proxy_url url;
    if (sio_proxy_url_parse(&url, text) == 0) {
        require(url.host.len > 0 && url.port > 0);
        (void)sio_proxy_is_exempt(text, url.host, url.port);
    }
    (void)sio_proxy_is_exempt(text, SIO_STR("10.1.2.3"), 80);
    (void)sio_proxy_is_exempt(text, SIO_STR("fe80::1"), 80);
    (void)sio_proxy_is_exempt(SIO_STR("10.0.0.0/8,[::1]:80,.example.org"), text, 80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    size_t whole_sent;
    size_t bytes_sent;
    int whole = talk(data[0], data + 1, size - 1, size, &whole_sent);
    int bytes = talk(data[0], data + 1, size - 1, 1, &bytes_sent);
    /* Bytes behind the last answer are seen only when they come with it. */
    require(whole == bytes || (whole == SIO_ERR_PROXY_ANSWER && bytes == 1));
    require(whole_sent == bytes_sent);
    try_settings((sio_str){(const char *)data + 1, size - 1});
    return 0;
}
