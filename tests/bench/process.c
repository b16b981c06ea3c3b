#include "process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

/* The first number of schedstat is the time on a core in nanoseconds; stat counts ticks of 10 ms.
 */
static uint64_t thread_cpu(pid_t pid, const char *thread) {
    char path[320];
    uint64_t ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, thread);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%" SCNu64, &ns) != 1) {
            ns = 0;
        }
        fclose(file);
    }
    return ns;
}

static uint64_t process_cpu(pid_t pid) {
    char path[64];
    uint64_t sum = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    const struct dirent *entry;
    while (threads && (entry = readdir(threads)) != NULL) {
        if (entry->d_name[0] != '.') {
            sum += thread_cpu(pid, entry->d_name);
        }
    }
    if (threads) {
        closedir(threads);
    }
    return sum;
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
