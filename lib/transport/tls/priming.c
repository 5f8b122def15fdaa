/*
 * See priming.h. What wears an estimate down: BBR keeps the highest rate of its last ten round trips that were not limited by the
 * application. A small flow that loses a segment gives such a round trip, and its rate is the flow's, not the path's; a few of them
 * leave a connection that sends its next small flow slower than a new one would.
 */
#include "transport/tls/priming.h"

#include <string.h>

#include "transport/tls/connection.h"
#include "transport/tls/rate.h"
#include "transport/tls/socket.h"

#define PADDING_BURST 4    /* records for one event of the loop, so that they do not hold up flows */
#define MEASURE_BYTES 3072 /* more than a segment */
#define PADDING_MS 3000    /* a path that takes longer than that is full: padding would only be in the way */
#define LOOK_AFTER_MS 250  /* for the last acknowledgements to come in */
#define ASKED_AT_ONCE 64   /* a peer may start its pool anew a few times, but not keep this end padding */

static const uint8_t end_of_padding[] = {ARCI_FRAME_PAD, 0, 0, 0};

static bool take_token(struct arci_tls_bucket *bucket, size_t capacity, int64_t now)
{
    size_t gained = (size_t)((now - bucket->filled_at) / ARCI_PRIME_REFILL_MS);
    if (bucket->filled_at == 0 || bucket->tokens + gained >= capacity) {
        bucket->tokens = capacity;
        bucket->filled_at = now;
    } else {
        bucket->tokens += gained;
        bucket->filled_at += (int64_t)gained * ARCI_PRIME_REFILL_MS;
    }
    if (bucket->tokens == 0)
        return false;
    bucket->tokens--;
    return true;
}

static bool may_prime(struct arci_tls_connection *connection)
{
    const struct arci_transport *transport = connection->transport;
    return take_token(&connection->peer->priming, transport->settings.pool_minimum + 1,
                      arci_tls_now(transport));
}

static void pad(struct arci_tls_connection *connection, size_t bytes)
{
    connection->padding = bytes;
    connection->padding_until = arci_tls_now(connection->transport) + PADDING_MS;
    connection->out_primed = false;
    connection->reference_rate = 0;
    arci_tunnel_socket_limit_unsent(connection->fd, ARCI_PADDING_UNSENT);
    arci_connection_update(connection);
}

void arci_priming_start(struct arci_tls_connection *connection)
{
    const struct arci_transport_settings *settings = &connection->transport->settings;
    struct arci_tls_peer *peer = connection->peer;
    if (connection->prime_asked || settings->prime_bytes == 0 || peer->idle_count > settings->pool_minimum)
        return;
    if (!may_prime(connection))
        return;
    connection->prime_asked = true;
    arci_connection_send(connection,
                         &(struct arci_frame){.type = ARCI_FRAME_PRIME, .number = settings->prime_bytes});
    pad(connection, settings->prime_bytes);
}

void arci_priming_asked(struct arci_tls_connection *connection, uint64_t bytes)
{
    uint64_t limit = connection->transport->settings.prime_bytes;
    bool granted = !connection->session.active && take_token(&connection->peer->asked_priming, ASKED_AT_ONCE,
                                                             arci_tls_now(connection->transport));
    uint64_t granted_bytes = granted ? (bytes < limit ? bytes : limit) : 0;
    if (granted_bytes > 0)
        pad(connection, (size_t)granted_bytes);
    else
        arci_connection_send_raw(connection, end_of_padding, sizeof end_of_padding);
}

void arci_priming_ended(struct arci_tls_connection *connection)
{
    connection->in_primed = true;
}

static void finish(struct arci_tls_connection *connection)
{
    connection->out_primed = true;
    connection->look_at = arci_tls_now(connection->transport) + LOOK_AFTER_MS;
    arci_tunnel_socket_limit_unsent(connection->fd, connection->transport->settings.unsent_bytes);
    arci_connection_send_raw(connection, end_of_padding, sizeof end_of_padding);
}

static void send_record(struct arci_tls_connection *connection, size_t length)
{
    uint8_t *record = connection->transport->write_buffer;
    /* Content does not matter: the other end drops it, and everyone between sees it encrypted. */
    memset(record, 0, length);
    arci_frame_put_header(record, ARCI_FRAME_PAD, length - ARCI_FRAME_HEADER);
    atomic_fetch_add_explicit(&connection->peer->settings.counters->primed_bytes, length,
                              memory_order_relaxed);
    arci_connection_send_raw(connection, record, length);
}

static void send_part(struct arci_tls_connection *connection)
{
    size_t length = connection->padding < ARCI_RECORD_MAX ? connection->padding : ARCI_RECORD_MAX;
    if (length <= ARCI_FRAME_HEADER)
        length = ARCI_FRAME_HEADER + 1;
    connection->padding -= length < connection->padding ? length : connection->padding;
    send_record(connection, length);
}

void arci_priming_measure(struct arci_tls_connection *connection)
{
    if (!connection->session.active && arci_connection_writable(connection))
        send_record(connection, MEASURE_BYTES);
}

void arci_priming_send(struct arci_tls_connection *connection)
{
    if (connection->session.active || connection->padding == 0)
        return;
    for (int i = 0; i < PADDING_BURST && connection->padding > 0 && arci_connection_writable(connection); i++)
        send_part(connection);
    if (connection->padding == 0)
        finish(connection);
}

void arci_priming_flow_ended(struct arci_tls_connection *connection)
{
    connection->good = false;
    connection->look_at = arci_tls_now(connection->transport) + LOOK_AFTER_MS;
}

/* One that can still grow fast is padded again; one that has settled on its low rate has to be replaced. */
static void renew(struct arci_tls_connection *connection, const struct arci_tunnel_rate *rate)
{
    const struct arci_transport_settings *settings = &connection->transport->settings;
    struct arci_tls_peer *peer = connection->peer;
    if (connection->opener && peer->idle_count > settings->pool_minimum + 1)
        return;
    if (!may_prime(connection))
        return;
    if (rate->starting)
        pad(connection, settings->prime_bytes);
    else if (connection->opener)
        arci_connection_end(connection);
    else
        arci_connection_send(connection, &(struct arci_frame){.type = ARCI_FRAME_RETIRE});
}

static void look(struct arci_tls_connection *connection)
{
    struct arci_tunnel_rate rate;
    connection->look_at = 0;
    if (!arci_tunnel_rate_read(connection->fd, &rate))
        return;
    if (rate.in_flight) {
        connection->look_at = arci_tls_now(connection->transport) + LOOK_AFTER_MS;
        return;
    }
    if (connection->reference_rate == 0)
        connection->reference_rate = rate.bytes_per_second;
    connection->good = rate.bytes_per_second >= connection->reference_rate / 2;
    if (!connection->good)
        renew(connection, &rate);
}

void arci_priming_tick(struct arci_tls_connection *connection)
{
    if (connection->padding > 0 && !connection->session.active &&
        arci_tls_now(connection->transport) >= connection->padding_until) {
        connection->padding = 0;
        finish(connection);
    }
    if (connection->look_at == 0 || !connection->out_primed || connection->session.active ||
        connection->ending || arci_tls_now(connection->transport) < connection->look_at)
        return;
    look(connection);
}

int arci_priming_rank(const struct arci_tls_connection *connection)
{
    if (!arci_connection_writable(connection) || connection->padding > 0 || !connection->confirmed)
        return connection->confirmed ? 1 : 0;
    if (!connection->out_primed || !connection->in_primed)
        return 2;
    return connection->good ? 4 : 3;
}
