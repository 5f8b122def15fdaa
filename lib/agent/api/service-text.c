/* Texts of services, kept with their entries. */
#include "agent/api/service-text.h"

#include <stdlib.h>
#include <string.h>

#include "agent/services/reconcile.h"
#include "base/json.h"

/* A service with thousands of routes is asked for seldom, and would take its text's memory all the time. */
#define KEPT_MAX ((size_t)32 * 1024)

struct memo {
    struct arci_service_live live;
    size_t length;
    char text[];
};

static void keep(struct arci_entry *entry, bool with_routes, const struct arci_service_live *live,
                 const char *text, size_t length)
{
    free(entry->memos[with_routes]);
    struct memo *memo = length > KEPT_MAX ? NULL : malloc(sizeof *memo + length);
    if (memo) {
        memo->live = *live;
        memo->length = length;
        memcpy(memo->text, text, length);
    }
    entry->memos[with_routes] = memo;
}

static void make(const struct arci_entry *entry, bool with_routes, const struct arci_service_live *live,
                 struct arci_buffer *buffer)
{
    ARCI_JSON *object = arci_service_to_json(&entry->content.service, live, with_routes);
    ARCI_FREE char *text = object ? arci_json_dump(object, JSON_COMPACT) : NULL;
    if (!text) {
        buffer->failed = true;
        return;
    }
    size_t length = strlen(text);
    arci_buffer_append(buffer, text, length);
    keep((struct arci_entry *)entry, with_routes, live, text, length);
}

void arci_service_text_append(const struct arctic_agent *agent, const struct arci_entry *entry,
                              bool with_routes, struct arci_buffer *buffer)
{
    const struct memo *memo = entry->memos[with_routes];
    struct arci_service_live live;
    arci_reconcile_live(agent, &entry->content.service, &live);
    if (memo && memcmp(&memo->live, &live, sizeof live) == 0)
        arci_buffer_append(buffer, memo->text, memo->length);
    else
        make(entry, with_routes, &live, buffer);
}
