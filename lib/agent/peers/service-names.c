/* Two services with one name: the younger one gets another. */
#include "agent/peers/service-names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peers/gossiping.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

/* What is appended: enough of the id's end to be another one, and all of it where somebody has taken even that. */
static const size_t suffix_lengths[] = {8, 26};

/* All services of members, by name and then by age. */
struct services {
    const struct arci_entry **entries; /* references: those that are renamed are replaced in the registry */
    size_t count;
};

static void release_services(struct services *services)
{
    for (size_t i = 0; i < services->count; i++)
        arci_entry_unref(services->entries[i]);
    free(services->entries);
}

static const char *name_of(const struct arci_entry *entry)
{
    return entry->content.service.name;
}

static int order_by_name(const void *left, const void *right)
{
    const struct arci_entry *a = *(const struct arci_entry *const *)left;
    const struct arci_entry *b = *(const struct arci_entry *const *)right;
    int order = strcmp(name_of(a), name_of(b));
    if (order == 0)
        order = strcmp(a->record.id.text, b->record.id.text);
    /* Who signs a service under another's id and name does not make that one yield, unless it is the older member. */
    return order != 0 ? order : strcmp(a->record.owner.text, b->record.owner.text);
}

static int collect(const struct arctic_agent *agent, struct services *services, struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    services->entries =
        calloc(arci_registry_count(agent->registry, ARCI_RECORD_SERVICE) + 1, sizeof services->entries[0]);
    if (!services->entries)
        return arci_fail_memory(error);
    while ((entry = arci_registry_next_of_members(agent->registry, ARCI_RECORD_SERVICE, &cursor)))
        services->entries[services->count++] = arci_entry_ref(entry);
    qsort(services->entries, services->count, sizeof services->entries[0], order_by_name);
    return ARCTIC_OK;
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, name_of(*(const struct arci_entry *const *)entry));
}

static bool is_taken(const struct services *services, const char *name)
{
    return bsearch(name, services->entries, services->count, sizeof services->entries[0], compare_name);
}

static bool find_name(const struct services *services, const struct arci_service *service,
                      char ret_name[ARCI_NAME_SIZE])
{
    const char *id = service->id.text;
    for (size_t i = 0; i < sizeof suffix_lengths / sizeof suffix_lengths[0]; i++) {
        char suffix[32];
        snprintf(suffix, sizeof suffix, "-%s", id + strlen(id) - suffix_lengths[i]);
        memcpy(ret_name, service->name, ARCI_NAME_SIZE);
        arci_name_append(ret_name, suffix);
        if (!is_taken(services, ret_name))
            return true;
    }
    return false;
}

static int rename_service(struct arctic_agent *agent, const struct arci_service *present, const char *name,
                          struct arctic_error *error)
{
    struct arci_service service = {0};
    int code = arci_service_copy(present, &service, error);
    if (code < 0)
        return code;
    snprintf(service.name, sizeof service.name, "%s", name);
    service.updated_at = arci_time_now();
    code = arci_registry_put_service(agent->registry, &service, error);
    arci_service_release(&service);
    if (code >= 0)
        arci_gossiping_announce(agent, ARCI_RECORD_SERVICE, &present->id);
    return code;
}

static int yield_name(struct arctic_agent *agent, const struct services *services,
                      const struct arci_entry *younger, const struct arci_entry *oldest,
                      struct arctic_error *error)
{
    char name[ARCI_NAME_SIZE];
    if (!find_name(services, &younger->content.service, name))
        return ARCTIC_OK;
    int code = rename_service(agent, &younger->content.service, name, error);
    if (code < 0)
        return code;
    arci_log_warn(agent->log, "gossip", "two services had one name: the younger one got another",
                  ARCI_TEXT("service_id", younger->record.id.text), ARCI_TEXT("name", name),
                  ARCI_TEXT("former_name", name_of(younger)), ARCI_TEXT("older_id", oldest->record.id.text),
                  ARCI_TEXT("older_owner", oldest->record.owner.text));
    arci_reconcile_request(agent);
    return ARCTIC_OK;
}

int arci_service_names_settle(struct arctic_agent *agent, struct arctic_error *error)
{
    ARCI_CLEANUP(release_services) struct services services = {0};
    const struct arci_entry *oldest = NULL;
    int result = collect(agent, &services, error);
    for (size_t i = 0; i < services.count && result >= 0; i++) {
        const struct arci_entry *entry = services.entries[i];
        if (!oldest || strcmp(name_of(oldest), name_of(entry)) != 0)
            oldest = entry;
        else if (arctic_id_equal(&entry->record.owner, &agent->local_id))
            result = yield_name(agent, &services, entry, oldest, error);
    }
    return result;
}
