/* The codec of the tunnel protocol, and the rules by which a connection's flows begin and end. */
#include "unit.h"

#include <string.h>

#include "transport/tls/frame.h"
#include "transport/tls/session.h"

static struct arci_frame open_frame(uint8_t family)
{
    struct arci_frame frame = {.type = ARCI_FRAME_OPEN, .flow = 7};
    strcpy(frame.request.service_id.text, "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12");
    frame.request.destination = (struct arctic_endpoint){{family, {192, 0, 2, 1}}, 443};
    frame.request.client = (struct arctic_endpoint){{family, {10, 1, 2, 3}}, 50000};
    return frame;
}

static void assert_same_request(const struct arci_stream_request *a, const struct arci_stream_request *b)
{
    assert_string_equal(a->service_id.text, b->service_id.text);
    assert_int_equal(arctic_address_compare(&a->destination.address, &b->destination.address), 0);
    assert_int_equal(arctic_address_compare(&a->client.address, &b->client.address), 0);
    assert_int_equal(a->destination.port, b->destination.port);
    assert_int_equal(a->client.port, b->client.port);
}

/* Decodes one frame that comes in pieces of `step` bytes. */
static struct arci_frame decode_in_steps(const uint8_t *bytes, size_t length, size_t step)
{
    struct arci_frame_decoder decoder = {0};
    struct arctic_error error;
    struct arci_frame frame;
    size_t at = 0;
    while (at < length) {
        size_t piece = length - at < step ? length - at : step, used;
        bool complete;
        assert_ok(arci_frame_decode(&decoder, bytes + at, piece, &used, &frame, &complete, &error), error);
        at += used;
        if (complete) {
            assert_int_equal(at, length);
            return frame;
        }
    }
    fail_msg("no frame");
    return frame;
}

static void control_frames_survive_any_fragmentation(void **state)
{
    (void)state;
    const struct arci_frame frames[] = {
        open_frame(ARCTIC_FAMILY_IPV4),
        open_frame(ARCTIC_FAMILY_IPV6),
        {.type = ARCI_FRAME_OPENED, .flow = 0x01020304},
        {.type = ARCI_FRAME_REFUSED, .flow = 5, .reason = ARCI_REASON_NO_IPV6},
        {.type = ARCI_FRAME_FIN},
        {.type = ARCI_FRAME_RESET, .flow = 0xffffffff, .reason = ARCI_REASON_RESET},
        {.type = ARCI_FRAME_PRIME, .number = 524288},
        {.type = ARCI_FRAME_PING, .number = 0x0102030405060708},
        {.type = ARCI_FRAME_PONG, .number = 1},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        uint8_t bytes[ARCI_FRAME_HEADER + ARCI_FRAME_CONTROL_MAX];
        size_t length = arci_frame_encode(&frames[i], bytes);
        for (size_t step = 1; step <= length; step++) {
            struct arci_frame got = decode_in_steps(bytes, length, step);
            assert_int_equal(got.type, frames[i].type);
            assert_int_equal(got.flow, frames[i].flow);
            assert_int_equal(got.reason, frames[i].reason);
            assert_int_equal(got.number, frames[i].number);
            assert_same_request(&got.request, &frames[i].request);
        }
    }
}

