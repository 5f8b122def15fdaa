/* The order of candidates, and the words for it. */
#include "match/rank.h"

#include <string.h>

static int decide(int order, enum arctic_match_reason reason, enum arctic_match_reason *ret_reason)
{
    if (ret_reason)
        *ret_reason = reason;
    return order;
}

int arci_rank_compare_equal_prefixes(const struct arci_rank *a, const struct arci_rank *b,
                                     enum arctic_match_reason *ret_reason)
{
    if (a->priority != b->priority)
        return decide(a->priority < b->priority ? -1 : 1, ARCTIC_MATCH_HIGHER_PRIORITY, ret_reason);
    int order = strcmp(a->service_id, b->service_id);
    if (order != 0)
        return decide(order, ARCTIC_MATCH_LATER_SERVICE, ret_reason);
    if (a->route_id != b->route_id)
        return decide(a->route_id < b->route_id ? -1 : 1, ARCTIC_MATCH_LATER_ROUTE, ret_reason);
    return decide(0, ARCTIC_MATCH_WINNER, ret_reason);
}

int arci_rank_compare(const struct arci_rank *a, const struct arci_rank *b,
                      enum arctic_match_reason *ret_reason)
{
    if (a->match_class != b->match_class)
        return decide(a->match_class - b->match_class, ARCTIC_MATCH_LOWER_CLASS, ret_reason);
    if (a->source_length != b->source_length)
        return decide(b->source_length - a->source_length, ARCTIC_MATCH_SHORTER_SOURCE, ret_reason);
    if (a->dest_length != b->dest_length)
        return decide(b->dest_length - a->dest_length, ARCTIC_MATCH_SHORTER_DEST, ret_reason);
    return arci_rank_compare_equal_prefixes(a, b, ret_reason);
}

const char *arctic_match_reason_text(int32_t reason)
{
    static const char *const texts[] = {
        [ARCTIC_MATCH_WINNER] = "winner",
        [ARCTIC_MATCH_OTHER_FAMILY] = "other address family",
        [ARCTIC_MATCH_SOURCE_MISMATCH] = "source does not match",
        [ARCTIC_MATCH_DEST_MISMATCH] = "destination does not match",
        [ARCTIC_MATCH_OTHER_INTERFACE] = "takes only what arrives on its own interface",
        [ARCTIC_MATCH_LOWER_CLASS] = "less specific class",
        [ARCTIC_MATCH_SHORTER_SOURCE] = "shorter source prefix",
        [ARCTIC_MATCH_SHORTER_DEST] = "shorter destination prefix",
        [ARCTIC_MATCH_HIGHER_PRIORITY] = "higher priority value",
        [ARCTIC_MATCH_LATER_SERVICE] = "later service id",
        [ARCTIC_MATCH_LATER_ROUTE] = "later route id",
    };
    if (reason < 0 || reason >= (int32_t)(sizeof texts / sizeof texts[0]))
        return "unknown reason";
    return texts[reason];
}
