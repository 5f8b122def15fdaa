/* The simulated cluster: peers, their network, and time. */
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/registry-internal.h"
#include "tests/sim/verifier.h"
#include "tests/unit/peer-model.h"

#define EPOCH_MS INT64_C(1767225600000) /* 2026-01-01 */
#define LATENCY_MIN_MS 5
#define LATENCY_SPREAD_MS 145
#define FLUSH_MS 20
/* A few records. */
#define SMALL_BULK 6000

enum event_kind { EVENT_MESSAGE, EVENT_TICK, EVENT_FLUSH };

struct sim_event {
    enum event_kind kind;
    int64_t at;
    uint64_t number; /* of two at one time the earlier one goes first */
    size_t to;
    unsigned generation;
    struct arctic_id from; /* of a message */
    json_t *message;
};

static void fail(const char *what)
{
    fprintf(stderr, "sim: %s\n", what);
    abort();
}

static void check(int code, const struct arctic_error *error)
{
    if (code < 0)
        fail(error->message);
}

struct arctic_id sim_id(const char *prefix, size_t number)
{
    struct arctic_id id;
    snprintf(id.text, sizeof id.text, "%s_%026zu", prefix, number);
    return id;
}

static size_t index_of(const struct sim_peer *peer)
{
    return (size_t)(peer - peer->world->peers);
}

static struct arctic_id client_id(const struct sim_peer *owner, unsigned number)
{
    return sim_id("cli", index_of(owner) * 1000 + number + 1);
}

/* --- Events --- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event kept = *a;
    *a = *b;
    *b = kept;
}

static void push_event(struct sim_world *world, struct sim_event event)
{
    if (world->event_count == world->event_capacity) {
        world->event_capacity = world->event_capacity ? world->event_capacity * 2 : 1024;
        world->events = reallocarray(world->events, world->event_capacity, sizeof world->events[0]);
        if (!world->events)
            fail("no memory");
    }
    event.number = world->event_number++;
    size_t at = world->event_count++;
    world->events[at] = event;
    for (; at > 0 && is_before(&world->events[at], &world->events[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&world->events[at], &world->events[(at - 1) / 2]);
}

static struct sim_event pop_event(struct sim_world *world)
{
    struct sim_event first = world->events[0];
    size_t at = 0;
    world->events[0] = world->events[--world->event_count];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < world->event_count && is_before(&world->events[child + 1], &world->events[child]))
            child++;
        if (child >= world->event_count || !is_before(&world->events[child], &world->events[at]))
            return first;
        swap(&world->events[at], &world->events[child]);
        at = child;
    }
}

/* --- The network --- */

static struct sim_peer *find_peer(struct sim_world *world, const struct arctic_id *id)
{
    return &world->peers[strtoull(id->text + strlen("peer_"), NULL, 10) - 1];
}

/* As links are: there is none where either side knows that the other is no member. */
static bool can_talk(const struct sim_peer *a, const struct sim_peer *b)
{
    return a->gossip && b->gossip && a->side == b->side && !sim_peer_knows_gone(a, b) &&
           !sim_peer_knows_gone(b, a);
}

static void schedule(struct sim_peer *peer, enum event_kind kind, int64_t delay)
{
    push_event(peer->world, (struct sim_event){.kind = kind,
                                               .at = peer->world->now + delay,
                                               .to = index_of(peer),
                                               .generation = peer->generation});
}

static void schedule_flush(struct sim_peer *peer)
{
    if (!peer->flush_due)
        schedule(peer, EVENT_FLUSH, FLUSH_MS);
    peer->flush_due = true;
}

static void on_send(void *context, const struct arctic_id *peer_id, const json_t *message)
{
    struct sim_peer *peer = context;
    struct sim_world *world = peer->world;
    struct sim_peer *other = find_peer(world, peer_id);
    world->counts.messages++;
    if (world->measure)
        world->counts.bytes += arci_json_size(message);
    if (!can_talk(peer, other) || test_random_below(&world->random, 100) < world->loss_percent)
        return;
    int64_t latency = LATENCY_MIN_MS + test_random_below(&world->random, LATENCY_SPREAD_MS);
    push_event(world, (struct sim_event){.kind = EVENT_MESSAGE,
                                         .at = world->now + latency,
                                         .to = index_of(other),
                                         .generation = other->generation,
                                         .from = peer->id,
                                         .message = json_incref((json_t *)message)});
}

