/* What may be the address of a host, and conversions. */
#include "kernel/dhcp/ipv4.h"

#include "kernel/dhcp/wire.h"

bool arci_ipv4_is_host(uint32_t address)
{
    uint32_t first = address >> 24;
    return first != 0 && first != 127 && first < 224;
}

bool arci_ipv4_is_link_local(uint32_t address)
{
    return address >> 16 == (169u << 8 | 254u);
}

bool arci_ipv4_mask_length(uint32_t mask, uint8_t *ret_length)
{
    uint32_t inverse = ~mask;
    if ((inverse & (inverse + 1)) != 0)
        return false;
    *ret_length = (uint8_t)__builtin_popcount(mask);
    return true;
}

struct arctic_address arci_ipv4_address(uint32_t number)
{
    struct arctic_address address = {.family = number ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_NONE};
    arci_put_be32(address.bytes, number);
    return address;
}

uint32_t arci_ipv4_number(const struct arctic_address *address)
{
    return address->family == ARCTIC_FAMILY_IPV4 ? arci_get_be32(address->bytes) : 0;
}
