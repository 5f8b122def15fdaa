/*
 * Whether somebody else on the link uses an address (RFC 5227): probes before it is used, announcements when it begins to be, and a watch over
 * it afterwards. Pure: frames and a monotonic clock (milliseconds) in, frames out. Addresses are numbers in host order.
 */
#ifndef ARCI_KERNEL_DHCP_ARP_H
#define ARCI_KERNEL_DHCP_ARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCI_ARP_SIZE 28 /* of a frame for IPv4 over Ethernet, without the Ethernet header (RFC 826) */

struct arci_arp_frame {
    uint16_t operation; /* ARCI_ARP_REQUEST, ARCI_ARP_REPLY or any other */
    uint8_t sender_mac[6];
    uint32_t sender;
    uint8_t target_mac[6];
    uint32_t target;
};

#define ARCI_ARP_REQUEST 1
#define ARCI_ARP_REPLY 2

void arci_arp_build(const struct arci_arp_frame *frame, uint8_t bytes[ARCI_ARP_SIZE]);

/* False where it is not ARP for IPv4 over Ethernet. What follows is padding. */
bool arci_arp_parse(const uint8_t *bytes, size_t length, struct arci_arp_frame *ret_frame);

/* Asks who has `target`: who has it, or knows `sender` already, learns from the question that `sender` is at `mac`. */
struct arci_arp_frame arci_arp_question(const uint8_t mac[6], uint32_t sender, uint32_t target);

enum arci_arp_phase {
    ARCI_ARP_IDLE,
    ARCI_ARP_PROBING,
    ARCI_ARP_WATCHING, /* announced, or about to be */
};

enum arci_arp_event {
    ARCI_ARP_NOTHING,
    ARCI_ARP_FREE,     /* nobody answered: the address may be used; announcements follow */
    ARCI_ARP_TAKEN,    /* found while probing: another host has it, or wants it at this moment */
    ARCI_ARP_CONTESTED /* found while watching */
};

/* Zero is idle. */
struct arci_arp {
    enum arci_arp_phase phase;
    uint32_t address;
    uint8_t mac[6];
    uint32_t unit; /* milliseconds */
    unsigned sent;
    int64_t next_at;     /* INT64_MAX: never */
    int64_t defended_at; /* INT64_MIN: never */
    bool defend;
};

/* Begins to probe. `unit`: milliseconds for the RFC's second. `chance` is any number. */
void arci_arp_start(struct arci_arp *arp, uint32_t address, const uint8_t mac[6], uint32_t unit,
                    uint32_t chance, int64_t now);

void arci_arp_stop(struct arci_arp *arp);

/* When arci_arp_tick() is due; INT64_MAX: never. */
int64_t arci_arp_deadline(const struct arci_arp *arp);

/* Does what is due: gives NOTHING or FREE, and in *ret_send whether *ret_frame is to be broadcast. */
enum arci_arp_event arci_arp_tick(struct arci_arp *arp, uint32_t chance, int64_t now,
                                  struct arci_arp_frame *ret_frame, bool *ret_send);

/*
 * Takes a frame from the link: NOTHING, TAKEN (the probing is over then) or CONTESTED. A contested address is defended by an announcement, the
 * next tick's, once in ten seconds at most, and never given up (RFC 5227 section 2.4 (c)): the server has granted it to us, and giving in would
 * let anybody on the link end a service.
 */
enum arci_arp_event arci_arp_receive(struct arci_arp *arp, const struct arci_arp_frame *frame, int64_t now);

#endif
