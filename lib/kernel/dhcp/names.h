/* Names as DHCP carries them. Private to dhcp/. */
#ifndef ARCI_KERNEL_DHCP_NAMES_H
#define ARCI_KERNEL_DHCP_NAMES_H

#include <stdbool.h>

/* Whether it is a label that may name a host: 1..63 letters, digits and '-', the latter not at an end (RFC 1123 section 2.1). */
bool arci_dhcp_is_hostname(const char *text);

/* Whether a text has only letters, digits, '-', '_' and '.', so that it can be shown anywhere; "" is one. */
bool arci_dhcp_is_domain(const char *text);

#endif
