/*
 * Requests for what another peer owns: carried to it over a control link, so that a client needs to reach one agent only. The owner
 * checks the caller's token again and serves the request as if it had come over HTTP; what it answers is the answer. One hop only: a
 * carried request is never carried on.
 */
#ifndef ARCI_AGENT_CARRY_H
#define ARCI_AGENT_CARRY_H

#include "agent/agent-internal.h"
#include "cluster/link.h"

/* The header that names the peer which is to answer. */
#define ARCI_CARRY_HEADER "X-Arctic-Peer"

int arci_carry_create(struct arctic_agent *agent, struct arctic_error *error);

/* Fails what waits for other peers and forgets what it does for them. */
void arci_carry_stop(struct arctic_agent *agent);
void arci_carry_free(struct arctic_agent *agent);

/* The arci_http_divert callback; its context is the agent. Takes over what another peer is to answer. */
int arci_carry_divert(void *context, struct arci_request *request, bool *ret_diverted,
                      struct arctic_error *error);

/*
 * Sends a request to a peer and answers it with what comes back. With `fallback` the request goes to its handler here when the peer
 * does not answer in time. Errors, with the request still the caller's: ARCTIC_E_NOT_FOUND, ARCTIC_E_PEER_UNREACHABLE,
 * ARCTIC_E_NO_MEMORY.
 */
int arci_carry_start(struct arctic_agent *agent, const struct arctic_id *peer_id,
                     struct arci_request *request, bool fallback, struct arctic_error *error);

/* Takes a message of a control link whose peer has proved to be `peer_id`; false where it is none of requests and answers. */
bool arci_carry_take_message(struct arctic_agent *agent, struct arci_link *link,
                             const struct arctic_id *peer_id, const json_t *message);

/*
 * Notes that a record has changed here. Who is answered by way of another agent finds there what the change has made: the changes since
 * the request came go ahead of its answer.
 */
void arci_carry_note_change(struct arctic_agent *agent, enum arci_record_kind kind,
                            const struct arctic_id *id);

/* A control link has ended or is about to be closed. */
void arci_carry_link_ended(struct arctic_agent *agent, const struct arci_link *link);

#endif
