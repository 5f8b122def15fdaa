/* Gossip between two registries: what it costs, and what bad messages change, which is nothing. The simulation (tests/sim) has the rest. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "cluster/gossip.h"
#include "cluster/registry-internal.h"
#include "tests/unit/peer-model.h"

#define QUEUE_MAX 1024
#define NOW 1767225600000

struct side {
    struct arctic_id id;
    struct arci_identity *identity;
    struct arci_registry *registry;
    struct arci_gossip *gossip;
    struct side *other;
    json_t *inbox[QUEUE_MAX];
    size_t inbox_count;
    size_t sent;
    size_t longest;      /* message that was sent, in bytes */
    size_t on_the_way;   /* bytes in the inbox */
    size_t most_waiting; /* of these at a time */
    size_t changed;
    size_t refused;
};

static int64_t clock_of_all(void *context)
{
    (void)context;
    return NOW;
}

static void on_send(void *context, const struct arctic_id *peer_id, const json_t *message)
{
    struct side *side = context;
    struct side *other = side->other;
    const size_t size = arci_json_size(message);
    side->sent++;
    if (size > side->longest)
        side->longest = size;
    /* To somebody who is not there: a third peer of the tests. */
    if (!arctic_id_equal(peer_id, &other->id))
        return;
    assert_true(other->inbox_count < QUEUE_MAX);
    other->inbox[other->inbox_count++] = json_incref((json_t *)message);
    other->on_the_way += size;
    if (other->on_the_way > other->most_waiting)
        other->most_waiting = other->on_the_way;
}

static void on_changed(void *context, const struct arci_entry *entry)
{
    (void)entry;
    ((struct side *)context)->changed++;
}

static void on_refused(void *context, const struct arctic_id *peer_id, const struct arctic_error *error)
{
    (void)peer_id;
    assert_true(error->code < 0 && error->message[0]);
    ((struct side *)context)->refused++;
}

static void put_peer(struct side *side)
{
    struct arctic_error error;
    const struct arci_peer peer = peer_model(&side->id, side->identity);
    assert_ok(arci_registry_put_peer(side->registry, &peer, &error), error);
}

static void put_credential(struct side *side, unsigned number)
{
    struct arctic_error error;
    struct arci_credential credential = {.secret_hash = "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                         .scopes = ARCI_SCOPE_ADMIN,
                                         .created_at = 1};
    snprintf(credential.client_id.text, sizeof credential.client_id.text, "cli_%026u", number);
    assert_ok(arci_registry_put_credential(side->registry, &credential, &error), error);
}

static void make_side(struct side *side, struct side *other, unsigned number)
{
    const struct arci_gossip_options options = {
        .seed = number, .context = side, .send = on_send, .changed = on_changed, .refused = on_refused};
    struct arci_gossip_options own = options;
    side->other = other;
    snprintf(side->id.text, sizeof side->id.text, "peer_%026u", number);
    assert_int_equal(arci_identity_generate(&side->identity, NULL), ARCTIC_OK);
    assert_int_equal(arci_registry_create(NULL, &side->registry, NULL), ARCTIC_OK);
    arci_registry_simulate(side->registry, clock_of_all, NULL, arci_record_verify);
    arci_registry_set_owner(side->registry, side->identity, &side->id);
    own.registry = side->registry;
    assert_int_equal(arci_gossip_create(&own, &side->gossip, NULL), ARCTIC_OK);
    put_peer(side);
}

static void free_side(struct side *side)
{
    for (size_t i = 0; i < side->inbox_count; i++)
        json_decref(side->inbox[i]);
    arci_gossip_free(side->gossip);
    arci_registry_free(side->registry);
    arci_identity_free(side->identity);
}

