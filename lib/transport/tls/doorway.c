/* See doorway.h. */
#include "transport/tls/doorway.h"

#include <string.h>

#include "transport/tls/connection.h"

#define SITE_PREFIX_BYTES 8 /* a host can take any address of its IPv6 /64 */

static bool same_site(const struct arctic_address *a, const struct arctic_address *b)
{
    size_t length = a->family == ARCTIC_FAMILY_IPV6 ? SITE_PREFIX_BYTES : 4;
    return a->family == b->family && memcmp(a->bytes, b->bytes, length) == 0;
}

/* How many come from an address, and the oldest of them. */
static size_t crowd(const struct arci_transport *transport, const struct arctic_address *address,
                    struct arci_tls_connection **ret_oldest)
{
    struct arci_tls_connection *connection;
    size_t count = 0;
    for (connection = TAILQ_FIRST(&transport->doorway); connection;
         connection = TAILQ_NEXT(connection, doorway)) {
        if (same_site(&connection->remote.address, address) && count++ == 0)
            *ret_oldest = connection;
    }
    return count;
}

static void make_room(const struct arci_transport *transport, const struct arctic_address *address)
{
    struct arci_tls_connection *oldest = TAILQ_FIRST(&transport->doorway), *own = NULL;
    if (transport->doorway_count < ARCI_DOORWAY_MAX)
        return;
    bool crowds = crowd(transport, address, &own) > crowd(transport, &oldest->remote.address, &oldest);
    arci_connection_close(crowds ? own : oldest);
}

void arci_doorway_enter(struct arci_tls_connection *connection)
{
    struct arci_transport *transport = connection->transport;
    make_room(transport, &connection->remote.address);
    TAILQ_INSERT_TAIL(&transport->doorway, connection, doorway);
    connection->in_doorway = true;
    transport->doorway_count++;
}

void arci_doorway_leave(struct arci_tls_connection *connection)
{
    if (!connection->in_doorway)
        return;
    connection->in_doorway = false;
    TAILQ_REMOVE(&connection->transport->doorway, connection, doorway);
    connection->transport->doorway_count--;
}
