/* Appending arguments by a format string; the letters are listed in <sio/args.h>. */
#include "args_build.h"

#include <string.h>

/* A va_list in a struct can be handed down by address on every ABI. */
typedef struct values {
    va_list list;
} values;

static int add_number(sio_args *args, char letter, values *v) {
    switch (letter) {
    case 'i':
        return sio_args_add_int(args, va_arg(v->list, int));
    case 'I':
        return sio_args_add_int(args, va_arg(v->list, int64_t));
    case 'u':
        return sio_args_add_uint(args, va_arg(v->list, unsigned));
    case 'U':
        return sio_args_add_uint(args, va_arg(v->list, uint64_t));
    default:
        return sio_args_add_double(args, va_arg(v->list, double));
    }
}

static int add_str(sio_args *args, values *v) {
    const char *text = va_arg(v->list, const char *);
    size_t len = va_arg(v->list, size_t);
    return sio_args_add_str(args, (sio_str){text, len});
}

static int add_binary(sio_args *args, values *v) {
    const void *data = va_arg(v->list, const void *);
    size_t len = va_arg(v->list, size_t);
    return sio_args_add_binary(args, (sio_bytes){data, len});
}

static int add_raw(sio_args *args, values *v) {
    const char *json = va_arg(v->list, const char *);
    return json ? sio_args_add_raw(args, (sio_str){json, strlen(json)}) : sio_args_add_null(args);
}

static int add_all(sio_args *args, values *v) {
    const sio_args *from = va_arg(v->list, const sio_args *);
    return from ? sio_args_add_all(args, from) : 0;
}

static int add_letter(sio_args *args, char letter, values *v) {
    switch (letter) {
    case ' ':
    case ',':
        return 0;
    case 's':
        return sio_args_add_string(args, va_arg(v->list, const char *));
    case 'S':
        return add_str(args, v);
    case 'i':
    case 'I':
    case 'u':
    case 'U':
    case 'd':
        return add_number(args, letter, v);
    case 'b':
        return sio_args_add_bool(args, va_arg(v->list, int) != 0);
    case 'n':
        return sio_args_add_null(args);
    case 'B':
        return add_binary(args, v);
    case 'j':
        return sio_args_add_json(args, va_arg(v->list, const struct cJSON *));
    case 'r':
        return add_raw(args, v);
    case 'a':
        return add_all(args, v);
    default:
        return SIO_ERR_INVALID;
    }
}

int sio_args_vaddf(sio_args *args, const char *format, va_list list) {
    args_mark mark = sio_args_mark(args);
    values v;
    va_copy(v.list, list);
    int rc = 0;
    for (; rc == 0 && format && *format != '\0'; format++) {
        rc = add_letter(args, *format, &v);
    }
    va_end(v.list);
    if (rc != 0) {
        sio_args_cut(args, &mark);
    }
    return rc;
}

int sio_args_addf(sio_args *args, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int rc = sio_args_vaddf(args, format, list);
    va_end(list);
    return rc;
}

int sio_args_new_vf(sio_args **out, const sio_mem *mem, const char *format, va_list list) {
    sio_args *args = NULL;
    int rc = sio_args_new(&args, mem);
    if (rc != 0) {
        return rc;
    }
    rc = sio_args_vaddf(args, format, list);
    if (rc != 0) {
        sio_args_unref(args);
        return rc;
    }
    *out = args;
    return 0;
}
