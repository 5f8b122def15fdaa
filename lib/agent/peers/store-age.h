/*
 * How old the database is. The note "alive_at" says when it was in use last; an agent that finds it older than tombstones are kept has
 * slept for long, or was restored from an old backup, and forgets what others may have deleted since (see arci_registry_resume()).
 */
#ifndef ARCI_AGENT_STORE_AGE_H
#define ARCI_AGENT_STORE_AGE_H

#include "agent/agent-internal.h"

/* At start, when the records and the identity are loaded, before anybody is served. Errors: those of the store. */
int arci_store_age_load(struct arctic_agent *agent, struct arctic_error *error);

/* To be called about once a second: once a minute it sweeps the registry, and once an hour it notes that the database is in use. */
void arci_store_age_follow(struct arctic_agent *agent);

/* At a clean stop. */
void arci_store_age_end(struct arctic_agent *agent);

/* The identity has gone, and with it all that was its own. */
void arci_store_age_forget(struct arctic_agent *agent);

#endif
