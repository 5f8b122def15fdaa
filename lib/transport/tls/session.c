/* See session.h. Both ends run it, each with its own view of the same frames. */
#include "transport/tls/session.h"

#include <assert.h>

#include "base/error.h"

static int out_of_place(const struct arci_session *session, const struct arci_frame *frame,
                        struct arctic_error *error)
{
    return arci_fail(error, ARCTIC_E_PROTOCOL, NULL,
                     "frame of type %u for flow %u is out of place (flow %u %s)", frame->type, frame->flow,
                     session->flow, session->active ? "is open" : "has ended");
}

static void settle(struct arci_session *session)
{
    if (session->in != ARCI_HALF_OPEN && session->out != ARCI_HALF_OPEN)
        session->active = false;
}

static void begin(struct arci_session *session)
{
    session->flow++;
    session->active = true;
    session->answered = false;
    session->out = ARCI_HALF_OPEN;
    session->in = ARCI_HALF_OPEN;
}

/* A flow that was reset from here still gets what was under way; nobody wants it. */
static enum arci_session_event unless_reset(const struct arci_session *session, enum arci_session_event event)
{
    return session->out == ARCI_HALF_RESET ? ARCI_SESSION_NOTHING : event;
}

static int receive_open(struct arci_session *session, const struct arci_frame *frame,
                        enum arci_session_event *ret_event, struct arctic_error *error)
{
    if (session->opener || session->active || frame->flow != session->flow + 1)
        return out_of_place(session, frame, error);
    begin(session);
    *ret_event = ARCI_SESSION_OPEN;
    return ARCTIC_OK;
}

static int receive_answer(struct arci_session *session, const struct arci_frame *frame,
                          enum arci_session_event *ret_event, struct arctic_error *error)
{
    if (!session->opener || !session->active || session->answered || session->in != ARCI_HALF_OPEN ||
        frame->flow != session->flow)
        return out_of_place(session, frame, error);
    session->answered = true;
    if (frame->type == ARCI_FRAME_OPENED) {
        *ret_event = unless_reset(session, ARCI_SESSION_OPENED);
        return ARCTIC_OK;
    }
    *ret_event = unless_reset(session, ARCI_SESSION_REFUSED);
    session->in = ARCI_HALF_RESET;
    settle(session);
    return ARCTIC_OK;
}

static int receive_stream(struct arci_session *session, const struct arci_frame *frame,
                          enum arci_session_event *ret_event, struct arctic_error *error)
{
    bool early = session->opener && !session->answered;
    if (!session->active || session->in != ARCI_HALF_OPEN || early)
        return out_of_place(session, frame, error);
    if (frame->type == ARCI_FRAME_DATA) {
        *ret_event = unless_reset(session, ARCI_SESSION_DATA);
        return ARCTIC_OK;
    }
    *ret_event = unless_reset(session, ARCI_SESSION_FINISHED);
    session->in = ARCI_HALF_FINISHED;
    settle(session);
    return ARCTIC_OK;
}

/* A RESET may cross the other end's FIN and so come after its flow is over; the flow's number tells. */
static int receive_reset(struct arci_session *session, const struct arci_frame *frame,
                         enum arci_session_event *ret_event, struct arctic_error *error)
{
    if (frame->flow > session->flow || frame->flow == 0)
        return out_of_place(session, frame, error);
    if (frame->flow < session->flow || !session->active)
        return ARCTIC_OK;
    bool early = session->opener && !session->answered;
    if (session->in == ARCI_HALF_RESET || early)
        return out_of_place(session, frame, error);
    *ret_event = unless_reset(session, ARCI_SESSION_RESET);
    session->in = ARCI_HALF_RESET;
    settle(session);
    return ARCTIC_OK;
}

static int receive_from_opener(struct arci_session *session, const struct arci_frame *frame,
                               enum arci_session_event event, enum arci_session_event *ret_event,
                               struct arctic_error *error)
{
    if (session->opener)
        return out_of_place(session, frame, error);
    *ret_event = event;
    return ARCTIC_OK;
}

static int receive_from_acceptor(struct arci_session *session, const struct arci_frame *frame,
                                 enum arci_session_event event, enum arci_session_event *ret_event,
                                 struct arctic_error *error)
{
    if (!session->opener)
        return out_of_place(session, frame, error);
    *ret_event = event;
    return ARCTIC_OK;
}

int arci_session_receive(struct arci_session *session, const struct arci_frame *frame,
                         enum arci_session_event *ret_event, struct arctic_error *error)
{
    *ret_event = ARCI_SESSION_NOTHING;
    switch (frame->type) {
    case ARCI_FRAME_OPEN:
        return receive_open(session, frame, ret_event, error);
    case ARCI_FRAME_OPENED:
    case ARCI_FRAME_REFUSED:
        return receive_answer(session, frame, ret_event, error);
    case ARCI_FRAME_DATA:
    case ARCI_FRAME_FIN:
        return receive_stream(session, frame, ret_event, error);
    case ARCI_FRAME_RESET:
        return receive_reset(session, frame, ret_event, error);
    case ARCI_FRAME_PAD:
        *ret_event = frame->length == 0 ? ARCI_SESSION_PRIMED : ARCI_SESSION_NOTHING;
        return ARCTIC_OK;
    case ARCI_FRAME_PRIME:
        return receive_from_opener(session, frame, ARCI_SESSION_PRIME, ret_event, error);
    case ARCI_FRAME_PING:
        return receive_from_opener(session, frame, ARCI_SESSION_PING, ret_event, error);
    case ARCI_FRAME_PONG:
        return receive_from_acceptor(session, frame, ARCI_SESSION_PONG, ret_event, error);
    case ARCI_FRAME_RETIRE:
        return receive_from_acceptor(session, frame, ARCI_SESSION_RETIRE, ret_event, error);
    default:
        return out_of_place(session, frame, error);
    }
}

void arci_session_send(struct arci_session *session, enum arci_frame_type type)
{
    switch (type) {
    case ARCI_FRAME_OPEN:
        assert(session->opener && !session->active);
        begin(session);
        break;
    case ARCI_FRAME_OPENED:
        session->answered = true;
        break;
    case ARCI_FRAME_FIN:
        session->out = ARCI_HALF_FINISHED;
        break;
    case ARCI_FRAME_REFUSED:
        session->answered = true;
        session->out = ARCI_HALF_RESET;
        break;
    case ARCI_FRAME_RESET:
        session->out = ARCI_HALF_RESET;
        break;
    default:
        break;
    }
    settle(session);
}

bool arci_session_may_send(const struct arci_session *session)
{
    return session->active && session->out == ARCI_HALF_OPEN && (session->opener || session->answered);
}

bool arci_session_may_reset(const struct arci_session *session)
{
    return session->active && session->out != ARCI_HALF_RESET;
}
