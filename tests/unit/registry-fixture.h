/* A registry on disk with a local identity, which knows one remote peer; and records as either would send them. */
#ifndef ARCTIC_TESTS_REGISTRY_FIXTURE_H
#define ARCTIC_TESTS_REGISTRY_FIXTURE_H

#include "tests/unit/unit.h"

#include <unistd.h>

#include "cluster/registry-internal.h"
#include "tests/unit/cluster-fixture.h"
#include "tests/unit/peer-model.h"

struct fixture {
    char directory[64];
    char path[96];
    struct arci_store *store;
    struct arci_registry *registry;
    struct arci_identity *local;
    struct arctic_id local_id;
    struct arci_identity *remote;
    struct arctic_id remote_id;
    uint64_t version; /* of what was written last */
    int64_t now;      /* milliseconds since 1970; 0: the host's clock */
};

static inline int64_t fixture_clock(void *context)
{
    return ((struct fixture *)context)->now;
}

static inline void open_registry(struct fixture *fixture)
{
    struct arctic_error error;
    assert_ok(arci_store_open(fixture->path, NULL, &fixture->store, &error), error);
    assert_ok(arci_registry_create(fixture->store, &fixture->registry, &error), error);
    assert_ok(arci_registry_load(fixture->registry, &error), error);
    arci_registry_set_owner(fixture->registry, fixture->local, &fixture->local_id);
    if (fixture->now)
        arci_registry_simulate(fixture->registry, fixture_clock, fixture, arci_record_verify);
}

/* A peer's own record, as it would send it; one with `deleted` is its departure. */
static inline struct arci_record peer_record(const struct arctic_id *id, const struct arci_identity *identity,
                                             uint64_t version, bool deleted)
{
    struct arctic_error error;
    const struct arci_peer peer = peer_model(id, identity);
    char key[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    arci_base64_encode(peer.public_key, sizeof peer.public_key, key);
    struct arci_record record = {.kind = ARCI_RECORD_PEER,
                                 .id = *id,
                                 .owner = *id,
                                 .version = version,
                                 .deleted = deleted,
                                 .updated_at = 1,
                                 .body = deleted ? json_pack("{s:s}", "public_key", key)
                                                 : arci_peer_to_record(&peer)};
    assert_ok(arci_record_sign(&record, identity, &error), error);
    return record;
}

/* Merges a record and gives it up. */
static inline int merge_once(struct fixture *fixture, struct arci_record record, bool *ret_changed)
{
    int code = arci_registry_merge(fixture->registry, &record, ret_changed, NULL);
    arci_record_release(&record);
    return code;
}

static inline void close_registry(struct fixture *fixture)
{
    arci_registry_free(fixture->registry);
    arci_store_close(fixture->store);
}

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    make_temporary_directory(fixture->directory, sizeof fixture->directory);
    snprintf(fixture->path, sizeof fixture->path, "%s/arctic.db", fixture->directory);
    assert_int_equal(arci_identity_generate(&fixture->local, NULL), ARCTIC_OK);
    assert_int_equal(arci_identity_generate(&fixture->remote, NULL), ARCTIC_OK);
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &fixture->local_id, NULL), ARCTIC_OK);
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &fixture->remote_id, NULL), ARCTIC_OK);
    open_registry(fixture);
    bool changed = false;
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 1, false), &changed),
        ARCTIC_OK);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    static const char *const endings[] = {"", "-wal", "-shm"};
    close_registry(fixture);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", fixture->path, endings[i]);
        unlink(path);
    }
    rmdir(fixture->directory);
    arci_identity_free(fixture->local);
    arci_identity_free(fixture->remote);
    free(fixture);
    return 0;
}

static inline struct arci_service make_service(const struct arctic_id *source, const struct arctic_id *target,
                                               const char *name)
{
    struct arci_service service = {.source_peer_id = *source,
                                   .target_peer_id = *target,
                                   .next_route_id = 2,
                                   .created_at = 1,
                                   .updated_at = 1};
    struct arci_route route = {.id = 1, .priority = 100};
    assert_int_equal(arctic_id_generate(ARCTIC_ID_SERVICE, &service.id, NULL), ARCTIC_OK);
    snprintf(service.name, sizeof service.name, "%s", name);
    assert_int_equal(arctic_cidr_parse("10.0.0.0/8", &route.source, NULL), ARCTIC_OK);
    assert_int_equal(arci_routes_append(&service.routes, &route, NULL), ARCTIC_OK);
    return service;
}

/* A record as the remote peer would send it. */
static inline struct arci_record remote_record(const struct fixture *fixture,
                                               const struct arci_service *service, uint64_t version)
{
    struct arci_record record = {.kind = ARCI_RECORD_SERVICE,
                                 .id = service->id,
                                 .owner = fixture->remote_id,
                                 .version = version,
                                 .updated_at = 1,
                                 .body = arci_service_to_record(service)};
    struct arctic_error error;
    assert_ok(arci_record_sign(&record, fixture->remote, &error), error);
    return record;
}

static inline int merge(struct fixture *fixture, const struct arci_record *record, bool *ret_changed)
{
    return arci_registry_merge(fixture->registry, record, ret_changed, NULL);
}

static inline struct arci_revocation revocation_of(const struct fixture *fixture,
                                                   const struct arctic_id *peer_id)
{
    struct arci_revocation revocation = {.peer_id = *peer_id, .created_at = 7};
    assert_int_equal(arctic_id_generate(ARCTIC_ID_REVOCATION, &revocation.id, NULL), ARCTIC_OK);
    memcpy(revocation.public_key, arci_identity_public_key(fixture->remote), sizeof revocation.public_key);
    return revocation;
}

static inline struct arci_record revocation_record(const struct fixture *fixture,
                                                   struct arci_revocation revocation, uint64_t version,
                                                   bool deleted)
{
    struct arci_record record = {.kind = ARCI_RECORD_REVOCATION,
                                 .id = revocation.id,
                                 .owner = fixture->remote_id,
                                 .version = version,
                                 .deleted = deleted,
                                 .body = deleted ? json_object() : arci_revocation_to_record(&revocation)};
    assert_int_equal(arci_record_sign(&record, fixture->remote, NULL), ARCTIC_OK);
    return record;
}

/* A registry in memory alone, which knows the remote peer. */
static inline void open_in_memory(struct fixture *fixture)
{
    bool changed = false;
    close_registry(fixture);
    fixture->store = NULL;
    assert_int_equal(arci_registry_create(NULL, &fixture->registry, NULL), ARCTIC_OK);
    arci_registry_set_owner(fixture->registry, fixture->local, &fixture->local_id);
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 1, false), &changed),
        ARCTIC_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
