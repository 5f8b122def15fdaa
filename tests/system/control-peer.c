/*
 * A member that says over its control link whatever a test wants: control-peer [OPTIONS] LICENSE_FILE ADDRESS:PORT makes an identity
 * of its own, shakes hands with the agent there, and prints {"local":"ready","peer_id":...,"public_key":...}. From then on each line on
 * stdin is a message to send, and each message that comes is a line on stdout. It ends with its input, or with {"closed":...} when the
 * agent drops the link.
 *
 *   --key FILE     has the identity of this key file
 *   --id PEER_ID   calls itself that
 *   --stranger     shakes no hands: the line "ready" has the member "hello", which is good for this connection and not sent
 *
 * Lines with a member "local" are for the program itself: {"local":"sign","record":{...}} answers the record with its signature,
 * {"local":"bytes","base64":...} sends bytes that need not be a message.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/base64.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/time.h"
#include "cluster/dial.h"
#include "cluster/link-internal.h"
#include "crypto/sign-json.h"

struct member {
    uv_loop_t loop;
    uv_pipe_t input;
    bool is_stranger;
    const char *key_file; /* NULL: a new key */
    const char *id;       /* NULL: a new one */
    struct arci_identity *identity;
    struct arci_tls *tls;
    struct arci_license *license;
    struct arci_trust_roots roots;
    struct arci_record record;
    struct arci_link *link;
    struct arci_dial *dial;
    struct arci_buffer line;
};

static void die(const struct arctic_error *error)
{
    fprintf(stderr, "control-peer: %s: %s\n", arctic_code_name(error->code), error->message);
    exit(1);
}

static void print(json_t *made)
{
    ARCI_JSON *value = made;
    ARCI_FREE char *text = arci_json_canonical(value);
    if (text)
        puts(text);
    fflush(stdout);
}

static void on_message(void *context, struct arci_link *link, const json_t *message)
{
    (void)context;
    (void)link;
    print(json_deep_copy(message));
}

static void on_closed(void *context, struct arci_link *link, const struct arctic_error *error)
{
    (void)context;
    (void)link;
    print(json_pack("{s:s}", "closed", error->message));
    exit(0);
}

/* What a record's signature is over, whatever the record may be. */
static void sign(const struct member *member, json_t *record)
{
    struct arctic_error error;
    char signature[ARCI_SIGNATURE_TEXT];
    if (arci_sign_json(member->identity, "arctic-record-v1", record, signature, &error) < 0)
        die(&error);
    json_object_set_new(record, "signature", json_string(signature));
    print(json_pack("{s:s, s:O}", "local", "signed", "record", record));
}

static void send_bytes(struct member *member, const char *text)
{
    uint8_t bytes[4096];
    size_t length = 0;
    if (!text || !arci_base64_decode(text, strlen(text), bytes, sizeof bytes, &length)) {
        fputs("control-peer: no base64url of at most 4096 bytes\n", stderr);
        exit(1);
    }
    arci_buffer_append(&member->link->queue, bytes, length);
    member->link->want_write = true;
    arci_link_update_poll(member->link);
}

