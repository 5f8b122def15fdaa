/* Explaining a match: every route with the rule that decided. It goes through all routes, and so does not
 * share the tries' logic. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "match/flow.h"
#include "match/rank.h"
#include "match/table.h"

static int32_t rank_length(const struct arctic_cidr *cidr)
{
    return cidr->address.family == ARCTIC_FAMILY_NONE ? ARCI_RANK_ABSENT : cidr->length;
}

static struct arci_rank rank_of(const struct arctic_match *match)
{
    return (struct arci_rank){
        .match_class = match->match_class,
        .source_length = rank_length(&match->source),
        .dest_length = rank_length(&match->destination),
        .priority = match->priority,
        .service_id = match->service_id.text,
        .route_id = match->route_id,
    };
}

/* Why a route does not take the flow; ARCTIC_MATCH_WINNER when it would. */
static enum arctic_match_reason mismatch(const struct arctic_match *route, const struct arctic_flow *flow)
{
    uint8_t source = route->source.address.family;
    uint8_t destination = route->destination.address.family;
    if ((source ? source : destination) != flow->source.family)
        return ARCTIC_MATCH_OTHER_FAMILY;
    if (source && !arctic_cidr_contains(&route->source, &flow->source))
        return ARCTIC_MATCH_SOURCE_MISMATCH;
    if (destination && !arctic_cidr_contains(&route->destination, &flow->destination))
        return ARCTIC_MATCH_DEST_MISMATCH;
    return ARCTIC_MATCH_WINNER;
}

/* The service's row when it takes all from its interface, otherwise one for each of its routes. */
static size_t list_service(const struct arctic_route_table *table, const struct arci_placed_service *service,
                           const struct arctic_flow *flow, struct arctic_match *rows)
{
    size_t count = 0;
    bool on_interface = service->interface[0] && strcmp(service->interface, flow->interface) == 0;
    if (service->interface[0] && service->route_count == 0) {
        int32_t reason = on_interface ? ARCTIC_MATCH_WINNER : ARCTIC_MATCH_OTHER_INTERFACE;
        rows[count++] = (struct arctic_match){.service_id = service->id, .reason = reason};
    }
    for (uint32_t i = service->routes; i; i = arci_table_route(table, i)->next) {
        if (arci_table_route(table, i)->own)
            continue;
        struct arctic_match *row = &rows[count++];
        arci_table_describe(table, i, row);
        row->match_class = arci_flow_class(row, on_interface);
        row->reason = (int32_t)mismatch(row, flow);
    }
    return count;
}

/* Those that match in their order of rank, then the rest by service and route. */
static int compare_rows(const void *left, const void *right)
{
    const struct arctic_match *a = left;
    const struct arctic_match *b = right;
    bool a_matches = a->reason == ARCTIC_MATCH_WINNER;
    bool b_matches = b->reason == ARCTIC_MATCH_WINNER;
    if (a_matches != b_matches)
        return a_matches ? -1 : 1;
    if (a_matches) {
        struct arci_rank rank_a = rank_of(a);
        struct arci_rank rank_b = rank_of(b);
        return arci_rank_compare(&rank_a, &rank_b, NULL);
    }
    int order = strcmp(a->service_id.text, b->service_id.text);
    return order ? order : (a->route_id > b->route_id) - (a->route_id < b->route_id);
}

/* The rows are sorted, so a winner is the first, and whatever else matches gets its reason from it. */
static void give_reasons(struct arctic_match *rows, size_t count)
{
    if (count == 0)
        return;
    struct arci_rank winner = rank_of(&rows[0]);
    for (size_t i = 1; i < count && rows[i].reason == ARCTIC_MATCH_WINNER; i++) {
        struct arci_rank loser = rank_of(&rows[i]);
        enum arctic_match_reason reason = ARCTIC_MATCH_WINNER;
        arci_rank_compare(&winner, &loser, &reason);
        rows[i].reason = (int32_t)reason;
    }
}

int arctic_route_table_explain(const struct arctic_route_table *table, const struct arctic_flow *flow,
                               struct arctic_match **ret_matches, size_t *ret_count,
                               struct arctic_error *error)
{
    if (!table || !ret_matches || !ret_count)
        return arci_fail(error, ARCTIC_E_USAGE, "table", "a table and a place for the matches are needed");
    int code = arci_flow_check(flow, error);
    if (code < 0)
        return code;
    size_t most = table->route_count + table->service_index.used;
    ARCI_FREE struct arctic_match *rows = calloc(most ? most : 1, sizeof *rows);
    if (!rows)
        return arci_fail_memory(error);
    size_t count = 0;
    const struct arci_index *services = &table->service_index;
    for (uint32_t i = 0; services->slots && i <= services->mask; i++) {
        if (services->slots[i])
            count += list_service(table, arci_table_service(table, services->slots[i] & services->mask), flow,
                                  rows + count);
    }
    qsort(rows, count, sizeof *rows, compare_rows);
    give_reasons(rows, count);
    *ret_matches = arci_steal(rows);
    *ret_count = count;
    return ARCTIC_OK;
}

void arctic_match_free(struct arctic_match *matches)
{
    free(matches);
}
