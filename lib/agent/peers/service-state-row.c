/* See service-state-row.h. What is read comes from another host: each text is checked, and has the room that it may take. */
#include "agent/peers/service-state-row.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

json_t *arci_service_state_row(const struct arci_service_live *live)
{
    char ipv4[ARCTIC_CIDR_TEXT];
    char ipv6[ARCTIC_CIDR_TEXT];
    ARCI_JSON *row = json_pack("{s:s, s:s}", "state", arci_service_state_name(live->state), "state_reason",
                               live->state_reason);
    if (!row || !live->interface_name[0])
        return arci_steal(row);
    arctic_cidr_format(&live->actual_ipv4, ipv4);
    arctic_cidr_format(&live->actual_ipv6, ipv6);
    ARCI_JSON *interface =
        json_pack("{s:s, s:s, s:s, s:s}", "interface_name", live->interface_name, "interface_mac",
                  live->interface_mac, "actual_interface_ipv4", ipv4, "actual_interface_ipv6", ipv6);
    if (!interface || json_object_update(row, interface) < 0)
        return NULL;
    if (live->lease.held &&
        json_object_set_new(row, "interface_dhcp", arci_service_lease_to_json(&live->lease)) < 0)
        return NULL;
    return arci_steal(row);
}

static bool read_state(const json_t *row, enum arci_service_state *ret_state)
{
    const char *name = json_string_value(json_object_get(row, "state"));
    for (unsigned state = ARCI_SERVICE_PENDING; name && state <= ARCI_SERVICE_ERROR; state++) {
        if (strcmp(name, arci_service_state_name((enum arci_service_state)state)) != 0)
            continue;
        *ret_state = (enum arci_service_state)state;
        return true;
    }
    return false;
}

/* Copies a text that must be there and fit. */
static bool read_text(const json_t *row, const char *member, char *ret_text, size_t size)
{
    const char *text = json_string_value(json_object_get(row, member));
    if (!text || strlen(text) >= size)
        return false;
    memcpy(ret_text, text, strlen(text) + 1);
    arci_utf8_repair(ret_text);
    return true;
}

static bool read_address(const json_t *row, const char *member, uint8_t family, struct arctic_cidr *ret_cidr)
{
    const char *text = json_string_value(json_object_get(row, member));
    struct arctic_cidr cidr = {0};
    if (!text || (text[0] && arctic_cidr_parse_host(text, &cidr, NULL) < 0) ||
        (text[0] && cidr.address.family != family))
        return false;
    *ret_cidr = cidr;
    return true;
}

bool arci_service_state_row_read(const json_t *row, struct arci_service_live *ret_live)
{
    struct arci_service_live live = {0};
    if (!read_state(row, &live.state) ||
        !read_text(row, "state_reason", live.state_reason, sizeof live.state_reason))
        return false;
    if (json_object_get(row, "interface_name") &&
        (!read_text(row, "interface_name", live.interface_name, sizeof live.interface_name) ||
         !read_text(row, "interface_mac", live.interface_mac, sizeof live.interface_mac) ||
         !read_address(row, "actual_interface_ipv4", ARCTIC_FAMILY_IPV4, &live.actual_ipv4) ||
         !read_address(row, "actual_interface_ipv6", ARCTIC_FAMILY_IPV6, &live.actual_ipv6)))
        return false;
    const json_t *lease = json_object_get(row, "interface_dhcp");
    if (lease && !arci_service_lease_from_json(lease, &live.lease))
        return false;
    *ret_live = live;
    return true;
}
