#include "metrics.h"

#include "mem.h"
#include "server_state.h"

#include <stddef.h>
#include <string.h>

typedef struct metric {
    uint16_t offset;
    bool gauge;
    const char *name;
    const char *labels; /* NULL: none */
    const char *help;   /* NULL: the same metric as the row before */
} metric;

#define COUNTER(field, name, labels, help)                                                         \
    { offsetof(sio_counters, field), false, "sio_server_" name, labels, help }
#define GAUGE(field, name, labels, help)                                                           \
    { offsetof(sio_counters, field), true, "sio_server_" name, labels, help }

/* Rows of one metric stand together, as the format demands. */
static const metric METRICS[] = {
    COUNTER(connections_accepted, "connections_accepted_total", NULL,
            "Connections taken by a listener"),
    GAUGE(connections_open, "connections_open", NULL,
          "HTTP connections and WebSockets that are open"),
    COUNTER(connections_refused_limit, "connections_refused_total", "cause=\"limit\"",
            "Connections refused"),
    COUNTER(connections_refused_closing, "connections_refused_total", "cause=\"closing\"", NULL),
    COUNTER(tls_handshakes_failed, "tls_handshakes_failed_total", NULL,
            "TLS handshakes that failed or took too long"),
    COUNTER(http_1xx, "http_responses_total", "class=\"1xx\"", "HTTP answers by class of status"),
    COUNTER(http_2xx, "http_responses_total", "class=\"2xx\"", NULL),
    COUNTER(http_3xx, "http_responses_total", "class=\"3xx\"", NULL),
    COUNTER(http_4xx, "http_responses_total", "class=\"4xx\"", NULL),
    COUNTER(http_5xx, "http_responses_total", "class=\"5xx\"", NULL),
    COUNTER(http_timeouts, "http_timeouts_total", NULL,
            "Requests whose head or body did not come in time"),
    COUNTER(http_faults, "http_faults_total", NULL, "Requests that broke HTTP or its limits"),
    COUNTER(handshakes_polling, "handshakes_total", "outcome=\"polling\"",
            "Engine.IO handshakes by outcome, and requests refused"),
    COUNTER(handshakes_websocket, "handshakes_total", "outcome=\"websocket\"", NULL),
    COUNTER(refused_transport, "handshakes_total", "outcome=\"transport_unknown\"", NULL),
    COUNTER(refused_sid, "handshakes_total", "outcome=\"session_unknown\"", NULL),
    COUNTER(refused_method, "handshakes_total", "outcome=\"bad_method\"", NULL),
    COUNTER(refused_request, "handshakes_total", "outcome=\"bad_request\"", NULL),
    COUNTER(refused_forbidden, "handshakes_total", "outcome=\"forbidden\"", NULL),
    COUNTER(refused_version, "handshakes_total", "outcome=\"unsupported_version\"", NULL),
    COUNTER(refused_closing, "handshakes_total", "outcome=\"closing\"", NULL),
    COUNTER(refused_internal, "handshakes_total", "outcome=\"internal\"", NULL),
    GAUGE(sessions_polling, "sessions", "transport=\"polling\"",
          "Engine.IO sessions that are open"),
    GAUGE(sessions_websocket, "sessions", "transport=\"websocket\"", NULL),
    COUNTER(upgrades_started, "upgrades_total", "stage=\"started\"",
            "Upgrades from long-polling to WebSocket"),
    COUNTER(upgrades_completed, "upgrades_total", "stage=\"completed\"", NULL),
    COUNTER(upgrades_failed, "upgrades_total", "stage=\"failed\"", NULL),
    COUNTER(packets_in_polling, "packets_received_total", "transport=\"polling\"",
            "Engine.IO packets received"),
    COUNTER(packets_in_websocket, "packets_received_total", "transport=\"websocket\"", NULL),
    COUNTER(bytes_in_polling, "bytes_received_total", "transport=\"polling\"",
            "Bytes of bodies and WebSocket messages received"),
    COUNTER(bytes_in_websocket, "bytes_received_total", "transport=\"websocket\"", NULL),
    COUNTER(packets_out_polling, "packets_sent_total", "transport=\"polling\"",
            "Engine.IO packets sent"),
    COUNTER(packets_out_websocket, "packets_sent_total", "transport=\"websocket\"", NULL),
    COUNTER(bytes_out_polling, "bytes_sent_total", "transport=\"polling\"",
            "Bytes of bodies and WebSocket messages sent, before compression"),
    COUNTER(bytes_out_websocket, "bytes_sent_total", "transport=\"websocket\"", NULL),
    COUNTER(volatile_dropped, "volatile_dropped_total", NULL, "Volatile messages dropped"),
    GAUGE(queued_bytes, "queued_bytes", NULL, "Bytes waiting to be sent on all connections"),
    GAUGE(queued_messages, "queued_messages", NULL,
          "Packets waiting in the queues of all sessions"),
    COUNTER(slow_closed, "slow_closed_total", NULL, "Sessions closed because they did not keep up"),
    COUNTER(closed_transport_close, "sessions_closed_total", "reason=\"transport close\"",
            "Engine.IO sessions ended"),
    COUNTER(closed_transport_error, "sessions_closed_total", "reason=\"transport error\"", NULL),
    COUNTER(closed_ping_timeout, "sessions_closed_total", "reason=\"ping timeout\"", NULL),
    COUNTER(closed_parse_error, "sessions_closed_total", "reason=\"parse error\"", NULL),
    COUNTER(closed_forced, "sessions_closed_total", "reason=\"forced close\"", NULL),
    COUNTER(disconnects_transport_close, "disconnects_total", "reason=\"transport close\"",
            "Peers disconnected"),
    COUNTER(disconnects_transport_error, "disconnects_total", "reason=\"transport error\"", NULL),
    COUNTER(disconnects_ping_timeout, "disconnects_total", "reason=\"ping timeout\"", NULL),
    COUNTER(disconnects_parse_error, "disconnects_total", "reason=\"parse error\"", NULL),
    COUNTER(disconnects_forced_close, "disconnects_total", "reason=\"forced close\"", NULL),
    COUNTER(disconnects_forced_server_close, "disconnects_total", "reason=\"forced server close\"",
            NULL),
    COUNTER(disconnects_client, "disconnects_total", "reason=\"client namespace disconnect\"",
            NULL),
    COUNTER(disconnects_server, "disconnects_total", "reason=\"server namespace disconnect\"",
            NULL),
    COUNTER(disconnects_shutdown, "disconnects_total", "reason=\"server shutting down\"", NULL),
    COUNTER(decode_errors, "decode_errors_total", NULL,
            "Packets that broke a protocol or its limits"),
    COUNTER(namespaces_joined, "namespace_connects_total", "outcome=\"joined\"",
            "CONNECT packets of clients"),
    COUNTER(namespaces_refused, "namespace_connects_total", "outcome=\"refused\"", NULL),
    GAUGE(peers, "peers", NULL, "Peers in all namespaces"),
    GAUGE(rooms, "rooms", NULL, "Rooms in all namespaces"),
    COUNTER(acks_timed_out, "acks_timed_out_total", NULL,
            "Acknowledgements that did not come in time"),
    GAUGE(loop_lag_us, "loop_lag_microseconds", NULL,
          "How late the event loop was when last measured"),
    GAUGE(loop_lag_max_us, "loop_lag_max_microseconds", NULL,
          "The most that the event loop was late"),
    COUNTER(loop_lag_sum_us, "loop_lag_sum_microseconds_total", NULL,
            "Sum of all measurements of the loop's lateness"),
    COUNTER(loop_lag_count, "loop_lag_measurements_total", NULL,
            "Measurements of the loop's lateness"),
    COUNTER(slow_begun, "slow_begun_total", NULL,
            "Times that a session passed the high watermark of its queue"),
    GAUGE(sessions_slow, "sessions_slow", NULL, "Sessions that have not caught up since"),
    COUNTER(slow_over_bytes, "slow_ended_total", "cause=\"bytes\"",
            "Sessions closed because they did not keep up, by what they have passed"),
    COUNTER(slow_over_messages, "slow_ended_total", "cause=\"messages\"", NULL),
    COUNTER(slow_over_total, "slow_ended_total", "cause=\"total\"", NULL),
    COUNTER(slow_timed_out, "slow_ended_total", "cause=\"time\"", NULL),
    GAUGE(queue_bytes_max, "queue_bytes_max", NULL,
          "The most bytes that have waited for one session"),
    COUNTER(connections_refused_address, "connections_refused_address_total", NULL,
            "Connections refused because their address has too many"),
    COUNTER(refused_busy, "handshakes_refused_busy_total", NULL,
            "Handshakes refused because too many are in progress"),
    GAUGE(handshakes_pending, "handshakes_pending", NULL, "Handshakes in progress"),
    COUNTER(rooms_refused, "rooms_refused_total", NULL, "Rooms that peers were not let into"),
    COUNTER(receive_timeouts, "receive_timeouts_total", NULL,
            "WebSocket messages that did not come in time"),
    COUNTER(connections_moved, "connections_moved_total", NULL,
            "Connections sent to the loop that has the session of a request"),
    COUNTER(connections_move_failed, "connections_move_failed_total", NULL,
            "Connections that were cut on the way to another loop"),
};

