/* OpenSSL's error queue as a struct arctic_error; every failing call of lib/crypto leaves the queue empty. */
#ifndef ARCI_CRYPTO_OPENSSL_ERROR_H
#define ARCI_CRYPTO_OPENSSL_ERROR_H

#include <arctic/error.h>

/*
 * Fills *error with the message and ": <what OpenSSL said first>", clears this thread's queue and returns the
 * code: ARCTIC_E_NO_MEMORY where that was the cause, else `code`.
 */
int arci_fail_openssl(struct arctic_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
