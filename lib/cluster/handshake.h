/*
 * The handshake of two peers: proof of both identity keys and of both licences, bound to one TLS connection.
 *
 *   initiator -> responder  hello   challenge, signed peer record, public part of the licence, two signatures
 *   responder -> initiator  welcome signed peer record, public part of the licence, two signatures
 *
 * Each side signs a transcript of (its role, TLS exporter value, challenge, both peer ids as far as it knows them, its licence id)
 * with its identity key and with the admission key of its licence. The exporter value ties the signatures to this connection, so
 * that nobody in the middle can pass them on; the admission signature shows that the signer holds the licence file without giving
 * the file away. The initiator goes first: a responder shows its licence only to a member of its own customer.
 *
 * Pure functions of their arguments but for the random challenge.
 */
#ifndef ARCI_CLUSTER_HANDSHAKE_H
#define ARCI_CLUSTER_HANDSHAKE_H

#include "cluster/record.h"
#include "crypto/license.h"
#include "model/peer.h"

#define ARCI_CHALLENGE_SIZE 32
#define ARCI_EXPORTER_SIZE 32
#define ARCI_EXPORTER_LABEL "EXPORTER-arctic-handshake-v1"
#define ARCI_HANDSHAKE_MESSAGE_MAX ((size_t)64 * 1024)

/* This host's part; all borrowed. */
struct arci_handshake_self {
    const struct arci_identity *identity;
    const struct arci_license *license;
    const struct arci_trust_roots *trust_roots;
    const struct arci_record *peer_record; /* signed */
    int64_t now;                           /* milliseconds since 1970 */
};

/* What a handshake has proved about the other end. */
struct arci_handshake_remote {
    struct arci_record peer_record; /* verified; to be released */
    struct arci_peer peer;
    enum arctic_license_state
        license_state; /* of the licence that it has proved, at the time of the handshake */
    char suggested_name
        [ARCI_NAME_SIZE]; /* in a hello: what the operator wants this host to be called, "" for no wish */
};

void arci_handshake_remote_release(struct arci_handshake_remote *remote);

/* What the initiator keeps between its two steps. */
struct arci_handshake_initiator {
    uint8_t challenge[ARCI_CHALLENGE_SIZE];
    uint8_t exporter[ARCI_EXPORTER_SIZE];
};

/* Makes the hello. `suggested_name` may be "". */
int arci_handshake_hello(const struct arci_handshake_self *self, const uint8_t exporter[ARCI_EXPORTER_SIZE],
                         const char *suggested_name, struct arci_handshake_initiator *ret_initiator,
                         json_t **ret_hello, struct arctic_error *error);

/*
 * Judges a hello. `peer_key` is the key that the TLS connection has proved. Errors: ARCTIC_E_HANDSHAKE_FAILED (form, signatures,
 * keys), ARCTIC_E_LICENSE_INVALID, ARCTIC_E_LICENSE_MISMATCH (another customer).
 */
int arci_handshake_judge_hello(const struct arci_handshake_self *self,
                               const uint8_t exporter[ARCI_EXPORTER_SIZE],
                               const uint8_t peer_key[ARCI_KEY_SIZE], const json_t *hello,
                               struct arci_handshake_remote *ret_remote, struct arctic_error *error);

/* Makes the welcome for a hello that was judged good. */
int arci_handshake_welcome(const struct arci_handshake_self *self, const uint8_t exporter[ARCI_EXPORTER_SIZE],
                           const json_t *hello, json_t **ret_welcome, struct arctic_error *error);

/* Makes the refusal that takes the place of a welcome: code and message of an error. */
json_t *arci_handshake_refusal(const struct arctic_error *reason);

/*
 * Judges the answer to a hello, a welcome or a refusal. Errors as for arci_handshake_judge_hello(); a refusal gives its own code
 * when that is one of a handshake, and ARCTIC_E_HANDSHAKE_FAILED otherwise.
 */
int arci_handshake_judge_answer(const struct arci_handshake_self *self,
                                const struct arci_handshake_initiator *initiator,
                                const uint8_t peer_key[ARCI_KEY_SIZE], const json_t *answer,
                                struct arci_handshake_remote *ret_remote, struct arctic_error *error);

/* The "type" of a control message, "" when it has none. */
const char *arci_message_type(const json_t *message);

#endif
