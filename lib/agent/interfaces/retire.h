/*
 * Ends what looks after an interface's address, on the pool: the kernel takes 10 to 20 ms to close a packet socket (packet_release() in
 * net/packet/af_packet.c waits for all processors), and fifty interfaces have a hundred of them.
 */
#ifndef ARCI_AGENT_INTERFACE_RETIRE_H
#define ARCI_AGENT_INTERFACE_RETIRE_H

#include <uv.h>

#include "kernel/interface/address-check.h"
#include "kernel/dhcp/dhcp.h"

/* Takes both over; nothing may watch or use them any more. NULL is allowed. The control loop's, which stays until it is done. */
void arci_interface_retire(uv_loop_t *loop, struct arci_address_check *check, struct arci_dhcp *dhcp);

#endif
