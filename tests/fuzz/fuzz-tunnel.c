/*
 * What a peer may send over a tunnel connection: the frame decoder and the state of the flows. The first byte says which end this is
 * and in what pieces the rest arrives; between pieces this end answers, finishes, resets and opens as the frames allow it, which the
 * pieces' sizes decide too.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "transport/tls/session.h"

static void check_reencodes(const struct arci_frame *frame)
{
    uint8_t bytes[ARCI_FRAME_HEADER + ARCI_FRAME_CONTROL_MAX];
    struct arci_frame_decoder decoder = {0};
    struct arci_frame again;
    size_t used;
    bool complete;
    if (frame->type == ARCI_FRAME_DATA || frame->type == ARCI_FRAME_PAD)
        return;
    size_t length = arci_frame_encode(frame, bytes);
    assert(arci_frame_decode(&decoder, bytes, length, &used, &again, &complete, NULL) == ARCTIC_OK);
    assert(complete && used == length && again.type == frame->type && again.flow == frame->flow);
    assert(again.reason == frame->reason && again.number == frame->number);
    assert(strcmp(again.request.service_id.text, frame->request.service_id.text) == 0);
}

static void check_session(const struct arci_session *session, const struct arci_session *before)
{
    bool both_ended = session->in != ARCI_HALF_OPEN && session->out != ARCI_HALF_OPEN;
    assert(!session->active || !both_ended);
    assert(session->flow == before->flow || session->flow == before->flow + 1);
    assert(session->out == before->out ||
           session->flow != before->flow); /* only this end ends its own direction */
}

/* Returns whether the connection would live on. */
static bool take(struct arci_session *session, struct arci_frame_decoder *decoder, const uint8_t *bytes,
                 size_t length)
{
    size_t at = 0;
    while (at < length) {
        struct arci_frame frame;
        struct arci_session before = *session;
        enum arci_session_event event;
        size_t used;
        bool complete;
        if (arci_frame_decode(decoder, bytes + at, length - at, &used, &frame, &complete, NULL) < 0)
            return false;
        assert(used > 0 && used <= length - at);
        at += used;
        if (!complete)
            continue;
        assert(frame.length <= used);
        check_reencodes(&frame);
        if (frame.type == ARCI_FRAME_DATA && frame.length > 1 && frame.data[0] == 'b') {
            arci_frame_give_back(decoder, 1);
            at--;
        }
        if (arci_session_receive(session, &frame, &event, NULL) < 0)
            return false;
        check_session(session, &before);
    }
    return true;
}

static void act(struct arci_session *session, unsigned choice)
{
    if (session->opener && !session->active)
        arci_session_send(session, ARCI_FRAME_OPEN);
    else if (!session->opener && session->active && !session->answered && session->out == ARCI_HALF_OPEN)
        arci_session_send(session, choice & 1 ? ARCI_FRAME_OPENED : ARCI_FRAME_REFUSED);
    else if (choice & 2 && arci_session_may_send(session))
        arci_session_send(session, ARCI_FRAME_FIN);
    else if (choice & 4 && arci_session_may_reset(session))
        arci_session_send(session, ARCI_FRAME_RESET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct arci_session session = {.opener = data[0] & 1};
    struct arci_frame_decoder decoder = {0};
    size_t step = 1 + (data[0] >> 1);
    for (size_t at = 1; at < size; at += step) {
        act(&session, data[at]);
        if (!take(&session, &decoder, data + at, size - at < step ? size - at : step))
            break;
    }
    return 0;
}
