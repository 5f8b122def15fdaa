/* Placement of routes. */
#include "match/place.h"

#include "match/heap.h"

int arci_place_reserve(struct arctic_route_table *table, enum arci_family_index family, uint32_t times,
                       struct arctic_error *error)
{
    struct arci_tries *tries = &table->tries[family];
    int code = arci_forest_spread(&table->rules.sources[family], error);
    if (code == ARCTIC_OK)
        code = arci_forest_spread(&table->rules.destinations[family], error);
    /* A source and a destination each take one entry and one node at most. */
    if (code == ARCTIC_OK)
        code = arci_pool_reserve(&tries->entries, 2 * times, error);
    return code < 0 ? code : arci_pool_reserve(&tries->nodes, 2 * times, error);
}

static struct arci_rules *rules_of(struct arctic_route_table *table, const struct arci_placed_route *route)
{
    return route->own ? &arci_table_service(table, route->service)->own : &table->rules;
}

static uint32_t *root_of(struct arci_forest *forest, const struct arctic_cidr *cidr)
{
    struct arci_key key = arci_key_from_address(&cidr->address);
    return arci_forest_root(forest, key.words, cidr->length);
}

static uint32_t insert(struct arci_tries *tries, uint32_t *root, const struct arctic_cidr *cidr,
                       enum arci_entry_kind kind)
{
    struct arci_key key = arci_key_from_address(&cidr->address);
    return arci_trie_insert(tries, root, &key, cidr->length, kind);
}

void arci_place(struct arctic_route_table *table, uint32_t index, const struct arctic_cidr *source,
                const struct arctic_cidr *destination)
{
    struct arci_placed_route *route = arci_table_route(table, index);
    struct arci_tries *tries = &table->tries[route->family];
    struct arci_rules *rules = rules_of(table, route);
    uint32_t from = 0;
    if (source)
        from = insert(tries, root_of(&rules->sources[route->family], source), source, ARCI_ENTRY_SOURCE);
    route->entry = from;
    if (destination) {
        /* The link may serve as a root: entries do not move while there is space reserved. */
        uint32_t *root = from ? &arci_trie_entry(tries, from)->link
                              : root_of(&rules->destinations[route->family], destination);
        route->entry = insert(tries, root, destination, ARCI_ENTRY_DEST);
        arci_trie_entry(tries, route->entry)->link = from;
    }
    struct arci_trie_entry *entry = arci_trie_entry(tries, route->entry);
    entry->first = arci_heap_insert(table, entry->first, index);
}

static void remove_if_empty(struct arci_tries *tries, struct arci_forest *forest, uint32_t index)
{
    const struct arci_trie_entry *entry = arci_trie_entry(tries, index);
    if (!entry->first && !entry->link)
        arci_trie_remove(tries, arci_forest_root(forest, entry->words, entry->length), index);
}

void arci_unplace(struct arctic_route_table *table, uint32_t index)
{
    struct arci_placed_route *route = arci_table_route(table, index);
    struct arci_tries *tries = &table->tries[route->family];
    struct arci_rules *rules = rules_of(table, route);
    struct arci_trie_entry *entry = arci_trie_entry(tries, route->entry);
    entry->first = arci_heap_remove(table, entry->first, index);
    if (entry->kind == ARCI_ENTRY_SOURCE) {
        remove_if_empty(tries, &rules->sources[route->family], route->entry);
        return;
    }
    if (entry->first)
        return;
    uint32_t from = entry->link;
    entry->link = 0;
    if (!from) {
        remove_if_empty(tries, &rules->destinations[route->family], route->entry);
        return;
    }
    arci_trie_remove(tries, &arci_trie_entry(tries, from)->link, route->entry);
    remove_if_empty(tries, &rules->sources[route->family], from);
}
