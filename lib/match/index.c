/* Hash index. */
#include "match/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define SLOTS_FIRST 16u
#define SLOTS_HIGHEST 0x80000000u

/* The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
uint64_t arci_hash_number(uint64_t seed, uint64_t number)
{
    uint64_t hash = (seed ^ number) + 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
    return hash ^ hash >> 31;
}

uint64_t arci_hash_bytes(uint64_t seed, const void *bytes, size_t length)
{
    const uint8_t *cursor = bytes;
    uint64_t hash = seed;
    for (; length >= 8; length -= 8, cursor += 8) {
        uint64_t word;
        memcpy(&word, cursor, 8);
        hash = arci_hash_number(hash, word);
    }
    uint64_t rest = length;
    for (size_t i = 0; i < length; i++)
        rest = rest << 8 | cursor[i];
    return arci_hash_number(hash, rest);
}

static void place(struct arci_index *index, uint32_t item)
{
    uint32_t slot = (uint32_t)index->hash_item(index->context, item) & index->mask;
    while (index->slots[slot])
        slot = (slot + 1) & index->mask;
    index->slots[slot] = item;
}

static int grow(struct arci_index *index, uint32_t slots, struct arctic_error *error)
{
    struct arci_index grown = *index;
    grown.slots = calloc(slots, sizeof *grown.slots);
    if (!grown.slots)
        return arci_fail_memory(error);
    grown.mask = slots - 1;
    for (uint32_t i = 0; index->slots && i <= index->mask; i++) {
        if (index->slots[i])
            place(&grown, index->slots[i]);
    }
    free(index->slots);
    *index = grown;
    return ARCTIC_OK;
}

/* At most three of four slots are in use, so that a probe ends soon. */
int arci_index_reserve(struct arci_index *index, uint32_t count, struct arctic_error *error)
{
    uint64_t needed = (uint64_t)index->used + count;
    uint64_t slots = index->slots ? (uint64_t)index->mask + 1 : SLOTS_FIRST;
    while (slots / 4 * 3 < needed)
        slots *= 2;
    if (slots > SLOTS_HIGHEST)
        return arci_fail(error, ARCTIC_E_LIMIT, NULL, "the route table is full");
    if (index->slots && slots == (uint64_t)index->mask + 1)
        return ARCTIC_OK;
    return grow(index, (uint32_t)slots, error);
}

uint32_t arci_index_find(const struct arci_index *index, uint64_t hash, const void *key)
{
    if (!index->slots)
        return 0;
    for (uint32_t slot = (uint32_t)hash & index->mask; index->slots[slot]; slot = (slot + 1) & index->mask) {
        if (index->matches(index->context, index->slots[slot], key))
            return index->slots[slot];
    }
    return 0;
}

void arci_index_insert(struct arci_index *index, uint32_t item)
{
    assert(index->slots && index->used < index->mask);
    place(index, item);
    index->used++;
}

void arci_index_remove(struct arci_index *index, uint32_t item)
{
    uint32_t mask = index->mask;
    uint32_t hole = (uint32_t)index->hash_item(index->context, item) & mask;
    while (index->slots[hole] != item)
        hole = (hole + 1) & mask;
    /* An item behind the hole moves into it, unless its own place lies after the hole (Knuth, vol. 3, 6.4,
     * algorithm R). */
    for (uint32_t next = (hole + 1) & mask; index->slots[next]; next = (next + 1) & mask) {
        uint32_t home = (uint32_t)index->hash_item(index->context, index->slots[next]) & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            index->slots[hole] = index->slots[next];
            hole = next;
        }
    }
    index->slots[hole] = 0;
    index->used--;
}

void arci_index_release(struct arci_index *index)
{
    free(index->slots);
    index->slots = NULL;
    index->mask = index->used = 0;
}
