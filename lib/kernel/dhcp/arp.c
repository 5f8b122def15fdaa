/* Address conflict detection of RFC 5227. */
#include "kernel/dhcp/arp.h"

#include <string.h>

#include "kernel/dhcp/wire.h"

/* RFC 5227 section 1.1; times in its seconds. */
#define PROBE_COUNT 3
#define PROBE_GAP_MIN 1
#define PROBE_GAP_MAX 2
#define ANNOUNCE_WAIT 2
#define ANNOUNCE_COUNT 2
#define ANNOUNCE_GAP 2
#define DEFEND_INTERVAL_MS 10000

#define HARDWARE_ETHERNET 1
#define PROTOCOL_IPV4 0x0800

void arci_arp_build(const struct arci_arp_frame *frame, uint8_t bytes[ARCI_ARP_SIZE])
{
    arci_put_be16(bytes, HARDWARE_ETHERNET);
    arci_put_be16(bytes + 2, PROTOCOL_IPV4);
    bytes[4] = sizeof frame->sender_mac;
    bytes[5] = sizeof frame->sender;
    arci_put_be16(bytes + 6, frame->operation);
    memcpy(bytes + 8, frame->sender_mac, 6);
    arci_put_be32(bytes + 14, frame->sender);
    memcpy(bytes + 18, frame->target_mac, 6);
    arci_put_be32(bytes + 24, frame->target);
}

bool arci_arp_parse(const uint8_t *bytes, size_t length, struct arci_arp_frame *ret_frame)
{
    if (length < ARCI_ARP_SIZE || arci_get_be16(bytes) != HARDWARE_ETHERNET ||
        arci_get_be16(bytes + 2) != PROTOCOL_IPV4 || bytes[4] != 6 || bytes[5] != 4)
        return false;
    struct arci_arp_frame frame = {
        .operation = arci_get_be16(bytes + 6),
        .sender = arci_get_be32(bytes + 14),
        .target = arci_get_be32(bytes + 24),
    };
    memcpy(frame.sender_mac, bytes + 8, 6);
    memcpy(frame.target_mac, bytes + 18, 6);
    *ret_frame = frame;
    return true;
}

void arci_arp_start(struct arci_arp *arp, uint32_t address, const uint8_t mac[6], uint32_t unit,
                    uint32_t chance, int64_t now)
{
    *arp = (struct arci_arp){.phase = ARCI_ARP_PROBING,
                             .address = address,
                             .unit = unit,
                             .next_at = now + chance % (unit + 1),
                             .defended_at = INT64_MIN};
    memcpy(arp->mac, mac, sizeof arp->mac);
}

void arci_arp_stop(struct arci_arp *arp)
{
    *arp = (struct arci_arp){.phase = ARCI_ARP_IDLE};
}

int64_t arci_arp_deadline(const struct arci_arp *arp)
{
    if (arp->phase == ARCI_ARP_IDLE)
        return INT64_MAX;
    return arp->defend ? 0 : arp->next_at;
}

struct arci_arp_frame arci_arp_question(const uint8_t mac[6], uint32_t sender, uint32_t target)
{
    struct arci_arp_frame frame = {.operation = ARCI_ARP_REQUEST, .sender = sender, .target = target};
    memcpy(frame.sender_mac, mac, sizeof frame.sender_mac);
    return frame;
}

/* The sender of a probe is nobody yet (RFC 5227 section 2.1.1), that of an announcement is whom it asks for (2.3). */
static struct arci_arp_frame ask(const struct arci_arp *arp, uint32_t sender)
{
    return arci_arp_question(arp->mac, sender, arp->address);
}

static void probe(struct arci_arp *arp, uint32_t chance, int64_t now, struct arci_arp_frame *ret_frame)
{
    uint32_t spread = (PROBE_GAP_MAX - PROBE_GAP_MIN) * arp->unit;
    *ret_frame = ask(arp, 0);
    arp->sent++;
    arp->next_at = now + (arp->sent < PROBE_COUNT ? PROBE_GAP_MIN * arp->unit + chance % (spread + 1)
                                                  : ANNOUNCE_WAIT * arp->unit);
}

static void announce(struct arci_arp *arp, int64_t now, struct arci_arp_frame *ret_frame)
{
    *ret_frame = ask(arp, arp->address);
    arp->sent++;
    arp->next_at = arp->sent < ANNOUNCE_COUNT ? now + ANNOUNCE_GAP * arp->unit : INT64_MAX;
}

enum arci_arp_event arci_arp_tick(struct arci_arp *arp, uint32_t chance, int64_t now,
                                  struct arci_arp_frame *ret_frame, bool *ret_send)
{
    *ret_send = false;
    if (now < arci_arp_deadline(arp) || arp->phase == ARCI_ARP_IDLE)
        return ARCI_ARP_NOTHING;
    *ret_send = true;
    if (arp->defend) {
        arp->defend = false;
        *ret_frame = ask(arp, arp->address);
        return ARCI_ARP_NOTHING;
    }
    if (arp->phase == ARCI_ARP_PROBING && arp->sent < PROBE_COUNT) {
        probe(arp, chance, now, ret_frame);
        return ARCI_ARP_NOTHING;
    }
    enum arci_arp_event event = ARCI_ARP_NOTHING;
    if (arp->phase == ARCI_ARP_PROBING) {
        arp->phase = ARCI_ARP_WATCHING;
        arp->sent = 0;
        event = ARCI_ARP_FREE;
    }
    announce(arp, now, ret_frame);
    return event;
}

enum arci_arp_event arci_arp_receive(struct arci_arp *arp, const struct arci_arp_frame *frame, int64_t now)
{
    if (arp->phase == ARCI_ARP_IDLE || memcmp(frame->sender_mac, arp->mac, sizeof arp->mac) == 0)
        return ARCI_ARP_NOTHING;
    bool uses = frame->sender == arp->address;
    bool probes = frame->operation == ARCI_ARP_REQUEST && frame->sender == 0 && frame->target == arp->address;
    if (arp->phase == ARCI_ARP_PROBING) {
        if (!uses && !probes)
            return ARCI_ARP_NOTHING;
        arci_arp_stop(arp);
        return ARCI_ARP_TAKEN;
    }
    if (!uses)
        return ARCI_ARP_NOTHING;
    if (arp->defended_at == INT64_MIN || now - arp->defended_at >= DEFEND_INTERVAL_MS) {
        arp->defended_at = now;
        arp->defend = true;
    }
    return ARCI_ARP_CONTESTED;
}
