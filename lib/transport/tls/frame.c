/* The codec of docs/tunnel-protocol.md. Every length is checked against its type before a payload byte is
 * kept. */
#include "transport/tls/frame.h"

#include <assert.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"

#define ULID_TEXT 26
#define SERVICE_PREFIX "svc_"
#define OPEN_FIXED 36 /* flow 4, family 1, zero 1, destination port 2, client port 2, service ULID 26 */

static uint16_t read16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint64_t read_number(const uint8_t *bytes, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void write_number(uint8_t *bytes, size_t length, uint64_t value)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(value >> (8 * (length - 1 - i)));
}

static bool is_bulk(uint8_t type)
{
    return type == ARCI_FRAME_DATA || type == ARCI_FRAME_PAD;
}

/* Payload of a control frame; for OPEN that of IPv4. -1: no such type. */
static int payload_size(uint8_t type)
{
    switch (type) {
    case ARCI_FRAME_OPEN:
        return OPEN_FIXED + 2 * 4;
    case ARCI_FRAME_OPENED:
    case ARCI_FRAME_PRIME:
        return 4;
    case ARCI_FRAME_REFUSED:
    case ARCI_FRAME_RESET:
        return 5;
    case ARCI_FRAME_FIN:
    case ARCI_FRAME_RETIRE:
        return 0;
    case ARCI_FRAME_PING:
    case ARCI_FRAME_PONG:
        return 8;
    default:
        return -1;
    }
}

static int check_header(const uint8_t *header, struct arctic_error *error)
{
    uint8_t type = header[0];
    int length = read16(header + 2);
    if (header[1] != 0)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "frame of type %u has flags %u that are not known",
                         type, header[1]);
    if (type == ARCI_FRAME_DATA && length == 0)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "DATA frame without data");
    if (is_bulk(type)) {
        if (length > ARCI_FRAME_PAYLOAD_MAX)
            return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "frame of %d bytes is longer than %d", length,
                             ARCI_FRAME_PAYLOAD_MAX);
        return ARCTIC_OK;
    }
    int expected = payload_size(type);
    if (expected < 0)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "frame of unknown type %u", type);
    bool is_open_v6 = type == ARCI_FRAME_OPEN && length == OPEN_FIXED + 2 * 16;
    if (length != expected && !is_open_v6)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "frame of type %u has %d bytes", type, length);
    return ARCTIC_OK;
}

static int parse_open(const uint8_t *payload, size_t length, struct arci_frame *frame,
                      struct arctic_error *error)
{
    uint8_t family = payload[4];
    size_t size = arci_address_size(family);
    if (size == 0 || length != OPEN_FIXED + 2 * size || payload[5] != 0)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "OPEN for family %u has %zu bytes", family, length);
    char text[sizeof SERVICE_PREFIX + ULID_TEXT] = SERVICE_PREFIX;
    memcpy(text + sizeof SERVICE_PREFIX - 1, payload + 10, ULID_TEXT);
    if (arctic_id_parse(ARCTIC_ID_SERVICE, text, &frame->request.service_id, NULL) < 0)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "OPEN names a service that is no ULID");
    frame->request.destination.port = read16(payload + 6);
    frame->request.client.port = read16(payload + 8);
    frame->request.destination.address.family = family;
    frame->request.client.address.family = family;
    memcpy(frame->request.destination.address.bytes, payload + OPEN_FIXED, size);
    memcpy(frame->request.client.address.bytes, payload + OPEN_FIXED + size, size);
    return ARCTIC_OK;
}

