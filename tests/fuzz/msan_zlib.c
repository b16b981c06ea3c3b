/* For the memory sanitizer, which does not see what an uninstrumented zlib writes: these stand
 * before its functions (-Wl,--wrap) and say so. */
#include <sanitizer/msan_interface.h>
#include <zlib.h>

int __real_inflate(z_stream *z, int flush);
int __real_deflate(z_stream *z, int flush);
int __wrap_inflate(z_stream *z, int flush);
int __wrap_deflate(z_stream *z, int flush);

static int told(int (*fn)(z_stream *, int), z_stream *z, int flush) {
    const Bytef *out = z->next_out;
    __msan_check_mem_is_initialized(z->next_in, z->avail_in);
    int rc = fn(z, flush);
    __msan_unpoison(z, sizeof(*z));
    __msan_unpoison(out, (size_t)(z->next_out - out));
    return rc;
}

int __wrap_inflate(z_stream *z, int flush) {
    return told(__real_inflate, z, flush);
}

int __wrap_deflate(z_stream *z, int flush) {
    return told(__real_deflate, z, flush);
}
