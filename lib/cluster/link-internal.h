/* The insides of a control link, shared by link.c and link-io.c. */
#ifndef ARCI_CLUSTER_LINK_INTERNAL_H
#define ARCI_CLUSTER_LINK_INTERNAL_H

#include "base/buffer.h"
#include "cluster/link.h"

enum arci_link_phase { LINK_CONNECTING, LINK_HANDSHAKE, LINK_OPEN, LINK_CLOSED };

struct arci_link {
    uv_poll_t poll;
    uv_timer_t timer; /* connect time-out, and the end of arci_link_finish() */
    int open_handles;
    struct arci_link_options options;
    struct arctic_endpoint remote;
    int fd;
    SSL *ssl;
    enum arci_link_phase phase;
    bool finishing;
    bool want_write;
    bool held;         /* between on_large and arci_link_resume(): nothing is read */
    uint64_t heard_at; /* time of the loop */
    struct arci_buffer received;
    struct arci_buffer queue;
    size_t queue_sent; /* bytes at the front of the queue that have left */
};

/* Lets the handles go without a callback; the link frees itself after them. */
void arci_link_close_handles(struct arci_link *link);

/* Ends the link with a callback that says `what` before the error. */
void arci_link_fail(struct arci_link *link, int code, const char *what, struct arctic_error *error);

/* Waits for what the link needs next. */
void arci_link_update_poll(struct arci_link *link);

/* --- link-io.c --- */

/* Hands out every whole message, unless the link is held; returns false when it has ended meanwhile. */
bool arci_link_deliver(struct arci_link *link);

void arci_link_on_poll(uv_poll_t *poll, int status, int events);

#endif
