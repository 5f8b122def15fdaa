/* Leases: what is a plausible one, and their JSON form. */
#include "kernel/dhcp/lease.h"

#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/json.h"
#include "kernel/dhcp/grant.h"
#include "kernel/dhcp/ipv4.h"
#include "kernel/dhcp/names.h"
#include "model/members.h"

#define SECONDS_MAX                                                                                          \
    (INT64_C(1) << 40) /* since 1970, in a lease with an end; as milliseconds they still fit */

static bool same_addresses(const struct arctic_address *a, size_t a_count, const struct arctic_address *b,
                           size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        if (arctic_address_compare(&a[i], &b[i]) != 0)
            return false;
    }
    return a_count == b_count;
}

bool arci_dhcp_lease_equal(const struct arci_dhcp_lease *a, const struct arci_dhcp_lease *b)
{
    return arctic_address_compare(&a->address, &b->address) == 0 && a->prefix_length == b->prefix_length &&
           arctic_address_compare(&a->server, &b->server) == 0 &&
           same_addresses(a->routers, a->router_count, b->routers, b->router_count) &&
           same_addresses(a->dns, a->dns_count, b->dns, b->dns_count) && strcmp(a->domain, b->domain) == 0 &&
           a->expires_at == b->expires_at && a->renew_at == b->renew_at && a->rebind_at == b->rebind_at;
}

/* The first and the last address of a network are nobody's, where it has more than two (RFC 3021). */
static bool is_edge(uint32_t address, uint8_t prefix_length)
{
    if (prefix_length > 30)
        return false;
    uint32_t host_bits = UINT32_MAX >> prefix_length;
    return (address & host_bits) == 0 || (address & host_bits) == host_bits;
}

const char *arci_dhcp_lease_fault(const struct arci_dhcp_lease *lease)
{
    uint32_t address = arci_ipv4_number(&lease->address);
    if (!arci_ipv4_is_host(address))
        return "no host can have this address";
    if (arci_ipv4_is_link_local(address))
        return "a link-local address is nobody's to give";
    if (lease->prefix_length < 1 || lease->prefix_length > 32)
        return "its network would be the whole internet";
    if (is_edge(address, lease->prefix_length))
        return "it is the address of its network, or the broadcast address there";
    if (arctic_address_compare(&lease->address, &lease->server) == 0)
        return "it is the server's own";
    for (size_t i = 0; i < lease->router_count; i++) {
        if (arctic_address_compare(&lease->address, &lease->routers[i]) == 0)
            return "it is the router's own";
    }
    return NULL;
}

/* Renewal and rebinding of a lease without an end are without an end too. */
bool arci_dhcp_lease_times_valid(const struct arci_dhcp_lease *lease)
{
    if (lease->expires_at == ARCI_DHCP_FOREVER)
        return lease->rebind_at == ARCI_DHCP_FOREVER && lease->renew_at == ARCI_DHCP_FOREVER;
    return lease->renew_at >= 0 && lease->renew_at <= lease->rebind_at &&
           lease->rebind_at <= lease->expires_at && lease->expires_at <= SECONDS_MAX;
}

static bool put_address(json_t *object, const char *name, const struct arctic_address *address)
{
    char text[ARCTIC_ADDRESS_TEXT];
    return arci_put_text(object, name, arctic_address_format(address, text));
}

static bool put_addresses(json_t *object, const char *name, const struct arctic_address *addresses,
                          size_t count)
{
    ARCI_JSON *array = json_array();
    for (size_t i = 0; array && i < count; i++) {
        char text[ARCTIC_ADDRESS_TEXT];
        if (json_array_append_new(array, json_string(arctic_address_format(&addresses[i], text))) < 0)
            return false;
    }
    return array && json_object_set(object, name, array) == 0;
}