/* Others implement the protocol from its description: its bytes may not change. */
static void open_has_the_documented_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = {1,   0,   0,   44,               /* type, flags, length */
                                       0,   0,   0,   7,                /* flow */
                                       4,   0,   1,   0xbb, 0xc3, 0x50, /* family, zero, ports */
                                       '0', '1', 'J', 'D',  '2',  'Q',  '4', 'Y', '7', 'M', /* service */
                                       '8', 'N', '9', 'P',  '0',  'Q',  'R', 'S', 'T', 'V', 'W', 'X',
                                       'Y', 'Z', '1', '2',  192,  0,    2,   1,   10,  1,   2,   3};
    uint8_t bytes[ARCI_FRAME_HEADER + ARCI_FRAME_CONTROL_MAX];
    struct arci_frame frame = open_frame(ARCTIC_FAMILY_IPV4);
    assert_int_equal(arci_frame_encode(&frame, bytes), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void data_comes_in_pieces_and_may_be_given_back(void **state)
{
    (void)state;
    struct arci_frame_decoder decoder = {0};
    struct arctic_error error;
    struct arci_frame frame;
    uint8_t bytes[ARCI_FRAME_HEADER + 10] = {0};
    size_t used;
    bool complete;
    arci_frame_put_header(bytes, ARCI_FRAME_DATA, 10);
    assert_ok(arci_frame_decode(&decoder, bytes, 4, &used, &frame, &complete, &error), error);
    assert_false(complete);
    assert_ok(arci_frame_decode(&decoder, bytes + 4, 6, &used, &frame, &complete, &error), error);
    assert_true(complete);
    assert_int_equal(frame.length, 6);
    arci_frame_give_back(&decoder, 4); /* two were taken */
    assert_ok(arci_frame_decode(&decoder, bytes + 6, 8, &used, &frame, &complete, &error), error);
    assert_true(complete);
    assert_int_equal(frame.length, 8);
    assert_ptr_equal(frame.data, bytes + 6);
    assert_int_equal(decoder.bulk_left, 0);
}

static void assert_refused(const uint8_t *bytes, size_t length)
{
    struct arci_frame_decoder decoder = {0};
    struct arctic_error error = {0};
    struct arci_frame frame;
    size_t at = 0, used;
    bool complete;
    int code = ARCTIC_OK;
    while (at < length && code == ARCTIC_OK) {
        code = arci_frame_decode(&decoder, bytes + at, length - at, &used, &frame, &complete, &error);
        at += used;
    }
    assert_int_equal(code, ARCTIC_E_PROTOCOL);
    assert_true(error.message[0] != '\0');
}

static void malformed_frames_are_refused(void **state)
{
    (void)state;
    assert_refused((const uint8_t[]){0, 0, 0, 0}, 4);                /* no such type */
    assert_refused((const uint8_t[]){12, 0, 0, 0}, 4);               /* nor this */
    assert_refused((const uint8_t[]){4, 1, 0, 1}, 4);                /* a flag of the future */
    assert_refused((const uint8_t[]){4, 0, 0, 0}, 4);                /* DATA without data */
    assert_refused((const uint8_t[]){4, 0, 0x3f, 0xfd}, 4);          /* 16381 bytes */
    assert_refused((const uint8_t[]){7, 0, 0xff, 0xff}, 4);          /* padding too */
    assert_refused((const uint8_t[]){5, 0, 0, 1, 0}, 5);             /* FIN with a payload */
    assert_refused((const uint8_t[]){2, 0, 0, 5, 0, 0, 0, 1, 0}, 9); /* OPENED too long */
    uint8_t bytes[ARCI_FRAME_HEADER + ARCI_FRAME_CONTROL_MAX];
    struct arci_frame frame = open_frame(ARCTIC_FAMILY_IPV4);
    size_t length = arci_frame_encode(&frame, bytes);
    bytes[8] = 6; /* says IPv6, has the addresses of IPv4 */
    assert_refused(bytes, length);
    bytes[8] = 4;
    bytes[14] = '8'; /* more than 128 bits */
    assert_refused(bytes, length);
}

/* Two ends that hand frames to each other. */
struct pair {
    struct arci_session opener, acceptor;
};

static enum arci_session_event pass(struct arci_session *from, struct arci_session *to, uint8_t type)
{
    struct arctic_error error = {0};
    enum arci_session_event event;
    arci_session_send(from, type);
    struct arci_frame frame = {.type = type, .flow = from->flow, .reason = ARCI_REASON_RESET};
    assert_ok(arci_session_receive(to, &frame, &event, &error), error);
    return event;
}

static void assert_out_of_place(struct arci_session *session, uint8_t type, uint32_t flow)
{
    enum arci_session_event event;
    struct arci_session copy = *session;
    struct arci_frame frame = {.type = type, .flow = flow};
    assert_int_equal(arci_session_receive(&copy, &frame, &event, NULL), ARCTIC_E_PROTOCOL);
}

static void open_pair(struct pair *pair)
{
    assert_int_equal(pass(&pair->opener, &pair->acceptor, ARCI_FRAME_OPEN), ARCI_SESSION_OPEN);
    assert_int_equal(pass(&pair->acceptor, &pair->opener, ARCI_FRAME_OPENED), ARCI_SESSION_OPENED);
}

static void flow_ends_when_both_have_finished(void **state)
{
    (void)state;
    struct pair pair = {.opener = {.opener = true}};
    for (uint32_t flow = 1; flow <= 3; flow++) {
        open_pair(&pair);
        assert_int_equal(pair.acceptor.flow, flow);
        assert_int_equal(pass(&pair.opener, &pair.acceptor, ARCI_FRAME_FIN), ARCI_SESSION_FINISHED);
        assert_true(pair.opener.active && pair.acceptor.active);
        assert_false(arci_session_may_send(&pair.opener));
        assert_int_equal(pass(&pair.acceptor, &pair.opener, ARCI_FRAME_DATA), ARCI_SESSION_DATA);
        assert_int_equal(pass(&pair.acceptor, &pair.opener, ARCI_FRAME_FIN), ARCI_SESSION_FINISHED);
        assert_false(pair.opener.active || pair.acceptor.active);
    }
}

static void reset_drops_what_is_under_way(void **state)
{
    (void)state;
    struct pair pair = {.opener = {.opener = true}};
    open_pair(&pair);
    arci_session_send(&pair.opener, ARCI_FRAME_RESET);
    assert_int_equal(pass(&pair.acceptor, &pair.opener, ARCI_FRAME_DATA), ARCI_SESSION_NOTHING);
    struct arci_frame reset = {.type = ARCI_FRAME_RESET, .flow = 1};
    enum arci_session_event event;
    assert_int_equal(arci_session_receive(&pair.acceptor, &reset, &event, NULL), ARCTIC_OK);
    assert_int_equal(event, ARCI_SESSION_RESET);
    assert_true(pair.acceptor.active); /* owes its own end */
    assert_int_equal(pass(&pair.acceptor, &pair.opener, ARCI_FRAME_RESET), ARCI_SESSION_NOTHING);
    assert_false(pair.opener.active || pair.acceptor.active);
    open_pair(&pair);
}

/* The opener resets after its FIN while the acceptor's FIN is on the way: the reset meets a flow that has ended, or the next. */
static void late_reset_does_not_hit_the_next_flow(void **state)
{
    (void)state;
    struct pair pair = {.opener = {.opener = true}};
    struct arci_frame late = {.type = ARCI_FRAME_RESET, .flow = 1};
    enum arci_session_event event;
    open_pair(&pair);
    pass(&pair.opener, &pair.acceptor, ARCI_FRAME_FIN);
    assert_true(arci_session_may_reset(&pair.opener));
    pass(&pair.acceptor, &pair.opener, ARCI_FRAME_FIN);
    assert_int_equal(arci_session_receive(&pair.acceptor, &late, &event, NULL), ARCTIC_OK);
    assert_int_equal(event, ARCI_SESSION_NOTHING);
    open_pair(&pair);
    assert_int_equal(arci_session_receive(&pair.acceptor, &late, &event, NULL), ARCTIC_OK);
    assert_int_equal(event, ARCI_SESSION_NOTHING);
    assert_true(pair.acceptor.active);
}

static void refusal_ends_with_the_openers_reset(void **state)
{
    (void)state;
    struct pair pair = {.opener = {.opener = true}};
    assert_int_equal(pass(&pair.opener, &pair.acceptor, ARCI_FRAME_OPEN), ARCI_SESSION_OPEN);
    assert_false(arci_session_may_send(&pair.acceptor));
    assert_int_equal(pass(&pair.acceptor, &pair.opener, ARCI_FRAME_REFUSED), ARCI_SESSION_REFUSED);
    assert_int_equal(pair.opener.out, ARCI_HALF_OPEN);
    assert_int_equal(pass(&pair.opener, &pair.acceptor, ARCI_FRAME_DATA), ARCI_SESSION_NOTHING);
    assert_int_equal(pass(&pair.opener, &pair.acceptor, ARCI_FRAME_RESET), ARCI_SESSION_NOTHING);
    assert_false(pair.opener.active || pair.acceptor.active);
}

static void frames_out_of_place_are_refused(void **state)
{
    (void)state;
    struct pair pair = {.opener = {.opener = true}};
    assert_out_of_place(&pair.acceptor, ARCI_FRAME_DATA, 0);
    assert_out_of_place(&pair.acceptor, ARCI_FRAME_OPEN, 2); /* flows are numbered from 1 */
    assert_out_of_place(&pair.acceptor, ARCI_FRAME_PONG, 0);
    assert_out_of_place(&pair.acceptor, ARCI_FRAME_RESET, 1);
    assert_out_of_place(&pair.opener, ARCI_FRAME_OPEN, 1); /* only the opener opens */
    assert_out_of_place(&pair.opener, ARCI_FRAME_PING, 0);
    assert_out_of_place(&pair.opener, ARCI_FRAME_PRIME, 0);
    pass(&pair.opener, &pair.acceptor, ARCI_FRAME_OPEN);
    assert_out_of_place(&pair.opener, ARCI_FRAME_DATA, 0); /* before OPENED */
    assert_out_of_place(&pair.opener, ARCI_FRAME_RESET, 1);
    assert_out_of_place(&pair.opener, ARCI_FRAME_OPENED, 2);
    assert_out_of_place(&pair.acceptor, ARCI_FRAME_OPEN, 2); /* one flow at a time */
    pass(&pair.acceptor, &pair.opener, ARCI_FRAME_OPENED);
    assert_out_of_place(&pair.opener, ARCI_FRAME_OPENED, 1);
    pass(&pair.opener, &pair.acceptor, ARCI_FRAME_FIN);
    assert_out_of_place(&pair.acceptor, ARCI_FRAME_DATA, 0);
    assert_out_of_place(&pair.acceptor, ARCI_FRAME_FIN, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_frames_survive_any_fragmentation),
        cmocka_unit_test(open_has_the_documented_bytes),
        cmocka_unit_test(data_comes_in_pieces_and_may_be_given_back),
        cmocka_unit_test(malformed_frames_are_refused),
        cmocka_unit_test(flow_ends_when_both_have_finished),
        cmocka_unit_test(reset_drops_what_is_under_way),
        cmocka_unit_test(late_reset_does_not_hit_the_next_flow),
        cmocka_unit_test(refusal_ends_with_the_openers_reset),
        cmocka_unit_test(frames_out_of_place_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
