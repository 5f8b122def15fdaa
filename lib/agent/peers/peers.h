/* The peers this agent has shaken hands with: what is observed of each, and the control link to it (peer-links.h). */
#ifndef ARCI_AGENT_PEERS_H
#define ARCI_AGENT_PEERS_H

#include "agent/agent-internal.h"
#include "agent/peers/clock-offset.h"
#include "agent/services/reachability.h"
#include "cluster/dial.h"

/* Between two dials at first; the wait grows from there. */
#define ARCI_PEER_RETRY_FIRST_MS 1000

/* What the watch over a service's target knows (target-watch.c). Times are monotonic milliseconds. */
struct arci_target_watch {
    bool wanted;  /* it is the target of a local service */
    bool in_plan; /* the same, of the plan that is being made */
    bool asked;   /* and has not answered since */
    struct arci_reachability reachability;
    int64_t link_made_at; /* of the link that the next members speak of, or that was there last */
    struct arctic_endpoint link_endpoint;
    int64_t ask_at;        /* no question before */
    uint64_t asked_from;   /* bytes of the link before the first question without an answer */
    uint64_t acknowledged; /* bytes of the link, at the last look */
    int64_t heard_at;      /* when the link gave the last sign of life */
    /* Of the link that the peer has dialled. */
    uint64_t their_acknowledged;
    int64_t they_took_at; /* when it has last acknowledged more */
};

struct arci_agent_peer {
    struct arctic_agent *agent;
    struct arctic_id id;
    struct arci_peer_live live;
    struct arci_dial *dial; /* while connecting */
    struct arci_link *link; /* while connected */
    json_t *service_states; /* what it has told of its services (service-states.h); may be NULL */
    int64_t retry_at;       /* monotonic milliseconds: no dial before */
    int64_t retry_delay;
    int64_t met_at;                /* monotonic milliseconds: when the link was made */
    int64_t ping_sent_at;          /* monotonic microseconds; 0: none under way */
    uint64_t ping_id;              /* of the last one */
    int64_t next_ping_at;          /* monotonic milliseconds */
    uint64_t acknowledged;         /* bytes of the link, when the ping was sent or last seen to grow */
    uint64_t ping_end;             /* the same once the ping itself is acknowledged */
    int64_t progress_at;           /* monotonic milliseconds, of that */
    char digest[ARCI_DIGEST_TEXT]; /* of its registry, as it last said; "" before that and without any link */
    /* Milliseconds since 1970: when it last said that it holds what this agent holds, and when it first said what it holds. 0: not since
     * it has come into reach. */
    int64_t agreed_at;
    int64_t heard_at;
    bool counts_known;
    uint32_t counts[ARCI_RECORD_KINDS]; /* of its records, as it last said */
    struct arci_clock_offset clock;
    bool gossips; /* is spoken to */
    struct arci_target_watch target;
};

/* Reads the known peers from the store. */
int arci_peers_load(struct arctic_agent *agent, struct arctic_error *error);

void arci_peers_free(struct arctic_agent *agent);

/* NULL where no handshake has happened with that peer. */
struct arci_agent_peer *arci_peers_find(const struct arctic_agent *agent, const struct arctic_id *id);

/*
 * Checks that the licence leaves room for one more peer, unless it is a member already: one that others have let in is met, and where they
 * are too many together the newest do not work (license-limits.h). Errors: ARCTIC_E_NODE_LIMIT_EXCEEDED.
 */
int arci_peers_check_room(struct arctic_agent *agent, const struct arctic_id *id, struct arctic_error *error);

/*
 * Takes a peer in after a handshake, or brings a known one up to date: its record, with what follows from that, and its endpoint.
 * `api_address` is how its API is reached ("" keeps what is known or takes the endpoint's address). On success it is on disk. Errors:
 * ARCTIC_E_HANDSHAKE_FAILED (revoked, left, or known with another key), ARCTIC_E_LICENSE_EXPIRED (a newcomer with an old licence file),
 * ARCTIC_E_NODE_LIMIT_EXCEEDED, those of the store.
 */
int arci_peers_admit(struct arctic_agent *agent, const struct arci_handshake_remote *remote,
                     const struct arctic_endpoint *endpoint, const char *api_address,
                     struct arci_agent_peer **ret_peer, struct arctic_error *error);

/* Puts on disk what is observed of all peers, such as when each was last seen. Errors: ARCTIC_E_NO_MEMORY, those of the store. */
int arci_peers_note(struct arctic_agent *agent, struct arctic_error *error);

/*
 * Forgets a peer: its links, what was observed of it, and the note on it. One that is not known is no error. With `flush` what waits
 * to be sent to it leaves first. Not from within a callback of the link that this agent holds to it.
 */
void arci_peers_drop(struct arctic_agent *agent, const struct arctic_id *id, bool flush);

#endif
