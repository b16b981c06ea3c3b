#include "process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int processes_parse(processes *out, const char *text) {
    out->count = 0;
    while (*text) {
        char *end;
        long pid = strtol(text, &end, 10);
        if (end == text || pid <= 0 || out->count == PROCESSES_MAX) {
            return -1;
        }
        out->pids[out->count++] = (pid_t)pid;
        text = *end == ',' ? end + 1 : end;
        if (*end && *end != ',') {
            return -1;
        }
    }
    return 0;
}

/* The clock of all its threads, also of those that have ended: adding up what /proc says of each
 * living one would lose these. */
static uint64_t process_cpu(pid_t pid) {
    clockid_t clock;
    struct timespec ts;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) != 0) {
        return 0;
    }
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t processes_cpu(const processes *p) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < p->count; i++) {
        sum += process_cpu(p->pids[i]);
    }
    return sum;
}

static uint64_t process_rss(pid_t pid) {
    char path[64];
    uint64_t size = 0;
    uint64_t resident = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%" SCNu64 " %" SCNu64, &size, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

uint64_t processes_rss(const processes *p) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < p->count; i++) {
        sum += process_rss(p->pids[i]);
    }
    return sum;
}
