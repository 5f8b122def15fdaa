/* Life of a connection: socket events, handshake, end. */
#include "transport/tls/connection.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/tls.h"
#include "transport/tls/dial.h"
#include "transport/tls/doorway.h"
#include "transport/tls/peer.h"
#include "transport/tls/pool.h"
#include "transport/tls/priming.h"
#include "transport/tls/reach.h"
#include "transport/tls/socket.h"
#include "transport/tls/stream.h"

#define LOG_SUBSYSTEM "tproxymgr"

bool arci_connection_alive(const struct arci_tls_connection *connection)
{
    return connection->phase == ARCI_CONNECTION_READY && !connection->broken;
}

/* Of a dial it is what the log says of the peer when that has failed for too long. */
static void log_failure(const struct arci_tls_connection *connection, const char *what,
                        const struct arctic_error *error)
{
    char remote[ARCTIC_ENDPOINT_TEXT];
    arctic_endpoint_format(&connection->remote, remote);
    arci_log_debug(connection->transport->log, LOG_SUBSYSTEM, what, ARCI_TEXT("remote", remote),
                   ARCI_TEXT("peer", connection->peer ? connection->peer->settings.id.text : ""),
                   ARCI_ERROR(error));
    if (!connection->dial)
        return;
    connection->peer->trouble = *error;
    arci_fail_within(&connection->peer->trouble, error->code, "%s at %s", what, remote);
}

void arci_connection_wake(struct arci_tls_connection *connection)
{
    struct arci_transport *transport = connection->transport;
    if (connection->is_ready || connection->phase == ARCI_CONNECTION_CLOSED)
        return;
    connection->is_ready = true;
    if (TAILQ_EMPTY(&transport->ready))
        arci_transport_run_again(transport);
    TAILQ_INSERT_TAIL(&transport->ready, connection, ready);
    transport->ready_count++;
}

static void leave_ready(struct arci_tls_connection *connection)
{
    if (!connection->is_ready)
        return;
    connection->is_ready = false;
    TAILQ_REMOVE(&connection->transport->ready, connection, ready);
    connection->transport->ready_count--;
}

void arci_connection_read_ready(struct arci_transport *transport)
{
    struct arci_tls_connection *connection;
    /* Those that become ready meanwhile have their turn after the sockets. */
    for (size_t left = transport->ready_count; left > 0 && (connection = TAILQ_FIRST(&transport->ready));
         left--) {
        leave_ready(connection);
        arci_connection_read(connection);
    }
}

static void expire(struct arci_tls_connection *connection)
{
    bool unanswered = connection->opener && connection->session.active && !connection->session.answered;
    connection->deadline = 0;
    /* The exit gives a destination less time than this and would have said so: it is the way there that is at fault. */
    if (connection->stream && unanswered)
        arci_stream_tell_failed(connection->stream, ARCI_REASON_CONNECTION_LOST, false);
    else
        arci_connection_close(connection);
}

static void check_silence(struct arci_tls_connection *connection, int64_t now)
{
    /* Where this thread was held up, the answer may be here and not read. */
    if (connection->ping_sent_at != 0 && now - connection->ping_sent_at >= ARCI_PING_LIMIT_MS)
        arci_connection_read(connection);
    int64_t asked = connection->ping_sent_at;
    if (!arci_connection_alive(connection))
        return;
    if (asked != 0 && now - asked >= ARCI_PING_LIMIT_MS) {
        if (connection->peer->heard_at < asked)
            arci_reach_silent(connection);
        arci_connection_close(connection);
    } else if (connection->is_idle && now - connection->heard_at >= ARCI_PING_INTERVAL_MS) {
        arci_reach_ping(connection);
    } else if (!connection->opener && !connection->session.active &&
               now - connection->heard_at >= ARCI_QUIET_LIMIT_MS) {
        arci_connection_close(connection);
    }
}

/* Of an idle connection the pings tell. */
static void check_busy(struct arci_tls_connection *connection, int64_t now)
{
    if (!connection->session.active || now < connection->watch_at)
        return;
    connection->watch_at = now + ARCI_WATCH_MS;
    if (!arci_tunnel_socket_unanswered(connection->fd, now, &connection->unanswered_since))
        return;
    struct arctic_error error = {0};
    arci_fail_errnum(&error, ETIMEDOUT, "tunnel connection");
    log_failure(connection, "tunnel connection failed", &error);
    arci_connection_close(connection);
}

