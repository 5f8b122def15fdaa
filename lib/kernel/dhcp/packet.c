/* IPv4 (RFC 791) and UDP (RFC 768) headers. */
#include "kernel/dhcp/packet.h"

#include <string.h>
#include <netinet/in.h>

#include "kernel/dhcp/wire.h"

#define IP_HEADER 20
#define UDP_HEADER 8
#define TIME_TO_LIVE 64
#define FRAGMENT_MASK 0x3fff /* "more fragments" and the offset */

/* RFC 1071, in pieces: each but the last of an even length. */
static uint32_t sum(uint32_t total, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2)
        total += arci_get_be16(bytes + i);
    if (length % 2)
        total += (uint32_t)bytes[length - 1] << 8;
    return total;
}

static uint16_t fold(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~total;
}

/* Over the pseudo header, with the addresses as they stand in the IP header, and the datagram. */
static uint16_t udp_checksum(const uint8_t *ip, const uint8_t *udp, size_t length)
{
    return fold(sum(sum(IPPROTO_UDP + (uint32_t)length, ip + 12, 8), udp, length));
}

size_t arci_dhcp_packet_wrap(uint8_t *bytes, size_t length, uint32_t source, uint32_t destination)
{
    uint8_t *udp = bytes + IP_HEADER;
    memset(bytes, 0, ARCI_DHCP_HEADERS);
    bytes[0] = 4 << 4 | IP_HEADER / 4;
    bytes[1] = 0x10; /* low delay, as DHCP programs have it */
    arci_put_be16(bytes + 2, (uint16_t)(ARCI_DHCP_HEADERS + length));
    bytes[8] = TIME_TO_LIVE;
    bytes[9] = IPPROTO_UDP;
    arci_put_be32(bytes + 12, source);
    arci_put_be32(bytes + 16, destination);
    arci_put_be16(bytes + 10, fold(sum(0, bytes, IP_HEADER)));
    arci_put_be16(udp, ARCI_DHCP_CLIENT_PORT);
    arci_put_be16(udp + 2, ARCI_DHCP_SERVER_PORT);
    arci_put_be16(udp + 4, (uint16_t)(UDP_HEADER + length));
    uint16_t checksum = udp_checksum(bytes, udp, UDP_HEADER + length);
    arci_put_be16(udp + 6, checksum ? checksum : 0xffff); /* 0 would say that there is none */
    return ARCI_DHCP_HEADERS + length;
}

/* Returns the length of the header, and of the packet that a frame may have padded; 0 where it is none of ours. */
static size_t read_ip(const uint8_t *bytes, size_t length, size_t *ret_whole)
{
    if (length < ARCI_DHCP_HEADERS || bytes[0] >> 4 != 4)
        return 0;
    size_t header = (size_t)(bytes[0] & 15) * 4;
    size_t whole = arci_get_be16(bytes + 2);
    if (header < IP_HEADER || whole < header + UDP_HEADER || whole > length)
        return 0;
    if (bytes[9] != IPPROTO_UDP || (arci_get_be16(bytes + 6) & FRAGMENT_MASK))
        return 0;
    if (fold(sum(0, bytes, header)) != 0)
        return 0;
    *ret_whole = whole;
    return header;
}

bool arci_dhcp_packet_unwrap(const uint8_t *bytes, size_t length, bool check, const uint8_t **ret_message,
                             size_t *ret_length)
{
    size_t whole = 0;
    size_t header = read_ip(bytes, length, &whole);
    if (header == 0)
        return false;
    const uint8_t *udp = bytes + header;
    size_t udp_length = arci_get_be16(udp + 4);
    if (udp_length < UDP_HEADER || udp_length > whole - header)
        return false;
    if (arci_get_be16(udp) != ARCI_DHCP_SERVER_PORT || arci_get_be16(udp + 2) != ARCI_DHCP_CLIENT_PORT)
        return false;
    if (check && arci_get_be16(udp + 6) != 0 && udp_checksum(bytes, udp, udp_length) != 0)
        return false;
    *ret_message = udp + UDP_HEADER;
    *ret_length = udp_length - UDP_HEADER;
    return true;
}
