/* What the parts of the state machine have in common. Private to client*.c. */
#ifndef ARCI_KERNEL_DHCP_CLIENT_INTERNAL_H
#define ARCI_KERNEL_DHCP_CLIENT_INTERNAL_H

#include <arctic/address.h>

#include "kernel/dhcp/client.h"

#define ARCI_DHCP_SECOND INT64_C(1000) /* of the monotonic clock */

struct arci_dhcp_address_text {
    char text[ARCTIC_ADDRESS_TEXT];
};

/* As a value, for sentences. */
static inline struct arci_dhcp_address_text arci_dhcp_text_of(const struct arctic_address *address)
{
    struct arci_dhcp_address_text text;
    arctic_address_format(address, text.text);
    return text;
}

void arci_dhcp_client_go_to(struct arci_dhcp_client *client, enum arci_dhcp_phase phase, int64_t next_at);

/* To INIT, after a pause of `wait` milliseconds: whatever was granted counts no more. */
void arci_dhcp_client_start_anew(struct arci_dhcp_client *client, int64_t wait, int64_t now);

/* Sends REQUEST and sets the time for its repetition. */
void arci_dhcp_client_request(struct arci_dhcp_client *client, int64_t now);

/* To CHECKING, and to BOUND. */
void arci_dhcp_client_check(struct arci_dhcp_client *client);
void arci_dhcp_client_bind(struct arci_dhcp_client *client);

/* A new exchange: another transaction, nothing sent yet. */
void arci_dhcp_client_exchange(struct arci_dhcp_client *client, int64_t now);

void arci_dhcp_client_send_discover(struct arci_dhcp_client *client, int64_t now);

/* REQUEST as the phase wants it (RFC 2131 table 4). */
void arci_dhcp_client_send_request(struct arci_dhcp_client *client, int64_t now);

void arci_dhcp_client_send_decline(struct arci_dhcp_client *client);
void arci_dhcp_client_send_release(struct arci_dhcp_client *client);

#endif
