/*
 * All prefixes of one address family, found by hash: tuple space search (V. Srinivasan, S. Suri, G. Varghese: Packet classification using
 * tuple space search, 1999). Whoever looks for the longest prefix that covers an address knows which lengths there are and asks for each,
 * from the longest down; all that asking costs are reads that do not depend on each other, and so a processor does them side by side.
 *
 * What was made is found within its scope: the sources of some rules, the destinations that go with one source, or those of some rules for
 * any source.
 */
#ifndef ARCI_MATCH_PREFIX_H
#define ARCI_MATCH_PREFIX_H

#include <string.h>

#include <arctic/address.h>

#include "match/filter.h"
#include "match/index.h"
#include "match/lengths.h"
#include "match/pool.h"

/* An address in host order: the top bit of `high` is its first. IPv4 has the upper half of `high`, the rest is zero. */
struct arci_key {
    uint64_t high;
    uint64_t low;
};

enum arci_prefix_kind {
    ARCI_PREFIX_SOURCE = 0,
    ARCI_PREFIX_DEST = 1,
};

/* A prefix that routes have. An item of the pool has as many words as its family's addresses. */
struct arci_prefix {
    uint32_t
        first; /* winner among the routes of exactly this prefix (source: those without destination), 0: none */
    uint32_t
        link; /* source: lengths of the destinations that go with it, 0: none; destination: its source, 0: any source */
    uint8_t length;
    uint8_t kind;   /* enum arci_prefix_kind */
    uint16_t rules; /* whose it is, see arci_table_rules() */
    uint32_t words[];
};

/* Lengths of the destinations of one source. One stays marked until the last destination goes, and costs a look at most. */
struct arci_length_set {
    uint32_t count; /* destinations */
    uint32_t unused;
    uint64_t bits[]; /* as in struct arci_lengths; IPv4: one word */
};

struct arci_prefixes {
    struct arci_pool items;
    struct arci_pool sets; /* struct arci_length_set */
    struct arci_index index;
    struct arci_filter filter;
    uint64_t seed;
    uint8_t family;
    uint8_t words; /* of an address: 1 or 4 */
};

struct arci_scope {
    uint64_t hash;
    uint32_t source; /* of destinations, 0: any */
    uint16_t rules;
    uint8_t kind;
};

/* `seed` is secret where prefixes come from others, who could choose them to collide. */
void arci_prefixes_init(struct arci_prefixes *prefixes, uint8_t family, uint64_t seed);
void arci_prefixes_release(struct arci_prefixes *prefixes);

/* Makes sure that the next `count` new prefixes, half of them destinations, can be had. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_LIMIT. */
int arci_prefixes_reserve(struct arci_prefixes *prefixes, uint32_t count, struct arctic_error *error);

/* Makes a prefix that is not there, out of what was reserved; or takes one out. */
uint32_t arci_prefixes_add(struct arci_prefixes *prefixes, const struct arci_scope *scope,
                           const struct arci_key *network, uint8_t length);
void arci_prefixes_remove(struct arci_prefixes *prefixes, uint32_t prefix);

/* The prefix of this scope and length that covers an address, whose hash is that of arci_prefix_hash(); 0: none. */
uint32_t arci_prefixes_find(const struct arci_prefixes *prefixes, const struct arci_scope *scope,
                            const struct arci_key *network, uint8_t length, uint64_t hash);

/* Writes a prefix to where all is zero. */
void arci_prefixes_cidr(const struct arci_prefixes *prefixes, uint32_t prefix, struct arctic_cidr *zero);

static inline struct arci_prefix *arci_prefix_at(const struct arci_prefixes *prefixes, uint32_t index)
{
    return arci_pool_at(&prefixes->items, index);
}

static inline struct arci_length_set *arci_length_set_at(const struct arci_prefixes *prefixes, uint32_t index)
{
    return arci_pool_at(&prefixes->sets, index);
}

static inline struct arci_key arci_key_from_address(const struct arctic_address *address)
{
    struct arci_key key;
    memcpy(&key, address->bytes, sizeof key);
    key.high = __builtin_bswap64(key.high);
    key.low = __builtin_bswap64(key.low);
    return key;
}

/* The first bits of a word, 0 to 64 of them. */
static inline uint64_t arci_key_mask(unsigned bits)
{
    return bits ? ~(~UINT64_C(0) >> (bits - 1) >> 1) : 0;
}

static inline struct arci_key arci_key_network(const struct arci_key *key, unsigned length)
{
    return (struct arci_key){
        .high = key->high & arci_key_mask(length < 64 ? length : 64),
        .low = key->low & arci_key_mask(length > 64 ? length - 64 : 0),
    };
}

