/*
 * The file that remembers kernel settings as they were before the agent changed them, for the agent that comes after
 * one that was killed.
 */
#ifndef ARCI_KERNEL_SYSCTL_FILE_H
#define ARCI_KERNEL_SYSCTL_FILE_H

#include "kernel/sysctl.h"

#define ARCI_SYSCTL_FILE_MAX 4096u
#define ARCI_BOOT_ID_SIZE 37u

/* Of the running system; "" where it can not be read: then all boots are alike. `ret_id` has ARCI_BOOT_ID_SIZE bytes. */
void arci_boot_id_read(char *ret_id);

/*
 * Fills in the items of `ret_sysctls` that the file has. Errors: ARCTIC_E_NOT_FOUND (no file, or one of before the last
 * boot), ARCTIC_E_CORRUPT, ARCTIC_E_LIMIT (larger than ARCI_SYSCTL_FILE_MAX), those of arci_secret_file_read().
 */
int arci_sysctl_file_read(const char *path, struct arci_sysctls *ret_sysctls, struct arctic_error *error);

/* Reads the file's text. `boot_id` is that of the running system. Errors: as above, without those of files. */
int arci_sysctl_file_parse(const char *text, size_t length, const char *boot_id,
                           struct arci_sysctls *ret_sysctls, struct arctic_error *error);

/* Replaces the file in one step; mode 0600. Errors: those of arci_secret_file_write(). */
int arci_sysctl_file_write(const char *path, const struct arci_sysctls *sysctls, struct arctic_error *error);

#endif
