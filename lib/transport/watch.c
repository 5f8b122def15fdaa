/* See watch.h. Which events Linux reports without being asked, and what libuv 1.44 makes of them, is in the
 * comments. */
#include "transport/watch.h"

#include <errno.h>
#include <sys/socket.h>

static int socket_error(int fd)
{
    int errnum = 0;
    socklen_t length = sizeof errnum;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &length) < 0)
        return errno;
    return errnum ? errnum : ECONNRESET;
}

/*
 * EPOLLERR and EPOLLHUP come unasked. libuv stops the handle and reports EPOLLERR as an error, unless
 * UV_PRIORITIZED is wanted and set, which a TCP socket in error does not do without urgent data.
 */
static int wanted(const struct arci_watch *watch, bool read, bool write)
{
    int events = (read ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0);
    if (events != 0)
        return events;
    if (watch->exhausted)
        return 0;
    return watch->hung_up ? UV_PRIORITIZED : UV_DISCONNECT;
}

static void apply(struct arci_watch *watch, int events);

static void on_quiet_event(struct arci_watch *watch)
{
    if (watch->hung_up)
        watch->exhausted = true; /* both directions have ended, or urgent data that nobody reads */
    watch->hung_up = true;
    apply(watch, wanted(watch, false, false));
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct arci_watch *watch = poll->data;
    if (status < 0) {
        watch->events = 0;
        watch->exhausted = true;
        watch->callback(watch, false, false, socket_error(watch->fd));
        return;
    }
    bool readable = events & UV_READABLE;
    bool writable = events & UV_WRITABLE;
    if (readable || writable)
        watch->callback(watch, readable, writable, 0);
    else
        on_quiet_event(watch);
}

static void apply(struct arci_watch *watch, int events)
{
    if (events == watch->events)
        return;
    watch->events = events;
    if (events == 0)
        uv_poll_stop(&watch->poll);
    else
        uv_poll_start(&watch->poll, events, on_event);
}

int arci_watch_start(struct arci_watch *watch, uv_loop_t *loop, int fd, arci_watch_callback callback)
{
    *watch = (struct arci_watch){.fd = fd, .callback = callback};
    int code = uv_poll_init(loop, &watch->poll, fd);
    if (code < 0)
        return code;
    watch->poll.data = watch;
    apply(watch, wanted(watch, false, false));
    return 0;
}

void arci_watch_set(struct arci_watch *watch, bool read, bool write)
{
    apply(watch, wanted(watch, read, write));
}

void arci_watch_close(struct arci_watch *watch, uv_close_cb closed)
{
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, closed);
}
