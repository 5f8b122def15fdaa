/*
 * Wires table, rules, anchor and settings. Ordered so that a marked packet always finds either all of its
 * way or the direct one.
 */
#include "kernel/kernel.h"

#include <stdlib.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "kernel/kernel-private.h"
#include "kernel/privilege.h"

#define RULE_PRIORITY_MAIN 32766u

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static int check_options(const struct arci_kernel_options *options, struct arctic_error *error)
{
    uint32_t mask = or_default(options->mark_mask, ARCI_MARK_MASK_DEFAULT);
    uint32_t table = options->route_table;
    if (!arci_marks_valid_mask(mask))
        return arci_fail(error, ARCTIC_E_USAGE, "mark_mask",
                         "mark mask 0x%08x: %u to %u bits side by side are needed", mask, ARCI_MARK_BITS_MIN,
                         ARCI_MARK_BITS_MAX);
    if (table == RT_TABLE_MAIN || table == RT_TABLE_LOCAL || table == RT_TABLE_DEFAULT)
        return arci_fail(error, ARCTIC_E_USAGE, "route_table", "route table %u is one of the system's own",
                         table);
    if (options->rule_priority >= RULE_PRIORITY_MAIN)
        return arci_fail(error, ARCTIC_E_USAGE, "rule_priority",
                         "rule priority %u: one below %u is needed, the main table's", options->rule_priority,
                         RULE_PRIORITY_MAIN);
    if (options->table_mode > ARCI_TABLE_PLAIN)
        return arci_fail(error, ARCTIC_E_USAGE, "table_mode", "%d is no table mode",
                         (int)options->table_mode);
    return ARCTIC_OK;
}

static void discard(struct arci_kernel *kernel)
{
    arci_table_free(kernel->table);
    arci_rules_free(kernel->rules);
    arci_anchor_close(&kernel->anchor);
    arci_sysctls_release(&kernel->sysctls);
    free(kernel);
}

ARCI_DEFINE_CLEANUP(struct arci_kernel *, discard, discard_cleanup)

static const char *anchor_name(const struct arci_kernel_options *options)
{
    return options->anchor_name ? options->anchor_name : ARCI_KERNEL_ANCHOR_DEFAULT;
}

int arci_kernel_create(const struct arci_kernel_options *options, struct arctic_log *log,
                       struct arci_kernel **ret_kernel, struct arctic_error *error)
{
    int code = check_options(options, error);
    if (code >= 0)
        code = arci_privilege_check(error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(discard_cleanup) struct arci_kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel)
        return arci_fail_memory(error);
    kernel->log = log;
    kernel->repairs.log = log;
    kernel->marks = arci_marks_of(or_default(options->mark_mask, ARCI_MARK_MASK_DEFAULT));
    kernel->anchor.fd = -1;
    struct arci_rules_options rules = {
        .flag = kernel->marks.flag,
        .captured = arci_marks_captured(&kernel->marks, ARCI_SLOT_AGENT),
        .mask = kernel->marks.mask,
        .table = or_default(options->route_table, ARCI_KERNEL_TABLE_DEFAULT),
        .priority = or_default(options->rule_priority, ARCI_KERNEL_PRIORITY_DEFAULT),
    };
    /*
     * The anchor first: as long as another agent lives its name is taken, and nothing of that agent's is
     * touched.
     */
    code = arci_anchor_open(anchor_name(options), &kernel->anchor, error);
    if (code >= 0)
        code = arci_rules_create(&rules, &kernel->rules, error);
    if (code >= 0)
        code = arci_table_create(&kernel->marks, options->table_mode, log, &kernel->repairs, &kernel->table,
                                 error);
    if (code >= 0)
        code = arci_sysctls_begin(&kernel->sysctls, options->settings_path, log, error);
    if (code >= 0)
        *ret_kernel = arci_steal(kernel);
    return code;
}

/*
 * Each step is tried whatever became of the others; the anchor, which goes last, makes what is left
 * harmless.
 */
void arci_kernel_free(struct arci_kernel *kernel)
{
    struct arctic_error error;
    if (!kernel)
        return;
    if (arci_table_remove(kernel->table, &error) < 0)
        arci_log_warn(kernel->log, "fwmgr", "cannot remove the nft table", ARCI_ERROR(&error));
    if (arci_rules_remove(kernel->rules, &error) < 0)
        arci_log_warn(kernel->log, "netmgr", "cannot remove the ip rules", ARCI_ERROR(&error));
    arci_sysctls_restore(&kernel->sysctls, kernel->log);
    discard(kernel);
}

