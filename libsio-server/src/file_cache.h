/* Files that were compressed, for the next who asks, within a bound; the one that was asked for
 * longest ago goes first. */
#ifndef SIO_SERVER_FILE_CACHE_H
#define SIO_SERVER_FILE_CACHE_H

#include <net/list.h>
#include <sio/buffer.h>
#include <sio/http_coding.h>

struct sio_file;

/* Larger files go out as they are: compressing takes the loop's time. */
enum { SIO_FILE_CACHE_SOURCE_MAX = 1 << 20, SIO_FILE_CACHE_BYTES_MAX = 4 << 20 };

typedef struct sio_file_cache {
    const sio_mem *mem;
    sio_list entries; /* the last used last */
    size_t bytes;
    sio_http_coder *coder[2]; /* gzip, deflate; made on demand */
} sio_file_cache;

void sio_file_cache_init(sio_file_cache *cache, const sio_mem *mem);
void sio_file_cache_done(sio_file_cache *cache);

/* The file compressed, gzip or deflate; its descriptor is read if need be, from any position to
 * any.
 * @return borrowed until the next call; NULL when it cannot be had: too large, not readable, or
 * memory is short */
const sio_blob *sio_file_cache_get(sio_file_cache *cache, const struct sio_file *file,
                                   sio_http_encoding encoding);

#endif
