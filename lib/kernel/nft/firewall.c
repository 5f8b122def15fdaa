/* A dump of all chains of the host. */
#include "kernel/nft/firewall.h"

#include <stdio.h>
#include <netinet/in.h> /* before linux/in.h, which the next one includes */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kernel/nft/netfilter-private.h"

struct finding {
    char *text;
    size_t size;
    bool found;
};

static const char *family_name(uint8_t family)
{
    switch (family) {
    case NFPROTO_INET:
        return "inet";
    case NFPROTO_IPV4:
        return "ip";
    case NFPROTO_IPV6:
        return "ip6";
    default:
        return NULL; /* no hook that local delivery passes */
    }
}

static bool is_at_input(struct nlattr *hook)
{
    struct nlattr *parts[NFTA_HOOK_MAX + 1];
    return hook && nla_parse_nested(parts, NFTA_HOOK_MAX, hook, NULL) >= 0 && parts[NFTA_HOOK_HOOKNUM] &&
           arci_netfilter_be32(parts[NFTA_HOOK_HOOKNUM]) == NF_INET_LOCAL_IN;
}

static int visit_chain(struct nl_msg *message, void *argument)
{
    struct finding *finding = argument;
    struct nlattr *attributes[NFTA_CHAIN_MAX + 1];
    const struct nfgenmsg *header = nlmsg_data(nlmsg_hdr(message));
    const char *family = family_name(header->nfgen_family);
    if (finding->found || !family || arci_netfilter_parse(message, attributes, NFTA_CHAIN_MAX) < 0 ||
        !attributes[NFTA_CHAIN_TABLE] || !attributes[NFTA_CHAIN_NAME] || !attributes[NFTA_CHAIN_POLICY] ||
        !is_at_input(attributes[NFTA_CHAIN_HOOK]) ||
        arci_netfilter_be32(attributes[NFTA_CHAIN_POLICY]) != NF_DROP)
        return NL_OK;
    snprintf(finding->text, finding->size, "chain %.60s of table %s %.60s",
             nla_get_string(attributes[NFTA_CHAIN_NAME]), family,
             nla_get_string(attributes[NFTA_CHAIN_TABLE]));
    finding->found = true;
    return NL_OK;
}

bool arci_firewall_find_dropping(struct arci_netfilter *netfilter, char *text, size_t size)
{
    struct finding finding = {.text = text, .size = size};
    ARCI_CLEANUP(arci_message_cleanup)
    struct nl_msg *request = arci_netfilter_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, 0);
    if (!request)
        return false;
    ((struct nfgenmsg *)nlmsg_data(nlmsg_hdr(request)))->nfgen_family = NFPROTO_UNSPEC; /* of any family */
    return arci_netfilter_ask(netfilter, request, visit_chain, &finding) >= 0 && finding.found;
}
