/* The IPv4 address of an interface over time: who looks after it, for which link and which address. */
#include <stdio.h>
#include <string.h>

#include "agent/interfaces/retire.h"
#include "agent/interfaces/interfaces-internal.h"
#include "base/error.h"

enum arci_interface_source arci_interface_source_of(const struct arci_service *service)
{
    if (service->desired_ipv4.address.family)
        return ARCI_INTERFACE_STATIC;
    return service->desired_ipv6.address.family ? ARCI_INTERFACE_NO_IPV4 : ARCI_INTERFACE_DHCP;
}

void arci_interface_unfollow(struct arci_service_interface *item)
{
    arci_interface_watch_end(item->watch);
    arci_interface_retire(&item->agent->loop, item->check, item->dhcp);
    item->watch = NULL;
    item->check = NULL;
    item->dhcp = NULL;
    item->watched = 0;
    item->problem[0] = '\0';
    item->said_conflict = false;
}

static void begin(struct arci_service_interface *item, const struct arci_service *service)
{
    struct arctic_error error = {0};
    int code = ARCTIC_OK;
    if (item->source == ARCI_INTERFACE_STATIC)
        code = arci_interface_check_begin(item, service, &error);
    else if (item->source == ARCI_INTERFACE_DHCP)
        code = arci_interface_dhcp_begin(item, service, &error);
    if (code >= 0) {
        item->watched = item->state.index;
        return;
    }
    bool known = strcmp(item->said_problem, error.message) == 0;
    arci_interface_unfollow(item);
    if (!known)
        arci_log_warn(
            item->agent->log, "netmgr",
            item->source == ARCI_INTERFACE_DHCP
                ? "cannot ask for a DHCP lease, will try again"
                : "cannot see whether another host has the address of an interface, it is used unseen",
            ARCI_TEXT("service", item->service.text), ARCI_ERROR(&error));
    snprintf(item->said_problem, sizeof item->said_problem, "%.*s", (int)sizeof item->said_problem - 1,
             error.message);
    snprintf(item->problem, sizeof item->problem, "%.*s", (int)sizeof item->problem - 1, error.message);
}

/*
 * A server that does not know an earlier lease is silent about it unless it is authoritative, and silence lets a client go on using it (RFC 2131
 * section 3.2), which is right in the network that it comes from.
 */
static void note_parent(struct arci_service_interface *item)
{
    if (!item->state.parent_index || item->state.parent_index == item->parent)
        return;
    if (item->parent && item->source == ARCI_INTERFACE_DHCP)
        arci_interface_dhcp_forget(item);
    item->parent = item->state.parent_index;
}

/* Nothing is asked over a parent that carries no frames. */
void arci_interface_follow(struct arci_service_interface *item, const struct arci_service *service)
{
    if (item->watch && item->watched != item->state.index)
        arci_interface_unfollow(item);
    note_parent(item);
    if (item->dhcp && item->state.up && !item->was_up)
        arci_interface_dhcp_link_changed(item);
    if (item->dhcp)
        arci_interface_dhcp_rename(item, service);
    item->was_up = item->state.up;
    if (!item->watch && item->state.index && item->state.up)
        begin(item, service);
}
