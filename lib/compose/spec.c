/* The file as a whole: version, licence, peers, and the services by their names. */
#include "compose/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "compose/spec-read.h"

size_t arci_spec_find_peer(const struct arci_spec *spec, const char *name)
{
    size_t i = 0;
    while (i < spec->peer_count && strcmp(spec->peers[i].name, name) != 0)
        i++;
    return i;
}

static size_t count_items(const struct arci_node *sequence)
{
    size_t count = 0;
    for (const struct arci_node *node = sequence->first; node; node = node->next)
        count++;
    return count;
}

static void read_version(struct arci_spec_reader *reader, const struct arci_node *root)
{
    const struct arci_node *node = arci_spec_required(reader, root, "version");
    if (!node || !arci_spec_is(reader, node, ARCI_NODE_SCALAR))
        return;
    if (strcmp(node->text, "v1") != 0)
        arci_faults_add(reader->faults, node->place,
                        "version '%.40s' is not known here, this is for version v1", node->text);
}

static void read_license(struct arci_spec_reader *reader, const struct arci_node *root,
                         struct arci_spec *spec)
{
    const struct arci_node *node = arci_node_member(root, "license");
    if (!node || arci_node_is_null(node))
        return;
    spec->license = arci_spec_text(reader, node);
    if (spec->license && !*spec->license)
        arci_faults_add(reader->faults, node->place, "'license' must be the path of a licence file");
}

/* --- Peers --- */

static void read_peer_name(struct arci_spec_reader *reader, const struct arci_node *node,
                           struct arci_spec_peer *peer)
{
    struct arctic_error error;
    const char *name = arci_spec_text(reader, node);
    if (name && arci_name_validate(name, "name", &error) < 0)
        arci_spec_fault(reader, node, &error);
    else if (name)
        snprintf(peer->name, sizeof peer->name, "%s", name);
}

static void read_peer_address(struct arci_spec_reader *reader, const struct arci_node *node,
                              struct arci_spec_peer *peer)
{
    struct arci_peer_request request;
    struct arctic_error error;
    ARCI_JSON *object = arci_spec_member(reader, "address", node);
    if (!object)
        return;
    if (arci_peer_request_from_json(object, &request, &error) < 0)
        arci_spec_fault(reader, node, &error);
    else
        memcpy(peer->address, request.address, sizeof peer->address);
}

static void check_peer_unique(struct arci_spec_reader *reader, const struct arci_spec *spec,
                              const struct arci_spec_peer *peer)
{
    for (size_t i = 0; i < spec->peer_count; i++) {
        const struct arci_spec_peer *other = &spec->peers[i];
        if (*peer->name && strcmp(peer->name, other->name) == 0)
            arci_faults_add(reader->faults, arci_node_member(peer->node, "name")->place,
                            "the peer at line %zu is named '%s' already", other->node->place.line + 1,
                            peer->name);
        if (*peer->address && strcmp(peer->address, other->address) == 0)
            arci_faults_add(reader->faults, arci_node_member(peer->node, "address")->place,
                            "the peer at line %zu has the address %s already", other->node->place.line + 1,
                            peer->address);
    }
}

static void read_peer(struct arci_spec_reader *reader, struct arci_spec *spec, const struct arci_node *node)
{
    static const char *const keys[] = {"name", "address", NULL};
    struct arci_spec_peer peer = {.node = node};
    if (!arci_spec_is(reader, node, ARCI_NODE_MAPPING))
        return;
    arci_spec_check_keys(reader, node, keys);
    const struct arci_node *name = arci_spec_required(reader, node, "name");
    const struct arci_node *address = arci_spec_required(reader, node, "address");
    if (name)
        read_peer_name(reader, name, &peer);
    if (address)
        read_peer_address(reader, address, &peer);
    check_peer_unique(reader, spec, &peer);
    spec->peers[spec->peer_count++] = peer;
}

