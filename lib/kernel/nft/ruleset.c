/*
 * Services and the order of commands in a transaction: what is named comes before what names it, and goes
 * after it.
 */
#include "kernel/nft/ruleset.h"

#include <string.h>

#include "kernel/nft/ruleset-base.h"
#include "kernel/nft/ruleset-maps.h"
#include "kernel/nft/ruleset-other.h"
#include "kernel/nft/ruleset-strays.h"

/* "svc_<ULID>" is the service's chain and counter, "cap_<ULID>" its capture chain. */
static const char *ulid(const struct arci_plan_service *service)
{
    return service->id.text + strlen("svc_");
}

/*
 * A table that outlives the agent refuses only what comes to this host by the routes that go with it (ruleset-other.c): without an agent
 * all flows as if there had been none.
 */
static void fill_blocking_while_alive(struct arci_buffer *text, const struct arci_marks *marks,
                                      const struct arci_plan_service *service)
{
    arci_buffer_format(text,
                       "add rule inet arctic svc_%s meta l4proto tcp counter name \"svc_%s\"\n"
                       "add rule inet arctic svc_%s meta mark set meta mark & 0x%08x | 0x%08x accept\n",
                       ulid(service), ulid(service), ulid(service), ~marks->mask, arci_marks_refused(marks));
}

static void fill_blocking(struct arci_buffer *text, const struct arci_plan_service *service)
{
    arci_buffer_format(text,
                       "add rule inet arctic svc_%s meta l4proto tcp counter name \"svc_%s\" reject with tcp "
                       "reset\n"
                       "add rule inet arctic svc_%s reject with icmpx admin-prohibited\n",
                       ulid(service), ulid(service), ulid(service));
}

static void fill_marking(struct arci_buffer *text, const struct arci_marks *marks,
                         const struct arci_plan_service *service)
{
    uint32_t keep = ~marks->mask;
    uint32_t mark = arci_marks_captured(marks, service->slot);
    arci_buffer_format(
        text,
        "add rule inet arctic svc_%s meta l4proto tcp counter name \"svc_%s\" "
        "meta mark set meta mark & 0x%08x | 0x%08x ct mark set ct mark & 0x%08x | 0x%08x jump refused\n"
        "add rule inet arctic svc_%s accept\n",
        ulid(service), ulid(service), keep, mark, keep, mark, ulid(service));
}

static void fill_service(struct arci_buffer *text, const struct arci_marks *marks,
                         const struct arci_plan *plan, const struct arci_plan_service *service)
{
    if (service->block && plan->owned)
        fill_blocking(text, service);
    else if (service->block)
        fill_blocking_while_alive(text, marks, service);
    else if (service->port)
        fill_marking(text, marks, service);
}

/*
 * Also of a service that blocks: a packet that was marked a moment before it began to goes to the listener, which has it reset. Without
 * these rules it would go its direct way.
 */
static void fill_capture(struct arci_buffer *text, const struct arci_marks *marks,
                         const struct arci_plan_service *service)
{
    uint32_t keep = ~marks->mask;
    uint32_t captured = arci_marks_captured(marks, ARCI_SLOT_AGENT);
    if (!service->port)
        return;
    arci_buffer_format(text,
                       "add rule inet arctic cap_%s meta nfproto ipv4 meta l4proto tcp "
                       "tproxy ip to 127.0.0.1:%u meta mark set meta mark & 0x%08x | 0x%08x accept\n"
                       "add rule inet arctic cap_%s meta nfproto ipv6 meta l4proto tcp "
                       "tproxy ip6 to [::1]:%u meta mark set meta mark & 0x%08x | 0x%08x accept\n",
                       ulid(service), service->port, keep, captured, ulid(service), service->port, keep,
                       captured);
}

static void by_mark(struct arci_buffer *text, const char *verb, const struct arci_marks *marks,
                    const struct arci_plan_service *service)
{
    arci_buffer_format(text, "%s element inet arctic by_mark { 0x%08x : jump cap_%s }\n", verb,
                       arci_marks_captured(marks, service->slot), ulid(service));
}

static void add_service(struct arci_buffer *text, const struct arci_marks *marks,
                        const struct arci_plan *plan, const struct arci_plan_service *service)
{
    arci_buffer_format(text, "add counter inet arctic svc_%s\n", ulid(service));
    arci_buffer_format(text, "add chain inet arctic svc_%s\n", ulid(service));
    arci_buffer_format(text, "add chain inet arctic cap_%s\n", ulid(service));
    fill_service(text, marks, plan, service);
    fill_capture(text, marks, service);
    by_mark(text, "add", marks, service);
}

static void change_service(struct arci_buffer *text, const struct arci_marks *marks,
                           const struct arci_plan *plan, const struct arci_plan_service *before,
                           const struct arci_plan_service *service)
{
    bool other_port = before->port != service->port;
    if (other_port || before->block != service->block) {
        arci_buffer_format(text, "flush chain inet arctic svc_%s\n", ulid(service));
        fill_service(text, marks, plan, service);
    }
    if (other_port) {
        arci_buffer_format(text, "flush chain inet arctic cap_%s\n", ulid(service));
        fill_capture(text, marks, service);
    }
}

