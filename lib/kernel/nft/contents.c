/* Dumps of sets, elements and rules (linux/netfilter/nf_tables.h), summed up in hashes. */
#include "kernel/nft/contents.h"

#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <netinet/in.h> /* before linux/in.h, which the next one includes */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/buffer.h"
#include "base/error.h"
#include "kernel/nft/netfilter-private.h"
#include "kernel/nft/ruleset-maps.h"
#include "kernel/nft/ruleset.h"
#include "match/rank.h"

#define SET_NAME 64 /* of ours all are shorter */

/* --- What is a route map: its name says so (arci_ruleset_map_name()). --- */

static bool is_route_map(const char *name)
{
    size_t letters = strspn(name, "ifsd");
    bool known = letters > 0 && letters <= 2 && (name[letters] == '4' || name[letters] == '6');
    return known && name[letters + 1] == '_';
}

static bool is_command(const char *line)
{
    return strncmp(line, "add ", 4) == 0 || strncmp(line, "delete ", 7) == 0 ||
           strncmp(line, "flush ", 6) == 0;
}

bool arci_contents_only_routes(const char *commands)
{
    static const char element[] = "element inet " ARCI_TABLE " ";
    for (const char *line = commands; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!is_command(line))
            continue;
        const char *object = strchr(line, ' ') + 1;
        if (strncmp(object, element, sizeof element - 1) != 0 || !is_route_map(object + sizeof element - 1))
            return false;
    }
    return true;
}

/* --- Expected elements. --- */

static uint64_t hash_text(uint64_t seed, const char *text)
{
    return arci_netfilter_hash(seed, text, strlen(text) + 1);
}

/* As the kernel has it: the parts one after the other, an interface's name in IFNAMSIZ bytes. */
static size_t write_key(const struct arci_tuple *tuple, uint8_t *ret_key)
{
    size_t address = tuple->map.family == ARCTIC_FAMILY_IPV4 ? 4 : 16;
    size_t length = 0;
    if (tuple->map.match_class == ARCTIC_CLASS_INTERFACE) {
        memset(ret_key, 0, IFNAMSIZ);
        memcpy(ret_key, tuple->interface, strnlen(tuple->interface, IFNAMSIZ - 1));
        length = IFNAMSIZ;
    }
    if (tuple->map.source_length != ARCI_RANK_ABSENT) {
        memcpy(ret_key + length, tuple->source, address);
        length += address;
    }
    if (tuple->map.destination_length != ARCI_RANK_ABSENT) {
        memcpy(ret_key + length, tuple->destination, address);
        length += address;
    }
    return length;
}

/* Of a map's name, which the hash of each of its elements begins with. */
static int hash_map(const struct arci_tuple_map *map, uint64_t *ret_seed, struct arctic_error *error)
{
    ARCI_BUFFER name = {0};
    arci_ruleset_map_name(&name, map);
    if (name.failed)
        return arci_fail_memory(error);
    *ret_seed = arci_netfilter_hash(ARCI_NETFILTER_SEED, name.data, name.length);
    return ARCTIC_OK;
}

int arci_contents_expect(const struct arci_plan *plan, struct arci_contents *ret_contents,
                         struct arctic_error *error)
{
    struct arci_contents contents = {.route_count = plan->tuples.elements};
    uint64_t seed = 0;
    for (size_t i = 0; i < plan->tuples.count; i++) {
        const struct arci_tuple *tuple = &plan->tuples.items[i];
        uint8_t key[IFNAMSIZ + 32];
        if (i == 0 || arci_tuple_map_compare(&tuple->map, &tuple[-1].map) != 0) {
            int code = hash_map(&tuple->map, &seed, error);
            if (code < 0)
                return code;
        }
        if (tuple->loses)
            continue;
        uint64_t element = arci_netfilter_hash(seed, key, write_key(tuple, key));
        contents.routes += hash_text(element, arci_plan_of_slot(plan, tuple->slot)->id.text);
    }
    *ret_contents = contents;
    return ARCTIC_OK;
}

/* --- The kernel's. --- */

/* Names of sets, one after the other, each with its NUL. */
static int visit_set(struct nl_msg *message, void *argument)
{
    struct arci_buffer *names = argument;
    struct nlattr *attributes[NFTA_SET_MAX + 1];
    if (arci_netfilter_parse(message, attributes, NFTA_SET_MAX) < 0 ||
        !arci_netfilter_is_table(attributes[NFTA_SET_TABLE]) || !attributes[NFTA_SET_NAME])
        return NL_OK;
    uint32_t flags = arci_netfilter_be32(attributes[NFTA_SET_FLAGS]);
    const char *name = nla_get_string(attributes[NFTA_SET_NAME]);
    if (!(flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL)) && strlen(name) < SET_NAME)
        arci_buffer_append(names, name, strlen(name) + 1);
    return NL_OK;
}

static uint64_t hash_attribute(uint64_t seed, const struct nlattr *attribute)
{
    return attribute ? arci_netfilter_hash(seed, nla_data(attribute), (size_t)nla_len(attribute)) : seed;
}

/* The chain that a verdict leads to, or the value of another map. */
static uint64_t hash_data(uint64_t seed, struct nlattr *data)
{
    struct nlattr *values[NFTA_DATA_MAX + 1];
    struct nlattr *verdict[NFTA_VERDICT_MAX + 1];
    if (!data || nla_parse_nested(values, NFTA_DATA_MAX, data, NULL) < 0)
        return seed;
    if (!values[NFTA_DATA_VERDICT])
        return hash_attribute(seed, values[NFTA_DATA_VALUE]);
    if (nla_parse_nested(verdict, NFTA_VERDICT_MAX, values[NFTA_DATA_VERDICT], NULL) < 0 ||
        !verdict[NFTA_VERDICT_CHAIN])
        return seed;
    return hash_text(seed, nla_get_string(verdict[NFTA_VERDICT_CHAIN]));
}

