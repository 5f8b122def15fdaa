"""Things of others on a host, beside the agent's, and what they look like: none of them may ever change by the agent's doing."""

import re

from arctic_lab import Namespace

# What the kernel changes by itself: counts, sizes of caches, and what the anchor's coming and going brings with it.
_OF_ITS_OWN = re.compile(r"conntrack_count|\.arctic0\.|\.svc|random|nf_log|expect_count|inode|tcp_mem|udp_mem|route\.gc")
_OURS = re.compile(r"tcp_slow_start_after_idle|tcp_min_rtt_wlen|tcp_rmem|tcp_wmem")
_COUNTERS = re.compile(r"packets \d+ bytes \d+")


class Foreign:
    """A table, a chain that drops nothing, an ip rule, routes (one in our table's neighbour), a link with an address; and all settings."""

    def __init__(self, host: Namespace) -> None:
        self.host = host

    def make(self) -> None:
        """Makes what is not there."""
        host = self.host
        host.run("nft", "-f", "-", stdin=_TABLES)
        if "dummy9" not in host.run("ip", "-br", "link").stdout:
            host.ip(
                "link add dummy9 type veth peer name dummy8",
                "link set dummy9 alias foreign up",
                "address add 192.0.2.9/24 dev dummy9",
                "rule add fwmark 0x7/0x7 lookup 777 pref 612",
                "route add 203.0.113.0/24 dev dummy9 table 777",
                "route add blackhole 198.51.100.0/24 table 61001",
            )
            host.run("ip", "-6", "rule", "add", "fwmark", "0x7/0x7", "lookup", "777", "pref", "608")

    def snapshot(self) -> dict[str, str]:
        host = self.host
        tables = host.run("nft", "list", "ruleset").stdout
        settings = host.run("sysctl", "-a", "-r", "^net\\.", check=False).stdout
        return {
            "nft": _COUNTERS.sub("", _without_table(tables)),
            "links": _lines(host.run("ip", "-d", "link").stdout, "arctic0"),
            **{
                f"rules{family}": _lines(host.run("ip", family, "rule").stdout, "proto 161")
                for family in ("-4", "-6")
            },
            **{
                f"routes{family}": _lines(
                    host.run("ip", family, "route", "show", "table", "all").stdout, "arctic0"
                )
                for family in ("-4", "-6")
            },
            "settings": "\n".join(
                line for line in settings.splitlines() if not _OF_ITS_OWN.search(line) and not _OURS.search(line)
            ),
        }


def _without_table(ruleset: str) -> str:
    return re.sub(r"^table inet arctic \{.*?^\}\n", "", ruleset, flags=re.MULTILINE | re.DOTALL)


def _lines(text: str, ours: str) -> str:
    """Entries without those of the agent, their numbers and what follows them in further lines."""
    entries = re.split(r"\n(?=\S)", text.strip())
    return "\n".join(sorted(re.sub(r"^\d+: ", "", entry) for entry in entries if ours not in entry))


_TABLES = """
table ip wall
delete table ip wall
table ip wall {
    set blocked { type ipv4_addr; elements = { 192.0.2.66 } }
    counter seen { }
    chain input { type filter hook input priority 10; policy accept; ip saddr @blocked drop; }
    chain forward { type filter hook forward priority 10; policy accept; counter name seen; }
}
"""
