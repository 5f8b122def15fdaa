/* arci_kernel_status(): one check for each thing that capture needs. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "kernel/kernel-private.h"
#include "kernel/nft/ruleset-base.h"

#define CHECK_REPAIRS 6
#define CHECK_CLIENTS 7
#define CHECK_ARRIVAL 8
#define CHECK_WAYS 9
#define CHECK_SETTINGS 11

#define HIDDEN_MS 60000 /* how long a hidden client is spoken of */

static struct arci_kernel_check *begin(struct arci_kernel_status *status, size_t index, const char *name,
                                       bool required)
{
    struct arci_kernel_check *check = &status->checks[index];
    *check = (struct arci_kernel_check){.name = name, .required = required};
    return check;
}

static void end(struct arci_kernel_check *check, const char *wrong)
{
    check->ok = wrong == NULL;
    if (wrong)
        snprintf(check->sentence, sizeof check->sentence, "%s", wrong);
}

static const char *table_wrong(enum arci_table_health health)
{
    switch (health) {
    case ARCI_TABLE_FINE:
        return NULL;
    case ARCI_TABLE_NOT_APPLIED:
        return "the nft table inet arctic is not made yet";
    case ARCI_TABLE_GONE:
        return "the nft table inet arctic was deleted by someone; it is made anew shortly";
    case ARCI_TABLE_CHANGED:
        return "the nft table inet arctic was changed by someone; it is made anew shortly";
    case ARCI_TABLE_FOREIGN:
        break;
    }
    return "the nft table inet arctic is someone else's; find its owner with: nft list table inet arctic";
}

static void check_table(struct arci_kernel *kernel, struct arci_kernel_check *check)
{
    struct arctic_error error;
    enum arci_table_health health;
    if (arci_table_look(kernel->table, &health, &error) < 0)
        end(check, error.message);
    else
        end(check, table_wrong(health));
}

static void check_anchor(struct arci_kernel *kernel, struct arci_kernel_check *check)
{
    char sentence[128];
    snprintf(sentence, sizeof sentence,
             "interface %s is gone, down or without its IPv6; it is made anew shortly", kernel->anchor.name);
    end(check, arci_anchor_alive(&kernel->anchor) ? NULL : sentence);
}

static void check_family(struct arci_kernel *kernel, enum arctic_family family,
                         struct arci_kernel_check *rule_check, struct arci_kernel_check *route_check)
{
    struct arctic_error error;
    bool rule = true;
    bool route = true;
    if (arci_rules_family_there(family) &&
        arci_rules_look(kernel->rules, family, kernel->anchor.index, &rule, &route, &error) < 0) {
        end(rule_check, error.message);
        end(route_check, error.message);
        return;
    }
    end(rule_check, rule ? NULL : "an ip rule for marked packets was deleted; it is added again shortly");
    end(route_check,
        route ? NULL : "the local route for marked packets was deleted; it is added again shortly");
}

static void describe_way(const struct arci_kernel *kernel, enum arctic_family family, uint32_t table,
                         char *sentence, size_t size)
{
    const char *option = family == ARCTIC_FAMILY_IPV6 ? "-6 " : "";
    if (arci_rules_is_own_table(kernel->rules, table))
        snprintf(sentence, size,
                 "captured connections of IPv%d are lost: a route that is not Arctic's, in its routing "
                 "table, takes "
                 "their packets; see 'ip %sroute show table %u', and delete it or give the agent another "
                 "ROUTE_TABLE",
                 (int)family, option, table);
    else
        snprintf(sentence, size,
                 "captured connections of IPv%d are lost: an ip rule before Arctic's sends their packets by "
                 "routing "
                 "table %u; see 'ip %srule', and move it behind Arctic's or give the agent a smaller "
                 "RULE_PRIORITY",
                 (int)family, table, option);
}

