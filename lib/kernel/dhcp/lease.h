/* What a DHCP server has granted: an address for a time, and what it says of the network. With its JSON form for the store. */
#ifndef ARCI_KERNEL_DHCP_LEASE_H
#define ARCI_KERNEL_DHCP_LEASE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/error.h>

#define ARCI_DHCP_ADDRESSES_MAX 4 /* of routers and of DNS servers; further ones are left out */
#define ARCI_DHCP_DOMAIN_SIZE 256 /* NUL included */
#define ARCI_DHCP_FOREVER INT64_MAX

/* A plain value. Addresses are IPv4. Times are seconds since 1970 by the wall clock, ARCI_DHCP_FOREVER for a lease without an end. */
struct arci_dhcp_lease {
    struct arctic_address address;
    uint8_t prefix_length; /* 1..32; 32 where the server gave no mask */
    struct arctic_address server;
    struct arctic_address routers[ARCI_DHCP_ADDRESSES_MAX];
    size_t router_count;
    struct arctic_address dns[ARCI_DHCP_ADDRESSES_MAX];
    size_t dns_count;
    char domain[ARCI_DHCP_DOMAIN_SIZE]; /* letters, digits, '-', '_' and '.' only; "": none */
    int64_t expires_at;
    int64_t renew_at;  /* T1 of RFC 2131 section 4.4.5: the server is asked */
    int64_t rebind_at; /* T2: every server is asked; renew_at <= rebind_at <= expires_at */
};

bool arci_dhcp_lease_equal(const struct arci_dhcp_lease *a, const struct arci_dhcp_lease *b);

/* As one object; NULL when memory runs out. */
json_t *arci_dhcp_lease_to_json(const struct arci_dhcp_lease *lease);

/*
 * Reads what arci_dhcp_lease_to_json() wrote, and takes nothing that no server could have granted. Unknown members are passed over.
 * Errors: ARCTIC_E_INVALID_REQUEST or ARCTIC_E_MISSING_FIELD with the member in `field`.
 */
int arci_dhcp_lease_from_json(const json_t *object, struct arci_dhcp_lease *ret_lease,
                              struct arctic_error *error);

#endif
