/* Where services' interfaces sit: the link that is named by a setting, or the one that the default route leads over. */
#ifndef ARCI_KERNEL_INTERFACE_PARENT_H
#define ARCI_KERNEL_INTERFACE_PARENT_H

#include "kernel/interface/link.h"

/*
 * Finds the parent among `links`: `setting` where it is not "", else the link of the default route of the main table: IPv4's, or IPv6's
 * where that has none; of several the one with the lowest metric. Services' interfaces themselves do not count. Returns NULL and a
 * sentence for people in `reason` where there is none that can carry a MACVLAN.
 */
const struct arci_link *arci_interface_parent(const struct arci_links *links, const char *setting,
                                              char *reason, size_t size);

#endif
