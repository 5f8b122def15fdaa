/*
 * Kernel settings: the ones that the agent sets and puts back, and the ones that it only looks at, since
 * changing them would change what the host is. Reads and writes /proc/sys/net, which is that of the calling
 * thread's network namespace. What was there before is kept in a file too (sysctl-file.h), so that an agent
 * after a crash puts back what the one before has found.
 */
#ifndef ARCI_KERNEL_SYSCTL_H
#define ARCI_KERNEL_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/error.h>
#include <arctic/log.h>

#include "kernel/repairs.h"

#define ARCI_SYSCTL_COUNT 6
#define ARCI_SYSCTL_TEXT 64

struct arci_sysctls {
    char *path; /* of the file; NULL: none is kept */
    struct {
        bool written;
        char before[ARCI_SYSCTL_TEXT];
        char ours[ARCI_SYSCTL_TEXT];
    } items[ARCI_SYSCTL_COUNT];
};

/*
 * Takes up what an agent that was killed left in the file at `path` (NULL: no file), as far as the values are still
 * the ones that it set. A file that can not be used is logged and ignored. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_sysctls_begin(struct arci_sysctls *sysctls, const char *path, struct arctic_log *log,
                       struct arctic_error *error);

/*
 * Sets what is to be set and is not so, and keeps what was there before; what was set already, and is not so any more, is noted as
 * repaired. What can not be set is left to arci_sysctl_check().
 */
void arci_sysctls_ensure(struct arci_sysctls *sysctls, struct arctic_log *log, struct arci_repairs *repairs);

/* Puts back what was there before, where the value is still ours, and removes the file once all is back. */
void arci_sysctls_restore(struct arci_sysctls *sysctls, struct arctic_log *log);

void arci_sysctls_release(struct arci_sysctls *sysctls);

/* Name of setting `index` (below ARCI_SYSCTL_COUNT), such as "net.ipv4.ip_forward". Static. */
const char *arci_sysctl_name(size_t index);

/* Whether the agent sets setting `index`, rather than only looking at it. */
bool arci_sysctl_is_set(size_t index);

/* Whether `text` can be a value of setting `index`, and that setting is one that the agent sets. */
bool arci_sysctl_fits(size_t index, const char *text);

/*
 * Whether the setting is as it should be (or not there on this kernel); else writes a sentence with the
 * command that mends it.
 */
bool arci_sysctl_check(size_t index, char *sentence, size_t size);

#endif
