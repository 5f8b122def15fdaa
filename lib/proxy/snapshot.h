/*
 * What the workers know of the configuration: an immutable snapshot that the control loop builds and swaps.
 *
 * Building: create, add peers, then services, then hand it to arci_proxy_set_snapshot(), after which it must not be changed.
 * Reading is free for any thread that holds a reference.
 */
#ifndef ARCI_PROXY_SNAPSHOT_H
#define ARCI_PROXY_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/match.h>

#include "base/cleanup.h"
#include "model/peer.h"
#include "model/route.h"
#include "proxy/policy.h"
#include "transport/transport.h"

#define ARCI_SNAPSHOT_REVISION 32

struct arci_coverage;
struct arci_snapshot;

struct arci_snapshot_options {
    struct arctic_id local_id;
    struct arci_transport_settings transport; /* arci_transport_settings_defaults() */
    struct arci_exit_policy exit;
    int64_t connect_ms; /* of the exit towards destinations; 0: 10 s */
};

struct arci_snapshot_peer {
    struct arctic_id id;
    uint8_t key[ARCI_PEER_KEY_SIZE];
    struct arctic_endpoint endpoints[ARCI_PEER_ENDPOINTS_MAX]; /* tunnel, the best first */
    size_t endpoint_count;
    struct arctic_address
        addresses[ARCI_PEER_ENDPOINTS_MAX]; /* of its host, as its record says: not proven */
    size_t address_count;
    int64_t met_at; /* monotonic milliseconds: the last handshake with it */
    bool connected; /* flows are carried to and taken from connected peers only */
    bool silent;    /* it does not answer: flows that wait for its word are given up */
};

/* One service, at its entry or its exit. */
struct arci_snapshot_service {
    struct arctic_id id;
    struct arctic_id peer_id;        /* the other end: the target at the entry, the source at the exit */
    const char *interface;           /* its own, on the source peer; NULL or "" for none */
    bool fully_transparent;          /* destinations see the client's address */
    const struct arci_route *routes; /* ordered by id */
    size_t route_count;
    /* Other bytes for other routes, so that equal ones need not be placed again; zero: not known. */
    uint8_t revision[ARCI_SNAPSHOT_REVISION];
};

/* Makes an empty snapshot with one reference. Errors: ARCTIC_E_NO_MEMORY. */
int arci_snapshot_create(const struct arci_snapshot_options *options, struct arci_snapshot **ret_snapshot,
                         struct arctic_error *error);

struct arci_snapshot *arci_snapshot_ref(struct arci_snapshot *snapshot);

/* NULL is allowed. */
void arci_snapshot_unref(struct arci_snapshot *snapshot);

ARCI_DEFINE_CLEANUP(struct arci_snapshot *, arci_snapshot_unref, arci_snapshot_cleanup)

/*
 * Gives an empty snapshot the routes of an earlier one, so that adding a service costs what differs and not all its routes. `entries`,
 * ordered by id, are the services that are about to be added as entries, all of them. `former` lives until the last service is added.
 * Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_snapshot_inherit(struct arci_snapshot *snapshot, const struct arci_snapshot *former,
                          const struct arci_snapshot_service *entries, size_t count,
                          struct arctic_error *error);

/* Errors: ARCTIC_E_ALREADY_EXISTS, ARCTIC_E_NO_MEMORY. */
int arci_snapshot_add_peer(struct arci_snapshot *snapshot, const struct arci_snapshot_peer *peer,
                           struct arctic_error *error);

/*
 * Adds a service whose entry, or exit, is here; routes are copied. Errors: ARCTIC_E_NOT_FOUND (its peer was not added),
 * ARCTIC_E_ALREADY_EXISTS, those of arctic_route_table_add_route(). After an error the snapshot is to be dropped.
 */
int arci_snapshot_add_entry(struct arci_snapshot *snapshot, const struct arci_snapshot_service *service,
                            struct arctic_error *error);
int arci_snapshot_add_exit(struct arci_snapshot *snapshot, const struct arci_snapshot_service *service,
                           struct arctic_error *error);

/* Reading, for the workers */

/* What a service's routes were made of. */
struct arci_snapshot_origin {
    uint8_t revision[ARCI_SNAPSHOT_REVISION];
    size_t route_count; /* none of a service that steps aside */
    char interface[ARCTIC_INTERFACE_NAME];
};

struct arci_snapshot_entry {
    struct arctic_id id;
    size_t peer; /* index */
    bool fully_transparent;
    struct arci_snapshot_origin origin;
};

struct arci_snapshot_exit {
    struct arctic_id id;
    size_t peer;
    bool has_interface;
    bool fully_transparent; /* destinations see the client's address */
    struct arci_snapshot_origin origin;
    struct arci_coverage *coverage; /* its routes alone; holds a reference */
};

const struct arci_snapshot_options *arci_snapshot_options(const struct arci_snapshot *snapshot);
const struct arci_snapshot_peer *arci_snapshot_peers(const struct arci_snapshot *snapshot, size_t *ret_count);
const struct arci_snapshot_entry *arci_snapshot_entries(const struct arci_snapshot *snapshot,
                                                        size_t *ret_count);
const struct arci_snapshot_exit *arci_snapshot_exits(const struct arci_snapshot *snapshot, size_t *ret_count);

/* By id; NULL where there is none. */
const struct arci_snapshot_peer *arci_snapshot_find_peer(const struct arci_snapshot *snapshot,
                                                         const struct arctic_id *id);

/* Whether an address is one at which a peer other than that of index `except` is met. */
bool arci_snapshot_is_peer(const struct arci_snapshot *snapshot, size_t except,
                           const struct arctic_address *address);

/* The entry service that takes a flow, and by which route (0: by its interface); NULL where none does. */
const struct arci_snapshot_entry *arci_snapshot_match(const struct arci_snapshot *snapshot,
                                                      const struct arctic_flow *flow, uint64_t *ret_route);

/* By id; NULL where there is none. Services are kept in the order of their ids. */
const struct arci_snapshot_entry *arci_snapshot_find_entry(const struct arci_snapshot *snapshot,
                                                           const struct arctic_id *id);

/* Of the services of one id that of a peer: another peer may have signed one under the same id. NULL where there is none. */
const struct arci_snapshot_exit *arci_snapshot_find_exit(const struct arci_snapshot *snapshot,
                                                         const struct arctic_id *id,
                                                         const struct arctic_id *peer_id);

/*
 * Whether a flow that `peer_id` sends may be served: its service has its exit here, comes from that peer, which is connected, and
 * covers the flow. Else *ret_why says what is wrong, and *ret_may_change whether the peer may know better: it has perhaps a newer
 * version of the service. An entry's interface covers all.
 */
const struct arci_snapshot_exit *arci_snapshot_admit(const struct arci_snapshot *snapshot,
                                                     const struct arctic_id *peer_id,
                                                     const struct arci_stream_request *request,
                                                     const char **ret_why, bool *ret_may_change);

#endif
