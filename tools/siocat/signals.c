/* SIGINT, SIGTERM and SIGHUP end siocat in good order; a second one ends it at once. The handler
 * is an own one, so that what waits for standard output sees it too. */
#include "siocat.h"

#include <event2/event.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t seen;
static int wakeup[2] = {-1, -1};

static void handle(int number) {
    int kept = errno;
    if (seen != 0) {
        _exit(128 + number);
    }
    seen = number;
    ssize_t n = write(wakeup[1], "", 1);
    (void)n;
    errno = kept;
}

int siocat_signals_seen(void) {
    return seen;
}

static void on_signal(evutil_socket_t fd, short what, void *user) {
    siocat_finish(user, 128 + seen);
}

int siocat_signals_open(struct siocat *cat) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = SIG_IGN};

    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
    if (pipe2(wakeup, O_CLOEXEC | O_NONBLOCK) != 0) {
        return SIO_ERR_INTERNAL;
    }
    cat->signals = event_new(cat->base, wakeup[0], EV_READ, on_signal, cat);
    if (!cat->signals || event_add(cat->signals, NULL) != 0) {
        return SIO_ERR_NOMEM;
    }
    action.sa_handler = handle;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction before;
        /* What nohup has made ignored stays so. */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
    return 0;
}

void siocat_signals_close(struct siocat *cat) {
    if (cat->signals) {
        event_free(cat->signals);
    }
}
