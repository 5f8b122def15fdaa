/*
 * Membership that a record shows by itself. A peer's record carries what a handshake proves, that who has made it holds a licence file of
 * this customer: the public part of that licence and a signature with its admission key over the peer's id and key. So clients and tokens of
 * a peer count also where it cannot be met, as between two spokes of a hub. What goes over links and tunnels takes a handshake.
 */
#ifndef ARCI_AGENT_LICENSE_ADMISSION_H
#define ARCI_AGENT_LICENSE_ADMISSION_H

#include "agent/agent-internal.h"

/* This agent's own, made once for each file; NULL when that fails. Borrowed until the licence is replaced. */
const json_t *arci_admission_own(struct arctic_agent *agent);

/* Whether the record of a peer shows that it is a member. Looked at once for each version of the record. */
bool arci_admission_is_shown(const struct arctic_agent *agent, const struct arci_entry *entry);

#endif
