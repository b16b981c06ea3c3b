/* Runs a fuzz target over stored inputs without libFuzzer: each argument is a file or a folder of
 * files. Prints TAP. A target reports a broken invariant by aborting, which ends the program before
 * its plan is fulfilled. */
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
    struct stat info;
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

int main(int argc, char **argv) {
    paths list = {0};
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) != 0) {
            die("cannot find", argv[i]);
        }
        if (S_ISDIR(info.st_mode)) {
            paths_add_dir(&list, argv[i]);
        } else {
            paths_add(&list, "", argv[i]);
        }
    }
    if (list.count == 0) {
        puts("Bail out! no inputs");
        return EXIT_FAILURE;
    }
    printf("1..%zu\n", list.count);
    for (size_t i = 0; i < list.count; i++) {
        const char *slash = strrchr(list.items[i], '/');
        fflush(stdout);
        run_file(list.items[i]);
        printf("ok %zu - %s\n", i + 1, slash ? slash + 1 : list.items[i]);
        free(list.items[i]);
    }
    free(list.items);
    return EXIT_SUCCESS;
}
