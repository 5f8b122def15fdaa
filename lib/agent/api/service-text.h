/*
 * Services as the API shows them, as text. A text is kept with its record's entry and used again for as long as the service and its
 * live part are what they were: it is never older than what it shows.
 */
#ifndef ARCI_AGENT_SERVICE_TEXT_H
#define ARCI_AGENT_SERVICE_TEXT_H

#include <stdbool.h>

#include "agent/agent-internal.h"
#include "base/buffer.h"

/* Appends the JSON of a service, with its routes or without; without memory the buffer has failed afterwards. */
void arci_service_text_append(const struct arctic_agent *agent, const struct arci_entry *entry,
                              bool with_routes, struct arci_buffer *buffer);

#endif
