/* Reading handshake header values: lists of tokens (RFC 6455 §4.3, RFC 9110 §5.6). One pass, no
 * allocation. */
#ifndef SIO_SRC_WS_FIELD_H
#define SIO_SRC_WS_FIELD_H

#include <sio/types.h>

typedef struct sio_ws_cursor {
    const char *at;
    const char *end;
} sio_ws_cursor;

sio_ws_cursor sio_ws_cursor_of(sio_str value);

/* Pass over spaces and tabs. */
void sio_ws_skip_space(sio_ws_cursor *cursor);

/* Pass over one expected character. */
bool sio_ws_take_char(sio_ws_cursor *cursor, char expected);

/* Pass over the longest token; empty when there is none. */
sio_str sio_ws_take_token(sio_ws_cursor *cursor);

bool sio_ws_is_token(sio_str text);
bool sio_ws_equal(sio_str a, sio_str b);

/* ASCII letters compare without case. */
bool sio_ws_equal_nocase(sio_str a, sio_str b);

/* Whether a comma-separated list has this token, without regard to case. */
bool sio_ws_list_has(sio_str list, sio_str token);

#endif
