/* The DHCP client as its user sees it: the state machine, the check by ARP, and the sockets, put together. */
#include "kernel/dhcp/dhcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/time.h"
#include "kernel/dhcp/arp.h"
#include "kernel/dhcp/client.h"
#include "kernel/dhcp/identifier.h"
#include "kernel/dhcp/ipv4.h"
#include "kernel/dhcp/names.h"
#include "kernel/dhcp/socket.h"
#include "kernel/interface/host-address.h"

#define LOG "netmgr"
#define FRAMES_PER_READ 32 /* of each socket: a flood takes turns with the rest of the loop */
#define EVENTS_PER_CALL 8  /* of what follows from one event, which ends by itself after two or three */
#define CHECK_UNIT_DEFAULT 1000

struct arci_dhcp {
    struct arci_dhcp_client client;
    struct arci_arp arp;
    struct arci_dhcp_sockets sockets;
    uint32_t check_unit;
    struct arctic_log *log;
    struct arci_log_limit trouble_limit;
    int send_error; /* of the last message; 0: it left */

    /* What the user was told last. */
    enum arci_dhcp_state state;
    bool holds;
    bool contested;
    struct arci_dhcp_lease lease;
    char reason[ARCI_DHCP_REASON_SIZE];
};

static int check_options(const struct arci_dhcp_options *options, struct arctic_error *error)
{
    if (options->interface_index == 0 || !options->interface || !options->interface[0])
        return arci_fail(error, ARCTIC_E_USAGE, "interface", "DHCP needs an interface with a name");
    if (!options->service)
        return arci_fail(error, ARCTIC_E_USAGE, "service", "DHCP needs the id of a service");
    return ARCTIC_OK;
}

static const char *sent_hostname(const char *hostname)
{
    return hostname && arci_dhcp_is_hostname(hostname) ? hostname : "";
}

static int make_self(const struct arci_dhcp_options *options, struct arci_dhcp_self *ret_self,
                     struct arctic_error *error)
{
    struct arci_dhcp_self self = {0};
    int code = arci_dhcp_identifier(options->service, self.identifier, error);
    if (code < 0)
        return code;
    memcpy(self.mac, options->mac, sizeof self.mac);
    snprintf(self.hostname, sizeof self.hostname, "%s", sent_hostname(options->hostname));
    *ret_self = self;
    return ARCTIC_OK;
}

static void recall(struct arci_dhcp *dhcp, const struct arci_dhcp_lease *former, int64_t now)
{
    const char *fault = arci_dhcp_lease_fault(former);
    if (!fault && arci_dhcp_lease_times_valid(former)) {
        arci_dhcp_client_recall(&dhcp->client, former, now, arci_time_now() / 1000);
        return;
    }
    arci_log_warn(dhcp->log, LOG, "DHCP lease of an earlier run makes no sense, asking for a new one",
                  ARCI_TEXT("interface", dhcp->client.interface),
                  ARCI_TEXT("fault", fault ? fault : "its times are not in order"));
}

int arci_dhcp_start(const struct arci_dhcp_options *options, struct arci_dhcp **ret_dhcp,
                    struct arctic_error *error)
{
    struct arci_dhcp_self self = {0};
    uint64_t seed = 0;
    int code = check_options(options, error);
    if (code == ARCTIC_OK)
        code = make_self(options, &self, error);
    if (code == ARCTIC_OK)
        code = arci_random_bytes(&seed, sizeof seed, error);
    if (code < 0)
        return code;
    ARCI_FREE struct arci_dhcp *dhcp = calloc(1, sizeof *dhcp);
    if (!dhcp)
        return arci_fail_memory(error);
    code = arci_dhcp_sockets_open(options->interface_index, options->interface, &dhcp->sockets, error);
    if (code < 0)
        return code;
    int64_t now = arci_time_monotonic();
    dhcp->log = options->log;
    dhcp->check_unit = options->check_unit ? options->check_unit : CHECK_UNIT_DEFAULT;
    arci_dhcp_client_init(&dhcp->client, &self, options->interface, seed, now);
    if (options->former)
        recall(dhcp, options->former, now);
    dhcp->state = arci_dhcp_client_state(&dhcp->client);
    memcpy(dhcp->reason, dhcp->client.reason, sizeof dhcp->reason);
    *ret_dhcp = arci_steal(dhcp);
    return ARCTIC_OK;
}

