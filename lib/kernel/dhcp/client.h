/*
 * The state machine of a DHCP client (RFC 2131 section 4.4) for one interface. Pure: replies, a monotonic clock (milliseconds) and the wall
 * clock (seconds since 1970) go in; messages to be sent, a deadline and a lease come out. No memory of its own, no sockets, no log. One
 * thread at a time.
 *
 *     INIT -> SELECTING -> REQUESTING -> CHECKING -> BOUND -> RENEWING -> REBINDING -> (lease ends) INIT
 *       ^                      | NAK        | in use   ^          | ACK       | ACK
 *       +----------------------+            v          +----------+-----------+
 *       +------------------------------ DECLINED       RENEWING, REBINDING, REBOOTING: NAK -> INIT
 *     REBOOTING -> (ACK, or silence) CHECKING
 */
#ifndef ARCI_KERNEL_DHCP_CLIENT_H
#define ARCI_KERNEL_DHCP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/dhcp/dhcp.h"
#include "kernel/dhcp/grant.h"
#include "kernel/dhcp/message.h"

enum arci_dhcp_phase {
    ARCI_DHCP_PHASE_INIT,
    ARCI_DHCP_PHASE_SELECTING,
    ARCI_DHCP_PHASE_REQUESTING,
    ARCI_DHCP_PHASE_REBOOTING, /* the RFC's INIT-REBOOT and REBOOTING */
    ARCI_DHCP_PHASE_CHECKING,
    ARCI_DHCP_PHASE_BOUND,
    ARCI_DHCP_PHASE_RENEWING,
    ARCI_DHCP_PHASE_REBINDING,
    ARCI_DHCP_PHASE_DECLINED,
    ARCI_DHCP_PHASE_RELEASED,
};

/* A message that is to be sent: where to, and by which frame. */
struct arci_dhcp_outgoing {
    uint8_t message[ARCI_DHCP_REQUEST_SIZE];
    size_t length;
    uint32_t source; /* 0: none yet */
    uint32_t destination;
    uint8_t mac[6];
};

struct arci_dhcp_client {
    struct arci_dhcp_self self;
    char interface[16]; /* for sentences */
    uint64_t random;
    enum arci_dhcp_phase phase;

    struct arci_dhcp_grant grant; /* offered, then granted; the one that holds where `holds` */
    bool holds;
    uint32_t hint;         /* the address to ask for in DISCOVER; 0: any */
    uint8_t server_mac[6]; /* of the frame that brought the last ACK: the server, or its relay's router */
    bool has_server_mac;

    int64_t next_at;                         /* when the phase goes on by itself; INT64_MAX: it does not */
    int64_t renew_at, rebind_at, expires_at; /* of the grant; INT64_MAX: never */
    int64_t contested_until; /* another host used the address a moment ago; INT64_MAX: none did */

    uint32_t transaction;
    unsigned sent;                /* of the message that is being repeated */
    int64_t asking_since;         /* for the field `secs`, and for sentences */
    int64_t requested_at;         /* durations that an ACK grants count from here */
    unsigned refusals, conflicts; /* one after the other: pauses grow with them */

    struct arci_dhcp_outgoing outgoing;
    bool has_outgoing;
    bool renamed; /* what was sent last has the former host name */
    bool told;    /* `reason` says something that the next repetition is not to hide */
    char reason[ARCI_DHCP_REASON_SIZE];
};

/* Begins in INIT, the first DISCOVER due within a second. `seed`: any number, another one for each client. */
void arci_dhcp_client_init(struct arci_dhcp_client *client, const struct arci_dhcp_self *self,
                           const char *interface, uint64_t seed, int64_t now);

/*
 * After arci_dhcp_client_init(): begins in REBOOTING with an earlier lease, unless that has expired, when only its address is asked for. `wall` is the
 * wall clock at `now`.
 */
void arci_dhcp_client_recall(struct arci_dhcp_client *client, const struct arci_dhcp_lease *former,
                             int64_t now, int64_t wall);

int64_t arci_dhcp_client_deadline(const struct arci_dhcp_client *client);
void arci_dhcp_client_tick(struct arci_dhcp_client *client, int64_t now);

/* Takes a reply; `mac` is the sender of its frame. What is not for this client, or not of this moment, is passed over. */
void arci_dhcp_client_receive(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply,
                              const uint8_t mac[6], int64_t now, int64_t wall);

/* In CHECKING, the outcome: nobody uses the address, or the one with `mac` does. */
void arci_dhcp_client_accept(struct arci_dhcp_client *client, int64_t now);
void arci_dhcp_client_decline(struct arci_dhcp_client *client, const uint8_t mac[6], int64_t now);

/* The same where it is this host itself that has the address, on another interface, which is called `link`. */
void arci_dhcp_client_decline_own(struct arci_dhcp_client *client, const char *link, int64_t now);

/* While a lease holds: the host with `mac` uses the address too. The reason says so for a minute. */
void arci_dhcp_client_contest(struct arci_dhcp_client *client, const uint8_t mac[6], int64_t now);

/*
 * Another host name, "": none. A server that knows the former one is told by a renewal at once (RFC 2131 section 4.4.5 has it at T1, and leaves
 * the moment to the client).
 */
void arci_dhcp_client_rename(struct arci_dhcp_client *client, const char *hostname, int64_t now);

void arci_dhcp_client_release(struct arci_dhcp_client *client);
void arci_dhcp_client_link_changed(struct arci_dhcp_client *client, int64_t now);

/* Takes the message that is to be sent, if there is one: ask after each call above. */
bool arci_dhcp_client_take(struct arci_dhcp_client *client, struct arci_dhcp_outgoing *ret_outgoing);

enum arci_dhcp_state arci_dhcp_client_state(const struct arci_dhcp_client *client);

/* A sentence in place of the present reason, kept over the next repetition. */
void arci_dhcp_client_tell(struct arci_dhcp_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number by chance: 0 .. limit. */
uint32_t arci_dhcp_client_chance(struct arci_dhcp_client *client, uint32_t limit);

#endif
