#include "options.h"

#include "cors.h"
#include "group.h"
#include "poll_answers.h"

#include <string.h>

enum { MAX_NAMESPACE_NAME = 1024 };

static const sio_server_options DEFAULTS = {
    .size = sizeof(sio_server_options),
    .path = "/socket.io",
    .ping_interval_ms = 25000,
    .ping_timeout_ms = 20000,
    .upgrade_timeout_ms = 10000,
    .connect_timeout_ms = 45000,
    .max_payload = 1000000,
    .max_attachments = 10,
    .max_json_depth = SIO_JSON_MAX_DEPTH,
    .max_namespaces = 64,
    .max_pending_acks = 1000,
    .max_waiting_events = 256,
    .max_queued_bytes = 4u << 20,
    .header_timeout_ms = 10000,
    .body_timeout_ms = 30000,
    .idle_timeout_ms = 5000,
    .compress_threshold = 1024,
    .http_compress_threshold = 1024,
    .destroy_upgrade_timeout_ms = 1000,
    .max_reply_bytes = 4u << 20,
    .slow_timeout_ms = 60000,
    .max_child_namespaces = 10000,
    .tls_handshake_timeout_ms = 10000,
    .message_timeout_ms = 30000,
    .min_receive_rate = 16384,
    .max_log_lines = 100,
};

#define FILL(field)                                                                                \
    do {                                                                                           \
        if (!out->field) {                                                                         \
            out->field = DEFAULTS.field;                                                           \
        }                                                                                          \
    } while (0)

static void fill_defaults(sio_server_options *out) {
    FILL(path);
    FILL(ping_interval_ms);
    FILL(ping_timeout_ms);
    FILL(upgrade_timeout_ms);
    FILL(connect_timeout_ms);
    FILL(max_payload);
    FILL(max_attachments);
    FILL(max_json_depth);
    FILL(max_namespaces);
    FILL(max_pending_acks);
    FILL(max_waiting_events);
    FILL(max_queued_bytes);
    FILL(header_timeout_ms);
    FILL(body_timeout_ms);
    FILL(idle_timeout_ms);
    FILL(compress_threshold);
    FILL(http_compress_threshold);
    FILL(destroy_upgrade_timeout_ms);
    FILL(max_reply_bytes);
    FILL(slow_timeout_ms);
    FILL(tls_handshake_timeout_ms);
    FILL(message_timeout_ms);
    FILL(min_receive_rate);
    FILL(max_log_lines);
    if (out->high_watermark_bytes == 0) {
        out->high_watermark_bytes = out->max_queued_bytes / 4 + 1;
    }
    if (out->low_watermark_bytes == 0) {
        out->low_watermark_bytes = out->high_watermark_bytes / 4 + 1;
    }
    FILL(max_child_namespaces);
}

static bool adapter_is_valid(const sio_server_adapter *adapter) {
    return !adapter || (adapter->size == sizeof(*adapter) && adapter->create);
}

static bool parser_is_valid(const sio_server_options *options) {
    return options->parser == SIO_PARSER_DEFAULT ||
           (options->parser == SIO_PARSER_MSGPACK && !options->allow_eio3);
}

static bool threads_are_valid(const sio_server_options *options) {
    return options->threads <= 1 || (options->threads <= SIO_GROUP_MAX && options->setup);
}

static bool is_valid(const sio_server_options *options) {
    return options->path[0] == '/' && !(options->disable_polling && options->disable_websocket) &&
           options->max_namespaces <= UINT16_MAX - 1 &&
           options->max_json_depth <= SIO_JSON_DEPTH_CEILING &&
           options->max_attachments <= SIO_ARGS_MAX_ATTACHMENTS &&
           options->low_watermark_bytes <= options->high_watermark_bytes &&
           sio_cors_check(options->cors) == 0 && sio_server_cookie_check(options->cookie) == 0 &&
           adapter_is_valid(options->adapter) && parser_is_valid(options) &&
           threads_are_valid(options) &&
           (!options->recovery || options->recovery->size == sizeof(*options->recovery));
}

int sio_server_options_read(sio_server_options *out, const sio_server_options *options) {
    *out = (sio_server_options){.size = sizeof(*out)};
    if (options) {
        /* An older program knows fewer fields; one that knows more was built for a later library.
         */
        if (options->size < sizeof(options->size) || options->size > sizeof(*out)) {
            return SIO_ERR_INVALID;
        }
        memcpy(out, options, options->size);
    }
    fill_defaults(out);
    return is_valid(out) ? 0 : SIO_ERR_INVALID;
}

/* A packet with all its attachments, each as large as a message may be. */
static size_t partial_bytes(const sio_server_options *options) {
    size_t total;
    bool wraps = __builtin_mul_overflow(options->max_payload, options->max_attachments + 1, &total);
    return wraps ? SIZE_MAX : total;
}

static sio_decoder_options decoder_options(const sio_server *server,
                                           const sio_server_options *options, unsigned protocol) {
    sio_decoder_options decoder = SIO_DECODER_OPTIONS_INIT;
    decoder.protocol = protocol;
    decoder.max_attachments = options->max_attachments;
    decoder.max_partial_bytes = partial_bytes(options);
    decoder.args.max_depth = options->max_json_depth;
    decoder.mem = server->mem;
    decoder.parser = protocol == 5 ? options->parser : SIO_PARSER_DEFAULT;
    return decoder;
}

