/* Kernel settings of one link, in /proc/sys/net of the calling thread's network namespace. */
#ifndef ARCI_KERNEL_INTERFACE_SETTING_H
#define ARCI_KERNEL_INTERFACE_SETTING_H

#include <stdbool.h>

#include <arctic/error.h>

/*
 * Sets what a service's interface needs, where it is not so already; `ipv6` says whether it may speak IPv6. *ret_changed says whether
 * anything was other than it should be. Errors: ARCTIC_E_SYSTEM with the setting.
 */
int arci_interface_settings(const char *name, bool ipv6, bool *ret_changed, struct arctic_error *error);

/* Whether arci_interface_settings() would leave all as it is. */
bool arci_interface_settings_right(const char *name, bool ipv6);

/* Reads net.FAMILY.conf.NAME.SETTING, `family` "ipv4" or "ipv6"; false where it is not there. */
bool arci_link_setting_read(const char *family, const char *name, const char *setting, long *ret_value);

/* Errors: ARCTIC_E_SYSTEM. */
int arci_link_setting_write(const char *family, const char *name, const char *setting, long value,
                            struct arctic_error *error);

#endif
