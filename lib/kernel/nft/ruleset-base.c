/*
 * The fixed part of the table: base chains and what is never captured. `$name` stands for a value of the
 * mark layout.
 */
#include "kernel/nft/ruleset-base.h"

#include <string.h>

/*
 * In prerouting, a packet that is marked already was made on this host and decided in output. A packet for
 * a transparent socket of ours is delivered here, whatever the routes say now: SO_MARK tells the socket
 * from other programs', and for handshakes and TIME_WAIT, which have no mark to look at, the conntrack mark
 * tells that we captured the connection. What a client sends after the agent has ended such a connection finds no
 * socket: it is reset here, since on its way past Arctic it would leave the host in clear. Only a first packet is
 * decided, and only in its original direction, so that replies of servers and connections older than a route stay as
 * they are.
 *
 * The exit's sockets that bear a client's address are met twice. What comes for them, ICMP errors of their path included,
 * is delivered here by the same look at the socket. And a server on this host would send its replies to where the
 * client is: the conntrack mark tells that they belong to such a socket, and they stay here. An address of this host as
 * source tells the server's packets from the socket's own, also where conntrack has forgotten who began. Where it has
 * forgotten the mark too and the server is the first to say something, the ends of such connections are in near4 and near6: each
 * packet of the socket's keeps them there, a keepalive a minute at the least (KEEPALIVE_IDLE_S of proxy/flow.c).
 *
 * A first packet with a conntrack mark of ours takes up the ports of a captured connection that conntrack has not forgotten yet
 * (nf_conntrack_tcp_packet() opens a closed one again): it is decided anew, and is nothing of ours where no service wins it.
 *
 * In capture, tproxy does not match without a listening socket. The packet then goes on unmarked, as if the
 * agent were not there. What was made on this host is captured last in the hook: a socket takes from a packet
 * on lo the leave to pass a firewall's check of its way back (nft_fib_can_skip()).
 *
 * The chain arrived is the last one at its hook: what others drop there does not come to it.
 *
 * In output, a reset that the kernel answers with may bear the mark of what it answers (fwmark_reflect),
 * which would bring it back to this host. nft can not copy a part of one mark into another, hence the one
 * mark for all that is not a first packet.
 */
