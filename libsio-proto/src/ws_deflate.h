/* Decompression in steps, for a caller that checks the bytes as they come out. */
#ifndef SIO_SRC_WS_DEFLATE_H
#define SIO_SRC_WS_DEFLATE_H

#include <sio/ws.h>

/* No step puts out more. */
enum { SIO_WS_INFLATE_STEP = 16 * 1024 };

/* Start on the whole payload of a message, borrowed until the last step. Returns 0 or
 * SIO_ERR_NOMEM. */
int sio_ws_inflate_begin(sio_ws_inflater *inflater, const uint8_t *data, size_t len,
                         uint64_t max_len);

/* Append one step. Returns 1 when there is more, 0 at the end of the message, or an error as
 * sio_ws_inflate; then the bytes of earlier steps are still in `out`. */
int sio_ws_inflate_step(sio_ws_inflater *inflater, sio_buf *out);

#endif
