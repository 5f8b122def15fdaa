/*
 * Frames of the tunnel protocol (docs/tunnel-protocol.md): a 4-byte header and a payload. Pure: bytes in,
 * frames out.
 *
 * Control frames come out whole; DATA and PAD come out in the pieces in which they arrive, so that nothing is
 * copied.
 */
#ifndef ARCI_TRANSPORT_TLS_FRAME_H
#define ARCI_TRANSPORT_TLS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#include "transport/transport.h"

#define ARCI_FRAME_HEADER 4
#define ARCI_FRAME_PAYLOAD_MAX 16380 /* with its header one TLS record of 16384 bytes */
#define ARCI_FRAME_CONTROL_MAX 68    /* payload of the largest control frame, an OPEN for IPv6 */

enum arci_frame_type {
    ARCI_FRAME_OPEN = 1,
    ARCI_FRAME_OPENED = 2,
    ARCI_FRAME_REFUSED = 3,
    ARCI_FRAME_DATA = 4,
    ARCI_FRAME_FIN = 5,
    ARCI_FRAME_RESET = 6,
    ARCI_FRAME_PAD = 7,
    ARCI_FRAME_PRIME = 8,
    ARCI_FRAME_PING = 9,
    ARCI_FRAME_PONG = 10,
    ARCI_FRAME_RETIRE = 11,
};

struct arci_frame {
    uint8_t type;    /* enum arci_frame_type */
    uint8_t reason;  /* REFUSED, RESET */
    uint32_t flow;   /* OPEN, OPENED, REFUSED, RESET: number of the flow on its connection, from 1 */
    uint64_t number; /* PING, PONG: a token; PRIME: bytes */
    struct arci_stream_request request; /* OPEN */
    const uint8_t *data;                /* DATA: into the bytes that were given */
    size_t length;                      /* DATA, PAD: bytes of it; 0 only for the PAD that ends padding */
};

/* Zero-initialised it stands before the first frame. */
struct arci_frame_decoder {
    uint8_t bytes[ARCI_FRAME_HEADER + ARCI_FRAME_CONTROL_MAX]; /* header and control payload so far */
    size_t count;
    size_t bulk_left; /* of the DATA or PAD frame that is under way */
};

/*
 * Takes bytes up to the end of a frame, or of `bytes`. *ret_used says how many; *ret_complete whether
 * *ret_frame was filled. Call again while bytes are left. Errors: ARCTIC_E_PROTOCOL; the connection must be
 * given up then.
 */
int arci_frame_decode(struct arci_frame_decoder *decoder, const uint8_t *bytes, size_t length,
                      size_t *ret_used, struct arci_frame *ret_frame, bool *ret_complete,
                      struct arctic_error *error);

/* Un-takes the last `count` bytes of the DATA piece that was decoded last; they are to be given again. */
void arci_frame_give_back(struct arci_frame_decoder *decoder, size_t count);

/* Writes a header. */
void arci_frame_put_header(uint8_t *bytes, enum arci_frame_type type, size_t payload);

/* Writes a control frame into ARCI_FRAME_HEADER + ARCI_FRAME_CONTROL_MAX bytes; returns its length. */
size_t arci_frame_encode(const struct arci_frame *frame, uint8_t *bytes);

#endif
