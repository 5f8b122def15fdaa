/* Static IPv4 addresses: one is used when nobody else on the link has it. */
#include <stdio.h>

#include "agent/interfaces/interfaces-internal.h"
#include "agent/services/reconcile.h"
#include "base/error.h"

static int64_t deadline(const void *object)
{
    return arci_address_check_deadline(object);
}

static bool read_frames(void *object, int64_t now)
{
    return arci_address_check_read(object, now);
}

static bool tick(void *object, int64_t now)
{
    return arci_address_check_tick(object, now);
}

static bool is_conflict(enum arci_address_state state)
{
    return state == ARCI_ADDRESS_TAKEN || state == ARCI_ADDRESS_CONTESTED;
}

/* Once when it begins and once when it has ended: it is looked at again each 30 s, and anybody on the link can bring it about. */
static void say_conflict(struct arci_service_interface *item)
{
    char address[ARCTIC_ADDRESS_TEXT];
    enum arci_address_state state = arci_address_check_state(item->check);
    if (state == ARCI_ADDRESS_CHECKING || is_conflict(state) == item->said_conflict)
        return;
    item->said_conflict = is_conflict(state);
    arctic_address_format(&item->fixed.address, address);
    if (item->said_conflict)
        arci_log_warn(item->agent->log, "netmgr", "the address of a service's interface is in use elsewhere",
                      ARCI_TEXT("service", item->service.text), ARCI_TEXT("interface", item->state.name),
                      ARCI_TEXT("address", address),
                      ARCI_TEXT("other", arci_address_check_holder(item->check)),
                      ARCI_TEXT("use", state == ARCI_ADDRESS_TAKEN ? "not used here" : "used here as well"));
    else
        arci_log_info(item->agent->log, "netmgr",
                      "the address of a service's interface is not in use elsewhere any more",
                      ARCI_TEXT("service", item->service.text), ARCI_TEXT("interface", item->state.name),
                      ARCI_TEXT("address", address));
}

static void changed(void *context)
{
    struct arci_service_interface *item = context;
    say_conflict(item);
    arci_reconcile_request(item->agent);
}

static const struct arci_interface_watch_calls calls = {deadline, read_frames, tick, changed};

int arci_interface_check_begin(struct arci_service_interface *item, const struct arci_service *service,
                               struct arctic_error *error)
{
    struct arci_address_check_options options = {
        .interface_index = item->state.index,
        .interface = item->state.name,
        .address = service->desired_ipv4.address,
        .in_use = item->has_ipv4,
        .unit = ARCI_INTERFACE_CHECK_UNIT_MS,
    };
    memcpy(options.mac, item->state.mac, sizeof options.mac);
    int code = arci_address_check_start(&options, &item->check, error);
    if (code >= 0)
        code = arci_interface_watch_begin(&item->agent->loop, arci_address_check_fd(item->check), &calls,
                                          item->check, item, &item->watch, error);
    if (code >= 0)
        say_conflict(item);
    return code;
}

void arci_interface_check_wish(const struct arci_service_interface *item, const struct arci_service *service,
                               struct arci_interface_wish *wish)
{
    enum arci_address_state state =
        item->check ? arci_address_check_state(item->check) : ARCI_ADDRESS_CHECKING;
    if (state == ARCI_ADDRESS_TAKEN)
        return;
    wish->addresses[ARCI_INTERFACE_IPV4] = service->desired_ipv4;
    wish->keep_ipv4 = state == ARCI_ADDRESS_CHECKING && !item->has_ipv4 && !item->problem[0];
}

void arci_interface_check_find(const struct arci_service_interface *item, const struct arci_service *service,
                               struct arci_interface_finding *finding)
{
    char address[ARCTIC_ADDRESS_TEXT];
    enum arci_address_state state =
        item->check ? arci_address_check_state(item->check) : ARCI_ADDRESS_CHECKING;
    arctic_address_format(&service->desired_ipv4.address, address);
    if (state == ARCI_ADDRESS_TAKEN || state == ARCI_ADDRESS_CONTESTED) {
        finding->state = state == ARCI_ADDRESS_TAKEN ? ARCI_SERVICE_ERROR : ARCI_SERVICE_DEGRADED;
        snprintf(finding->reason, sizeof finding->reason,
                 "address conflict: %s is in use by %s: give one of them another address", address,
                 arci_address_check_holder(item->check));
    } else if (!item->has_ipv4 && !item->problem[0]) {
        finding->state = ARCI_SERVICE_PENDING;
        snprintf(finding->reason, sizeof finding->reason, "checking whether another host has %s", address);
    }
}
