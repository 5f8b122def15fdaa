/*
 * The agent's parts in one struct, as its own files see it. Everything here belongs to the control loop's thread, except where a
 * member says otherwise.
 */
#ifndef ARCI_AGENT_INTERNAL_H
#define ARCI_AGENT_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include <arctic/agent.h>

#include "agent/loop-watch.h"
#include "agent/pulse.h"
#include "base/log.h"
#include "cluster/handshake.h"
#include "cluster/registry.h"
#include "crypto/fingerprint.h"
#include "crypto/tls.h"
#include "kernel/kernel.h"
#include "proxy/own-addresses.h"
#include "proxy/proxy.h"
#include "rest/server.h"

struct arci_agent_peer;
struct arci_carrier;
struct arci_catch_up;
struct arci_cluster_sync;
struct arci_discovered;
struct arci_drift;
struct arci_explain;
struct arci_gossiping;
struct arci_incoming;
struct arci_intake;
struct arci_peer_addition;
struct arci_reconciler;
struct arci_refusals;
struct arci_service_change;
struct arci_service_interfaces;
struct arci_token_cache;

/* Copies of the option texts and what they became; made once, read by all. */
struct arci_agent_settings {
    char data_dir[256];
    char run_dir[256];
    char api_address[64];
    char parent_interface[16];
    char tunnel_congestion[16];
    char api_tls_cert[256]; /* "": the agent makes its own */
    char api_tls_key[256];
    uint16_t api_port; /* 0 here: any free port */
    uint16_t api_tls_port;
    bool api_tls_off;
    uint16_t tunnel_port;
    uint16_t iptunnel_port;
    uint16_t tproxy_port;
    uint32_t workers;
    int32_t table_mode;
    uint32_t mark_mask;
    uint32_t route_table;
    uint32_t rule_priority;
    uint32_t prime_kb;
    arctic_agent_pulse_callback pulse; /* may be NULL */
    void *pulse_user;
};

/* What the watch over the licence knows (license-watch.c). Times are milliseconds since 1970 but for `told_at`. */
struct arci_license_watch {
    uv_timer_t timer;
    bool known; /* false before a bootstrap; the rest means nothing then */
    enum arctic_license_state state;
    int64_t since;
    int64_t looked_at;
    int64_t told_at; /* monotonic milliseconds: when the log last said it */
    bool unnoted;    /* the state could not be stored yet */
};

/* What a file is recognised by; size -1: it is not there. */
struct arci_file_mark {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t seconds; /* last changed */
    int64_t nanoseconds;
};

struct arci_key_files {
    struct arci_file_mark chain;
    struct arci_file_mark key;
};

/* What the watch over the API's certificate knows (api-renewal.c). */
struct arci_api_renewal {
    uv_timer_t timer;
    struct arci_key_files seen;
    struct arci_key_files read; /* the last ones that were tried */
    int64_t expires_at;         /* milliseconds since 1970, of the certificate in use */
    int64_t warned_at;          /* monotonic milliseconds */
};

/* Another agent with this one's identity (identity-conflict.c). Times are monotonic milliseconds. */
struct arci_identity_conflict {
    unsigned count; /* how often it was heard of, each time after the time before */
    int64_t seen_at;
    int64_t sign_at; /* when the own record is signed again; 0: it is this agent's */
    char reason[256];
    struct arci_log_limit log;
};

/* How old the database is (store-age.c). */
struct arci_store_age {
    int64_t alive_at; /* the note, milliseconds since 1970; 0: none was made */
    int64_t look_at;  /* monotonic milliseconds */
    bool failing;     /* the last try has failed, and the log says so */
};

/* The recovery token (recovery.c). */
struct arci_recovery {
    char hash[ARCI_SECRET_HASH_SIZE]; /* "" where there is none */
    struct arci_own_addresses addresses;
    struct arci_log_limit refusal_log;
};

/* Forgetting what deleted routes have counted (counting.c). */
struct arci_counting {
    uv_timer_t timer;
    size_t next; /* of the registry's services: whose turn it is */
};

/* How many records there are (peer-word.c), counted anew when the digest is another one. */
struct arci_counted {
    char digest[ARCI_DIGEST_TEXT];
    uint32_t records[ARCI_RECORD_KINDS];
};

