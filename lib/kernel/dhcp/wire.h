/* Numbers of DHCP on the wire, and integers in network order at any place. Private to dhcp/. */
#ifndef ARCI_KERNEL_DHCP_WIRE_H
#define ARCI_KERNEL_DHCP_WIRE_H

#include <stdint.h>

/* Where the fields of a message are (RFC 2131 figure 1). */
#define ARCI_DHCP_AT_OPERATION 0
#define ARCI_DHCP_AT_HARDWARE 1
#define ARCI_DHCP_AT_HARDWARE_LENGTH 2
#define ARCI_DHCP_AT_TRANSACTION 4
#define ARCI_DHCP_AT_SECONDS 8
#define ARCI_DHCP_AT_FLAGS 10
#define ARCI_DHCP_AT_CLIENT_ADDRESS 12
#define ARCI_DHCP_AT_YOUR_ADDRESS 16
#define ARCI_DHCP_AT_MAC 28
#define ARCI_DHCP_AT_SERVER_NAME 44
#define ARCI_DHCP_AT_FILE 108
#define ARCI_DHCP_AT_COOKIE 236
#define ARCI_DHCP_AT_OPTIONS 240

#define ARCI_DHCP_BOOT_REQUEST 1
#define ARCI_DHCP_BOOT_REPLY 2
#define ARCI_DHCP_ETHERNET 1
#define ARCI_DHCP_FLAG_BROADCAST 0x8000
#define ARCI_DHCP_COOKIE 0x63825363u
#define ARCI_DHCP_SERVER_PORT 67
#define ARCI_DHCP_CLIENT_PORT 68

/* RFC 2132 */
#define ARCI_DHCP_OPTION_PAD 0
#define ARCI_DHCP_OPTION_MASK 1
#define ARCI_DHCP_OPTION_ROUTERS 3
#define ARCI_DHCP_OPTION_DNS 6
#define ARCI_DHCP_OPTION_HOSTNAME 12
#define ARCI_DHCP_OPTION_DOMAIN 15
#define ARCI_DHCP_OPTION_WANTED_ADDRESS 50
#define ARCI_DHCP_OPTION_LEASE_TIME 51
#define ARCI_DHCP_OPTION_OVERLOAD 52
#define ARCI_DHCP_OPTION_TYPE 53
#define ARCI_DHCP_OPTION_SERVER 54
#define ARCI_DHCP_OPTION_WANTED_OPTIONS 55
#define ARCI_DHCP_OPTION_COMMENT 56
#define ARCI_DHCP_OPTION_LARGEST_MESSAGE 57
#define ARCI_DHCP_OPTION_RENEWAL_TIME 58
#define ARCI_DHCP_OPTION_REBINDING_TIME 59
#define ARCI_DHCP_OPTION_VENDOR_CLASS 60
#define ARCI_DHCP_OPTION_IDENTIFIER 61
#define ARCI_DHCP_OPTION_END 255

static inline void arci_put_be16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline void arci_put_be32(uint8_t *bytes, uint32_t value)
{
    arci_put_be16(bytes, (uint16_t)(value >> 16));
    arci_put_be16(bytes + 2, (uint16_t)value);
}

static inline uint16_t arci_get_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t arci_get_be32(const uint8_t *bytes)
{
    return (uint32_t)arci_get_be16(bytes) << 16 | arci_get_be16(bytes + 2);
}

#endif
