/* See interface.h: wishes and what the kernel shows, compared one by one. */
#include "kernel/interface/interface.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/netlink.h>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "kernel/interface/address.h"
#include "kernel/interface/duplicates.h"
#include "kernel/interface/link.h"
#include "kernel/interface/parent.h"
#include "kernel/interface/setting.h"
#include "kernel/interface/parent-setting.h"

struct arci_interfaces {
    struct arctic_log *log;
    struct nl_sock *socket;
    struct arci_parent_settings parents;
    struct arci_repairs repairs;
    struct arci_duplicates duplicates;
    bool idle; /* nothing was wished in the last call, and nothing is left of what was before */
};

/* What others have changed of one kind, found in one call: a parent that goes takes all links along, and that is one event. */
struct damage {
    unsigned count;
    char found[192]; /* the first */
};

/* One call of arci_interfaces_ensure(). */
struct pass {
    struct arci_interfaces *interfaces;
    struct arci_links links;
    const struct arci_link *parent; /* of `links`; NULL: none */
    char no_parent[256];            /* why */
    int64_t wait;           /* milliseconds for which links are not made anew, or put right, once more */
    int64_t addresses_wait; /* the same for addresses */
    struct damage links_damage;
    struct damage addresses_damage;
};

ARCI_DEFINE_CLEANUP(struct nl_sock *, nl_socket_free, socket_cleanup)

static void pass_release(struct pass *pass)
{
    arci_links_release(&pass->links);
}

int arci_interfaces_create(const char *settings_path, struct arctic_log *log,
                           struct arci_interfaces **ret_interfaces, struct arctic_error *error)
{
    ARCI_CLEANUP(socket_cleanup) struct nl_sock *socket = nl_socket_alloc();
    ARCI_CLEANUP(arci_interfaces_cleanup) struct arci_interfaces *interfaces = calloc(1, sizeof *interfaces);
    if (!socket || !interfaces)
        return arci_fail_memory(error);
    int result = nl_connect(socket, NETLINK_ROUTE);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot open a route netlink socket: %s",
                         nl_geterror(result));
    int code = arci_parent_settings_begin(&interfaces->parents, settings_path, log, error);
    if (code < 0)
        return code;
    interfaces->log = log;
    interfaces->repairs.log = log;
    interfaces->socket = arci_steal(socket);
    *ret_interfaces = arci_steal(interfaces);
    return ARCTIC_OK;
}

void arci_interfaces_free(struct arci_interfaces *interfaces)
{
    if (!interfaces)
        return;
    arci_duplicates_rest(&interfaces->duplicates);
    arci_parent_settings_release(&interfaces->parents);
    nl_socket_free(interfaces->socket);
    free(interfaces);
}

const struct arci_repairs *arci_interfaces_repairs(const struct arci_interfaces *interfaces)
{
    return &interfaces->repairs;
}

static void set_failed(struct arci_interface_state *state, const struct arctic_error *error)
{
    state->failed = true;
    snprintf(state->reason, sizeof state->reason, "%.*s", (int)sizeof state->reason - 1, error->message);
}

static bool is_of_service(const struct arci_link *link, const struct arctic_id *service, const uint8_t *mac)
{
    if (!link->macvlan)
        return false;
    bool named = arci_interface_may_be_called(service, link->name);
    bool same_mac = memcmp(link->mac, mac, ARCI_MAC_SIZE) == 0;
    bool aliased = strcmp(link->alias, service->text) == 0;
    return (named && (aliased || same_mac)) || (aliased && same_mac);
}

static const struct arci_link *find_own(const struct arci_links *links,
                                        const struct arci_interface_wish *wish, const uint8_t *mac)
{
    for (size_t i = 0; i < links->count; i++) {
        if (is_of_service(&links->items[i], &wish->service, mac))
            return &links->items[i];
    }
    return NULL;
}

/* A MACVLAN on a MACVLAN sits beside it on what that one sits on (macvlan_common_newlink()). */
static int carrier_index(const struct arci_link *parent)
{
    return parent->macvlan && parent->parent ? parent->parent : parent->index;
}

/* What somebody has made of a link of ours and is not undone while it lives: name and mode; NULL: nothing. A VRF takes no packets away. */
static const char *find_lasting_harm(const struct pass *pass, const struct arci_interface_wish *wish,
                                     const struct arci_link *link)
{
    const struct arci_link *master = arci_links_by_index(&pass->links, link->master);
    if (!arci_interface_may_be_called(&wish->service, link->name))
        return "was renamed by someone";
    if (!link->bridge_mode)
        return "was given another mode by someone";
    return master && !master->vrf ? "was made a port of a bridge or the like by someone" : NULL;
}