struct arctic_agent {
    struct arci_agent_settings settings;
    struct arctic_log *log;
    uv_loop_t loop;
    bool loop_ready;
    uv_async_t stop_signal; /* arctic_agent_stop() from any thread */
    struct arci_loop_watch loop_watch;
    struct arci_pulse pulse;
    bool running;
    bool stopping;
    int lock_fd;
    int run_lock_fd;

    struct arci_store *store;
    struct arci_registry *registry;
    struct arci_store_age store_age;
    struct arci_recovery recovery;
    struct arci_log_limit login_log;    /* of wrong client ids and secrets */
    struct arci_log_limit incoming_log; /* of handshakes refused and links dropped */

    /* Set by the bootstrap, or at start where one has been; NULL or "" before. */
    bool bootstrapped;
    struct arctic_id local_id;
    struct arctic_id cluster_id;
    char instance[ARCI_PEER_INSTANCE_SIZE]; /* of this run */
    struct arci_identity_conflict identity_conflict;
    struct arci_identity *identity;
    const struct arci_license *license; /* the one that holds: one of the next two */
    struct arci_license *own_license;   /* the file that was installed here, which admits to the cluster */
    json_t *admission; /* what the own record shows of it (license-admission.h); NULL: not made yet */
    struct arci_license *told_license; /* a later one that was installed at another peer; NULL: none */
    struct arci_license_watch license_watch;
    struct arci_counting counting;
    struct arci_trust_roots trust_roots;
    struct arci_tls *tls;
    struct arci_token_cache *token_cache;

    struct arci_http_server *api;
    struct arci_http_server *api_tls;            /* NULL where TLS is off */
    char api_fingerprint[ARCI_FINGERPRINT_TEXT]; /* of its key, "" where TLS is off */
    struct arci_api_renewal api_renewal;
    char *openapi_text; /* NULL until somebody has asked for it */
    struct arci_kernel *kernel;
    uv_mutex_t kernel_lock; /* its calls come from the pool's threads, one at a time */
    bool kernel_lock_ready;
    struct arci_proxy *proxy;
    uint16_t tunnel_port; /* in use; 0 before the data plane runs */
    uint16_t tproxy_port;
    uv_timer_t data_plane_timer; /* the next try to start the data plane */
    uint64_t data_plane_delay;
    struct arctic_error
        data_plane_problem; /* why it does not run; no message where it does, or was not started yet */

    struct arci_agent_peer **peers; /* ordered by id; those that completed a handshake */
    size_t peer_count;
    size_t peer_capacity;
    uv_timer_t peer_timer;
    int64_t peers_noted_at;         /* monotonic milliseconds */
    uv_timer_t target_timer;        /* of the watch over the targets of services (target-watch.h) */
    struct arci_incoming *incoming; /* list of accepted control links */
    struct arci_intake *intakes;    /* list of large messages; the first one is under way */
    struct arci_gossiping *gossiping;
    struct arci_catch_up *catch_up;       /* in the first moments after a start */
    struct arci_discovered *discovered;   /* list of peers known by hearsay that have been tried */
    struct arci_peer_addition *additions; /* requests to add a peer that are under way */
    json_t *told_states; /* of local services, as the peers have been told them; NULL before the first time */
    struct arci_carrier *carrier;                /* requests that are carried between peers */
    struct arci_service_change *service_changes; /* list of requests that change services */
    struct arci_reconciler *reconciler;
    struct arci_drift *drift;                   /* NULL while there is nothing to watch */
    struct arci_service_interfaces *interfaces; /* of local services; made with the data plane */
    struct arci_refusals *refusals;
    struct arci_counted counted;    /* what this agent's records are, for pings and status */
    struct arci_cluster_sync *sync; /* under way; NULL when none is */
    struct arci_explain *explains;  /* of a match, the first one under way */
    struct arci_own_addresses own_addresses;
    bool leaving;       /* a departure is on disk; the identity goes with the next pass */
    int64_t departs_at; /* monotonic milliseconds: a departure that a crash has cut short; 0 for none */
    struct arci_request *leaver; /* waits for that; NULL where it has its answer */
    bool
        wipe_failed; /* the identity has gone but not from the disk: it does before a bootstrap, or at the next start */
};

#endif
