/* Randomness, wiping and comparison of secrets, on glibc and the kernel alone. */
#include "base/secret.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"

int arci_random_bytes(void *bytes, size_t length, struct arctic_error *error)
{
    uint8_t *cursor = bytes;
    while (length > 0) {
        ssize_t got = getrandom(cursor, length, 0);
        if (got < 0 && errno != EINTR)
            return arci_fail_errno(error, "cannot read random bytes from the kernel");
        if (got > 0) {
            cursor += got;
            length -= (size_t)got;
        }
    }
    return ARCTIC_OK;
}

void arci_wipe(void *bytes, size_t length)
{
    explicit_bzero(bytes, length);
}

bool arci_equal_constant_time(const void *a, const void *b, size_t length)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= (uint8_t)(left[i] ^ right[i]);
    return difference == 0;
}

void arci_free_secret(char *text)
{
    if (text)
        arci_wipe(text, strlen(text));
    free(text);
}