/* Asked for an address that everything but a default route leaves alone (RFC 5737, RFC 3849), and for one that a service has. */
static bool is_diverted(const struct arci_kernel *kernel, enum arctic_family family, uint32_t *ret_table)
{
    static const struct arctic_address ipv4 = {.family = ARCTIC_FAMILY_IPV4, .bytes = {192, 0, 2, 1}};
    static const struct arctic_address ipv6 = {.family = ARCTIC_FAMILY_IPV6,
                                               .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    struct arctic_address destination;
    return arci_rules_diverted(kernel->rules, family == ARCTIC_FAMILY_IPV4 ? &ipv4 : &ipv6, ret_table) ||
           (arci_table_find_destination(kernel->table, family, &destination) &&
            arci_rules_diverted(kernel->rules, &destination, ret_table));
}

/* Where our own rules and route are missing, that is said. */
static void check_way(struct arci_kernel *kernel, enum arctic_family family,
                      const struct arci_kernel_check *rule, const struct arci_kernel_check *route,
                      struct arci_kernel_check *check)
{
    uint32_t table = 0;
    char sentence[sizeof check->sentence] = "";
    bool *diverted = &kernel->diverted[family == ARCTIC_FAMILY_IPV6];
    bool spoken_of = *diverted;
    *diverted =
        rule->ok && route->ok && arci_rules_family_there(family) && is_diverted(kernel, family, &table);
    if (*diverted)
        describe_way(kernel, family, table, sentence, sizeof sentence);
    end(check, *diverted ? sentence : NULL);
    if (*diverted && !spoken_of)
        arci_log_warn(kernel->log, "netmgr", sentence);
}

static void check_setting(size_t index, struct arci_kernel_check *check)
{
    char sentence[sizeof check->sentence];
    end(check, arci_sysctl_check(index, sentence, sizeof sentence) ? NULL : sentence);
}

/* A fight is an operator's to end: the sentence stays also while all is repaired. */
static void check_repairs(const struct arci_repairs *repairs, int64_t now, struct arci_kernel_check *check)
{
    char sentence[sizeof check->sentence];
    end(check, arci_repairs_fight(repairs, now, sentence, sizeof sentence) ? sentence : NULL);
}

/* What others' rules do to the exit's connections shows only once there are some. */
static void check_clients(struct arci_kernel *kernel, int64_t now, struct arci_kernel_check *check)
{
    char sentence[sizeof check->sentence];
    uint64_t packets = 0;
    bool spoken_of = kernel->hidden_at != 0 && now - kernel->hidden_at < HIDDEN_MS;
    bool risen = arci_table_packets(kernel->table, ARCI_HIDDEN_COUNTER, &packets, NULL) >= 0 &&
                 packets > kernel->hidden_packets;
    kernel->hidden_packets = packets;
    kernel->hidden_at = risen ? now : kernel->hidden_at;
    snprintf(sentence, sizeof sentence,
             "source NAT of this host hides the clients of fully transparent services: let it leave out what "
             "bears their "
             "mark, as by: nft insert rule FAMILY TABLE CHAIN meta mark and 0x%08x == 0x%08x accept",
             kernel->marks.mask, arci_marks_transparent(&kernel->marks));
    end(check, risen || spoken_of ? sentence : NULL);
    if (risen && !spoken_of)
        arci_log_warn(kernel->log, "fwmgr", sentence);
}

/* A firewall that knows only what passes through the host drops what is captured there, without a word to anybody. */
static void check_arrival(struct arci_kernel *kernel, int64_t now, struct arci_kernel_check *check)
{
    char chain[160] = "a chain at the input hook, or a reverse path check,";
    char sentence[sizeof check->sentence];
    uint64_t captured = 0;
    uint64_t arrived = 0;
    bool spoken_of = kernel->arrival.missed_at != 0;
    if (arci_table_packets(kernel->table, ARCI_CAPTURED_COUNTER, &captured, NULL) < 0 ||
        arci_table_packets(kernel->table, ARCI_ARRIVED_COUNTER, &arrived, NULL) < 0 ||
        !arci_arrival_note(&kernel->arrival, captured, arrived, now)) {
        end(check, NULL);
        return;
    }
    if (kernel->diverted[0] || kernel->diverted[1]) { /* which is why */
        kernel->arrival.missing = 0;
        kernel->arrival.missed_at = 0;
        end(check, NULL);
        return;
    }
    (void)arci_table_find_dropping(kernel->table, chain, sizeof chain);
    snprintf(
        sentence, sizeof sentence,
        "captured connections do not arrive at the agent: %s drops them; let in what is captured, as by: "
        "nft insert rule FAMILY TABLE CHAIN meta mark and 0x%08x != 0 accept",
        chain, kernel->marks.flag);
    end(check, sentence);
    if (!spoken_of)
        arci_log_warn(kernel->log, "fwmgr", sentence);
}

/* As what a repair of the check is counted. */
static enum arci_repair repair_of(size_t check)
{
    static const enum arci_repair repairs[] = {ARCI_REPAIR_TABLE, ARCI_REPAIR_ANCHOR, ARCI_REPAIR_RULE,
                                               ARCI_REPAIR_ROUTE, ARCI_REPAIR_RULE,   ARCI_REPAIR_ROUTE};
    return check < sizeof repairs / sizeof *repairs ? repairs[check] : ARCI_REPAIR_SETTING;
}

static void set_wait(const struct arci_kernel *kernel, size_t index, int64_t now,
                     struct arci_kernel_check *check)
{
    check->repairable =
        index < CHECK_REPAIRS || (index >= CHECK_SETTINGS && arci_sysctl_is_set(index - CHECK_SETTINGS));
    if (!check->ok && check->repairable)
        check->wait_ms = arci_repairs_wait(&kernel->repairs, repair_of(index), now);
}

void arci_kernel_status(struct arci_kernel *kernel, struct arci_kernel_status *ret_status)
{
    struct arci_kernel_status status = {.owner = arci_table_owned(kernel->table), .ready = true};
    int64_t now = arci_time_monotonic();
    check_table(kernel, begin(&status, 0, "table", true));
    check_anchor(kernel, begin(&status, 1, "anchor", true));
    check_family(kernel, ARCTIC_FAMILY_IPV4, begin(&status, 2, "rule4", true),
                 begin(&status, 3, "route4", true));
    check_family(kernel, ARCTIC_FAMILY_IPV6, begin(&status, 4, "rule6", true),
                 begin(&status, 5, "route6", true));
    check_repairs(&kernel->repairs, now, begin(&status, CHECK_REPAIRS, "repairs", false));
    check_clients(kernel, now, begin(&status, CHECK_CLIENTS, "clients", false));
    check_way(kernel, ARCTIC_FAMILY_IPV4, &status.checks[2], &status.checks[3],
              begin(&status, CHECK_WAYS, "way4", false));
    check_way(kernel, ARCTIC_FAMILY_IPV6, &status.checks[4], &status.checks[5],
              begin(&status, CHECK_WAYS + 1, "way6", false));
    check_arrival(kernel, now, begin(&status, CHECK_ARRIVAL, "arrival", false));
    for (size_t i = 0; i < ARCI_SYSCTL_COUNT; i++)
        check_setting(i, begin(&status, CHECK_SETTINGS + i, arci_sysctl_name(i), false));
    for (size_t i = 0; i < ARCI_KERNEL_CHECKS; i++) {
        status.ready = status.ready && (status.checks[i].ok || !status.checks[i].required);
        set_wait(kernel, i, now, &status.checks[i]);
    }
    for (size_t i = 0; i < ARCI_REPAIR_KINDS; i++)
        status.repairs[i] = kernel->repairs.items[i].count;
    *ret_status = status;
}

void arci_kernel_status_add(struct arci_kernel_status *status, const struct arci_repairs *repairs)
{
    for (size_t i = 0; i < ARCI_REPAIR_KINDS; i++)
        status->repairs[i] += repairs->items[i].count;
    if (status->checks[CHECK_REPAIRS].ok)
        check_repairs(repairs, arci_time_monotonic(), &status->checks[CHECK_REPAIRS]);
}