void arci_connection_tick(struct arci_tls_connection *connection)
{
    int64_t now = arci_tls_now(connection->transport);
    if (connection->phase == ARCI_CONNECTION_CLOSED)
        return;
    if (connection->broken)
        arci_connection_close(connection);
    else if (connection->deadline != 0 && now >= connection->deadline)
        expire(connection);
    else if (connection->phase == ARCI_CONNECTION_READY)
        check_silence(connection, now);
    if (arci_connection_alive(connection))
        check_busy(connection, now);
    if (arci_connection_alive(connection))
        arci_priming_tick(connection);
}

void arci_connection_break(struct arci_tls_connection *connection)
{
    if (connection->phase == ARCI_CONNECTION_CLOSED || connection->broken)
        return;
    connection->broken = true;
    arci_transport_run_soon(connection->transport);
}

/* A reader waits for its stream while it is paused; a writer for the socket while something is to be sent or
 * someone waits. */
void arci_connection_update(struct arci_tls_connection *connection)
{
    if (connection->phase != ARCI_CONNECTION_READY)
        return;
    bool read = connection->held_length == 0 && !connection->broken;
    bool padding = connection->padding > 0 && !connection->session.active;
    bool stalled = connection->stalled && arci_session_may_send(&connection->session);
    bool write = connection->pending_length > 0 || connection->queue_length > 0 || padding || stalled;
    arci_watch_set(&connection->watch, read, write && !connection->broken);
}

/* An accepted connection of the cluster protocol leaves this loop as it is. */
static void hand_over(struct arci_tls_connection *connection, const uint8_t *key)
{
    struct arci_transport *transport = connection->transport;
    int fd = connection->fd;
    SSL *ssl = connection->ssl;
    struct arctic_endpoint remote = connection->remote;
    connection->ssl = NULL;
    connection->fd = -1;
    arci_connection_close(connection);
    transport->events->control(transport->user, fd, ssl, key, &remote);
}

/* Strangers may knock as often as they like; the log hears of it once a second. */
static void refuse_stranger(struct arci_tls_connection *connection, const char *why)
{
    struct arci_transport *transport = connection->transport;
    char remote[ARCTIC_ENDPOINT_TEXT];
    if (arci_tls_now(transport) - transport->refusal_logged_at >= 1000) {
        transport->refusal_logged_at = arci_tls_now(transport);
        arci_log_warn(transport->log, LOG_SUBSYSTEM, "refused a tunnel connection",
                      ARCI_TEXT("remote", arctic_endpoint_format(&connection->remote, remote)),
                      ARCI_TEXT("reason", why));
    }
    arci_connection_close(connection);
}

static void admit(struct arci_tls_connection *connection)
{
    struct arci_transport *transport = connection->transport;
    uint8_t key[ARCI_PEER_KEY_SIZE];
    arci_doorway_leave(connection);
    const char *protocol = arci_tls_protocol(connection->ssl);
    if (!protocol || !arci_tls_peer_key(connection->ssl, key)) {
        refuse_stranger(connection, "no key or protocol after the handshake");
        return;
    }
    if (strcmp(protocol, ARCI_ALPN_CONTROL) == 0) {
        hand_over(connection, key);
        return;
    }
    struct arci_tls_peer *peer = transport->retired ? NULL : arci_peer_find_key(transport, key);
    if (!peer || peer->accepted_count >= transport->settings.accept_limit) {
        refuse_stranger(connection, peer ? "the peer has too many connections"
                                         : "its key is not that of a connected peer");
        return;
    }
    arci_tls_pool_accepted(peer, connection);
}

void arci_connection_accept(struct arci_transport *transport, int fd, const struct arctic_endpoint *remote)
{
    (void)arci_tunnel_socket_tune(fd, &transport->settings);
    struct arci_tls_connection *connection = arci_connection_create(transport, fd, false, remote);
    if (!connection)
        return;
    arci_doorway_enter(connection);
    connection->deadline = arci_tls_now(transport) + ARCI_HANDSHAKE_MS;
    if (arci_tls_accept(transport->tls, fd, &connection->ssl, NULL) < 0)
        arci_connection_close(connection);
}

static void become_ready(struct arci_tls_connection *connection)
{
    connection->phase = ARCI_CONNECTION_READY;
    connection->deadline = 0;
    connection->heard_at = arci_tls_now(connection->transport);
    if (connection->opener)
        arci_tls_dial_won(connection->dial, connection);
    else
        admit(connection);
    /* What came with the last handshake message sits in OpenSSL's buffer. */
    if (connection->phase == ARCI_CONNECTION_READY) {
        arci_connection_wake(connection);
        arci_connection_update(connection);
    }
}