/* A parent is for life too. */
static bool is_of_other_parent(const struct pass *pass, const struct arci_link *link)
{
    return pass->parent && link->parent != carrier_index(pass->parent);
}

static int make(struct pass *pass, const struct arci_interface_wish *wish, const uint8_t *mac,
                struct arci_link *ret_link, struct arctic_error *error)
{
    char name[ARCI_INTERFACE_NAME_SIZE] = "";
    char second[ARCI_INTERFACE_NAME_SIZE];
    int code = ARCTIC_E_ALREADY_EXISTS;
    struct nl_sock *socket = pass->interfaces->socket;
    for (unsigned choice = 0; choice < ARCI_INTERFACE_NAMES && code == ARCTIC_E_ALREADY_EXISTS; choice++) {
        arci_interface_name(&wish->service, choice, name);
        code = arci_link_make(socket, name, pass->parent, mac, ret_link, error);
    }
    if (code == ARCTIC_E_ALREADY_EXISTS) {
        memcpy(second, name, sizeof second);
        arci_interface_name(&wish->service, 0, name);
        return arci_fail(
            error, ARCTIC_E_SYSTEM, NULL,
            "interfaces '%s' and '%s' are there already and are not Arctic's: rename or delete one", name,
            second);
    }
    if (code < 0)
        return code;
    arci_log_info(pass->interfaces->log, "netmgr", "the interface of a service is made",
                  ARCI_TEXT("service", wish->service.text), ARCI_TEXT("interface", name),
                  ARCI_TEXT("parent", pass->parent->name));
    return ARCTIC_OK;
}

/* Alias first: it says whose the link is, should the agent be killed. Settings before it is up and packets come. */
static int settle(struct pass *pass, const struct arci_interface_wish *wish, const uint8_t *mac,
                  const struct arci_link *link, bool *ret_changed, struct arctic_error *error)
{
    bool set = false;
    struct arci_link_change change = {.up = !link->up || !link->neighbours};
    const struct arci_link *parent = arci_links_by_index(&pass->links, link->parent);
    const struct arci_link_change alias = {.alias = wish->service.text};
    bool aliased = strcmp(link->alias, wish->service.text) == 0;
    struct nl_sock *socket = pass->interfaces->socket;
    int code = aliased ? ARCTIC_OK : arci_link_change(socket, link, &alias, error);
    if (code >= 0)
        code = arci_interface_settings(link->name, wish->ipv6, &set, error);
    if (code < 0)
        return code;
    if (memcmp(link->mac, mac, ARCI_MAC_SIZE) != 0)
        change.mac = mac;
    if (parent && parent->mtu && parent->mtu != link->mtu)
        change.mtu = parent->mtu;
    *ret_changed = !aliased || (set && wish->ipv6 == wish->ipv6_before) || change.up || change.mac;
    return change.up || change.mac || change.mtu ? arci_link_change(socket, link, &change, error) : ARCTIC_OK;
}

/* But for the MTU, which follows the parent's. */
static bool is_settled(const struct arci_interface_wish *wish, const uint8_t *mac,
                       const struct arci_link *link)
{
    return link->up && link->neighbours && strcmp(link->alias, wish->service.text) == 0 &&
           memcmp(link->mac, mac, ARCI_MAC_SIZE) == 0 &&
           arci_interface_settings_right(link->name, wish->ipv6);
}

/* Without the time that is left: each reason is a line of the log. */
static bool is_held_back(const struct pass *pass, const struct arci_interface_wish *wish,
                         const struct arci_link *link, struct arci_interface_state *state)
{
    if (pass->wait == 0 || !wish->made_before || wish->ipv6 != wish->ipv6_before ||
        is_settled(wish, state->mac, link))
        return false;
    snprintf(
        state->reason, sizeof state->reason,
        "something keeps changing the interface '%s': it is put right within %d s (find the program with "
        "'ip monitor link')",
        link->name, ARCI_REPAIRS_WAIT_MAX_MS / 1000);
    return true;
}

static void note_damage(struct damage *damage, const char *name, const char *what)
{
    if (damage->count++ == 0)
        snprintf(damage->found, sizeof damage->found, "interface %s %s", name, what);
}

