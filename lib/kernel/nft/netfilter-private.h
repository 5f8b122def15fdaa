/* What netfilter.c and contents.c share: a request over its socket, and how what comes back is read. */
#ifndef ARCI_KERNEL_NFT_NETFILTER_PRIVATE_H
#define ARCI_KERNEL_NFT_NETFILTER_PRIVATE_H

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "kernel/nft/netfilter.h"

#define ARCI_NETFILTER_TRIES 5 /* a dump that meets a commit is void and begins anew */
#define ARCI_NETFILTER_SEED 0xcbf29ce484222325u

ARCI_DEFINE_CLEANUP(struct nl_msg *, nlmsg_free, arci_message_cleanup)

/*
 * A request of one kind (NFT_MSG_*) about `inet arctic`, whose name goes into attribute `table_attribute` (0: into none). NULL
 * where memory is short.
 */
struct nl_msg *arci_netfilter_request(uint8_t kind, int flags, int table_attribute);

/* Sends a request and feeds the answers to `visit`. Returns 0 or a negative NLE_*. */
int arci_netfilter_ask(struct arci_netfilter *netfilter, struct nl_msg *request, nl_recvmsg_msg_cb_t visit,
                       void *argument);

/* Reads the attributes that follow a struct nfgenmsg. */
int arci_netfilter_parse(struct nl_msg *message, struct nlattr **attributes, int highest);

/* Whether an attribute holds the name of the agent's table. */
bool arci_netfilter_is_table(const struct nlattr *name);

uint32_t arci_netfilter_be32(const struct nlattr *attribute);
uint64_t arci_netfilter_be64(const struct nlattr *attribute);

uint64_t arci_netfilter_hash(uint64_t seed, const void *bytes, size_t length);

int arci_netfilter_fail(struct arctic_error *error, int result, const char *what);

#endif
