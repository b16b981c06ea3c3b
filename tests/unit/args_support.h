/* What the tests of argument lists share. */
#ifndef TESTS_UNIT_ARGS_SUPPORT_H
#define TESTS_UNIT_ARGS_SUPPORT_H

#include "support.h"

#include <sio/args.h>

/* What stands for an attachment. */
#define P(n) "{\"_placeholder\":true,\"num\":" #n "}"

static inline void expect_written(const sio_args *args, const char *expected) {
    sio_buf out = {0};
    ck_assert_int_eq(sio_args_write(args, &out), 0);
    ck_assert_int_eq(sio_buf_add_byte(&out, 0), 0);
    ck_assert_str_eq((const char *)out.data, expected);
    sio_buf_free(&out);
}

#endif
