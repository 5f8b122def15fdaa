/* Options of the sockets that carry tunnels. */
#ifndef ARCI_TRANSPORT_TLS_SOCKET_H
#define ARCI_TRANSPORT_TLS_SOCKET_H

#include <stdbool.h>

#include "transport/transport.h"

/* A non-blocking TCP socket for a connection to an endpoint; -1 with errno. */
int arci_tunnel_socket(const struct arctic_endpoint *endpoint);

/*
 * Sets what a tunnel's socket needs, before connect() or after accept(). Returns false when the congestion
 * control is not to be had (the socket works on with the kernel's default); the rest is best effort.
 */
bool arci_tunnel_socket_tune(int fd, const struct arci_transport_settings *settings);

/*
 * Lets the congestion control find the rate of the path anew, from the window that the connection has. For a
 * connection that begins to carry a flow: BBR's model of the path is as old as the last flow's last loss, and
 * outside of its startup it grows by a quarter in eight round trips only. The window itself is kept
 * (tcp_reinit_congestion_control() in net/ipv4/tcp_cong.c, bbr_init() in net/ipv4/tcp_bbr.c). Other congestion
 * controls are left as they are.
 */
void arci_tunnel_socket_refresh(int fd, const struct arci_transport_settings *settings);

/* Smoothed round-trip time in microseconds; -1: not known. */
int64_t arci_tunnel_socket_rtt(int fd);

/*
 * Whether the other end is gone: for 30 s it has acknowledged nothing of what is in flight, or has answered none of
 * at least five probes of its closed window. A reader that pauses answers these, for days. To be asked every few
 * seconds; *ret_since is the caller's memory between two calls, at first 0; `now` in milliseconds.
 */
bool arci_tunnel_socket_unanswered(int fd, int64_t now, int64_t *ret_since);

/* Sets TCP_NOTSENT_LOWAT; 0: no limit. */
void arci_tunnel_socket_limit_unsent(int fd, uint32_t bytes);

/* Makes close() send a reset instead of a regular end. */
void arci_tunnel_socket_reset_on_close(int fd);

#endif
