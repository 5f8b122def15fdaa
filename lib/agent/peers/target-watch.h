/*
 * The watch over the peers that local services lead to: whether each answers, asked twice a second over its control link, and judged by
 * reachability.h. What the peer's process sends counts, and that it takes what was sent before a question; that its host acknowledges the
 * question itself does not, since a host does so for a process that is suspended. For some seconds the link that the peer has dialled may speak
 * for it as well. On the control loop's thread.
 */
#ifndef ARCI_AGENT_TARGET_WATCH_H
#define ARCI_AGENT_TARGET_WATCH_H

#include <stddef.h>

#include "agent/peers/peers.h"

/* Begins to look; stopping is allowed before that, and more than once. */
void arci_target_watch_start(struct arctic_agent *agent);
void arci_target_watch_pause(struct arctic_agent *agent);
void arci_target_watch_stop(struct arctic_agent *agent);

/*
 * A plan is being made: between these two each peer that is asked for is a target, and is watched until it is in no plan any more. The first
 * time it is one it counts as reachable where there is a link to it.
 */
void arci_target_watch_begin_plan(struct arctic_agent *agent);
bool arci_target_watch_trusts(struct arci_agent_peer *peer);
void arci_target_watch_end_plan(struct arctic_agent *agent);

/* Whether a peer is a target. */
bool arci_target_watch_covers(const struct arci_agent_peer *peer);

/* A peer that is without a link could not be dialled. */
void arci_target_watch_gone(struct arci_agent_peer *peer);

/* Whether a target that has answered does not do so now. */
bool arci_target_watch_silent(const struct arci_agent_peer *peer);

/* Why new flows to a peer that answers are still held back, and until when; false for any other. */
bool arci_target_watch_explain(const struct arci_agent_peer *peer, char *text, size_t size);

/* How often it has failed since it became a target. */
uint64_t arci_target_watch_failures(const struct arci_agent_peer *peer);

#endif