static void delete_service(struct arci_buffer *text, const struct arci_plan_service *service)
{
    arci_buffer_format(text, "flush chain inet arctic svc_%s\n", ulid(service));
    arci_buffer_format(text, "delete chain inet arctic svc_%s\n", ulid(service));
    arci_buffer_format(text, "flush chain inet arctic cap_%s\n", ulid(service));
    arci_buffer_format(text, "delete chain inet arctic cap_%s\n", ulid(service));
    arci_buffer_format(text, "delete counter inet arctic svc_%s\n", ulid(service));
}

static void add_and_change_services(struct arci_buffer *text, const struct arci_marks *marks,
                                    const struct arci_plan *from, const struct arci_plan *to)
{
    for (size_t i = 0; i < to->service_count; i++) {
        const struct arci_plan_service *service = &to->services[i];
        const struct arci_plan_service *before = arci_plan_find(from, &service->id);
        if (!before)
            add_service(text, marks, to, service);
        else
            change_service(text, marks, to, before, service);
    }
}

/* First of all, since a service that comes may get the slot, and so the marks, of one that goes. */
static void free_marks(struct arci_buffer *text, const struct arci_marks *marks, const struct arci_plan *from,
                       const struct arci_plan *to)
{
    for (size_t i = 0; i < from->service_count; i++) {
        if (!arci_plan_find(to, &from->services[i].id))
            by_mark(text, "delete", marks, &from->services[i]);
    }
}

static void delete_services(struct arci_buffer *text, const struct arci_plan *from,
                            const struct arci_plan *to)
{
    for (size_t i = 0; i < from->service_count; i++) {
        if (!arci_plan_find(to, &from->services[i].id))
            delete_service(text, &from->services[i]);
    }
}

/* Writes the endpoints of `some` that `others` lacks. */
static void spared_missing(struct arci_buffer *text, const char *verb, const struct arci_plan *some,
                           const struct arci_plan *others)
{
    char address[ARCTIC_ADDRESS_TEXT];
    size_t other = 0;
    for (size_t at = 0; at < some->spared_count; at++) {
        const struct arctic_endpoint *endpoint = &some->spared[at];
        while (other < others->spared_count && arci_plan_compare_spared(&others->spared[other], endpoint) < 0)
            other++;
        if (other < others->spared_count && arci_plan_compare_spared(&others->spared[other], endpoint) == 0)
            continue;
        arci_buffer_format(text, "%s element inet arctic peers%u { %s . %u }\n", verb,
                           endpoint->address.family, arctic_address_format(&endpoint->address, address),
                           endpoint->port);
    }
}

void arci_ruleset_change(struct arci_buffer *text, const struct arci_marks *marks,
                         const struct arci_plan *from, const struct arci_plan *to)
{
    spared_missing(text, "delete", from, to);
    spared_missing(text, "add", to, from);
    free_marks(text, marks, from, to);
    add_and_change_services(text, marks, from, to);
    arci_ruleset_add_maps(text, &from->tuples, &to->tuples);
    arci_ruleset_change_elements(text, from, to);
    arci_ruleset_delete_maps(text, &from->tuples, &to->tuples);
    delete_services(text, from, to);
    arci_ruleset_change_other(text, marks, from, to);
    arci_ruleset_change_strays(text, marks, from, to);
}

void arci_ruleset_create(struct arci_buffer *text, const struct arci_marks *marks, bool owner, bool replace,
                         const struct arci_plan *plan)
{
    static const struct arci_plan nothing;
    if (replace)
        arci_buffer_text(text, "delete table inet " ARCI_TABLE "\n");
    arci_buffer_format(text, "add table inet " ARCI_TABLE " { %scomment \"" ARCI_TABLE_COMMENT "\"; }\n",
                       owner ? "flags owner; " : "");
    arci_ruleset_base(text, marks);
    arci_ruleset_change(text, marks, &nothing, plan);
}

void arci_ruleset_refuse(struct arci_buffer *text, const struct arci_marks *marks,
                         const struct arci_plan_service *service, const struct arctic_endpoint *destination,
                         uint32_t seconds)
{
    char address[ARCTIC_ADDRESS_TEXT];
    arci_buffer_format(text, "add element inet arctic refused%u { 0x%08x . %s . %u timeout %us }\n",
                       destination->address.family, arci_marks_captured(marks, service->slot),
                       arctic_address_format(&destination->address, address), destination->port, seconds);
}

void arci_ruleset_refuse_ipv6(struct arci_buffer *text, const struct arci_marks *marks,
                              const struct arci_plan_service *service, uint32_t seconds)
{
    arci_buffer_format(text, "add element inet arctic no_ipv6 { 0x%08x timeout %us }\n",
                       arci_marks_captured(marks, service->slot), seconds);
}
