/*
 * The reconciler: carries the desired state into the data plane and the kernel, in that order for what appears and the other way
 * round for what goes, and keeps what came of it for each service. Passes run one at a time; the kernel's part happens on a thread
 * of the pool, so that the control loop stays free.
 */
#ifndef ARCI_AGENT_RECONCILE_H
#define ARCI_AGENT_RECONCILE_H

#include "agent/agent-internal.h"

int arci_reconcile_create(struct arctic_agent *agent, struct arctic_error *error);

/* Asks for a pass soon; many requests become one pass. */
void arci_reconcile_request(struct arctic_agent *agent);

/* Whether a pass or a look is under way. */
bool arci_reconcile_is_running(const struct arctic_agent *agent);

/*
 * Asks for a look at the kernel now, which ends in a pass where others have changed what the last one left. After a pass that
 * failed it is made again at once where what it failed at has changed.
 */
void arci_reconcile_look(struct arctic_agent *agent);

/* Asks for a pass and calls back when one that began after this call has ended, or at once when the agent stops. */
void arci_reconcile_then(struct arctic_agent *agent, void (*done)(void *context), void *context);

/* The same, and the pass compares all that the kernel holds, down to the elements of its maps. */
void arci_reconcile_fully_then(struct arctic_agent *agent, void (*done)(void *context), void *context);

/* What is observed of a service. */
void arci_reconcile_live(const struct arctic_agent *agent, const struct arci_service *service,
                         struct arci_service_live *ret_live);

/* What happens to new connections that a local service's routes match, as of the last pass. */
enum arci_capture {
    ARCI_CAPTURE_NONE = 0,    /* they go by: the service does not run, or steps aside */
    ARCI_CAPTURE_CARRIES = 1, /* taken to the target peer */
    ARCI_CAPTURE_REFUSES = 2, /* reset while the target peer does not answer */
};
enum arci_capture arci_reconcile_capture(const struct arctic_agent *agent,
                                         const struct arci_service *service);

/* One check of /readyz each, as of the last pass: true when all is well, else *ret_reason says what is not. */
bool arci_reconcile_kernel_ready(const struct arctic_agent *agent, const char **ret_reason);

/* Whether the kernel state was made, or could not be: before that nobody knows yet. */
bool arci_reconcile_has_tried(const struct arctic_agent *agent);

/* How often what others have changed was repaired, by enum arci_repair; all zero before the first pass. */
const uint64_t *arci_reconcile_repairs(const struct arctic_agent *agent);

/*
 * Walks what is not as it should be without keeping the agent from its work, such as a host that does not forward: start with
 * *cursor = 0; NULL at the end. Sentences are good until the next turn of the loop.
 */
const char *arci_reconcile_next_hint(const struct arctic_agent *agent, size_t *cursor);

/* Forgets what was applied, for an agent that loses its kernel state; not while a pass is under way. */
void arci_reconcile_forget(struct arctic_agent *agent);

/* Starts no more passes and answers all who wait; a pass that is under way ends by itself while the loop runs on. */
void arci_reconcile_stop(struct arctic_agent *agent);
void arci_reconcile_free(struct arctic_agent *agent);

#endif
