/* Decoding of the text message of a packet, without state. */
#ifndef SIO_SRC_SIO_DECODE_H
#define SIO_SRC_SIO_DECODE_H

#include <sio/packet.h>

/* Of one packet, where the options say nothing. */
enum { SIO_DEFAULT_MAX_ATTACHMENTS = 10 };

/* Read a whole text message. `*attachments` is how many binary messages must follow; they belong
 * into `scratch`, which has been parsed into. Errors as sio_decoder_text. Outputs are touched on
 * failure. */
int sio_packet_read(const sio_decoder_options *options, sio_args *scratch, const char *text,
                    size_t len, sio_packet *out, uint32_t *attachments);

/* The error of a packet whose JSON was refused with `err`: what is wrong with the text is an
 * invalid payload, other faults keep their code. */
int sio_packet_json_error(int err);

/* Is this raw JSON of a kind that a packet of this type may have as payload? It has been
 * validated. `any` also allows an ERROR of protocol 4. */
bool sio_packet_payload_fits(sio_packet_type type, sio_str json, bool any);

#endif
