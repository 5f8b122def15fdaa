/* The list of transports, and what they share. */
#include "transport/transport.h"

#include <string.h>

#include "transport/tls/tls.h"

static const struct arci_transport_ops *const transports[] = {&arci_transport_tls};

const struct arci_transport_ops *arci_transport_find(const char *name)
{
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
        if (strcmp(transports[i]->name, name) == 0)
            return transports[i];
    }
    return NULL;
}

const char *arci_stream_reason_name(int reason)
{
    switch (reason) {
    case ARCI_REASON_NONE:
        return "none";
    case ARCI_REASON_REFUSED:
        return "connection refused";
    case ARCI_REASON_HOST_UNREACHABLE:
        return "host unreachable";
    case ARCI_REASON_NET_UNREACHABLE:
        return "network unreachable";
    case ARCI_REASON_TIMED_OUT:
        return "timed out";
    case ARCI_REASON_NO_IPV6:
        return "no IPv6 at the exit";
    case ARCI_REASON_NOT_PERMITTED:
        return "not permitted";
    case ARCI_REASON_NO_RESOURCES:
        return "out of resources";
    case ARCI_REASON_RESET:
        return "reset";
    case ARCI_REASON_WITHDRAWN:
        return "withdrawn";
    case ARCI_REASON_LOOP:
        return "goes in a circle";
    case ARCI_REASON_PEER_UNREACHABLE:
        return "peer unreachable";
    case ARCI_REASON_CONNECTION_LOST:
        return "tunnel connection lost";
    default:
        return "unknown";
    }
}

void arci_transport_settings_defaults(struct arci_transport_settings *ret_settings)
{
    *ret_settings = (struct arci_transport_settings){
        .congestion = "bbr",
        .pool_minimum = 4,
        .pool_maximum = 64,
        .idle_ms = 5 * 60 * 1000,
        .connect_ms = 10 * 1000,
        .open_ms = 15 * 1000, /* the exit's own limit for its connect, and the way there and back */
        .silent_ms = 60 * 1000,
        .prime_bytes = 1024 * 1024,
        .unsent_bytes = 512 * 1024,
        .accept_limit = 16384,
    };
}