json_t *arci_dhcp_lease_to_json(const struct arci_dhcp_lease *lease)
{
    ARCI_JSON *object = json_object();
    if (!object || !put_address(object, "address", &lease->address) ||
        !arci_put_integer(object, "prefix_length", lease->prefix_length) ||
        !put_address(object, "server", &lease->server) ||
        !put_addresses(object, "routers", lease->routers, lease->router_count) ||
        !put_addresses(object, "dns", lease->dns, lease->dns_count) ||
        !arci_put_text(object, "domain", lease->domain) ||
        !arci_put_integer(object, "renew_at", lease->renew_at) ||
        !arci_put_integer(object, "rebind_at", lease->rebind_at) ||
        !arci_put_integer(object, "expires_at", lease->expires_at))
        return NULL;
    return arci_steal(object);
}

static int take_address(const char *name, const char *text, struct arctic_address *ret_address,
                        struct arctic_error *error)
{
    if (!text || !arci_address_read(text, ret_address) || !arci_ipv4_is_host(arci_ipv4_number(ret_address)))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "'%.60s' is no IPv4 address of a host",
                         text ? text : "");
    return ARCTIC_OK;
}

static int read_address(const json_t *object, const char *name, struct arctic_address *ret_address,
                        struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, true, &text, error);
    return code < 0 ? code : take_address(name, text, ret_address, error);
}

static int read_addresses(const json_t *object, const char *name,
                          struct arctic_address ret_addresses[ARCI_DHCP_ADDRESSES_MAX], size_t *ret_count,
                          struct arctic_error *error)
{
    const json_t *array = NULL;
    int code = arci_json_array(object, name, true, &array, error);
    size_t count = code < 0 ? 0 : json_array_size(array);
    if (count > ARCI_DHCP_ADDRESSES_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "'%s' has more than %d addresses", name,
                         ARCI_DHCP_ADDRESSES_MAX);
    for (size_t i = 0; code == ARCTIC_OK && i < count; i++)
        code = take_address(name, json_string_value(json_array_get(array, i)), &ret_addresses[i], error);
    *ret_count = count;
    return code;
}

static int read_network(const json_t *object, struct arci_dhcp_lease *lease, struct arctic_error *error)
{
    int64_t length = 0;
    int code = read_address(object, "address", &lease->address, error);
    if (code == ARCTIC_OK)
        code = arci_json_integer(object, "prefix_length", true, 1, 32, &length, error);
    if (code == ARCTIC_OK)
        code = read_address(object, "server", &lease->server, error);
    if (code == ARCTIC_OK)
        code = read_addresses(object, "routers", lease->routers, &lease->router_count, error);
    if (code == ARCTIC_OK)
        code = read_addresses(object, "dns", lease->dns, &lease->dns_count, error);
    if (code == ARCTIC_OK)
        code = arci_json_copy_text(object, "domain", false, lease->domain, sizeof lease->domain, error);
    lease->prefix_length = (uint8_t)length;
    if (code == ARCTIC_OK && !arci_dhcp_is_domain(lease->domain))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "domain", "'%.60s' is no domain", lease->domain);
    return code;
}

static int read_times(const json_t *object, struct arci_dhcp_lease *lease, struct arctic_error *error)
{
    int code = arci_json_integer(object, "expires_at", true, 0, INT64_MAX, &lease->expires_at, error);
    if (code == ARCTIC_OK)
        code = arci_json_integer(object, "rebind_at", true, 0, INT64_MAX, &lease->rebind_at, error);
    if (code == ARCTIC_OK)
        code = arci_json_integer(object, "renew_at", true, 0, INT64_MAX, &lease->renew_at, error);
    if (code == ARCTIC_OK && !arci_dhcp_lease_times_valid(lease))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "expires_at",
                         "the times of the lease are not in order");
    return code;
}

int arci_dhcp_lease_from_json(const json_t *object, struct arci_dhcp_lease *ret_lease,
                              struct arctic_error *error)
{
    struct arci_dhcp_lease lease = {0};
    int code = read_network(object, &lease, error);
    if (code == ARCTIC_OK)
        code = read_times(object, &lease, error);
    if (code < 0)
        return code;
    const char *fault = arci_dhcp_lease_fault(&lease);
    if (fault)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "address", "not an address to be leased: %s",
                         fault);
    *ret_lease = lease;
    return ARCTIC_OK;
}
