/* Counts the allocations of a program that it is loaded into before the C library (LD_PRELOAD): a
 * 64-bit number in the file that BENCH_ALLOCATIONS names, so that it can be read at any time and
 * stays when the program is killed. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static _Atomic uint64_t before_it_is_open;
static _Atomic uint64_t *count = &before_it_is_open;

__attribute__((constructor)) static void open_count(void) {
    const char *name = getenv("BENCH_ALLOCATIONS");
    int fd = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && ftruncate(fd, sizeof(*count)) == 0) {
        void *page = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        count = page == MAP_FAILED ? count : page;
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void note(void) {
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

__attribute__((visibility("default"))) void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t number, size_t size) {
    note();
    return __libc_calloc(number, size);
}

__attribute__((visibility("default"))) void *realloc(void *block, size_t size) {
    note();
    return __libc_realloc(block, size);
}
