/* The hash index beside a plain array that says what is in it: hashes are few, so that buckets fill and items go to those behind. */
#include "tests/unit/unit.h"

#include <string.h>

#include "match/index.h"
#include "tests/unit/random.h"

#define ITEMS 200
#define CHANGES 20000

struct world {
    uint64_t hashes[ITEMS + 1];
    bool present[ITEMS + 1];
    struct arci_index index;
};

static uint64_t hash_item(const void *context, uint32_t item)
{
    const struct world *world = context;
    return world->hashes[item];
}

static bool is_item(const void *context, uint32_t item, const void *key)
{
    (void)context;
    return item == *(const uint32_t *)key;
}

static void check_all(const struct world *world)
{
    for (uint32_t item = 1; item <= ITEMS; item++) {
        uint32_t found = arci_index_find(&world->index, world->hashes[item], &item);
        assert_int_equal(found, world->present[item] ? item : 0);
    }
}

/* `homes`: how many buckets the hashes begin at. */
static void change_at_random(uint32_t homes)
{
    struct world world = {.index = {.hash_item = hash_item, .matches = is_item}};
    struct test_random random = {homes};
    struct arctic_error error;
    world.index.context = &world;
    for (uint32_t item = 1; item <= ITEMS; item++)
        world.hashes[item] = test_random_below(&random, homes) * 31u | (uint64_t)test_random_below(&random, 4)
                                                                           << 62;
    for (int i = 0; i < CHANGES; i++) {
        uint32_t item = 1 + test_random_below(&random, ITEMS);
        if (world.present[item]) {
            arci_index_remove(&world.index, item);
        } else {
            assert_ok(arci_index_reserve(&world.index, 1, item, &error), error);
            arci_index_insert(&world.index, item);
        }
        world.present[item] = !world.present[item];
        if (i % 16 == 0)
            check_all(&world);
    }
    check_all(&world);
    arci_index_release(&world.index);
}

static void test_every_item_is_found_until_it_goes(void **state)
{
    (void)state;
    for (uint32_t homes = 1; homes <= 64; homes *= 4)
        change_at_random(homes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_is_found_until_it_goes),
    };
    return cmocka_run_group_tests_name("match-index", tests, NULL, NULL);
}
