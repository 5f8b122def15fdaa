/*
 * What peers tell each other of one service: {"state", "state_reason"}, and for one with an interface "interface_name", "interface_mac",
 * "actual_interface_ipv4", "actual_interface_ipv6" and "interface_dhcp" as the API shows them. An older peer tells, and reads, the first two alone.
 */
#ifndef ARCI_AGENT_SERVICE_STATE_ROW_H
#define ARCI_AGENT_SERVICE_STATE_ROW_H

#include <jansson.h>
#include <stdbool.h>

#include "model/service.h"

/* NULL when memory runs out. */
json_t *arci_service_state_row(const struct arci_service_live *live);

/* Reads what a peer has told; false for what makes no sense, *ret_live is as it was then. `row` may be NULL. */
bool arci_service_state_row_read(const json_t *row, struct arci_service_live *ret_live);

#endif
