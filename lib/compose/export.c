/* A cluster as a document. */
#include <arctic/compose.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "compose/live.h"
#include "compose/routes.h"
#include "compose/scalar.h"

static void put(struct arci_buffer *out, const char *before, const char *text)
{
    arci_buffer_text(out, before);
    arci_scalar_append(out, text);
    arci_buffer_text(out, "\n");
}

/* The agent that answers does not know by which address others reach it; the client does. */
static const char *address_of(const struct arci_live_peer *peer, const struct arctic_client *client)
{
    if (*peer->address)
        return peer->address;
    const char *endpoint = peer->is_local ? arctic_client_endpoint(client) : "";
    const char *found = strstr(endpoint, "://");
    return found ? found + 3 : endpoint;
}

static bool is_listed(const struct arci_live_peer *peer, const struct arctic_client *client)
{
    return !peer->revoked && *peer->name && *address_of(peer, client);
}

static int by_name(const void *a, const void *b)
{
    const struct arci_live_peer *left = a;
    const struct arci_live_peer *right = b;
    return strcmp(left->name, right->name);
}

static int check_names(const struct arci_live *live, const struct arctic_client *client,
                       struct arctic_error *error)
{
    const struct arci_live_peer *last = NULL;
    for (size_t i = 0; i < live->peer_count; i++) {
        const struct arci_live_peer *peer = &live->peers[i];
        if (!is_listed(peer, client))
            continue;
        if (last && strcmp(last->name, peer->name) == 0)
            return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, NULL,
                             "the peers %s and %s are both named '%s': rename one (arctic peers update)",
                             last->id.text, peer->id.text, peer->name);
        last = peer;
    }
    return ARCTIC_OK;
}

static void write_peers(const struct arci_live *live, const struct arctic_client *client,
                        struct arci_buffer *out)
{
    arci_buffer_text(out, "\npeers:\n");
    for (size_t i = 0; i < live->peer_count; i++) {
        const struct arci_live_peer *peer = &live->peers[i];
        if (!is_listed(peer, client))
            continue;
        put(out, "  - name: ", peer->name);
        arci_buffer_text(out, "    address: ");
        arci_scalar_append_quoted(out, address_of(peer, client));
        arci_buffer_text(out, "\n");
    }
}

static void put_cidr(struct arci_buffer *out, const char *before, const struct arctic_cidr *cidr)
{
    char text[ARCTIC_CIDR_TEXT];
    if (cidr->address.family == ARCTIC_FAMILY_NONE)
        return;
    arci_buffer_text(out, before);
    arci_scalar_append(out, arctic_cidr_format(cidr, text));
}

static void write_interface(const struct arci_service *service, struct arci_buffer *out)
{
    if (!service->requires_interface)
        return;
    arci_buffer_text(out, "    interface: {enabled: true");
    put_cidr(out, ", ipv4: ", &service->desired_ipv4);
    put_cidr(out, ", ipv6: ", &service->desired_ipv6);
    arci_buffer_text(out, "}\n");
}

static void write_qos(const struct arci_service *service, struct arci_buffer *out)
{
    const struct arci_qos *qos = &service->qos;
    const char *separator = "";
    if (qos->bandwidth_limit_mbps == 0 && qos->rtt_ms == 0 && qos->memory_limit_kb == 0)
        return;
    const struct {
        const char *name;
        int64_t value;
    } members[] = {{"bandwidth_limit_mbps", qos->bandwidth_limit_mbps},
                   {"rtt_ms", qos->rtt_ms},
                   {"memory_limit_kb", qos->memory_limit_kb}};
    arci_buffer_text(out, "    qos: {");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i].value == 0)
            continue;
        arci_buffer_format(out, "%s%s: %lld", separator, members[i].name, (long long)members[i].value);
        separator = ", ";
    }
    arci_buffer_text(out, "}\n");
}

