/*
 * Hash index over items of a pool: open addressing in buckets of eight slots, the one of the hash and those behind it, deletion by moving
 * items back, so that it never needs a sweep. A slot has the item in its low bits, as many as number the slots, and in those above a tag
 * from the item's hash: most items with another key are passed by without a look at them, which in a large table would be a miss of the
 * cache. A bucket is compared as a whole, without a branch on what is in a slot, which nobody could foretell.
 */
#ifndef ARCI_MATCH_INDEX_H
#define ARCI_MATCH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct arci_index {
    uint32_t *slots; /* item and tag, 0: empty */
    uint32_t mask;   /* slots - 1; no item is higher */
    uint32_t used;
    const void *context;
    uint64_t (*hash_item)(const void *context, uint32_t item);
    bool (*matches)(const void *context, uint32_t item, const void *key);
};

/*
 * Makes sure that the next `count` insertions succeed, of items up to `highest`. Errors: ARCTIC_E_NO_MEMORY,
 * ARCTIC_E_LIMIT.
 */
int arci_index_reserve(struct arci_index *index, uint32_t count, uint32_t highest,
                       struct arctic_error *error);

/* Finds the item of a key whose hash is given; 0 where there is none. */
uint32_t arci_index_find(const struct arci_index *index, uint64_t hash, const void *key);

/* Inserts an item, still unlike all there, into reserved space; removes one that is there. */
void arci_index_insert(struct arci_index *index, uint32_t item);
void arci_index_remove(struct arci_index *index, uint32_t item);

void arci_index_release(struct arci_index *index);

#define ARCI_INDEX_BUCKET 8u

/* Slots of a bucket, bit n for its n-th. */
struct arci_bucket_scan {
    uint8_t matches; /* may have an item with the hash */
    uint8_t empty;
};

/* The bucket to begin at for a hash, as the number of its first slot, in an index that has slots. */
static inline uint32_t arci_index_home(const struct arci_index *index, uint64_t hash)
{
    return (uint32_t)hash & index->mask & ~(ARCI_INDEX_BUCKET - 1);
}

static inline uint32_t arci_index_after(const struct arci_index *index, uint32_t bucket)
{
    return (bucket + ARCI_INDEX_BUCKET) & index->mask;
}

static inline uint32_t arci_index_tag(const struct arci_index *index, uint64_t hash)
{
    return (uint32_t)(hash >> 32) & ~index->mask;
}

static inline uint32_t arci_index_item(const struct arci_index *index, uint32_t slot)
{
    return index->slots[slot] & index->mask;
}

static inline struct arci_bucket_scan arci_index_scan(const struct arci_index *index, uint32_t bucket,
                                                      uint64_t hash)
{
#ifdef __SSE2__
    const __m128i *slots = (const __m128i *)(const void *)&index->slots[bucket];
    __m128i low = _mm_loadu_si128(slots);
    __m128i high = _mm_loadu_si128(slots + 1);
    __m128i tag = _mm_set1_epi32((int)arci_index_tag(index, hash));
    __m128i mask = _mm_set1_epi32((int)index->mask);
    __m128i none = _mm_setzero_si128();
    __m128i matches = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_andnot_si128(mask, low), tag),
                                      _mm_cmpeq_epi32(_mm_andnot_si128(mask, high), tag));
    __m128i empty = _mm_packs_epi32(_mm_cmpeq_epi32(low, none), _mm_cmpeq_epi32(high, none));
    unsigned bits = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(matches, empty));
    return (struct arci_bucket_scan){(uint8_t)(bits & ~(bits >> 8)), (uint8_t)(bits >> 8)};
#else
    unsigned matches = 0;
    unsigned empty = 0;
    for (unsigned i = 0; i < ARCI_INDEX_BUCKET; i++) {
        uint32_t content = index->slots[bucket + i];
        matches |= (unsigned)((content & ~index->mask) == arci_index_tag(index, hash)) << i;
        empty |= (unsigned)(content == 0) << i;
    }
    return (struct arci_bucket_scan){(uint8_t)(matches & ~empty), (uint8_t)empty};
#endif
}

/* An item of the first bucket that may have the hash; 0: there is none. *ret_complete tells whether other buckets need no look. */
static inline uint32_t arci_index_first(const struct arci_index *index, uint64_t hash, bool *ret_complete)
{
    uint32_t bucket = arci_index_home(index, hash);
    struct arci_bucket_scan scan = arci_index_scan(index, bucket, hash);
    unsigned slot = (unsigned)__builtin_ctz(scan.matches | 1u << (ARCI_INDEX_BUCKET - 1));
    *ret_complete = scan.empty != 0;
    return arci_index_item(index, bucket + slot) & -(uint32_t)(scan.matches != 0);
}

/* Asks for the memory that a search begins with. */
static inline void arci_index_prefetch(const struct arci_index *index, uint64_t hash)
{
    __builtin_prefetch(&index->slots[arci_index_home(index, hash)]);
}

/* Mixes a number into a seed: the finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static inline uint64_t arci_hash_number(uint64_t seed, uint64_t number)
{
    uint64_t hash = (seed ^ number) + 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
    return hash ^ hash >> 31;
}

/* The same for bytes. */
uint64_t arci_hash_bytes(uint64_t seed, const void *bytes, size_t length);

#endif
