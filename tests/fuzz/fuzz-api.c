/*
 * Requests to the API of a live agent, from the routing to the answer: the first line of an input is "METHOD target", the rest the body.
 * @peer, @service, @route, @client, @secret and @license stand for what the agent has. The agent keeps its state from input to input, and
 * is made anew when an input has taken away what the others need. It has a network namespace of its own and no capability, so that
 * its data plane stays off and nothing gets out.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <ftw.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <arctic/license.h>

#include "agent/api/api.h"
#include "agent/peers/peers.h"
#include "base/base64.h"
#include "base/buffer.h"
#include "base/json.h"
#include "base/time.h"
#include "tests/unit/peer-model.h"

#define ANSWER_MS 20000
#define SERVICES_MAX 20
#define ROUTES_MAX 100
#define PEER "peer_01JD2Q4Y7M8N9P0QRSTVWXYZ12"

struct world {
    char directory[64];
    uint8_t keys[1][ARCI_KEY_SIZE];
    char *license;
    struct arctic_agent *agent;
    struct arctic_id client;
    char secret[128];
    char authorization[4200];
    struct arctic_id service;
    bool answered;
    struct arci_http_answer answer; /* what it points to is the world's */
    char content_type[101];
};

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void empty_directory(const struct world *world)
{
    nftw(world->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Nothing that an input asks for may reach the host's network or its kernel. */
static void shut_in(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        fputs("skipped: no network namespace to be had\n", stderr);
        _exit(77);
    }
    assert(syscall(SYS_capset, &head, none) == 0);
}

static void make_license(struct world *world)
{
    char *pem = NULL;
    char key[ARCTIC_KEY_TEXT];
    const struct arctic_license_terms terms = {.size = sizeof terms,
                                               .issued_at = arci_time_now(),
                                               .expires_at = 4102444800000,
                                               .max_nodes = 5,
                                               .max_services = 100};
    assert(arctic_license_keygen(&pem, key, NULL) == ARCTIC_OK);
    assert(arci_base64_decode_exact(key, world->keys[0], ARCI_KEY_SIZE));
    assert(arctic_license_issue(pem, &terms, &world->license, NULL) == ARCTIC_OK);
    arctic_license_free_text(pem);
}

static void on_answer(void *context, const struct arci_http_answer *answer)
{
    struct world *world = context;
    assert(!world->answered);
    world->answered = true;
    world->answer = *answer;
    world->answer.body = NULL;
    snprintf(world->content_type, sizeof world->content_type, "%s",
             answer->content_type ? answer->content_type : "");
    world->answer.content_type = world->content_type;
    if (answer->length == 0)
        return;
    world->answer.body = malloc(answer->length + 1);
    assert(world->answer.body);
    memcpy(world->answer.body, answer->body, answer->length);
    world->answer.body[answer->length] = '\0';
}

static void ask(struct world *world, const char *method, const char *target, const char *content_type,
                const void *body, size_t length)
{
    const struct arci_http_header headers[] = {{"Content-Type", content_type},
                                               {"Authorization", world->authorization}};
    const struct arci_http_submit_options options = {
        .method = method,
        .target = target,
        .headers = headers,
        .header_count = world->authorization[0] ? 2 : 1,
        .body = body,
        .body_length = length,
        .remote = {{.family = ARCTIC_FAMILY_IPV4, .bytes = {127, 0, 0, 1}}, 1},
    };
    int64_t end = arci_time_monotonic() + ANSWER_MS;
    free(world->answer.body);
    world->answer = (struct arci_http_answer){0};
    world->answered = false;
    assert(arci_http_server_submit(world->agent->api, &options, on_answer, world, NULL, NULL) == ARCTIC_OK);
    while (!world->answered) {
        assert(arci_time_monotonic() < end);
        /* A timer that is due runs before the loop waits for the next one. */
        uv_run(&world->agent->loop, UV_RUN_NOWAIT);
        if (!world->answered)
            uv_run(&world->agent->loop, UV_RUN_ONCE);
    }
}

static json_t *ask_json(struct world *world, const char *method, const char *target, const char *body,
                        unsigned status)
{
    ask(world, method, target, "application/json", body, strlen(body));
    if (world->answer.status != status)
        fprintf(stderr, "%s %s: %u %s\n", method, target, world->answer.status, world->answer.body);
    assert(world->answer.status == status);
    return json_loads(world->answer.body, 0, NULL);
}

static void get_token(struct world *world)
{
    char form[400];
    snprintf(form, sizeof form, "grant_type=client_credentials&client_id=%s&client_secret=%s",
             world->client.text, world->secret);
    ask(world, "POST", "/v1/oauth/token", "application/x-www-form-urlencoded", form, strlen(form));
    assert(world->answer.status == 200);
    ARCI_JSON *object = json_loads(world->answer.body, 0, NULL);
    snprintf(world->authorization, sizeof world->authorization, "Bearer %s",
             json_string_value(json_object_get(object, "access_token")));
}

static void bootstrap(struct world *world)
{
    char body[8192];
    snprintf(body, sizeof body, "{\"license\":%s,\"name\":\"fuzz\"}", world->license);
    world->authorization[0] = '\0';
    ARCI_JSON *object = ask_json(world, "POST", "/v1/bootstrap", body, 201);
    const char *id = json_string_value(json_object_get(object, "client_id"));
    assert(arctic_id_parse(ARCTIC_ID_CLIENT, id, &world->client, NULL) == ARCTIC_OK);
    snprintf(world->secret, sizeof world->secret, "%s",
             json_string_value(json_object_get(object, "client_secret")));
    get_token(world);
}

/* A peer that has shaken hands once, as far as this agent knows: services need a target. */
static void make_peer(struct world *world)
{
    ARCI_IDENTITY *identity = NULL;
    struct arctic_id id;
    assert(arctic_id_parse(ARCTIC_ID_PEER, PEER, &id, NULL) == ARCTIC_OK);
    assert(arci_identity_generate(&identity, NULL) == ARCTIC_OK);
    struct arci_peer peer = peer_model(&id, identity);
    snprintf(peer.name, sizeof peer.name, "other");
    struct arci_handshake_remote remote = {.peer = peer};
    remote.peer_record = (struct arci_record){.kind = ARCI_RECORD_PEER,
                                              .id = peer.id,
                                              .owner = peer.id,
                                              .version = 1,
                                              .body = arci_peer_to_record(&peer)};
    const struct arctic_endpoint endpoint = {{.family = ARCTIC_FAMILY_IPV4, .bytes = {10, 0, 0, 1}}, 2};
    struct arci_agent_peer *made;
    assert(arci_record_sign(&remote.peer_record, identity, NULL) == ARCTIC_OK);
    struct arctic_error error;
    int code = arci_peers_admit(world->agent, &remote, &endpoint, "10.0.0.1:1", &made, &error);
    if (code < 0)
        fprintf(stderr, "%s\n", error.message);
    assert(code == ARCTIC_OK);
    arci_handshake_remote_release(&remote);
}

static void make_service(struct world *world)
{
    char path[96];
    ARCI_JSON *object =
        ask_json(world, "POST", "/v1/services",
                 "{\"target_peer_id\":\"" PEER "\",\"transport_type\":\"tcp\",\"name\":\"kept\"}", 201);
    assert(arctic_id_parse(ARCTIC_ID_SERVICE, json_string_value(json_object_get(object, "id")),
                           &world->service, NULL) == ARCTIC_OK);
    snprintf(path, sizeof path, "/v1/services/%s/routes", world->service.text);
    ARCI_JSON *routes =
        ask_json(world, "POST", path, "{\"routes\":[{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":1}]}", 201);
    assert(routes);
}

