#include "chat_log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool matches(const char *pattern, size_t len, const char *scope) {
    if (len > 0 && pattern[len - 1] == '*') {
        return strncmp(pattern, scope, len - 1) == 0;
    }
    return strlen(scope) == len && memcmp(pattern, scope, len) == 0;
}

void chat_log(const char *scope, const char *text, void *user) {
    const char *wanted = getenv("DEBUG");

    while (wanted && *wanted) {
        size_t len = strcspn(wanted, ",");
        if (matches(wanted, len, scope)) {
            fprintf(stderr, "%s %s\n", scope, text);
            return;
        }
        wanted += len + (wanted[len] == ',');
    }
}
