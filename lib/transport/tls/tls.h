/* The TCP transport: flows over pooled TLS 1.3 connections, one flow at a time on each. */
#ifndef ARCI_TRANSPORT_TLS_TLS_H
#define ARCI_TRANSPORT_TLS_TLS_H

#include "transport/transport.h"

extern const struct arci_transport_ops arci_transport_tls;

#endif
