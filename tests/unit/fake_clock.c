#include "fake_clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                           struct itimerspec *old);

enum { FD_MAX = 4096 };

/* When each descriptor is to become readable, in ms; 0 = never. An eventfd stands in for it. */
static uint64_t due[FD_MAX];
static uint64_t now = 1000000;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fire_if_due(int fd) {
    const uint64_t one = 1;
    if (due[fd] != 0 && due[fd] <= now) {
        due[fd] = 0;
        ssize_t n = write(fd, &one, sizeof one);
        (void)n;
    }
}

uint64_t fake_clock_now(void) {
    pthread_mutex_lock(&lock);
    uint64_t ms = now;
    pthread_mutex_unlock(&lock);
    return ms;
}

void fake_clock_advance(uint64_t ms) {
    pthread_mutex_lock(&lock);
    now += ms;
    for (int fd = 0; fd < FD_MAX; fd++) {
        fire_if_due(fd);
    }
    pthread_mutex_unlock(&lock);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out) {
    uint64_t ms = fake_clock_now();
    *out = (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    return 0;
}

int __wrap_timerfd_create(int clock, int flags) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd >= FD_MAX) {
        close(fd);
        return -1;
    }
    if (fd >= 0) {
        pthread_mutex_lock(&lock);
        due[fd] = 0;
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                           struct itimerspec *old) {
    pthread_mutex_lock(&lock);
    due[fd] = (uint64_t)spec->it_value.tv_sec * 1000 + (uint64_t)spec->it_value.tv_nsec / 1000000;
    if (due[fd] == 0) {
        due[fd] = 1;
    }
    fire_if_due(fd);
    pthread_mutex_unlock(&lock);
    return 0;
}