static const char template[] =
    "add set inet arctic exempt4 { type ipv4_addr; flags interval; elements = { "
    "0.0.0.0, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4, 255.255.255.255 }; }\n"
    "add set inet arctic exempt6 { type ipv6_addr; flags interval; elements = { "
    "::, ::1, fe80::/10, ff00::/8 }; }\n"
    "add set inet arctic peers4 { type ipv4_addr . inet_service; }\n"
    "add set inet arctic peers6 { type ipv6_addr . inet_service; }\n"
    "add set inet arctic no_ipv6 { type mark; flags timeout; size $refused; }\n"
    "add set inet arctic refused4 { type mark . ipv4_addr . inet_service; flags timeout; size $refused; }\n"
    "add set inet arctic refused6 { type mark . ipv6_addr . inet_service; flags timeout; size $refused; }\n"
    "add map inet arctic by_mark { type mark : verdict; }\n"
    "add chain inet arctic route4\n"
    "add chain inet arctic route6\n"

    "add chain inet arctic refused\n"
    "add rule inet arctic refused meta nfproto ipv6 meta mark & $mask @no_ipv6 reject with tcp reset\n"
    "add rule inet arctic refused meta mark & $mask . ip daddr . tcp dport @refused4 reject with tcp reset\n"
    "add rule inet arctic refused meta mark & $mask . ip6 daddr . tcp dport @refused6 reject with tcp reset\n"

    "add chain inet arctic exempt\n"
    "add rule inet arctic exempt ip saddr @exempt4 accept\n"
    "add rule inet arctic exempt ip daddr @exempt4 accept\n"
    "add rule inet arctic exempt ip6 saddr @exempt6 accept\n"
    "add rule inet arctic exempt ip6 daddr @exempt6 accept\n"
    "add rule inet arctic exempt ip daddr . tcp dport @peers4 accept\n"
    "add rule inet arctic exempt ip6 daddr . tcp dport @peers6 accept\n"
    "add rule inet arctic exempt fib daddr type { local, broadcast, anycast, multicast } accept\n"

    "add set inet arctic near4 { type ipv4_addr . inet_service . ipv4_addr . inet_service; size $near; "
    "flags dynamic,timeout; timeout 3m; }\n"
    "add set inet arctic near6 { type ipv6_addr . inet_service . ipv6_addr . inet_service; size $near; "
    "flags dynamic,timeout; timeout 3m; }\n"
    "add counter inet arctic " ARCI_HIDDEN_COUNTER "\n"
    "add chain inet arctic transparent\n"
    "add rule inet arctic transparent ct mark set ct mark & $keep | $transparent\n"
    "add rule inet arctic transparent ct status snat counter name \"" ARCI_HIDDEN_COUNTER "\"\n"
    "add rule inet arctic transparent fib daddr type != local accept\n"
    "add rule inet arctic transparent update @near4 { ip saddr . tcp sport . ip daddr . tcp dport }\n"
    "add rule inet arctic transparent update @near6 { ip6 saddr . tcp sport . ip6 daddr . tcp dport }\n"

    "add counter inet arctic " ARCI_CAPTURED_COUNTER "\n"
    "add counter inet arctic " ARCI_ARRIVED_COUNTER "\n"
    "add chain inet arctic capture_marked\n"
    "add rule inet arctic capture_marked meta mark & $mask == { $captured, $flag, $refusing } accept\n"
    "add rule inet arctic capture_marked iif != lo counter name \"" ARCI_CAPTURED_COUNTER "\"\n"
    "add rule inet arctic capture_marked meta mark & $mask vmap @by_mark\n"
    "add rule inet arctic capture_marked meta mark set meta mark & $keep ct mark set ct mark & $keep\n"

    "add chain inet arctic other\n"

    "add chain inet arctic errors\n"
    "add rule inet arctic errors meta l4proto { icmp, ipv6-icmp } ct state related "
    "socket transparent 1 socket mark & $mask != 0 meta mark set meta mark & $keep | $captured accept\n"
    "add rule inet arctic errors goto other\n"

    "add chain inet arctic of_captured\n"
    "add rule inet arctic of_captured socket transparent 1 "
    "meta mark set meta mark & $keep | $captured accept\n"
    "add rule inet arctic of_captured ct direction original tcp flags & (fin|syn|rst|ack) != syn "
    "reject with tcp reset\n"

    "add chain inet arctic prerouting { type filter hook prerouting priority mangle; policy accept; }\n"
    "add rule inet arctic prerouting meta l4proto != tcp goto errors\n"
    "add rule inet arctic prerouting meta mark & $flag == $flag accept\n"
    "add rule inet arctic prerouting socket transparent 1 socket mark & $mask != 0 "
    "meta mark set meta mark & $keep | $captured accept\n"
    "add rule inet arctic prerouting ct mark & $flag == $flag jump of_captured\n"
    "add rule inet arctic prerouting ct mark & $mask == $transparent socket transparent 1 "
    "meta mark set meta mark & $keep | $captured accept\n"
    "add rule inet arctic prerouting ct direction != original accept\n"
    "add rule inet arctic prerouting tcp flags & (fin|syn|rst|ack) != syn accept\n"
    "add rule inet arctic prerouting ct mark & $flag == $flag ct mark set ct mark & $keep\n"
    "add rule inet arctic prerouting jump exempt\n"
    "add rule inet arctic prerouting meta nfproto vmap { ipv4 : jump route4, ipv6 : jump route6 }\n"

    "add chain inet arctic capture { type filter hook prerouting priority mangle + 1; policy accept; }\n"
    "add rule inet arctic capture meta mark & $flag == 0 accept\n"
    "add rule inet arctic capture iif lo accept\n"
    "add rule inet arctic capture jump capture_marked\n"

    "add chain inet arctic capture_made { type filter hook prerouting priority filter + 100; policy accept; "
    "}\n"
    "add rule inet arctic capture_made iif != lo accept\n"
    "add rule inet arctic capture_made meta mark & $flag == 0 accept\n"
    "add rule inet arctic capture_made jump capture_marked\n"

    "add chain inet arctic arrived { type filter hook input priority 1000000; policy accept; }\n"
    "add rule inet arctic arrived meta mark & $mask != $captured accept\n"
    "add rule inet arctic arrived iif != lo tcp flags & (fin|syn|rst|ack) == syn counter name "
    "\"" ARCI_ARRIVED_COUNTER "\"\n"

    "add chain inet arctic output { type route hook output priority mangle; policy accept; }\n"
    "add rule inet arctic output meta l4proto != tcp goto other\n"
    "add rule inet arctic output ct mark & $mask == $transparent fib saddr type local "
    "meta mark set meta mark & $keep | $flag accept\n"
    "add rule inet arctic output ct state new,invalid,untracked tcp flags & (fin|syn|rst|ack) != syn "
    "ip daddr . tcp dport . ip saddr . tcp sport @near4 meta mark set meta mark & $keep | $flag accept\n"
    "add rule inet arctic output ct state new,invalid,untracked tcp flags & (fin|syn|rst|ack) != syn "
    "ip6 daddr . tcp dport . ip6 saddr . tcp sport @near6 meta mark set meta mark & $keep | $flag accept\n"
    "add rule inet arctic output meta mark & $mask == $transparent goto transparent\n"
    "add rule inet arctic output meta mark & $mask == $bypass accept\n"
    "add rule inet arctic output ct direction reply meta mark & $flag == $flag "
    "meta mark set meta mark & $keep accept\n"
    "add rule inet arctic output ct direction != original accept\n"
    "add rule inet arctic output tcp flags & (fin|syn|rst|ack) != syn ct mark & $flag == $flag "
    "meta mark set meta mark & $keep | $flag accept\n"
    "add rule inet arctic output tcp flags & (fin|syn|rst|ack) != syn accept\n"
    "add rule inet arctic output jump exempt\n"
    "add rule inet arctic output meta nfproto vmap { ipv4 : jump route4, ipv6 : jump route6 }\n"
    "add rule inet arctic output ct mark & $flag == $flag ct mark set ct mark & $keep\n";

