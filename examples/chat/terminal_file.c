#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 128, MAX_COPIES = 100 };

static bool read_all(int fd, uint8_t *data, size_t len) {
    size_t have = 0;

    while (have < len) {
        ssize_t n = read(fd, data + have, len - have);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        have += (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const uint8_t *data, size_t len) {
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

/* The size of an open regular file that may be sent; 0 with the reason on stderr. */
static size_t sendable_size(int fd, const char *path) {
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        fprintf(stderr, "%s: not a regular file\n", path);
        return 0;
    }
    if (info.st_size < 1 || info.st_size > TERMINAL_FILE_BYTES) {
        fprintf(stderr, "%s: files have 1 byte to 1 MiB\n", path);
        return 0;
    }
    return (size_t)info.st_size;
}

size_t terminal_file_read(uint8_t **out, const char *path) {
    /* Without O_NONBLOCK, opening a FIFO would stop the loop. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t *data = NULL;
    size_t size;

    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 0;
    }
    size = sendable_size(fd, path);
    if (size > 0) {
        data = malloc(size);
        if (!data || !read_all(fd, data, size)) {
            fprintf(stderr, "%s: cannot be read\n", path);
            free(data);
            size = 0;
        }
    }
    close(fd);
    if (size > 0) {
        *out = data;
    }
    return size;
}

const char *terminal_file_type(const char *path) {
    static const struct {
        const char *ending;
        const char *type;
    } types[] = {
        {".avif", "image/avif"}, {".gif", "image/gif"},       {".jpeg", "image/jpeg"},
        {".jpg", "image/jpeg"},  {".pdf", "application/pdf"}, {".png", "image/png"},
        {".txt", "text/plain"},  {".webp", "image/webp"},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(dot, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* Letters, digits, dot, dash and underscore stay, everything else becomes an underscore: no path,
 * no shell or terminal surprise. A leading dot would hide the file or mean a folder, a leading dash
 * would be an option. The end is kept, because it says what the file is. */
static void safe_name(char out[NAME_SIZE], sio_str name) {
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t skip = name.len < NAME_SIZE ? 0 : name.len - (NAME_SIZE - 1);
    size_t len = name.len - skip;

    for (size_t i = 0; i < len; i++) {
        char c = name.ptr[skip + i];
        out[i] = c != '\0' && strchr(safe, c) ? c : '_';
    }
    out[len] = '\0';
    if (len == 0) {
        snprintf(out, NAME_SIZE, "file");
    } else if (out[0] == '.' || out[0] == '-') {
        out[0] = '_';
    }
}

/* Creates a file that did not exist, with a number in front when the name is taken. `out` receives
 * its name. */
static int create_new(char out[NAME_SIZE + 8], int folder, const char *name) {
    int fd = -1;

    for (int copy = 0; copy < MAX_COPIES && fd < 0; copy++) {
        if (copy == 0) {
            snprintf(out, NAME_SIZE + 8, "%s", name);
        } else {
            snprintf(out, NAME_SIZE + 8, "%d-%s", copy, name);
        }
        fd = openat(folder, out, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    return fd;
}

/* Closing reports errors of writing as well. */
static bool write_and_close(int fd, sio_bytes data) {
    bool written = write_all(fd, data.ptr, data.len);

    return close(fd) == 0 && written;
}

void terminal_file_save(const char *folder, sio_str name, sio_bytes data) {
    char wanted[NAME_SIZE];
    char saved[NAME_SIZE + 8];
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = -1;

    safe_name(wanted, name);
    if (dir >= 0) {
        fd = create_new(saved, dir, wanted);
        close(dir);
    }
    if (fd >= 0 && write_and_close(fd, data)) {
        printf("* saved as %s/%s\n", folder, saved);
    } else {
        fprintf(stderr, "cannot save %s in %s: %s\n", wanted, folder, strerror(errno));
    }
}
