/*
 * The peers this agent has shaken hands with: what is observed of each, and the control link that this agent holds to it. Over
 * that link go this agent's own records, at once when it opens and again with every change; the peer's own come over the link that
 * the peer holds to this agent.
 */
#ifndef ARCI_AGENT_PEERS_H
#define ARCI_AGENT_PEERS_H

#include "agent/agent-internal.h"
#include "cluster/dial.h"

struct arci_agent_peer {
    struct arctic_agent *agent;
    struct arctic_id id;
    struct arci_peer_live live;
    struct arci_dial *dial; /* while connecting */
    struct arci_link *link; /* while connected */
    int64_t retry_at;       /* monotonic milliseconds: no dial before */
    int64_t retry_delay;
    int64_t met_at;        /* monotonic milliseconds: when the link was made */
    int64_t ping_sent_at;  /* monotonic microseconds; 0: none under way */
    int64_t next_ping_at;  /* monotonic milliseconds */
    uint64_t acknowledged; /* bytes of the link, when the ping was sent or last seen to grow */
    int64_t progress_at;   /* monotonic milliseconds, of that */
};

/* Reads the known peers from the store. */
int arci_peers_load(struct arctic_agent *agent, struct arctic_error *error);

/* Starts to hold links; called once the agent has its identity. */
void arci_peers_start(struct arctic_agent *agent);

/* Drops all links, and then the memory. */
void arci_peers_stop(struct arctic_agent *agent);
void arci_peers_free(struct arctic_agent *agent);

/* NULL where no handshake has happened with that peer. */
struct arci_agent_peer *arci_peers_find(struct arctic_agent *agent, const struct arctic_id *id);

/* Checks that the licence leaves room for one more peer unless it is known. Errors: ARCTIC_E_NODE_LIMIT_EXCEEDED. */
int arci_peers_check_room(struct arctic_agent *agent, const struct arctic_id *id, struct arctic_error *error);

/*
 * Takes a peer in after a handshake, or brings a known one up to date: its record, its endpoint, the cluster id. `host` is how its
 * API is reached ("" keeps what is known or takes the endpoint's address). On success it is on disk.
 */
int arci_peers_admit(struct arctic_agent *agent, const struct arci_handshake_remote *remote,
                     const struct arctic_endpoint *endpoint, const char *api_address,
                     struct arci_agent_peer **ret_peer, struct arctic_error *error);

/* Gives a peer the control link of a handshake that this agent began. */
void arci_peers_set_link(struct arci_agent_peer *peer, struct arci_link *link);

/* Sends the newest version of a local record to all connected peers. */
void arci_peers_publish(struct arctic_agent *agent, enum arci_record_kind kind, const struct arctic_id *id);

/* This host's part of a handshake. */
void arci_peers_self(struct arctic_agent *agent, struct arci_handshake_self *ret_self);

/* Options of a control link of this agent. */
void arci_peers_link_options(struct arctic_agent *agent, struct arci_link_options *ret_options);

#endif
