/*
 * Members that are no more: revoked by another, or gone by themselves. A revocation is a record of the peer that issues it, and
 * names a key; a departure is the tombstone of the leaving peer's own record. Either ends links and tunnels at once, drops what
 * the peer owned here, and leaves services towards it in the state `error`. The peer's record stays, so that those who still name
 * it can be told who it was.
 */
#ifndef ARCI_AGENT_MEMBERSHIP_H
#define ARCI_AGENT_MEMBERSHIP_H

#include "agent/agent-internal.h"

/* Fails where a key, or this agent's own, has been revoked. Errors: ARCTIC_E_HANDSHAKE_FAILED. */
int arci_membership_check(struct arctic_agent *agent, const struct arctic_id *id,
                          const uint8_t key[ARCI_KEY_SIZE], struct arctic_error *error);

/*
 * Revokes another peer: on disk when this returns, and told to the connected peers. One that is revoked already is no error.
 * Errors: those of the store.
 */
int arci_membership_revoke(struct arctic_agent *agent, const struct arci_entry *peer,
                           struct arctic_error *error);

/* Does what a record that has just come from a peer says, where that ends a membership. */
void arci_membership_follow(struct arctic_agent *agent, const struct arci_entry *entry);

/*
 * Takes the revocation that a peer has refused this agent with (arci_dial_revocation()): who was away when it was revoked hears of it
 * that way. One that does not hold is logged. NULL is allowed. Not while the dial that brought it counts as under way.
 */
void arci_membership_hear(struct arctic_agent *agent, const json_t *revocation);

/* At start: finishes what a crash may have kept from being done. */
void arci_membership_load(struct arctic_agent *agent);

/* The revocation of this agent; NULL where there is none. */
const struct arci_revocation *arci_membership_own_revocation(const struct arctic_agent *agent);

/* Why a peer is no member, as a service that needs it says: a short clause in `text`. Returns `text`. */
char *arci_membership_why_gone(const struct arctic_agent *agent, const struct arctic_id *id, char *text,
                               size_t size);

#endif
