#include "static_files.h"

#include "front_state.h"

#include <sio/url.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- opening below a folder ---- */

/* Nothing that is opened may block, or become a controlling terminal. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

int sio_static_dir_open(int *out, const char *dir) {
    if (!dir || dir[0] == '\0') {
        return SIO_ERR_INVALID;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return SIO_ERR_NOT_FOUND;
    }
    *out = fd;
    return 0;
}

static int open_name(int dir, const char *path, size_t len, int flags) {
    char name[NAME_MAX + 1];
    if (len == 0 || len >= sizeof(name)) {
        errno = ENOENT;
        return -1;
    }
    memcpy(name, path, len);
    name[len] = '\0';
    return openat(dir, name, OPEN_FLAGS | O_NOFOLLOW | flags);
}

/* Without the kernel's help: one name after the other, following no link at all. */
static int open_walk(int dir, const char *path) {
    int at = dir;
    for (;;) {
        size_t len = strcspn(path, "/");
        bool last = path[len] == '\0';
        int fd = open_name(at, path, len, last ? 0 : O_DIRECTORY);
        int sys = errno;
        if (at != dir) {
            close(at);
        }
        errno = sys;
        if (fd < 0 || last) {
            return fd;
        }
        at = fd;
        path += len + 1;
    }
}

#if defined(SYS_openat2)

/* As in linux/openat2.h, which older systems lack. */
typedef struct open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
} open_how;

enum { NO_MAGIC_LINKS = 0x02, BENEATH = 0x08, TRIES = 8 };

static int open_beneath(int dir, const char *path) {
    open_how how = {.flags = OPEN_FLAGS, .resolve = BENEATH | NO_MAGIC_LINKS};
    int fd;
    int tries = TRIES;
    do {
        fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN) && --tries > 0);
    /* An old kernel, or a sandbox that does not know the call. */
    return fd < 0 && (errno == ENOSYS || errno == EPERM) ? open_walk(dir, path) : fd;
}

#else

static int open_beneath(int dir, const char *path) {
    return open_walk(dir, path);
}

#endif

static int open_error(int sys) {
    return sys == EMFILE || sys == ENFILE || sys == ENOMEM ? SIO_ERR_LIMIT : SIO_ERR_NOT_FOUND;
}

static char *put_hex(char *at, uint64_t value) {
    static const char digits[] = "0123456789abcdef";
    int shift = 60;
    while (shift > 0 && value >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        *at++ = digits[value >> shift & 15];
    }
    return at;
}

static void make_etag(char *out, const sio_file_id *id) {
    *out++ = '"';
    out = put_hex(out, id->modified_ns);
    *out++ = '-';
    out = put_hex(out, id->size);
    *out++ = '"';
    *out = '\0';
}

int sio_file_open(sio_file *out, int dir, const char *path) {
    struct stat info;
    int fd = open_beneath(dir, path);
    if (fd < 0) {
        return open_error(errno);
    }
    bool known = fstat(fd, &info) == 0;
    if (!known || !S_ISREG(info.st_mode) || info.st_size < 0) {
        close(fd);
        return known && S_ISDIR(info.st_mode) ? SIO_ERR_TYPE : SIO_ERR_NOT_FOUND;
    }
    out->fd = fd;
    out->size = (uint64_t)info.st_size;
    out->modified = info.st_mtim.tv_sec;
    out->id = (sio_file_id){
        .device = info.st_dev,
        .inode = info.st_ino,
        .size = out->size,
        .modified_ns = (uint64_t)info.st_mtim.tv_sec * 1000000000u + (uint64_t)info.st_mtim.tv_nsec,
    };
    make_etag(out->etag, &out->id);
    return 0;
}

void sio_file_close(sio_file *file) {
    close(file->fd);
    file->fd = -1;
}

/* ---- what is said about a file ---- */