static void end_agent(struct world *world)
{
    arctic_agent_free(world->agent);
    world->agent = NULL;
    empty_directory(world);
}

static void make_agent(struct world *world)
{
    char run[80];
    snprintf(run, sizeof run, "%s/run", world->directory);
    assert(mkdir(world->directory, 0700) == 0);
    const struct arctic_agent_options options = {
        .size = sizeof options,
        .data_dir = world->directory,
        .run_dir = run,
        .api_address = "127.0.0.1",
        .api_port = ARCTIC_PORT_ANY,
        .tunnel_port = ARCTIC_PORT_ANY,
        .api_tls_off = 1,
    };
    assert(arctic_agent_create(&options, &world->agent, NULL) == ARCTIC_OK);
    world->agent->trust_roots = (struct arci_trust_roots){(const uint8_t(*)[ARCI_KEY_SIZE])world->keys, 1};
    bootstrap(world);
    make_peer(world);
    make_service(world);
}

static void end_world(void);

static struct world *get_world(void)
{
    static struct world world;
    if (world.license)
        return &world;
    snprintf(world.directory, sizeof world.directory, "/dev/shm/arctic-fuzz-api-%d", (int)getpid());
    shut_in();
    make_license(&world);
    atexit(end_world);
    return &world;
}

static void end_world(void)
{
    struct world *world = get_world();
    if (world->agent)
        end_agent(world);
    free(world->answer.body);
    arctic_license_free_text(world->license);
}