_Static_assert(sizeof(METRICS) / sizeof(METRICS[0]) ==
                   (sizeof(sio_counters) - sizeof(size_t)) / sizeof(uint64_t),
               "each counter is shown");

static int write_help(sio_buf *out, const metric *m) {
    const char *const parts[] = {"# HELP ",
                                 m->name,
                                 " ",
                                 m->help,
                                 "\n# TYPE ",
                                 m->name,
                                 m->gauge ? " gauge\n" : " counter\n"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        rc = sio_buf_add_text(out, parts[i]);
    }
    return rc;
}

/* `member` negative: of all. */
static int write_labels(sio_buf *out, const char *labels, int member) {
    int rc = 0;
    if (member >= 0) {
        rc = sio_buf_add_text(out, "{member=\"");
        rc = rc == 0 ? sio_buf_add_u64(out, (uint64_t)member) : rc;
        rc = rc == 0 ? sio_buf_add_text(out, labels ? "\"," : "\"") : rc;
    } else if (labels) {
        rc = sio_buf_add_byte(out, '{');
    }
    if (rc == 0 && labels) {
        rc = sio_buf_add_text(out, labels);
    }
    if (rc == 0 && (labels || member >= 0)) {
        rc = sio_buf_add_byte(out, '}');
    }
    return rc;
}