const char *sio_file_type(const char *path) {
    static const struct {
        const char *ending;
        const char *type;
    } types[] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"cjs", "text/javascript; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"json", "application/json; charset=utf-8"},
        {"map", "application/json; charset=utf-8"},
        {"jsonld", "application/ld+json; charset=utf-8"},
        {"log", "text/plain; charset=utf-8"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"vtt", "text/vtt; charset=utf-8"},
        {"yaml", "text/yaml; charset=utf-8"},
        {"csv", "text/csv; charset=utf-8"},
        {"xml", "application/xml"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"avif", "image/avif"},
        {"ico", "image/x-icon"},
        {"woff", "font/woff"},
        {"woff2", "font/woff2"},
        {"ttf", "font/ttf"},
        {"otf", "font/otf"},
        {"bmp", "image/bmp"},
        {"mp3", "audio/mpeg"},
        {"ogg", "audio/ogg"},
        {"wav", "audio/wav"},
        {"weba", "audio/webm"},
        {"mp4", "video/mp4"},
        {"webm", "video/webm"},
        {"pdf", "application/pdf"},
        {"wasm", "application/wasm"},
        {"zip", "application/zip"},
        {"gz", "application/gzip"},
        {"tar", "application/x-tar"},
        {"webmanifest", "application/manifest+json"},
    };
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(dot + 1, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* ---- answers ---- */

/* Below, the head that says so eats up what is won. */
enum { COMPRESS_MIN = 1024 };

static bool is_get(const sio_http1_head *head) {
    sio_str m = head->method;
    return (m.len == 3 && memcmp(m.ptr, "GET", 3) == 0) ||
           (m.len == 4 && memcmp(m.ptr, "HEAD", 4) == 0);
}

/* A relative link in the folder's index needs the slash at the end. The path begins with one slash
 * only, so that it cannot be taken for another host. */
static void redirect(sio_exchange *exchange) {
    sio_url_target target;
    sio_url_split_target(&target, sio_exchange_head(exchange)->target);
    sio_buf line;
    sio_buf_init(&line, 0, exchange->conn->front->mem);
    int rc = sio_buf_add_text(&line, "Location: ");
    if (rc == 0) {
        rc = sio_buf_add(&line, target.path.ptr, target.path.len);
    }
    if (rc == 0) {
        rc = sio_buf_add_text(&line, target.query.len > 0 ? "/?" : "/");
    }
    if (rc == 0) {
        rc = sio_buf_add(&line, target.query.ptr, target.query.len);
    }
    if (rc == 0) {
        rc = sio_buf_add(&line, "\r\n", 3);
    }
    if (rc == 0) {
        sio_exchange_answer_status(exchange, 301, (const char *)line.data);
    } else {
        sio_exchange_answer_status(exchange, 500, NULL);
    }
    sio_buf_free(&line);
}

/* Neither hidden names nor empty ones, except at the end. */
static bool may_be_served(sio_str path) {
    for (size_t i = 0; i < path.len; i++) {
        bool starts = i == 0 || path.ptr[i - 1] == '/';
        if (starts && (path.ptr[i] == '.' || path.ptr[i] == '/')) {
            return false;
        }
    }
    return true;
}

static bool names_folder(sio_str rest) {
    return rest.len == 0 || rest.ptr[rest.len - 1] == '/';
}

/* The name of the file in the folder, with its NUL. */
static int make_name(sio_buf *name, sio_str rest) {
    int rc = sio_url_decode_path(name, rest);
    if (rc == SIO_ERR_URL) {
        return SIO_ERR_NOT_FOUND;
    }
    if (rc == 0 && !may_be_served((sio_str){(const char *)name->data, name->len})) {
        return SIO_ERR_NOT_FOUND;
    }
    if (rc == 0 && names_folder(rest)) {
        rc = sio_buf_add_text(name, "index.html");
    }
    return rc == 0 ? sio_buf_add_byte(name, 0) : rc;
}

static void answer_failure(sio_exchange *exchange, int err) {
    switch (err) {
    case SIO_ERR_TYPE:
        redirect(exchange);
        break;
    case SIO_ERR_LIMIT:
        sio_exchange_answer_status(exchange, 503, NULL);
        break;
    case SIO_ERR_NOMEM:
        sio_exchange_answer_status(exchange, 500, NULL);
        break;
    default:
        sio_exchange_answer_status(exchange, 404, NULL);
        break;
    }
}

void sio_static_route(sio_exchange *exchange, int dir, sio_str rest) {
    if (!is_get(sio_exchange_head(exchange))) {
        sio_exchange_answer_status(exchange, 405, "Allow: GET, HEAD\r\n");
        return;
    }
    sio_buf name;
    sio_file file;
    sio_buf_init(&name, 0, exchange->conn->front->mem);
    int rc = rest.ptr ? make_name(&name, rest) : SIO_ERR_TYPE;
    if (rc == 0) {
        rc = sio_file_open(&file, dir, (const char *)name.data);
        /* An index that is a folder is no reason to redirect. */
        rc = rc == SIO_ERR_TYPE && names_folder(rest) ? SIO_ERR_NOT_FOUND : rc;
    }
    if (rc == 0) {
        sio_file_reply reply = {
            .content_type = sio_file_type((const char *)name.data),
            .extra = "X-Content-Type-Options: nosniff\r\n",
            .dir = dir,
            .path = (const char *)name.data,
            .compress_min = COMPRESS_MIN,
        };
        sio_file_serve(exchange, &file, &reply);
    } else {
        answer_failure(exchange, rc);
    }
    sio_buf_free(&name);
}
