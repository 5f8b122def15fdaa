/* The members that requests and records of a service have in common. Private to model/. */
#ifndef ARCI_MODEL_SERVICE_READ_H
#define ARCI_MODEL_SERVICE_READ_H

#include <jansson.h>

#include "base/buffer.h"
#include "model/service.h"

/*
 * Reads what may change in a service's life: name, transport_type, when_unreachable, requires_interface,
 * fully_transparent, desired_interface_ipv4/6 and qos. Absent members keep their values. The result is not
 * yet validated as a whole.
 */
int arci_service_read_settings(const json_t *object, struct arci_service *service,
                               struct arctic_error *error);

/* {"bandwidth_limit_mbps","rtt_ms","memory_limit_kb"}; NULL when memory runs out. */
json_t *arci_qos_to_json(const struct arci_qos *qos);

/* Writes what arci_service_read_settings() reads; false when memory runs out. */
bool arci_service_put_settings(json_t *object, const struct arci_service *service);

/* Appends the text that arci_json_canonical() makes of arci_routes_to_json(). */
void arci_routes_text_append(const struct arci_routes *routes, struct arci_buffer *text);

#endif
