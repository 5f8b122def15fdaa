/*
 * The DHCP client under anything that the link may bring: packets, ARP frames, silence and time, in any order. The input is a list of steps; a
 * packet's step may put the client's own transaction, MAC and identifier where they belong, since no fuzzer guesses them.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dhcp/arp.h"
#include "kernel/dhcp/client.h"
#include "kernel/dhcp/ipv4.h"
#include "kernel/dhcp/packet.h"
#include "kernel/dhcp/wire.h"
#include "tests/fuzz/fuzz.h"

#define WALL 1700000000

static const struct arci_dhcp_self self = {.mac = {2, 1, 2, 3, 4, 5}, .identifier = {255}, .hostname = "web"};

struct input {
    const uint8_t *data;
    size_t size;
};

struct link {
    struct arci_dhcp_client client;
    struct arci_arp arp;
    int64_t now;
};

static uint8_t take(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

/* What the store would have taken, if anything. */
static void check_lease(const struct arci_dhcp_lease *lease)
{
    struct arci_dhcp_lease again;
    assert(!arci_dhcp_lease_fault(lease) && arci_dhcp_lease_times_valid(lease));
    json_t *object = arci_dhcp_lease_to_json(lease);
    assert(object && arci_dhcp_lease_from_json(object, &again, NULL) == ARCTIC_OK);
    assert(arci_dhcp_lease_equal(lease, &again));
    json_decref(object);
}

static void check(struct link *link)
{
    struct arci_dhcp_outgoing outgoing;
    struct arci_dhcp_client *client = &link->client;
    if (arci_dhcp_client_take(client, &outgoing))
        assert(outgoing.length >= 300 && outgoing.length <= sizeof outgoing.message);
    assert(strnlen(client->reason, sizeof client->reason) < sizeof client->reason);
    assert(!client->holds || client->phase >= ARCI_DHCP_PHASE_REBOOTING);
    assert(client->phase != ARCI_DHCP_PHASE_BOUND || client->holds);
    if (client->holds) {
        assert(client->renew_at <= client->rebind_at && client->rebind_at <= client->expires_at);
        check_lease(&client->grant.lease);
    }
    if (client->phase == ARCI_DHCP_PHASE_CHECKING && link->arp.phase != ARCI_ARP_PROBING)
        arci_arp_start(&link->arp, arci_ipv4_number(&client->grant.lease.address), self.mac, 1000, 7,
                       link->now);
}

/* To the next deadline. Time passes with it: what is due is not due again at once, for ever. */
static void pass(struct link *link)
{
    struct arci_arp_frame frame;
    bool send;
    for (int i = 0;; i++) {
        assert(i < 8);
        int64_t deadline = arci_dhcp_client_deadline(&link->client);
        if (arci_arp_deadline(&link->arp) < deadline)
            deadline = arci_arp_deadline(&link->arp);
        if (i > 0 && deadline > link->now)
            return;
        if (deadline != INT64_MAX && deadline > link->now)
            link->now = deadline;
        if (arci_arp_tick(&link->arp, 3, link->now, &frame, &send) == ARCI_ARP_FREE)
            arci_dhcp_client_accept(&link->client, link->now);
        arci_dhcp_client_tick(&link->client, link->now);
        check(link);
    }
}

static void personalize(uint8_t *message, size_t length, const struct arci_dhcp_client *client)
{
    if (length < ARCI_DHCP_AT_OPTIONS)
        return;
    arci_put_be32(message + ARCI_DHCP_AT_TRANSACTION, client->transaction);
    memcpy(message + ARCI_DHCP_AT_MAC, self.mac, sizeof self.mac);
}

static void read_message(struct link *link, const uint8_t *message, size_t length)
{
    struct arci_dhcp_reply reply;
    if (!arci_dhcp_reply_parse(message, length, &reply))
        return;
    assert(memchr(reply.domain, 0, sizeof reply.domain) && memchr(reply.comment, 0, sizeof reply.comment));
    assert(reply.router_count <= ARCI_DHCP_ADDRESSES_MAX && reply.dns_count <= ARCI_DHCP_ADDRESSES_MAX);
    arci_dhcp_client_receive(&link->client, &reply, self.mac, link->now, WALL + link->now / 1000);
}

/* Two bytes of length and the bytes; on the heap, so that a sanitizer sees a read past the end. */
static uint8_t *take_bytes(struct input *input, size_t *ret_length)
{
    size_t length = (size_t)take(input) << 8 | take(input);
    if (length > input->size)
        length = input->size;
    uint8_t *bytes = malloc(length ? length : 1);
    assert(bytes);
    memcpy(bytes, input->data, length);
    input->data += length;
    input->size -= length;
    *ret_length = length;
    return bytes;
}

static void receive_message(struct link *link, struct input *input)
{
    size_t length;
    uint8_t *bytes = take_bytes(input, &length);
    personalize(bytes, length, &link->client);
    read_message(link, bytes, length);
    free(bytes);
}

static void receive_packet(struct link *link, struct input *input)
{
    size_t length;
    uint8_t *bytes = take_bytes(input, &length);
    const uint8_t *message;
    size_t message_length;
    if (arci_dhcp_packet_unwrap(bytes, length, length % 2, &message, &message_length)) {
        assert(message >= bytes && message + message_length <= bytes + length);
        read_message(link, message, message_length);
    }
    free(bytes);
}

static void receive_arp(struct link *link, struct input *input)
{
    size_t length;
    uint8_t *bytes = take_bytes(input, &length);
    struct arci_arp_frame frame;
    if (arci_arp_parse(bytes, length, &frame)) {
        switch (arci_arp_receive(&link->arp, &frame, link->now)) {
        case ARCI_ARP_TAKEN:
            arci_dhcp_client_decline(&link->client, frame.sender_mac, link->now);
            break;
        case ARCI_ARP_CONTESTED:
            arci_dhcp_client_contest(&link->client, frame.sender_mac, link->now);
            break;
        case ARCI_ARP_NOTHING:
        case ARCI_ARP_FREE:
            break;
        }
    }
    free(bytes);
}

static void recall(struct link *link, struct input *input)
{
    struct arci_dhcp_lease lease;
    size_t length;
    uint8_t *bytes = take_bytes(input, &length);
    json_t *object = json_loadb((const char *)bytes, length, 0, NULL);
    if (object && arci_dhcp_lease_from_json(object, &lease, NULL) == ARCTIC_OK) {
        check_lease(&lease);
        arci_dhcp_client_init(&link->client, &self, "mac0", 1, link->now);
        arci_dhcp_client_recall(&link->client, &lease, link->now, WALL + link->now / 1000);
    }
    json_decref(object);
    free(bytes);
}

static void step(struct link *link, struct input *input)
{
    switch (take(input) % 8) {
    case 0:
    case 1:
        receive_message(link, input);
        break;
    case 2:
        receive_packet(link, input);
        break;
    case 3:
        receive_arp(link, input);
        break;
    case 4:
        pass(link);
        break;
    case 5:
        link->now += take(input) * INT64_C(1000);
        break;
    case 6:
        arci_dhcp_client_link_changed(&link->client, link->now);
        break;
    default:
        recall(link, input);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.data = data, .size = size};
    struct link link = {.now = 1000};
    arci_dhcp_client_init(&link.client, &self, "mac0", 1, link.now);
    while (input.size > 0) {
        step(&link, &input);
        check(&link);
        if (link.client.phase != ARCI_DHCP_PHASE_CHECKING && !link.client.holds)
            arci_arp_stop(&link.arp);
    }
    return 0;
}
