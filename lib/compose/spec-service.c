/* One service of the file: each member by the model's own rules, then the rules between them. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "compose/spec-read.h"
#include "model/service-read.h"

/* Reads one member into the service as the API would. */
static void read_setting(struct arci_spec_reader *reader, const struct arci_node *node, const char *member,
                         struct arci_service *service)
{
    struct arctic_error error;
    ARCI_JSON *object = node ? arci_spec_member(reader, member, node) : NULL;
    if (object && arci_service_read_settings(object, service, &error) < 0)
        arci_spec_fault(reader, node, &error);
}

static void read_qos(struct arci_spec_reader *reader, const struct arci_node *mapping,
                     struct arci_service *service)
{
    static const char *const keys[] = {"bandwidth_limit_mbps", "rtt_ms", "memory_limit_kb", NULL};
    if (arci_node_is_null(mapping) || !arci_spec_is(reader, mapping, ARCI_NODE_MAPPING))
        return;
    arci_spec_check_keys(reader, mapping, keys);
    for (size_t i = 0; keys[i]; i++) {
        const struct arci_node *node = arci_node_member(mapping, keys[i]);
        struct arctic_error error;
        json_t *member = node ? arci_spec_member(reader, keys[i], node) : NULL;
        if (!member)
            continue;
        ARCI_JSON *object = json_pack("{s:o}", "qos", member);
        if (!object)
            reader->no_memory = true;
        else if (arci_service_read_settings(object, service, &error) < 0)
            arci_spec_fault(reader, node, &error);
    }
}

/* What an address must be is checked also where the interface is off, so that turning it on finds no faults. */
static void read_interface_address(struct arci_spec_reader *reader, const struct arci_node *node,
                                   const char *member, struct arci_service *service)
{
    struct arci_service alone = {.requires_interface = true};
    struct arctic_error error;
    size_t before = reader->faults->count;
    if (!node || arci_node_is_null(node))
        return;
    read_setting(reader, node, member, &alone);
    if (reader->faults->count > before)
        return;
    if (arci_service_validate(&alone, &error) < 0)
        arci_spec_fault(reader, node, &error);
    else if (service->requires_interface)
        read_setting(reader, node, member, service);
}

static void read_interface(struct arci_spec_reader *reader, const struct arci_node *mapping,
                           struct arci_service *service)
{
    static const char *const keys[] = {"enabled", "ipv4", "ipv6", NULL};
    if (arci_node_is_null(mapping) || !arci_spec_is(reader, mapping, ARCI_NODE_MAPPING))
        return;
    arci_spec_check_keys(reader, mapping, keys);
    const struct arci_node *enabled = arci_node_member(mapping, "enabled");
    service->requires_interface = true;
    read_setting(reader, enabled, "requires_interface", service);
    read_interface_address(reader, arci_node_member(mapping, "ipv4"), "desired_interface_ipv4", service);
    read_interface_address(reader, arci_node_member(mapping, "ipv6"), "desired_interface_ipv6", service);
}

static size_t read_peer(struct arci_spec_reader *reader, const struct arci_spec *spec,
                        const struct arci_node *mapping, const char *key)
{
    const struct arci_node *node = arci_spec_required(reader, mapping, key);
    const char *name = node ? arci_spec_text(reader, node) : NULL;
    if (!name)
        return spec->peer_count;
    size_t index = arci_spec_find_peer(spec, name);
    if (index == spec->peer_count)
        arci_faults_add(reader->faults, node->place, "'%s': there is no peer '%.63s' in this file", key,
                        name);
    return index;
}

static void check_peers(struct arci_spec_reader *reader, const struct arci_spec *spec,
                        const struct arci_node *mapping, const struct arci_spec_service *service)
{
    if (service->source < spec->peer_count && service->source == service->target)
        arci_faults_add(reader->faults, arci_node_member(mapping, "target_peer")->place,
                        "source and target are the same peer, '%s'", spec->peers[service->source].name);
}

/* The rules of transparency, without those that were checked already. */
static void check_transparent(struct arci_spec_reader *reader, const struct arci_node *mapping,
                              const struct arci_service *service)
{
    const struct arci_node *node = arci_node_member(mapping, "fully_transparent");
    struct arctic_error error;
    struct arci_service only = {.fully_transparent = service->fully_transparent,
                                .requires_interface = service->requires_interface};
    if (!node || !service->fully_transparent)
        return;
    if (arci_service_validate(&only, &error) < 0)
        arci_spec_fault(reader, node, &error);
    only.requires_interface = true;
    only.transport = service->transport;
    if (arci_service_validate(&only, &error) < 0)
        arci_spec_fault(reader, node, &error);
}

static const struct arci_node *read_name(struct arci_spec_reader *reader, const struct arci_node *mapping,
                                         struct arci_service *service)
{
    const struct arci_node *node = arci_spec_required(reader, mapping, "name");
    read_setting(reader, node, "name", service);
    return node;
}

void arci_spec_read_service(struct arci_spec_reader *reader, const struct arci_spec *spec,
                            const struct arci_node *node, struct arci_spec_service *service)
{
    static const char *const keys[] = {
        "name",      "source_peer",      "target_peer", "transport_type", "fully_transparent",
        "interface", "when_unreachable", "qos",         "routes",         NULL};
    struct arci_service *wish = &service->service;
    const struct arci_node *interface = arci_node_member(node, "interface");
    const struct arci_node *qos = arci_node_member(node, "qos");
    const struct arci_node *routes = arci_node_member(node, "routes");
    service->node = node;
    arci_spec_check_keys(reader, node, keys);
    read_name(reader, node, wish);
    service->source = read_peer(reader, spec, node, "source_peer");
    service->target = read_peer(reader, spec, node, "target_peer");
    check_peers(reader, spec, node, service);
    read_setting(reader, arci_spec_required(reader, node, "transport_type"), "transport_type", wish);
    read_setting(reader, arci_node_member(node, "fully_transparent"), "fully_transparent", wish);
    read_setting(reader, arci_node_member(node, "when_unreachable"), "when_unreachable", wish);
    if (interface)
        read_interface(reader, interface, wish);
    if (qos)
        read_qos(reader, qos, wish);
    check_transparent(reader, node, wish);
    if (routes && !arci_node_is_null(routes) && arci_spec_is(reader, routes, ARCI_NODE_SEQUENCE))
        arci_spec_read_routes(reader, routes, &wish->routes);
    bool without_routes =
        !routes || arci_node_is_null(routes) || (routes->kind == ARCI_NODE_SEQUENCE && !routes->first);
    if (!wish->requires_interface && without_routes)
        arci_faults_add(reader->faults, node->place,
                        "the service takes no traffic: give it at least one route or an enabled interface");
}
