#include "net/log_limit.h"

#include <string.h>

static sio_log_scope *find(sio_log_limit *limit, const char *name) {
    enum { LAST = SIO_LOG_LIMIT_SCOPES - 1 };
    for (size_t i = 0; i < LAST; i++) {
        sio_log_scope *scope = &limit->scopes[i];
        if (!scope->name) {
            scope->name = name;
        }
        if (strcmp(scope->name, name) == 0) {
            return scope;
        }
    }
    limit->scopes[LAST].name = name;
    return &limit->scopes[LAST];
}

bool sio_log_limit_take(sio_log_limit *limit, const char *name, sio_time now) {
    if (limit->per_second == 0) {
        return true;
    }
    sio_log_scope *scope = find(limit, name);
    if (now - scope->since >= SIO_LOG_LIMIT_MS) {
        scope->since = now;
        scope->lines = 0;
    }
    if (scope->lines < limit->per_second) {
        scope->lines++;
        return true;
    }
    scope->left_out += scope->left_out < UINT32_MAX;
    return false;
}

const char *sio_log_limit_report(sio_log_limit *limit, uint32_t *left_out) {
    for (size_t i = 0; i < SIO_LOG_LIMIT_SCOPES; i++) {
        sio_log_scope *scope = &limit->scopes[i];
        if (scope->left_out > 0) {
            *left_out = scope->left_out;
            scope->left_out = 0;
            return scope->name;
        }
    }
    return NULL;
}
