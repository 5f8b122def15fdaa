/* Keeps the plan that the kernel holds, and decides between a difference and a new table. */
#include "kernel/nft/table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "kernel/nft/contents.h"
#include "kernel/nft/firewall.h"
#include "kernel/nft/nft.h"
#include "kernel/nft/plan.h"
#include "kernel/nft/ruleset-base.h"
#include "kernel/nft/ruleset.h"

struct arci_table {
    struct arctic_log *log;
    struct arci_repairs *repairs;
    struct arci_marks marks;
    enum arci_table_mode mode;
    struct arci_nft *nft;
    struct arci_netfilter *netfilter;
    bool applied; /* the kernel holds `plan`, unless someone else has changed the table since */
    bool owned;
    _Atomic uint32_t generation; /* of all tables when ours was last seen unchanged */
    uint64_t fingerprint;        /* of our table after the last commit */
    uint64_t frame;              /* arci_contents.frame after it; unused where the table is owned */
    bool exchanged;              /* a comparison has found other contents */
    bool doubtful;               /* somebody has committed something at the moment of our last commit */
    struct arci_plan plan;
};

static int fail_foreign(const struct arci_table_state *state, struct arctic_error *error)
{
    if (state->owner)
        return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, NULL,
                         "the nft table inet " ARCI_TABLE
                         " belongs to another running process (netlink port %u): end it first",
                         state->owner);
    return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, NULL,
                     "there is an nft table inet " ARCI_TABLE
                     " that Arctic has not made; if nobody needs it: "
                     "nft delete table inet " ARCI_TABLE);
}

/*
 * A plain table with our comment is ours, or a crashed agent's and so ours now. An owned one is ours if we
 * have made one.
 */
static bool is_foreign(const struct arci_table *table, const struct arci_table_state *state)
{
    if (!state->present)
        return false;
    return state->owner ? !table->owned : !state->ours;
}

int arci_table_create(const struct arci_marks *marks, enum arci_table_mode mode, struct arctic_log *log,
                      struct arci_repairs *repairs, struct arci_table **ret_table, struct arctic_error *error)
{
    struct arci_table_state state;
    ARCI_CLEANUP(arci_table_cleanup) struct arci_table *table = calloc(1, sizeof *table);
    if (!table)
        return arci_fail_memory(error);
    *table = (struct arci_table){.log = log, .repairs = repairs, .marks = *marks, .mode = mode};
    int code = arci_netfilter_create(&table->netfilter, error);
    if (code >= 0)
        code = arci_nft_create(&table->nft, error);
    if (code >= 0)
        code = arci_netfilter_table(table->netfilter, false, &state, error);
    if (code >= 0 && is_foreign(table, &state))
        code = fail_foreign(&state, error);
    if (code >= 0)
        *ret_table = arci_steal(table);
    return code;
}

void arci_table_free(struct arci_table *table)
{
    if (!table)
        return;
    arci_nft_free(table->nft);
    arci_netfilter_free(table->netfilter);
    arci_plan_release(&table->plan);
    free(table);
}

uint32_t arci_table_generation(const struct arci_table *table)
{
    return table->generation;
}

bool arci_table_owned(const struct arci_table *table)
{
    return table->owned;
}

/*
 * Rules and elements that are exchanged for others leave all numbers of the fingerprint as they were. Where somebody commits something
 * all the time and they can not be read as a whole, the table is taken for fine until the next look, and the generation not for seen.
 */
static enum arci_table_health look_inside(struct arci_table *table, uint32_t generation)
{
    struct arci_contents contents = {0};
    if (!table->owned && arci_contents_read(table->netfilter, false, &contents, NULL) < 0)
        return ARCI_TABLE_FINE;
    if (!table->owned && contents.frame != table->frame)
        return ARCI_TABLE_CHANGED;
    table->generation = generation;
    return ARCI_TABLE_FINE;
}

