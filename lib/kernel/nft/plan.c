/* Checks the services, sorts them, gives each a slot, and has their tuples made. */
#include "kernel/nft/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

void arci_plan_release(struct arci_plan *plan)
{
    free(plan->services);
    free(plan->spared);
    free(plan->by_slot);
    arci_tuples_release(&plan->tuples);
    *plan = (struct arci_plan){0};
}

/*
 * Stricter than the kernel (dev_valid_name()): what nft would read as a wildcard or an end of quotes is not
 * taken.
 */
static bool fit_interface_name(const char *name)
{
    static const char fit[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+";
    size_t length = strlen(name);
    return length < ARCTIC_INTERFACE_NAME && strspn(name, fit) == length;
}

static int check_service(const struct arci_kernel_service *service, struct arctic_error *error)
{
    struct arctic_id id;
    if (arctic_id_parse(ARCTIC_ID_SERVICE, service->id.text, &id, NULL) < 0 ||
        !arctic_id_equal(&id, &service->id))
        return arci_fail(error, ARCTIC_E_USAGE, "id", "'%s' is not the id of a service", service->id.text);
    if (service->interface && !fit_interface_name(service->interface))
        return arci_fail(error, ARCTIC_E_USAGE, "interface", "%s: '%s' can not be the name of its interface",
                         service->id.text, service->interface);
    if (service->tproxy_port == 0 && !service->block && !service->withdrawn)
        return arci_fail(error, ARCTIC_E_USAGE, "tproxy_port", "%s: no listener port", service->id.text);
    return ARCTIC_OK;
}

static int compare_services(const void *left, const void *right)
{
    const struct arci_kernel_service *a = left;
    const struct arci_kernel_service *b = right;
    return strcmp(a->id.text, b->id.text);
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int check_interfaces(const struct arci_kernel_service *services, size_t count,
                            struct arctic_error *error)
{
    ARCI_FREE const char **names = calloc(count ? count : 1, sizeof *names);
    if (!names)
        return arci_fail_memory(error);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (services[i].interface && services[i].interface[0])
            names[used++] = services[i].interface;
    }
    qsort(names, used, sizeof *names, compare_texts);
    for (size_t i = 1; i < used; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            return arci_fail(error, ARCTIC_E_USAGE, "interface", "interface '%s' belongs to two services",
                             names[i]);
    }
    return ARCTIC_OK;
}

static int check_sorted(const struct arci_kernel_service *services, size_t count, struct arctic_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int code = check_service(&services[i], error);
        if (code < 0)
            return code;
        if (i > 0 && arctic_id_equal(&services[i - 1].id, &services[i].id))
            return arci_fail(error, ARCTIC_E_USAGE, "id", "%s is there twice", services[i].id.text);
    }
    return check_interfaces(services, count, error);
}

