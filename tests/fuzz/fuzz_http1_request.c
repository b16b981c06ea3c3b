#include "http1_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    compare_cuts(SIO_HTTP1_REQUESTS, (sio_http1_asked)0, data, size);
    return 0;
}
