/* The cluster's identity: what follows from what all members say, in whatever order it comes. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/cluster-identity.h"
#include "tests/unit/peer-model.h"

#define MEMBERS_MAX 20

struct member {
    struct arctic_id id;
    struct arci_identity *identity;
    struct arci_registry *registry; /* of its own: it signs there */
};

struct fixture {
    struct member members[MEMBERS_MAX];
    struct arci_registry *registry; /* of another peer */
};

static struct arctic_id number(const char *prefix, unsigned value)
{
    struct arctic_id id;
    snprintf(id.text, sizeof id.text, "%s_%026u", prefix, value);
    return id;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct arctic_error error;
    assert_non_null(fixture);
    assert_ok(arci_registry_create(NULL, &fixture->registry, &error), error);
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        struct member *member = &fixture->members[i];
        member->id = number("peer", i + 1);
        assert_ok(arci_identity_generate(&member->identity, &error), error);
        assert_ok(arci_registry_create(NULL, &member->registry, &error), error);
        arci_registry_set_owner(member->registry, member->identity, &member->id);
    }
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        arci_registry_free(fixture->members[i].registry);
        arci_identity_free(fixture->members[i].identity);
    }
    arci_registry_free(fixture->registry);
    free(fixture);
    return 0;
}

static void hear(struct fixture *fixture, const struct member *member, enum arci_record_kind kind,
                 const struct arctic_id *id)
{
    struct arctic_error error;
    bool changed;
    const struct arci_entry *entry = arci_registry_find_any(member->registry, kind, id);
    assert_ok(arci_registry_merge(fixture->registry, &entry->record, &changed, &error), error);
    assert_true(changed);
}

/* `former`: ids, 0 at the end. */
static void say(struct fixture *fixture, unsigned index, unsigned cluster, const unsigned *former)
{
    struct member *member = &fixture->members[index];
    struct arci_peer peer = peer_model(&member->id, member->identity);
    struct arctic_error error;
    if (cluster)
        peer.cluster.id = number("clu", cluster);
    for (; *former; former++)
        peer.cluster.former[peer.cluster.former_count++] = number("clu", *former);
    assert_ok(arci_registry_put_peer(member->registry, &peer, &error), error);
    hear(fixture, member, ARCI_RECORD_PEER, &member->id);
}

static void assert_cluster(const struct fixture *fixture, unsigned cluster)
{
    const struct arci_cluster_identity found = arci_cluster_identity_find(fixture->registry);
    assert_string_equal(found.id.text, number("clu", cluster).text);
}

#define NONE ((const unsigned[]){0})
#define FORMER(...) ((const unsigned[]){__VA_ARGS__, 0})

static void test_nobody_says(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(arci_cluster_identity_find(fixture->registry).id.text, "");
    say(fixture, 0, 0, NONE);
    assert_string_equal(arci_cluster_identity_find(fixture->registry).id.text, "");
}

static void test_the_oldest_holds(void **state)
{
    struct fixture *fixture = *state;
    say(fixture, 0, 7, NONE);
    assert_cluster(fixture, 7);
    say(fixture, 1, 5, NONE);
    assert_cluster(fixture, 5);
    say(fixture, 2, 9, NONE);
    assert_cluster(fixture, 5);
}

/* Whoever still says the old id says nothing new. */
static void test_a_new_id_takes_the_place_of_the_old_one(void **state)
{
    struct fixture *fixture = *state;
    say(fixture, 0, 5, NONE);
    say(fixture, 1, 5, NONE);
    say(fixture, 1, 8, FORMER(5));
    assert_cluster(fixture, 8);
    say(fixture, 2, 5, NONE);
    assert_cluster(fixture, 8);
    /* Two at one time. */
    say(fixture, 0, 7, FORMER(5));
    assert_cluster(fixture, 7);
    /* Another cluster, which is none of those. */
    say(fixture, 3, 6, NONE);
    assert_cluster(fixture, 6);
}

static void test_members_that_contradict_each_other(void **state)
{
    struct fixture *fixture = *state;
    say(fixture, 0, 5, FORMER(6));
    say(fixture, 1, 6, FORMER(5));
    assert_cluster(fixture, 5);
}

static void test_former_members_say_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct member *revoked = &fixture->members[0];
    struct member *leaver = &fixture->members[1];
    struct member *other = &fixture->members[2];
    struct arctic_error error;
    say(fixture, 0, 1, FORMER(5));
    say(fixture, 1, 2, FORMER(5));
    say(fixture, 2, 5, NONE);
    assert_cluster(fixture, 1);
    struct arci_revocation revocation = {.id = number("rev", 1), .peer_id = revoked->id, .created_at = 1};
    memcpy(revocation.public_key, arci_identity_public_key(revoked->identity), ARCI_KEY_SIZE);
    assert_ok(arci_registry_put_revocation(other->registry, &revocation, &error), error);
    hear(fixture, other, ARCI_RECORD_REVOCATION, &revocation.id);
    assert_cluster(fixture, 2);
    assert_ok(arci_registry_delete(leaver->registry, ARCI_RECORD_PEER, &leaver->id, &error), error);
    hear(fixture, leaver, ARCI_RECORD_PEER, &leaver->id);
    assert_cluster(fixture, 5);
}

/* Of more former ids than there is room for the newest count, in whatever order they come. */
static void test_many_former_ids(void **state)
{
    struct fixture *fixture = *state;
    const struct arctic_id oldest = number("clu", 10 + MEMBERS_MAX - ARCI_CLUSTER_FORMER_MAX);
    struct arci_cluster_identity successor = {.id = number("clu", 10)};
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        const struct arctic_id next = number("clu", 10 + i + 1);
        say(fixture, i, 100, FORMER(10 + (i * 7) % MEMBERS_MAX));
        successor = arci_cluster_identity_succeed(&successor, &next);
    }
    struct arci_cluster_identity found = arci_cluster_identity_find(fixture->registry);
    assert_int_equal(found.former_count, ARCI_CLUSTER_FORMER_MAX);
    for (size_t i = 0; i < found.former_count; i++)
        assert_true(strcmp(found.former[i].text, oldest.text) >= 0);
    found.id = successor.id;
    assert_true(arci_cluster_identity_equal(&found, &successor));
}

static void test_equality_ignores_order(void **state)
{
    (void)state;
    struct arci_cluster_identity a = {
        .id = number("clu", 1), .former = {number("clu", 2), number("clu", 3)}, .former_count = 2};
    struct arci_cluster_identity b = {
        .id = number("clu", 1), .former = {number("clu", 3), number("clu", 2)}, .former_count = 2};
    assert_true(arci_cluster_identity_equal(&a, &b));
    b.former[0] = number("clu", 4);
    assert_false(arci_cluster_identity_equal(&a, &b));
    b = a;
    b.former_count = 1;
    assert_false(arci_cluster_identity_equal(&a, &b));
    b = a;
    b.id = number("clu", 9);
    assert_false(arci_cluster_identity_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_id_takes_the_place_of_the_old_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_members_that_contradict_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_former_members_say_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_former_ids, setup, teardown),
        cmocka_unit_test(test_equality_ignores_order),
    };
    return cmocka_run_group_tests_name("cluster-identity", tests, NULL, NULL);
}
