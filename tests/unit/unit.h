/* cmocka with the headers it wants before it, and what most unit tests need. */
#ifndef ARCTIC_TESTS_UNIT_H
#define ARCTIC_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arctic/error.h>

/* Fails with the error's own message, which says more than a number. */
#define assert_ok(expression, error)                                                                         \
    do {                                                                                                     \
        int assert_ok_code_ = (expression);                                                                  \
        if (assert_ok_code_ < 0)                                                                             \
            fail_msg("%s: %s: %s", #expression, arctic_code_name(assert_ok_code_), (error).message);         \
    } while (0)

/* Makes a directory below $TMPDIR, which scripts/test removes with all that killed tests left, or below /tmp. */
static inline void make_temporary_directory(char *ret_path, size_t size)
{
    const char *parent = getenv("TMPDIR");

    int length = snprintf(ret_path, size, "%s/arctic-unit-XXXXXX", parent && *parent ? parent : "/tmp");
    assert_true(length > 0 && (size_t)length < size);
    assert_non_null(mkdtemp(ret_path));
}

#endif
