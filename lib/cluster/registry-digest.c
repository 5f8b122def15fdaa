/* The registry's digest: what peers compare to see whether they know the same. */
#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "crypto/digest.h"
#include "cluster/registry-internal.h"

static void add(struct arci_buffer *text, const struct arci_record *record)
{
    arci_buffer_format(text, "%s %s %" PRIu64 " %s\n", arci_record_kind_name(record->kind), record->id.text,
                       record->version, record->signature);
}

void arci_registry_digest_owned(const struct arci_registry *registry, const struct arctic_id *owner,
                                char ret_text[ARCI_DIGEST_TEXT])
{
    ARCI_BUFFER text = {.limit = 0};
    uint8_t digest[ARCI_SHA256_SIZE];
    const struct arci_entry *entry;
    size_t cursor = 0;
    ret_text[0] = '\0';
    while ((entry = arci_registry_next_owned(registry, owner, &cursor)))
        add(&text, &entry->record);
    if (!text.failed && arci_sha256(text.data ? (const char *)text.data : "", text.length, digest, NULL) >= 0)
        arci_base64_encode(digest, sizeof digest, ret_text);
}

const char *arci_registry_digest(struct arci_registry *registry)
{
    ARCI_BUFFER text = {.limit = 0};
    uint8_t digest[ARCI_SHA256_SIZE];
    if (registry->digest[0])
        return registry->digest;
    for (size_t i = 0; i < registry->count; i++) {
        const struct arci_record *record = &registry->entries[i]->record;
        if (!arci_registry_revocation_of_peer(registry, &record->owner))
            add(&text, record);
    }
    if (!text.failed && arci_sha256(text.data ? (const char *)text.data : "", text.length, digest, NULL) >= 0)
        arci_base64_encode(digest, sizeof digest, registry->digest);
    return registry->digest;
}