void arci_dhcp_free(struct arci_dhcp *dhcp)
{
    if (!dhcp)
        return;
    arci_dhcp_sockets_close(&dhcp->sockets);
    free(dhcp);
}

int arci_dhcp_fd(const struct arci_dhcp *dhcp)
{
    return dhcp->sockets.poll;
}

int64_t arci_dhcp_deadline(const struct arci_dhcp *dhcp)
{
    int64_t client = arci_dhcp_client_deadline(&dhcp->client);
    int64_t arp = arci_arp_deadline(&dhcp->arp);
    return client < arp ? client : arp;
}

enum arci_dhcp_state arci_dhcp_state(const struct arci_dhcp *dhcp)
{
    return dhcp->state;
}

const struct arci_dhcp_lease *arci_dhcp_lease(const struct arci_dhcp *dhcp)
{
    return dhcp->holds ? &dhcp->lease : NULL;
}

const char *arci_dhcp_reason(const struct arci_dhcp *dhcp)
{
    return dhcp->reason;
}

static void send_message(struct arci_dhcp *dhcp, const struct arci_dhcp_outgoing *outgoing)
{
    uint8_t packet[ARCI_DHCP_HEADERS + ARCI_DHCP_REQUEST_SIZE];
    memcpy(packet + ARCI_DHCP_HEADERS, outgoing->message, outgoing->length);
    size_t length = arci_dhcp_packet_wrap(packet, outgoing->length, outgoing->source, outgoing->destination);
    dhcp->send_error = arci_dhcp_sockets_send(&dhcp->sockets, packet, length, outgoing->mac);
}

static void send_arp(struct arci_dhcp *dhcp, const struct arci_arp_frame *frame)
{
    uint8_t bytes[ARCI_ARP_SIZE];
    arci_arp_build(frame, bytes);
    int errnum = arci_dhcp_sockets_send_arp(&dhcp->sockets, bytes, sizeof bytes);
    if (errnum)
        arci_log_debug(dhcp->log, LOG, "cannot send an ARP frame",
                       ARCI_TEXT("interface", dhcp->client.interface), ARCI_TEXT("error", strerror(errnum)));
}

/*
 * The answer to a renewal comes by unicast to the address, and a host answers ARP on every interface for all its addresses (arp_ignore 0, the
 * kernel's default): the server would send to the parent's MAC, where no answer is looked for. A question from this interface tells it, or the router
 * towards it, the right one.
 */
static void introduce(struct arci_dhcp *dhcp, uint32_t address)
{
    const struct arci_dhcp_lease *lease = &dhcp->client.grant.lease;
    uint32_t server = arci_ipv4_number(&lease->server);
    bool on_link = (server ^ address) >> (32 - lease->prefix_length) == 0;
    uint32_t target = on_link || lease->router_count == 0 ? server : arci_ipv4_number(&lease->routers[0]);
    struct arci_arp_frame frame = arci_arp_question(dhcp->client.self.mac, address, target);
    send_arp(dhcp, &frame);
}

static uint32_t chance(struct arci_dhcp *dhcp)
{
    return arci_dhcp_client_chance(&dhcp->client, UINT32_MAX);
}

static void set_filter(struct arci_dhcp *dhcp, uint32_t address)
{
    struct arctic_error error = {0};
    if (arci_dhcp_sockets_watch(&dhcp->sockets, address, &error) < 0)
        arci_log_warn(dhcp->log, LOG, "other users of a DHCP address may not be noticed",
                      ARCI_TEXT("interface", dhcp->client.interface), ARCI_ERROR(&error));
}

/* Probing goes with the client's state: it begins with CHECKING, and the watch after it ends with the lease. */
static void adjust_arp(struct arci_dhcp *dhcp, int64_t now)
{
    const struct arci_dhcp_client *client = &dhcp->client;
    bool checking = client->phase == ARCI_DHCP_PHASE_CHECKING;
    uint32_t address = arci_ipv4_number(&client->grant.lease.address);
    char name[ARCI_INTERFACE_NAME_SIZE];
    if (checking && dhcp->arp.phase != ARCI_ARP_PROBING &&
        arci_host_has_address(&client->grant.lease.address, client->interface, name)) {
        arci_dhcp_client_decline_own(&dhcp->client, name, now);
    } else if (checking && dhcp->arp.phase != ARCI_ARP_PROBING) {
        set_filter(dhcp, address);
        arci_arp_start(&dhcp->arp, address, client->self.mac, dhcp->check_unit, chance(dhcp), now);
    } else if (!checking && !client->holds && dhcp->arp.phase != ARCI_ARP_IDLE) {
        set_filter(dhcp, 0);
        arci_arp_stop(&dhcp->arp);
    }
}

