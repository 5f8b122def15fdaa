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

void arci_ruleset_change_other(struct arci_buffer *text, const struct arci_marks *marks,
                               const struct arci_plan *from, const struct arci_plan *to)
{
    if (blocks(from) == blocks(to))
        return;
    if (!blocks(to)) {
        arci_buffer_text(text, "flush chain inet arctic other\n");
        return;
    }
    arci_buffer_format(text, "add rule inet arctic other meta mark & 0x%08x == 0x%08x accept\n", marks->mask,
                       arci_marks_bypass(marks));
    arci_buffer_text(text, rules);
}
