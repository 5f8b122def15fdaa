/*
 * The interfaces of local services. A pass of the reconciler plans them (control loop), makes them on the pool's thread before data plane
 * and kernel table are told their names, and takes note of what became of them (control loop again). Looks between passes do the same
 * with the last plan, so that what somebody has taken away is made again at once.
 *
 * A clean stop of the agent removes the interfaces, as all that it has made. An agent that is killed leaves them with their addresses:
 * who uses one as gateway goes on directly through this host, and the next agent takes them up as they are.
 */
#ifndef ARCI_AGENT_INTERFACES_H
#define ARCI_AGENT_INTERFACES_H

#include "agent/services/service-plan.h"

/* Makes agent->interfaces. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_interfaces_start(struct arctic_agent *agent, struct arctic_error *error);

/* Writes the plan's wishes for interfaces, and ends what belonged to services that wish for none any more. Errors: ARCTIC_E_NO_MEMORY. */
int arci_interfaces_plan(struct arctic_agent *agent, struct arci_service_plan *plan,
                         struct arctic_error *error);

/*
 * Makes the interfaces what the plan wishes; on a thread of the pool, one call at a time. `pass`: the plan is not applied yet, and its
 * services get the names of their interfaces; else those that they have stay.
 */
void arci_interfaces_work(struct arctic_agent *agent, struct arci_service_plan *plan, bool pass);

/* Adds what others have changed of interfaces, and was put right, to a status; on the thread of arci_interfaces_work(). */
void arci_interfaces_add_repairs(const struct arctic_agent *agent, struct arci_kernel_status *status);

/*
 * Takes note of what the last arci_interfaces_work() has found. Returns whether a pass is needed, since an interface is called otherwise
 * than the plan's services say.
 */
bool arci_interfaces_settle(struct arctic_agent *agent, const struct arci_service_plan *plan);

/* Adds what is known of the service's interface to what is known of the service, which is a local one. */
void arci_interfaces_live(const struct arctic_agent *agent, const struct arci_service *service,
                          struct arci_service_live *live);

/* Name of the interface of a local service, "" where there is none; `ret_name` has ARCI_INTERFACE_NAME_SIZE bytes. */
void arci_interfaces_name(const struct arctic_agent *agent, const struct arctic_id *service, char *ret_name);

/* Closes what the control loop watches, so that it can end; what is left is arci_interfaces_end(). */
void arci_interfaces_close(struct arctic_agent *agent);

/* Gives all DHCP leases back, for an agent that loses its identity. Before arci_interfaces_end(). */
void arci_interfaces_release(struct arctic_agent *agent);

/* Removes all interfaces and frees agent->interfaces, which may be NULL; no pass or look is under way. */
void arci_interfaces_end(struct arctic_agent *agent);

#endif
