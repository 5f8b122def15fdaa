/*
 * One end of the link: a packet socket on a network interface. Whole frames come in with the time the kernel
 * saw them and go out past the queueing discipline.
 */
#ifndef LAB_PORT_H
#define LAB_PORT_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "frame.h"

#define PORT_BATCH 64
#define PORT_CONTROL_BYTES 128

struct port_stats {
    uint64_t missed; /* received faster than the emulator read them: its figures do not hold */
    uint64_t
        unfit; /* longer than a frame, or without a checksum: offloads are still on next to the emulator */
    uint64_t undelivered; /* refused by the interface */
};

/* Slots keep a frame from the pool each, so that a full pool can not stop reception. */
struct port_slot {
    struct frame *frame;
    struct iovec data;
    _Alignas(struct cmsghdr) char control[PORT_CONTROL_BYTES];
};

struct port {
    int fd;
    struct port_stats stats;
    struct port_slot slots[PORT_BATCH];
    struct mmsghdr messages[PORT_BATCH];
};

typedef void (*port_frame_fn)(void *user, struct frame *frame, int64_t arrival_ns);

/* Opens the socket on `interface`. Returns 0, or -1 after it has said why on stderr. */
int port_open(struct port *port, const char *interface, struct frame_pool *pool);

/* Reads one batch without blocking and hands each frame over. Returns the frames read, or -1 if the interface
 * is gone. */
int port_receive(struct port *port, struct frame_pool *pool, port_frame_fn take, void *user);

/* Sends and keeps order; `count` is at most PORT_BATCH. The frames stay with the caller. */
void port_send(struct port *port, struct frame *const *frames, unsigned int count);

/* Brings stats.missed up to date. */
void port_count_missed(struct port *port);

#endif
