/*
 * What a service's MACVLAN interface is called. Names and MAC addresses follow from ids alone, so that an interface that is made
 * anew, after whatever happened to it, is the same one to its neighbours.
 *
 *     name    "arc-" and the last 11 characters of the service id in lower case: arc-qrstvwxyz12. IFNAMSIZ allows no more, and they
 *             are the random part of the ULID. Where that name belongs to something else, "arx-" in place of "arc-".
 *     MAC     the first bytes of a SHA-256 over service id and source peer id, as a locally administered unicast address.
 *     alias   the service id (ip link show, IFLA_IFALIAS).
 */
#ifndef ARCI_KERNEL_INTERFACE_NAME_H
#define ARCI_KERNEL_INTERFACE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/id.h>

#define ARCI_INTERFACE_NAME_SIZE 16u /* IFNAMSIZ */
#define ARCI_INTERFACE_NAMES 2u      /* names a service's interface may have, the best first */
#define ARCI_MAC_SIZE 6u
#define ARCI_MAC_TEXT 18u /* "02:00:00:00:00:01" and the end of the text */

/* Name `choice`, below ARCI_INTERFACE_NAMES; `ret_name` has ARCI_INTERFACE_NAME_SIZE bytes. `service` is a whole id. */
void arci_interface_name(const struct arctic_id *service, unsigned choice, char *ret_name);

/* Whether `name` is one that the service's interface may have. */
bool arci_interface_may_be_called(const struct arctic_id *service, const char *name);

/* Errors: those of arci_sha256(). */
int arci_interface_mac(const struct arctic_id *service, const struct arctic_id *peer,
                       uint8_t ret_mac[ARCI_MAC_SIZE], struct arctic_error *error);

/* `text` has ARCI_MAC_TEXT bytes. Returns `text`. */
char *arci_mac_format(const uint8_t mac[ARCI_MAC_SIZE], char *text);

#endif
