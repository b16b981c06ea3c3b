/* Appending several arguments that belong together. */
#ifndef SIO_SRC_ARGS_BUILD_H
#define SIO_SRC_ARGS_BUILD_H

#include <sio/args.h>

/* Where a list ends, to cut it back to when a later argument fails. */
typedef struct args_mark {
    size_t text_len;
    uint32_t count;
    uint32_t attachments;
    bool foreign;
} args_mark;

args_mark sio_args_mark(const sio_args *args);
void sio_args_cut(sio_args *args, const args_mark *mark);

#endif
