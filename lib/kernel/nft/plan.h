/*
 * The plan: all that the table `inet arctic` must hold for a set of services. Pure; made from the wish,
 * compared by ruleset.h.
 */
#ifndef ARCI_KERNEL_NFT_PLAN_H
#define ARCI_KERNEL_NFT_PLAN_H

#include <arctic/match.h>

#include "kernel/marks.h"
#include "kernel/nft/tuple.h"

struct arci_plan_service {
    struct arctic_id id;
    uint16_t slot; /* of its marks; kept as long as the service is in the plan */
    uint16_t port;
    bool block;
    /* What its tuples were made of. */
    bool withdrawn;
    bool never_direct;
    char interface[ARCTIC_INTERFACE_NAME];
    uint8_t revision[32];
};

/* Zero-initialised it is the plan of no services. */
struct arci_plan {
    bool owned;                         /* it goes into a table that belongs to the process */
    struct arci_plan_service *services; /* by id */
    size_t service_count;
    uint16_t *by_slot; /* 1 + index of the service, 0: free; `slot_count` of them */
    size_t slot_count;
    struct arci_tuples tuples;
    struct arctic_endpoint *spared; /* never captured; ordered, each once */
    size_t spared_count;
    uint32_t next_slot; /* where the search for a free slot begins */
};

void arci_plan_release(struct arci_plan *plan);

/*
 * Makes the plan of `services`, in any order. Services of `previous` keep their slots; a slot that was given
 * up is used again as late as possible. The tuples of a service with the revision that it had are taken from there. `*ret_plan` is to be released. Errors: ARCTIC_E_USAGE (an id that is
 * none or there twice, an interface name that is unfit or there twice, a missing port), ARCTIC_E_LIMIT (more
 * services than slots), ARCTIC_E_NO_MEMORY.
 */
int arci_plan_make(const struct arci_kernel_service *services, size_t count, const struct arci_marks *marks,
                   const struct arci_plan *previous, struct arci_plan *ret_plan, struct arctic_error *error);

/* Gives the plan its endpoints that are never captured. Errors: ARCTIC_E_NO_MEMORY. */
int arci_plan_spare(struct arci_plan *plan, const struct arctic_endpoint *endpoints, size_t count,
                    struct arctic_error *error);

/* The order of `spared`: as strcmp(). */
int arci_plan_compare_spared(const struct arctic_endpoint *a, const struct arctic_endpoint *b);

/* The service of a slot that is in use. */
static inline const struct arci_plan_service *arci_plan_of_slot(const struct arci_plan *plan, uint16_t slot)
{
    return &plan->services[plan->by_slot[slot] - 1];
}

/* Finds a service by id; NULL where there is none. */
const struct arci_plan_service *arci_plan_find(const struct arci_plan *plan, const struct arctic_id *id);

#endif
