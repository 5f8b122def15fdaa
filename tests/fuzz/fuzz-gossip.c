/*
 * What a member may send of gossip, as one JSON object: without a key that signs, no message changes what is known; answers stay within
 * bounds; and what is asked for is what was offered.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "base/base64.h"
#include "cluster/gossip.h"
#include "tests/unit/peer-model.h"

static const uint8_t seed_own[ARCI_SEED_SIZE] = "arctic fuzz: gossip: own";
static const uint8_t seed_peer[ARCI_SEED_SIZE] = "arctic fuzz: gossip: the peer";
static const struct arctic_id own_id = {"peer_00000000000000000000000001"};
static const struct arctic_id peer_id = {"peer_00000000000000000000000002"};

struct world {
    struct arci_registry *registry;
    struct arci_gossip *gossip;
    char digest[ARCI_DIGEST_TEXT];
    size_t peers;
    size_t sent;
};

static int64_t no_time(void *context)
{
    (void)context;
    return 1;
}

static void on_send(void *context, const struct arctic_id *to, const json_t *message)
{
    struct world *world = context;
    assert(arctic_id_equal(to, &peer_id));
    assert(json_object_size(json_object_get(message, "nodes")) <= 256 + 16);
    assert(json_array_size(json_object_get(message, "items")) <= 4096);
    world->sent++;
}

/* A peer's own record is signed by a key that it names itself: anybody can make one, and it gives no authority. */
static void on_changed(void *context, const struct arci_entry *entry)
{
    struct world *world = context;
    assert(entry->record.kind == ARCI_RECORD_PEER);
    world->peers++;
}

static void put_peer(struct arci_registry *registry, const struct arctic_id *id,
                     const struct arci_identity *identity)
{
    bool changed = false;
    const struct arci_peer peer = peer_model(id, identity);
    struct arci_record record = {.kind = ARCI_RECORD_PEER,
                                 .id = *id,
                                 .owner = *id,
                                 .version = 1,
                                 .updated_at = 1,
                                 .body = arci_peer_to_record(&peer)};
    assert(arci_record_sign(&record, identity, NULL) == ARCTIC_OK);
    int code = arctic_id_equal(id, &own_id) ? arci_registry_recover(registry, &record, &changed, NULL)
                                            : arci_registry_merge(registry, &record, &changed, NULL);
    assert(code == ARCTIC_OK && changed);
    arci_record_release(&record);
}

/* Some records of this host, so that there is a tree to ask for. */
static void put_credentials(struct arci_registry *registry)
{
    for (unsigned i = 0; i < 40; i++) {
        struct arci_credential credential = {.secret_hash =
                                                 "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                             .scopes = ARCI_SCOPE_ADMIN,
                                             .created_at = 1};
        snprintf(credential.client_id.text, sizeof credential.client_id.text, "cli_%026u", i);
        assert(arci_registry_put_credential(registry, &credential, NULL) == ARCTIC_OK);
    }
}

static struct world *get_world(void)
{
    static struct world world;
    static struct arci_identity *own;
    static struct arci_identity *peer;
    if (world.gossip)
        return &world;
    assert(arci_identity_from_seed(seed_own, &own, NULL) == ARCTIC_OK);
    assert(arci_identity_from_seed(seed_peer, &peer, NULL) == ARCTIC_OK);
    assert(arci_registry_create(NULL, &world.registry, NULL) == ARCTIC_OK);
    arci_registry_simulate(world.registry, no_time, NULL, arci_record_verify);
    arci_registry_set_owner(world.registry, own, &own_id);
    put_peer(world.registry, &own_id, own);
    put_peer(world.registry, &peer_id, peer);
    put_credentials(world.registry);
    struct arci_gossip_options options = {
        .registry = world.registry, .seed = 1, .context = &world, .send = on_send, .changed = on_changed};
    assert(arci_gossip_create(&options, &world.gossip, NULL) == ARCTIC_OK);
    assert(arci_gossip_connect(world.gossip, &peer_id, NULL) == ARCTIC_OK);
    snprintf(world.digest, sizeof world.digest, "%s", arci_registry_digest(world.registry));
    return &world;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = get_world();
    json_t *parsed = NULL;
    if (arci_json_parse(data, size, &parsed, NULL) < 0)
        return 0;
    ARCI_JSON *message = parsed;
    static int64_t now;
    size_t peers = world->peers;
    world->sent = 0;
    arci_gossip_receive(world->gossip, &peer_id, message, now += 10000);
    assert(world->sent <= 5000);
    arci_gossip_flush(world->gossip);
    if (world->peers == peers)
        assert(strcmp(world->digest, arci_registry_digest(world->registry)) == 0);
    snprintf(world->digest, sizeof world->digest, "%s", arci_registry_digest(world->registry));
    return 0;
}
