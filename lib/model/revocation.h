/* Revocations: a member's statement that the holder of a key is no member any more. */
#ifndef ARCI_MODEL_REVOCATION_H
#define ARCI_MODEL_REVOCATION_H

#include <jansson.h>

#include <arctic/id.h>

#include "model/peer.h"

struct arci_revocation {
    struct arctic_id id;
    struct arctic_id peer_id;               /* who is revoked, as its issuer knew it */
    uint8_t public_key[ARCI_PEER_KEY_SIZE]; /* what counts: a peer cannot get around it with another id */
    int64_t created_at;                     /* milliseconds since 1970 */
};

/* The durable form: a round trip through both gives the same revocation. Members that this version does not know are passed over. */
json_t *arci_revocation_to_record(const struct arci_revocation *revocation);
int arci_revocation_from_record(const json_t *object, struct arci_revocation *ret_revocation,
                                struct arctic_error *error);

#endif
