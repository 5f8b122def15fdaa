/* Files that hold secrets (keys, licences, tokens): mode 0600, replaced as a whole, refused when others may
 * read them. */
#ifndef ARCI_CRYPTO_SECRET_FILE_H
#define ARCI_CRYPTO_SECRET_FILE_H

#include <stddef.h>

#include <arctic/error.h>

/*
 * Writes the file with mode 0600 under a temporary name beside it ("<path>.new"), flushes it to disk and
 * renames it, so that after a crash there is the old content or the new one. One writer at a time. Errors:
 * ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_secret_file_write(const char *path, const void *bytes, size_t length, struct arctic_error *error);

/*
 * Reads a regular file of at most `limit` bytes. On success *ret_text is its content followed by a NUL byte
 * that *ret_length does not count; wipe and free it (arci_free_secret() where the content has no NUL bytes of
 * its own). Errors: ARCTIC_E_NOT_FOUND (no such file), ARCTIC_E_FORBIDDEN (others than its owner may use it,
 * or it belongs to another user), ARCTIC_E_LIMIT (too long), ARCTIC_E_CORRUPT (no regular file, or with NUL
 * bytes), ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_secret_file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length,
                          struct arctic_error *error);

/* As arci_secret_file_read(), for a file that is no secret: anybody may own and read it. */
int arci_plain_file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length,
                         struct arctic_error *error);

#endif
