/* The hash tree: equal sets have equal roots whatever their history, different ones differ on one path, and ranges are whole. */
#include "tests/unit/unit.h"

#include <string.h>

#include "cluster/hash-tree.h"
#include "tests/unit/random.h"

#define ENTRIES 600

struct world {
    struct arci_hash_tree *tree;
    struct arci_entry *entries[ENTRIES];
};

static struct arci_entry *make_entry(struct test_random *random)
{
    struct arci_entry *entry = calloc(1, sizeof *entry);
    assert_non_null(entry);
    for (size_t i = 0; i < ARCI_SHA256_SIZE; i++) {
        entry->place[i] = (uint8_t)test_random_below(random, 256);
        entry->hash[i] = (uint8_t)test_random_below(random, 256);
    }
    return entry;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct test_random random = {.state = 7};
    assert_int_equal(arci_hash_tree_create(&world->tree, NULL), ARCTIC_OK);
    for (size_t i = 0; i < ENTRIES; i++)
        world->entries[i] = make_entry(&random);
    /* The first and the last leaf have some. */
    memset(world->entries[0]->place, 0, 2);
    memset(world->entries[1]->place, 0xff, ARCI_SHA256_SIZE);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < ENTRIES; i++)
        free(world->entries[i]);
    arci_hash_tree_free(world->tree);
    free(world);
    return 0;
}

static void put(struct arci_hash_tree *tree, const struct arci_entry *entry)
{
    assert_int_equal(arci_hash_tree_reserve(tree, ENTRIES, NULL), ARCTIC_OK);
    arci_hash_tree_put(tree, entry);
}

static void get(struct arci_hash_tree *tree, const char *text, uint8_t hash[ARCI_SHA256_SIZE])
{
    struct arci_tree_path path;
    assert_true(arci_tree_path_parse(text, &path));
    assert_int_equal(arci_hash_tree_hash(tree, &path, hash, NULL), ARCTIC_OK);
}

static bool is_same(struct arci_hash_tree *a, struct arci_hash_tree *b, const char *path)
{
    uint8_t hash_a[ARCI_SHA256_SIZE];
    uint8_t hash_b[ARCI_SHA256_SIZE];
    get(a, path, hash_a);
    get(b, path, hash_b);
    return memcmp(hash_a, hash_b, sizeof hash_a) == 0;
}

/* Whatever the order, and whatever has been there before; hashes are asked for in between, so that stale ones would show. */
static void test_history_does_not_matter(void **state)
{
    struct world *world = *state;
    struct arci_hash_tree *other = NULL;
    struct test_random random = {.state = 1};
    uint8_t hash[ARCI_SHA256_SIZE];
    assert_int_equal(arci_hash_tree_create(&other, NULL), ARCTIC_OK);
    for (size_t i = 0; i < ENTRIES; i++)
        put(world->tree, world->entries[i]);
    for (size_t i = 0; i < 5000; i++) {
        const struct arci_entry *entry = world->entries[test_random_below(&random, ENTRIES)];
        if (test_random_below(&random, 2))
            put(other, entry);
        else
            arci_hash_tree_remove(other, entry);
        if (i % 7 == 0)
            get(other, "", hash);
    }
    assert_false(is_same(world->tree, other, ""));
    for (size_t i = ENTRIES; i > 0; i--)
        put(other, world->entries[i - 1]);
    assert_true(is_same(world->tree, other, ""));
    arci_hash_tree_free(other);
}

static void path_of(const struct arci_entry *entry, unsigned depth, char text[ARCI_TREE_PATH_TEXT])
{
    char digits[5];
    snprintf(digits, sizeof digits, "%02x%02x", entry->place[0], entry->place[1]);
    snprintf(text, ARCI_TREE_PATH_TEXT, "%.*s", (int)depth, digits);
}

static void test_a_difference_shows_on_its_path_alone(void **state)
{
    struct world *world = *state;
    struct arci_hash_tree *other = NULL;
    struct arci_entry changed = *world->entries[5];
    uint8_t hash[ARCI_SHA256_SIZE];
    char path[ARCI_TREE_PATH_TEXT];
    assert_int_equal(arci_hash_tree_create(&other, NULL), ARCTIC_OK);
    for (size_t i = 0; i < ENTRIES; i++) {
        put(world->tree, world->entries[i]);
        put(other, world->entries[i]);
    }
    get(other, "", hash);
    changed.hash[31] ^= 1;
    put(other, &changed);
    for (unsigned depth = 0; depth <= ARCI_TREE_DEPTH; depth++) {
        path_of(&changed, depth, path);
        assert_false(is_same(world->tree, other, path));
        path[0] = path[0] == '0' ? '1' : '0';
        assert_true(depth == 0 || is_same(world->tree, other, path));
    }
    arci_hash_tree_free(other);
}

static void test_every_entry_is_below_one_node_of_each_depth(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < ENTRIES; i++)
        put(world->tree, world->entries[i]);
    for (unsigned depth = 0; depth <= ARCI_TREE_DEPTH; depth++) {
        size_t seen = 0;
        for (unsigned index = 0; index < 1u << 4 * depth; index++) {
            const struct arci_tree_path path = {depth, index};
            size_t count;
            const struct arci_entry *const *below = arci_hash_tree_below(world->tree, &path, &count);
            for (size_t i = 0; i < count; i++)
                assert_true(arci_tree_path_holds(&path, below[i]->place));
            seen += count;
        }
        assert_int_equal(seen, ENTRIES);
    }
}

static void test_a_node_without_entries_is_zeros(void **state)
{
    struct world *world = *state;
    static const uint8_t zeros[ARCI_SHA256_SIZE];
    uint8_t hash[ARCI_SHA256_SIZE];
    get(world->tree, "", hash);
    assert_memory_equal(hash, zeros, sizeof zeros);
    put(world->tree, world->entries[0]);
    get(world->tree, "", hash);
    assert_memory_not_equal(hash, zeros, sizeof zeros);
    arci_hash_tree_remove(world->tree, world->entries[0]);
    get(world->tree, "", hash);
    assert_memory_equal(hash, zeros, sizeof zeros);
}

static void test_texts_of_paths(void **state)
{
    static const char *const good[] = {"", "0", "f", "a3", "0f0", "fff"};
    static const char *const bad[] = {"A", "g", "ffff", " ", "-1", "0x1"};
    char text[ARCI_TREE_PATH_TEXT];
    struct arci_tree_path path;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(arci_tree_path_parse(good[i], &path));
        assert_string_equal(arci_tree_path_format(&path, text), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(arci_tree_path_parse(bad[i], &path));
    assert_true(arci_tree_path_parse("a", &path));
    path = arci_tree_path_child(&path, 3);
    assert_string_equal(arci_tree_path_format(&path, text), "a3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_history_does_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_difference_shows_on_its_path_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_entry_is_below_one_node_of_each_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_node_without_entries_is_zeros, set_up, tear_down),
        cmocka_unit_test(test_texts_of_paths),
    };
    return cmocka_run_group_tests_name("hash tree", tests, NULL, NULL);
}
