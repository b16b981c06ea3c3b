/* Socket.IO packets as the vectors spell them. Binary in JSON is written as {"$bin":"<hex>"}. */
#ifndef TESTS_GOLDEN_PACKETS_H
#define TESTS_GOLDEN_PACKETS_H

#include "golden.h"

#include <sio/packet.h>

struct cJSON;

/* What a case wants encoded: `packet: <kind> <namespace> <id or ->` and `data: <JSON>`. */
typedef struct golden_packet {
    sio_str kind;
    sio_packet_head head;
    sio_buf nsp;
    struct cJSON *data; /* NULL when there is no data line; binary as nodes of sio_json_binary */
    sio_args *args;     /* EVENT and ACK: without the name */
    sio_buf name;       /* EVENT */
} golden_packet;

void golden_packet_read(golden_packet *out, const golden_case *test);
void golden_packet_free(golden_packet *packet);

/* The text of a member of `data`, empty when there is none; and its JSON. */
sio_str golden_member_text(const golden_packet *packet, const char *key);
void golden_member_json(sio_buf *out, const golden_packet *packet, const char *key);
void golden_data_json(sio_buf *out, const golden_packet *packet);

/* Append the log line of a decoded packet. */
void golden_packet_log(sio_buf *log, const sio_packet *packet);

/* Append the log line that decoding the packet of a case must give. */
void golden_packet_expect(sio_buf *log, const golden_packet *packet);

#endif
