/* The registry's digest: what peers compare to see whether they know the same. */
#include "base/base64.h"
#include "cluster/registry-internal.h"

const char *arci_registry_digest(struct arci_registry *registry)
{
    uint8_t root[ARCI_SHA256_SIZE];
    registry->digest[0] = '\0';
    if (arci_hash_tree_hash(registry->tree, &(struct arci_tree_path){0}, root, NULL) >= 0)
        arci_base64_encode(root, sizeof root, registry->digest);
    return registry->digest;
}

void arci_registry_count_compared(const struct arci_registry *registry,
                                  uint32_t ret_counts[ARCI_RECORD_KINDS])
{
    size_t count;
    const struct arci_entry *const *entries =
        arci_hash_tree_below(registry->tree, &(struct arci_tree_path){0}, &count);
    for (int kind = 0; kind < ARCI_RECORD_KINDS; kind++)
        ret_counts[kind] = 0;
    for (size_t i = 0; i < count; i++) {
        if (!entries[i]->record.deleted)
            ret_counts[entries[i]->record.kind]++;
    }
}
