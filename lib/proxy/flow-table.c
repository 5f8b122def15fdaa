/* See flow-table.h. */
#include "proxy/flow-table.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/secret.h"

#define FIRST_CHAINS 256

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9fb21c651e98df25u;
    return hash ^ hash >> 32;
}

static uint64_t mix_endpoint(uint64_t hash, const struct arctic_endpoint *endpoint)
{
    uint64_t halves[2];
    memcpy(halves, endpoint->address.bytes, sizeof halves);
    return mix(mix(mix(hash, halves[0]), halves[1]), endpoint->port);
}

static struct arci_flow_key **chain_of(const struct arci_flow_table *table, const struct arci_flow_key *key)
{
    uint64_t hash = mix_endpoint(mix_endpoint(table->seed, &key->client), &key->destination);
    return &table->chains[hash & (table->chain_count - 1)];
}

static bool same(const struct arci_flow_key *a, const struct arci_flow_key *b)
{
    return arci_endpoint_equal(&a->client, &b->client) &&
           arci_endpoint_equal(&a->destination, &b->destination);
}

int arci_flow_table_init(struct arci_flow_table *table, struct arctic_error *error)
{
    *table = (struct arci_flow_table){.chain_count = FIRST_CHAINS};
    table->chains = calloc(FIRST_CHAINS, sizeof(struct arci_flow_key *));
    if (!table->chains)
        return arci_fail_memory(error);
    return arci_random_bytes(&table->seed, sizeof table->seed, error);
}

void arci_flow_table_release(struct arci_flow_table *table)
{
    free(table->chains);
    *table = (struct arci_flow_table){0};
}

static void grow(struct arci_flow_table *table)
{
    struct arci_flow_table larger = *table;
    larger.chain_count = table->chain_count * 2;
    larger.chains = calloc(larger.chain_count, sizeof(struct arci_flow_key *));
    if (!larger.chains)
        return;
    for (size_t i = 0; i < table->chain_count; i++) {
        struct arci_flow_key *key;
        while ((key = table->chains[i])) {
            table->chains[i] = key->next;
            struct arci_flow_key **chain = chain_of(&larger, key);
            key->next = *chain;
            *chain = key;
        }
    }
    free(table->chains);
    *table = larger;
}

bool arci_flow_table_add(struct arci_flow_table *table, struct arci_flow_key *key)
{
    if (table->count >= table->chain_count)
        grow(table);
    struct arci_flow_key **chain = chain_of(table, key);
    for (const struct arci_flow_key *other = *chain; other; other = other->next) {
        if (same(other, key))
            return false;
    }
    key->next = *chain;
    *chain = key;
    table->count++;
    return true;
}

void arci_flow_table_remove(struct arci_flow_table *table, struct arci_flow_key *key)
{
    struct arci_flow_key **at = chain_of(table, key);
    while (*at != key)
        at = &(*at)->next;
    *at = key->next;
    table->count--;
}
