/*
 * The text of the table `inet arctic` for nft: all of it, or what turns one plan into another. Pure text;
 * nft.h runs it.
 *
 *     table inet arctic
 *       chain prerouting   filter, priority mangle: decides the first packet of a connection, sets its marks
 *       chain capture      filter, priority mangle + 1: hands marked first packets to the listener (tproxy)
 *       chain arrived      counts what came through others' chains of the input hook (arrival.h)
 *       chain output       route, priority mangle: decides for traffic made on the host, which the ip rule
 *                          then sends to lo and so to capture
 *       chain errors       ICMP about connections that end in sockets of the agent with addresses that are not its own
 *       chain transparent  marks connections that the exit makes with a client's address; counter hidden: see ruleset-base.h
 *       chain exempt       what is never captured
 *       chain other        what is not TCP: empty, unless a service blocks (ruleset-other.h)
 *       chain of_captured  packets of connections that the agent has, or had
 *       chain route4/6     one lookup for each map in use, in the order of <arctic/match.h>
 *       chain refused      resets first packets to destinations that were refused a moment ago, and IPv6 where the exit has none
 *       map by_mark        mark of a service : its capture chain
 *       map if4_24_x ...   routes by class, family, source length, destination length (x: absent)
 *       chain svc_<ULID>   marks a packet for the service, or refuses it; counter svc_<ULID> counts its new connections
 *       chain cap_<ULID>   tproxy to the service's listener
 */
#ifndef ARCI_KERNEL_NFT_RULESET_H
#define ARCI_KERNEL_NFT_RULESET_H

#include <stdbool.h>

#include <arctic/address.h>

#include "base/buffer.h"
#include "kernel/marks.h"
#include "kernel/nft/plan.h"

#define ARCI_TABLE "arctic"
#define ARCI_TABLE_COMMENT "made by arctic-agent"

/*
 * Appends the commands that make the table for a plan. `replace`: a table is there and goes first, in the
 * same transaction. `owner`: the table belongs to the netlink socket that runs the commands.
 */
void arci_ruleset_create(struct arci_buffer *text, const struct arci_marks *marks, bool owner, bool replace,
                         const struct arci_plan *plan);

/* Appends the commands that turn `from` into `to`; none when both are the same. */
void arci_ruleset_change(struct arci_buffer *text, const struct arci_marks *marks,
                         const struct arci_plan *from, const struct arci_plan *to);

/* Appends the command that refuses new connections of a service to a destination for a time. */
void arci_ruleset_refuse(struct arci_buffer *text, const struct arci_marks *marks,
                         const struct arci_plan_service *service, const struct arctic_endpoint *destination,
                         uint32_t seconds);

/* The same for all its IPv6 destinations. */
void arci_ruleset_refuse_ipv6(struct arci_buffer *text, const struct arci_marks *marks,
                              const struct arci_plan_service *service, uint32_t seconds);

#endif
