/* A packet whose attachments have not all arrived. */
#ifndef SIO_SRC_SIO_BINARY_H
#define SIO_SRC_SIO_BINARY_H

#include <sio/packet.h>

/* Keep a copy of the text of a packet with `attachments` (> 0) to come, which sio_packet_read has
 * accepted. Returns 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM. */
int sio_partial_new(struct sio_partial **out, const sio_decoder_options *options, sio_str text,
                    uint32_t attachments);

#endif
