/* See address.h. */
#include "kernel/interface/address.h"

#include <stdio.h>
#include <string.h>
#include <linux/if_addr.h>

#include "base/error.h"
#include "base/time.h"
#include "kernel/repairs.h"

#define IPV6_MTU_MIN 1280u /* RFC 8200 section 5 */

/* Seconds. The kernel rounds up; an address that it took away before the lease ends would seem to have been deleted by someone. */
#define LIFETIME_MORE 5
#define LIFETIME_LESS 1

/* What stands for one address that is wished. */
struct place {
    const struct arci_interface_host *host;
    const struct arci_link *link;
    const struct arctic_cidr *wanted;
    uint8_t family;
    bool again; /* an address that was refused is to be tried again */
    bool taken; /* it was there before: where it is missing, somebody has taken it away */
};

/* What the link has of it. */
struct present {
    const struct arci_link_address *found;  /* as it should be */
    const struct arci_link_address *former; /* IPv4: with another prefix length, until `found` is there */
    bool proven; /* IPv6: it was there with another prefix length, and no other host had it */
};

/* Whether an address on the link is the wanted one as it should be. */
static bool is_wanted(const struct place *place, const struct arci_link_address *address)
{
    return arctic_cidr_equal(&address->cidr, place->wanted) && (address->flags & IFA_F_NOPREFIXROUTE) &&
           !(place->again && (address->flags & IFA_F_DADFAILED));
}

/* In the way: ours and not wanted any more, or the wanted one in another form. */
static bool is_in_the_way(const struct place *place, const struct arci_link_address *address)
{
    return (address->flags & IFA_F_NOPREFIXROUTE) ||
           arctic_address_compare(&address->cidr.address, &place->wanted->address) == 0;
}

/* Made by the kernel when the link came up, as fe80:: addresses are where nobody has asked for one. */
static bool is_the_kernels(const struct arci_link_address *address)
{
    return !address->global && !(address->flags & IFA_F_NOPREFIXROUTE);
}

static int delete_address(const struct place *place, const struct arci_link_address *address,
                          struct arctic_error *error)
{
    return arci_link_delete_address(place->host->socket, place->link, &address->cidr, error);
}

/*
 * Another prefix length is another address to IPv4, and both can be there (__inet_insert_ifa()). To IPv6 it is not: the one has to go before
 * the other comes (inet6_rtm_newaddr()), which is a moment unless it were asked for on the link once more.
 */
static int put_aside(const struct place *place, const struct arci_link_address *address,
                     struct present *present, struct arctic_error *error)
{
    bool same = arctic_address_compare(&address->cidr.address, &place->wanted->address) == 0;
    bool other_length = same && address->cidr.length != place->wanted->length;
    if (other_length && place->family == ARCTIC_FAMILY_IPV4 && !present->former) {
        present->former = address;
        return ARCTIC_OK;
    }
    present->proven = present->proven || (other_length && place->family == ARCTIC_FAMILY_IPV6 &&
                                          !(address->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)));
    return delete_address(place, address, error);
}

