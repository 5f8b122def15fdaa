/*
 * The one error type of libarctic.
 *
 * A function that can fail returns ARCTIC_OK or one of the negative codes below, and fills the `struct arctic_error` it was
 * given (NULL is allowed everywhere) with the code, the member of the input that is at fault and a sentence for people. The
 * codes up to ARCTIC_E_INTERNAL are those of the REST API under the same names; the ones after it are the library's own and
 * appear in the API as INTERNAL.
 */
#ifndef ARCTIC_ERROR_H
#define ARCTIC_ERROR_H

#include <stdint.h>

#include <arctic/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are part of the ABI: append, never renumber. */
enum arctic_code {
    ARCTIC_OK = 0,

    ARCTIC_E_UNAUTHORIZED = -1,
    ARCTIC_E_TOKEN_EXPIRED = -2,
    ARCTIC_E_FORBIDDEN = -3,
    ARCTIC_E_NOT_FOUND = -4,
    ARCTIC_E_METHOD_NOT_ALLOWED = -5,
    ARCTIC_E_ALREADY_EXISTS = -6,
    ARCTIC_E_ALREADY_BOOTSTRAPPED = -7,
    ARCTIC_E_INVALID_REQUEST = -8,
    ARCTIC_E_MISSING_FIELD = -9,
    ARCTIC_E_INVALID_CIDR = -10,
    ARCTIC_E_INVALID_TRANSPORT = -11,
    ARCTIC_E_INVALID_PRIORITY = -12,
    ARCTIC_E_NODE_LIMIT_EXCEEDED = -13,
    ARCTIC_E_SERVICE_LIMIT_EXCEEDED = -14,
    ARCTIC_E_LICENSE_EXPIRED = -15,
    ARCTIC_E_LICENSE_INVALID = -16,
    ARCTIC_E_LICENSE_MISMATCH = -17,
    ARCTIC_E_HANDSHAKE_FAILED = -18,
    ARCTIC_E_PEER_UNREACHABLE = -19,
    ARCTIC_E_CANNOT_REVOKE_CURRENT = -20,
    ARCTIC_E_LICENSE_READ_ONLY = -21,
    ARCTIC_E_LICENSE_SUSPENDED = -22,
    ARCTIC_E_NOT_BOOTSTRAPPED = -23,
    ARCTIC_E_BODY_TOO_LARGE = -24,
    ARCTIC_E_INTERNAL = -25,

    ARCTIC_E_NO_MEMORY = -100,   /* an allocation failed */
    ARCTIC_E_SYSTEM = -101,      /* a system call failed; the message carries strerror() */
    ARCTIC_E_USAGE = -102,       /* the caller broke the contract of the function */
    ARCTIC_E_UNREACHABLE = -103, /* no connection to the agent */
    ARCTIC_E_TIMEOUT = -104,     /* it took longer than the caller allowed */
    ARCTIC_E_PROTOCOL = -105,    /* the other end sent what the protocol does not allow */
    ARCTIC_E_CORRUPT = -106,     /* stored data is damaged or was tampered with */
    ARCTIC_E_UNSUPPORTED = -107, /* this build or this kernel cannot do it */
    ARCTIC_E_CANCELLED = -108,   /* the work was cancelled before it finished */
    ARCTIC_E_LIMIT = -109,       /* a limit on input size or number was reached */
    ARCTIC_E_UNTRUSTED = -110,   /* the other end did not prove to be who it has to be */
};

/* A struct of fixed layout that the caller owns, so that reporting an error can never fail itself. */
struct arctic_error {
    int32_t code;      /* an enum arctic_code, ARCTIC_OK when nothing has failed */
    char field[60];    /* the member or option at fault, "" when there is none */
    char message[448]; /* one sentence, no newline at its end, cut at this size */
};

/*
 * Name of a code as the REST API writes it, such as "INVALID_CIDR". Never NULL; "UNKNOWN" for a number that is no code. The
 * text is static. Any thread.
 */
ARCTIC_API const char *arctic_code_name(int32_t code);

/* Code of a name such as "INVALID_CIDR"; ARCTIC_E_INTERNAL for a name that is not known. Any thread. */
ARCTIC_API int32_t arctic_code_from_name(const char *name);

/* HTTP status that the REST API answers with for a code (200 for ARCTIC_OK, 500 for the library's own codes). Any thread. */
ARCTIC_API int32_t arctic_code_http_status(int32_t code);

#ifdef __cplusplus
}
#endif

#endif
