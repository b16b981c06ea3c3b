/* What happened, in words with a space behind each, for tests that look at the order of calls. For
 * one source of each program. */
#ifndef TESTS_UNIT_SERVER_NOTES_H
#define TESTS_UNIT_SERVER_NOTES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char notes[512];

static inline void note(const char *text) {
    snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes), "%s ", text);
}

/* A text as what is handed to handlers. */
static inline void *tag(const char *text) {
    return (void *)(uintptr_t)text;
}

#endif