static int set_up(void **state)
{
    struct side *sides = calloc(2, sizeof *sides);
    make_side(&sides[0], &sides[1], 1);
    make_side(&sides[1], &sides[0], 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(arci_gossip_connect(sides[i].gossip, &sides[1 - i].id, NULL), ARCTIC_OK);
    *state = sides;
    return 0;
}

static int tear_down(void **state)
{
    struct side *sides = *state;
    free_side(&sides[0]);
    free_side(&sides[1]);
    free(sides);
    return 0;
}

static bool deliver_one(struct side *side, int64_t now)
{
    if (side->inbox_count == 0)
        return false;
    ARCI_JSON *message = side->inbox[0];
    memmove(side->inbox, side->inbox + 1, --side->inbox_count * sizeof side->inbox[0]);
    side->on_the_way -= arci_json_size(message);
    assert_true(arci_gossip_receive(side->gossip, &side->other->id, message, now));
    return true;
}

static void deliver_all(struct side *sides, int64_t now)
{
    while (deliver_one(&sides[0], now) || deliver_one(&sides[1], now))
        continue;
}

static bool agree(struct side *sides)
{
    char digest[ARCI_DIGEST_TEXT];
    snprintf(digest, sizeof digest, "%s", arci_registry_digest(sides[0].registry));
    return strcmp(digest, arci_registry_digest(sides[1].registry)) == 0;
}

/* One comparison is enough, whichever side has what; and one of equals is one message. */
static void test_a_comparison_makes_two_alike(void **state)
{
    struct side *sides = *state;
    for (unsigned i = 0; i < 300; i++)
        put_credential(&sides[i % 2], i);
    arci_gossip_tick(sides[0].gossip);
    deliver_all(sides, 1);
    assert_true(agree(sides));
    assert_int_equal(sides[0].changed + sides[1].changed, 302);
    assert_int_equal(sides[0].refused + sides[1].refused, 0);

    size_t before = sides[0].sent + sides[1].sent;
    arci_gossip_tick(sides[0].gossip);
    deliver_all(sides, 2);
    assert_int_equal(sides[0].sent + sides[1].sent - before, 1);
}

static void test_messages_and_records_are_counted(void **state)
{
    struct side *sides = *state;
    const struct arci_gossip_counts *here = arci_gossip_counts(sides[0].gossip);
    const struct arci_gossip_counts *there = arci_gossip_counts(sides[1].gossip);
    for (unsigned i = 0; i < 40; i++)
        put_credential(&sides[0], i);
    for (int64_t round = 0; round < 3; round++) {
        arci_gossip_tick(sides[0].gossip);
        deliver_all(sides, round);
    }
    uint64_t sent = 0;
    for (unsigned type = 0; type < ARCI_GOSSIP_TYPES; type++) {
        assert_int_equal(here->sent[type], there->received[type]);
        assert_int_equal(there->sent[type], here->received[type]);
        sent += here->sent[type];
    }
    assert_int_equal(sent, sides[0].sent);
    assert_int_equal(here->sent[ARCI_GOSSIP_DIGEST], 3);
    assert_int_equal(here->received[ARCI_GOSSIP_WANT], here->sent[ARCI_GOSSIP_RECORDS]);
    assert_int_equal(here->records_taken, 1);
    assert_int_equal(there->records_taken, 41);
    assert_int_equal(here->records_refused + there->records_refused, 0);
}

/* The difference counts, not the whole. */
static void test_one_change_among_many_is_cheap(void **state)
{
    struct side *sides = *state;
    for (unsigned i = 0; i < 2000; i++)
        put_credential(&sides[0], i);
    for (int64_t round = 0; round < 3; round++) {
        arci_gossip_tick(sides[0].gossip);
        deliver_all(sides, round);
    }
    assert_true(agree(sides));
    put_credential(&sides[0], 77);
    size_t before = sides[0].sent + sides[1].sent;
    size_t changed = sides[1].changed;
    arci_gossip_tick(sides[1].gossip);
    deliver_all(sides, 3);
    assert_true(agree(sides));
    assert_int_equal(sides[1].changed - changed, 1);
    assert_true(sides[0].sent + sides[1].sent - before <= 8);
}

static void send(struct side *side, const char *text)
{
    json_t *parsed = NULL;
    struct arctic_error error;
    assert_ok(arci_json_parse(text, strlen(text), &parsed, &error), error);
    ARCI_JSON *message = parsed;
    assert_true(arci_gossip_receive(side->gossip, &side->other->id, message, 1));
}

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ID "cli_00000000000000000000000001"

static void test_bad_messages_are_refused(void **state)
{
    struct side *sides = *state;
    static const char *const texts[] = {
        "{\"type\":\"digest\"}",
        "{\"type\":\"digest\",\"root\":7}",
        "{\"type\":\"nodes\"}",
        "{\"type\":\"nodes\",\"nodes\":{\"xyz\":\"" HASH "\"}}",
        "{\"type\":\"nodes\",\"nodes\":{\"0000\":\"" HASH "\"}}",
        "{\"type\":\"nodes\",\"nodes\":{\"0\":null}}",
        "{\"type\":\"items\"}",
        "{\"type\":\"items\",\"items\":[7]}",
        "{\"type\":\"items\",\"items\":[],\"paths\":7}",
        "{\"type\":\"items\",\"items\":[],\"paths\":[\"g\"]}",
        "{\"type\":\"items\",\"items\":[[\"credential\",\"" ID "\",\"" HASH "\",0,false,\"" HASH "\",1]]}",
        "{\"type\":\"items\",\"items\":[[\"credential\",\"" ID "\",\"" HASH "\",1,0,\"" HASH "\",1]]}",
        "{\"type\":\"items\",\"items\":[[\"credential\",\"" ID "\",\"" HASH "\",1,false,\"short\",1]]}",
        "{\"type\":\"items\",\"items\":[[\"credential\",\"" ID "\",\"" HASH "\",1,false,\"" HASH "\",-1]]}",
        "{\"type\":\"items\",\"items\":[[\"credential\",\"" ID "\",\"" HASH "\",1,false,\"" HASH
        "\",999999999]]}",
        "{\"type\":\"items\",\"items\":[[\"credential\",\"" ID "\",\"" HASH "\",1,false,\"" HASH "\"]]}",
        "{\"type\":\"items\",\"items\":[[\"service\",\"" ID "\",\"" HASH "\",1,false,\"" HASH "\",1]]}",
        "{\"type\":\"items\",\"items\":[[\"thing\",\"" ID "\",\"" HASH "\",1,false,\"" HASH "\",1]]}",
        "{\"type\":\"want\"}",
        "{\"type\":\"want\",\"items\":[[]]}",
        "{\"type\":\"want\",\"items\":[[\"credential\"]]}",
        "{\"type\":\"records\"}",
        "{\"type\":\"records\",\"records\":{}}",
        "{\"type\":\"records\",\"records\":[7]}",
        "{\"type\":\"records\",\"records\":[{}]}",
    };
    char digest[ARCI_DIGEST_TEXT];
    snprintf(digest, sizeof digest, "%s", arci_registry_digest(sides[0].registry));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        send(&sides[0], texts[i]);
        if (sides[0].refused != i + 1)
            fail_msg("not refused: %s", texts[i]);
    }
    assert_string_equal(digest, arci_registry_digest(sides[0].registry));
    assert_int_equal(sides[0].changed, 0);
    ARCI_JSON *ping = json_pack("{s:s}", "type", "ping");
    assert_false(arci_gossip_receive(sides[0].gossip, &sides[1].id, ping, 1));
}