static uint64_t hash_element(const char *set, struct nlattr *element)
{
    struct nlattr *parts[NFTA_SET_ELEM_MAX + 1];
    struct nlattr *key[NFTA_DATA_MAX + 1] = {NULL};
    uint64_t seed = arci_netfilter_hash(ARCI_NETFILTER_SEED, set, strlen(set));
    if (nla_parse_nested(parts, NFTA_SET_ELEM_MAX, element, NULL) < 0)
        return 0;
    if (parts[NFTA_SET_ELEM_KEY] && nla_parse_nested(key, NFTA_DATA_MAX, parts[NFTA_SET_ELEM_KEY], NULL) < 0)
        return 0;
    seed = hash_attribute(seed, key[NFTA_DATA_VALUE]);
    seed = hash_attribute(seed, parts[NFTA_SET_ELEM_FLAGS]);
    return hash_data(seed, parts[NFTA_SET_ELEM_DATA]);
}

static int visit_elements(struct nl_msg *message, void *argument)
{
    struct arci_contents *sums = argument;
    struct nlattr *attributes[NFTA_SET_ELEM_LIST_MAX + 1];
    struct nlattr *element;
    int left;
    if (arci_netfilter_parse(message, attributes, NFTA_SET_ELEM_LIST_MAX) < 0 ||
        !attributes[NFTA_SET_ELEM_LIST_SET] || !attributes[NFTA_SET_ELEM_LIST_ELEMENTS])
        return NL_OK;
    const char *set = nla_get_string(attributes[NFTA_SET_ELEM_LIST_SET]);
    bool route = is_route_map(set);
    nla_for_each_nested(element, attributes[NFTA_SET_ELEM_LIST_ELEMENTS], left)
    {
        *(route ? &sums->routes : &sums->frame) += hash_element(set, element);
        sums->route_count += route;
    }
    return NL_OK;
}

/* What a rule does; a rule replaced by another keeps its handle. A counter in it goes on counting. */
static uint64_t hash_expressions(uint64_t seed, const struct nlattr *expressions)
{
    struct nlattr *item;
    int left;
    if (!expressions)
        return seed;
    nla_for_each_nested(item, expressions, left)
    {
        struct nlattr *parts[NFTA_EXPR_MAX + 1];
        if (nla_parse_nested(parts, NFTA_EXPR_MAX, item, NULL) < 0 || !parts[NFTA_EXPR_NAME])
            continue;
        const char *name = nla_get_string(parts[NFTA_EXPR_NAME]);
        seed = hash_text(seed, name);
        if (strcmp(name, "counter") != 0)
            seed = hash_attribute(seed, parts[NFTA_EXPR_DATA]);
    }
    return seed;
}

static int visit_rule(struct nl_msg *message, void *argument)
{
    struct arci_contents *sums = argument;
    struct nlattr *attributes[NFTA_RULE_MAX + 1];
    if (arci_netfilter_parse(message, attributes, NFTA_RULE_MAX) < 0 ||
        !arci_netfilter_is_table(attributes[NFTA_RULE_TABLE]))
        return NL_OK;
    uint64_t handle = arci_netfilter_be64(attributes[NFTA_RULE_HANDLE]);
    uint64_t rule = arci_netfilter_hash(ARCI_NETFILTER_SEED, &handle, sizeof handle);
    sums->frame += hash_expressions(rule, attributes[NFTA_RULE_EXPRESSIONS]);
    return NL_OK;
}

static int dump(struct arci_netfilter *netfilter, uint8_t kind, int table_attribute, int set_attribute,
                const char *set, nl_recvmsg_msg_cb_t visit, void *argument)
{
    ARCI_CLEANUP(arci_message_cleanup)
    struct nl_msg *request = arci_netfilter_request(kind, NLM_F_DUMP, table_attribute);
    if (request && set && nla_put_string(request, set_attribute, set) < 0)
        return -NLE_NOMEM;
    return arci_netfilter_ask(netfilter, request, visit, argument);
}

static int dump_all(struct arci_netfilter *netfilter, bool routes, struct arci_buffer *names,
                    struct arci_contents *ret_sums)
{
    *ret_sums = (struct arci_contents){0};
    names->length = 0;
    int result = dump(netfilter, NFT_MSG_GETRULE, NFTA_RULE_TABLE, 0, NULL, visit_rule, ret_sums);
    if (result >= 0)
        result = dump(netfilter, NFT_MSG_GETSET, NFTA_SET_TABLE, 0, NULL, visit_set, names);
    if (result >= 0 && names->failed)
        return -NLE_NOMEM;
    for (size_t at = 0; result >= 0 && at < names->length;) {
        const char *name = (const char *)names->data + at;
        at += strlen(name) + 1;
        if (routes || !is_route_map(name))
            result = dump(netfilter, NFT_MSG_GETSETELEM, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET,
                          name, visit_elements, ret_sums);
    }
    return result;
}

int arci_contents_read(struct arci_netfilter *netfilter, bool routes, struct arci_contents *ret_contents,
                       struct arctic_error *error)
{
    ARCI_BUFFER names = {0};
    struct arci_contents contents;
    int result = -NLE_DUMP_INTR;
    for (int i = 0; i < ARCI_NETFILTER_TRIES && result == -NLE_DUMP_INTR; i++)
        result = dump_all(netfilter, routes, &names, &contents);
    if (result < 0)
        return arci_netfilter_fail(error, result,
                                   "cannot read the contents of the nft table inet " ARCI_TABLE);
    *ret_contents = contents;
    return ARCTIC_OK;
}
