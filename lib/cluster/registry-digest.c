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
