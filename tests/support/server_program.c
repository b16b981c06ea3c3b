#include "server_program.h"

#include <event2/event.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

void check(int rc, const char *what) {
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", what, sio_error_text(rc));
        exit(EXIT_FAILURE);
    }
}

/* ---- the command line ---------------------------------------------------------------------- */

enum { MAX_SETTINGS = 32 };

static _Noreturn void misused(const char *usage) {
    fputs(usage, stderr);
    exit(2);
}

static uint64_t number(const char *text, uint64_t max, const char *usage) {
    char *end;
    errno = 0;
    uintmax_t value = strtoumax(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > max) {
        misused(usage);
    }
    return value;
}

static void set(const struct setting *setting, const char *text, const char *usage) {
    switch (setting->kind) {
    case SETTING_FLAG:
        *(bool *)setting->value = true;
        break;
    case SETTING_TEXT:
        *(const char **)setting->value = text;
        break;
    case SETTING_U16:
        *(uint16_t *)setting->value = (uint16_t)number(text, UINT16_MAX, usage);
        break;
    case SETTING_U32:
        *(uint32_t *)setting->value = (uint32_t)number(text, UINT32_MAX, usage);
        break;
    case SETTING_U64:
        *(uint64_t *)setting->value = number(text, UINT64_MAX, usage);
        break;
    case SETTING_END:
        break;
    }
}

void read_settings(struct common_settings *common, const struct setting *own, int argc, char **argv,
                   const char *usage) {
    struct setting all[MAX_SETTINGS] = {
        {"host", SETTING_TEXT, &common->host},
        {"port", SETTING_U16, &common->port},
        {"tls-cert", SETTING_TEXT, &common->tls.cert_file},
        {"tls-key", SETTING_TEXT, &common->tls.key_file},
        {"ping-interval", SETTING_U32, &common->options.ping_interval_ms},
        {"ping-timeout", SETTING_U32, &common->options.ping_timeout_ms},
        {"threads", SETTING_U32, &common->options.threads},
    };
    struct option names[MAX_SETTINGS + 1] = {{0}};
    int count = 0, at;
    while (all[count].kind != SETTING_END) {
        count++;
    }
    for (; own->kind != SETTING_END; own++) {
        check(count == MAX_SETTINGS ? SIO_ERR_LIMIT : 0, "settings");
        all[count++] = *own;
    }
    for (int i = 0; i < count; i++) {
        names[i].name = all[i].name;
        names[i].has_arg = all[i].kind == SETTING_FLAG ? no_argument : required_argument;
        names[i].val = i;
    }
    while ((at = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (at < 0 || at >= count) { /* '?' is beyond */
            misused(usage);
        }
        set(&all[at], optarg, usage);
    }
    if (optind != argc) {
        misused(usage);
    }
}

/* ---- running ------------------------------------------------------------------------------- */

static void on_closed(void *user) {
    struct program *program = user;
    event_base_loopbreak(program->base);
}

static void on_signal(evutil_socket_t fd, short what, void *user) {
    struct program *program = user;
    (void)fd, (void)what;
    int rc = sio_server_close(program->server, program->close_ms, on_closed, program);
    check(rc == SIO_ERR_STATE ? 0 : rc, "close"); /* it is closing already */
}

static struct event *signal_event(struct program *program, int number_of_signal) {
    struct event *event = evsignal_new(program->base, number_of_signal, on_signal, program);
    check(event == NULL || event_add(event, NULL) != 0 ? SIO_ERR_NOMEM : 0, "signal");
    return event;
}

static void write_log(const char *scope, const char *text, void *user) {
    (void)user;
    fprintf(stderr, "%s %s\n", scope, text);
}

void program_init(struct program *program, const sio_server_options *options, uint32_t close_ms) {
    sio_server_options own = *options;
    setvbuf(stdout, NULL, _IOLBF, 0);
    *program = (struct program){.base = event_base_new(), .close_ms = close_ms};
    check(program->base == NULL ? SIO_ERR_NOMEM : 0, "event base");
    own.base = program->base;
    own.log = getenv("DEBUG") != NULL ? write_log : NULL;
    if (own.setup != NULL && own.threads == 0 && getenv("SIO_TEST_THREADS") != NULL) {
        own.threads =
            (uint32_t)number(getenv("SIO_TEST_THREADS"), 64, "SIO_TEST_THREADS: 0 to 64\n");
    }
    check(sio_server_new(&program->server, &own), "server");
    program->on_term = signal_event(program, SIGTERM);
    program->on_int = signal_event(program, SIGINT);
}

int program_run(struct program *program) {
    program->port = sio_server_port(program->server);
    printf("LISTENING %u\n", (unsigned)program->port);
    return event_base_dispatch(program->base) < 0 ? -1 : 0;
}

/* ---- later --------------------------------------------------------------------------------- */

/* The timers are on the program's base: other members have none that we could use. */
struct delayed {
    struct delayed *next;
    struct program *program;
    sio_server *server;
    struct event *timer;
    uint32_t ms;
    void (*fn)(void *user);
    void (*drop)(void *user);
    void *user;
};

static void unlink_delayed(struct delayed *d) {
    struct delayed **at = &d->program->delayed;
    while (*at != d) {
        at = &(*at)->next;
    }
    *at = d->next;
    event_free(d->timer);
}

static void on_delay(evutil_socket_t fd, short what, void *user) {
    struct delayed now = *(struct delayed *)user;
    (void)fd, (void)what;
    unlink_delayed(user);
    free(user);
    if (now.server == now.program->server) {
        now.fn(now.user);
    } else {
        check(sio_server_post(now.server, now.fn, now.drop, now.user), "post");
    }
}

static void start_delayed(void *user) {
    struct delayed *d = user;
    const struct timeval delay = {d->ms / 1000, (suseconds_t)(d->ms % 1000) * 1000};
    d->timer = evtimer_new(d->program->base, on_delay, d);
    check(d->timer == NULL || evtimer_add(d->timer, &delay) != 0 ? SIO_ERR_NOMEM : 0, "timer");
    d->next = d->program->delayed;
    d->program->delayed = d;
}

static void drop_delayed(void *user) {
    struct delayed *d = user;
    d->drop(d->user);
    free(d);
}

void program_after(struct program *program, sio_server *server, uint32_t ms, void (*fn)(void *user),
                   void (*drop)(void *user), void *user) {
    struct delayed *d = calloc(1, sizeof(*d));
    check(d == NULL ? SIO_ERR_NOMEM : 0, "timer");
    *d = (struct delayed){NULL, program, server, NULL, ms, fn, drop, user};
    if (server == program->server) {
        start_delayed(d);
    } else {
        check(sio_server_post(program->server, start_delayed, drop_delayed, d), "post");
    }
}

void program_done(struct program *program) {
    event_base_loop(program->base, EVLOOP_NONBLOCK); /* what others have asked for meanwhile */
    while (program->delayed != NULL) {
        struct delayed *d = program->delayed;
        unlink_delayed(d);
        if (d->server != program->server) {
            check(sio_server_post(d->server, d->drop, d->drop, d->user), "post");
            free(d);
        } else {
            drop_delayed(d);
        }
    }
    sio_server_free(program->server);
    event_free(program->on_term);
    event_free(program->on_int);
    event_base_free(program->base);
}
