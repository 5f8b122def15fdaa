/*
 * DHCPv4 client (RFC 2131) for one interface: it obtains an address, keeps it, and says what it waits for. It changes nothing in
 * the kernel: who owns the interface puts the address of arci_dhcp_lease() on it and takes it off again. The client looks first by ARP
 * whether somebody else uses the address (RFC 5227), and announces it afterwards.
 *
 * For any event loop: a descriptor, a deadline, and two calls that never block. One object belongs to one thread at a time. It needs
 * CAP_NET_RAW in the user namespace that owns the network namespace, and nothing else: it sends and receives by packet sockets, since
 * the interface has no address at first and rp_filter would drop what comes.
 *
 * `now` is arci_time_monotonic(), milliseconds; it must not go back.
 */
#ifndef ARCI_KERNEL_DHCP_DHCP_H
#define ARCI_KERNEL_DHCP_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/error.h>
#include <arctic/id.h>
#include <arctic/log.h>

#include "base/cleanup.h"
#include "kernel/dhcp/lease.h"

#define ARCI_DHCP_REASON_SIZE 256

/*
 * CONFIRMING: a server is asked whether an earlier lease still holds. After a start with `former` that lease does not hold yet, though
 * an address that is on the interface already may stay; after the carrier came back it goes on holding meanwhile. CHECKING: an address
 * was granted or confirmed, and others on the link are asked whether they use it.
 */
enum arci_dhcp_state {
    ARCI_DHCP_WAITING, /* no lease; servers are asked for one */
    ARCI_DHCP_CONFIRMING,
    ARCI_DHCP_CHECKING,
    ARCI_DHCP_BOUND, /* a lease holds; renewing it belongs here */
    ARCI_DHCP_CONFLICT, /* the address was in use by someone else: declined; after a pause servers are asked again */
    ARCI_DHCP_RELEASED, /* after arci_dhcp_release(): the end */
};

struct arci_dhcp_options {
    unsigned interface_index;
    const char *interface; /* its name, for the log and for reasons */
    uint8_t mac[6];
    const struct arctic_id *service; /* makes the client identifier: the same for the service's whole life */
    const char *hostname; /* sent where it is a legal host name (RFC 1123, one label); NULL: none */
    const struct arci_dhcp_lease *former; /* of an earlier run, confirmed unless it has expired; NULL: none */
    struct arctic_log *log;               /* must live as long as the client; NULL: none */
    uint32_t check_unit; /* milliseconds for RFC 5227's second: checking takes 4 to 7 of them; 0: 1000 */
};

struct arci_dhcp;

/*
 * Opens the sockets; the first message leaves in arci_dhcp_tick(). The options are copied, but for the log. Errors: ARCTIC_E_USAGE (a
 * service without a valid id, an interface without a name), ARCTIC_E_SYSTEM (no such interface, no CAP_NET_RAW), ARCTIC_E_NO_MEMORY.
 */
int arci_dhcp_start(const struct arci_dhcp_options *options, struct arci_dhcp **ret_dhcp,
                    struct arctic_error *error);

/* Closes the sockets without a word to the server, who goes on keeping the lease: for a stop after which `former` follows. NULL is allowed. */
void arci_dhcp_free(struct arci_dhcp *dhcp);

ARCI_DEFINE_CLEANUP(struct arci_dhcp *, arci_dhcp_free, arci_dhcp_cleanup)

/* The one descriptor, the same for the object's life; when it is readable (level-triggered), arci_dhcp_read() is due. Not to be read. */
int arci_dhcp_fd(const struct arci_dhcp *dhcp);

/* When arci_dhcp_tick() is due, in the time of `now`; INT64_MAX: never. Ask again after each call below. */
int64_t arci_dhcp_deadline(const struct arci_dhcp *dhcp);

/*
 * Takes what has arrived, a bounded number of frames; does what is due. An early call does no harm. Both return true when the state, the
 * lease (a renewal too: its times) or the reason may have changed since the call before.
 */
bool arci_dhcp_read(struct arci_dhcp *dhcp, int64_t now);
bool arci_dhcp_tick(struct arci_dhcp *dhcp, int64_t now);

enum arci_dhcp_state arci_dhcp_state(const struct arci_dhcp *dhcp);

/*
 * The lease that holds, NULL: none; valid until the next call that takes `now`. In state BOUND there is one; in CONFIRMING and CHECKING
 * only where one held before. When it is NULL, the address is to be taken off the interface, except in CONFIRMING and CHECKING after a
 * start with `former`.
 */
const struct arci_dhcp_lease *arci_dhcp_lease(const struct arci_dhcp *dhcp);

/*
 * A sentence for people on what is waited for or wrong, such as "waiting for a DHCP lease on mac0: no answer for 12 s"; "" when all is
 * well. It changes with events only, not with each second. Valid until the next call.
 */
const char *arci_dhcp_reason(const struct arci_dhcp *dhcp);

/* Gives the lease back to the server, which may be lost on the way. The lease holds no more; what is left is arci_dhcp_free(). */
void arci_dhcp_release(struct arci_dhcp *dhcp, int64_t now);

/* The host name is another one from now on, as in `hostname` of the options; arci_dhcp_tick() is due soon. */
void arci_dhcp_rename(struct arci_dhcp *dhcp, const char *hostname, int64_t now);

/* The carrier came back: the network may be another one. The lease is confirmed (RFC 2131 section 3.2), or a new one asked for at once. */
void arci_dhcp_link_changed(struct arci_dhcp *dhcp, int64_t now);

#endif
