#include <sio/error.h>

#include <string.h>

int main(void) {
    if (strcmp(sio_version(), SIO_VERSION_STRING) != 0) {
        return 1;
    }
    return strcmp(sio_error_text(SIO_OK), "success");
}
