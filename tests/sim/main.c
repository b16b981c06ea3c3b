/* sim [--seed N | --seeds A..B] [--seconds S [--at-least N]] [--twice] [--verbose] [--tap]
 *
 * Runs seeds and prints what was simulated. A seed that fails is printed with the step; `--seed N
 * --verbose` shows everything that led there. */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct totals {
    uint64_t seeds, failed;
    uint64_t simulated_us, events, timers, connections, bytes, up, down, connects, recovered, acked;
    uint64_t current; /* the seed that is being run */
} totals;

typedef struct settings {
    uint64_t first, last;
    double seconds;    /* 0: no limit */
    uint64_t at_least; /* seeds, whatever the time */
    bool verbose, twice, tap;
} settings;

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void add(totals *t, const sim_result *r) {
    t->seeds++;
    t->simulated_us += r->simulated_us;
    t->events += r->net.events;
    t->timers += r->net.timers;
    t->connections += r->net.connections;
    t->bytes += r->net.bytes;
    t->up += r->up;
    t->down += r->down;
    t->connects += r->connects;
    t->recovered += r->recovered;
    t->acked += r->acked;
}

static void run_one(totals *t, uint64_t seed, const settings *s) {
    t->current = seed;
    sim_result result = sim_run(seed);
    if (s->twice) {
        sim_result again = sim_run(seed);
        SIM_CHECK(result.net.hash == again.net.hash && result.net.events == again.net.events,
                  "the same seed has run differently");
    }
    add(t, &result);
    if (s->first == s->last) {
        printf("# seed %llu: hash %016llx, %llu events\n", (unsigned long long)seed,
               (unsigned long long)result.net.hash, (unsigned long long)result.net.events);
    }
}

static uint64_t current_seed;

static void where(void) {
    printf("# failing seed: %llu\n", (unsigned long long)current_seed);
    if (!sim_is_verbose()) {
        sim_plan_print(&world.plan);
    }
}

static bool time_is_up(const settings *s, const totals *t, double began) {
    return s->seconds > 0 && t->seeds >= s->at_least && clock_s() - began >= s->seconds;
}

/* Seeds run in a child, so that those behind one that fails, or crashes, run too. */
static void run_child(totals *t, const settings *s, uint64_t from, double began) {
    for (uint64_t seed = from; seed <= s->last && !time_is_up(s, t, began); seed++) {
        current_seed = seed;
        alarm(120);
        run_one(t, seed, s);
    }
    fflush(stdout);
    _exit(0);
}

/* @return false when a seed has failed, or the process with it */
static bool run_some(totals *t, const settings *s, uint64_t from, double began) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        run_child(t, s, from, began);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("sim");
        exit(2);
    }
    if (status == 0) {
        return true;
    }
    if (WIFSIGNALED(status)) {
        printf("# failing seed: %llu: signal %d\n", (unsigned long long)t->current,
               WTERMSIG(status));
    }
    if (s->tap) {
        printf("not ok - seed %llu\n", (unsigned long long)t->current);
    }
    t->failed++;
    return false;
}

/* For people, and for scripts/sim, which adds up what several processes print. */
static void print_totals(const totals *t, double took) {
    printf("total: seeds %llu, failed %llu, simulated seconds %.0f, seconds %.1f, events %llu, "
           "timers %llu, connections %llu, megabytes %.0f, up %llu, down %llu, acknowledged %llu, "
           "joins %llu, recoveries %llu\n",
           (unsigned long long)t->seeds, (unsigned long long)t->failed,
           (double)t->simulated_us / 1e6, took, (unsigned long long)t->events,
           (unsigned long long)t->timers, (unsigned long long)t->connections,
           (double)t->bytes / 1e6, (unsigned long long)t->up, (unsigned long long)t->down,
           (unsigned long long)t->acked, (unsigned long long)t->connects,
           (unsigned long long)t->recovered);
}

static bool read_range(settings *s, const char *text) {
    char *end;
    s->first = strtoull(text, &end, 10);
    if (strncmp(end, "..", 2) != 0) {
        return false;
    }
    s->last = strtoull(end + 2, &end, 10);
    return *end == '\0' && s->last >= s->first;
}

static bool read_settings(settings *s, int argc, char **argv) {
    *s = (settings){.first = 1, .last = 100};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--verbose") == 0) {
            s->verbose = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            s->twice = true;
        } else if (strcmp(argv[i], "--tap") == 0) {
            s->tap = true;
        } else if (strcmp(argv[i], "--seed") == 0) {
            s->first = s->last = strtoull(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            s->seconds = strtod(value, NULL);
            i++;
        } else if (strcmp(argv[i], "--at-least") == 0) {
            s->at_least = strtoull(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--seeds") == 0 && read_range(s, value)) {
            i++;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    settings s;
    if (!read_settings(&s, argc, argv)) {
        fputs("usage: sim [--seed N | --seeds A..B] [--seconds S [--at-least SEEDS]] [--twice] "
              "[--verbose] [--tap]\n",
              stderr);
        return 2;
    }
    totals *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED) {
        return 2;
    }
    double began = clock_s();
    sim_on_fail(where);
    sim_set_verbose(s.verbose);
    for (uint64_t from = s.first; from <= s.last && !time_is_up(&s, t, began);) {
        if (run_some(t, &s, from, began)) {
            break;
        }
        from = t->current + 1;
    }
    if (s.tap) {
        printf("%sok - %llu seeds%s\n1..%llu\n", t->seeds > 0 ? "" : "not ",
               (unsigned long long)t->seeds, s.twice ? ", each the same twice" : "",
               (unsigned long long)t->failed + 1);
    }
    printf(s.tap ? "# " : "");
    print_totals(t, clock_s() - began);
    return t->failed > 0;
}
