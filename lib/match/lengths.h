/* Sets of prefix lengths, 0 to 128, taken from the longest down. */
#ifndef ARCI_MATCH_LENGTHS_H
#define ARCI_MATCH_LENGTHS_H

#include <stdbool.h>
#include <stdint.h>

#define ARCI_LENGTHS 129 /* how many there are */
#define ARCI_LENGTH_WORDS 3

struct arci_lengths {
    uint64_t bits[ARCI_LENGTH_WORDS];
};

static inline void arci_lengths_add(struct arci_lengths *lengths, unsigned length)
{
    lengths->bits[length / 64] |= UINT64_C(1) << length % 64;
}

static inline void arci_lengths_remove(struct arci_lengths *lengths, unsigned length)
{
    lengths->bits[length / 64] &= ~(UINT64_C(1) << length % 64);
}

static inline bool arci_lengths_empty(const struct arci_lengths *lengths)
{
    return !(lengths->bits[0] | lengths->bits[1] | lengths->bits[2]);
}

/* Lengths from one that is a multiple of eight to that and seven. */
struct arci_length_byte {
    uint8_t lengths; /* bit n: base + n */
    uint8_t base;
};

/* Takes the longest that share a byte out of a set that is not empty. */
static inline struct arci_length_byte arci_lengths_take_byte(struct arci_lengths *lengths)
{
    unsigned word = lengths->bits[2] ? 2 : lengths->bits[1] ? 1 : 0;
    unsigned base = (63 - (unsigned)__builtin_clzll(lengths->bits[word])) & ~7u;
    struct arci_length_byte byte = {(uint8_t)(lengths->bits[word] >> base), (uint8_t)(word * 64 + base)};
    lengths->bits[word] &= ~(UINT64_C(0xff) << base);
    return byte;
}

/* Takes the longest out of a byte that is not empty. */
static inline uint8_t arci_length_byte_take(struct arci_length_byte *byte)
{
    unsigned bit = 31 - (unsigned)__builtin_clz(byte->lengths);
    byte->lengths = (uint8_t)(byte->lengths & ~(1u << bit));
    return (uint8_t)(byte->base + bit);
}

#endif