int arci_table_look(struct arci_table *table, enum arci_table_health *ret_health, struct arctic_error *error)
{
    uint32_t generation = 0;
    struct arci_table_state state;
    int code = arci_netfilter_generation(table->netfilter, &generation, error);
    if (code < 0)
        return code;
    if (table->applied && !table->exchanged && generation == table->generation) {
        *ret_health = ARCI_TABLE_FINE;
        return ARCTIC_OK;
    }
    code = arci_netfilter_table(table->netfilter, !table->owned, &state, error);
    if (code < 0)
        return code;
    if (is_foreign(table, &state))
        *ret_health = ARCI_TABLE_FOREIGN;
    else if (!table->applied)
        *ret_health = ARCI_TABLE_NOT_APPLIED;
    else if (!state.present)
        *ret_health = ARCI_TABLE_GONE;
    else
        *ret_health = state.fingerprint == table->fingerprint && !table->exchanged ? ARCI_TABLE_FINE
                                                                                   : ARCI_TABLE_CHANGED;
    if (*ret_health == ARCI_TABLE_FINE)
        *ret_health = look_inside(table, generation);
    return ARCTIC_OK;
}

static void adopt(struct arci_table *table, struct arci_plan *plan)
{
    arci_plan_release(&table->plan);
    table->plan = *plan;
    *plan = (struct arci_plan){0};
}

/* Nobody else can change what belongs to this process. */
static void settle_frame(struct arci_table *table, const char *commands)
{
    struct arci_contents contents = {0};
    if (table->owned || arci_contents_only_routes(commands))
        return;
    table->frame = arci_contents_read(table->netfilter, false, &contents, NULL) < 0 ? 0 : contents.frame;
}

int arci_table_compare(struct arci_table *table, struct arctic_error *error)
{
    struct arci_contents expected = {0};
    struct arci_contents found = {0};
    enum arci_table_health health;
    int code = arci_table_look(table, &health, error);
    if (code < 0 || health != ARCI_TABLE_FINE)
        return code; /* which an update sees by itself */
    code = arci_contents_expect(&table->plan, &expected, error);
    if (code >= 0)
        code = arci_contents_read(table->netfilter, true, &found, error);
    if (code < 0)
        return code;
    table->exchanged = found.routes != expected.routes || found.route_count != expected.route_count ||
                       (!table->owned && found.frame != table->frame);
    return ARCTIC_OK;
}

/*
 * Whether what is read back now is what was committed: not where somebody has committed something in between, before our commit (and
 * after the last look) or behind it. Else others' changes of that moment would count as ours for good.
 */
static bool is_undisturbed(struct arci_table *table, uint32_t generation)
{
    uint32_t after = 0;
    return table->owned ||
           (generation == table->generation + 1 &&
            arci_netfilter_generation(table->netfilter, &after, NULL) >= 0 && after == generation);
}

/* What can not be read back now counts as changed by others, and is made anew next time. */
static void settle(struct arci_table *table, const char *commands, struct arci_plan *plan)
{
    struct arci_table_state state = {0};
    uint32_t generation = 0;
    adopt(table, plan);
    table->applied = true;
    table->exchanged = false;
    bool read = arci_netfilter_generation(table->netfilter, &generation, NULL) >= 0 &&
                arci_netfilter_table(table->netfilter, !table->owned, &state, NULL) >= 0 && state.present;
    settle_frame(table, commands);
    table->doubtful = read && !is_undisturbed(table, generation);
    table->generation = read ? generation : 0;
    table->fingerprint = read ? state.fingerprint : 0;
}

static int run(struct arci_table *table, const struct arci_buffer *text, struct arctic_error *error)
{
    if (text->failed)
        return arci_fail_memory(error);
    return text->length ? arci_nft_run(table->nft, (const char *)text->data, error) : ARCTIC_OK;
}

/*
 * Does not change what looks compare, so that the generation which it makes needs no look either, unless somebody has made another
 * one before it.
 */
