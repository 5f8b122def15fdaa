/*
 * The cluster's identity, without one that hands it out: each member's record says which cluster it takes itself to be in, and which
 * ids that one has had before. What follows from all of them is the same for all members, whatever came first: the smallest id (they
 * grow with time, so the oldest one) that no member calls a former one. So two clusters that meet become the older one, and one that
 * is given a new id keeps it although the old one is smaller.
 */
#ifndef ARCI_CLUSTER_CLUSTER_IDENTITY_H
#define ARCI_CLUSTER_CLUSTER_IDENTITY_H

#include "cluster/registry.h"

/*
 * What follows from the records of all members. The id is "" where none names one. Of more former ids than there is room for the
 * newest count.
 */
struct arci_cluster_identity arci_cluster_identity_find(const struct arci_registry *registry);

/* Whether both say the same, in whatever order. */
bool arci_cluster_identity_equal(const struct arci_cluster_identity *a,
                                 const struct arci_cluster_identity *b);

/* The identity of a cluster that gets a new id. */
struct arci_cluster_identity arci_cluster_identity_succeed(const struct arci_cluster_identity *former,
                                                           const struct arctic_id *id);

#endif