static void send_line(struct member *member, const char *text, size_t length)
{
    struct arctic_error error;
    json_t *parsed = NULL;
    if (arci_json_parse(text, length, &parsed, &error) < 0)
        die(&error);
    ARCI_JSON *message = parsed;
    const char *local = json_string_value(json_object_get(message, "local"));
    if (local && strcmp(local, "sign") == 0)
        sign(member, json_object_get(message, "record"));
    else if (local && strcmp(local, "bytes") == 0)
        send_bytes(member, json_string_value(json_object_get(message, "base64")));
    else if (arci_link_send(member->link, message, &error) < 0)
        die(&error);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    (void)handle;
    *ret_buffer = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_input(uv_stream_t *stream, ssize_t length, const uv_buf_t *bytes)
{
    struct member *member = stream->data;
    if (length > 0)
        arci_buffer_append(&member->line, bytes->base, (size_t)length);
    free(bytes->base);
    if (length < 0)
        exit(0);
    const uint8_t *end;
    while (member->line.length > 0 && (end = memchr(member->line.data, '\n', member->line.length))) {
        size_t size = (size_t)(end - member->line.data);
        send_line(member, (const char *)member->line.data, size);
        arci_buffer_consume(&member->line, size + 1);
    }
}

static void fill_self(void *context, struct arci_handshake_self *ret_self)
{
    const struct member *member = context;
    *ret_self = (struct arci_handshake_self){.identity = member->identity,
                                             .license = member->license,
                                             .trust_roots = &member->roots,
                                             .peer_record = &member->record,
                                             .now = arci_time_now()};
}

static void begin(struct member *member, struct arci_link *link, json_t *hello)
{
    member->link = link;
    arci_link_set_message_limit(link, 2 * (size_t)ARCI_RECORD_MAX);
    print(json_pack("{s:s, s:s, s:O, s:o*}", "local", "ready", "peer_id", member->record.id.text,
                    "public_key", json_object_get(member->record.body, "public_key"), "hello", hello));
    uv_pipe_init(&member->loop, &member->input, 0);
    member->input.data = member;
    uv_pipe_open(&member->input, 0);
    uv_read_start((uv_stream_t *)&member->input, allocate, on_input);
}

static void on_open(void *context, struct arci_link *link)
{
    struct member *member = context;
    struct arci_handshake_self self;
    struct arci_handshake_initiator initiator;
    uint8_t exporter[ARCI_EXPORTER_SIZE];
    json_t *hello = NULL;
    struct arctic_error error;
    fill_self(member, &self);
    int code = arci_link_exporter(link, ARCI_EXPORTER_LABEL, exporter, sizeof exporter, &error);
    if (code >= 0)
        code = arci_handshake_hello(&self, exporter, "", &initiator, &hello, &error);
    if (code < 0)
        die(&error);
    begin(member, link, hello);
}

static const struct arci_link_events events = {
    .on_open = on_open, .on_message = on_message, .on_closed = on_closed};

static void on_dialled(void *context, struct arci_link *link, const struct arci_handshake_remote *remote,
                       const struct arctic_error *error)
{
    struct member *member = context;
    (void)remote;
    if (!link)
        die(error);
    arci_link_set_events(link, &events, member);
    begin(member, link, NULL);
}

static int make_record(struct member *member, struct arctic_error *error)
{
    struct arci_peer peer = {.name = "control-peer", .version = "0", .api_port = 9, .tunnel_port = 9};
    peer.created_at = peer.updated_at = arci_time_now();
    memcpy(peer.public_key, arci_identity_public_key(member->identity), ARCI_KEY_SIZE);
    int code = member->id ? arctic_id_parse(ARCTIC_ID_PEER, member->id, &peer.id, error)
                          : arctic_id_generate(ARCTIC_ID_PEER, &peer.id, error);
    if (code < 0)
        return code;
    member->record = (struct arci_record){.kind = ARCI_RECORD_PEER,
                                          .id = peer.id,
                                          .owner = peer.id,
                                          .version = 1,
                                          .updated_at = peer.created_at,
                                          .body = arci_peer_to_record(&peer)};
    return arci_record_sign(&member->record, member->identity, error);
}

static int read_license(struct member *member, const char *path, struct arctic_error *error)
{
    char text[16384];
    FILE *file = fopen(path, "r");
    if (!file)
        return arci_fail_errno(error, "cannot open %s", path);
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    member->roots = arci_trust_roots_built_in();
    return arci_license_parse(text, length, ARCI_LICENSE_FILE, &member->roots, &member->license, error);
}

static int make_self(struct member *member, const char *license, struct arctic_error *error)
{
    int code = member->key_file ? arci_identity_load(member->key_file, &member->identity, error)
                                : arci_identity_generate(&member->identity, error);
    if (code >= 0)
        code = arci_tls_create(member->identity, &member->tls, error);
    if (code >= 0)
        code = make_record(member, error);
    if (code >= 0)
        code = read_license(member, license, error);
    return code;
}

static int start(struct member *member, const char *address, struct arctic_error *error)
{
    struct arctic_endpoint endpoint;
    const struct arci_link_options link = {.loop = &member->loop,
                                           .tls = member->tls,
                                           .message_limit = ARCI_HANDSHAKE_MESSAGE_MAX,
                                           .connect_timeout = 5000,
                                           .events = &events,
                                           .context = member};
    int code = arctic_endpoint_parse(address, &endpoint, error);
    if (code < 0)
        return code;
    if (member->is_stranger)
        return arci_link_connect(&link, &endpoint, NULL, &member->link, error);
    const struct arci_dial_options options = {
        .link = link,
        .endpoints = &endpoint,
        .endpoint_count = 1,
        .suggested_name = "",
        .self = fill_self,
        .done = on_dialled,
        .context = member,
    };
    return arci_dial_start(&options, &member->dial, error);
}

static bool read_options(struct member *member, int argc, char **argv)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},
        {"id", required_argument, NULL, 'i'},
        {"stranger", no_argument, NULL, 's'},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'k')
            member->key_file = optarg;
        else if (option == 'i')
            member->id = optarg;
        else if (option == 's')
            member->is_stranger = true;
        else
            return false;
    }
    return argc - optind == 2;
}

int main(int argc, char **argv)
{
    static struct member member;
    struct arctic_error error;
    if (!read_options(&member, argc, argv)) {
        fputs("usage: control-peer [--key FILE] [--id PEER_ID] [--stranger] LICENSE_FILE ADDRESS:PORT\n",
              stderr);
        return 2;
    }
    uv_loop_init(&member.loop);
    if (make_self(&member, argv[optind], &error) < 0 || start(&member, argv[optind + 1], &error) < 0)
        die(&error);
    uv_run(&member.loop, UV_RUN_DEFAULT);
    return 0;
}
