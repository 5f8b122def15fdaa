/* The table of error codes, and the functions that fill a struct arctic_error. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct code_row {
    int32_t code;
    int32_t http_status;
    const char *name;
} code_table[] = {
    {ARCTIC_OK, 200, "OK"},
    {ARCTIC_E_UNAUTHORIZED, 401, "UNAUTHORIZED"},
    {ARCTIC_E_TOKEN_EXPIRED, 401, "TOKEN_EXPIRED"},
    {ARCTIC_E_FORBIDDEN, 403, "FORBIDDEN"},
    {ARCTIC_E_NOT_FOUND, 404, "NOT_FOUND"},
    {ARCTIC_E_METHOD_NOT_ALLOWED, 405, "METHOD_NOT_ALLOWED"},
    {ARCTIC_E_ALREADY_EXISTS, 409, "ALREADY_EXISTS"},
    {ARCTIC_E_ALREADY_BOOTSTRAPPED, 409, "ALREADY_BOOTSTRAPPED"},
    {ARCTIC_E_INVALID_REQUEST, 400, "INVALID_REQUEST"},
    {ARCTIC_E_MISSING_FIELD, 400, "MISSING_FIELD"},
    {ARCTIC_E_INVALID_CIDR, 400, "INVALID_CIDR"},
    {ARCTIC_E_INVALID_TRANSPORT, 400, "INVALID_TRANSPORT"},
    {ARCTIC_E_INVALID_PRIORITY, 400, "INVALID_PRIORITY"},
    {ARCTIC_E_NODE_LIMIT_EXCEEDED, 422, "NODE_LIMIT_EXCEEDED"},
    {ARCTIC_E_SERVICE_LIMIT_EXCEEDED, 422, "SERVICE_LIMIT_EXCEEDED"},
    {ARCTIC_E_LICENSE_EXPIRED, 422, "LICENSE_EXPIRED"},
    {ARCTIC_E_LICENSE_INVALID, 422, "LICENSE_INVALID"},
    {ARCTIC_E_LICENSE_MISMATCH, 422, "LICENSE_MISMATCH"},
    {ARCTIC_E_HANDSHAKE_FAILED, 422, "HANDSHAKE_FAILED"},
    {ARCTIC_E_PEER_UNREACHABLE, 422, "PEER_UNREACHABLE"},
    {ARCTIC_E_CANNOT_REVOKE_CURRENT, 422, "CANNOT_REVOKE_CURRENT"},
    {ARCTIC_E_LICENSE_READ_ONLY, 403, "LICENSE_READ_ONLY"},
    {ARCTIC_E_LICENSE_SUSPENDED, 403, "LICENSE_SUSPENDED"},
    {ARCTIC_E_NOT_BOOTSTRAPPED, 503, "NOT_BOOTSTRAPPED"},
    {ARCTIC_E_BODY_TOO_LARGE, 413, "BODY_TOO_LARGE"},
    {ARCTIC_E_INTERNAL, 500, "INTERNAL"},
    {ARCTIC_E_NO_MEMORY, 500, "NO_MEMORY"},
    {ARCTIC_E_SYSTEM, 500, "SYSTEM"},
    {ARCTIC_E_USAGE, 500, "USAGE"},
    {ARCTIC_E_UNREACHABLE, 500, "UNREACHABLE"},
    {ARCTIC_E_TIMEOUT, 500, "TIMEOUT"},
    {ARCTIC_E_PROTOCOL, 500, "PROTOCOL"},
    {ARCTIC_E_CORRUPT, 500, "CORRUPT"},
    {ARCTIC_E_UNSUPPORTED, 500, "UNSUPPORTED"},
    {ARCTIC_E_CANCELLED, 500, "CANCELLED"},
    {ARCTIC_E_LIMIT, 422, "LIMIT"},
    {ARCTIC_E_UNTRUSTED, 500, "UNTRUSTED"},
};

#define CODE_ROWS (sizeof code_table / sizeof code_table[0])

static const struct code_row *find_code(int32_t code)
{
    for (size_t i = 0; i < CODE_ROWS; i++) {
        if (code_table[i].code == code)
            return &code_table[i];
    }
    return NULL;
}

const char *arctic_code_name(int32_t code)
{
    const struct code_row *row = find_code(code);
    return row ? row->name : "UNKNOWN";
}

int32_t arctic_code_http_status(int32_t code)
{
    const struct code_row *row = find_code(code);
    return row ? row->http_status : 500;
}

int32_t arctic_code_from_name(const char *name)
{
    for (size_t i = 0; name && i < CODE_ROWS; i++) {
        if (strcmp(code_table[i].name, name) == 0)
            return code_table[i].code;
    }
    return ARCTIC_E_INTERNAL;
}

static void copy_text(char *target, size_t size, const char *source)
{
    size_t length = strnlen(source, size - 1);
    memcpy(target, source, length);
    target[length] = '\0';
}

static void fill(struct arctic_error *error, int code, const char *field, const char *format,
                 va_list arguments)
{
    error->code = code;
    copy_text(error->field, sizeof error->field, field ? field : "");
    if (vsnprintf(error->message, sizeof error->message, format, arguments) < 0)
        copy_text(error->message, sizeof error->message, arctic_code_name(code));
    /* Both may quote what came from outside, cut anywhere, and end in JSON or on a terminal. */
    arci_utf8_repair(error->field);
    arci_utf8_repair(error->message);
}

int arci_fail(struct arctic_error *error, int code, const char *field, const char *format, ...)
{
    if (error) {
        int saved = errno;
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, field, format, arguments);
        va_end(arguments);
        errno = saved;
    }
    return code;
}

static void append_strerror(struct arctic_error *error, int errnum)
{
    char buffer[128];
    const char *reason = strerror_r(errnum, buffer, sizeof buffer);
    size_t used = strlen(error->message);
    snprintf(error->message + used, sizeof error->message - used, ": %s", reason);
}

int arci_fail_errno(struct arctic_error *error, const char *format, ...)
{
    int saved = errno;
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, ARCTIC_E_SYSTEM, NULL, format, arguments);
        va_end(arguments);
        append_strerror(error, saved);
    }
    errno = saved;
    return ARCTIC_E_SYSTEM;
}

int arci_fail_errnum(struct arctic_error *error, int errnum, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, ARCTIC_E_SYSTEM, NULL, format, arguments);
        va_end(arguments);
        append_strerror(error, errnum);
    }
    return ARCTIC_E_SYSTEM;
}

int arci_fail_memory(struct arctic_error *error)
{
    return arci_fail(error, ARCTIC_E_NO_MEMORY, NULL, "out of memory");
}

int arci_fail_at(struct arctic_error *error, int code, const char *field)
{
    if (error) {
        copy_text(error->field, sizeof error->field, field);
        arci_utf8_repair(error->field);
    }
    return code;
}

int arci_fail_within(struct arctic_error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    struct arctic_error inner = *error;
    char prefix[sizeof inner.message];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    if (written < 0)
        return code;
    error->code = code;
    /* The cut of an overlong message is intended: the front names the thing at fault. */
    int total =
        snprintf(error->message, sizeof error->message, "%.*s: %.*s", 200, prefix, 240, inner.message);
    (void)total;
    arci_utf8_repair(error->message);
    return code;
}