struct value {
    const char *name;
    uint32_t value;
};

static const struct value *find_value(const struct value *values, const char *text)
{
    for (; values->name; values++) {
        if (strncmp(text, values->name, strlen(values->name)) == 0)
            return values;
    }
    return NULL;
}

static void expand(struct arci_buffer *text, const char *from, const struct value *values)
{
    for (const char *dollar; (dollar = strchr(from, '$'));) {
        const struct value *value = find_value(values, dollar + 1);
        arci_buffer_append(text, from, (size_t)(dollar - from));
        if (!value) {
            text->failed = true;
            return;
        }
        arci_buffer_format(text, "0x%08x", value->value);
        from = dollar + 1 + strlen(value->name);
    }
    arci_buffer_text(text, from);
}

void arci_ruleset_base(struct arci_buffer *text, const struct arci_marks *marks)
{
    const struct value values[] = {
        {"mask", marks->mask},
        {"keep", ~marks->mask},
        {"flag", marks->flag},
        {"bypass", arci_marks_bypass(marks)},
        {"transparent", arci_marks_transparent(marks)},
        {"captured", arci_marks_captured(marks, ARCI_SLOT_AGENT)},
        {"refusing", arci_marks_refused(marks)},
        {"refused", ARCI_REFUSED_MAX},
        {"near", ARCI_NEAR_MAX},
        {NULL, 0},
    };
    expand(text, template, values);
}
