/* What a DHCP server knows a service's interface by. */
#ifndef ARCI_KERNEL_DHCP_IDENTIFIER_H
#define ARCI_KERNEL_DHCP_IDENTIFIER_H

#include <stdint.h>

#include <arctic/error.h>
#include <arctic/id.h>

#include "kernel/dhcp/message.h"

/*
 * The client identifier of a service (RFC 4361 section 6.1): type 255, the IAID 1, and a DUID of type UUID (RFC 6355) with the 128 bits of the
 * service's id, so that no other service anywhere has it and this one always has. Errors: ARCTIC_E_USAGE for what is no id of a service.
 */
int arci_dhcp_identifier(const struct arctic_id *service, uint8_t ret_identifier[ARCI_DHCP_IDENTIFIER_SIZE],
                         struct arctic_error *error);

#endif