static int run_aside(struct arci_table *table, const struct arci_buffer *text, struct arctic_error *error)
{
    uint32_t generation = 0;
    int code = run(table, text, error);
    if (code < 0 || arci_netfilter_generation(table->netfilter, &generation, NULL) < 0)
        return code;
    if (generation == table->generation + 1)
        table->generation = generation;
    return code;
}

static int commit_difference(struct arci_table *table, struct arci_plan *plan, struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    plan->owned = table->owned;
    arci_ruleset_change(&text, &table->marks, &table->plan, plan);
    int code = run(table, &text, error);
    if (code < 0)
        return code;
    /* A plan that needs no command may still have other candidates behind its elements, and newer revisions. */
    if (text.length)
        settle(table, (const char *)text.data, plan);
    else
        adopt(table, plan);
    return ARCTIC_OK;
}

static int commit_new(struct arci_table *table, bool owner, bool replace, struct arci_plan *plan,
                      struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    plan->owned = owner;
    arci_ruleset_create(&text, &table->marks, owner, replace, plan);
    int code = run(table, &text, error);
    if (code < 0)
        return code;
    table->owned = owner;
    settle(table, (const char *)text.data, plan);
    arci_log_info(table->log, "fwmgr", "nft table made", ARCI_TEXT("table", "inet " ARCI_TABLE),
                  ARCI_TEXT("mode", owner ? "owner" : "plain"),
                  ARCI_INT("services", table->plan.service_count),
                  ARCI_INT("elements", table->plan.tuples.elements));
    return ARCTIC_OK;
}

static int read_generation(struct arci_table *table, struct arctic_error *error)
{
    uint32_t generation = 0;
    int code = arci_netfilter_generation(table->netfilter, &generation, error);
    table->generation = code < 0 ? 0 : generation;
    return code;
}

/* What the table is now is not known when a commit has failed: the next look is not to take it for unchanged. */
static int commit_anew(struct arci_table *table, bool owner, bool replace, struct arci_plan *plan,
                       struct arctic_error *error)
{
    int code = read_generation(table, error);
    if (code >= 0)
        code = commit_new(table, owner, replace, plan, error);
    if (code < 0)
        table->generation = 0;
    return code;
}

/* In one transaction with the removal of what is there under the name. */
static int make_anew(struct arci_table *table, struct arci_plan *plan, struct arctic_error *error)
{
    struct arci_table_state state;
    int code = arci_netfilter_table(table->netfilter, false, &state, error);
    if (code < 0)
        return code;
    if (is_foreign(table, &state))
        return fail_foreign(&state, error);
    bool owner = table->applied ? table->owned : table->mode != ARCI_TABLE_PLAIN;
    code = commit_anew(table, owner, state.present, plan, error);
    if (code >= 0 || table->applied || table->mode != ARCI_TABLE_AUTO)
        return code;
    struct arctic_error refusal = {0};
    code = commit_anew(table, false, state.present, plan, &refusal);
    if (code >= 0)
        arci_log_warn(table->log, "fwmgr", "no table of our own on this kernel, using a plain one",
                      ARCI_TEXT("error", error ? error->message : ""));
    return code;
}

#define SURE_TRIES 2 /* on a host where something commits all the time, doubt remains */

/* Where somebody came in between, the whole table is made once more. */
static int make_sure(struct arci_table *table, struct arctic_error *error)
{
    int code = ARCTIC_OK;
    for (int i = 0; code >= 0 && table->doubtful && i < SURE_TRIES; i++) {
        struct arci_plan plan = table->plan;
        table->plan = (struct arci_plan){0};
        code = make_anew(table, &plan, error);
        if (code < 0)
            table->plan = plan;
    }
    return code;
}