static int write_sample(sio_buf *out, const metric *m, int member, const sio_counters *counters) {
    uint64_t value;
    memcpy(&value, (const char *)counters + m->offset, sizeof(value));
    int rc = sio_buf_add_text(out, m->name);
    if (rc == 0) {
        rc = write_labels(out, m->labels, member);
    }
    if (rc == 0) {
        rc = sio_buf_add_byte(out, ' ');
    }
    if (rc == 0) {
        rc = sio_buf_add_u64(out, value);
    }
    return rc == 0 ? sio_buf_add_byte(out, '\n') : rc;
}

int sio_metrics_write(const sio_counters *counters, sio_buf *out) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(METRICS) / sizeof(METRICS[0]); i++) {
        const metric *m = &METRICS[i];
        if (m->help) {
            rc = write_help(out, m);
        }
        if (rc == 0) {
            rc = write_sample(out, m, -1, counters);
        }
    }
    return rc;
}

/* ---- each member ---- */

#define MEMBER(field, gauge, name, labels, help)                                                   \
    { offsetof(sio_counters, field), gauge, "sio_server_member_" name, labels, help }

/* How work is shared among the loops, and which of them is late. */
static const metric MEMBER_METRICS[] = {
    MEMBER(connections_open, true, "connections_open", NULL, "Connections that are open, by loop"),
    MEMBER(sessions_polling, true, "sessions", "transport=\"polling\"",
           "Engine.IO sessions that are open, by loop"),
    MEMBER(sessions_websocket, true, "sessions", "transport=\"websocket\"", NULL),
    MEMBER(packets_in_polling, false, "packets_received_total", "transport=\"polling\"",
           "Engine.IO packets received, by loop"),
    MEMBER(packets_in_websocket, false, "packets_received_total", "transport=\"websocket\"", NULL),
    MEMBER(queued_bytes, true, "queued_bytes", NULL, "Bytes waiting to be sent, by loop"),
    MEMBER(loop_lag_us, true, "loop_lag_microseconds", NULL,
           "How late each event loop was when last measured"),
    MEMBER(loop_lag_max_us, true, "loop_lag_max_microseconds", NULL,
           "The most that each event loop was late"),
};

int sio_metrics_write_members(const sio_counters *members, unsigned count, sio_buf *out) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(MEMBER_METRICS) / sizeof(MEMBER_METRICS[0]); i++) {
        const metric *m = &MEMBER_METRICS[i];
        if (m->help) {
            rc = write_help(out, m);
        }
        for (unsigned member = 0; rc == 0 && member < count; member++) {
            rc = write_sample(out, m, (int)member, &members[member]);
        }
    }
    return rc;
}

/* ---- a server ---- */

static int write_members(const sio_server *server, sio_buf *out) {
    unsigned count = sio_shared_count(server->shared);
    sio_counters *members = sio_mem_alloc_array(server->mem, count, sizeof(*members));
    int rc = members ? 0 : SIO_ERR_NOMEM;
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        members[i] = (sio_counters)SIO_COUNTERS_INIT;
        (void)sio_server_read_member_counters(server, i, &members[i]); /* zeros once it has ended */
    }
    if (rc == 0) {
        rc = sio_metrics_write_members(members, count, out);
    }
    sio_mem_release(server->mem, members);
    return rc;
}

int sio_server_write_metrics(const sio_server *server, sio_buf *out) {
    sio_counters counters = SIO_COUNTERS_INIT;
    int rc = sio_server_read_counters(server, &counters);
    if (rc == 0) {
        rc = sio_metrics_write(&counters, out);
    }
    return rc == 0 && server->shared ? write_members(server, out) : rc;
}
