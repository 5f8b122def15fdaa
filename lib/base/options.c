/* Structs that begin with their size, in both directions. */
#include "base/options.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

/* No struct of ours comes near; a size above it was never set. */
#define SIZE_LIMIT 65536

static int check_size(const void *given, size_t *ret_size, const char *what, struct arctic_error *error)
{
    if (!given)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "%s: NULL is not allowed", what);
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > SIZE_LIMIT)
        return arci_fail(error, ARCTIC_E_USAGE, "size",
                         "%s: the size member is %zu, set it to sizeof the struct", what, size);
    *ret_size = size;
    return ARCTIC_OK;
}

static bool is_zero(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

int arci_options_take(const void *given, void *ret_options, size_t size, const char *what,
                      struct arctic_error *error)
{
    size_t given_size = 0;
    int code = check_size(given, &given_size, what, error);
    if (code < 0)
        return code;
    if (given_size > size && !is_zero((const char *)given + size, given_size - size))
        return arci_fail(error, ARCTIC_E_USAGE, "size",
                         "%s: a member is set that this version of the library does not know", what);
    memset(ret_options, 0, size);
    memcpy(ret_options, given, given_size < size ? given_size : size);
    memcpy(ret_options, &size, sizeof size);
    return ARCTIC_OK;
}

int arci_options_give(const void *result, size_t size, void *ret_given, const char *what,
                      struct arctic_error *error)
{
    size_t given_size = 0;
    int code = check_size(ret_given, &given_size, what, error);
    if (code < 0)
        return code;
    size_t known = given_size < size ? given_size : size;
    memset(ret_given, 0, given_size);
    memcpy(ret_given, result, known);
    memcpy(ret_given, &given_size, sizeof given_size);
    return ARCTIC_OK;
}
