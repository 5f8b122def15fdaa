/* Services: names of their choices, and the rules that span their members. */
#include "model/service.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"

void arci_service_release(struct arci_service *service)
{
    arci_routes_release(&service->routes);
}

int arci_service_copy(const struct arci_service *service, struct arci_service *ret_copy,
                      struct arctic_error *error)
{
    struct arci_service copy = *service;
    int code = arci_routes_copy(&service->routes, &copy.routes, error);
    if (code < 0)
        return code;
    *ret_copy = copy;
    return ARCTIC_OK;
}

static const char *const transport_names[] = {"tcp", "kcp", "auto", NULL};
static const char *const when_unreachable_names[] = {"step_aside", "block", NULL};

/* -1 where there is none. */
static int index_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *arci_transport_name(enum arci_transport_type transport)
{
    return transport_names[transport];
}

int arci_transport_parse(const char *name, enum arci_transport_type *ret_transport,
                         struct arctic_error *error)
{
    int index = index_of(transport_names, name);
    if (index < 0)
        return arci_fail(error, ARCTIC_E_INVALID_TRANSPORT, "transport_type",
                         "'%.60s' is no transport, expected tcp, kcp or auto", name);
    *ret_transport = (enum arci_transport_type)index;
    return ARCTIC_OK;
}

const char *arci_when_unreachable_name(enum arci_when_unreachable choice)
{
    return when_unreachable_names[choice];
}

int arci_when_unreachable_parse(const char *name, enum arci_when_unreachable *ret_choice,
                                struct arctic_error *error)
{
    int index = index_of(when_unreachable_names, name);
    if (index < 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "when_unreachable",
                         "'when_unreachable' must be step_aside or block, not '%.60s'", name);
    *ret_choice = (enum arci_when_unreachable)index;
    return ARCTIC_OK;
}

const char *arci_service_state_name(enum arci_service_state state)
{
    static const char *const names[] = {"pending", "active", "degraded", "error"};
    return names[state];
}

/* Whether all bits of an address after `length` are `value` (0 or 1). */
static bool host_bits_are(const struct arctic_cidr *cidr, unsigned value)
{
    size_t bits = arci_address_size(cidr->address.family) * 8;
    for (size_t bit = cidr->length; bit < bits; bit++) {
        unsigned byte = cidr->address.bytes[bit / 8];
        if ((byte >> (7 - bit % 8) & 1u) != value)
            return false;
    }
    return true;
}

static bool multicast_or_loopback(const struct arctic_address *address)
{
    const uint8_t *bytes = address->bytes;
    if (address->family == ARCTIC_FAMILY_IPV4)
        return bytes[0] == 0 || bytes[0] == 127 || bytes[0] >= 224;
    struct arctic_cidr loopback = {.address = {.family = ARCTIC_FAMILY_IPV6, .bytes = {[15] = 1}},
                                   .length = 128};
    return bytes[0] == 0xff || arctic_cidr_contains(&loopback, address);
}

static int check_interface_address(const struct arctic_cidr *cidr, uint8_t family, const char *field,
                                   struct arctic_error *error)
{
    char text[ARCTIC_CIDR_TEXT];
    if (cidr->address.family == ARCTIC_FAMILY_NONE)
        return ARCTIC_OK;
    arctic_cidr_format(cidr, text);
    if (cidr->address.family != family)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field, "'%s' must be an IPv%u address, not %s",
                         field, family, text);
    if (cidr->length == 0 || multicast_or_loopback(&cidr->address))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field,
                         "'%s': %s cannot be the address of an interface", field, text);
    size_t bits = arci_address_size(family) * 8;
    bool has_hosts = cidr->length + 1u < bits;
    if (has_hosts && host_bits_are(cidr, 0))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field,
                         "'%s': %s is the network itself, give the interface one of its addresses", field,
                         text);
    if (has_hosts && family == ARCTIC_FAMILY_IPV4 && host_bits_are(cidr, 1))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field,
                         "'%s': %s is the broadcast address of its network, give another", field, text);
    return ARCTIC_OK;
}

static int check_interface(const struct arci_service *service, struct arctic_error *error)
{
    int code =
        check_interface_address(&service->desired_ipv4, ARCTIC_FAMILY_IPV4, "desired_interface_ipv4", error);
    if (code == ARCTIC_OK)
        code = check_interface_address(&service->desired_ipv6, ARCTIC_FAMILY_IPV6, "desired_interface_ipv6",
                                       error);
    if (code < 0 || service->requires_interface)
        return code;
    const char *field = service->desired_ipv4.address.family   ? "desired_interface_ipv4"
                        : service->desired_ipv6.address.family ? "desired_interface_ipv6"
                                                               : NULL;
    if (field)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field,
                         "'%s' needs requires_interface: true, or has to be cleared", field);
    return ARCTIC_OK;
}

static int check_transparent(const struct arci_service *service, struct arctic_error *error)
{
    if (!service->fully_transparent)
        return ARCTIC_OK;
    if (!service->requires_interface)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "fully_transparent",
                         "'fully_transparent' needs requires_interface: true");
    if (service->transport != ARCI_TRANSPORT_TCP)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "fully_transparent",
                         "'fully_transparent' works with transport_type tcp only, not %s",
                         arci_transport_name(service->transport));
    return ARCTIC_OK;
}

int arci_service_validate(const struct arci_service *service, struct arctic_error *error)
{
    if (service->source_peer_id.text[0] &&
        arctic_id_equal(&service->source_peer_id, &service->target_peer_id))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "target_peer_id",
                         "the target peer must differ from the source peer, both are %s",
                         service->target_peer_id.text);
    int code = check_interface(service, error);
    return code < 0 ? code : check_transparent(service, error);
}
