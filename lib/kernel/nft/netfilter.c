/*
 * nf_tables netlink (linux/netfilter/nf_tables.h): dumps of tables, chains and counters, over libnl's core.
 */
#include "kernel/nft/netfilter.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h> /* before linux/in.h, which the next one includes */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/error.h"
#include "kernel/nft/netfilter-private.h"
#include "kernel/nft/ruleset.h"

struct arci_netfilter {
    struct nl_sock *socket;
};

int arci_netfilter_fail(struct arctic_error *error, int result, const char *what)
{
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "%s: %s", what, nl_geterror(result));
}

int arci_netfilter_create(struct arci_netfilter **ret_netfilter, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_netfilter_cleanup) struct arci_netfilter *netfilter = calloc(1, sizeof *netfilter);
    if (!netfilter || !(netfilter->socket = nl_socket_alloc()))
        return arci_fail_memory(error);
    nl_socket_disable_auto_ack(netfilter->socket);
    int result = nl_connect(netfilter->socket, NETLINK_NETFILTER);
    if (result < 0)
        return arci_netfilter_fail(error, result, "cannot open a netfilter netlink socket");
    *ret_netfilter = arci_steal(netfilter);
    return ARCTIC_OK;
}

int arci_netfilter_never_block(struct arci_netfilter *netfilter, struct arctic_error *error)
{
    int result = nl_socket_set_nonblocking(netfilter->socket);
    return result < 0 ? arci_netfilter_fail(error, result, "cannot set up a netfilter netlink socket")
                      : ARCTIC_OK;
}

void arci_netfilter_free(struct arci_netfilter *netfilter)
{
    if (!netfilter)
        return;
    nl_socket_free(netfilter->socket);
    free(netfilter);
}

struct nl_msg *arci_netfilter_request(uint8_t kind, int flags, int table_attribute)
{
    ARCI_CLEANUP(arci_message_cleanup)
    struct nl_msg *message = nlmsg_alloc_simple((NFNL_SUBSYS_NFTABLES << 8) | kind, flags);
    struct nfgenmsg header = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
    if (!message || nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        (table_attribute && nla_put_string(message, table_attribute, ARCI_TABLE) < 0))
        return NULL;
    return arci_steal(message);
}

int arci_netfilter_ask(struct arci_netfilter *netfilter, struct nl_msg *request, nl_recvmsg_msg_cb_t visit,
                       void *argument)
{
    if (!request)
        return -NLE_NOMEM;
    int result = nl_socket_modify_cb(netfilter->socket, NL_CB_VALID, NL_CB_CUSTOM, visit, argument);
    if (result >= 0)
        result = nl_send_auto(netfilter->socket, request);
    return result < 0 ? result : nl_recvmsgs_default(netfilter->socket);
}

static int ask(struct arci_netfilter *netfilter, uint8_t kind, int flags, int table_attribute,
               nl_recvmsg_msg_cb_t visit, void *argument)
{
    ARCI_CLEANUP(arci_message_cleanup)
    struct nl_msg *request = arci_netfilter_request(kind, flags, table_attribute);
    return arci_netfilter_ask(netfilter, request, visit, argument);
}

bool arci_netfilter_is_table(const struct nlattr *name)
{
    return name && strcmp(nla_get_string(name), ARCI_TABLE) == 0;
}

uint32_t arci_netfilter_be32(const struct nlattr *attribute)
{
    return attribute ? be32toh(nla_get_u32(attribute)) : 0;
}

uint64_t arci_netfilter_be64(const struct nlattr *attribute)
{
    return attribute ? be64toh(nla_get_u64(attribute)) : 0;
}

int arci_netfilter_parse(struct nl_msg *message, struct nlattr **attributes, int highest)
{
    return nlmsg_parse(nlmsg_hdr(message), sizeof(struct nfgenmsg), attributes, highest, NULL);
}

static int visit_generation(struct nl_msg *message, void *argument)
{
    struct nlattr *attributes[NFTA_GEN_MAX + 1];
    if (arci_netfilter_parse(message, attributes, NFTA_GEN_MAX) >= 0)
        *(uint32_t *)argument = arci_netfilter_be32(attributes[NFTA_GEN_ID]);
    return NL_OK;
}

