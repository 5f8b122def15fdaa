/* The document to begin with. */
#include <arctic/compose.h>

const char *arctic_compose_template(void)
{
    return "# A cluster: its peers, and the services between them. Check it with 'arctic compose validate', "
           "see what it\n"
           "# changes with 'arctic compose diff', and carry it out with 'arctic compose apply'.\n"
           "version: v1\n"
           "\n"
           "# Peers that are not bootstrapped yet get their identity with this licence. Relative to this "
           "file; a secret.\n"
           "license: license.json\n"
           "\n"
           "peers:\n"
           "  # Name, and host:port of the API.\n"
           "  - {name: agent-a, address: \"10.0.1.10:8080\"}\n"
           "  - {name: agent-b, address: \"10.0.2.10:8080\"}\n"
           "\n"
           "services:\n"
           "  - name: db-replication\n"
           "    source_peer: agent-a  # where traffic comes in\n"
           "    target_peer: agent-b  # where it leaves\n"
           "    transport_type: tcp  # tcp, kcp or auto\n"
           "    # fully_transparent: true  # destinations see the client's address; needs an interface and "
           "tcp\n"
           "    # interface: {enabled: true, ipv4: 192.168.100.10/24}  # of its own on the source peer; no "
           "ipv4: DHCP\n"
           "    # when_unreachable: block  # else step_aside: other routes or the direct path take over\n"
           "    # qos: {bandwidth_limit_mbps: 1000, rtt_ms: 100, memory_limit_kb: 4096}\n"
           "    routes:\n"
           "      # source_cidr, dest_cidr or both. The lower priority wins where two routes are as "
           "specific.\n"
           "      - {source_cidr: 10.0.0.0/8, dest_cidr: 192.168.100.0/24, priority: 100}\n";
}
