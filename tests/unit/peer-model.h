/* What a peer says of itself, as short as it may be. */
#ifndef ARCTIC_TESTS_PEER_MODEL_H
#define ARCTIC_TESTS_PEER_MODEL_H

#include <string.h>

#include "crypto/identity.h"
#include "model/peer.h"

static inline struct arci_peer peer_model(const struct arctic_id *id, const struct arci_identity *identity)
{
    struct arci_peer peer = {.id = *id,
                             .name = "agent",
                             .version = "0.1.0",
                             .api_port = 1,
                             .tunnel_port = 2,
                             .iptunnel_port = 3,
                             .created_at = 1,
                             .updated_at = 1};
    memcpy(peer.public_key, arci_identity_public_key(identity), sizeof peer.public_key);
    return peer;
}

#endif
