#include "http1_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says what was asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 0) {
        sio_http1_asked asked = (sio_http1_asked)(1 + data[0] % 4);
        compare_cuts(SIO_HTTP1_RESPONSES, asked, data + 1, size - 1);
    }
    return 0;
}
