/* A repeatable random source for property tests: splitmix64, seeded by the test, its seed printed when a
 * check fails. */
#ifndef ARCTIC_TESTS_RANDOM_H
#define ARCTIC_TESTS_RANDOM_H

#include <stdint.h>

struct test_random {
    uint64_t state;
};

static inline uint64_t test_random_next(struct test_random *random)
{
    uint64_t value = random->state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

/* 0 .. limit - 1. */
static inline uint32_t test_random_below(struct test_random *random, uint32_t limit)
{
    return (uint32_t)(test_random_next(random) >> 32) % limit;
}

#endif
