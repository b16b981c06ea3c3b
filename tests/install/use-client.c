#include <sio/client.h>

#include <string.h>

int main(void) {
    return strcmp(sio_client_version(), SIO_VERSION_STRING) ||
           strcmp(sio_version(), SIO_VERSION_STRING);
}
