/* What other processes have used. */
#ifndef TESTS_BENCH_PROCESS_H
#define TESTS_BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

enum { PROCESSES_MAX = 16 };

typedef struct processes {
    pid_t pids[PROCESSES_MAX];
    unsigned count;
} processes;

/* "PID[,PID...]". Returns 0, or -1 when that is not what it is. */
int processes_parse(processes *out, const char *text);

/* CPU time of all threads, in nanoseconds. 0 when there is none to ask. */
uint64_t processes_cpu(const processes *p);

/* Resident memory in KiB. */
uint64_t processes_rss(const processes *p);

#endif