const struct arci_plan_service *arci_plan_find(const struct arci_plan *plan, const struct arctic_id *id)
{
    size_t low = 0;
    size_t high = plan->service_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(plan->services[middle].id.text, id->text);
        if (order == 0)
            return &plan->services[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static uint32_t next_free_slot(const bool *taken, uint32_t slots, uint32_t from)
{
    uint32_t slot = from < ARCI_SLOT_FIRST_SERVICE || from >= slots ? ARCI_SLOT_FIRST_SERVICE : from;
    while (taken[slot])
        slot = slot + 1 < slots ? slot + 1 : ARCI_SLOT_FIRST_SERVICE;
    return slot;
}

/* New slots are taken in turn: marks of a service that is gone are not soon read as those of another. */
static void give_slots(struct arci_plan *plan, const struct arci_plan *previous, bool *taken, uint32_t slots)
{
    for (size_t i = 0; i < plan->service_count; i++) {
        const struct arci_plan_service *before = arci_plan_find(previous, &plan->services[i].id);
        plan->services[i].slot = before ? before->slot : 0;
        if (before)
            taken[before->slot] = true;
    }
    plan->next_slot = previous->next_slot;
    for (size_t i = 0; i < plan->service_count; i++) {
        if (plan->services[i].slot)
            continue;
        uint32_t slot = next_free_slot(taken, slots, plan->next_slot);
        taken[slot] = true;
        plan->services[i].slot = (uint16_t)slot;
        plan->next_slot = slot + 1;
    }
}

static struct arci_plan_service describe(const struct arci_kernel_service *service)
{
    struct arci_plan_service planned = {.id = service->id,
                                        .port = service->tproxy_port,
                                        .block = service->block,
                                        .never_direct = service->never_direct,
                                        .withdrawn = service->withdrawn};
    if (service->interface)
        memcpy(planned.interface, service->interface, strlen(service->interface));
    memcpy(planned.revision, service->revision, sizeof planned.revision);
    return planned;
}

/* All that tuples are made of. */
static bool has_same_tuples(const struct arci_plan_service *a, const struct arci_plan_service *b)
{
    static const uint8_t unknown[sizeof a->revision];
    return memcmp(a->revision, unknown, sizeof unknown) != 0 &&
           memcmp(a->revision, b->revision, sizeof a->revision) == 0 && a->withdrawn == b->withdrawn &&
           strcmp(a->interface, b->interface) == 0;
}

static int make_tuples(struct arci_plan *plan, const struct arci_kernel_service *sorted,
                       const struct arci_plan *previous, struct arctic_error *error)
{
    size_t count = plan->service_count;
    ARCI_FREE struct arci_tuple_owner *owners = calloc(count ? count : 1, sizeof *owners);
    if (!owners)
        return arci_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct arci_plan_service *planned = &plan->services[i];
        const struct arci_plan_service *before = arci_plan_find(previous, &planned->id);
        owners[i] = (struct arci_tuple_owner){
            .service = &sorted[i], .slot = planned->slot, .kept = before && has_same_tuples(before, planned)};
        plan->by_slot[planned->slot] = (uint16_t)(i + 1);
    }
    return arci_tuples_make(owners, count, &previous->tuples, &plan->tuples, error);
}

static int fill(struct arci_plan *plan, const struct arci_kernel_service *sorted, size_t count,
                const struct arci_marks *marks, const struct arci_plan *previous, struct arctic_error *error)
{
    ARCI_FREE bool *taken = calloc(marks->slots, sizeof *taken);
    plan->services = calloc(count ? count : 1, sizeof *plan->services);
    plan->by_slot = calloc(marks->slots, sizeof *plan->by_slot);
    if (!taken || !plan->services || !plan->by_slot)
        return arci_fail_memory(error);
    plan->service_count = count;
    plan->slot_count = marks->slots;
    for (size_t i = 0; i < count; i++)
        plan->services[i] = describe(&sorted[i]);
    give_slots(plan, previous, taken, marks->slots);
    return make_tuples(plan, sorted, previous, error);
}

int arci_plan_make(const struct arci_kernel_service *services, size_t count, const struct arci_marks *marks,
                   const struct arci_plan *previous, struct arci_plan *ret_plan, struct arctic_error *error)
{
    size_t limit = marks->slots - ARCI_SLOT_FIRST_SERVICE;
    if (count > limit)
        return arci_fail(error, ARCTIC_E_LIMIT, "services",
                         "%zu services, but the mark mask 0x%08x has room for %zu: widen it", count,
                         marks->mask, limit);
    ARCI_FREE struct arci_kernel_service *sorted = calloc(count ? count : 1, sizeof *sorted);
    if (!sorted)
        return arci_fail_memory(error);
    if (count > 0)
        memcpy(sorted, services, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_services);
    int code = check_sorted(sorted, count, error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(arci_plan_release) struct arci_plan plan = {0};
    code = fill(&plan, sorted, count, marks, previous, error);
    if (code < 0)
        return code;
    *ret_plan = plan;
    plan = (struct arci_plan){0};
    return ARCTIC_OK;
}

int arci_plan_compare_spared(const struct arctic_endpoint *a, const struct arctic_endpoint *b)
{
    if (a->address.family != b->address.family)
        return a->address.family < b->address.family ? -1 : 1;
    int order = memcmp(a->address.bytes, b->address.bytes, sizeof a->address.bytes);
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

static int compare_spared(const void *left, const void *right)
{
    return arci_plan_compare_spared(left, right);
}

static bool has_family(const struct arctic_endpoint *endpoint)
{
    return endpoint->address.family == ARCTIC_FAMILY_IPV4 || endpoint->address.family == ARCTIC_FAMILY_IPV6;
}

int arci_plan_spare(struct arci_plan *plan, const struct arctic_endpoint *endpoints, size_t count,
                    struct arctic_error *error)
{
    struct arctic_endpoint *spared = calloc(count ? count : 1, sizeof *spared);
    if (!spared)
        return arci_fail_memory(error);
    size_t used = 0, kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (has_family(&endpoints[i]))
            spared[used++] = endpoints[i];
    }
    qsort(spared, used, sizeof *spared, compare_spared);
    for (size_t i = 0; i < used; i++) {
        if (kept == 0 || compare_spared(&spared[kept - 1], &spared[i]) != 0)
            spared[kept++] = spared[i];
    }
    free(plan->spared);
    plan->spared = spared;
    plan->spared_count = kept;
    return ARCTIC_OK;
}
