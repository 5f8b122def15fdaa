/* Peers: agents as the cluster sees them. */
#ifndef ARCI_MODEL_PEER_H
#define ARCI_MODEL_PEER_H

#include <jansson.h>
#include <stdbool.h>

#include <arctic/address.h>
#include <arctic/id.h>

#include "model/name.h"

#define ARCI_PEER_KEY_SIZE 32     /* Ed25519 public key */
#define ARCI_PEER_ENDPOINTS_MAX 8 /* tunnel addresses of one peer */
#define ARCI_PEER_FINGERPRINT_SIZE 72
#define ARCI_PEER_ADDRESS_SIZE 272 /* "host:port" with a host name of at most 253 bytes */
#define ARCI_PEER_INSTANCE_SIZE 23 /* 16 random bytes as base64url, and NUL */
#define ARCI_CLUSTER_FORMER_MAX 16 /* ids that a cluster has had before */

enum arci_peer_state {
    ARCI_PEER_DISCOVERED = 0,
    ARCI_PEER_CONNECTED = 1,
    ARCI_PEER_UNREACHABLE = 2,
    ARCI_PEER_REVOKED = 3,
};

/* The cluster as one of its members sees it. All members come to the same (cluster/cluster-identity.h). */
struct arci_cluster_identity {
    struct arctic_id id;                              /* "" in the record of a peer that does not say */
    struct arctic_id former[ARCI_CLUSTER_FORMER_MAX]; /* whose place it has taken, in no order */
    size_t former_count;
};

/* What the peer says of itself; stored and signed by it. */
struct arci_peer {
    struct arctic_id id;
    char name[ARCI_NAME_SIZE];
    char description[ARCI_DESCRIPTION_SIZE];
    uint8_t public_key[ARCI_PEER_KEY_SIZE];
    uint16_t api_port;
    uint16_t api_tls_port; /* 0: no API over TLS */
    char api_fingerprint
        [ARCI_PEER_FINGERPRINT_SIZE]; /* of its key, "sha256:" and 64 hex digits; "" for none */
    uint16_t tunnel_port;
    uint16_t iptunnel_port;
    char version[32];
    bool qos_enabled;
    /* Of its host, to be tried one after the other by who has not met it yet. */
    struct arctic_address addresses[ARCI_PEER_ENDPOINTS_MAX];
    size_t address_count;
    struct arci_cluster_identity cluster;
    char instance
        [ARCI_PEER_INSTANCE_SIZE]; /* of the run of the agent that has signed this; "" where it does not say */
    /*
     * The public part of the licence that holds for it; NULL where it does not say. Borrowed: from the record's body, or from whoever
     * makes a record. Nobody has verified it.
     */
    const json_t *license;
    const json_t *
        admission; /* as above: what shows that it holds a licence file (agent/license/license-admission.h) */
    int64_t created_at; /* milliseconds since 1970 */
    int64_t updated_at;
};

/* What this host knows of a peer by itself. */
struct arci_peer_live {
    bool is_local;
    enum arci_peer_state state;
    char address[ARCI_PEER_ADDRESS_SIZE];                      /* API, "host:port" */
    struct arctic_endpoint endpoints[ARCI_PEER_ENDPOINTS_MAX]; /* tunnel, the one that answered last first */
    size_t endpoint_count;
    int64_t last_seen_at; /* milliseconds since 1970, 0: never */
    int64_t rtt_us;       /* -1: not measured */
};

const char *arci_peer_state_name(enum arci_peer_state state);

/*
 * The API's form (reference 3, "Peer fields"). "tunnel" is an object whose "state" is "up" for a connected
 * peer, "down" for another and "none" for the local one. "rtt_ms" is a real: dump it with
 * JSON_REAL_PRECISION(). NULL when memory runs out.
 */
json_t *arci_peer_to_json(const struct arci_peer *peer, const struct arci_peer_live *live);

/*
 * The durable form: a round trip through both gives the same peer (which has its id, name and times by then).
 * What is read borrows from the object. Errors as for requests, except that members unknown to this version are passed over.
 */
json_t *arci_peer_to_record(const struct arci_peer *peer);
int arci_peer_from_record(const json_t *object, struct arci_peer *ret_peer, struct arctic_error *error);

/* The live part that outlasts a restart: address, endpoints, last seen. Read back it is "discovered", without
 * an rtt. */
json_t *arci_peer_live_to_record(const struct arci_peer_live *live);
int arci_peer_live_from_record(const json_t *object, struct arci_peer_live *ret_live,
                               struct arctic_error *error);

/* Body of POST /v1/peers {"address":"host:port","name"?}; the address is split and checked, not resolved. */
struct arci_peer_request {
    char address[ARCI_PEER_ADDRESS_SIZE];
    char name[ARCI_NAME_SIZE]; /* "" when absent */
};
int arci_peer_request_from_json(const json_t *object, struct arci_peer_request *ret_request,
                                struct arctic_error *error);

/* Applies PUT /v1/peers/{id}: name, description. *peer changes on success only. */
int arci_peer_update_from_json(const json_t *object, struct arci_peer *peer, struct arctic_error *error);

#endif
