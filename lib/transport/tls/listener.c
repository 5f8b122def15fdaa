/* See listener.h. */
#include "transport/tls/listener.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/address.h"
#include "base/error.h"
#include "base/log.h"
#include "transport/tls/connection.h"

#define BACKLOG 1024
#define ACCEPT_BURST 64
#define PAUSE_MS 250

/* Without a descriptor the waiting connection would be reported again and again. */
static void pause_listening(struct arci_tls_listener *listener, int errnum)
{
    struct arctic_error error = {0};
    arci_fail_errnum(&error, errnum, "cannot accept tunnel connections; is the limit on open files too low?");
    arci_log_error(listener->transport->log, "tproxymgr", "tunnel listener pauses", ARCI_ERROR(&error));
    listener->resume_at = arci_tls_now(listener->transport) + PAUSE_MS;
    arci_watch_set(&listener->watch, false, false);
}

/* Errors of the connection that was accepted, not of the listener: accept(2), "Error handling". */
static bool concerns_connection(int errnum)
{
    return errnum == ECONNABORTED || errnum == EINTR || errnum == EPERM || errnum == ENETDOWN ||
           errnum == EPROTO || errnum == ENOPROTOOPT || errnum == EHOSTDOWN || errnum == ENONET ||
           errnum == EHOSTUNREACH || errnum == EOPNOTSUPP || errnum == ENETUNREACH;
}

static void on_connection(struct arci_watch *watch, bool readable, bool writable, int broken)
{
    struct arci_tls_listener *listener = (struct arci_tls_listener *)watch;
    (void)readable;
    (void)writable;
    if (broken != 0) {
        pause_listening(listener, broken);
        return;
    }
    for (int i = 0; i < ACCEPT_BURST; i++) {
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        int fd = accept4(watch->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && concerns_connection(errno))
            continue;
        if (fd < 0 && errno != EAGAIN)
            pause_listening(listener, errno);
        if (fd < 0)
            return;
        struct arctic_endpoint remote = arci_endpoint_from_sockaddr((struct sockaddr *)&address);
        arci_connection_accept(listener->transport, fd, &remote);
    }
}

int arci_listener_start(struct arci_tls_listener *listener, struct arci_transport *transport, int fd,
                        struct arctic_error *error)
{
    if (listen(fd, BACKLOG) < 0)
        return arci_fail_errno(error, "cannot listen for tunnels");
    int code = arci_watch_start(&listener->watch, transport->loop, fd, on_connection);
    if (code < 0)
        return arci_fail_errnum(error, -code, "cannot watch the tunnel listener");
    listener->transport = transport;
    transport->handles++;
    arci_watch_set(&listener->watch, true, false);
    return ARCTIC_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct arci_tls_listener *listener = (struct arci_tls_listener *)(void *)handle;
    arci_transport_handle_closed(listener->transport);
}

void arci_listener_stop(struct arci_tls_listener *listener)
{
    if (!listener->transport || listener->watch.fd < 0)
        return;
    int fd = listener->watch.fd;
    arci_watch_close(&listener->watch, on_closed);
    listener->watch.fd = -1;
    close(fd);
}

void arci_listener_tick(struct arci_tls_listener *listener)
{
    if (listener->resume_at == 0 || listener->watch.fd < 0 ||
        arci_tls_now(listener->transport) < listener->resume_at)
        return;
    listener->resume_at = 0;
    arci_watch_set(&listener->watch, true, false);
}
