/* The cluster's identity, found in the records of its members. */
#include "cluster/cluster-identity.h"

#include <string.h>

static bool is_former(const struct arci_cluster_identity *identity, const struct arctic_id *id)
{
    for (size_t i = 0; i < identity->former_count; i++) {
        if (arctic_id_equal(&identity->former[i], id))
            return true;
    }
    return false;
}

/* The oldest makes room where all places are taken. */
static void add_former(struct arci_cluster_identity *identity, const struct arctic_id *id)
{
    size_t oldest = 0;
    if (is_former(identity, id))
        return;
    if (identity->former_count < ARCI_CLUSTER_FORMER_MAX) {
        identity->former[identity->former_count++] = *id;
        return;
    }
    for (size_t i = 1; i < identity->former_count; i++) {
        if (strcmp(identity->former[i].text, identity->former[oldest].text) < 0)
            oldest = i;
    }
    if (strcmp(id->text, identity->former[oldest].text) > 0)
        identity->former[oldest] = *id;
}

/* NULL at the end. What a former member says of the cluster counts no more than the rest that it has said. */
static const struct arci_cluster_identity *next_claim(const struct arci_registry *registry, size_t *cursor)
{
    const struct arci_entry *entry;
    while ((entry = arci_registry_next_of_members(registry, ARCI_RECORD_PEER, cursor))) {
        if (entry->content.peer.cluster.id.text[0])
            return &entry->content.peer.cluster;
    }
    return NULL;
}

static void take_smaller(struct arctic_id *id, const struct arctic_id *other)
{
    if (!id->text[0] || strcmp(other->text, id->text) < 0)
        *id = *other;
}

struct arci_cluster_identity arci_cluster_identity_find(const struct arci_registry *registry)
{
    struct arci_cluster_identity found = {.former_count = 0};
    struct arctic_id smallest = {{0}};
    const struct arci_cluster_identity *claim;
    for (size_t cursor = 0; (claim = next_claim(registry, &cursor));) {
        for (size_t i = 0; i < claim->former_count; i++)
            add_former(&found, &claim->former[i]);
    }
    for (size_t cursor = 0; (claim = next_claim(registry, &cursor));) {
        take_smaller(&smallest, &claim->id);
        if (!is_former(&found, &claim->id))
            take_smaller(&found.id, &claim->id);
    }
    /* Each of two members that call the other's id a former one: there is no right answer, but it has to be the same for all. */
    if (!found.id.text[0])
        found.id = smallest;
    return found;
}

bool arci_cluster_identity_equal(const struct arci_cluster_identity *a, const struct arci_cluster_identity *b)
{
    if (!arctic_id_equal(&a->id, &b->id) || a->former_count != b->former_count)
        return false;
    for (size_t i = 0; i < a->former_count; i++) {
        if (!is_former(b, &a->former[i]))
            return false;
    }
    return true;
}

struct arci_cluster_identity arci_cluster_identity_succeed(const struct arci_cluster_identity *former,
                                                           const struct arctic_id *id)
{
    struct arci_cluster_identity next = *former;
    add_former(&next, &former->id);
    next.id = *id;
    return next;
}
