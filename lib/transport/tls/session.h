/*
 * The state of one connection's flows (docs/tunnel-protocol.md, "States"): which frames are legal when, and
 * when a flow has ended. Pure: it sees frames in their order and answers what they mean.
 */
#ifndef ARCI_TRANSPORT_TLS_SESSION_H
#define ARCI_TRANSPORT_TLS_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "transport/tls/frame.h"

enum arci_session_half {
    ARCI_HALF_OPEN = 0,
    ARCI_HALF_FINISHED = 1, /* ended by FIN */
    ARCI_HALF_RESET = 2,    /* ended by RESET or REFUSED */
};

/* Zero-initialised but for `opener`: no flow yet. */
struct arci_session {
    bool opener;   /* this end has made the connection, and alone opens flows on it */
    bool active;   /* a flow is under way */
    bool answered; /* OPENED was sent or received */
    uint32_t flow; /* number of the flow, or of the last one */
    enum arci_session_half out, in;
};

/* What a frame means to this end. */
enum arci_session_event {
    ARCI_SESSION_NOTHING = 0, /* to be dropped */
    ARCI_SESSION_OPEN = 1,
    ARCI_SESSION_OPENED = 2,
    ARCI_SESSION_REFUSED = 3,
    ARCI_SESSION_DATA = 4,
    ARCI_SESSION_FINISHED = 5,
    ARCI_SESSION_RESET = 6,
    ARCI_SESSION_PRIME = 7,
    ARCI_SESSION_PING = 8,
    ARCI_SESSION_PONG = 9,
    ARCI_SESSION_PRIMED = 10,
    ARCI_SESSION_RETIRE = 11,
};

/*
 * Takes a received frame. After it, `active` may be false: the flow is over and the connection free. Where
 * the event is REFUSED or RESET and `out` is still open, a RESET is owed. Errors: ARCTIC_E_PROTOCOL.
 */
int arci_session_receive(struct arci_session *session, const struct arci_frame *frame,
                         enum arci_session_event *ret_event, struct arctic_error *error);

/* Notes that a frame is being sent. The caller asks only what it may: see the two below. */
void arci_session_send(struct arci_session *session, enum arci_frame_type type);

/* Whether DATA and FIN may be sent. */
bool arci_session_may_send(const struct arci_session *session);

/* Whether RESET may be sent: the flow lives and was not reset from here. */
bool arci_session_may_reset(const struct arci_session *session);

#endif
