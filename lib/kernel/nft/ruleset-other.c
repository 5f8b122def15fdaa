/* See ruleset-other.h. */
#include "kernel/nft/ruleset-other.h"

/*
 * Without a first packet to decide on, all of what goes in the direction of its connection is looked at; answers to what came in pass, and
 * so do ICMP errors about anything. Neighbour discovery is unicast too (RFC 4861 sections 7.2.4 and 7.3.3), and so is DHCP when a lease is renewed
 * (RFC 2131 section 4.4.5, RFC 8415 section 7.2): without them the host would lose its links.
 */
static const char rules[] =
    "add rule inet arctic other ct direction reply accept\n"
    "add rule inet arctic other meta l4proto { icmp, ipv6-icmp } ct state related accept\n"
    "add rule inet arctic other meta l4proto igmp accept\n"
    "add rule inet arctic other icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, "
    "mld2-listener-report, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, "
    "nd-redirect } accept\n"
    "add rule inet arctic other udp sport . udp dport { 67 . 67, 67 . 68, 68 . 67, 546 . 547, 547 . 546, "
    "547 . 547 } accept\n"
    "add rule inet arctic other jump exempt\n"
    "add rule inet arctic other meta nfproto vmap { ipv4 : jump route4, ipv6 : jump route6 }\n";

static bool blocks(const struct arci_plan *plan)
{
    for (size_t i = 0; i < plan->service_count; i++) {
        if (plan->services[i].block)
            return true;
    }
    return false;
}

/*
 * Of a table that outlives the agent. What a service that blocks has marked would come to this host, by routes that hang on arctic0 and go with
 * it: what is forwarded has no way out as long as they are there, and what was made here is on its way to lo. There an ICMP error would not find
 * back to who has sent it (icmp_route_lookup() wants a source of this host); a packet that is dropped on its way out is an error at once.
 */
static const char refuse[] =
    "add chain inet arctic refuse { type filter hook prerouting priority mangle + 1; policy accept; }\n"
    "add rule inet arctic refuse meta mark & 0x%08x != 0x%08x accept\n"
    "add rule inet arctic refuse iif != lo fib daddr . mark oif exists accept\n"
    "add rule inet arctic refuse meta l4proto tcp reject with tcp reset\n"
    "add rule inet arctic refuse reject with icmpx admin-prohibited\n"
    "add chain inet arctic refuse_made { type filter hook postrouting priority mangle; policy accept; }\n"
    "add rule inet arctic refuse_made oif lo meta mark & 0x%08x == 0x%08x meta l4proto != tcp drop\n";

static const char no_refuse[] = "flush chain inet arctic refuse\ndelete chain inet arctic refuse\n"
                                "flush chain inet arctic refuse_made\ndelete chain inet arctic refuse_made\n";

void arci_ruleset_change_other(struct arci_buffer *text, const struct arci_marks *marks,
                               const struct arci_plan *from, const struct arci_plan *to)
{
    if (blocks(from) == blocks(to))
        return;
    if (!blocks(to)) {
        arci_buffer_text(text, "flush chain inet arctic other\n");
        if (!to->owned)
            arci_buffer_text(text, no_refuse);
        return;
    }
    if (!to->owned)
        arci_buffer_format(text, refuse, marks->mask, arci_marks_refused(marks), marks->mask,
                           arci_marks_refused(marks));
    arci_buffer_format(text, "add rule inet arctic other meta mark & 0x%08x == 0x%08x accept\n", marks->mask,
                       arci_marks_bypass(marks));
    arci_buffer_text(text, rules);
}
