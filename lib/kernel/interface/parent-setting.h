/*
 * What the parent of services' interfaces must leave to them. As the kernel comes, any interface answers ARP for any address of the host,
 * and asks in the name of any (arp_ignore and arp_announce 0, Documentation/networking/ip-sysctl.rst): the parent hears each question that
 * a MACVLAN on it hears, answers first, and clients send to the parent what should arrive on the service's interface. While one with an
 * IPv4 address sits on it, the parent speaks for its own addresses only. What was there before is kept in a file too, and put back.
 * IPv6 needs nothing of the kind: neighbour discovery answers for the addresses of one interface (ndisc_recv_ns()).
 */
#ifndef ARCI_KERNEL_INTERFACE_PARENT_SETTING_H
#define ARCI_KERNEL_INTERFACE_PARENT_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/error.h>
#include <arctic/log.h>

#include "kernel/interface/name.h"

#define ARCI_PARENT_SETTINGS_MAX 16u
#define ARCI_PARENT_SETTINGS_FILE_MAX 8192u

struct arci_parent_setting {
    int index; /* of the link, which may be renamed; 0: not known, from a file of before it was written there */
    char link[ARCI_INTERFACE_NAME_SIZE]; /* its name when it was last held */
    unsigned which;                      /* of the two */
    long before;
    bool held; /* in the present pass */
};

struct arci_parent_settings {
    char *path; /* of the file; NULL: none is kept */
    struct arci_parent_setting items[ARCI_PARENT_SETTINGS_MAX];
    size_t count;
};

/* Takes up what an agent that was killed has left at `path` (NULL: no file). A file that can not be used is logged and ignored. */
int arci_parent_settings_begin(struct arci_parent_settings *settings, const char *path,
                               struct arctic_log *log, struct arctic_error *error);

/* Begins a pass; then hold() for each parent in use; then those that were not held get back what they had. */
void arci_parent_settings_begin_pass(struct arci_parent_settings *settings);
void arci_parent_settings_hold(struct arci_parent_settings *settings, int index, const char *link,
                               struct arctic_log *log);
void arci_parent_settings_end_pass(struct arci_parent_settings *settings, struct arctic_log *log);

void arci_parent_settings_release(struct arci_parent_settings *settings);

/* Reads and writes the text of the file, which is JSON. Errors: ARCTIC_E_NOT_FOUND (of before the last boot), ARCTIC_E_CORRUPT. */
int arci_parent_settings_parse(const char *text, size_t length, const char *boot_id,
                               struct arci_parent_settings *ret_settings, struct arctic_error *error);

#endif
