/* What a DHCP server has said, as the API shows it and peers tell it. */
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "model/service.h"

static json_t *addresses_to_json(const struct arctic_address *addresses, size_t count)
{
    char text[ARCTIC_ADDRESS_TEXT];
    ARCI_JSON *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, json_string(arctic_address_format(&addresses[i], text))) < 0)
            return NULL;
    }
    return arci_steal(list);
}

json_t *arci_service_lease_to_json(const struct arci_service_lease *lease)
{
    char server[ARCTIC_ADDRESS_TEXT];
    char expires_at[ARCI_TIME_TEXT];
    if (!lease->held)
        return json_null();
    arctic_address_format(&lease->server, server);
    json_t *routers = addresses_to_json(lease->routers, lease->router_count);
    json_t *dns = addresses_to_json(lease->dns, lease->dns_count);
    const char *end = lease->expires_at ? arci_time_format(lease->expires_at, expires_at) : NULL;
    /* o takes what it is given, also where the whole fails. */
    return json_pack("{s:s, s:o, s:o, s:s?, s:s?}", "server", server, "routers", routers, "dns", dns,
                     "domain", lease->domain[0] ? lease->domain : NULL, "expires_at", end);
}

static bool read_address(const json_t *value, struct arctic_address *ret_address)
{
    const char *text = json_string_value(value);
    return text && arctic_address_parse(text, ret_address, NULL) >= 0;
}

static bool read_addresses(const json_t *list, struct arctic_address *ret_addresses, size_t *ret_count)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > ARCI_SERVICE_LEASE_ADDRESSES)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_address(json_array_get(list, i), &ret_addresses[i]))
            return false;
    }
    *ret_count = count;
    return true;
}

/* The letters that a client lets into a domain: it goes to terminals. */
static bool read_domain(const json_t *value, char *ret_domain, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const char *text = json_string_value(value);
    if (!text)
        return !value || json_is_null(value);
    size_t length = strlen(text);
    if (length >= size || strspn(text, letters) != length)
        return false;
    memcpy(ret_domain, text, length + 1);
    return true;
}

bool arci_service_lease_from_json(const json_t *object, struct arci_service_lease *ret_lease)
{
    struct arci_service_lease lease = {.held = true};
    const char *expires_at = json_string_value(json_object_get(object, "expires_at"));
    if (!read_address(json_object_get(object, "server"), &lease.server) ||
        !read_addresses(json_object_get(object, "routers"), lease.routers, &lease.router_count) ||
        !read_addresses(json_object_get(object, "dns"), lease.dns, &lease.dns_count) ||
        !read_domain(json_object_get(object, "domain"), lease.domain, sizeof lease.domain) ||
        (expires_at && arci_time_parse(expires_at, &lease.expires_at, NULL) < 0))
        return false;
    *ret_lease = lease;
    return true;
}
