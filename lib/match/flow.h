/* What matching and explaining have in common. */
#ifndef ARCI_MATCH_FLOW_H
#define ARCI_MATCH_FLOW_H

#include <stdbool.h>

#include <arctic/match.h>

/* Errors: ARCTIC_E_USAGE for a flow that is none. */
int arci_flow_check(const struct arctic_flow *flow, struct arctic_error *error);

/* Class of a route, by its prefixes and by whether the flow arrived on its service's interface. */
static inline int32_t arci_flow_class(const struct arctic_match *route, bool on_interface)
{
    if (on_interface)
        return ARCTIC_CLASS_INTERFACE;
    if (route->destination.address.family == ARCTIC_FAMILY_NONE)
        return ARCTIC_CLASS_SOURCE;
    return route->source.address.family == ARCTIC_FAMILY_NONE ? ARCTIC_CLASS_DEST : ARCTIC_CLASS_SOURCE_DEST;
}

#endif
