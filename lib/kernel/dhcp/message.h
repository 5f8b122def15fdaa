/*
 * DHCPv4 messages (RFC 2131 section 2, options of RFC 2132): those that a client sends are built, those that it gets are read. Pure
 * functions over bytes; any thread. IPv4 addresses are numbers in host order here, 0: none.
 */
#ifndef ARCI_KERNEL_DHCP_MESSAGE_H
#define ARCI_KERNEL_DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/dhcp/lease.h"

#define ARCI_DHCP_REQUEST_SIZE 548 /* of a message of ours: what every server takes (RFC 2131 section 2) */
#define ARCI_DHCP_REPLY_MAX 1472   /* of a message to us, and what we say that we take: one Ethernet frame */
#define ARCI_DHCP_IDENTIFIER_SIZE 23 /* see identifier.h */
#define ARCI_DHCP_HOSTNAME_SIZE 64   /* one label and NUL */
#define ARCI_DHCP_TEXT_SIZE 120

enum arci_dhcp_type {
    ARCI_DHCP_DISCOVER = 1,
    ARCI_DHCP_OFFER = 2,
    ARCI_DHCP_REQUEST = 3,
    ARCI_DHCP_DECLINE = 4,
    ARCI_DHCP_ACK = 5,
    ARCI_DHCP_NAK = 6,
    ARCI_DHCP_RELEASE = 7,
};

/* Who a client is, the same in all its messages. */
struct arci_dhcp_self {
    uint8_t mac[6];
    uint8_t identifier[ARCI_DHCP_IDENTIFIER_SIZE];
    char hostname[ARCI_DHCP_HOSTNAME_SIZE]; /* "": not sent */
};

/* What varies between the messages of a client. */
struct arci_dhcp_request {
    enum arci_dhcp_type type;
    uint32_t transaction;
    uint16_t seconds;    /* since the client began to ask */
    bool broadcast;      /* the answer is to be broadcast */
    uint32_t address;    /* ciaddr: ours already */
    uint32_t wanted;     /* option 50 */
    uint32_t server;     /* option 54 */
    const char *comment; /* option 56; NULL: none */
};

/* Returns the length, 300 (RFC 1542 section 2.1) to ARCI_DHCP_REQUEST_SIZE. The comment is cut where it is too long. */
size_t arci_dhcp_request_build(const struct arci_dhcp_self *self, const struct arci_dhcp_request *request,
                               uint8_t bytes[ARCI_DHCP_REQUEST_SIZE]);

/* A server's message, with what a client needs of it. */
struct arci_dhcp_reply {
    uint8_t type; /* OFFER, ACK or NAK */
    uint32_t transaction;
    uint8_t mac[6];                                /* whom it is for */
    uint32_t address;                              /* yiaddr */
    uint32_t server;                               /* never 0 */
    bool has_identifier;                           /* RFC 6842: servers send it back */
    uint8_t identifier[ARCI_DHCP_IDENTIFIER_SIZE]; /* not ours where it has another length: then all zero */
    bool has_mask, has_lease_time, has_renewal_time, has_rebinding_time;
    uint32_t mask, lease_time, renewal_time, rebinding_time; /* seconds, UINT32_MAX: without an end */
    uint32_t routers[ARCI_DHCP_ADDRESSES_MAX];
    size_t router_count;
    uint32_t dns[ARCI_DHCP_ADDRESSES_MAX];
    size_t dns_count;
    char domain[ARCI_DHCP_DOMAIN_SIZE];
    char comment[ARCI_DHCP_TEXT_SIZE]; /* printable ASCII */
};

/*
 * Reads a message to a client from any bytes. False where it is none of a server, or where its form is wrong in something that decides;
 * routers, DNS servers and a domain that make no sense are left out.
 */
bool arci_dhcp_reply_parse(const uint8_t *bytes, size_t length, struct arci_dhcp_reply *ret_reply);

#endif
