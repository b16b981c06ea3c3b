/* Runs a fuzz target over stored inputs without libFuzzer: each argument is a file or a folder of
 * files, or --random=N for N random inputs, the same each time. Prints TAP. A target reports a
 * broken invariant by aborting, which ends the program before its plan is fulfilled. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct paths {
    char **items;
    size_t count;
} paths;

static void die(const char *what, const char *path) {
    printf("Bail out! %s %s: %s\n", what, path, strerror(errno));
    exit(EXIT_FAILURE);
}

static void paths_add(paths *list, const char *dir, const char *name) {
    size_t room = strlen(dir) + strlen(name) + 2;
    char *path = malloc(room);
    char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!path || !items) {
        die("cannot remember", name);
    }
    snprintf(path, room, "%s%s%s", dir, *dir ? "/" : "", name);
    items[list->count++] = path;
    list->items = items;
}

static void paths_add_dir(paths *list, const char *dir) {
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);
    if (count < 0) {
        die("cannot list", dir);
    }
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            paths_add(list, dir, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
}

/* The input gets a block of exactly its size, so that a sanitizer sees the first byte past it. */
static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat info = {0};
    if (!file || fstat(fileno(file), &info) != 0) {
        die("cannot open", path);
    }
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) {
        die("cannot read", path);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

enum { RANDOM_MAX = 4096 };

/* splitmix64 */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void run_random(unsigned long count) {
    uint8_t data[RANDOM_MAX];
    uint64_t state = 0;
    for (unsigned long i = 0; i < count; i++) {
        size_t size = 1 + next_random(&state) % RANDOM_MAX;
        for (size_t at = 0; at < size; at++) {
            data[at] = (uint8_t)(next_random(&state) >> 56);
        }
        LLVMFuzzerTestOneInput(data, size);
    }
}

int main(int argc, char **argv) {
    paths list = {0};
    unsigned long random = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info = {0};
        if (strncmp(argv[i], "--random=", 9) == 0) {
            random = strtoul(argv[i] + 9, NULL, 10);
            continue;
        }
        if (stat(argv[i], &info) != 0) {
            die("cannot find", argv[i]);
        }
        if (S_ISDIR(info.st_mode)) {
            paths_add_dir(&list, argv[i]);
        } else {
            paths_add(&list, "", argv[i]);
        }
    }
    if (list.count == 0 && random == 0) {
        puts("Bail out! no inputs");
        return EXIT_FAILURE;
    }
    printf("1..%zu\n", list.count + (random > 0));
    for (size_t i = 0; i < list.count; i++) {
        const char *slash = strrchr(list.items[i], '/');
        fflush(stdout);
        run_file(list.items[i]);
        printf("ok %zu - %s\n", i + 1, slash ? slash + 1 : list.items[i]);
        free(list.items[i]);
    }
    if (random > 0) {
        fflush(stdout);
        run_random(random);
        printf("ok %zu - %lu random inputs\n", list.count + 1, random);
    }
    free(list.items);
    return EXIT_SUCCESS;
}
