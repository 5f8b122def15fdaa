/*
 * What a stranger may send over a control link: framing, hello and records; and what a member may: requests and answers. A hello is judged as it came and once more with the peer
 * record and the challenge of a good one put in its place, so that the fuzzer gets past what it cannot forge.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include <arctic/license.h>

#include "cluster/carried.h"
#include "cluster/handshake.h"
#include "cluster/message.h"

static const uint8_t seed_a[ARCI_SEED_SIZE] = "arctic fuzz: control: initiator";
static const uint8_t seed_b[ARCI_SEED_SIZE] = "arctic fuzz: control: responder";

struct world {
    struct arci_identity *a;
    struct arci_identity *b;
    struct arci_license *license;
    struct arci_record record_a;
    struct arci_record record_b;
    struct arci_trust_roots roots;
    uint8_t keys[1][ARCI_KEY_SIZE];
    uint8_t exporter[ARCI_EXPORTER_SIZE];
};

static struct arci_record make_record(const struct arci_identity *identity)
{
    struct arci_peer peer = {
        .name = "fuzz", .version = "0.1.0", .api_port = 1, .tunnel_port = 2, .iptunnel_port = 3};
    assert(arctic_id_generate(ARCTIC_ID_PEER, &peer.id, NULL) == ARCTIC_OK);
    memcpy(peer.public_key, arci_identity_public_key(identity), ARCI_KEY_SIZE);
    struct arci_record record = {.kind = ARCI_RECORD_PEER,
                                 .id = peer.id,
                                 .owner = peer.id,
                                 .version = 1,
                                 .body = arci_peer_to_record(&peer)};
    assert(record.body && arci_record_sign(&record, identity, NULL) == ARCTIC_OK);
    return record;
}

static void make_license(struct world *world)
{
    char *pem = NULL;
    char *text = NULL;
    char key[ARCTIC_KEY_TEXT];
    const struct arctic_license_terms terms = {
        .size = sizeof terms, .issued_at = 1, .expires_at = 4102444800000, .max_nodes = 3, .max_services = 3};
    assert(arctic_license_keygen(&pem, key, NULL) == ARCTIC_OK);
    assert(arci_base64_decode_exact(key, world->keys[0], ARCI_KEY_SIZE));
    world->roots = (struct arci_trust_roots){(const uint8_t(*)[ARCI_KEY_SIZE])world->keys, 1};
    assert(arctic_license_issue(pem, &terms, &text, NULL) == ARCTIC_OK);
    assert(arci_license_parse(text, strlen(text), ARCI_LICENSE_FILE, &world->roots, &world->license, NULL) ==
           ARCTIC_OK);
    arctic_license_free_text(pem);
    arctic_license_free_text(text);
}

/* Made once: keys and signatures would otherwise take most of the time. */
static struct world *get_world(void)
{
    static struct world world;
    if (world.a)
        return &world;
    assert(arci_identity_from_seed(seed_a, &world.a, NULL) == ARCTIC_OK);
    assert(arci_identity_from_seed(seed_b, &world.b, NULL) == ARCTIC_OK);
    make_license(&world);
    world.record_a = make_record(world.a);
    world.record_b = make_record(world.b);
    return &world;
}

static struct arci_handshake_self self_of(const struct world *world, const struct arci_identity *identity,
                                          const struct arci_record *record)
{
    return (struct arci_handshake_self){.identity = identity,
                                        .license = world->license,
                                        .trust_roots = &world->roots,
                                        .peer_record = record,
                                        .now = 1};
}

/* Nobody who cannot sign gets in: the fuzzer has no key. */
static void judge(const struct world *world, const json_t *message)
{
    struct arci_handshake_self self = self_of(world, world->b, &world->record_b);
    struct arci_handshake_initiator initiator = {.challenge = {1}};
    struct arci_handshake_remote remote;
    struct arctic_error error = {0};
    const uint8_t *key = arci_identity_public_key(world->a);
    int code = arci_handshake_judge_hello(&self, world->exporter, key, message, &remote, &error);
    assert(code < 0 && error.code == code && error.message[0]);
    code = arci_handshake_judge_answer(&self, &initiator, key, message, &remote, &error);
    assert(code < 0 && error.code == code && error.message[0]);
}

static void judge_record(const struct world *world, const json_t *object)
{
    struct arci_record record = {0};
    if (!json_is_object(object) || arci_record_from_json(object, &record, NULL) < 0)
        return;
    assert(record.version >= 1);
    ARCI_JSON *back = arci_record_to_json(&record);
    assert(back && json_equal(back, object));
    arci_record_verify(&record, arci_identity_public_key(world->a), NULL);
    arci_record_release(&record);
}

static void check_line(const char *text, size_t limit)
{
    assert(text && strlen(text) <= limit);
    for (; *text; text++)
        assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

/* What is accepted comes out the same when it is carried once more. */
static void judge_request(const json_t *message)
{
    struct arci_carried_request request;
    struct arci_carried_request again;
    struct arctic_error error = {0};
    json_t *made = NULL;
    if (arci_carried_request_from_json(message, &request, &error) < 0) {
        assert(error.code == ARCTIC_E_PROTOCOL && error.message[0]);
        return;
    }
    assert(request.id > 0);
    check_line(request.method, ARCI_CARRIED_METHOD_MAX);
    check_line(request.target, ARCI_CARRIED_TARGET_MAX);
    assert(arci_carried_request_to_json(&request, &made, NULL) == ARCTIC_OK);
    ARCI_JSON *back = made;
    assert(arci_carried_request_from_json(back, &again, NULL) == ARCTIC_OK);
    assert(again.id == request.id && strcmp(again.target, request.target) == 0);
    assert(again.body_length == request.body_length);
    assert(!again.body == !request.body && !again.authorization == !request.authorization);
}

static void judge_response(const json_t *message)
{
    struct arci_carried_response response;
    struct arctic_error error = {0};
    json_t *made = NULL;
    if (arci_carried_response_from_json(message, &response, &error) < 0) {
        assert(error.code == ARCTIC_E_PROTOCOL && error.message[0]);
        return;
    }
    assert(response.id > 0 && response.status >= 200 && response.status <= 599);
    if (response.content_type)
        check_line(response.content_type, ARCI_CARRIED_CONTENT_TYPE_MAX);
    assert(arci_carried_response_to_json(&response, &made, NULL) == ARCTIC_OK);
    ARCI_JSON *back = made;
    ARCI_FREE char *text = response.body ? arci_json_canonical(json_object_get(back, "body")) : NULL;
    assert(!text || strlen(text) <= arci_carried_body_size(response.body, response.body_length));
}

static void judge_message(const struct world *world, json_t *message)
{
    judge(world, message);
    judge_request(message);
    judge_response(message);
    size_t index;
    json_t *object;
    json_array_foreach(json_object_get(message, "records"), index, object) judge_record(world, object);
    json_object_set_new(message, "peer", arci_record_to_json(&world->record_a));
    json_object_set_new(message, "license", arci_license_to_public_json(world->license));
    judge(world, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = get_world();
    ARCI_BUFFER buffer = {0};
    arci_buffer_append(&buffer, data, size);
    for (;;) {
        json_t *taken = NULL;
        size_t before = buffer.length;
        if (arci_message_take(&buffer, ARCI_HANDSHAKE_MESSAGE_MAX, &taken, NULL) < 0 || !taken)
            return 0;
        assert(buffer.length + ARCI_MESSAGE_HEADER <= before);
        ARCI_JSON *message = taken;
        judge_message(world, message);
    }
}
