/* What the files of the Engine.IO half share about packets. */
#ifndef SIO_SRC_EIO_PACKET_H
#define SIO_SRC_EIO_PACKET_H

#include <sio/eio.h>

/* The byte between the packets of a revision 4 payload. */
enum { EIO_SEPARATOR = 0x1E };

/* Bytes that the item takes in a text payload of revision 4, without a separator. */
size_t sio_eio_item_text_size(const sio_eio_item *item);

#endif
