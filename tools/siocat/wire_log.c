/* What the library logs, on standard error: all of it with -v, what DEBUG names without. */
#include "siocat.h"

#include "debug_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = 2048 };

/* Controls, also those of two bytes, become "?"; line ends within become spaces. */
void siocat_say(const char *text) {
    char safe[SAID_MAX];
    size_t at = 0;
    for (; *text != '\0' && at < sizeof(safe) - 1; text++) {
        unsigned char c = (unsigned char)*text;
        unsigned char next = (unsigned char)text[1];
        if (c == '\n') {
            safe[at++] = ' ';
        } else if (c < 0x20 || c == 0x7f) {
            safe[at++] = '?';
        } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
            safe[at++] = '?';
            text++;
        } else {
            safe[at++] = (char)c;
        }
    }
    safe[at] = '\0';
    fprintf(stderr, "%s\n", safe);
}

void siocat_complain(const struct siocat *cat, const char *format, ...) {
    static const char name[] = "siocat: ";
    char text[SAID_MAX];
    va_list values;
    if (cat->set.quiet) {
        return;
    }
    memcpy(text, name, sizeof(name));
    va_start(values, format);
    vsnprintf(text + sizeof(name) - 1, sizeof(text) - sizeof(name) + 1, format, values);
    va_end(values);
    siocat_say(text);
}

void siocat_wire_log(const char *scope, const char *text, void *user) {
    const struct siocat *cat = user;
    if (cat->set.verbose > 0 || debug_log_enabled(getenv("DEBUG"), scope)) {
        char line[SAID_MAX];
        snprintf(line, sizeof(line), "%s %s", scope, text);
        siocat_say(line);
    }
}
