/* The total order of candidates (<arctic/match.h>), said once: adding, explaining and sorting all use it. */
#ifndef ARCI_MATCH_RANK_H
#define ARCI_MATCH_RANK_H

#include <arctic/match.h>

#define ARCI_RANK_ABSENT (-1) /* length of an absent prefix: after 0 */

struct arci_rank {
    int32_t match_class;
    int32_t source_length; /* ARCI_RANK_ABSENT where there is none */
    int32_t dest_length;
    int32_t priority;
    const char *service_id;
    uint64_t route_id;
};

/*
 * Compares two candidates of one flow: negative when `a` ranks first, positive when `b` does, 0 when they are
 * the same. *ret_reason (NULL allowed) is the first rule that tells them apart, as a reason of the one that
 * loses.
 */
int arci_rank_compare(const struct arci_rank *a, const struct arci_rank *b,
                      enum arctic_match_reason *ret_reason);

/* The same for routes of the same prefixes and class: priority, service id, route id. */
int arci_rank_compare_equal_prefixes(const struct arci_rank *a, const struct arci_rank *b,
                                     enum arctic_match_reason *ret_reason);

#endif