static void test_long_messages_are_refused(void **state)
{
    struct side *sides = *state;
    ARCI_JSON *items = json_array();
    ARCI_JSON *nodes = json_object();
    for (unsigned i = 0; i < 4097; i++) {
        char id[32];
        snprintf(id, sizeof id, "cli_%026u", i);
        json_array_append_new(items,
                              json_pack("[s, s, s, i, b, s, i]", "credential", id, HASH, 1, 0, HASH, 1));
        snprintf(id, sizeof id, "%x", i);
        json_object_set_new(nodes, id, json_string(HASH));
    }
    json_t *messages[] = {json_pack("{s:s, s:O}", "type", "items", "items", items),
                          json_pack("{s:s, s:O}", "type", "want", "items", items),
                          json_pack("{s:s, s:O}", "type", "records", "records", items),
                          json_pack("{s:s, s:O}", "type", "nodes", "nodes", nodes)};
    for (size_t i = 0; i < 4; i++) {
        assert_true(arci_gossip_receive(sides[0].gossip, &sides[1].id, messages[i], 1));
        assert_int_equal(sides[0].refused, i + 1);
        json_decref(messages[i]);
    }
    assert_int_equal(sides[0].sent, 0);
}

/* Whoever offers what somebody else has been asked for a moment ago is not asked, unless that one does not deliver. */
static void test_a_record_is_asked_of_one(void **state)
{
    struct side *sides = *state;
    const struct arctic_id third = {"peer_00000000000000000000000003"};
    json_t *parsed = NULL;
    static const char text[] = "{\"type\":\"items\",\"items\":[[\"credential\",\"" ID "\",\"" HASH
                               "\",1,false,\"" HASH "\",64000]]}";
    assert_int_equal(arci_json_parse(text, strlen(text), &parsed, NULL), ARCTIC_OK);
    ARCI_JSON *offer = parsed;
    assert_int_equal(arci_gossip_connect(sides[0].gossip, &third, NULL), ARCTIC_OK);
    arci_gossip_receive(sides[0].gossip, &third, offer, 1000);
    assert_int_equal(sides[0].sent, 1);
    arci_gossip_receive(sides[0].gossip, &sides[1].id, offer, 1001);
    arci_gossip_receive(sides[0].gossip, &third, offer, 4500); /* it is long, and takes its time */
    assert_int_equal(sides[0].sent, 1);
    arci_gossip_receive(sides[0].gossip, &sides[1].id, offer, 6001);
    assert_int_equal(sides[0].sent, 2);
    arci_gossip_receive(sides[0].gossip, &third, offer, 6002);
    assert_int_equal(sides[0].sent, 2);
    arci_gossip_disconnect(sides[0].gossip, &sides[1].id);
    arci_gossip_receive(sides[0].gossip, &third, offer, 6003);
    assert_int_equal(sides[0].sent, 3);
}