static void note_repair(struct arci_table *table, enum arci_table_health health)
{
    const char *found = health == ARCI_TABLE_GONE ? "the nft table inet " ARCI_TABLE " was deleted by someone"
                                                  : "the nft table inet " ARCI_TABLE
                                                    " was changed by someone";
    arci_repairs_note(table->repairs, ARCI_REPAIR_TABLE, found, "made anew", arci_time_monotonic());
}

static int commit(struct arci_table *table, struct arci_plan *plan, struct arctic_error *error)
{
    enum arci_table_health health;
    struct arctic_error refusal = {0};
    table->doubtful = false;
    int code = arci_table_look(table, &health, error);
    if (code < 0)
        return code;
    if (health == ARCI_TABLE_FINE && commit_difference(table, plan, &refusal) >= 0)
        return make_sure(table, error);
    if (health == ARCI_TABLE_FINE)
        arci_log_warn(table->log, "fwmgr", "cannot change the nft table, making it anew",
                      ARCI_ERROR(&refusal));
    code = make_anew(table, plan, error);
    if (code >= 0 && (health == ARCI_TABLE_GONE || health == ARCI_TABLE_CHANGED))
        note_repair(table, health);
    return code < 0 ? code : make_sure(table, error);
}

int arci_table_update(struct arci_table *table, const struct arci_kernel_wish *wish,
                      struct arctic_error *error)
{
    ARCI_CLEANUP(arci_plan_release) struct arci_plan plan = {0};
    int code = arci_plan_make(wish->services, wish->service_count, &table->marks, &table->plan, &plan, error);
    if (code >= 0)
        code = arci_plan_spare(&plan, wish->spared, wish->spared_count, error);
    return code < 0 ? code : commit(table, &plan, error);
}

int arci_table_refuse(struct arci_table *table, const struct arctic_id *service,
                      const struct arctic_endpoint *destination, uint32_t seconds, struct arctic_error *error)
{
    const struct arci_plan_service *planned = arci_plan_find(&table->plan, service);
    if (!table->applied || !planned)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, "service", "%s is not applied", service->text);
    ARCI_BUFFER text = {0};
    if (destination)
        arci_ruleset_refuse(&text, &table->marks, planned, destination, seconds);
    else
        arci_ruleset_refuse_ipv6(&text, &table->marks, planned, seconds);
    return run_aside(table, &text, error);
}

int arci_table_remove(struct arci_table *table, struct arctic_error *error)
{
    struct arci_table_state state;
    int code = arci_netfilter_table(table->netfilter, false, &state, error);
    if (code < 0 || !state.present || is_foreign(table, &state))
        return code;
    code = arci_nft_run(table->nft, "delete table inet " ARCI_TABLE "\n", error);
    if (code >= 0)
        table->applied = table->owned = false;
    return code;
}

int arci_table_packets(struct arci_table *table, const char *counter, uint64_t *ret_packets,
                       struct arctic_error *error)
{
    return arci_netfilter_packets(table->netfilter, counter, ret_packets, error);
}

bool arci_table_find_destination(const struct arci_table *table, enum arctic_family family,
                                 struct arctic_address *ret_destination)
{
    const struct arci_tuples *tuples = &table->plan.tuples;
    for (size_t i = 0; i < tuples->count; i++) {
        const struct arci_tuple *tuple = &tuples->items[i];
        if (tuple->map.family != (uint8_t)family || tuple->map.destination_length <= 0)
            continue;
        struct arctic_address destination = {.family = (uint8_t)family};
        memcpy(destination.bytes, tuple->destination, sizeof destination.bytes);
        *ret_destination = destination;
        return true;
    }
    return false;
}

bool arci_table_find_dropping(struct arci_table *table, char *text, size_t size)
{
    return arci_firewall_find_dropping(table->netfilter, text, size);
}

int arci_table_counters(struct arci_table *table, struct arci_kernel_counter **ret_counters,
                        size_t *ret_count, struct arctic_error *error)
{
    return arci_netfilter_counters(table->netfilter, ret_counters, ret_count, error);
}
