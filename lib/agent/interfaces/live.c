/* What is shown of a service's interface, and what it means for the service's state. */
#include <stdio.h>
#include <string.h>

#include "agent/interfaces/interfaces-internal.h"
#include "base/utf8.h"

/* Of the kernel's word, what is worst. */
static void find_link(const struct arci_service *service, const struct arci_interface_state *state,
                      struct arci_interface_finding *finding)
{
    char text[ARCTIC_ADDRESS_TEXT];
    if (state->reason[0]) {
        finding->state = state->failed || state->ipv6_taken ? ARCI_SERVICE_ERROR : ARCI_SERVICE_DEGRADED;
        memcpy(finding->reason, state->reason, sizeof finding->reason);
    } else if (!state->name[0]) {
        finding->state = ARCI_SERVICE_PENDING;
        snprintf(finding->reason, sizeof finding->reason, "its interface is not made yet");
    } else if (state->checking_ipv6) {
        finding->state = ARCI_SERVICE_PENDING;
        snprintf(finding->reason, sizeof finding->reason, "checking whether another host has %s",
                 arctic_address_format(&service->desired_ipv6.address, text));
    }
}

static void find(const struct arci_service *service, const struct arci_service_interface *item,
                 struct arci_interface_finding *ret_finding)
{
    static const struct arci_interface_state nothing;
    struct arci_interface_finding finding = {.state = ARCI_SERVICE_ACTIVE};
    enum arci_interface_source source = item ? item->source : ARCI_INTERFACE_NO_IPV4;
    find_link(service, item ? &item->state : &nothing, &finding);
    if (!finding.reason[0] && source == ARCI_INTERFACE_DHCP && item->problem[0]) {
        finding.state = ARCI_SERVICE_ERROR;
        memcpy(finding.reason, item->problem, sizeof finding.reason);
    } else if (!finding.reason[0] && source == ARCI_INTERFACE_DHCP) {
        arci_interface_dhcp_find(item, &finding);
    } else if (!finding.reason[0] && source == ARCI_INTERFACE_STATIC) {
        arci_interface_check_find(item, service, &finding);
    }
    /* What its routes take from elsewhere is carried all the same. */
    if (finding.state == ARCI_SERVICE_ERROR && service->routes.count > 0)
        finding.state = ARCI_SERVICE_DEGRADED;
    *ret_finding = finding;
}

/* Of two things that are wrong the worse one is the state, and both are said. */
static void merge(const struct arci_interface_finding *finding, struct arci_service_live *live)
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
    struct arci_interface_finding finding;
    if (!service->requires_interface)
        return;
    const struct arci_service_interface *item = arci_interfaces_find(agent, &service->id);
    if (item && item->state.name[0]) {
        snprintf(live->interface_name, sizeof live->interface_name, "%s", item->state.name);
        arci_mac_format(item->state.mac, live->interface_mac);
        live->actual_ipv4 = item->state.addresses[ARCI_INTERFACE_IPV4];
        live->actual_ipv6 = item->state.addresses[ARCI_INTERFACE_IPV6];
        if (item->source == ARCI_INTERFACE_DHCP && item->has_lease && live->actual_ipv4.address.family)
            arci_interface_dhcp_show(item, &live->lease);
    }
    find(service, item, &finding);
    merge(&finding, live);
}
