/* Hash index. */
#include "match/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "match/pool.h"

#define SLOTS_FIRST 16u
#define SLOTS_HIGHEST 0x80000000u

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
    uint64_t hash = index->hash_item(index->context, item);
    uint32_t bucket = arci_index_home(index, hash);
    uint8_t empty;
    while ((empty = arci_index_scan(index, bucket, hash).empty) == 0)
        bucket = arci_index_after(index, bucket);
    index->slots[bucket + (uint32_t)__builtin_ctz(empty)] = item | arci_index_tag(index, hash);
}

static int grow(struct arci_index *index, uint32_t slots, struct arctic_error *error)
{
    struct arci_index grown = *index;
    size_t size = slots * sizeof *grown.slots;
    grown.slots = arci_pool_allocate(size);
    if (!grown.slots)
        return arci_fail_memory(error);
    memset(grown.slots, 0, size);
    grown.mask = slots - 1;
    for (uint32_t i = 0; index->slots && i <= index->mask; i++) {
        if (index->slots[i])
            place(&grown, index->slots[i] & index->mask);
    }
    free(index->slots);
    *index = grown;
    return ARCTIC_OK;
}

/* At most three of four slots are in use, so that most buckets have room. */
int arci_index_reserve(struct arci_index *index, uint32_t count, uint32_t highest, struct arctic_error *error)
{
    uint64_t needed = (uint64_t)index->used + count;
    uint64_t slots = index->slots ? (uint64_t)index->mask + 1 : SLOTS_FIRST;
    while (slots / 4 * 3 < needed || slots <= highest)
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
    for (uint32_t bucket = arci_index_home(index, hash);; bucket = arci_index_after(index, bucket)) {
        struct arci_bucket_scan scan = arci_index_scan(index, bucket, hash);
        for (unsigned left = scan.matches; left; left &= left - 1) {
            uint32_t item = arci_index_item(index, bucket + (uint32_t)__builtin_ctz(left));
            if (index->matches(index->context, item, key))
                return item;
        }
        if (scan.empty)
            return 0;
    }
}

void arci_index_insert(struct arci_index *index, uint32_t item)
{
    assert(index->slots && index->used < index->mask && item <= index->mask);
    place(index, item);
    index->used++;
}

static uint32_t home_of_slot(const struct arci_index *index, uint32_t slot)
{
    uint64_t hash = index->hash_item(index->context, arci_index_item(index, slot));
    return arci_index_home(index, hash);
}

static bool is_full(const struct arci_index *index, uint32_t bucket)
{
    return arci_index_scan(index, bucket, 0).empty == 0;
}

static uint32_t slot_of(const struct arci_index *index, uint32_t item)
{
    uint32_t slot = arci_index_home(index, index->hash_item(index->context, item));
    while (arci_index_item(index, slot) != item)
        slot = (slot + 1) & index->mask;
    return slot;
}

/* A slot of a bucket whose item would be found in the hole's bucket, too, or the hole where there is none. */
static uint32_t movable_slot(const struct arci_index *index, uint32_t bucket, uint32_t hole)
{
    uint32_t distance = (bucket - hole / ARCI_INDEX_BUCKET * ARCI_INDEX_BUCKET) & index->mask;
    for (uint32_t slot = bucket; slot < bucket + ARCI_INDEX_BUCKET; slot++) {
        if (index->slots[slot] && ((bucket - home_of_slot(index, slot)) & index->mask) >= distance)
            return slot;
    }
    return hole;
}

/* All buckets from an item's own to the one it is in must stay full: an item behind the hole moves into it (Knuth, vol. 3, 6.4, algorithm R,
 * of buckets). */
void arci_index_remove(struct arci_index *index, uint32_t item)
{
    uint32_t hole = slot_of(index, item);
    uint32_t bucket = hole / ARCI_INDEX_BUCKET * ARCI_INDEX_BUCKET;
    bool full = is_full(index, bucket);
    while (full) {
        bucket = arci_index_after(index, bucket);
        full = is_full(index, bucket);
        uint32_t slot = movable_slot(index, bucket, hole);
        index->slots[hole] = index->slots[slot];
        hole = slot;
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