int arci_netfilter_generation(struct arci_netfilter *netfilter, uint32_t *ret_generation,
                              struct arctic_error *error)
{
    uint32_t generation = 0;
    int result = ask(netfilter, NFT_MSG_GETGEN, 0, 0, visit_generation, &generation);
    if (result < 0)
        return arci_netfilter_fail(error, result, "cannot ask for the generation of the nft ruleset");
    *ret_generation = generation;
    return ARCTIC_OK;
}

uint64_t arci_netfilter_hash(uint64_t seed, const void *bytes, size_t length)
{
    const uint8_t *data = bytes;
    for (size_t i = 0; i < length; i++) /* FNV-1a */
        seed = (seed ^ data[i]) * 0x100000001b3u;
    return seed;
}

static bool bears_comment(const struct nlattr *user_data)
{
    static const char comment[] = ARCI_TABLE_COMMENT;
    return user_data &&
           memmem(nla_data(user_data), (size_t)nla_len(user_data), comment, sizeof comment) != NULL;
}

static int visit_table(struct nl_msg *message, void *argument)
{
    struct arci_table_state *state = argument;
    struct nlattr *attributes[NFTA_TABLE_MAX + 1];
    const struct nfgenmsg *header = nlmsg_data(nlmsg_hdr(message));
    if (arci_netfilter_parse(message, attributes, NFTA_TABLE_MAX) < 0 ||
        !arci_netfilter_is_table(attributes[NFTA_TABLE_NAME]))
        return NL_OK;
    if (header->nfgen_family != NFPROTO_INET)
        return NL_OK;
    uint64_t about[] = {arci_netfilter_be64(attributes[NFTA_TABLE_HANDLE]),
                        arci_netfilter_be32(attributes[NFTA_TABLE_USE]),
                        arci_netfilter_be32(attributes[NFTA_TABLE_FLAGS])};
    state->present = true;
    state->ours = bears_comment(attributes[NFTA_TABLE_USERDATA]);
    state->owner = arci_netfilter_be32(attributes[NFTA_TABLE_OWNER]);
    state->fingerprint += arci_netfilter_hash(ARCI_NETFILTER_SEED, about, sizeof about);
    return NL_OK;
}

/*
 * A chain's use counts its rules and all that leads to it, elements of verdict maps included. Its name and its policy can be changed
 * without a new handle (nf_tables_updchain()).
 */
static int visit_chain(struct nl_msg *message, void *argument)
{
    struct arci_table_state *state = argument;
    struct nlattr *attributes[NFTA_CHAIN_MAX + 1];
    if (arci_netfilter_parse(message, attributes, NFTA_CHAIN_MAX) < 0 ||
        !arci_netfilter_is_table(attributes[NFTA_CHAIN_TABLE]))
        return NL_OK;
    uint64_t about[] = {arci_netfilter_be64(attributes[NFTA_CHAIN_HANDLE]),
                        arci_netfilter_be32(attributes[NFTA_CHAIN_USE]),
                        arci_netfilter_be32(attributes[NFTA_CHAIN_POLICY])};
    const struct nlattr *name = attributes[NFTA_CHAIN_NAME];
    uint64_t chain = arci_netfilter_hash(ARCI_NETFILTER_SEED, about, sizeof about);
    if (name)
        chain = arci_netfilter_hash(chain, nla_data(name), (size_t)nla_len(name));
    state->fingerprint += chain; /* a sum: dumps come in any order */
    return NL_OK;
}

static int look_at_table(struct arci_netfilter *netfilter, bool chains, struct arci_table_state *ret_state)
{
    *ret_state = (struct arci_table_state){0};
    int result = ask(netfilter, NFT_MSG_GETTABLE, NLM_F_DUMP, 0, visit_table, ret_state);
    if (result < 0 || !ret_state->present || !chains)
        return result;
    return ask(netfilter, NFT_MSG_GETCHAIN, NLM_F_DUMP, 0, visit_chain, ret_state);
}

int arci_netfilter_table(struct arci_netfilter *netfilter, bool chains, struct arci_table_state *ret_state,
                         struct arctic_error *error)
{
    struct arci_table_state state;
    int result = -NLE_DUMP_INTR;
    for (int i = 0; i < ARCI_NETFILTER_TRIES && result == -NLE_DUMP_INTR; i++)
        result = look_at_table(netfilter, chains, &state);
    if (result < 0)
        return arci_netfilter_fail(error, result, "cannot look at the nft table inet " ARCI_TABLE);
    *ret_state = state;
    return ARCTIC_OK;
}

struct counters {
    struct arci_kernel_counter *items;
    size_t count;
    size_t capacity;
    bool failed;
};