static void write_route(const struct arci_route *route, struct arci_buffer *out)
{
    bool both = route->source.address.family != ARCTIC_FAMILY_NONE &&
                route->destination.address.family != ARCTIC_FAMILY_NONE;
    arci_buffer_text(out, "      - {");
    put_cidr(out, "source_cidr: ", &route->source);
    put_cidr(out, both ? ", dest_cidr: " : "dest_cidr: ", &route->destination);
    arci_buffer_format(out, ", priority: %d}\n", route->priority);
}

/* A rule that the cluster holds twice is one rule. */
static int write_routes(const struct arci_routes *routes, struct arci_buffer *out, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_routes_release) struct arci_routes unique = {0};
    int code = arci_routes_unique(routes, &unique, error);
    if (code == ARCTIC_OK && unique.count > 0)
        arci_buffer_text(out, "    routes:\n");
    for (size_t i = 0; i < unique.count; i++)
        write_route(&unique.items[i], out);
    return code;
}

static int write_service(const struct arci_service *service, const char *source, const char *target,
                         struct arci_buffer *out, struct arctic_error *error)
{
    put(out, "  - name: ", service->name);
    put(out, "    source_peer: ", source);
    put(out, "    target_peer: ", target);
    put(out, "    transport_type: ", arci_transport_name(service->transport));
    if (service->fully_transparent)
        arci_buffer_text(out, "    fully_transparent: true\n");
    write_interface(service, out);
    if (service->when_unreachable != ARCI_STEP_ASIDE)
        put(out, "    when_unreachable: ", arci_when_unreachable_name(service->when_unreachable));
    write_qos(service, out);
    return write_routes(&service->routes, out, error);
}

/* What the document cannot hold; NULL: it can. */
static const char *reason_to_leave_out(const struct arci_live *live, const struct arci_service *service,
                                       const struct arctic_client *client)
{
    const struct arci_live_peer *source = arci_live_find_peer(live, &service->source_peer_id);
    const struct arci_live_peer *target = arci_live_find_peer(live, &service->target_peer_id);
    if (!source || !is_listed(source, client))
        return "its source peer is not above";
    if (!target || !is_listed(target, client))
        return "its target peer is not above";
    return service->requires_interface || service->routes.count > 0
               ? NULL
               : "it has neither routes nor an interface";
}

static int write_services(struct arci_live *live, struct arctic_client *client, struct arci_buffer *out,
                          struct arctic_error *error)
{
    int code = ARCTIC_OK;
    bool any = false;
    ARCI_BUFFER left_out = {.limit = 0};
    for (size_t i = 0; i < live->service_count && code == ARCTIC_OK; i++) {
        struct arci_service *service = &live->services[i];
        code = arci_live_read_routes(client, service, error);
        const char *reason = reason_to_leave_out(live, service, client);
        if (reason)
            arci_buffer_format(&left_out, "\n# Left out, since %s: the service '%s'.\n", reason,
                               service->name);
        if (code < 0 || reason)
            continue;
        if (!any)
            arci_buffer_text(out, "\nservices:\n");
        any = true;
        code = write_service(service, arci_live_find_peer(live, &service->source_peer_id)->name,
                             arci_live_find_peer(live, &service->target_peer_id)->name, out, error);
    }
    if (!any)
        arci_buffer_text(out, "\nservices: []\n");
    if (left_out.length > 0)
        arci_buffer_append(out, left_out.data, left_out.length);
    return code;
}

int arctic_compose_export(struct arctic_client *client, char **ret_text, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_live_release) struct arci_live live = {.peers = NULL};
    ARCI_BUFFER out = {.limit = 0};
    if (!client || !ret_text)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "client and ret_text are required");
    int code = arci_live_read(client, &live, error);
    if (code < 0)
        return code;
    qsort(live.peers, live.peer_count, sizeof *live.peers, by_name);
    code = check_names(&live, client, error);
    if (code < 0)
        return code;
    arci_buffer_text(&out,
                     "version: v1\n\n# license: license.json  # for peers that are not bootstrapped yet\n");
    write_peers(&live, client, &out);
    code = write_services(&live, client, &out, error);
    if (code < 0)
        return code;
    *ret_text = arci_buffer_take_text(&out);
    return *ret_text ? ARCTIC_OK : arci_fail_memory(error);
}