/* Old news, told again, reordered, or by somebody else, are no news. */
static void test_what_is_replayed_changes_nothing(void **state)
{
    struct side *sides = *state;
    json_t *versions[3];
    for (size_t i = 0; i < 3; i++) {
        put_credential(&sides[1], 1);
        const struct arctic_id id = {ID};
        const struct arci_entry *entry = arci_registry_find(sides[1].registry, ARCI_RECORD_CREDENTIAL, &id);
        versions[i] =
            json_pack("{s:s, s:[o]}", "type", "records", "records", arci_record_to_json(&entry->record));
    }
    arci_gossip_tick(sides[0].gossip);
    deliver_all(sides, 1);
    assert_true(agree(sides));
    size_t changed = sides[0].changed;
    for (size_t i = 0; i < 9; i++)
        arci_gossip_receive(sides[0].gossip, &sides[1].id, versions[(i * 2) % 3], 1);
    assert_int_equal(sides[0].changed, changed);
    assert_int_equal(sides[0].refused, 0);
    assert_true(agree(sides));
    for (size_t i = 0; i < 3; i++)
        json_decref(versions[i]);
}

/* What is told out of turn: as much as one message takes, the first ones first. */
static void test_a_message_of_records(void **state)
{
    struct side *sides = *state;
    const struct arci_entry *entries[300];
    size_t cursor = 0;
    for (unsigned i = 0; i < 300; i++)
        put_credential(&sides[0], i);
    for (size_t i = 0; i < 300; i++)
        entries[i] = arci_registry_next(sides[0].registry, ARCI_RECORD_CREDENTIAL, &cursor);

    /* Their owner goes ahead, without whom they would not be taken. */
    entries[299] = entries[0];
    entries[0] = arci_registry_find(sides[0].registry, ARCI_RECORD_PEER, &sides[0].id);
    ARCI_JSON *message = arci_gossip_records_message(entries, 300);
    assert_non_null(message);
    assert_true(json_dumpb(message, NULL, 0, JSON_COMPACT) <= (size_t)256 * 1024);
    assert_true(arci_gossip_receive(sides[1].gossip, &sides[0].id, message, 1));
    assert_true(sides[1].changed > 100 && sides[1].changed < 300);
    assert_int_equal(sides[1].refused, 0);
    assert_non_null(arci_registry_find(sides[1].registry, ARCI_RECORD_CREDENTIAL, &entries[1]->record.id));
    assert_null(arci_gossip_records_message(entries, 0));
}