static struct arci_kernel_counter *append_counter(struct counters *counters)
{
    if (counters->count == counters->capacity) {
        size_t capacity = counters->capacity ? 2 * counters->capacity : 64;
        struct arci_kernel_counter *items = reallocarray(counters->items, capacity, sizeof *items);
        if (!items)
            return NULL;
        counters->items = items;
        counters->capacity = capacity;
    }
    return &counters->items[counters->count++];
}

static int visit_counter(struct nl_msg *message, void *argument)
{
    struct counters *counters = argument;
    struct nlattr *attributes[NFTA_OBJ_MAX + 1];
    struct nlattr *values[NFTA_COUNTER_MAX + 1];
    struct arctic_id id;
    if (arci_netfilter_parse(message, attributes, NFTA_OBJ_MAX) < 0 ||
        !arci_netfilter_is_table(attributes[NFTA_OBJ_TABLE]))
        return NL_OK;
    if (arci_netfilter_be32(attributes[NFTA_OBJ_TYPE]) != NFT_OBJECT_COUNTER || !attributes[NFTA_OBJ_DATA] ||
        !attributes[NFTA_OBJ_NAME])
        return NL_OK;
    if (nla_parse_nested(values, NFTA_COUNTER_MAX, attributes[NFTA_OBJ_DATA], NULL) < 0)
        return NL_OK;
    if (arctic_id_parse(ARCTIC_ID_SERVICE, nla_get_string(attributes[NFTA_OBJ_NAME]), &id, NULL) < 0)
        return NL_OK;
    struct arci_kernel_counter *counter = append_counter(counters);
    if (!counter) {
        counters->failed = true;
        return NL_OK;
    }
    *counter = (struct arci_kernel_counter){.service = id,
                                            .packets = arci_netfilter_be64(values[NFTA_COUNTER_PACKETS]),
                                            .bytes = arci_netfilter_be64(values[NFTA_COUNTER_BYTES])};
    return NL_OK;
}

static int visit_packets(struct nl_msg *message, void *argument)
{
    struct nlattr *attributes[NFTA_OBJ_MAX + 1];
    struct nlattr *values[NFTA_COUNTER_MAX + 1];
    if (arci_netfilter_parse(message, attributes, NFTA_OBJ_MAX) >= 0 && attributes[NFTA_OBJ_DATA] &&
        nla_parse_nested(values, NFTA_COUNTER_MAX, attributes[NFTA_OBJ_DATA], NULL) >= 0)
        *(uint64_t *)argument = arci_netfilter_be64(values[NFTA_COUNTER_PACKETS]);
    return NL_OK;
}

int arci_netfilter_packets(struct arci_netfilter *netfilter, const char *counter, uint64_t *ret_packets,
                           struct arctic_error *error)
{
    uint64_t packets = 0;
    ARCI_CLEANUP(arci_message_cleanup)
    struct nl_msg *message = arci_netfilter_request(NFT_MSG_GETOBJ, 0, NFTA_OBJ_TABLE);
    if (!message || nla_put_string(message, NFTA_OBJ_NAME, counter) < 0 ||
        nla_put_u32(message, NFTA_OBJ_TYPE, htobe32(NFT_OBJECT_COUNTER)) < 0)
        return arci_fail_memory(error);
    int result = arci_netfilter_ask(netfilter, message, visit_packets, &packets);
    if (result < 0)
        return arci_netfilter_fail(error, result, "cannot read a counter of the nft table inet " ARCI_TABLE);
    *ret_packets = packets;
    return ARCTIC_OK;
}

int arci_netfilter_counters(struct arci_netfilter *netfilter, struct arci_kernel_counter **ret_counters,
                            size_t *ret_count, struct arctic_error *error)
{
    struct counters counters = {0};
    int result = -NLE_DUMP_INTR;
    for (int i = 0; i < ARCI_NETFILTER_TRIES && result == -NLE_DUMP_INTR; i++) {
        counters.count = 0;
        result = ask(netfilter, NFT_MSG_GETOBJ, NLM_F_DUMP, NFTA_OBJ_TABLE, visit_counter, &counters);
    }
    if (result < 0 || counters.failed) {
        free(counters.items);
        return result < 0 ? arci_netfilter_fail(error, result, "cannot read the counters of the services")
                          : arci_fail_memory(error);
    }
    *ret_counters = counters.items;
    *ret_count = counters.count;
    return ARCTIC_OK;
}