static int parse_control(const uint8_t *bytes, size_t length, struct arci_frame *frame,
                         struct arctic_error *error)
{
    const uint8_t *payload = bytes + ARCI_FRAME_HEADER;
    length -= ARCI_FRAME_HEADER;
    switch (frame->type) {
    case ARCI_FRAME_REFUSED:
    case ARCI_FRAME_RESET:
        frame->reason = payload[4];
        frame->flow = (uint32_t)read_number(payload, 4);
        return ARCTIC_OK;
    case ARCI_FRAME_OPENED:
        frame->flow = (uint32_t)read_number(payload, 4);
        return ARCTIC_OK;
    case ARCI_FRAME_OPEN:
        frame->flow = (uint32_t)read_number(payload, 4);
        return parse_open(payload, length, frame, error);
    default:
        frame->number = read_number(payload, length);
        return ARCTIC_OK;
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void take_bulk(struct arci_frame_decoder *decoder, const uint8_t *bytes, size_t length,
                      size_t *ret_used, struct arci_frame *ret_frame)
{
    size_t piece = smaller(length, decoder->bulk_left);
    *ret_frame = (struct arci_frame){.type = decoder->bytes[0], .data = bytes, .length = piece};
    decoder->bulk_left -= piece;
    *ret_used = piece;
}

/* Moves bytes into decoder->bytes until it holds `goal`; true when it does. */
static bool gather(struct arci_frame_decoder *decoder, size_t goal, const uint8_t *bytes, size_t length,
                   size_t *used)
{
    size_t piece = smaller(length - *used, goal - decoder->count);
    memcpy(decoder->bytes + decoder->count, bytes + *used, piece);
    decoder->count += piece;
    *used += piece;
    return decoder->count == goal;
}

int arci_frame_decode(struct arci_frame_decoder *decoder, const uint8_t *bytes, size_t length,
                      size_t *ret_used, struct arci_frame *ret_frame, bool *ret_complete,
                      struct arctic_error *error)
{
    *ret_used = 0;
    *ret_complete = false;
    if (decoder->bulk_left > 0) {
        take_bulk(decoder, bytes, length, ret_used, ret_frame);
        *ret_complete = *ret_used > 0;
        return ARCTIC_OK;
    }
    if (decoder->count < ARCI_FRAME_HEADER) {
        if (!gather(decoder, ARCI_FRAME_HEADER, bytes, length, ret_used))
            return ARCTIC_OK;
        int code = check_header(decoder->bytes, error);
        if (code < 0)
            return code;
    }
    size_t payload = read16(decoder->bytes + 2);
    if (is_bulk(decoder->bytes[0])) {
        decoder->bulk_left = payload;
        decoder->count = 0;
        *ret_complete = payload == 0;
        *ret_frame = (struct arci_frame){.type = decoder->bytes[0]};
        return ARCTIC_OK;
    }
    if (!gather(decoder, ARCI_FRAME_HEADER + payload, bytes, length, ret_used))
        return ARCTIC_OK;
    *ret_frame = (struct arci_frame){.type = decoder->bytes[0]};
    *ret_complete = true;
    size_t count = decoder->count;
    decoder->count = 0;
    return parse_control(decoder->bytes, count, ret_frame, error);
}

void arci_frame_give_back(struct arci_frame_decoder *decoder, size_t count)
{
    assert(decoder->count == 0 && decoder->bytes[0] == ARCI_FRAME_DATA);
    decoder->bulk_left += count;
}

void arci_frame_put_header(uint8_t *bytes, enum arci_frame_type type, size_t payload)
{
    assert(payload <= ARCI_FRAME_PAYLOAD_MAX);
    bytes[0] = (uint8_t)type;
    bytes[1] = 0;
    write_number(bytes + 2, 2, payload);
}

static size_t put_open(const struct arci_frame *frame, uint8_t *payload)
{
    const struct arci_stream_request *request = &frame->request;
    uint8_t family = request->destination.address.family;
    size_t size = arci_address_size(family);
    assert(size > 0 && request->client.address.family == family);
    payload[4] = family;
    payload[5] = 0;
    write_number(payload + 6, 2, request->destination.port);
    write_number(payload + 8, 2, request->client.port);
    memcpy(payload + 10, request->service_id.text + sizeof SERVICE_PREFIX - 1, ULID_TEXT);
    memcpy(payload + OPEN_FIXED, request->destination.address.bytes, size);
    memcpy(payload + OPEN_FIXED + size, request->client.address.bytes, size);
    return OPEN_FIXED + 2 * size;
}

size_t arci_frame_encode(const struct arci_frame *frame, uint8_t *bytes)
{
    uint8_t *payload = bytes + ARCI_FRAME_HEADER;
    int size = payload_size(frame->type);
    assert(size >= 0);
    size_t length = (size_t)size;
    switch (frame->type) {
    case ARCI_FRAME_OPEN:
        write_number(payload, 4, frame->flow);
        length = put_open(frame, payload);
        break;
    case ARCI_FRAME_REFUSED:
    case ARCI_FRAME_RESET:
        payload[4] = frame->reason;
        write_number(payload, 4, frame->flow);
        break;
    case ARCI_FRAME_OPENED:
        write_number(payload, 4, frame->flow);
        break;
    default:
        write_number(payload, length, frame->number);
        break;
    }
    arci_frame_put_header(bytes, frame->type, length);
    return ARCI_FRAME_HEADER + length;
}