/* --- Bulk --- */

#define BULK_SERVICES 30
#define BULK_ROUTES 10000
#define MIB (1024 * 1024)

/* Ten thousand routes take some 0.8 MiB. */
static struct arctic_id put_service(struct side *side, unsigned number)
{
    struct arctic_error error;
    struct arci_service service = {.source_peer_id = side->id,
                                   .target_peer_id = side->other->id,
                                   .next_route_id = BULK_ROUTES + 1,
                                   .created_at = 1,
                                   .updated_at = 1};
    snprintf(service.id.text, sizeof service.id.text, "svc_%026u", number);
    snprintf(service.name, sizeof service.name, "service %u", number);
    for (unsigned i = 0; i < BULK_ROUTES; i++) {
        struct arci_route route = {.id = i + 1, .priority = 100};
        char text[32];
        snprintf(text, sizeof text, "10.%u.%u.0/24", i / 256, i % 256);
        assert_ok(arctic_cidr_parse(text, &route.destination, &error), error);
        assert_ok(arci_routes_append(&service.routes, &route, &error), error);
    }
    assert_ok(arci_registry_put_service(side->registry, &service, &error), error);
    arci_service_release(&service);
    return service.id;
}

/* One comparison brings all of it, though never more of it waits than a link takes. */
static void test_a_long_catch_up_is_cut_into_pieces(void **state)
{
    struct side *sides = *state;
    size_t whole = 0;
    for (unsigned i = 0; i < BULK_SERVICES; i++) {
        const struct arctic_id id = put_service(&sides[0], i);
        whole += arci_registry_find(sides[0].registry, ARCI_RECORD_SERVICE, &id)->size;
    }
    assert_true(whole > ARCI_GOSSIP_ANSWER_MAX);
    arci_gossip_tick(sides[1].gossip);
    deliver_all(sides, 1);
    assert_true(agree(sides));
    assert_int_equal(sides[1].changed, BULK_SERVICES + 1);
    assert_true(sides[1].most_waiting <= ARCI_GOSSIP_BULK + MIB / 4);
    assert_true(sides[0].longest <= MIB);
    assert_true(sides[0].sent + sides[1].sent <= 2 * BULK_SERVICES);
    assert_int_equal(sides[0].refused + sides[1].refused, 0);
}

/* Whoever asks for more than it should get gets what the link can take. */
static void test_an_answer_has_an_end(void **state)
{
    struct side *sides = *state;
    ARCI_JSON *items = json_array();
    for (unsigned i = 0; i < BULK_SERVICES; i++) {
        const struct arctic_id id = put_service(&sides[0], i);
        json_array_append_new(items, json_pack("[s, s]", "service", id.text));
    }
    ARCI_JSON *want = json_pack("{s:s, s:O}", "type", "want", "items", items);
    assert_true(arci_gossip_receive(sides[0].gossip, &sides[1].id, want, 1));
    assert_true(sides[1].on_the_way <= ARCI_GOSSIP_ANSWER_MAX);
    assert_true(sides[1].on_the_way >= ARCI_GOSSIP_ANSWER_MAX - MIB);
}

static const char *place_text(const struct arci_record *record, char text[ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)])
{
    uint8_t place[ARCI_SHA256_SIZE];
    assert_int_equal(arci_record_place(record, place, NULL), ARCTIC_OK);
    return arci_base64_encode(place, sizeof place, text);
}

static json_t *offer(unsigned first, unsigned count, uint64_t version, const char *hash, unsigned size)
{
    json_t *items = json_array();
    for (unsigned i = first; i < first + count; i++) {
        char place[ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)];
        struct arci_record record = {.kind = ARCI_RECORD_CREDENTIAL};
        snprintf(record.id.text, sizeof record.id.text, "cli_%026u", i);
        json_array_append_new(items,
                              json_pack("[s, s, s, I, b, s, i]", "credential", record.id.text,
                                        place_text(&record, place), (json_int_t)version, 0, hash, size));
    }
    return json_pack("{s:s, s:o}", "type", "items", "items", items);
}

