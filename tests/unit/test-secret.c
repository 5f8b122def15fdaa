/* Randomness, wiping, comparison. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

static void test_random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[1000] = {0};
    uint8_t b[1000] = {0};
    unsigned bits = 0;
    struct arctic_error error;
    assert_ok(arci_random_bytes(a, sizeof a, &error), error);
    assert_ok(arci_random_bytes(b, sizeof b, &error), error);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        bits += (unsigned)__builtin_popcount(a[i]);
    /* 8000 bits, half of them set: ten standard deviations are 447. */
    assert_in_range(bits, 3553, 4447);
    assert_ok(arci_random_bytes(a, 0, &error), error);
}

static void test_wiping(void **state)
{
    (void)state;
    static const char zeros[16];
    char secret[16] = "hunter2 hunter2";
    arci_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zeros, sizeof zeros);
    arci_free_secret(NULL);
    arci_free_secret(strdup("secret"));
}

static void test_comparison(void **state)
{
    (void)state;
    uint8_t a[32];
    uint8_t b[32];
    memset(a, 0x5a, sizeof a);
    memcpy(b, a, sizeof b);
    assert_true(arci_equal_constant_time(a, b, sizeof a));
    assert_true(arci_equal_constant_time(a, b, 0));
    for (size_t bit = 0; bit < sizeof a * 8; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(arci_equal_constant_time(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_bytes_differ),
        cmocka_unit_test(test_wiping),
        cmocka_unit_test(test_comparison),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
