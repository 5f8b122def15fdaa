/* See interfaces.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/interfaces/interfaces-internal.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

#define TRY_IPV6_MS 30000

/* Place of a service among the items: its own, or the one where it belongs. */
static size_t place(const struct arci_service_interfaces *interfaces, const struct arctic_id *service,
                    bool *ret_found)
{
    size_t low = 0, high = interfaces->count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(service->text, interfaces->items[middle]->service.text);
        *ret_found = *ret_found || order == 0;
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct arci_service_interface *arci_interfaces_find(const struct arctic_agent *agent,
                                                    const struct arctic_id *service)
{
    bool found = false;
    size_t index = agent->interfaces ? place(agent->interfaces, service, &found) : 0;
    return found ? agent->interfaces->items[index] : NULL;
}

static struct arci_service_interface *add(struct arctic_agent *agent, const struct arctic_id *service)
{
    bool found;
    struct arci_service_interfaces *interfaces = agent->interfaces;
    size_t index = place(interfaces, service, &found);
    if (found)
        return interfaces->items[index];
    struct arci_service_interface **grown =
        realloc(interfaces->items, (interfaces->count + 1) * sizeof *grown);
    struct arci_service_interface *item = calloc(1, sizeof *item);
    interfaces->items = grown ? grown : interfaces->items;
    if (!grown || !item) {
        free(item);
        return NULL;
    }
    item->agent = agent;
    item->service = *service;
    arci_interface_dhcp_load(item);
    memmove(grown + index + 1, grown + index, (interfaces->count - index) * sizeof *grown);
    grown[index] = item;
    interfaces->count++;
    return item;
}

static void drop_unwished(struct arci_service_interfaces *interfaces)
{
    size_t kept = 0;
    for (size_t i = 0; i < interfaces->count; i++) {
        struct arci_service_interface *item = interfaces->items[i];
        if (item->wished) {
            interfaces->items[kept++] = item;
            continue;
        }
        /* While the link is there yet. */
        arci_interface_dhcp_release(item);
        arci_interface_unfollow(item);
        free(item);
    }
    interfaces->count = kept;
}

int arci_interfaces_start(struct arctic_agent *agent, struct arctic_error *error)
{
    char settings_path[sizeof agent->settings.run_dir + 32];
    struct arci_service_interfaces *interfaces = calloc(1, sizeof *interfaces);
    if (!interfaces)
        return arci_fail_memory(error);
    snprintf(settings_path, sizeof settings_path, "%s/parent-settings.json", agent->settings.run_dir);
    int code = arci_interfaces_create(settings_path, agent->log, &interfaces->kernel, error);
    if (code < 0) {
        free(interfaces);
        return code;
    }
    agent->interfaces = interfaces;
    arci_interface_dhcp_tidy(agent);
    return ARCTIC_OK;
}

static bool wants_interface(const struct arci_planned_service *planned)
{
    return planned->service->requires_interface && planned->state != ARCI_SERVICE_ERROR;
}

/* What was asked for may be another thing than before. */
static void choose_source(const struct arci_service *service, struct arci_service_interface *item)
{
    enum arci_interface_source source = arci_interface_source_of(service);
    bool same = item->source == source &&
                arctic_address_compare(&item->fixed.address, &service->desired_ipv4.address) == 0;
    if (same) {
        item->fixed = service->desired_ipv4; /* whose prefix length no other host knows */
        return;
    }
    if (source != ARCI_INTERFACE_DHCP)
        arci_interface_dhcp_release(item);
    arci_interface_unfollow(item);
    item->has_ipv4 = false;
    item->source = source;
    item->fixed = service->desired_ipv4;
}

static void write_wish(const struct arctic_agent *agent, const struct arci_service *service,
                       struct arci_service_interface *item, struct arci_interface_wish *ret_wish)
{
    int64_t now = arci_time_monotonic();
    choose_source(service, item);
    struct arci_interface_wish wish = {
        .service = service->id,
        .peer = agent->local_id,
        .ipv4 = item->source != ARCI_INTERFACE_NO_IPV4,
        .ipv6 = service->desired_ipv6.address.family != ARCTIC_FAMILY_NONE,
        .made_before = item->made,
        .ipv6_before = item->ipv6,
    };
    memcpy(wish.before, item->state.given, sizeof wish.before);
    if (item->source == ARCI_INTERFACE_STATIC)
        arci_interface_check_wish(item, service, &wish);
    else if (item->source == ARCI_INTERFACE_DHCP)
        arci_interface_dhcp_wish(item, &wish);
    wish.addresses[ARCI_INTERFACE_IPV6] = service->desired_ipv6;
    if (item->state.ipv6_taken && now >= item->try_ipv6_at) {
        wish.try_ipv6 = true;
        item->try_ipv6_at = now + TRY_IPV6_MS;
    }
    *ret_wish = wish;
}

static size_t count_wishes(const struct arci_service_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += wants_interface(&plan->items[i]);
    return count;
}

int arci_interfaces_plan(struct arctic_agent *agent, struct arci_service_plan *plan,
                         struct arctic_error *error)
{
    struct arci_interface_job *job = &plan->interfaces;
    size_t room = count_wishes(plan) + 1;
    job->wishes = calloc(room, sizeof *job->wishes);
    job->states = calloc(room, sizeof *job->states);
    if (!job->wishes || !job->states)
        return arci_fail_memory(error);
    for (size_t i = 0; i < agent->interfaces->count; i++)
        agent->interfaces->items[i]->wished = false;
    for (size_t i = 0; i < plan->count; i++) {
        struct arci_planned_service *planned = &plan->items[i];
        if (!wants_interface(planned))
            continue;
        struct arci_service_interface *item = add(agent, &planned->service->id);
        if (!item)
            return arci_fail_memory(error);
        item->wished = true;
        memcpy(planned->interface, item->state.name,
               sizeof planned->interface); /* should the pass learn no better */
        write_wish(agent, planned->service, item, &job->wishes[job->count++]);
    }
    drop_unwished(agent->interfaces);
    return ARCTIC_OK;
}

void arci_interfaces_add_repairs(const struct arctic_agent *agent, struct arci_kernel_status *status)
{
    arci_kernel_status_add(status, arci_interfaces_repairs(agent->interfaces->kernel));
}

/* Both in the order of ids. */
static void name_services(struct arci_service_plan *plan)
{
    const struct arci_interface_job *job = &plan->interfaces;
    for (size_t i = 0, at = 0; i < plan->count && at < job->count; i++) {
        struct arci_planned_service *planned = &plan->items[i];
        if (!arctic_id_equal(&planned->service->id, &job->wishes[at].service))
            continue;
        memcpy(planned->interface, job->states[at++].name, sizeof planned->interface);
    }
}

void arci_interfaces_work(struct arctic_agent *agent, struct arci_service_plan *plan, bool pass)
{
    struct arci_interface_job *job = &plan->interfaces;
    agent->interfaces->used = true;
    job->code = arci_interfaces_ensure(agent->interfaces->kernel, agent->settings.parent_interface,
                                       job->wishes, job->count, job->states, &job->error);
    for (size_t i = 0; i < job->count; i++) {
        job->wishes[i].try_ipv6 = false; /* once for each time that it is planned */
        job->wishes[i].ipv6_before = job->wishes[i].ipv6;
        job->wishes[i].made_before = job->wishes[i].made_before || job->states[i].index != 0;
        memcpy(job->wishes[i].before, job->states[i].given, sizeof job->wishes[i].before);
    }
    if (pass && job->code >= 0)
        name_services(plan);
}

/* Each reason once: passes and looks come every other second. */
static void say(struct arci_service_interface *item)
{
    const struct arci_interface_state *state = &item->state;
    if (strcmp(item->said, state->reason) == 0)
        return;
    memcpy(item->said, state->reason, sizeof item->said);
    if (state->reason[0])
        arci_log_warn(item->agent->log, "netmgr", "the interface of a service is not as it should be",
                      ARCI_TEXT("service", item->service.text), ARCI_TEXT("interface", state->name),
                      ARCI_TEXT("reason", state->reason));
    else
        arci_log_info(item->agent->log, "netmgr", "the interface of a service is as it should be",
                      ARCI_TEXT("service", item->service.text), ARCI_TEXT("interface", state->name));
}

static bool needs_pass(const struct arci_service_interface *item, const struct arci_service_plan *plan)
{
    const struct arci_planned_service *planned = arci_service_plan_find(plan, &item->service);
    bool again = item->state.ipv6_taken && arci_time_monotonic() >= item->try_ipv6_at;
    return again || (planned && strcmp(planned->interface, item->state.name) != 0);
}

static void take(struct arci_service_interface *item, const struct arci_interface_state *state,
                 const struct arci_service *service)
{
    if (state->ipv6_taken && !item->state.ipv6_taken)
        item->try_ipv6_at = arci_time_monotonic() + TRY_IPV6_MS;
    item->state = *state;
    item->ipv6 = service->desired_ipv6.address.family != ARCTIC_FAMILY_NONE;
    item->made = item->made || state->index != 0;
    item->has_ipv4 =
        item->has_ipv4 || state->addresses[ARCI_INTERFACE_IPV4].address.family != ARCTIC_FAMILY_NONE;
    say(item);
    arci_interface_follow(item, service);
}

bool arci_interfaces_settle(struct arctic_agent *agent, const struct arci_service_plan *plan)
{
    bool pass = false;
    const struct arci_interface_job *job = &plan->interfaces;
    if (job->code < 0) {
        arci_log_error(agent->log, "netmgr", "cannot look at the interfaces of services",
                       ARCI_ERROR(&job->error));
        return false;
    }
    for (size_t i = 0; i < job->count; i++) {
        struct arci_service_interface *item = arci_interfaces_find(agent, &job->wishes[i].service);
        const struct arci_planned_service *planned = arci_service_plan_find(plan, &job->wishes[i].service);
        if (!item || !planned || agent->stopping)
            continue;
        take(item, &job->states[i], planned->service);
        pass = pass || needs_pass(item, plan);
    }
    return pass;
}

void arci_interfaces_name(const struct arctic_agent *agent, const struct arctic_id *service, char *ret_name)
{
    const struct arci_service_interface *item = arci_interfaces_find(agent, service);
    snprintf(ret_name, ARCI_INTERFACE_NAME_SIZE, "%s", item ? item->state.name : "");
}

void arci_interfaces_close(struct arctic_agent *agent)
{
    for (size_t i = 0; agent->interfaces && i < agent->interfaces->count; i++)
        arci_interface_unfollow(agent->interfaces->items[i]);
}

void arci_interfaces_release(struct arctic_agent *agent)
{
    for (size_t i = 0; agent->interfaces && i < agent->interfaces->count; i++)
        arci_interface_dhcp_release(agent->interfaces->items[i]);
}

void arci_interfaces_end(struct arctic_agent *agent)
{
    struct arctic_error error = {0};
    struct arci_service_interfaces *interfaces = agent->interfaces;
    if (!interfaces)
        return;
    if (interfaces->used && arci_interfaces_ensure(interfaces->kernel, "", NULL, 0, NULL, &error) < 0)
        arci_log_warn(agent->log, "netmgr", "cannot remove the interfaces of services", ARCI_ERROR(&error));
    for (size_t i = 0; i < interfaces->count; i++) {
        arci_interface_unfollow(interfaces->items[i]);
        free(interfaces->items[i]);
    }
    free(interfaces->items);
    arci_interfaces_free(interfaces->kernel);
    free(interfaces);
    agent->interfaces = NULL;
}