static int ensure_anchor(struct arci_kernel *kernel, struct arctic_error *error)
{
    if (arci_anchor_alive(&kernel->anchor))
        return ARCTIC_OK;
    arci_anchor_close(&kernel->anchor);
    kernel->rules_made = false; /* the routes went with it */
    int code = arci_anchor_open(kernel->anchor.name, &kernel->anchor, error);
    if (code >= 0)
        arci_repairs_note(&kernel->repairs, ARCI_REPAIR_ANCHOR,
                          "the anchor interface was deleted, put down or bereft of its IPv6 by someone",
                          "made anew", arci_time_monotonic());
    return code;
}

static int ensure_rules(struct arci_kernel *kernel, struct arctic_error *error)
{
    unsigned made = 0;
    int code = arci_rules_ensure(kernel->rules, kernel->anchor.index, &made, error);
    int64_t now = arci_time_monotonic();
    if (kernel->rules_made && (made & ARCI_RULES_MADE_RULE))
        arci_repairs_note(&kernel->repairs, ARCI_REPAIR_RULE,
                          "ip rules for captured packets were deleted by someone", "added again", now);
    if (kernel->rules_made && (made & ARCI_RULES_MADE_ROUTE))
        arci_repairs_note(&kernel->repairs, ARCI_REPAIR_ROUTE,
                          "local routes for captured packets were deleted by someone", "added again", now);
    if (!kernel->rules_made && made)
        arci_log_info(kernel->log, "netmgr", "interface, ip rules and routes made",
                      ARCI_TEXT("interface", kernel->anchor.name));
    kernel->rules_made = kernel->rules_made || code >= 0;
    return code;
}

int arci_kernel_apply(struct arci_kernel *kernel, const struct arci_kernel_wish *wish,
                      struct arctic_error *error)
{
    arci_sysctls_ensure(&kernel->sysctls, kernel->log, &kernel->repairs);
    int code = ensure_anchor(kernel, error);
    if (code >= 0)
        code = ensure_rules(kernel, error);
    return code < 0 ? code : arci_table_update(kernel->table, wish, error);
}

static int check_seconds(uint32_t seconds, struct arctic_error *error)
{
    if (seconds > 0 && seconds <= ARCI_REFUSE_SECONDS_MAX)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_USAGE, "seconds", "%u seconds: 1 to %u are allowed", seconds,
                     ARCI_REFUSE_SECONDS_MAX);
}

int arci_kernel_refuse(struct arci_kernel *kernel, const struct arctic_id *service,
                       const struct arctic_endpoint *destination, uint32_t seconds,
                       struct arctic_error *error)
{
    uint8_t family = destination->address.family;
    if (family != ARCTIC_FAMILY_IPV4 && family != ARCTIC_FAMILY_IPV6)
        return arci_fail(error, ARCTIC_E_USAGE, "destination", "a destination of no address family");
    int code = check_seconds(seconds, error);
    return code < 0 ? code : arci_table_refuse(kernel->table, service, destination, seconds, error);
}

int arci_kernel_refuse_ipv6(struct arci_kernel *kernel, const struct arctic_id *service, uint32_t seconds,
                            struct arctic_error *error)
{
    int code = check_seconds(seconds, error);
    return code < 0 ? code : arci_table_refuse(kernel->table, service, NULL, seconds, error);
}

int arci_kernel_counters(struct arci_kernel *kernel, struct arci_kernel_counter **ret_counters,
                         size_t *ret_count, struct arctic_error *error)
{
    return arci_table_counters(kernel->table, ret_counters, ret_count, error);
}

int arci_kernel_compare(struct arci_kernel *kernel, struct arctic_error *error)
{
    return arci_table_compare(kernel->table, error);
}

uint32_t arci_kernel_generation(const struct arci_kernel *kernel)
{
    return arci_table_generation(kernel->table);
}

uint32_t arci_kernel_bypass_mark(const struct arci_kernel *kernel)
{
    return arci_marks_bypass(&kernel->marks);
}

uint32_t arci_kernel_transparent_mark(const struct arci_kernel *kernel)
{
    return arci_marks_transparent(&kernel->marks);
}

const char *arci_kernel_anchor(const struct arci_kernel *kernel)
{
    return kernel->anchor.name;
}