static void read_peers(struct arci_spec_reader *reader, const struct arci_node *root, struct arci_spec *spec)
{
    const struct arci_node *list = arci_spec_required(reader, root, "peers");
    if (!list || !arci_spec_is(reader, list, ARCI_NODE_SEQUENCE))
        return;
    size_t count = count_items(list);
    if (count == 0)
        arci_faults_add(reader->faults, list->place, "'peers' must name at least one peer");
    if (count > ARCI_SPEC_PEERS_MAX) {
        arci_faults_add(reader->faults, list->place, "%zu peers, at most %d are allowed", count,
                        ARCI_SPEC_PEERS_MAX);
        return;
    }
    spec->peers = calloc(count ? count : 1, sizeof *spec->peers);
    if (!spec->peers) {
        reader->no_memory = true;
        return;
    }
    for (const struct arci_node *node = list->first; node; node = node->next)
        read_peer(reader, spec, node);
}

/* --- Services --- */

static int by_name(const void *a, const void *b)
{
    const struct arci_spec_service *left = *(const struct arci_spec_service *const *)a;
    const struct arci_spec_service *right = *(const struct arci_spec_service *const *)b;
    int order = strcmp(left->service.name, right->service.name);
    return order != 0 ? order : (left > right) - (left < right);
}

static void check_services_unique(struct arci_spec_reader *reader, const struct arci_spec *spec)
{
    if (spec->service_count == 0)
        return;
    ARCI_FREE const struct arci_spec_service **order = calloc(spec->service_count, sizeof *order);
    if (!order) {
        reader->no_memory = true;
        return;
    }
    for (size_t i = 0; i < spec->service_count; i++)
        order[i] = &spec->services[i];
    qsort(order, spec->service_count, sizeof *order, by_name);
    for (size_t i = 1; i < spec->service_count; i++) {
        const char *name = order[i]->service.name;
        if (*name && strcmp(name, order[i - 1]->service.name) == 0)
            arci_faults_add(reader->faults, arci_node_member(order[i]->node, "name")->place,
                            "the service at line %zu is named '%s' already",
                            order[i - 1]->node->place.line + 1, name);
    }
}

static void read_services(struct arci_spec_reader *reader, const struct arci_node *root,
                          struct arci_spec *spec)
{
    const struct arci_node *list = arci_node_member(root, "services");
    if (!list || arci_node_is_null(list) || !arci_spec_is(reader, list, ARCI_NODE_SEQUENCE))
        return;
    size_t count = count_items(list);
    if (count > ARCI_SPEC_SERVICES_MAX) {
        arci_faults_add(reader->faults, list->place, "%zu services, at most %d are allowed", count,
                        ARCI_SPEC_SERVICES_MAX);
        return;
    }
    spec->services = calloc(count ? count : 1, sizeof *spec->services);
    if (!spec->services) {
        reader->no_memory = true;
        return;
    }
    for (const struct arci_node *node = list->first; node; node = node->next) {
        if (arci_spec_is(reader, node, ARCI_NODE_MAPPING))
            arci_spec_read_service(reader, spec, node, &spec->services[spec->service_count++]);
    }
    check_services_unique(reader, spec);
}

int arci_spec_read(const struct arci_tree *tree, struct arci_spec *ret_spec, struct arci_faults *faults,
                   struct arctic_error *error)
{
    static const char *const keys[] = {"version", "license", "peers", "services", NULL};
    ARCI_CLEANUP(arci_spec_release) struct arci_spec spec = {.license = NULL};
    struct arci_spec_reader reader = {.faults = faults};
    arci_spec_check_keys(&reader, tree->root, keys);
    read_version(&reader, tree->root);
    read_license(&reader, tree->root, &spec);
    read_peers(&reader, tree->root, &spec);
    read_services(&reader, tree->root, &spec);
    if (reader.no_memory || faults->failed)
        return arci_fail_memory(error);
    *ret_spec = spec;
    spec = (struct arci_spec){.license = NULL};
    return ARCTIC_OK;
}

void arci_spec_release(struct arci_spec *spec)
{
    for (size_t i = 0; i < spec->service_count; i++)
        arci_service_release(&spec->services[i].service);
    free(spec->services);
    free(spec->peers);
    *spec = (struct arci_spec){.license = NULL};
}