static int look_through(const struct place *place, struct present *present, struct arctic_error *error)
{
    const struct arci_links *links = place->host->links;
    for (size_t i = 0; i < links->address_count; i++) {
        const struct arci_link_address *address = &links->addresses[i];
        if (address->index != place->link->index || address->cidr.address.family != place->family ||
            is_the_kernels(address))
            continue;
        if (is_wanted(place, address)) {
            present->found = address;
            continue;
        }
        int code = is_in_the_way(place, address) ? put_aside(place, address, present, error) : ARCTIC_OK;
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

/* Seconds that an address is to have still; 0 where it stays. */
static uint32_t remaining(int64_t ends_at)
{
    if (ends_at == 0)
        return 0;
    int64_t seconds = (ends_at - arci_time_monotonic() + 999) / 1000;
    return seconds < 1 ? 1 : seconds > UINT32_MAX - 1 ? 0 : (uint32_t)seconds;
}

/* A lease was renewed since, or someone has changed it; the kernel counts in whole seconds, and rounds. */
static bool ends_otherwise(const struct arci_link_address *found, uint32_t seconds)
{
    if (seconds == 0 || found->valid == UINT32_MAX)
        return (seconds == 0) != (found->valid == UINT32_MAX);
    int64_t difference = (int64_t)found->valid - (int64_t)seconds;
    return difference < -LIFETIME_LESS || difference > LIFETIME_MORE;
}

static bool is_held_back(const struct place *place, const struct arci_link_address *found)
{
    return !found && place->taken && place->host->wait > 0;
}

/* The kernel ends a leased address by itself, should the agent be killed. *ret_there says whether it is there now. */
static int put(const struct place *place, const struct present *present, size_t slot,
               const struct arci_interface_wish *wish, bool *ret_there, bool *ret_added,
               struct arctic_error *error)
{
    const struct arci_link_address *found = present->found;
    bool ipv4 = slot == ARCI_INTERFACE_IPV4;
    uint32_t seconds = ipv4 ? remaining(wish->ends_at) : 0;
    *ret_there = found != NULL;
    if (!place->wanted->address.family || (!found && ipv4 && wish->keep_ipv4) || is_held_back(place, found) ||
        (found && (!ipv4 || !ends_otherwise(found, seconds))))
        return ARCTIC_OK;
    bool ending = seconds > 0 && seconds <= LIFETIME_LESS;
    *ret_added = *ret_added || (!found && !ending && place->taken);
    *ret_there = true;
    return arci_link_add_address(place->host->socket, place->link, place->wanted, seconds, present->proven,
                                 error);
}

/* What asks on the link asks others' hosts, and finds other services' interfaces: the rest of this host is looked through here. */
static const struct arci_link *find_elsewhere(const struct place *place)
{
    const struct arci_links *links = place->host->links;
    for (size_t i = 0; i < links->address_count; i++) {
        const struct arci_link_address *address = &links->addresses[i];
        bool another_link =
            place->family == ARCTIC_FAMILY_IPV6 && !address->global && address->index != place->link->parent;
        if (address->index == place->link->index || another_link ||
            arctic_address_compare(&address->cidr.address, &place->wanted->address) != 0)
            continue;
        const struct arci_link *other = arci_links_by_index(links, address->index);
        if (other && !arci_link_is_of_service(other))
            return other;
    }
    return NULL;
}

static void tell_elsewhere(const struct place *place, const struct arci_link *other,
                           struct arci_interface_state *state)
{
    char text[ARCTIC_ADDRESS_TEXT];
    if (state->reason[0])
        return;
    snprintf(state->reason, sizeof state->reason,
             "address conflict: %s is in use by this host itself, on '%s': give one of them another address",
             arctic_address_format(&place->wanted->address, text), other->name);
}

static const struct arci_link *find_mac(const struct arci_links *links, const uint8_t *mac)
{
    for (size_t i = 0; i < links->count; i++) {
        if (memcmp(links->items[i].mac, mac, ARCI_MAC_SIZE) == 0)
            return &links->items[i];
    }
    return NULL;
}

static void tell_taken(const struct place *place, struct arci_interface_state *state)
{
    char mac_text[ARCI_MAC_TEXT];
    char text[ARCTIC_ADDRESS_TEXT];
    uint8_t mac[ARCI_MAC_SIZE];
    state->ipv6_taken = true;
    arctic_address_format(&place->wanted->address, text);
    bool heard =
        arci_duplicates_find(place->host->duplicates, place->link->index, &place->wanted->address, mac);
    const struct arci_link *own = heard ? find_mac(place->host->links, mac) : NULL;
    if (own)
        tell_elsewhere(place, own, state);
    else if (heard)
        snprintf(state->reason, sizeof state->reason,
                 "address conflict: %s is in use by %s: give one of them another address", text,
                 arci_mac_format(mac, mac_text));
    else
        snprintf(state->reason, sizeof state->reason,
                 "address conflict: %s is in use by another host on '%s' (which one, 'ip neigh' says after "
                 "a ping from a host there): give one of them another address",
                 text, place->link->name);
}

/* Without the time that is left: each reason is a line of the log. */
static void tell_held_back(const struct place *place, struct arci_interface_state *state)
{
    char text[ARCTIC_ADDRESS_TEXT];
    snprintf(state->reason, sizeof state->reason,
             "something keeps deleting the address %s: it is added again within %d s (find the program with "
             "'ip monitor address')",
             arctic_address_format(&place->wanted->address, text), ARCI_REPAIRS_WAIT_MAX_MS / 1000);
}

static void tell(const struct place *place, const struct present *present, size_t slot,
                 struct arci_interface_state *state)
{
    const struct arci_link_address *found = present->found;
    if (found && (found->flags & IFA_F_DADFAILED)) {
        tell_taken(place, state);
    } else if (slot == ARCI_INTERFACE_IPV6 && !present->proven &&
               (!found || (found->flags & IFA_F_TENTATIVE))) {
        state->checking_ipv6 = true;
    } else {
        state->addresses[slot] = *place->wanted;
    }
}

/* The kernel would only say that the address is no valid one (addrconf_add_dev()). */
static int check_mtu(const struct place *place, struct arctic_error *error)
{
    const struct arci_link *parent = arci_links_by_index(place->host->links, place->link->parent);
    uint32_t mtu = parent ? parent->mtu : place->link->mtu;
    if (mtu >= IPV6_MTU_MIN)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL,
                     "the MTU of '%s' is %u, and IPv6 needs %u at least: raise it, or clear the IPv6 address",
                     parent ? parent->name : place->link->name, mtu, IPV6_MTU_MIN);
}

static int ensure(const struct place *place, size_t slot, const struct arci_interface_wish *wish,
                  struct arci_interface_state *state, bool *ret_added, struct arctic_error *error)
{
    bool there = false;
    struct present present = {0};
    int code = look_through(place, &present, error);
    if (code < 0)
        return code;
    const struct arci_link *elsewhere = place->wanted->address.family ? find_elsewhere(place) : NULL;
    if (elsewhere && !present.found && slot == ARCI_INTERFACE_IPV6) {
        tell_elsewhere(place, elsewhere, state);
        state->ipv6_taken = true;
        return ARCTIC_OK;
    }
    if (slot == ARCI_INTERFACE_IPV6 && place->wanted->address.family)
        code = check_mtu(place, error);
    if (code < 0)
        return code;
    if (slot == ARCI_INTERFACE_IPV6 && place->wanted->address.family && !present.found)
        arci_duplicates_listen(place->host->duplicates);
    code = put(place, &present, slot, wish, &there, ret_added, error);
    if (code >= 0 && there && present.former)
        code = delete_address(place, present.former, error);
    if (code < 0)
        return code;
    bool held_back = is_held_back(place, present.found);
    if (there || held_back)
        state->given[slot] = *place->wanted;
    if (!there && held_back && !state->reason[0])
        tell_held_back(place, state);
    if (!there)
        return ARCTIC_OK;
    tell(place, &present, slot, state);
    /* It was given to the host afterwards. */
    if (elsewhere)
        tell_elsewhere(place, elsewhere, state);
    return ARCTIC_OK;
}

int arci_interface_addresses(const struct arci_interface_host *host, const struct arci_link *link,
                             const struct arci_interface_wish *wish, struct arci_interface_state *state,
                             bool *ret_added, struct arctic_error *error)
{
    static const uint8_t families[] = {ARCTIC_FAMILY_IPV4, ARCTIC_FAMILY_IPV6};
    int code = ARCTIC_OK;
    for (size_t slot = 0; code >= 0 && slot < ARCI_INTERFACE_FAMILIES; slot++) {
        const struct arctic_cidr *wanted = &wish->addresses[slot];
        bool again = slot == ARCI_INTERFACE_IPV6 && wish->try_ipv6;
        const struct place place = {
            .host = host,
            .link = link,
            .wanted = wanted,
            .family = families[slot],
            .again = again,
            .taken = wanted->address.family && !again && arctic_cidr_equal(wanted, &wish->before[slot]),
        };
        code = ensure(&place, slot, wish, state, ret_added, error);
    }
    return code;
}
