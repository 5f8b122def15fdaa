/*
 * Readiness of a socket, over uv_poll_t, with what a relay needs beside it: a reset is noticed even while
 * nobody wants to read or write, and a half-closed socket that nobody reads from does not spin.
 */
#ifndef ARCI_TRANSPORT_WATCH_H
#define ARCI_TRANSPORT_WATCH_H

#include <stdbool.h>
#include <uv.h>

struct arci_watch;

/*
 * `broken` is 0, or the error number of a socket that has failed; the watch has stopped then. Otherwise at
 * least one of the other two is set.
 */
typedef void (*arci_watch_callback)(struct arci_watch *watch, bool readable, bool writable, int broken);

struct arci_watch {
    uv_poll_t poll;
    int fd;
    int events;     /* what libuv was asked for */
    bool hung_up;   /* the other end has finished; asking for it again would report it for ever */
    bool exhausted; /* nothing more can happen while nobody reads or writes */
    arci_watch_callback callback;
};

/* Begins to watch a socket, for resets only. Returns 0 or a negative libuv error, after which nothing is to
 * be closed. */
int arci_watch_start(struct arci_watch *watch, uv_loop_t *loop, int fd, arci_watch_callback callback);

/* Says what to wait for. */
void arci_watch_set(struct arci_watch *watch, bool read, bool write);

/* Stops at once, so that the descriptor may be closed; the memory must stay until `closed` is called with the
 * uv_poll_t. */
void arci_watch_close(struct arci_watch *watch, uv_close_cb closed);

#endif
