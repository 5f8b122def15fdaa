/* Addresses by DHCP: the client of one interface, and its lease in the store, for the agent's next run. */
#include <stdio.h>
#include <string.h>

#include "agent/interfaces/interfaces-internal.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "kernel/privilege.h"

#define SPACE "lease"

static int64_t deadline(const void *object)
{
    return arci_dhcp_deadline(object);
}

static bool read_messages(void *object, int64_t now)
{
    return arci_dhcp_read(object, now);
}

static bool tick(void *object, int64_t now)
{
    return arci_dhcp_tick(object, now);
}

static void store(const struct arci_service_interface *item, const char *text)
{
    struct arctic_error error = {0};
    if (arci_store_put_note(item->agent->store, SPACE, item->service.text, text, &error) < 0)
        arci_log_warn(item->agent->log, "netmgr", "a DHCP lease is not kept for the agent's next run",
                      ARCI_TEXT("service", item->service.text), ARCI_ERROR(&error));
}

static void store_lease(const struct arci_service_interface *item)
{
    ARCI_JSON *object = arci_dhcp_lease_to_json(&item->lease);
    ARCI_FREE char *text = object ? arci_json_dump(object, JSON_COMPACT) : NULL;
    if (text)
        store(item, text);
}

/* Once for each lease and renewal: the wall clock may be set while the address is in use. */
static void set_end(struct arci_service_interface *item)
{
    int64_t left =
        item->lease.expires_at == ARCI_DHCP_FOREVER ? 0 : item->lease.expires_at * 1000 - arci_time_now();
    item->ends_at =
        item->lease.expires_at == ARCI_DHCP_FOREVER ? 0 : arci_time_monotonic() + (left > 1 ? left : 1);
}

static void changed(void *context)
{
    struct arci_service_interface *item = context;
    const struct arci_dhcp_lease *lease = arci_dhcp_lease(item->dhcp);
    enum arci_dhcp_state state = arci_dhcp_state(item->dhcp);
    bool same = lease && item->has_lease && arci_dhcp_lease_equal(lease, &item->lease);
    if (lease && !same) {
        item->lease = *lease;
        item->has_lease = true;
        set_end(item);
        store_lease(item);
    } else if (!lease && item->has_lease && state != ARCI_DHCP_CONFIRMING && state != ARCI_DHCP_CHECKING) {
        item->has_lease = false;
        item->has_ipv4 = false;
        store(item, NULL);
    }
    arci_reconcile_request(item->agent);
}

static const struct arci_interface_watch_calls calls = {deadline, read_messages, tick, changed};

struct stale {
    struct arctic_agent *agent;
    struct arctic_id id; /* "" where there is none */
};

static int find_stale(void *context, const char *key, const char *value, struct arctic_error *error)
{
    struct stale *stale = context;
    struct arctic_id id;
    (void)value;
    (void)error;
    if (arctic_id_parse(ARCTIC_ID_SERVICE, key, &id, NULL) >= 0 &&
        !arci_registry_find(stale->agent->registry, ARCI_RECORD_SERVICE, &id))
        stale->id = id;
    return ARCTIC_OK;
}

void arci_interface_dhcp_tidy(struct arctic_agent *agent)
{
    struct arctic_error error = {0};
    struct stale stale = {.agent = agent};
    int code = ARCTIC_OK;
    do {
        stale.id = (struct arctic_id){""};
        code = arci_store_each_note(agent->store, SPACE, find_stale, &stale, &error);
        if (code >= 0 && stale.id.text[0])
            code = arci_store_put_note(agent->store, SPACE, stale.id.text, NULL, &error);
    } while (code >= 0 && stale.id.text[0]);
    if (code < 0)
        arci_log_warn(agent->log, "netmgr", "cannot look through the DHCP leases of earlier runs",
                      ARCI_ERROR(&error));
}

void arci_interface_dhcp_load(struct arci_service_interface *item)
{
    ARCI_FREE char *text = NULL;
    ARCI_JSON *object = NULL;
    struct arctic_error error = {0};
    int code = arci_store_get_note(item->agent->store, SPACE, item->service.text, &text, &error);
    if (code < 0 || !text)
        return;
    code = arci_json_parse(text, strlen(text), &object, &error);
    if (code >= 0)
        code = arci_dhcp_lease_from_json(object, &item->lease, &error);
    if (code < 0) {
        arci_log_warn(item->agent->log, "netmgr",
                      "the DHCP lease of an earlier run makes no sense, it is dropped",
                      ARCI_TEXT("service", item->service.text), ARCI_ERROR(&error));
        return;
    }
    item->has_lease =
        item->lease.expires_at == ARCI_DHCP_FOREVER || item->lease.expires_at > arci_time_now() / 1000;
    set_end(item);
}