/* What an agent does when it learns of the end of a membership. */
static void on_changed(void *context, const struct arci_entry *entry)
{
    struct sim_peer *peer = context;
    struct arctic_error error;
    schedule_flush(peer);
    if (entry->record.kind == ARCI_RECORD_REVOCATION || entry->record.deleted)
        check(arci_registry_forget_owned(peer->registry, NULL, &error), &error);
}

static void on_refused(void *context, const struct arctic_id *peer_id, const struct arctic_error *error)
{
    struct sim_peer *peer = context;
    (void)peer_id;
    (void)error;
    peer->world->counts.refused++;
}

static void sweep(struct sim_peer *peer)
{
    struct arctic_error error;
    check(arci_registry_sweep(peer->registry, &error), &error);
}

static void deliver(struct sim_world *world, struct sim_event *event)
{
    struct sim_peer *peer = &world->peers[event->to];
    ARCI_JSON *message = event->message;
    if (!peer->gossip || peer->generation != event->generation)
        return;
    if (event->kind == EVENT_TICK) {
        schedule(peer, EVENT_TICK, SIM_ROUND_MS);
        sweep(peer);
        arci_gossip_tick(peer->gossip);
    } else if (event->kind == EVENT_FLUSH) {
        peer->flush_due = false;
        arci_gossip_flush(peer->gossip);
    } else if (can_talk(peer, find_peer(world, &event->from))) {
        arci_gossip_receive(peer->gossip, &event->from, message, world->now);
    }
}

/* --- Peers --- */

static int64_t peer_clock(void *context)
{
    const struct sim_peer *peer = context;
    return EPOCH_MS + peer->world->now + peer->world->age + peer->skew_ms;
}

static void connect_all(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    struct arctic_error error;
    for (size_t i = 0; i < world->peer_count; i++) {
        if (&world->peers[i] != peer)
            check(arci_gossip_connect(peer->gossip, &world->peers[i].id, &error), &error);
    }
}

void sim_peer_start(struct sim_peer *peer)
{
    struct arctic_error error;
    bool outdated = false;
    if (peer->gossip)
        return;
    check(arci_registry_resume(peer->registry, peer->alive_at, &outdated, &error), &error);
    sweep(peer);
    peer->gossip_options.registry = peer->registry;
    peer->gossip_options.seed = test_random_next(&peer->world->random);
    check(arci_gossip_create(&peer->gossip_options, &peer->gossip, &error), &error);
    connect_all(peer);
    schedule(peer, EVENT_TICK, test_random_below(&peer->world->random, SIM_ROUND_MS));
}

void sim_peer_crash(struct sim_peer *peer)
{
    if (peer->gossip)
        peer->alive_at = peer_clock(peer);
    arci_gossip_free(peer->gossip);
    peer->gossip = NULL;
    peer->flush_due = false;
    peer->generation++;
}

static struct arci_registry *make_registry(struct sim_peer *peer)
{
    struct arci_registry *registry = NULL;
    struct arctic_error error;
    check(arci_registry_create(NULL, &registry, &error), &error);
    arci_registry_simulate(registry, peer_clock, peer, sim_verify);
    arci_registry_set_owner(registry, peer->identity, &peer->id);
    return registry;
}

static void put_peer_record(struct sim_peer *peer, const char *name)
{
    struct arctic_error error;
    struct arci_peer model = peer_model(&peer->id, peer->identity);
    snprintf(model.name, sizeof model.name, "%s", name);
    check(arci_registry_put_peer(peer->registry, &model, &error), &error);
}

