/* The messages of a client's phases. Private to client*.c. */
#ifndef ARCI_KERNEL_DHCP_CLIENT_SEND_H
#define ARCI_KERNEL_DHCP_CLIENT_SEND_H

#include "kernel/dhcp/client.h"

/* A new exchange: another transaction, nothing sent yet. */
void arci_dhcp_client_exchange(struct arci_dhcp_client *client, int64_t now);

void arci_dhcp_client_send_discover(struct arci_dhcp_client *client, int64_t now);

/* REQUEST as the phase wants it (RFC 2131 table 4). */
void arci_dhcp_client_send_request(struct arci_dhcp_client *client, int64_t now);

void arci_dhcp_client_send_decline(struct arci_dhcp_client *client);
void arci_dhcp_client_send_release(struct arci_dhcp_client *client);

#endif
