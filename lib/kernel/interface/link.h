/* Links and their addresses as the kernel has them, and the few changes that are made to links of ours. libnl-route underneath. */
#ifndef ARCI_KERNEL_INTERFACE_LINK_H
#define ARCI_KERNEL_INTERFACE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netlink/socket.h>

#include <arctic/address.h>

#include "base/cleanup.h"
#include "kernel/interface/name.h"

struct arci_link {
    int index;
    int parent; /* index of the link beneath, 0: none */
    int master; /* index of the bridge, bond, VRF or the like that it belongs to, 0: none */
    char name[ARCI_INTERFACE_NAME_SIZE];
    char alias[64]; /* cut off where it is longer, which ours never is */
    uint8_t mac[ARCI_MAC_SIZE];
    uint32_t mtu;
    bool ethernet;
    bool macvlan;
    bool bridge_mode; /* of a MACVLAN */
    bool vrf;
    bool up;         /* IFF_UP */
    bool neighbours; /* finds and answers neighbours of both families: IFF_MULTICAST, and not IFF_NOARP */
    bool carrier;    /* IFF_LOWER_UP */
};

struct arci_link_address {
    int index;
    struct arctic_cidr cidr; /* with its host bits */
    uint32_t valid;          /* seconds that it still has; UINT32_MAX: it stays */
    uint32_t flags;          /* IFA_F_* */
    bool global;             /* of global scope */
};

struct arci_links {
    struct arci_link *items;
    size_t count;
    struct arci_link_address *addresses;
    size_t address_count;
};

void arci_links_release(struct arci_links *links);

/* Reads all links and addresses. `*ret_links` is to be released. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_links_read(struct nl_sock *socket, struct arci_links *ret_links, struct arctic_error *error);

/* NULL where there is none. */
const struct arci_link *arci_links_by_index(const struct arci_links *links, int index);
const struct arci_link *arci_links_by_name(const struct arci_links *links, const char *name);

/* Whether it bears a service's id. */
bool arci_link_is_of_service(const struct arci_link *link);

/*
 * Makes a MACVLAN of bridge mode, down and without an alias; *ret_link is as it was made. Errors: ARCTIC_E_ALREADY_EXISTS (name),
 * ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_link_make(struct nl_sock *socket, const char *name, const struct arci_link *parent,
                   const uint8_t mac[ARCI_MAC_SIZE], struct arci_link *ret_link, struct arctic_error *error);

/* Errors: ARCTIC_E_SYSTEM; a link that is gone already is none. */
int arci_link_delete(struct nl_sock *socket, const struct arci_link *link, struct arctic_error *error);

/* What arci_link_change() sets; zero and NULL leave as it is. */
struct arci_link_change {
    const char *alias;
    const uint8_t *mac;
    uint32_t mtu;
    bool up; /* and `neighbours` */
};

/* Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_link_change(struct nl_sock *socket, const struct arci_link *link,
                     const struct arci_link_change *change, struct arctic_error *error);

/*
 * Adds an address without a prefix route, to be gone after `seconds` unless it is added again (0: it stays), or deletes one. `proven`: the
 * kernel is not to ask whether another host has an IPv6 address.
 * Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY; one that is gone already is none.
 */
int arci_link_add_address(struct nl_sock *socket, const struct arci_link *link,
                          const struct arctic_cidr *cidr, uint32_t seconds, bool proven,
                          struct arctic_error *error);
int arci_link_delete_address(struct nl_sock *socket, const struct arci_link *link,
                             const struct arctic_cidr *cidr, struct arctic_error *error);

#endif