/* Does what is due until nothing is, which includes what follows from it. */
static void drive(struct arci_dhcp *dhcp, int64_t now)
{
    for (int i = 0; i < EVENTS_PER_CALL; i++) {
        struct arci_dhcp_outgoing outgoing;
        struct arci_arp_frame frame;
        bool send = false;
        arci_dhcp_client_tick(&dhcp->client, now);
        bool take = arci_dhcp_client_take(&dhcp->client, &outgoing);
        if (take && outgoing.source != 0)
            introduce(dhcp, outgoing.source);
        if (take)
            send_message(dhcp, &outgoing);
        adjust_arp(dhcp, now);
        if (arci_arp_tick(&dhcp->arp, chance(dhcp), now, &frame, &send) == ARCI_ARP_FREE)
            arci_dhcp_client_accept(&dhcp->client, now);
        if (send)
            send_arp(dhcp, &frame);
        if (!dhcp->client.has_outgoing && now < arci_dhcp_deadline(dhcp))
            return;
    }
}

static const char *state_name(enum arci_dhcp_state state)
{
    static const char *const names[] = {"waiting", "confirming", "checking", "bound", "conflict", "released"};
    return names[state];
}

static const char *event_of(const struct arci_dhcp *dhcp, bool held, int32_t *ret_level)
{
    *ret_level = ARCTIC_LOG_INFO;
    if (dhcp->holds && !held)
        return "DHCP lease obtained";
    if (held && dhcp->state == ARCI_DHCP_RELEASED)
        return "DHCP lease released";
    if (held && !dhcp->holds) {
        *ret_level = ARCTIC_LOG_WARN;
        return "DHCP lease lost";
    }
    *ret_level = ARCTIC_LOG_DEBUG;
    return "DHCP goes on";
}

/* An offer or a request was refused, by one side or the other, which anybody on the link can bring about. */
static bool is_trouble(const struct arci_dhcp *dhcp)
{
    return dhcp->client.told && !dhcp->holds && dhcp->state != ARCI_DHCP_CHECKING;
}

static void log_change(struct arci_dhcp *dhcp, bool held, int64_t now)
{
    char address[ARCTIC_ADDRESS_TEXT];
    char server[ARCTIC_ADDRESS_TEXT];
    int64_t suppressed = 0;
    int32_t level = ARCTIC_LOG_DEBUG;
    const char *event = event_of(dhcp, held, &level);
    if (!held && is_trouble(dhcp) && arci_log_allowed(&dhcp->trouble_limit, now, &suppressed)) {
        event = "no DHCP lease yet";
        level = ARCTIC_LOG_WARN;
    }
    arci_log_at(dhcp->log, level, LOG, event, ARCI_TEXT("interface", dhcp->client.interface),
                ARCI_TEXT("state", state_name(dhcp->state)),
                ARCI_TEXT("address", arctic_address_format(&dhcp->lease.address, address)),
                ARCI_TEXT("server", arctic_address_format(&dhcp->lease.server, server)),
                ARCI_TEXT("reason", dhcp->reason), ARCI_INT("suppressed", suppressed));
}

/* When it begins and when it has ended: anybody on the link can bring it about, as often as he likes. */
static void log_contest(struct arci_dhcp *dhcp)
{
    bool contested = dhcp->client.contested_until != INT64_MAX;
    if (contested && !dhcp->contested)
        arci_log_warn(dhcp->log, LOG, "another host uses an address that DHCP has granted to this one",
                      ARCI_TEXT("interface", dhcp->client.interface),
                      ARCI_TEXT("reason", dhcp->client.reason));
    else if (dhcp->contested && !contested && dhcp->client.holds)
        arci_log_info(dhcp->log, LOG, "no other host uses the address that DHCP has granted to this one now",
                      ARCI_TEXT("interface", dhcp->client.interface));
    dhcp->contested = contested;
}

