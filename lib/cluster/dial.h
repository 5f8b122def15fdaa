/*
 * Dialling a peer: connects to its endpoints one after the other and does the handshake as the initiator. Lives on a libuv loop;
 * all calls and the callback happen on that loop's thread.
 */
#ifndef ARCI_CLUSTER_DIAL_H
#define ARCI_CLUSTER_DIAL_H

#include "cluster/handshake.h"
#include "cluster/link.h"

struct arci_dial;

/*
 * The end of a dial, success or failure. With success `link` is the callback's, with events still to be set, and `remote` is what
 * was proved (borrowed); otherwise both are NULL and `error` says why the last endpoint failed.
 */
typedef void (*arci_dial_callback)(void *context, struct arci_link *link,
                                   const struct arci_handshake_remote *remote,
                                   const struct arctic_error *error);

/* Fills in this host's part when the hello is made; what it points to stays valid during the call that asked. */
typedef void (*arci_dial_self)(void *context, struct arci_handshake_self *ret_self);

struct arci_dial_options {
    struct arci_link_options link;           /* events and context are the dial's own */
    const struct arctic_endpoint *endpoints; /* copied */
    size_t endpoint_count;                   /* 1..ARCI_PEER_ENDPOINTS_MAX */
    const uint8_t *expected_key;             /* copied; NULL: any */
    const char *suggested_name;              /* copied; "" for none */
    arci_dial_self self;
    arci_dial_callback done;
    /* An endpoint did not answer, or not with a handshake; others may follow. The dial is not to be cancelled from here. May be NULL. */
    void (*failed)(void *context, const struct arctic_endpoint *endpoint);
    void *context; /* for self, done and failed */
};

/* Starts to dial. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_USAGE. The callback is never called from within this call. */
int arci_dial_start(const struct arci_dial_options *options, struct arci_dial **ret_dial,
                    struct arctic_error *error);

/* Whether this is the endpoint that is being tried now. */
bool arci_dial_tries(const struct arci_dial *dial, const struct arctic_endpoint *endpoint);

/*
 * For the callback of a dial that has failed: the revocation by which a peer has refused, in the form of a record that is still to be
 * checked. Borrowed; NULL where there was none.
 */
const json_t *arci_dial_revocation(const struct arci_dial *dial);

/* Gives up without a callback. NULL is allowed. */
void arci_dial_cancel(struct arci_dial *dial);

#endif