static void note_repairs(struct pass *pass, enum arci_repair what, const struct damage *damage)
{
    char found[sizeof damage->found + 64];
    if (damage->count == 0)
        return;
    snprintf(found, sizeof found, damage->count > 1 ? "%s, and %u more" : "%s", damage->found,
             damage->count - 1);
    arci_repairs_note(&pass->interfaces->repairs, what, found,
                      what == ARCI_REPAIR_ADDRESS ? "added again" : "put right", arci_time_monotonic());
}

static void tell_parent(const struct pass *pass, const struct arci_link *link,
                        struct arci_interface_state *state)
{
    const struct arci_link *parent = arci_links_by_index(&pass->links, link->parent);
    parent = parent ? parent : pass->parent;
    state->up = parent && parent->up && parent->carrier;
    snprintf(state->parent, sizeof state->parent, "%s", parent ? parent->name : "");
    state->parent_index = parent ? parent->index : 0;
    if (state->reason[0])
        return;
    if (!pass->parent)
        snprintf(state->reason, sizeof state->reason, "%.200s; '%s' stays on '%s'", pass->no_parent,
                 link->name, state->parent);
    else if (parent && !parent->up)
        snprintf(state->reason, sizeof state->reason,
                 "parent interface '%s' is down: put it up with 'ip link set %s up'", state->parent,
                 state->parent);
    else if (parent && !parent->carrier)
        snprintf(state->reason, sizeof state->reason,
                 "parent interface '%s' has no carrier: look at its cable", state->parent);
}

/* `fresh`: just made, of which everything is to be set. */
static int bring_up(struct pass *pass, const struct arci_interface_wish *wish, const struct arci_link *link,
                    bool fresh, struct arci_interface_state *state, struct arctic_error *error)
{
    bool changed = false;
    bool added = false;
    state->index = link->index;
    memcpy(state->name, link->name, sizeof state->name);
    const struct arci_interface_host host = {pass->interfaces->socket, &pass->links,
                                             &pass->interfaces->duplicates, fresh ? 0 : pass->addresses_wait};
    int code = !fresh && is_held_back(pass, wish, link, state)
                   ? ARCTIC_OK
                   : settle(pass, wish, state->mac, link, &changed, error);
    if (code >= 0 && changed && !fresh && wish->made_before)
        note_damage(&pass->links_damage, link->name, "was changed by someone");
    if (code >= 0)
        code = arci_interface_addresses(&host, link, wish, state, &added, error);
    /* With a link that goes down the kernel takes its IPv6 addresses away: that is one change. */
    if (code >= 0 && added && !fresh && link->up)
        note_damage(&pass->addresses_damage, link->name, "had lost its address");
    return code;
}

static int delete_link(struct pass *pass, const struct arci_link *link, const char *what,
                       struct arctic_error *error)
{
    arci_log_info(pass->interfaces->log, "netmgr", what, ARCI_TEXT("service", link->alias),
                  ARCI_TEXT("interface", link->name));
    return arci_link_delete(pass->interfaces->socket, link, error);
}

/* Without the time that is left: each reason is a line of the log. */
static int fail_held_back(const char *deed, struct arctic_error *error)
{
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL,
                     "something keeps %s the interface: it is made anew within %d s (find the program with "
                     "'ip monitor link')",
                     deed, ARCI_REPAIRS_WAIT_MAX_MS / 1000);
}

/* Deletes a link that can not be what it should be; *link is NULL then. */
static int discard_unfit(struct pass *pass, const struct arci_interface_wish *wish,
                         const struct arci_link **link, struct arctic_error *error)
{
    const struct arci_link *found = *link;
    const char *harm = found ? find_lasting_harm(pass, wish, found) : NULL;
    if (!harm && !(found && is_of_other_parent(pass, found)))
        return ARCTIC_OK;
    if (harm && wish->made_before && pass->wait > 0)
        return fail_held_back("changing", error);
    if (harm && wish->made_before)
        note_damage(&pass->links_damage, found->name, harm);
    *link = NULL;
    return delete_link(pass, found, "the interface of a service has to be made anew", error);
}

