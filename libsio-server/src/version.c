#include <sio/server.h>

const char *sio_server_version(void) {
    return SIO_VERSION_STRING;
}
