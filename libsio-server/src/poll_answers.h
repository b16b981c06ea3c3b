/* What answers to polls carry besides their packets: the session's cookie, content coding, and what
 * some browsers need to be told (Engine.IO protocol, HTTP long-polling transport). */
#ifndef SIO_SERVER_POLL_ANSWERS_H
#define SIO_SERVER_POLL_ANSWERS_H

#include <sio/http1.h>
#include <sio/http_coding.h>
#include <sio/server.h>

/* One for each engine. The coders are made when they are first needed. */
typedef struct sio_poll_answers {
    const sio_mem *mem;
    sio_cookie cookie; /* its name is NULL without one */
    char *cookie_text; /* behind its views */
    bool compress;
    size_t threshold;         /* smaller bodies are not compressed */
    sio_http_coder *coder[2]; /* gzip, deflate */
    sio_buf packed;           /* the body that is being answered */
} sio_poll_answers;

/* What is kept of a poll's head while it is held. */
typedef struct sio_poll_traits {
    uint8_t encoding; /* sio_http_encoding that its answer may have */
    bool explorer;    /* a browser that would filter what it takes for scripts */
} sio_poll_traits;

/* SIO_ERR_INVALID for a struct of another size, and for texts that would break the header. NULL is
 * fine. */
int sio_server_cookie_check(const sio_server_cookie *options);

/* `cookie` may be NULL. Errors: those of sio_server_cookie_check; SIO_ERR_NOMEM. */
int sio_poll_answers_init(sio_poll_answers *answers, const sio_server_cookie *cookie, bool compress,
                          size_t threshold, const sio_mem *mem);
void sio_poll_answers_done(sio_poll_answers *answers);

sio_poll_traits sio_poll_traits_read(const sio_poll_answers *answers, const sio_http1_head *head);

/* The header lines that every answer has. Static text. */
const char *sio_poll_answers_lines(sio_poll_traits traits);

/* Append the line that sets the cookie, if there is one. Errors: SIO_ERR_NOMEM. */
int sio_poll_answers_cookie(const sio_poll_answers *answers, sio_buf *headers, sio_str id);

/* Compress the body if the client takes that and it is long enough. `body` is then the compressed
 * one, valid until the next call, and the line that says so is in `headers`. When memory is short
 * it goes out as it is. */
void sio_poll_answers_compress(sio_poll_answers *answers, sio_buf *headers, sio_bytes *body,
                               sio_poll_traits traits);

#endif
