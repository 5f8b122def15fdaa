/*
 * DHCP messages in UDP in IPv4, made and read by hand: a packet socket carries bare IP packets, and an interface without an address has
 * no other way. Pure functions; any thread. Addresses are numbers in host order.
 */
#ifndef ARCI_KERNEL_DHCP_PACKET_H
#define ARCI_KERNEL_DHCP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCI_DHCP_HEADERS 28 /* of IP without options and of UDP */
#define ARCI_DHCP_BROADCAST 0xffffffffu

/* Puts the headers before `length` bytes (at most 1472) at bytes + ARCI_DHCP_HEADERS, from port 68 to port 67; returns the packet's length. */
size_t arci_dhcp_packet_wrap(uint8_t *bytes, size_t length, uint32_t source, uint32_t destination);

/*
 * Finds the message in a packet to a DHCP client; false where it is none, or is cut, a fragment or damaged. `check` is false for packets
 * whose UDP checksum is still to be made, which come from this very machine (TP_STATUS_CSUMNOTREADY).
 */
bool arci_dhcp_packet_unwrap(const uint8_t *bytes, size_t length, bool check, const uint8_t **ret_message,
                             size_t *ret_length);

#endif