static void write_reason(const struct arci_dhcp *dhcp, char reason[ARCI_DHCP_REASON_SIZE])
{
    if (dhcp->send_error)
        snprintf(reason, ARCI_DHCP_REASON_SIZE, "DHCP cannot send on %s: %s", dhcp->client.interface,
                 strerror(dhcp->send_error));
    else
        snprintf(reason, ARCI_DHCP_REASON_SIZE, "%s", dhcp->client.reason);
}

/* Takes over what the state machine came to; returns whether it differs from what the user knows. */
static bool publish(struct arci_dhcp *dhcp, int64_t now)
{
    const struct arci_dhcp_client *client = &dhcp->client;
    enum arci_dhcp_state state = arci_dhcp_client_state(client);
    char reason[ARCI_DHCP_REASON_SIZE];
    log_contest(dhcp);
    write_reason(dhcp, reason);
    bool held = dhcp->holds;
    bool other_lease =
        held != client->holds || (held && !arci_dhcp_lease_equal(&dhcp->lease, &client->grant.lease));
    if (state == dhcp->state && !other_lease && strcmp(reason, dhcp->reason) == 0)
        return false;
    dhcp->state = state;
    dhcp->holds = client->holds;
    memcpy(dhcp->reason, reason, sizeof reason);
    if (client->holds)
        dhcp->lease = client->grant.lease;
    log_change(dhcp, held, now);
    return true;
}

bool arci_dhcp_tick(struct arci_dhcp *dhcp, int64_t now)
{
    drive(dhcp, now);
    return publish(dhcp, now);
}

static void take_packet(struct arci_dhcp *dhcp, const struct arci_dhcp_received *received, int64_t now)
{
    const uint8_t *message = NULL;
    size_t length = 0;
    struct arci_dhcp_reply reply;
    if (!arci_dhcp_packet_unwrap(received->bytes, received->length, received->check, &message, &length) ||
        !arci_dhcp_reply_parse(message, length, &reply))
        return;
    arci_dhcp_client_receive(&dhcp->client, &reply, received->mac, now, arci_time_now() / 1000);
}

static void take_arp(struct arci_dhcp *dhcp, const struct arci_dhcp_received *received, int64_t now)
{
    struct arci_arp_frame frame;
    if (!arci_arp_parse(received->bytes, received->length, &frame))
        return;
    switch (arci_arp_receive(&dhcp->arp, &frame, now)) {
    case ARCI_ARP_TAKEN:
        set_filter(dhcp, 0);
        arci_dhcp_client_decline(&dhcp->client, frame.sender_mac, now);
        break;
    case ARCI_ARP_CONTESTED:
        arci_dhcp_client_contest(&dhcp->client, frame.sender_mac, now);
        break;
    case ARCI_ARP_NOTHING:
    case ARCI_ARP_FREE:
        break;
    }
}

bool arci_dhcp_read(struct arci_dhcp *dhcp, int64_t now)
{
    struct arci_dhcp_received received;
    for (int i = 0; i < FRAMES_PER_READ && arci_dhcp_sockets_receive(&dhcp->sockets, &received); i++) {
        take_packet(dhcp, &received, now);
        drive(dhcp, now);
    }
    for (int i = 0; i < FRAMES_PER_READ && arci_dhcp_sockets_receive_arp(&dhcp->sockets, &received); i++) {
        take_arp(dhcp, &received, now);
        drive(dhcp, now);
    }
    return publish(dhcp, now);
}

void arci_dhcp_release(struct arci_dhcp *dhcp, int64_t now)
{
    arci_dhcp_client_release(&dhcp->client);
    drive(dhcp, now);
    publish(dhcp, now);
}

void arci_dhcp_link_changed(struct arci_dhcp *dhcp, int64_t now)
{
    arci_dhcp_client_link_changed(&dhcp->client, now);
    drive(dhcp, now);
    publish(dhcp, now);
}

void arci_dhcp_rename(struct arci_dhcp *dhcp, const char *hostname, int64_t now)
{
    arci_dhcp_client_rename(&dhcp->client, sent_hostname(hostname), now);
}
