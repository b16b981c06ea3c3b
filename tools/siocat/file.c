/* Reading a file that is given by its name, whole. */
#include "siocat.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 65536 };

static int read_all(sio_buf *out, int fd, size_t max) {
    ssize_t n;
    do {
        int rc = sio_buf_reserve(out, CHUNK);
        if (rc != 0) {
            return rc;
        }
        n = read(fd, out->data + out->len, CHUNK);
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len > max) {
            return SIO_ERR_LIMIT;
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0 ? 0 : SIO_ERR_INVALID;
}

/* A pipe would stop the loop: where that runs, only regular files are read. */
static int check(int fd, bool any) {
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return SIO_ERR_INVALID;
    }
    if (S_ISREG(info.st_mode) || (any && !S_ISDIR(info.st_mode))) {
        return 0;
    }
    errno = S_ISDIR(info.st_mode) ? EISDIR : ESPIPE;
    return SIO_ERR_INVALID;
}

int siocat_file_read(sio_buf *out, const char *path, size_t max, bool any) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | (any ? 0 : O_NONBLOCK));
    if (fd < 0) {
        return SIO_ERR_INVALID;
    }
    int rc = check(fd, any);
    if (rc == 0) {
        rc = read_all(out, fd, max);
    }
    int why = errno;
    close(fd);
    errno = why;
    return rc;
}
