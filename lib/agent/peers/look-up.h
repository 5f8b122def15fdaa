/*
 * Who answers at an address: the public identity of the agent there, and where its tunnel listens. To ask takes as long as resolvers
 * and hosts please, so each look-up has a thread of its own that nobody has to wait for: after a cancel it goes on by itself until its
 * question is answered, and touches its own memory only.
 */
#ifndef ARCI_AGENT_LOOK_UP_H
#define ARCI_AGENT_LOOK_UP_H

#include <uv.h>

#include <arctic/error.h>

#include "model/peer.h"

struct arci_look_up;

struct arci_looked_up {
    int code; /* the members below `error` count where it is not negative */
    struct arctic_error error;
    struct arctic_id peer_id; /* what the agent says; that it is true is proved by the handshake */
    uint8_t public_key[ARCI_PEER_KEY_SIZE];
    struct arctic_endpoint endpoints[ARCI_PEER_ENDPOINTS_MAX]; /* of the tunnel */
    size_t endpoint_count;
};

/* Called once, on the loop; the look-up is gone when it returns. */
typedef void (*arci_look_up_done)(void *context, const struct arci_looked_up *found);

/*
 * Asks the agent at `address`, "host:port". Errors in *found: ARCTIC_E_PEER_UNREACHABLE, ARCTIC_E_HANDSHAKE_FAILED (no agent
 * answers there), ARCTIC_E_NO_MEMORY. Errors: ARCTIC_E_SYSTEM (no thread to be had), ARCTIC_E_NO_MEMORY.
 */
int arci_look_up_start(uv_loop_t *loop, const char *address, uint32_t socket_mark, arci_look_up_done done,
                       void *context, struct arci_look_up **ret_look_up, struct arctic_error *error);

/* Ends it at once, without a callback. NULL is allowed. */
void arci_look_up_cancel(struct arci_look_up *look_up);

#endif
