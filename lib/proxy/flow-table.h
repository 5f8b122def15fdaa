/* The flows of a worker by their client's and destination's addresses and ports, to find one that comes round again. */
#ifndef ARCI_PROXY_FLOW_TABLE_H
#define ARCI_PROXY_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>

/* A row, within the flow. */
struct arci_flow_key {
    struct arctic_endpoint client;
    struct arctic_endpoint destination;
    struct arci_flow_key *next; /* of its chain */
};

struct arci_flow_table {
    struct arci_flow_key **chains;
    size_t chain_count; /* a power of two */
    size_t count;
    uint64_t seed; /* clients choose their ports: without it they could choose one chain */
};

/* Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_SYSTEM. */
int arci_flow_table_init(struct arci_flow_table *table, struct arctic_error *error);
void arci_flow_table_release(struct arci_flow_table *table);

/* Adds a row; false when one of the same addresses and ports is there. Never fails for want of memory: chains grow longer. */
bool arci_flow_table_add(struct arci_flow_table *table, struct arci_flow_key *key);

/* Removes a row that is there. */
void arci_flow_table_remove(struct arci_flow_table *table, struct arci_flow_key *key);

#endif