static void shake_hands(struct arci_tls_connection *connection)
{
    struct arctic_error error = {0};
    switch (arci_tls_handshake(connection->ssl, &error)) {
    case ARCI_TLS_DONE:
        become_ready(connection);
        return;
    case ARCI_TLS_WANT_READ:
        arci_watch_set(&connection->watch, true, false);
        return;
    case ARCI_TLS_WANT_WRITE:
        arci_watch_set(&connection->watch, false, true);
        return;
    default:
        log_failure(connection, "tunnel handshake failed", &error);
        arci_connection_close(connection);
        return;
    }
}

static void begin_handshake(struct arci_tls_connection *connection)
{
    struct arctic_error error = {0};
    connection->phase = ARCI_CONNECTION_HANDSHAKE;
    int code = arci_tls_connect(connection->transport->tls, connection->fd, connection->peer->settings.key,
                                ARCI_ALPN_FLOW, &connection->ssl, &error);
    if (code < 0) {
        log_failure(connection, "tunnel handshake failed", &error);
        arci_connection_close(connection);
        return;
    }
    shake_hands(connection);
}

static void on_socket(struct arci_watch *watch, bool readable, bool writable, int broken)
{
    struct arci_tls_connection *connection = (struct arci_tls_connection *)watch;
    if (broken != 0) {
        struct arctic_error error = {0};
        arci_fail_errnum(&error, broken, "tunnel connection");
        log_failure(connection, "tunnel connection failed", &error);
        arci_connection_close(connection);
        return;
    }
    switch (connection->phase) {
    case ARCI_CONNECTION_CONNECTING:
        begin_handshake(connection);
        return;
    case ARCI_CONNECTION_HANDSHAKE:
        shake_hands(connection);
        return;
    case ARCI_CONNECTION_READY:
        if (readable)
            arci_connection_read(connection);
        if (writable && arci_connection_alive(connection))
            arci_connection_flush(connection);
        return;
    default:
        return;
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct arci_tls_connection *connection = (struct arci_tls_connection *)(void *)handle;
    struct arci_transport *transport = connection->transport;
    TAILQ_REMOVE(&transport->connections, connection, all);
    free(connection);
    arci_transport_handle_closed(transport);
}

struct arci_tls_connection *arci_connection_create(struct arci_transport *transport, int fd, bool opener,
                                                   const struct arctic_endpoint *remote)
{
    struct arci_tls_connection *connection = calloc(1, sizeof *connection);
    if (!connection || arci_watch_start(&connection->watch, transport->loop, fd, on_socket) < 0) {
        free(connection);
        close(fd);
        return NULL;
    }
    connection->transport = transport;
    connection->fd = fd;
    connection->remote = *remote;
    connection->opener = opener;
    connection->session.opener = opener;
    connection->phase = opener ? ARCI_CONNECTION_CONNECTING : ARCI_CONNECTION_HANDSHAKE;
    transport->handles++;
    TAILQ_INSERT_TAIL(&transport->connections, connection, all);
    arci_watch_set(&connection->watch, !opener, opener);
    return connection;
}

void arci_connection_end(struct arci_tls_connection *connection)
{
    if (!arci_connection_alive(connection) || arci_connection_writable(connection)) {
        arci_connection_close(connection);
        return;
    }
    connection->ending = true;
    connection->deadline = arci_tls_now(connection->transport) + ARCI_END_MS;
    arci_connection_update(connection);
}

static void end_socket(struct arci_tls_connection *connection, bool orderly)
{
    if (connection->ssl && orderly)
        (void)arci_tls_close(connection->ssl, NULL);
    SSL_free(connection->ssl);
    connection->ssl = NULL;
    arci_watch_close(&connection->watch, on_closed);
    if (connection->fd < 0)
        return;
    if (!orderly)
        arci_tunnel_socket_reset_on_close(connection->fd);
    close(connection->fd);
    connection->fd = -1;
}

void arci_connection_close(struct arci_tls_connection *connection)
{
    if (connection->phase == ARCI_CONNECTION_CLOSED)
        return;
    struct arci_stream *stream = connection->stream;
    /* A reset overtakes what the other end may never get to read, so that it learns of the abort. */
    bool orderly = !connection->session.active && !connection->broken;
    bool was_ready = connection->phase == ARCI_CONNECTION_READY;
    connection->phase = ARCI_CONNECTION_CLOSED;
    connection->stream = NULL;
    arci_doorway_leave(connection);
    leave_ready(connection);
    end_socket(connection, orderly);
    free(connection->pending);
    free(connection->held);
    connection->pending = NULL;
    connection->held = NULL;
    arci_tls_pool_lost(connection, was_ready);
    if (stream)
        arci_stream_lost(stream, ARCI_REASON_CONNECTION_LOST);
}
