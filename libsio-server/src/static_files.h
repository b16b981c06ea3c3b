/* Files over HTTP: nothing outside of a folder can be reached, whatever the path and whatever links
 * lie in the folder. */
#ifndef SIO_SERVER_STATIC_FILES_H
#define SIO_SERVER_STATIC_FILES_H

#include "file_answer.h"

enum { SIO_ETAG_MAX = 40 };

/* A file in one state. */
typedef struct sio_file_id {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t modified_ns;
} sio_file_id;

/* An open regular file. */
struct sio_file {
    int fd;
    uint64_t size;
    int64_t modified; /* seconds since 1970 */
    sio_file_id id;
    char etag[SIO_ETAG_MAX]; /* of size and time of modification, with its quotes */
};

/* A folder to serve from. It is the folder itself that is kept, not its name.
 * Errors: SIO_ERR_NOT_FOUND, SIO_ERR_INVALID. */
int sio_static_dir_open(int *out, const char *dir);

/* Errors: SIO_ERR_NOT_FOUND, also for what is not a regular file or lies outside; SIO_ERR_TYPE for
 * a folder; SIO_ERR_LIMIT when the system is short of something. */
int sio_file_open(sio_file *out, int dir, const char *path);
void sio_file_close(sio_file *file);

/* By the name's ending. Static text. */
const char *sio_file_type(const char *path);

/* Answer a request for the rest of a path, not decoded, below a folder. */
void sio_static_route(sio_exchange *exchange, int dir, sio_str rest);

#endif
