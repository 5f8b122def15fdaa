/* See address-check.h: the frames of kernel/dhcp/arp.h on the sockets of kernel/dhcp/socket.h. */
#include "kernel/interface/address-check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "kernel/dhcp/arp.h"
#include "kernel/dhcp/socket.h"
#include "kernel/interface/host-address.h"

#define FRAMES_PER_READ 32
#define AGAIN_MS 30000
#define CONTESTED_MS 60000

struct arci_address_check {
    struct arci_arp arp;
    struct arci_dhcp_sockets sockets;
    struct arctic_address wanted;
    char interface[ARCI_INTERFACE_NAME_SIZE];
    uint32_t address; /* `wanted`, host order */
    uint8_t mac[ARCI_MAC_SIZE];
    char holder[64];
    bool in_use;
    uint32_t unit;
    enum arci_address_state state;
    int64_t change_at; /* when TAKEN is looked at again, and CONTESTED is forgotten; INT64_MAX: never */
};

static uint32_t chance(void)
{
    uint32_t number = 0;
    (void)arci_random_bytes(&number, sizeof number, NULL); /* which spreads hosts over a moment, no more */
    return number;
}

static uint32_t to_number(const struct arctic_address *address)
{
    const uint8_t *bytes = address->bytes;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void begin(struct arci_address_check *check, int64_t now)
{
    char name[ARCI_INTERFACE_NAME_SIZE];
    check->state = check->in_use ? ARCI_ADDRESS_FREE : ARCI_ADDRESS_CHECKING;
    check->change_at = INT64_MAX;
    if (!check->in_use && arci_host_has_address(&check->wanted, check->interface, name)) {
        snprintf(check->holder, sizeof check->holder, "this host itself, on '%s'", name);
        check->state = ARCI_ADDRESS_TAKEN;
        check->change_at = now + AGAIN_MS;
        arci_arp_stop(&check->arp);
        return;
    }
    arci_arp_start(&check->arp, check->address, check->mac, check->unit, chance(), now);
}

int arci_address_check_start(const struct arci_address_check_options *options,
                             struct arci_address_check **ret_check, struct arctic_error *error)
{
    if (options->address.family != ARCTIC_FAMILY_IPV4)
        return arci_fail(error, ARCTIC_E_USAGE, "address", "ARP asks for IPv4 addresses");
    ARCI_FREE struct arci_address_check *check = calloc(1, sizeof *check);
    if (!check)
        return arci_fail_memory(error);
    check->wanted = options->address;
    snprintf(check->interface, sizeof check->interface, "%s", options->interface);
    check->address = to_number(&options->address);
    memcpy(check->mac, options->mac, sizeof check->mac);
    check->in_use = options->in_use;
    check->unit = options->unit;
    int code = arci_dhcp_sockets_open((unsigned)options->interface_index, options->interface, &check->sockets,
                                      error);
    if (code < 0)
        return code;
    code = arci_dhcp_sockets_watch(&check->sockets, check->address, error);
    if (code < 0) {
        arci_dhcp_sockets_close(&check->sockets);
        return code;
    }
    begin(check, arci_time_monotonic());
    *ret_check = arci_steal(check);
    return ARCTIC_OK;
}

void arci_address_check_free(struct arci_address_check *check)
{
    if (!check)
        return;
    arci_dhcp_sockets_close(&check->sockets);
    free(check);
}

int arci_address_check_fd(const struct arci_address_check *check)
{
    return check->sockets.poll;
}

int64_t arci_address_check_deadline(const struct arci_address_check *check)
{
    int64_t arp = arci_arp_deadline(&check->arp);
    return arp < check->change_at ? arp : check->change_at;
}

enum arci_address_state arci_address_check_state(const struct arci_address_check *check)
{
    return check->state;
}

const char *arci_address_check_holder(const struct arci_address_check *check)
{
    return check->holder;
}

/* An address that is in use is not given up for whoever claims it: anybody on the link could end a service (RFC 5227 section 2.4 (c)). */
static void take(struct arci_address_check *check, enum arci_arp_event event, const uint8_t *mac, int64_t now)
{
    if (event != ARCI_ARP_TAKEN && event != ARCI_ARP_CONTESTED)
        return;
    arci_mac_format(mac, check->holder);
    check->state = check->in_use ? ARCI_ADDRESS_CONTESTED : ARCI_ADDRESS_TAKEN;
    check->change_at = now + (check->in_use ? CONTESTED_MS : AGAIN_MS);
}

bool arci_address_check_read(struct arci_address_check *check, int64_t now)
{
    struct arci_dhcp_received received;
    struct arci_arp_frame frame;
    enum arci_address_state before = check->state;
    for (int i = 0; i < FRAMES_PER_READ && arci_dhcp_sockets_receive_arp(&check->sockets, &received); i++) {
        if (arci_arp_parse(received.bytes, received.length, &frame))
            take(check, arci_arp_receive(&check->arp, &frame, now), frame.sender_mac, now);
    }
    /* The other socket is for DHCP alone. */
    for (int i = 0; i < FRAMES_PER_READ && arci_dhcp_sockets_receive(&check->sockets, &received); i++)
        continue;
    return check->state != before;
}

bool arci_address_check_tick(struct arci_address_check *check, int64_t now)
{
    struct arci_arp_frame frame;
    bool send = false;
    uint8_t bytes[ARCI_ARP_SIZE];
    enum arci_address_state before = check->state;
    if (now >= check->change_at)
        begin(check, now);
    enum arci_arp_event event = arci_arp_tick(&check->arp, chance(), now, &frame, &send);
    if (send) {
        arci_arp_build(&frame, bytes);
        (void)arci_dhcp_sockets_send_arp(&check->sockets, bytes,
                                         sizeof bytes); /* what is lost is sent once more */
    }
    if (event == ARCI_ARP_FREE) {
        check->in_use = true;
        check->state = check->state == ARCI_ADDRESS_CHECKING ? ARCI_ADDRESS_FREE : check->state;
    }
    return check->state != before;
}