static int ensure_one(struct pass *pass, const struct arci_interface_wish *wish,
                      struct arci_interface_state *state, struct arctic_error *error)
{
    struct arci_link made;
    int code = arci_interface_mac(&wish->service, &wish->peer, state->mac, error);
    if (code < 0)
        return code;
    const struct arci_link *link = find_own(&pass->links, wish, state->mac);
    bool gone = !link && wish->made_before;
    code = discard_unfit(pass, wish, &link, error);
    bool fresh = !link;
    if (code >= 0 && !link && !pass->parent)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "%s", pass->no_parent);
    if (gone && pass->wait > 0)
        return fail_held_back("deleting", error);
    if (code >= 0 && !link) {
        code = make(pass, wish, state->mac, &made, error);
        link = &made;
        if (code >= 0 && gone)
            note_damage(&pass->links_damage, link->name, "was deleted by someone, or with its parent");
    }
    if (code >= 0)
        code = bring_up(pass, wish, link, fresh, state, error);
    if (code >= 0)
        tell_parent(pass, link, state);
    return code;
}

static bool is_wished(const struct arctic_id *service, const struct arci_interface_wish *wishes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (arctic_id_equal(&wishes[i].service, service))
            return true;
    }
    return false;
}

/* Goes on after a failure: each link is one less that stays. False where one does. */
static bool remove_unwished(struct pass *pass, const struct arci_interface_wish *wishes, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < pass->links.count; i++) {
        struct arctic_id service;
        struct arctic_error error = {0};
        const struct arci_link *link = &pass->links.items[i];
        if (!link->macvlan || arctic_id_parse(ARCTIC_ID_SERVICE, link->alias, &service, NULL) < 0 ||
            !arci_interface_may_be_called(&service, link->name) || is_wished(&service, wishes, count))
            continue;
        if (delete_link(pass, link, "the interface of a service is removed", &error) >= 0)
            continue;
        all = false;
        arci_log_warn(pass->interfaces->log, "netmgr", "cannot remove the interface of a service",
                      ARCI_TEXT("interface", link->name), ARCI_ERROR(&error));
    }
    return all;
}

/* The MACVLAN that is named as parent hears what its carrier hears, and would answer as well. */
static void hold_parents(struct pass *pass, const struct arci_interface_state *state)
{
    struct arci_interfaces *interfaces = pass->interfaces;
    const struct arci_link *named = pass->parent;
    arci_parent_settings_hold(&interfaces->parents, state->parent_index, state->parent, interfaces->log);
    if (named && named->index != state->parent_index)
        arci_parent_settings_hold(&interfaces->parents, named->index, named->name, interfaces->log);
}

int arci_interfaces_ensure(struct arci_interfaces *interfaces, const char *parent,
                           const struct arci_interface_wish *wishes, size_t count,
                           struct arci_interface_state *ret_states, struct arctic_error *error)
{
    ARCI_CLEANUP(pass_release) struct pass pass = {.interfaces = interfaces};
    /* Hosts may have thousands of links, and most agents no interface to look after. */
    if (count == 0 && interfaces->idle)
        return ARCTIC_OK;
    int code = arci_links_read(interfaces->socket, &pass.links, error);
    if (code < 0)
        return code;
    interfaces->idle = remove_unwished(&pass, wishes, count) && count == 0;
    if (count > 0)
        pass.parent = arci_interface_parent(&pass.links, parent, pass.no_parent, sizeof pass.no_parent);
    int64_t now = arci_time_monotonic();
    pass.wait = arci_repairs_wait(&interfaces->repairs, ARCI_REPAIR_INTERFACE, now);
    pass.addresses_wait = arci_repairs_wait(&interfaces->repairs, ARCI_REPAIR_ADDRESS, now);
    arci_parent_settings_begin_pass(&interfaces->parents);
    arci_duplicates_read(&interfaces->duplicates, &pass.links);
    bool checking = false;
    for (size_t i = 0; i < count; i++) {
        struct arctic_error problem = {0};
        ret_states[i] = (struct arci_interface_state){0};
        if (ensure_one(&pass, &wishes[i], &ret_states[i], &problem) < 0)
            set_failed(&ret_states[i], &problem);
        if (ret_states[i].parent[0] && wishes[i].ipv4)
            hold_parents(&pass, &ret_states[i]);
        checking = checking || ret_states[i].checking_ipv6;
    }
    if (!checking)
        arci_duplicates_rest(&interfaces->duplicates);
    arci_parent_settings_end_pass(&interfaces->parents, interfaces->log);
    note_repairs(&pass, ARCI_REPAIR_INTERFACE, &pass.links_damage);
    note_repairs(&pass, ARCI_REPAIR_ADDRESS, &pass.addresses_damage);
    return ARCTIC_OK;
}
