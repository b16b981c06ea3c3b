/* A file as an answer: compressed as the client takes it, 304 when the client has it already, or a
 * part of it (RFC 9110 §8.8, §13, §14). */
#ifndef SIO_SERVER_FILE_ANSWER_H
#define SIO_SERVER_FILE_ANSWER_H

#include "exchange.h"

typedef struct sio_file sio_file;

typedef struct sio_file_reply {
    const char *content_type;
    const char *extra; /* further header lines, or NULL */
    const char *etag; /* of the file in every form; it is then not served in parts, and has no date.
                         NULL: by its size and time */
    int dir;          /* `path` in it is where the file, and what may lie beside it, is: file.gz and
                         file.br are sent to who takes them unless they are older */
    const char *path; /* NULL: the file is never sent compressed */
    uint64_t compress_min; /* nor when it is smaller */
} sio_file_reply;

/* Answer with the file, which is taken over. Several ranges at once get the whole. */
void sio_file_serve(sio_exchange *exchange, sio_file *file, const sio_file_reply *reply);

/* The same for a file without anything beside it. */
void sio_file_answer(sio_exchange *exchange, sio_file *file, const char *content_type,
                     const char *extra);

#endif
