/* Which records are more than the licence allows. */
#include "agent/license/license-limits.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"

/* The id of the record of a kind that comes after the first `limit` ones of members. */
static void find_first_over(struct arctic_agent *agent, enum arci_record_kind kind, size_t limit,
                            struct arctic_id *ret_id)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    size_t count = 0;
    *ret_id = (struct arctic_id){{0}};
    while ((entry = arci_registry_next_of_members(agent->registry, kind, &cursor))) {
        if (++count <= limit)
            continue;
        *ret_id = entry->record.id;
        return;
    }
}

void arci_license_limits_find(struct arctic_agent *agent, struct arci_license_limits *ret_limits)
{
    const struct arci_license *license = agent->license;
    ret_limits->suspended = arci_license_state_at(license, arci_time_now()) == ARCTIC_LICENSE_SUSPENDED;
    ret_limits->max_nodes = license->max_nodes;
    ret_limits->max_services = license->max_services;
    find_first_over(agent, ARCI_RECORD_PEER, license->max_nodes, &ret_limits->first_node_over);
    find_first_over(agent, ARCI_RECORD_SERVICE, license->max_services, &ret_limits->first_service_over);
}

static bool is_over(const struct arctic_id *first, const struct arctic_id *id)
{
    return first->text[0] && strcmp(id->text, first->text) >= 0;
}

bool arci_license_limits_allow(const struct arci_license_limits *limits, const struct arci_service *service,
                               char *ret_reason, size_t size)
{
    if (limits->suspended)
        snprintf(ret_reason, size,
                 "LICENSE_SUSPENDED: the licence has run out and the service captures nothing, see arctic "
                 "license status");
    else if (is_over(&limits->first_service_over, &service->id))
        snprintf(
            ret_reason, size,
            "SERVICE_LIMIT_EXCEEDED: the licence allows %u services and this is one of the newest beyond "
            "them: delete some, or install a larger licence",
            limits->max_services);
    else if (is_over(&limits->first_node_over, &service->source_peer_id) ||
             is_over(&limits->first_node_over, &service->target_peer_id))
        snprintf(ret_reason, size,
                 "NODE_LIMIT_EXCEEDED: the licence allows %u nodes and a peer of this service is one of the "
                 "newest beyond them: remove some, or install a larger licence",
                 limits->max_nodes);
    else
        return true;
    return false;
}
