/*
 * The packet sockets of a DHCP client, bound to one interface: DHCP's packets and the ARP frames about one address, each picked by a filter in the
 * kernel, so that other traffic wakes nobody. Nothing blocks. Renewals go by the packet socket as well: a UDP socket would need
 * CAP_NET_BIND_SERVICE for port 68 and a route to the server, which the interface's address does not bring.
 */
#ifndef ARCI_KERNEL_DHCP_SOCKET_H
#define ARCI_KERNEL_DHCP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#include "kernel/dhcp/packet.h"

#define ARCI_DHCP_PACKET_MAX 1500 /* larger ones are no messages to us, see ARCI_DHCP_REPLY_MAX */

struct arci_dhcp_sockets {
    unsigned interface_index;
    int poll; /* readable where one of the others is */
    int packets;
    int arp;
};

/* Errors: ARCTIC_E_SYSTEM. `interface` is for the message. */
int arci_dhcp_sockets_open(unsigned interface_index, const char *interface,
                           struct arci_dhcp_sockets *ret_sockets, struct arctic_error *error);
void arci_dhcp_sockets_close(struct arci_dhcp_sockets *sockets);

/* Sends what arci_dhcp_packet_wrap() made, or an ARP frame (broadcast). Returns 0 or an error number. */
int arci_dhcp_sockets_send(const struct arci_dhcp_sockets *sockets, const uint8_t *packet, size_t length,
                           const uint8_t mac[6]);
int arci_dhcp_sockets_send_arp(const struct arci_dhcp_sockets *sockets, const uint8_t *frame, size_t length);

struct arci_dhcp_received {
    uint8_t bytes[ARCI_DHCP_PACKET_MAX];
    size_t length;
    uint8_t mac[6]; /* of the sender */
    bool check;     /* the UDP checksum is made, see arci_dhcp_packet_unwrap() */
};

/* Takes one packet or ARP frame. False: there is none. A length of 0: something that is to be passed over. */
bool arci_dhcp_sockets_receive(const struct arci_dhcp_sockets *sockets,
                               struct arci_dhcp_received *ret_received);
bool arci_dhcp_sockets_receive_arp(const struct arci_dhcp_sockets *sockets,
                                   struct arci_dhcp_received *ret_received);

/* Lets ARP frames about this address in, and no others; 0: none. Errors: ARCTIC_E_SYSTEM, and then what came in before still does. */
int arci_dhcp_sockets_watch(const struct arci_dhcp_sockets *sockets, uint32_t address,
                            struct arctic_error *error);

#endif
