/* Logging: a callback with a level and a scope named as in the JavaScript `debug` convention
 * ("engine", "socket.io:client", "net:tls"). Silent by default, never payloads or credentials at
 * info level or above. */
#ifndef SIO_NET_LOG_H
#define SIO_NET_LOG_H

#include <sio/types.h>

enum { SIO_LOG_NONE = 0, SIO_LOG_ERROR = 1, SIO_LOG_WARN = 2, SIO_LOG_INFO = 3, SIO_LOG_DEBUG = 4 };

/* `text` is valid for the call, NUL-terminated, without a line end; control bytes are escaped. */
typedef void (*sio_log_fn)(void *user, int level, const char *scope, const char *text);

/* All-zero is silent. Copied by whoever takes one. */
typedef struct sio_log {
    sio_log_fn fn;
    void *user;
    int level; /* messages above it are not even formatted */
} sio_log;

static inline bool sio_log_on(const sio_log *log, int level) {
    return log && log->fn && level <= log->level;
}

/* Costs one comparison when off: the arguments are evaluated only when the message is wanted. */
#define SIO_LOG(log, lv, scope, ...)                                                               \
    do {                                                                                           \
        if (sio_log_on((log), (lv))) {                                                             \
            sio_log_write((log), (lv), (scope), __VA_ARGS__);                                      \
        }                                                                                          \
    } while (0)

/* Longer messages are cut. Thread: any that may call the callback. */
void sio_log_write(const sio_log *log, int level, const char *scope, const char *format, ...)
    SIO_PRINTF(4, 5);

#endif