/* What the next input relies on. */
static bool is_intact(const struct world *world)
{
    const struct arctic_agent *agent = world->agent;
    struct arctic_id peer;
    assert(arctic_id_parse(ARCTIC_ID_PEER, PEER, &peer, NULL) == ARCTIC_OK);
    const struct arci_entry *service =
        arci_registry_find(agent->registry, ARCI_RECORD_SERVICE, &world->service);
    const struct arci_entry *client =
        arci_registry_find(agent->registry, ARCI_RECORD_CREDENTIAL, &world->client);
    return agent->bootstrapped && agent->peer_count == 1 && arctic_id_equal(&agent->peers[0]->id, &peer) &&
           client && service && service->content.service.routes.count > 0 &&
           service->content.service.routes.count <= ROUTES_MAX &&
           arci_registry_count(agent->registry, ARCI_RECORD_SERVICE) <= SERVICES_MAX &&
           arci_registry_count(agent->registry, ARCI_RECORD_CREDENTIAL) <= SERVICES_MAX;
}

static void add_route_id(const struct world *world, struct arci_buffer *text)
{
    const struct arci_entry *entry =
        arci_registry_find(world->agent->registry, ARCI_RECORD_SERVICE, &world->service);
    arci_buffer_format(text, "%llu", (unsigned long long)entry->content.service.routes.items[0].id);
}

/* Copies bytes and puts the agent's own for the names in them. */
static void fill_in(const struct world *world, const char *bytes, size_t length, struct arci_buffer *text)
{
    const struct {
        const char *name;
        const char *value;
    } names[] = {{"@peer", PEER},
                 {"@self", world->agent->local_id.text},
                 {"@service", world->service.text},
                 {"@client", world->client.text},
                 {"@secret", world->secret},
                 {"@license", world->license},
                 {"@route", NULL}};
    for (size_t i = 0; i < length;) {
        size_t n = 0;
        size_t size = 0;
        for (; n < sizeof names / sizeof names[0]; n++) {
            size = strlen(names[n].name);
            if (length - i >= size && memcmp(bytes + i, names[n].name, size) == 0)
                break;
        }
        if (n == sizeof names / sizeof names[0])
            arci_buffer_append(text, bytes + i++, 1);
        else if (names[n].value)
            arci_buffer_text(text, names[n].value);
        else
            add_route_id(world, text);
        i += n == sizeof names / sizeof names[0] ? 0 : size;
    }
}