static void make_peer(struct sim_world *world, size_t number)
{
    struct sim_peer *peer = &world->peers[number];
    struct arctic_error error;
    uint8_t seed[ARCI_SEED_SIZE] = {1, (uint8_t)(number >> 8), (uint8_t)number};
    peer->world = world;
    peer->id = sim_id("peer", number + 1);
    peer->gossip_options = (struct arci_gossip_options){
        .context = peer, .send = on_send, .changed = on_changed, .refused = on_refused};
    check(arci_identity_from_seed(seed, &peer->identity, &error), &error);
    peer->registry = make_registry(peer);
    peer->alive_at = peer_clock(peer);
    put_peer_record(peer, peer->id.text + strlen("peer_"));
}

static void merge_all(struct sim_peer *peer, const struct arci_registry *from)
{
    struct arctic_error error;
    for (size_t i = 0; i < from->count; i++) {
        if (!arctic_id_equal(&from->entries[i]->record.owner, &peer->id))
            check(arci_registry_share(peer->registry, from->entries[i], &error), &error);
    }
}

static void acquaint(struct sim_world *world)
{
    for (size_t i = 1; i < world->peer_count; i++)
        merge_all(&world->peers[0], world->peers[i].registry);
    for (size_t i = 1; i < world->peer_count; i++)
        merge_all(&world->peers[i], world->peers[0].registry);
}

void sim_world_create(struct sim_world *world, uint64_t seed, size_t peers, bool acquainted)
{
    *world = (struct sim_world){.random = {.state = seed}, .peer_count = peers};
    world->peers = calloc(peers, sizeof world->peers[0]);
    if (!world->peers)
        fail("no memory");
    for (size_t i = 0; i < peers; i++)
        make_peer(world, i);
    for (size_t i = 0; i < peers; i++)
        world->peers[i].gossip_options.bulk = seed % 3 == 0 ? SMALL_BULK : 0;
    if (acquainted)
        acquaint(world);
    for (size_t i = 0; i < peers; i++)
        sim_peer_start(&world->peers[i]);
}

void sim_world_release(struct sim_world *world)
{
    for (size_t i = 0; i < world->event_count; i++)
        json_decref(world->events[i].message);
    for (size_t i = 0; i < world->peer_count; i++) {
        arci_gossip_free(world->peers[i].gossip);
        arci_registry_free(world->peers[i].registry);
        arci_identity_free(world->peers[i].identity);
        json_decref(world->peers[i].backup);
    }
    free(world->events);
    free(world->peers);
    sim_verifier_forget();
}

/* --- Time --- */

void sim_world_run(struct sim_world *world, int64_t milliseconds)
{
    int64_t end = world->now + milliseconds;
    while (world->event_count > 0 && world->events[0].at <= end) {
        struct sim_event next = pop_event(world);
        world->now = next.at;
        deliver(world, &next);
    }
    world->now = end;
}

void sim_world_age(struct sim_world *world, int64_t milliseconds)
{
    world->age += milliseconds;
    for (size_t i = 0; i < world->peer_count; i++) {
        if (world->peers[i].gossip)
            sweep(&world->peers[i]);
    }
}

bool sim_world_agrees(struct sim_world *world)
{
    char first[ARCI_DIGEST_TEXT] = "";
    for (size_t i = 0; i < world->peer_count; i++) {
        struct sim_peer *peer = &world->peers[i];
        if (!peer->gossip || peer->gone)
            continue;
        const char *digest = arci_registry_digest(peer->registry);
        if (!first[0])
            snprintf(first, sizeof first, "%s", digest);
        if (strcmp(first, digest) != 0)
            return false;
    }
    return true;
}

/* --- Changes --- */

static void announce(struct sim_peer *peer, enum arci_record_kind kind, const struct arctic_id *id)
{
    if (!peer->gossip)
        return;
    arci_gossip_announce(peer->gossip, arci_registry_find_any(peer->registry, kind, id));
}

void sim_peer_put(struct sim_peer *peer, unsigned number, const char *name)
{
    struct arctic_error error;
    struct arci_credential credential = {.client_id = client_id(peer, number),
                                         .secret_hash = "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                         .scopes = ARCI_SCOPE_ADMIN,
                                         .created_at = EPOCH_MS};
    snprintf(credential.name, sizeof credential.name, "%s", name);
    check(arci_registry_put_credential(peer->registry, &credential, &error), &error);
    announce(peer, ARCI_RECORD_CREDENTIAL, &credential.client_id);
}

