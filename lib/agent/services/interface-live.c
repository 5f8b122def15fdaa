/* What is shown of a service's interface, and what it means for the service's state. */
#include <stdio.h>
#include <string.h>

#include "agent/services/interfaces-internal.h"
#include "base/utf8.h"

/* What the operator is told, and how bad it is; "" where all is well. */
struct finding {
    enum arci_service_state state;
    char reason[256];
};

static void find(const struct arci_service *service, const struct arci_service_interface *item,
                 struct finding *ret_finding)
{
    char text[ARCTIC_ADDRESS_TEXT];
    struct finding finding = {.state = ARCI_SERVICE_ACTIVE};
    const struct arci_interface_state *state = item ? &item->state : NULL;
    if (!state || (!state->name[0] && !state->reason[0])) {
        finding.state = ARCI_SERVICE_PENDING;
        snprintf(finding.reason, sizeof finding.reason, "its interface is not made yet");
    } else if (state->reason[0]) {
        /* What its routes take from elsewhere is carried all the same. */
        bool useless = (state->failed || state->ipv6_taken) && service->routes.count == 0;
        finding.state = useless ? ARCI_SERVICE_ERROR : ARCI_SERVICE_DEGRADED;
        memcpy(finding.reason, state->reason, sizeof finding.reason);
    } else if (!service->desired_ipv4.address.family && !service->desired_ipv6.address.family) {
        finding.state = ARCI_SERVICE_PENDING;
        snprintf(finding.reason, sizeof finding.reason,
                 "DHCP is not available in this version: give the interface an address");
    } else if (state->checking_ipv6) {
        finding.state = ARCI_SERVICE_PENDING;
        snprintf(finding.reason, sizeof finding.reason, "checking whether another host has %s",
                 arctic_address_format(&service->desired_ipv6.address, text));
    }
    *ret_finding = finding;
}

/* Of two things that are wrong the worse one is the state, and both are said. */
static void merge(const struct finding *finding, struct arci_service_live *live)
{
    char other[sizeof live->state_reason];
    if (!finding->reason[0] || live->state == ARCI_SERVICE_PENDING || live->state == ARCI_SERVICE_ERROR)
        return;
    memcpy(other, live->state_reason, sizeof other);
    memcpy(live->state_reason, finding->reason, sizeof live->state_reason);
    size_t length = strlen(live->state_reason);
    size_t room = sizeof live->state_reason - length;
    if (live->state == ARCI_SERVICE_DEGRADED && strlen(other) + 3 < room)
        snprintf(live->state_reason + length, room, "; %.*s", (int)room - 3, other);
    arci_utf8_repair(live->state_reason); /* names of links may be any bytes */
    if (live->state == ARCI_SERVICE_ACTIVE || finding->state == ARCI_SERVICE_ERROR)
        live->state = finding->state;
}

void arci_interfaces_live(const struct arctic_agent *agent, const struct arci_service *service,
                          struct arci_service_live *live)
{
    struct finding finding;
    const struct arci_service_interface *item = arci_interfaces_find(agent, &service->id);
    if (!service->requires_interface)
        return;
    if (item && item->state.name[0]) {
        snprintf(live->interface_name, sizeof live->interface_name, "%s", item->state.name);
        arci_mac_format(item->state.mac, live->interface_mac);
        live->actual_ipv4 = item->state.addresses[ARCI_INTERFACE_IPV4];
        live->actual_ipv6 = item->state.addresses[ARCI_INTERFACE_IPV6];
    }
    find(service, item, &finding);
    merge(&finding, live);
}