int arci_interface_dhcp_begin(struct arci_service_interface *item, const struct arci_service *service,
                              struct arctic_error *error)
{
    struct arci_dhcp_options options = {
        .interface_index = (unsigned)item->state.index,
        .interface = item->state.name,
        .service = &item->service,
        .hostname = service->name,
        .former = item->has_lease ? &item->lease : NULL,
        .log = item->agent->log,
        .check_unit = ARCI_INTERFACE_CHECK_UNIT_MS,
    };
    memcpy(options.mac, item->state.mac, sizeof options.mac);
    int code = arci_privilege_check_raw(error);
    if (code >= 0)
        code = arci_dhcp_start(&options, &item->dhcp, error);
    if (code >= 0)
        code = arci_interface_watch_begin(&item->agent->loop, arci_dhcp_fd(item->dhcp), &calls, item->dhcp,
                                          item, &item->watch, error);
    return code;
}

void arci_interface_dhcp_link_changed(struct arci_service_interface *item)
{
    arci_dhcp_link_changed(item->dhcp, arci_time_monotonic());
    arci_interface_watch_again(item->watch);
    changed(item);
}

void arci_interface_dhcp_rename(struct arci_service_interface *item, const struct arci_service *service)
{
    arci_dhcp_rename(item->dhcp, service->name, arci_time_monotonic());
    arci_interface_watch_again(item->watch);
}

void arci_interface_dhcp_forget(struct arci_service_interface *item)
{
    if (!item->has_lease)
        return;
    arci_log_info(item->agent->log, "netmgr",
                  "an interface has another parent: its DHCP lease is not used there",
                  ARCI_TEXT("service", item->service.text), ARCI_TEXT("interface", item->state.name),
                  ARCI_TEXT("parent", item->state.parent));
    store(item, NULL);
    item->has_lease = false;
    item->has_ipv4 = false;
    arci_reconcile_request(item->agent);
}

void arci_interface_dhcp_release(struct arci_service_interface *item)
{
    if (item->dhcp)
        arci_dhcp_release(item->dhcp, arci_time_monotonic());
    if (item->has_lease)
        store(item, NULL);
    item->has_lease = false;
}

void arci_interface_dhcp_wish(const struct arci_service_interface *item, struct arci_interface_wish *wish)
{
    bool holds = item->dhcp && arci_dhcp_lease(item->dhcp);
    if (!item->has_lease)
        return;
    wish->addresses[ARCI_INTERFACE_IPV4] =
        (struct arctic_cidr){item->lease.address, item->lease.prefix_length};
    wish->ends_at = item->ends_at;
    /* One that a server is yet to confirm stays where it is, so that neighbours see no break, and is not given to a fresh link. */
    wish->keep_ipv4 = !holds && !item->has_ipv4;
}

void arci_interface_dhcp_find(const struct arci_service_interface *item,
                              struct arci_interface_finding *finding)
{
    const char *reason = item->dhcp ? arci_dhcp_reason(item->dhcp) : "waiting for a DHCP lease";
    bool conflict = item->dhcp && arci_dhcp_state(item->dhcp) == ARCI_DHCP_CONFLICT;
    bool in_use = item->state.addresses[ARCI_INTERFACE_IPV4].address.family != ARCTIC_FAMILY_NONE;
    if (!reason[0] && in_use)
        return;
    finding->state = in_use ? ARCI_SERVICE_DEGRADED : conflict ? ARCI_SERVICE_ERROR : ARCI_SERVICE_PENDING;
    snprintf(finding->reason, sizeof finding->reason, "%s%.200s", conflict ? "address conflict: " : "",
             reason[0] ? reason : "its DHCP address is being set");
}

void arci_interface_dhcp_show(const struct arci_service_interface *item, struct arci_service_lease *ret_lease)
{
    const struct arci_dhcp_lease *lease = &item->lease;
    struct arci_service_lease shown = {0};
    shown.held = true;
    shown.server = lease->server;
    shown.router_count = lease->router_count;
    shown.dns_count = lease->dns_count;
    memcpy(shown.routers, lease->routers, sizeof lease->routers);
    memcpy(shown.dns, lease->dns, sizeof lease->dns);
    memcpy(shown.domain, lease->domain, sizeof lease->domain);
    shown.expires_at = lease->expires_at == ARCI_DHCP_FOREVER ? 0 : lease->expires_at * 1000;
    *ret_lease = shown;
}
