/* The load driver's end of permessage-deflate (RFC 7692): every message by itself, so that one
 * compressor and one decompressor serve all connections. */
#ifndef TESTS_BENCH_DEFLATE_H
#define TESTS_BENCH_DEFLATE_H

#include "bytes.h"

/* The payload of a compressed message, appended. */
void deflate_message(bytes *out, const char *data, size_t len);
void inflate_message(bytes *out, const char *data, size_t len);

#endif
