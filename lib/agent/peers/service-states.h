/*
 * The states of services, told between peers: a record says what a service is to be, its source peer alone knows what became of it. Each
 * agent tells the states of its own services over its links, all when a link opens and then what changes. What others tell is kept in
 * memory only.
 */
#ifndef ARCI_AGENT_SERVICE_STATES_H
#define ARCI_AGENT_SERVICE_STATES_H

#include "agent/peers/peers.h"

/* Tells the connected peers what has changed since the last call. */
void arci_service_states_publish(struct arctic_agent *agent);

/* Tells all to a peer whose link, of the one direction or the other, has just opened. */
void arci_service_states_greet(struct arci_agent_peer *peer);

/* Takes a "states" message of a peer. */
void arci_service_states_take(struct arctic_agent *agent, const struct arctic_id *peer_id,
                              const json_t *message);

/* What its source peer has told of a service of another peer, in words that say so where it cannot tell now. */
void arci_service_states_find(const struct arctic_agent *agent, const struct arci_service *service,
                              struct arci_service_live *ret_live);

#endif
