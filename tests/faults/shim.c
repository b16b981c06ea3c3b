/* Loaded before the C library (LD_PRELOAD), this lies to a program:
 *
 *   SHIM_CLOCK=FILE   the wall clock is off by the seconds that FILE holds, as text
 *   SHIM_SHORT=SEED   sockets take and give a few bytes at a time, or none for now, by chance
 *
 * The monotonic clock is left alone, as by settimeofday(). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { MOST = 700 };

static void *original(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

/* ---- the wall clock ------------------------------------------------------------------------ */

static long clock_offset(void) {
    char text[32] = "";
    const char *path = getenv("SHIM_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0) {
        text[0] = '\0';
    }
    if (fd >= 0) {
        close(fd);
    }
    return strtol(text, NULL, 10);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) {
        *(void **)&real = original("clock_gettime");
    }
    int rc = real(clock, out);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += clock_offset();
    }
    return rc;
}

EXPORT int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return rc;
}

EXPORT time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

/* ---- sockets ------------------------------------------------------------------------------- */

/* How many bytes go now: 0 for none, SIZE_MAX without SHIM_SHORT. One thread uses the sockets. */
static size_t portion(void) {
    static uint64_t state;
    static const char *seed;
    if (seed == NULL) {
        const char *given = getenv("SHIM_SHORT");
        seed = given != NULL ? given : "";
        state = strtoull(seed, NULL, 10);
    }
    if (*seed == '\0') {
        return SIZE_MAX;
    }
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t drawn = state >> 33;
    switch (drawn & 7) {
    case 0:
        return 0;
    case 1:
        return 1;
    default:
        return 1 + (drawn >> 3) % MOST;
    }
}

EXPORT ssize_t send(int fd, const void *data, size_t len, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    size_t part = portion();
    if (real == NULL) {
        *(void **)&real = original("send");
    }
    if (part == 0) {
        errno = EAGAIN;
        return -1;
    }
    return real(fd, data, len < part ? len : part, flags);
}

EXPORT ssize_t recv(int fd, void *data, size_t len, int flags) {
    static ssize_t (*real)(int, void *, size_t, int);
    size_t part = portion();
    if (real == NULL) {
        *(void **)&real = original("recv");
    }
    if (part == 0) {
        errno = EAGAIN;
        return -1;
    }
    return real(fd, data, len < part ? len : part, flags);
}

/* The first piece only, or a part of it. */
EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    static ssize_t (*real)(int, const struct msghdr *, int);
    if (real == NULL) {
        *(void **)&real = original("sendmsg");
    }
    if (portion() == SIZE_MAX || message->msg_iovlen == 0) {
        return real(fd, message, flags);
    }
    return send(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, flags);
}
