#include <sio/client.h>

const char *sio_client_version(void) {
    return SIO_VERSION_STRING;
}
