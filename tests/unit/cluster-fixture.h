/* Two peers of one customer, made from scratch: identities, licences of a throw-away root, signed peer records. */
#ifndef ARCTIC_TESTS_CLUSTER_FIXTURE_H
#define ARCTIC_TESTS_CLUSTER_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include <arctic/license.h>

#include "base/time.h"
#include "cluster/handshake.h"

struct test_peer {
    struct arci_identity *identity;
    struct arci_license *license;
    struct arci_record record;
};

struct test_root {
    char *pem;
    uint8_t keys[1][ARCI_KEY_SIZE];
    struct arci_trust_roots roots;
};

static inline void make_root(struct test_root *root)
{
    struct arctic_error error;
    char text[ARCTIC_KEY_TEXT];
    assert_ok(arctic_license_keygen(&root->pem, text, &error), error);
    assert_true(arci_base64_decode_exact(text, root->keys[0], ARCI_KEY_SIZE));
    root->roots = (struct arci_trust_roots){(const uint8_t(*)[ARCI_KEY_SIZE])root->keys, 1};
}

static inline void make_license(const struct test_root *root, const struct arctic_id *customer,
                                struct arci_license **ret_license)
{
    struct arctic_error error;
    char *text = NULL;
    const struct arctic_license_terms terms = {
        .size = sizeof terms,
        .customer_id = customer->text,
        .expires_at = arci_time_now() + 86400000LL * 90,
        .max_nodes = 10,
        .max_services = 10,
    };
    assert_ok(arctic_license_issue(root->pem, &terms, &text, &error), error);
    assert_ok(arci_license_parse(text, strlen(text), ARCI_LICENSE_FILE, &root->roots, ret_license, &error),
              error);
    arctic_license_free_text(text);
}

static inline void make_peer(const struct test_root *root, const struct arctic_id *customer, const char *name,
                             struct test_peer *peer)
{
    struct arctic_error error;
    struct arci_peer model = {
        .api_port = 8080, .tunnel_port = 61000, .iptunnel_port = 51840, .created_at = 1, .updated_at = 1};
    memset(peer, 0, sizeof *peer);
    assert_ok(arci_identity_generate(&peer->identity, &error), error);
    make_license(root, customer, &peer->license);
    assert_ok(arctic_id_generate(ARCTIC_ID_PEER, &model.id, &error), error);
    snprintf(model.name, sizeof model.name, "%s", name);
    snprintf(model.version, sizeof model.version, "0.1.0");
    memcpy(model.public_key, arci_identity_public_key(peer->identity), ARCI_KEY_SIZE);
    peer->record = (struct arci_record){
        .kind = ARCI_RECORD_PEER, .id = model.id, .owner = model.id, .version = 1, .updated_at = 1};
    peer->record.body = arci_peer_to_record(&model);
    assert_non_null(peer->record.body);
    assert_ok(arci_record_sign(&peer->record, peer->identity, &error), error);
}

static inline void free_peer(struct test_peer *peer)
{
    arci_identity_free(peer->identity);
    arci_license_free(peer->license);
    arci_record_release(&peer->record);
}

static inline struct arci_handshake_self peer_self(const struct test_root *root, const struct test_peer *peer)
{
    return (struct arci_handshake_self){
        .identity = peer->identity,
        .license = peer->license,
        .trust_roots = &root->roots,
        .peer_record = &peer->record,
        .now = arci_time_now(),
    };
}

#endif
