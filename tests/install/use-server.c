#include <sio/server.h>

#include <string.h>

int main(void) {
    return strcmp(sio_server_version(), SIO_VERSION_STRING) ||
           strcmp(sio_version(), SIO_VERSION_STRING);
}
