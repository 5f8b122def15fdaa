/* Skew heap of routes. */
#include "match/heap.h"

static bool before(const struct arctic_route_table *table, uint32_t a, uint32_t b)
{
    const struct arci_placed_route *left = arci_table_route(table, a);
    const struct arci_placed_route *right = arci_table_route(table, b);
    struct arci_rank rank_a = {
        .priority = left->priority,
        .service_id = arci_table_service(table, left->service)->id.text,
        .route_id = left->id,
    };
    struct arci_rank rank_b = {
        .priority = right->priority,
        .service_id = arci_table_service(table, right->service)->id.text,
        .route_id = right->id,
    };
    return arci_rank_compare_equal_prefixes(&rank_a, &rank_b, NULL) < 0;
}

/* Joins two heaps below `parent`: along the right spines, whose nodes swap their children, so that spines
 * stay short. */
static uint32_t merge(const struct arctic_route_table *table, uint32_t a, uint32_t b, uint32_t parent)
{
    uint32_t root = 0;
    uint32_t *slot = &root;
    while (a && b) {
        if (before(table, b, a)) {
            uint32_t swapped = a;
            a = b;
            b = swapped;
        }
        struct arci_placed_route *top = arci_table_route(table, a);
        uint32_t right = top->child[1];
        *slot = a;
        top->parent = parent;
        top->child[1] = top->child[0];
        slot = &top->child[0];
        parent = a;
        a = right;
    }
    *slot = a ? a : b;
    if (*slot)
        arci_table_route(table, *slot)->parent = parent;
    return root;
}

uint32_t arci_heap_insert(const struct arctic_route_table *table, uint32_t root, uint32_t route)
{
    return merge(table, root, route, 0);
}

uint32_t arci_heap_remove(const struct arctic_route_table *table, uint32_t root, uint32_t route)
{
    struct arci_placed_route *removed = arci_table_route(table, route);
    uint32_t parent = removed->parent;
    uint32_t merged = merge(table, removed->child[0], removed->child[1], parent);
    removed->child[0] = removed->child[1] = removed->parent = 0;
    if (!parent)
        return merged;
    struct arci_placed_route *above = arci_table_route(table, parent);
    above->child[above->child[1] == route] = merged;
    return root;
}
