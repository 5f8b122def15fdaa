/* What a client says in each phase, and how it is to travel. */
#include "kernel/dhcp/client-internal.h"

#include <string.h>

#include "kernel/dhcp/ipv4.h"
#include "kernel/dhcp/packet.h"

void arci_dhcp_client_exchange(struct arci_dhcp_client *client, int64_t now)
{
    client->transaction = arci_dhcp_client_chance(client, UINT32_MAX);
    client->sent = 0;
    client->asking_since = now;
}

static uint16_t seconds_since(int64_t then, int64_t now)
{
    int64_t seconds = (now - then) / 1000;
    return seconds < UINT16_MAX ? (uint16_t)seconds : UINT16_MAX;
}

/* By broadcast, or to the server by the frame's address that its last answer came from. */
static void send(struct arci_dhcp_client *client, const struct arci_dhcp_request *request, bool unicast)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct arci_dhcp_outgoing *outgoing = &client->outgoing;
    outgoing->length = arci_dhcp_request_build(&client->self, request, outgoing->message);
    outgoing->source = request->address;
    outgoing->destination = unicast ? arci_ipv4_number(&client->grant.lease.server) : ARCI_DHCP_BROADCAST;
    memcpy(outgoing->mac, unicast ? client->server_mac : everybody, sizeof outgoing->mac);
    client->has_outgoing = true;
}

/* Answers come by broadcast: an interface without an address gets no unicast, and a host that forwards would send it on. */
void arci_dhcp_client_send_discover(struct arci_dhcp_client *client, int64_t now)
{
    client->sent++;
    send(client,
         &(struct arci_dhcp_request){.type = ARCI_DHCP_DISCOVER,
                                     .transaction = client->transaction,
                                     .seconds = seconds_since(client->asking_since, now),
                                     .broadcast = true,
                                     .wanted = client->hint},
         false);
}

void arci_dhcp_client_send_request(struct arci_dhcp_client *client, int64_t now)
{
    enum arci_dhcp_phase phase = client->phase;
    uint32_t address = arci_ipv4_number(&client->grant.lease.address);
    struct arci_dhcp_request request = {
        .type = ARCI_DHCP_REQUEST,
        .transaction = client->transaction,
        .seconds = seconds_since(client->asking_since, now),
    };
    if (phase == ARCI_DHCP_PHASE_RENEWING || phase == ARCI_DHCP_PHASE_REBINDING) {
        request.address = address;
    } else {
        request.wanted = address;
        request.broadcast = true;
    }
    if (phase == ARCI_DHCP_PHASE_REQUESTING)
        request.server = arci_ipv4_number(&client->grant.lease.server);
    client->sent++;
    /* The server that a lease of an earlier run came from has not been heard yet: broadcast reaches it too. */
    send(client, &request, phase == ARCI_DHCP_PHASE_RENEWING && client->has_server_mac);
}

void arci_dhcp_client_send_decline(struct arci_dhcp_client *client)
{
    send(client,
         &(struct arci_dhcp_request){.type = ARCI_DHCP_DECLINE,
                                     .transaction = arci_dhcp_client_chance(client, UINT32_MAX),
                                     .wanted = arci_ipv4_number(&client->grant.lease.address),
                                     .server = arci_ipv4_number(&client->grant.lease.server),
                                     .comment = "address in use"},
         false);
}

void arci_dhcp_client_send_release(struct arci_dhcp_client *client)
{
    send(client,
         &(struct arci_dhcp_request){.type = ARCI_DHCP_RELEASE,
                                     .transaction = arci_dhcp_client_chance(client, UINT32_MAX),
                                     .address = arci_ipv4_number(&client->grant.lease.address),
                                     .server = arci_ipv4_number(&client->grant.lease.server),
                                     .comment = "service stopped"},
         client->has_server_mac);
}
