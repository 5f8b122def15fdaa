/* Services: directed links from a source peer to a target peer, with their routes. */
#ifndef ARCI_MODEL_SERVICE_H
#define ARCI_MODEL_SERVICE_H

#include <jansson.h>
#include <stdbool.h>

#include <arctic/id.h>

#include "model/name.h"
#include "model/route.h"

enum arci_transport_type {
    ARCI_TRANSPORT_TCP = 0,
    ARCI_TRANSPORT_KCP = 1,
    ARCI_TRANSPORT_AUTO = 2,
};

enum arci_when_unreachable {
    ARCI_STEP_ASIDE = 0,
    ARCI_BLOCK = 1,
};

enum arci_service_state {
    ARCI_SERVICE_PENDING = 0,
    ARCI_SERVICE_ACTIVE = 1,
    ARCI_SERVICE_DEGRADED = 2,
    ARCI_SERVICE_ERROR = 3,
};

#define ARCI_SERVICE_LEASE_ADDRESSES 4

struct arci_qos {
    int64_t bandwidth_limit_mbps; /* 0..1000000, 0: unlimited */
    int64_t rtt_ms;               /* 0..10000, 0: the default */
    int64_t memory_limit_kb;      /* 0..4194304, 0: the default */
};

/* What is stored and signed: the wish, not what is observed. */
struct arci_service {
    struct arctic_id id;
    char name[ARCI_NAME_SIZE];
    struct arctic_id source_peer_id;
    struct arctic_id target_peer_id;
    enum arci_transport_type transport;
    enum arci_when_unreachable when_unreachable;
    bool requires_interface;
    bool fully_transparent;
    struct arctic_cidr desired_ipv4; /* interface address with its host bits; family NONE: DHCP */
    struct arctic_cidr desired_ipv6;
    struct arci_qos qos;
    struct arci_routes routes;
    uint64_t next_route_id;
    int64_t created_at; /* milliseconds since 1970 */
    int64_t updated_at;
};

/* What a DHCP server has said of the network of a service's interface. Shown, and never installed. */
struct arci_service_lease {
    bool held; /* else the rest means nothing */
    struct arctic_address server;
    struct arctic_address routers[ARCI_SERVICE_LEASE_ADDRESSES];
    size_t router_count;
    struct arctic_address dns[ARCI_SERVICE_LEASE_ADDRESSES];
    size_t dns_count;
    char domain[256];
    int64_t expires_at; /* milliseconds since 1970; 0: never */
};

/* What is observed on the source peer. */
struct arci_service_live {
    enum arci_service_state state;
    char state_reason[256];
    char interface_name[16];
    char interface_mac[18];
    struct arctic_cidr actual_ipv4;
    struct arctic_cidr actual_ipv6;
    struct arci_service_lease lease;
};

/* The API's form of a lease, null where none is held; NULL when memory runs out. */
json_t *arci_service_lease_to_json(const struct arci_service_lease *lease);

/* Reads it, as another peer has told it; false for what makes no sense, *ret_lease is as it was then. */
bool arci_service_lease_from_json(const json_t *object, struct arci_service_lease *ret_lease);

void arci_service_release(struct arci_service *service);
int arci_service_copy(const struct arci_service *service, struct arci_service *ret_copy,
                      struct arctic_error *error);

const char *arci_transport_name(enum arci_transport_type transport);
const char *arci_when_unreachable_name(enum arci_when_unreachable choice);
/* The reverse. Errors: ARCTIC_E_INVALID_TRANSPORT, ARCTIC_E_INVALID_REQUEST, with the member of a service in `field`. */
int arci_transport_parse(const char *name, enum arci_transport_type *ret_transport,
                         struct arctic_error *error);
int arci_when_unreachable_parse(const char *name, enum arci_when_unreachable *ret_choice,
                                struct arctic_error *error);
const char *arci_service_state_name(enum arci_service_state state);

/*
 * Reads the body of POST /v1/services. Required: target_peer_id (MISSING_FIELD), transport_type
 * (MISSING_FIELD, INVALID_TRANSPORT). Optional: name, source_peer_id (absent: id stays ""),
 * requires_interface, fully_transparent, desired_interface_ipv4/6, qos {bandwidth_limit_mbps, rtt_ms,
 * memory_limit_kb}, bandwidth_limit_mbps (flat; both forms at once must agree), when_unreachable. Members
 * beyond these are errors. Id, times, routes stay empty; a missing name stays "". Ends with
 * arci_service_validate().
 */
int arci_service_from_json(const json_t *object, struct arci_service *ret_service,
                           struct arctic_error *error);

/*
 * Applies the partial body of PUT /v1/services/{id}: name, transport_type, fully_transparent,
 * requires_interface, desired_interface_ipv4/6 (null clears), qos (partial), bandwidth_limit_mbps,
 * when_unreachable. Null elsewhere is an error. *service changes on success only.
 */
int arci_service_update_from_json(const json_t *object, struct arci_service *service,
                                  struct arctic_error *error);

/*
 * The rules that span members: source and target differ (once both are set); fully_transparent needs
 * requires_interface and tcp; desired addresses need requires_interface, are of their family, and can be a
 * host's (no network, broadcast, multicast, loopback). Errors: ARCTIC_E_INVALID_REQUEST with the member in
 * `field`.
 */
int arci_service_validate(const struct arci_service *service, struct arctic_error *error);

/*
 * The API's form of a service (reference 3, "Service fields"). `live` may be NULL: pending, nothing observed.
 * `with_routes` adds the "routes" array. NULL when memory runs out.
 */
json_t *arci_service_to_json(const struct arci_service *service, const struct arci_service_live *live,
                             bool with_routes);

/*
 * The durable form, as stored and signed: a round trip through both gives the same service (which has its id,
 * name and times by then). Every rule for requests is checked again; members that this version does not know
 * are passed over, since the record may come from a newer peer.
 */
json_t *arci_service_to_record(const struct arci_service *service);
/* The canonical text of the same, in a tenth of the time where there are many routes. NULL when memory runs out; free() it. */
char *arci_service_to_record_text(const struct arci_service *service);
int arci_service_from_record(const json_t *object, struct arci_service *ret_service,
                             struct arctic_error *error);

#endif
