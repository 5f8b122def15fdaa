/* IPv4 addresses as numbers in host order. Private to dhcp/. */
#ifndef ARCI_KERNEL_DHCP_IPV4_H
#define ARCI_KERNEL_DHCP_IPV4_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/address.h>

/* Whether a host on some network can have it: not 0.0.0.0/8, loopback, multicast, or 240.0.0.0/4 with the broadcast address. */
bool arci_ipv4_is_host(uint32_t address);

/* 169.254.0.0/16, which nobody grants (RFC 3927 section 1.6). */
bool arci_ipv4_is_link_local(uint32_t address);

/* Whether the ones come first; its length is then 0..32. */
bool arci_ipv4_mask_length(uint32_t mask, uint8_t *ret_length);

/* To and from an address of family IPv4; 0 and family NONE stand for each other. */
struct arctic_address arci_ipv4_address(uint32_t number);
uint32_t arci_ipv4_number(const struct arctic_address *address);

#endif