void sim_peer_delete(struct sim_peer *peer, unsigned number)
{
    struct arctic_error error;
    const struct arctic_id id = client_id(peer, number);
    if (!arci_registry_find(peer->registry, ARCI_RECORD_CREDENTIAL, &id))
        return;
    check(arci_registry_delete(peer->registry, ARCI_RECORD_CREDENTIAL, &id, &error), &error);
    announce(peer, ARCI_RECORD_CREDENTIAL, &id);
}

void sim_peer_rename(struct sim_peer *peer, const char *name)
{
    put_peer_record(peer, name);
    announce(peer, ARCI_RECORD_PEER, &peer->id);
}

void sim_peer_revoke(struct sim_peer *peer, struct sim_peer *other)
{
    struct arctic_error error;
    struct arci_revocation revocation = {.id = sim_id("rev", index_of(peer) * 1000 + index_of(other) + 1),
                                         .peer_id = other->id,
                                         .created_at = peer_clock(peer)};
    memcpy(revocation.public_key, arci_identity_public_key(other->identity), sizeof revocation.public_key);
    check(arci_registry_put_revocation(peer->registry, &revocation, &error), &error);
    check(arci_registry_forget_owned(peer->registry, NULL, &error), &error);
    announce(peer, ARCI_RECORD_REVOCATION, &revocation.id);
}

void sim_peer_leave(struct sim_peer *peer)
{
    struct arctic_error error;
    if (!arci_registry_find(peer->registry, ARCI_RECORD_PEER, &peer->id))
        return;
    check(arci_registry_delete(peer->registry, ARCI_RECORD_PEER, &peer->id, &error), &error);
    announce(peer, ARCI_RECORD_PEER, &peer->id);
}

const struct arci_entry *sim_peer_look_up(const struct sim_peer *peer, const struct sim_peer *owner,
                                          unsigned number)
{
    const struct arctic_id id = client_id(owner, number);
    return arci_registry_find_any(peer->registry, ARCI_RECORD_CREDENTIAL, &id);
}

const char *sim_peer_name_of(const struct sim_peer *peer, const struct sim_peer *other)
{
    const struct arci_entry *entry = arci_registry_find(peer->registry, ARCI_RECORD_PEER, &other->id);
    return entry ? entry->content.peer.name : "";
}

bool sim_peer_knows_gone(const struct sim_peer *peer, const struct sim_peer *other)
{
    return arci_registry_is_gone(peer->registry, &other->id);
}

/* --- Backups --- */

void sim_peer_back_up(struct sim_peer *peer)
{
    json_decref(peer->backup);
    peer->backup = json_array();
    peer->backup_alive_at = peer->gossip ? peer_clock(peer) : peer->alive_at;
    peer->backup_gap = arci_registry_gap(peer->registry);
    for (size_t i = 0; i < peer->registry->count; i++)
        json_array_append_new(peer->backup, arci_record_to_json(&peer->registry->entries[i]->record));
}

static void restore_record(struct sim_peer *peer, const json_t *object)
{
    struct arctic_error error;
    struct arci_record record;
    check(arci_record_from_json(object, &record, &error), &error);
    check(arci_registry_take_stored(peer->registry, &record, &error), &error);
}

void sim_peer_restore(struct sim_peer *peer)
{
    size_t index;
    json_t *object;
    struct arctic_error error;
    if (!peer->backup)
        return;
    sim_peer_crash(peer);
    arci_registry_free(peer->registry);
    peer->registry = make_registry(peer);
    json_array_foreach(peer->backup, index, object) restore_record(peer, object);
    arci_registry_set_gap(peer->registry, &peer->backup_gap);
    check(arci_registry_forget_owned(peer->registry, NULL, &error), &error);
    peer->alive_at = peer->backup_alive_at;
    sim_peer_start(peer);
}
