/* Prefixes of one family. */
#include "match/prefix.h"

#include "base/address.h"

static struct arci_key network_of(const struct arci_prefixes *prefixes, const struct arci_prefix *prefix)
{
    struct arci_key network = {.high = (uint64_t)prefix->words[0] << 32};
    if (prefixes->words > 1)
        memcpy(&network, prefix->words, sizeof network);
    return network;
}

/* The hash of a prefix's first bits, `length` of them. */
static uint64_t hash_first(const struct arci_prefixes *prefixes, uint32_t item, unsigned length)
{
    const struct arci_prefix *prefix = arci_prefix_at(prefixes, item);
    struct arci_scope scope =
        arci_scope_of(prefixes, prefix->rules, (enum arci_prefix_kind)prefix->kind, prefix->link);
    struct arci_key whole = network_of(prefixes, prefix);
    struct arci_key network = arci_key_network(&whole, length);
    return arci_prefix_hash(&scope, &network, length);
}

static uint64_t hash_prefix(const void *context, uint32_t item)
{
    return hash_first(context, item, arci_prefix_at(context, item)->length);
}

static uint64_t hash_for_filter(const struct arci_prefixes *prefixes, uint32_t item)
{
    return hash_first(prefixes, item, arci_prefix_at(prefixes, item)->length & ~(ARCI_FILTER_LENGTHS - 1u));
}

void arci_prefixes_init(struct arci_prefixes *prefixes, uint8_t family, uint64_t seed)
{
    bool ipv4 = family == ARCTIC_FAMILY_IPV4;
    uint8_t words = (uint8_t)(arci_address_size(family) / 4);
    size_t bits = ipv4 ? 1 : ARCI_LENGTH_WORDS;
    *prefixes = (struct arci_prefixes){
        .items = {.item_size = (uint32_t)(sizeof(struct arci_prefix) + words * sizeof(uint32_t))},
        .sets = {.item_size = (uint32_t)(sizeof(struct arci_length_set) + bits * sizeof(uint64_t))},
        .index = {.context = prefixes, .hash_item = hash_prefix},
        .seed = seed,
        .family = family,
        .words = words,
    };
}

void arci_prefixes_release(struct arci_prefixes *prefixes)
{
    arci_pool_release(&prefixes->items);
    arci_pool_release(&prefixes->sets);
    arci_index_release(&prefixes->index);
    arci_filter_release(&prefixes->filter);
}

/* The filter grows with the index: about one prefix a word. */
static int reserve_filter(struct arci_prefixes *prefixes, struct arctic_error *error)
{
    const struct arci_index *index = &prefixes->index;
    uint32_t words = (index->mask + 1) / 2;
    struct arci_filter grown;
    if (prefixes->filter.words && prefixes->filter.mask + 1 >= words)
        return ARCTIC_OK;
    int code = arci_filter_create(&grown, words, error);
    if (code < 0)
        return code;
    for (uint32_t i = 0; i <= index->mask; i++) {
        uint32_t item = index->slots[i] & index->mask;
        if (item)
            arci_filter_add(&grown, hash_for_filter(prefixes, item), arci_prefix_at(prefixes, item)->length);
    }
    arci_filter_release(&prefixes->filter);
    prefixes->filter = grown;
    return ARCTIC_OK;
}

int arci_prefixes_reserve(struct arci_prefixes *prefixes, uint32_t count, struct arctic_error *error)
{
    int code = arci_pool_reserve(&prefixes->items, count, error);
    if (code == ARCTIC_OK)
        code = arci_pool_reserve(&prefixes->sets, count / 2, error);
    if (code == ARCTIC_OK)
        code = arci_index_reserve(&prefixes->index, count, arci_pool_highest(&prefixes->items, count), error);
    return code < 0 ? code : reserve_filter(prefixes, error);
}

uint32_t arci_prefixes_add(struct arci_prefixes *prefixes, const struct arci_scope *scope,
                           const struct arci_key *network, uint8_t length)
{
    uint32_t index = arci_pool_take(&prefixes->items);
    struct arci_prefix *prefix = arci_prefix_at(prefixes, index);
    prefix->length = length;
    prefix->kind = scope->kind;
    prefix->rules = scope->rules;
    prefix->link = scope->source;
    if (prefixes->words == 1)
        prefix->words[0] = (uint32_t)(network->high >> 32);
    else
        memcpy(prefix->words, network, sizeof *network);
    arci_index_insert(&prefixes->index, index);
    arci_filter_add(&prefixes->filter, hash_for_filter(prefixes, index), length);
    return index;
}

void arci_prefixes_remove(struct arci_prefixes *prefixes, uint32_t prefix)
{
    arci_index_remove(&prefixes->index, prefix);
    arci_filter_remove(&prefixes->filter, hash_for_filter(prefixes, prefix),
                       arci_prefix_at(prefixes, prefix)->length);
    arci_pool_give(&prefixes->items, prefix);
}

uint32_t arci_prefixes_find(const struct arci_prefixes *prefixes, const struct arci_scope *scope,
                            const struct arci_key *network, uint8_t length, uint64_t hash)
{
    if (!prefixes->index.slots)
        return 0;
    const struct arci_index *index = &prefixes->index;
    for (uint32_t bucket = arci_index_home(index, hash);; bucket = arci_index_after(index, bucket)) {
        struct arci_bucket_scan scan = arci_index_scan(index, bucket, hash);
        for (unsigned left = scan.matches; left; left &= left - 1) {
            uint32_t item = arci_index_item(index, bucket + (uint32_t)__builtin_ctz(left));
            if (arci_prefix_is(prefixes, item, scope, network, length))
                return item;
        }
        if (scan.empty)
            return 0;
    }
}

/* The longest of the lengths that a guess has left. */
static uint32_t longest_of(const struct arci_search *search, struct arci_guess *guess)
{
    arci_guess_read(search->prefixes, guess);
    while (guess->byte.lengths) {
        struct arci_key network;
        uint64_t hash;
        uint8_t length = arci_guess_take(guess, &search->scope, &search->key, &network, &hash);
        uint32_t found = arci_prefixes_find(search->prefixes, &search->scope, &network, length, hash);
        if (found)
            return found;
    }
    return 0;
}

static void begin_guesses(struct arci_search *search)
{
    search->count = search->at = 0;
    while (search->count < ARCI_SEARCH_AHEAD && !arci_lengths_empty(&search->lengths)) {
        struct arci_length_byte byte = arci_lengths_take_byte(&search->lengths);
        search->guesses[search->count++] =
            arci_guess_begin(search->prefixes, &search->scope, &search->key, byte);
    }
}

uint32_t arci_search_next(struct arci_search *search)
{
    for (;;) {
        for (; search->at < search->count; search->at++) {
            uint32_t found = longest_of(search, &search->guesses[search->at]);
            if (found)
                return found;
        }
        begin_guesses(search);
        if (search->count == 0)
            return 0;
    }
}

void arci_prefixes_cidr(const struct arci_prefixes *prefixes, uint32_t index, struct arctic_cidr *zero)
{
    const struct arci_prefix *prefix = arci_prefix_at(prefixes, index);
    zero->address.family = prefixes->family;
    zero->length = prefix->length;
    if (prefixes->words == 1) {
        uint32_t network = __builtin_bswap32(prefix->words[0]);
        memcpy(zero->address.bytes, &network, sizeof network);
        return;
    }
    struct arci_key network = network_of(prefixes, prefix);
    network.high = __builtin_bswap64(network.high);
    network.low = __builtin_bswap64(network.low);
    memcpy(zero->address.bytes, &network, sizeof network);
}
