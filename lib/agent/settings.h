/* Checking and copying the options of arctic_agent_create(). */
#ifndef ARCI_AGENT_SETTINGS_H
#define ARCI_AGENT_SETTINGS_H

#include "agent/agent-internal.h"

/* Fills in defaults and checks ranges. Errors: ARCTIC_E_USAGE with the member in `field`. */
int arci_agent_settings_read(const struct arctic_agent_options *options,
                             struct arci_agent_settings *ret_settings, struct arctic_error *error);

#endif
