/* Files that hold secrets: licences, keys, the configuration. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "cli/support.h"

/*
 * Reads all of a text file of at most `limit` bytes; `name` is for messages. The text goes to CLI_SECRET or
 * arctic_client_free_text(). Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int cli_read_descriptor(int fd, const char *name, size_t limit, char **ret_text, struct arctic_error *error);

/* The same for the file at a path, "-" for stdin. */
int cli_read_file(const char *path, size_t limit, char **ret_text, struct arctic_error *error);

/* Writes a new file of mode 0600; one that exists is an error. */
int cli_write_secret_file(const char *path, const char *text, struct arctic_error *error);

/*
 * Writes a file of mode 0644. One that exists is an error, or with `replace` replaced by rename, keeping its mode and owner; a link is followed, and
 * what is no regular file is written to.
 * Errors: ARCTIC_E_ALREADY_EXISTS, ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int cli_write_file(const char *path, const char *text, bool replace, struct arctic_error *error);

/* Gives what is about to replace the file at `path` its owner. Who may not do that, which only root may, leaves it. */
void cli_keep_owner(int fd, const char *path);

#endif
