/**
 * @file parser.h
 * @brief The two forms of Socket.IO packets behind one set of functions: the default parser (text,
 * with attachments behind it) and MessagePack (one binary message, binary inside).
 *
 * Which one is used is agreed outside the protocol: both ends must be told the same. For decoding
 * it is a setting of the decoder (sio_decoder_options.parser).
 */
#ifndef SIO_PARSER_H
#define SIO_PARSER_H

#include <sio/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whether packets of this parser travel as binary messages, complete with the binary in their
 * arguments. Otherwise they are text, and the attachments follow. */
SIO_API bool sio_parser_is_binary(sio_parser parser);

/** Append an EVENT or ACK. Arguments and errors as sio_packet_encode(). */
SIO_API int sio_parser_encode(sio_parser parser, sio_buf *out, const sio_packet_head *head,
                              sio_str name, const sio_args *args, sio_str offset);

/** Append a CONNECT as a client writes it. Arguments and errors as sio_packet_encode_connect();
 * SIO_ERR_INVALID for a query with MessagePack, which protocol 4 does not know. */
SIO_API int sio_parser_encode_connect(sio_parser parser, sio_buf *out, sio_str nsp, sio_str query,
                                      sio_str auth);

/** Append a server's answer to CONNECT. Arguments and errors as sio_packet_encode_connected(). */
SIO_API int sio_parser_encode_connected(sio_parser parser, sio_buf *out, sio_str nsp, sio_str sid,
                                        sio_str pid);

/** Append a CONNECT_ERROR. Arguments and errors as sio_packet_encode_connect_error(). */
SIO_API int sio_parser_encode_connect_error(sio_parser parser, sio_buf *out, sio_str nsp,
                                            sio_str message, sio_str data);

/** Append a DISCONNECT. Arguments and errors as sio_packet_encode_disconnect(). */
SIO_API int sio_parser_encode_disconnect(sio_parser parser, sio_buf *out, sio_str nsp);

#ifdef __cplusplus
}
#endif

#endif
