/*
 * Dates of own records. What was signed while this host's clock stood too late is refused by all others until that time has come, the
 * own peer record at the head; once the clock is right again it is signed anew.
 */
#ifndef ARCI_AGENT_OWN_DATES_H
#define ARCI_AGENT_OWN_DATES_H

#include "agent/agent-internal.h"

/* To be called some seconds apart by an agent that is bootstrapped and knows its newest records. Errors are logged. */
void arci_own_dates_follow(struct arctic_agent *agent);

#endif