/* Whatever was asked: a status that the API knows, in its form, and never a failure of the inside. */
static void judge(const struct world *world, const char *method)
{
    const struct arci_http_answer *answer = &world->answer;
    assert(answer->status >= 200 && answer->status < 600 && answer->status != 500);
    bool is_json = answer->content_type && strcmp(answer->content_type, "application/json") == 0;
    if (strcmp(method, "HEAD") == 0 || !is_json)
        return;
    ARCI_JSON *object = json_loads(answer->body, JSON_REJECT_DUPLICATES, NULL);
    assert(object);
    if (answer->status < 400 || !json_object_get(object, "code"))
        return;
    const char *code = json_string_value(json_object_get(object, "code"));
    const char *text = json_string_value(json_object_get(object, "error"));
    assert(code && text && text[0]);
    assert(arctic_code_http_status(arctic_code_from_name(code)) == (int32_t)answer->status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = get_world();
    ARCI_BUFFER line = {.limit = 0};
    ARCI_BUFFER body = {.limit = 0};
    const char *bytes = (const char *)data;
    const char *end = size > 0 ? memchr(bytes, '\n', size) : NULL;
    size_t length = end ? (size_t)(end - bytes) : size;
    if (length == 0 || memchr(bytes, '\0', length) || !memchr(bytes, ' ', length))
        return 0;
    if (world->agent && !is_intact(world))
        end_agent(world);
    if (!world->agent)
        make_agent(world);
    fill_in(world, bytes, length, &line);
    if (end)
        fill_in(world, end + 1, size - length - 1, &body);
    char *method = (char *)line.data;
    char *target = strchr(method, ' ');
    *target++ = '\0';
    bool form = strstr(target, "oauth") != NULL;
    ask(world, method, target, form ? "application/x-www-form-urlencoded" : "application/json",
        body.data ? (const char *)body.data : "", body.length);
    judge(world, method);
    return 0;
}

/* --- Mutations that keep a body JSON, so that most inputs get past the parser. ------------------------------------------------- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static json_t *odd_value(unsigned pick)
{
    static const char *const texts[] = {"",
                                        "@peer",
                                        "@self",
                                        "@service",
                                        "10.0.0.0/8",
                                        "10.1.2.3/8",
                                        "fd00::/8",
                                        "0.0.0.0/0",
                                        "192.168.1.1/24",
                                        "10.0.0.1",
                                        "tcp",
                                        "kcp",
                                        "block",
                                        "admin",
                                        "urn:tillered:arctic:peers.read",
                                        "127.0.0.1:1",
                                        "kept",
                                        "\xc3\xa4",
                                        "peer_",
                                        "a\nb"};
    static const json_int_t numbers[] = {0,       1,          -1,         100,       65536,
                                         1000000, 2147483647, 2147483648, INT64_MAX, INT64_MIN};
    switch (pick % 6) {
    case 0:
        return json_integer(numbers[pick / 6 % (sizeof numbers / sizeof numbers[0])]);
    case 1:
        return pick & 64 ? json_null() : json_boolean(pick & 128);
    case 2:
        return pick & 64 ? json_array() : json_object();
    case 3:
        return json_real(0.5);
    default:
        return json_string(texts[pick / 6 % (sizeof texts / sizeof texts[0])]);
    }
}

/* Changes one member or element, some levels down. */
static void change(json_t *value, unsigned seed)
{
    size_t count = json_is_object(value) ? json_object_size(value) : json_array_size(value);
    if (count == 0)
        return;
    size_t place = seed % count;
    unsigned next = seed / (unsigned)count * 2654435761u;
    if (json_is_array(value)) {
        json_t *item = json_array_get(value, place);
        if (next & 1 && (json_is_object(item) || json_is_array(item)))
            change(item, next >> 1);
        else if (next & 2)
            json_array_append(value, item);
        else
            json_array_set_new(value, place, odd_value(next >> 8));
        return;
    }
    void *member = json_object_iter(value);
    while (place-- > 0)
        member = json_object_iter_next(value, member);
    json_t *item = json_object_iter_value(member);
    if (next & 1 && (json_is_object(item) || json_is_array(item)))
        change(item, next >> 1);
    else if ((next & 14) == 0)
        json_object_del(value, json_object_iter_key(member));
    else
        json_object_iter_set_new(value, member, odd_value(next >> 8));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t head = end ? (size_t)(end - data) + 1 : 0;
    ARCI_JSON *object = end && seed % 4 ? json_loadb((char *)data + head, size - head, 0, NULL) : NULL;
    if (!object)
        return LLVMFuzzerMutate(data, size, max_size);
    change(object, seed / 4);
    ARCI_FREE char *text = json_dumps(object, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0;
    if (!text || head + length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data + head, text, length);
    return head + length;
}