static size_t sent_for(struct side *side, const struct arctic_id *peer_id, json_t *message, int64_t now)
{
    size_t before = side->sent;
    assert_true(arci_gossip_receive(side->gossip, peer_id, message, now));
    json_decref(message);
    return side->sent - before;
}

/* One that offers what it does not have delays nothing that others have. */
/* A want costs what it brings, however often it names it. */
static void test_what_is_asked_for_twice_is_given_once(void **state)
{
    struct side *sides = *state;
    const struct arctic_id id = put_service(&sides[0], 1);
    ARCI_JSON *items = json_array();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(json_array_append_new(items, json_pack("[s, s]", "service", id.text)), 0);
    ARCI_JSON *want = json_pack("{s:s, s:O}", "type", "want", "items", items);
    size_t sent = sides[0].sent;
    assert_true(arci_gossip_receive(sides[0].gossip, &sides[1].id, want, 1));
    assert_int_equal(sides[0].sent, sent + 1);
    assert_true(sides[0].longest <= MIB);
}

static void test_a_liar_is_in_nobodys_way(void **state)
{
    struct side *sides = *state;
    const struct arctic_id liar = {"peer_00000000000000000000000003"};
    const struct arctic_id another = {"peer_00000000000000000000000004"};
    static const char other_hash[] = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_int_equal(arci_gossip_connect(sides[0].gossip, &liar, NULL), ARCTIC_OK);
    assert_int_equal(arci_gossip_connect(sides[0].gossip, &another, NULL), ARCTIC_OK);
    assert_int_equal(sent_for(&sides[0], &another, offer(1, 1, 9, HASH, ARCI_RECORD_MAX), 1000), 1);
    sent_for(&sides[0], &liar, offer(500, 1, 9, HASH, 500), 1000);
    for (unsigned i = 0; i < 5; i++)
        sent_for(&sides[0], &liar, offer(1000 + i * 4000, 4000, 9, HASH, 500), 1000);
    /* Not of a record that another one has another version of, nor by a wrong size of the same. */
    assert_int_equal(sent_for(&sides[0], &sides[1].id, offer(1, 1, 3, other_hash, 500), 1001), 1);
    assert_int_equal(sent_for(&sides[0], &sides[1].id, offer(1, 1, 9, HASH, 500), 1001), 1);
    /* And what it has told truly is asked of others when it does not come. */
    assert_int_equal(sent_for(&sides[0], &sides[1].id, offer(500, 1, 9, HASH, 500), 1001), 0);
    assert_int_equal(sent_for(&sides[0], &sides[1].id, offer(500, 1, 9, HASH, 500), 20000), 1);
}

/* A record for which there is no room, or that makes no sense here, is not carried again and again. */
static void test_what_has_no_room_is_left_for_a_while(void **state)
{
    struct side *sides = *state;
    const struct arctic_id long_id = {"peer_00000000000000000000000009"};
    static char text[80000];
    ARCI_IDENTITY *identity = NULL;
    assert_int_equal(arci_identity_generate(&identity, NULL), ARCTIC_OK);
    const struct arci_peer peer = peer_model(&long_id, identity);
    struct arci_record record = {.kind = ARCI_RECORD_PEER,
                                 .id = long_id,
                                 .owner = long_id,
                                 .version = 1,
                                 .updated_at = 1,
                                 .body = arci_peer_to_record(&peer)};
    memset(text, 'x', sizeof text - 1);
    json_object_set_new(record.body, "future", json_string(text));
    assert_int_equal(arci_record_sign(&record, identity, NULL), ARCTIC_OK);
    char place[ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)];
    ARCI_JSON *offered = json_pack("{s:s, s:[[s, s, s, i, b, s, i]]}", "type", "items", "items", "peer",
                                   long_id.text, place_text(&record, place), 1, 0, HASH, 1500);
    ARCI_JSON *brought =
        json_pack("{s:s, s:[o]}", "type", "records", "records", arci_record_to_json(&record));
    const struct arctic_id *other = &sides[1].id;
    assert_int_equal(sent_for(&sides[0], other, json_incref(offered), 1000), 1);
    assert_int_equal(sent_for(&sides[0], other, json_incref(brought), 1100), 0);
    assert_int_equal(sides[0].refused, 1);
    assert_int_equal(arci_gossip_counts(sides[0].gossip)->records_refused, 1);
    for (int64_t now = 2000; now < 50000; now += 1000)
        assert_int_equal(sent_for(&sides[0], other, json_incref(offered), now), 0);
    assert_int_equal(sent_for(&sides[0], other, json_incref(offered), 70000), 1);
    arci_record_release(&record);
}

