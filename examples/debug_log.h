/* Log lines on stderr, chosen by the environment variable DEBUG as in JavaScript programs:
 * names with `*` as a wildcard, separated by commas or spaces; a leading `-` excludes.
 * DEBUG=engine*,socket.io:*,-engine:ws shows all of the engine but its WebSockets, and more.
 * Usage: options.log = debug_log; */
#ifndef EXAMPLES_DEBUG_LOG_H
#define EXAMPLES_DEBUG_LOG_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the pattern matches the whole of `text`. After a mismatch the last `*` takes one more
 * character: linear memory, no recursion. */
static inline bool debug_log_matches(const char *pattern, size_t len, const char *text) {
    size_t at = 0;
    size_t star = len;
    const char *resume = NULL;
    while (*text) {
        if (at < len && pattern[at] == '*') {
            star = at++;
            resume = text;
        } else if (at < len && pattern[at] == *text) {
            at++;
            text++;
        } else if (resume) {
            at = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (at < len && pattern[at] == '*') {
        at++;
    }
    return at == len;
}

/* Exclusions win wherever they stand. */
static inline bool debug_log_enabled(const char *list, const char *scope) {
    bool enabled = false;
    while (list && *list) {
        size_t len = strcspn(list, ", ");
        bool exclude = len > 0 && list[0] == '-';
        if (len > 0 && debug_log_matches(list + exclude, len - exclude, scope)) {
            if (exclude) {
                return false;
            }
            enabled = true;
        }
        list += len + strspn(list + len, ", ");
    }
    return enabled;
}

static inline void debug_log(const char *scope, const char *text, void *user) {
    if (debug_log_enabled(getenv("DEBUG"), scope)) {
        fprintf(stderr, "%s %s\n", scope, text);
    }
}

#endif
