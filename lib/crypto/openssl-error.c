/* The first entry of OpenSSL's queue is the cause; what follows tells how the failure travelled upwards. */
#include "crypto/openssl-error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

int arci_fail_openssl(struct arctic_error *error, int code, const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(message, sizeof message, format, arguments) < 0)
        message[0] = '\0';
    va_end(arguments);

    unsigned long cause = ERR_peek_error();
    const char *reason = ERR_reason_error_string(cause);
    ERR_clear_error();
    if (ERR_GET_REASON(cause) == ERR_R_MALLOC_FAILURE)
        return arci_fail_memory(error);
    if (!reason)
        return arci_fail(error, code, NULL, "%s", message);
    return arci_fail(error, code, NULL, "%s: %s", message, reason);
}