static sio_server_recovery recovery_options(const sio_server_recovery *given) {
    sio_server_recovery full = *given;
    full.max_disconnection_ms = full.max_disconnection_ms ? full.max_disconnection_ms : 120000;
    full.max_sessions = full.max_sessions ? full.max_sessions : 10000;
    full.max_events = full.max_events ? full.max_events : 100000;
    full.max_bytes = full.max_bytes ? full.max_bytes : 64u << 20;
    return full;
}

static sio_session_options session_options(const sio_server *server,
                                           const sio_server_options *options, unsigned protocol) {
    sio_session_options session = SIO_SESSION_OPTIONS_INIT;
    session.protocol = protocol;
    session.max_connected = (uint16_t)options->max_namespaces;
    session.max_nsp_bytes = MAX_NAMESPACE_NAME;
    session.connect_timeout_ms = options->connect_timeout_ms;
    session.mem = server->mem;
    return session;
}

static sio_queue_limits queue_limits(const sio_server_options *options) {
    return (sio_queue_limits){
        .high = (size_t)options->high_watermark_bytes,
        .low = (size_t)options->low_watermark_bytes,
        .max_messages = options->max_queued_messages,
        .slow_timeout_ms = options->slow_timeout_ms == UINT32_MAX ? 0 : options->slow_timeout_ms,
    };
}

void sio_server_options_apply(sio_server *server, const sio_server_options *options) {
    server->eio = (sio_eio_config)SIO_EIO_CONFIG_INIT;
    server->eio.ping_interval = options->ping_interval_ms;
    server->eio.ping_timeout = options->ping_timeout_ms;
    server->eio.upgrade_timeout = options->upgrade_timeout_ms;
    server->eio.max_payload = options->max_payload;
    server->eio.no_upgrade = options->disable_upgrades || options->disable_websocket;
    server->eio.max_queue_bytes = (size_t)options->max_queued_bytes;
    server->eio.mem = server->mem;
    server->parser = options->parser;
    sio_buf_init(&server->parser_text, partial_bytes(options), server->mem);
    server->decoder5 = decoder_options(server, options, 5);
    server->decoder5.text = &server->parser_text;
    server->decoder4 = decoder_options(server, options, 4);
    server->session5 = session_options(server, options, 5);
    server->session4 = session_options(server, options, 4);
    server->max_pending_acks = options->max_pending_acks;
    server->max_reply_bytes = options->max_reply_bytes;
    if (options->adapter) {
        server->adapter = *options->adapter;
    }
    server->max_payload = options->max_payload;
    server->max_waiting_events = options->max_waiting_events;
    if (options->recovery) {
        server->recovery = recovery_options(options->recovery);
    }
    server->queue = queue_limits(options);
    server->budget.max = (size_t)options->max_total_queued_bytes;
    server->max_child_namespaces = options->max_child_namespaces;
    server->cleanup_children = options->cleanup_empty_child_namespaces;
    server->budget.max_pending = options->max_pending_handshakes;
    server->max_rooms_per_peer = options->max_rooms_per_peer;
    server->max_room_name = options->max_room_name;
    server->message_timeout_ms = options->message_timeout_ms;
    server->min_receive_rate = options->min_receive_rate;
    server->tls_timeout_ms = options->tls_handshake_timeout_ms;
}

/* ---- further engines ---- */

static void fill_engine(sio_engine_options *full, const sio_server *server) {
    full->path = full->path ? full->path : "/engine.io";
    full->max_payload = full->max_payload ? full->max_payload : server->max_payload;
    full->max_queued_bytes =
        full->max_queued_bytes ? full->max_queued_bytes : DEFAULTS.max_queued_bytes;
    full->compress_threshold =
        full->compress_threshold ? full->compress_threshold : DEFAULTS.compress_threshold;
}

int sio_engine_options_read(sio_engine_settings *out, sio_engine_options *full, sio_eio_config *eio,
                            const sio_server *server, const sio_engine_options *options) {
    *full = (sio_engine_options)SIO_ENGINE_OPTIONS_INIT;
    if (options) {
        if (options->size != sizeof(*options)) {
            return SIO_ERR_INVALID;
        }
        *full = *options;
    }
    fill_engine(full, server);
    if (full->max_payload > server->max_payload) {
        return SIO_ERR_INVALID;
    }
    *eio = (sio_eio_config)SIO_EIO_CONFIG_INIT;
    eio->ping_interval = full->ping_interval_ms;
    eio->ping_timeout = full->ping_timeout_ms;
    eio->upgrade_timeout = full->upgrade_timeout_ms;
    eio->max_payload = full->max_payload;
    eio->no_upgrade = full->disable_upgrades;
    eio->max_queue_bytes = (size_t)full->max_queued_bytes;
    eio->mem = server->mem;
    *out = (sio_engine_settings){
        .eio = eio,
        .path = full->path,
        .no_trailing_slash = full->no_trailing_slash,
        .polling = !full->disable_polling,
        .websocket = !full->disable_websocket,
        .allow_eio3 = full->allow_eio3,
        .deflate = full->per_message_deflate,
        .compress_threshold = full->compress_threshold,
        .max_payload = full->max_payload,
        .queue = server->queue,
        .message_timeout_ms = server->message_timeout_ms,
        .min_receive_rate = server->min_receive_rate,
        .cookie = full->cookie,
        .http_compression = !full->disable_http_compression,
        .http_threshold = full->http_compress_threshold ? full->http_compress_threshold
                                                        : DEFAULTS.http_compress_threshold,
        .callbacks = &full->callbacks,
        .user = full->user,
    };
    return 0;
}
