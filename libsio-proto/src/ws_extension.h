/* Negotiating permessage-deflate (RFC 6455 §9.1, RFC 7692 §5 and §7.1). */
#ifndef SIO_SRC_WS_EXTENSION_H
#define SIO_SRC_WS_EXTENSION_H

#include <sio/ws.h>

/* Whether the options are usable: struct size and window bits. */
bool sio_ws_deflate_options_valid(const sio_ws_deflate_options *options);

/* Server: take the first acceptable offer. Offers of other extensions and unacceptable ones are
 * declined by leaving them out of the response. Returns 1 with `*out`, 0 when everything was
 * declined, SIO_ERR_WS_EXTENSION when the value breaks the grammar. Time is linear in its length.
 */
int sio_ws_deflate_accept(sio_ws_deflate_params *out, sio_str offers,
                          const sio_ws_deflate_options *options);

/* Client: check what the server chose. Returns 1 with `*out`, 0 when the value is empty or absent,
 * SIO_ERR_WS_EXTENSION for anything that does not answer our offer. */
int sio_ws_deflate_check(sio_ws_deflate_params *out, sio_str response,
                         const sio_ws_deflate_options *options);

/* Append the value of Sec-WebSocket-Extensions: the client's offer, the server's response. Return
 * 0, SIO_ERR_LIMIT or SIO_ERR_NOMEM. */
int sio_ws_deflate_offer(sio_buf *out, const sio_ws_deflate_options *options);
int sio_ws_deflate_response(sio_buf *out, const sio_ws_deflate_params *params);

#endif
