/* What replies make of the client's state. */
#include <string.h>

#include "kernel/dhcp/client-internal.h"
#include "kernel/dhcp/ipv4.h"

#define REFUSAL_DOUBLINGS 6 /* a server that offers and then refuses is asked once a minute in the end */
#define REFUSAL_SCATTER_MS 1000

static bool is_for(const struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply)
{
    if (client->sent == 0 || reply->transaction != client->transaction)
        return false;
    if (memcmp(reply->mac, client->self.mac, sizeof reply->mac) != 0)
        return false;
    return !reply->has_identifier ||
           memcmp(reply->identifier, client->self.identifier, sizeof reply->identifier) == 0;
}

static void tell_refused(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply,
                         const char *fault)
{
    struct arctic_address address = arci_ipv4_address(reply->address);
    struct arctic_address server = arci_ipv4_address(reply->server);
    arci_dhcp_client_tell(client, "%s offered by %s is not accepted: %s",
                          reply->address ? arci_dhcp_text_of(&address).text : "0.0.0.0",
                          arci_dhcp_text_of(&server).text, fault);
}

/* The first one that can be accepted: one server is the rule, and with several all are good. */
static void take_offer(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply, int64_t now)
{
    struct arci_dhcp_grant grant;
    const char *fault = arci_dhcp_grant_read(reply, 0, &grant);
    if (fault) {
        tell_refused(client, reply, fault);
        return;
    }
    client->grant = grant;
    client->sent = 0;
    arci_dhcp_client_go_to(client, ARCI_DHCP_PHASE_REQUESTING, now);
    arci_dhcp_client_request(client, now);
}

static int64_t later(int64_t from, uint32_t seconds)
{
    return seconds == ARCI_DHCP_DURATION_FOREVER ? INT64_MAX : from + seconds * ARCI_DHCP_SECOND;
}

static int64_t wall_later(int64_t from, uint32_t seconds)
{
    return seconds == ARCI_DHCP_DURATION_FOREVER ? ARCI_DHCP_FOREVER : from + seconds;
}

/* RFC 2131 section 4.4.5: times count from when the request was sent. */
static void set_times(struct arci_dhcp_client *client, struct arci_dhcp_grant *grant, int64_t now,
                      int64_t wall)
{
    int64_t from = client->requested_at;
    int64_t wall_from = wall - (now - from) / ARCI_DHCP_SECOND;
    client->renew_at = later(from, grant->renew_after);
    client->rebind_at = later(from, grant->rebind_after);
    client->expires_at = later(from, grant->duration);
    grant->lease.renew_at = wall_later(wall_from, grant->renew_after);
    grant->lease.rebind_at = wall_later(wall_from, grant->rebind_after);
    grant->lease.expires_at = wall_later(wall_from, grant->duration);
}

static bool is_from_its_server(const struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply)
{
    return reply->server == arci_ipv4_number(&client->grant.lease.server);
}

static void take_ack(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply,
                     const uint8_t mac[6], int64_t now, int64_t wall)
{
    struct arci_dhcp_grant grant;
    if (client->phase == ARCI_DHCP_PHASE_REQUESTING && !is_from_its_server(client, reply))
        return;
    const char *fault = arci_dhcp_grant_read(reply, arci_dhcp_client_chance(client, UINT32_MAX), &grant);
    if (!fault && arctic_address_compare(&grant.lease.address, &client->grant.lease.address) != 0)
        fault = "it is not the address that was asked for";
    if (fault) {
        tell_refused(client, reply, fault);
        return;
    }
    set_times(client, &grant, now, wall);
    client->grant = grant;
    memcpy(client->server_mac, mac, sizeof client->server_mac);
    client->has_server_mac = true;
    if (client->phase == ARCI_DHCP_PHASE_RENEWING || client->phase == ARCI_DHCP_PHASE_REBINDING)
        arci_dhcp_client_bind(client);
    else
        arci_dhcp_client_check(client);
}

/* RFC 2131 section 3.1: begin anew; a server that goes on refusing is asked more and more seldom. */
static void take_nak(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply, int64_t now)
{
    bool one_asked = client->phase == ARCI_DHCP_PHASE_REQUESTING || client->phase == ARCI_DHCP_PHASE_RENEWING;
    struct arctic_address server = arci_ipv4_address(reply->server);
    if (one_asked && !is_from_its_server(client, reply))
        return;
    unsigned doublings = client->refusals < REFUSAL_DOUBLINGS ? client->refusals : REFUSAL_DOUBLINGS;
    client->refusals++;
    client->hint = 0;
    bool says = reply->comment[0] != '\0';
    arci_dhcp_client_tell(client, "%s refuses %s to %s%s%s%s: asking for another address",
                          arci_dhcp_text_of(&server).text,
                          arci_dhcp_text_of(&client->grant.lease.address).text, client->interface,
                          says ? " (" : "", reply->comment, says ? ")" : "");
    arci_dhcp_client_start_anew(
        client, (ARCI_DHCP_SECOND << doublings) - arci_dhcp_client_chance(client, REFUSAL_SCATTER_MS), now);
}

void arci_dhcp_client_receive(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply,
                              const uint8_t mac[6], int64_t now, int64_t wall)
{
    if (!is_for(client, reply))
        return;
    switch (client->phase) {
    case ARCI_DHCP_PHASE_SELECTING:
        if (reply->type == ARCI_DHCP_OFFER)
            take_offer(client, reply, now);
        break;
    case ARCI_DHCP_PHASE_REQUESTING:
    case ARCI_DHCP_PHASE_REBOOTING:
    case ARCI_DHCP_PHASE_RENEWING:
    case ARCI_DHCP_PHASE_REBINDING:
        if (reply->type == ARCI_DHCP_ACK)
            take_ack(client, reply, mac, now, wall);
        else if (reply->type == ARCI_DHCP_NAK)
            take_nak(client, reply, now);
        break;
    case ARCI_DHCP_PHASE_INIT:
    case ARCI_DHCP_PHASE_CHECKING:
    case ARCI_DHCP_PHASE_BOUND:
    case ARCI_DHCP_PHASE_DECLINED:
    case ARCI_DHCP_PHASE_RELEASED:
        break;
    }
}
