#include "client_state.h"
#include "transport.h"

#include "mem.h"

#include <string.h>

const char *sio_client_stage_name(sio_client_stage stage) {
    static const char *const names[] = {
        [SIO_CLIENT_STAGE_NONE] = "none",           [SIO_CLIENT_STAGE_LOCAL] = "local",
        [SIO_CLIENT_STAGE_RESOLVE] = "resolve",     [SIO_CLIENT_STAGE_CONNECT] = "connect",
        [SIO_CLIENT_STAGE_PROXY] = "proxy",         [SIO_CLIENT_STAGE_TLS] = "tls",
        [SIO_CLIENT_STAGE_HTTP] = "http",           [SIO_CLIENT_STAGE_WEBSOCKET] = "websocket",
        [SIO_CLIENT_STAGE_HANDSHAKE] = "handshake", [SIO_CLIENT_STAGE_PROTOCOL] = "protocol",
        [SIO_CLIENT_STAGE_NAMESPACE] = "namespace", [SIO_CLIENT_STAGE_TIMEOUT] = "timeout",
    };
    size_t at = (size_t)stage;
    return at < sizeof(names) / sizeof(names[0]) ? names[at] : "unknown";
}

sio_client_stage sio_client_stage_of(int err, sio_client_stage carried) {
    static const struct {
        int first;
        int last;
        sio_client_stage stage;
    } ranges[] = {
        {SIO_ERR_TIMEOUT, SIO_ERR_TIMEOUT, SIO_CLIENT_STAGE_TIMEOUT},
        {SIO_ERR_JSON_SYNTAX, -199, SIO_CLIENT_STAGE_PROTOCOL},
        {SIO_ERR_HTTP_SYNTAX, -299, SIO_CLIENT_STAGE_HTTP},
        {SIO_ERR_WS_RSV, -399, SIO_CLIENT_STAGE_WEBSOCKET},
        {SIO_ERR_EIO_QUEUE_FULL, SIO_ERR_EIO_QUEUE_FULL, SIO_CLIENT_STAGE_LOCAL},
        {-400, -499, SIO_CLIENT_STAGE_PROTOCOL},
        {SIO_ERR_SIO_REFUSED, SIO_ERR_SIO_REFUSED, SIO_CLIENT_STAGE_NAMESPACE},
        {SIO_ERR_SIO_PAYLOAD, -599, SIO_CLIENT_STAGE_PROTOCOL},
        {SIO_ERR_RESOLVE, SIO_ERR_RESOLVE, SIO_CLIENT_STAGE_RESOLVE},
        {SIO_ERR_CONNECT, SIO_ERR_CONNECT, SIO_CLIENT_STAGE_CONNECT},
        {SIO_ERR_TLS, -639, SIO_CLIENT_STAGE_TLS},
        {SIO_ERR_PROXY, SIO_ERR_PROXY_ANSWER, SIO_CLIENT_STAGE_PROXY},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (err <= ranges[i].first && err >= ranges[i].last) {
            return ranges[i].stage;
        }
    }
    bool cut = err == SIO_ERR_CLOSED || err == SIO_ERR_RESET || err == SIO_ERR_NET;
    return cut ? carried : err == 0 ? SIO_CLIENT_STAGE_NONE : SIO_CLIENT_STAGE_LOCAL;
}

/* Longer texts are cut. */
enum { MESSAGE_MAX = 255, DETAIL_MAX = 511 };

static size_t length(const char *text, size_t max) {
    return text ? strnlen(text, max) : 0;
}

/* What was there before may be what is kept anew, so it goes last. */
void sio_client_keep_error(sio_client *client, const sio_client_error *error) {
    char *before = client->failure_texts;
    client->failure_texts = NULL;
    client->failure = error ? *error : (sio_client_error){.size = 0};
    if (error) {
        sio_client_error *kept = &client->failure;
        size_t message = length(error->message, MESSAGE_MAX);
        size_t detail = length(error->detail, DETAIL_MAX);
        char *texts = sio_mem_zalloc(client->mem, message + detail + 2);
        kept->size = sizeof(*kept);
        kept->message = texts ? texts : sio_error_text(error->err);
        kept->detail = texts ? texts + message + 1 : "";
        if (message > 0 && texts) {
            memcpy(texts, error->message, message);
        }
        if (detail > 0 && texts) {
            memcpy(texts + message + 1, error->detail, detail);
        }
        client->failure_texts = texts;
    }
    sio_mem_release(client->mem, before);
}

const sio_client_error *sio_client_last_error(const sio_client *client) {
    return client->failure.size > 0 ? &client->failure : NULL;
}

const char *sio_client_error_detail(const sio_client *client) {
    const sio_client_error *error = sio_client_last_error(client);
    return error ? error->detail : "";
}