static bool is_last(const struct arctic_id *peer_id)
{
    uint8_t place[ARCI_SHA256_SIZE];
    const struct arci_record record = {.kind = ARCI_RECORD_PEER, .id = *peer_id, .owner = *peer_id};
    assert_int_equal(arci_record_place(&record, place, NULL), ARCTIC_OK);
    return place[0] == 0xff;
}

/* More records of one owner than a message names, and the owner's own record behind all of them. */
static void test_many_records_of_a_stranger_come_in(void **state)
{
    struct side *sides = *state;
    struct side owner = {.other = &sides[1]};
    const struct arci_entry *entry;
    bool changed = false;
    size_t cursor = 0;
    unsigned number = 100;
    do
        snprintf(owner.id.text, sizeof owner.id.text, "peer_%026u", number++);
    while (!is_last(&owner.id));
    assert_int_equal(arci_identity_generate(&owner.identity, NULL), ARCTIC_OK);
    assert_int_equal(arci_registry_create(NULL, &owner.registry, NULL), ARCTIC_OK);
    arci_registry_simulate(owner.registry, clock_of_all, NULL, arci_record_verify);
    arci_registry_set_owner(owner.registry, owner.identity, &owner.id);
    put_peer(&owner);
    for (unsigned i = 0; i < 3000; i++)
        put_credential(&owner, i);
    while ((entry = arci_registry_next_owned(owner.registry, &owner.id, &cursor)))
        assert_int_equal(arci_registry_merge(sides[0].registry, &entry->record, &changed, NULL), ARCTIC_OK);
    for (int64_t round = 0; round < 5 && !agree(sides); round++) {
        arci_gossip_tick(sides[1].gossip);
        deliver_all(sides, round * 1000);
    }
    assert_true(agree(sides));
    free_side(&owner);
}

/* Ids can be chosen so that they all stand below one leaf. */
static void test_a_crowded_leaf_is_told_in_parts(void **state)
{
    struct side *sides = *state;
    const struct arci_tree_path leaf = {.depth = ARCI_TREE_DEPTH, .index = 7};
    unsigned found = 0;
    for (unsigned number = 0; found < 1500; number++) {
        uint8_t place[ARCI_SHA256_SIZE];
        struct side *side = &sides[found % 8 == 0];
        struct arci_record record = {.kind = ARCI_RECORD_CREDENTIAL, .owner = side->id};
        snprintf(record.id.text, sizeof record.id.text, "cli_%026u", number);
        assert_int_equal(arci_record_place(&record, place, NULL), ARCTIC_OK);
        if (!arci_tree_path_holds(&leaf, place))
            continue;
        put_credential(side, number);
        found++;
    }
    int64_t round = 0;
    for (; round < 60 && !agree(sides); round++) {
        arci_gossip_tick(sides[round % 2].gossip);
        deliver_all(sides, round * 1000);
    }
    assert_true(agree(sides));
    assert_int_equal(arci_registry_count(sides[0].registry, ARCI_RECORD_CREDENTIAL), 1500);
    assert_true(sides[0].longest <= MIB / 2 && sides[1].longest <= MIB / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_comparison_makes_two_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_messages_and_records_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_change_among_many_is_cheap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_messages_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_messages_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_record_is_asked_of_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_replayed_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_message_of_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_catch_up_is_cut_into_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_has_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_asked_for_twice_is_given_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_liar_is_in_nobodys_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_has_no_room_is_left_for_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_records_of_a_stranger_come_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_crowded_leaf_is_told_in_parts, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("gossip", tests, NULL, NULL);
}