/* `source`: of destinations, 0 for any; without meaning for sources. */
static inline struct arci_scope arci_scope_of(const struct arci_prefixes *prefixes, uint32_t rules,
                                              enum arci_prefix_kind kind, uint32_t source)
{
    uint32_t owner = kind == ARCI_PREFIX_DEST ? source : 0;
    uint64_t number = (uint64_t)rules << 33 | (uint64_t)kind << 32 | owner;
    return (struct arci_scope){arci_hash_number(prefixes->seed, number), owner, (uint16_t)rules,
                               (uint8_t)kind};
}

static inline uint64_t arci_prefix_hash(const struct arci_scope *scope, const struct arci_key *network,
                                        unsigned length)
{
    uint64_t hash = arci_hash_number(scope->hash, network->high ^ length);
    return length <= 64 ? hash : arci_hash_number(hash, network->low);
}

static inline bool arci_prefix_is(const struct arci_prefixes *prefixes, uint32_t index,
                                  const struct arci_scope *scope, const struct arci_key *network,
                                  unsigned length)
{
    const struct arci_prefix *prefix = arci_prefix_at(prefixes, index);
    if (prefix->length != length || prefix->kind != scope->kind || prefix->rules != scope->rules)
        return false;
    if (prefix->kind == ARCI_PREFIX_DEST && prefix->link != scope->source)
        return false;
    if (prefixes->words == 1)
        return prefix->words[0] == network->high >> 32;
    return memcmp(prefix->words, network, sizeof *network) == 0;
}

static inline struct arci_lengths arci_length_set_load(const struct arci_prefixes *prefixes, uint32_t index)
{
    const struct arci_length_set *set = arci_length_set_at(prefixes, index);
    struct arci_lengths lengths = {{set->bits[0]}};
    if (prefixes->words > 1) {
        lengths.bits[1] = set->bits[1];
        lengths.bits[2] = set->bits[2];
    }
    return lengths;
}

/* Asks for the memory of a prefix, which may lie across two lines of the cache. */
static inline void arci_prefix_prefetch(const struct arci_prefixes *prefixes, uint32_t index)
{
    const char *prefix = arci_pool_at(&prefixes->items, index);
    __builtin_prefetch(prefix);
    if (prefixes->words > 1)
        __builtin_prefetch(prefix + sizeof(struct arci_prefix) + sizeof(struct arci_key) - 1);
}

/* Lengths of one byte to ask for. Where there is one only it is asked for itself, else the filter tells more. */
struct arci_guess {
    uint64_t hash; /* of the length; else of the bits that all of them have */
    struct arci_length_byte byte;
    bool single;
};

/* Asks for the memory that is read next. */
static inline struct arci_guess arci_guess_begin(const struct arci_prefixes *prefixes,
                                                 const struct arci_scope *scope, const struct arci_key *key,
                                                 struct arci_length_byte byte)
{
    bool single = (byte.lengths & (byte.lengths - 1)) == 0;
    unsigned length = byte.base + (single ? (unsigned)__builtin_ctz(byte.lengths) : 0);
    struct arci_key network = arci_key_network(key, length);
    struct arci_guess guess = {arci_prefix_hash(scope, &network, length), byte, single};
    if (single)
        arci_index_prefetch(&prefixes->index, guess.hash);
    else
        arci_filter_prefetch(&prefixes->filter, guess.hash);
    return guess;
}

/* Leaves the lengths that may be there. */
static inline void arci_guess_read(const struct arci_prefixes *prefixes, struct arci_guess *guess)
{
    if (!guess->single)
        guess->byte.lengths &= arci_filter_lengths(&prefixes->filter, guess->hash);
}

/* Takes the longest length that is left, with the network of that length and its hash. */
static inline uint8_t arci_guess_take(struct arci_guess *guess, const struct arci_scope *scope,
                                      const struct arci_key *key, struct arci_key *ret_network,
                                      uint64_t *ret_hash)
{
    uint8_t length = arci_length_byte_take(&guess->byte);
    *ret_network = arci_key_network(key, length);
    *ret_hash = guess->single ? guess->hash : arci_prefix_hash(scope, ret_network, length);
    return length;
}

#define ARCI_SEARCH_AHEAD 4 /* guesses that are begun before the first is read */

/* A search for the prefixes of a scope that cover an address, from the longest down. */
struct arci_search {
    const struct arci_prefixes *prefixes;
    struct arci_scope scope;
    struct arci_key key;
    struct arci_lengths lengths;
    struct arci_guess guesses[ARCI_SEARCH_AHEAD];
    unsigned count;
    unsigned at;
};

static inline void arci_search_begin(struct arci_search *search, const struct arci_prefixes *prefixes,
                                     const struct arci_scope *scope, const struct arci_key *key,
                                     const struct arci_lengths *lengths)
{
    search->prefixes = prefixes;
    search->scope = *scope;
    search->key = *key;
    search->lengths = *lengths;
    search->count = search->at = 0;
}

/* The next one, 0: no more. */
uint32_t arci_search_next(struct arci_search *search);

#endif
