/*
 * Addresses that this host has on other interfaces. What asks on the link (ARP, duplicate address detection) does not find those of the
 * parent of a MACVLAN: the frames of the one do not reach the other.
 */
#ifndef ARCI_KERNEL_INTERFACE_HOST_ADDRESS_H
#define ARCI_KERNEL_INTERFACE_HOST_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/address.h>

#include "kernel/interface/name.h"

/*
 * Whether another interface than `interface` has the address; `ret_name` is that one's name. False too where the kernel cannot be asked:
 * what is on the link is asked for all the same. Any thread; takes microseconds.
 */
bool arci_host_has_address(const struct arctic_address *address, const char *interface,
                           char ret_name[ARCI_INTERFACE_NAME_SIZE]);

#endif
