/* Hash index over items of a pool: open addressing, linear probing, deletion by shifting back, so that it
 * never needs a sweep. */
#ifndef ARCI_MATCH_INDEX_H
#define ARCI_MATCH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

struct arci_index {
    uint32_t *slots; /* item, 0: empty */
    uint32_t mask;   /* slots - 1 */
    uint32_t used;
    const void *context;
    uint64_t (*hash_item)(const void *context, uint32_t item);
    bool (*matches)(const void *context, uint32_t item, const void *key);
};

/* Makes sure that the next `count` insertions succeed. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_LIMIT. */
int arci_index_reserve(struct arci_index *index, uint32_t count, struct arctic_error *error);

/* Finds the item of a key whose hash is given; 0 where there is none. */
uint32_t arci_index_find(const struct arci_index *index, uint64_t hash, const void *key);

/* Inserts an item, still unlike all there, into reserved space; removes one that is there. */
void arci_index_insert(struct arci_index *index, uint32_t item);
void arci_index_remove(struct arci_index *index, uint32_t item);

void arci_index_release(struct arci_index *index);

/* Mixes bytes or a number into a seed. */
uint64_t arci_hash_bytes(uint64_t seed, const void *bytes, size_t length);
uint64_t arci_hash_number(uint64_t seed, uint64_t number);

#endif
