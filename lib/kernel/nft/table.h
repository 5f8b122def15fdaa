/*
 * The life of the nft table: made, changed by differences, checked for changes by others, made anew where
 * those happened, removed.
 */
#ifndef ARCI_KERNEL_NFT_TABLE_H
#define ARCI_KERNEL_NFT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/address.h>
#include <arctic/log.h>

#include "base/cleanup.h"
#include "kernel/marks.h"
#include "kernel/nft/netfilter.h"
#include "kernel/repairs.h"
#include "kernel/service.h"

/* Who keeps the table. */
enum arci_table_mode {
    ARCI_TABLE_AUTO = 0, /* owner where the kernel can (5.12), else plain */
    ARCI_TABLE_OWNER =
        1, /* it belongs to this process: nobody else can change it, and it ends with the process */
    ARCI_TABLE_PLAIN =
        2, /* an ordinary table; after a crash it stays, without effect, until it is replaced */
};

enum arci_table_health {
    ARCI_TABLE_FINE = 0,
    ARCI_TABLE_NOT_APPLIED = 1,
    ARCI_TABLE_GONE = 2,
    ARCI_TABLE_CHANGED = 3, /* by someone else */
    ARCI_TABLE_FOREIGN = 4, /* someone else's under our name */
};

struct arci_table;

/*
 * Opens the sockets. `log` and `repairs` outlive the object. Errors: ARCTIC_E_ALREADY_EXISTS (a table of the name is someone
 * else's), ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_table_create(const struct arci_marks *marks, enum arci_table_mode mode, struct arctic_log *log,
                      struct arci_repairs *repairs, struct arci_table **ret_table,
                      struct arctic_error *error);

/* Closes the sockets; with them goes a table that is owned, and only such a one. */
void arci_table_free(struct arci_table *table);

ARCI_DEFINE_CLEANUP(struct arci_table *, arci_table_free, arci_table_cleanup)

/* See arci_kernel_apply(), and for the other arci_kernel_refuse(), or arci_kernel_refuse_ipv6() where `destination` is NULL. */
int arci_table_update(struct arci_table *table, const struct arci_kernel_wish *wish,
                      struct arctic_error *error);
int arci_table_refuse(struct arci_table *table, const struct arctic_id *service,
                      const struct arctic_endpoint *destination, uint32_t seconds,
                      struct arctic_error *error);

/* Removes the table from the kernel, unless it is someone else's. Errors: ARCTIC_E_SYSTEM. */
int arci_table_remove(struct arci_table *table, struct arctic_error *error);

/* Compares the kernel's table with what was applied. Errors: ARCTIC_E_SYSTEM. */
int arci_table_look(struct arci_table *table, enum arci_table_health *ret_health, struct arctic_error *error);

/*
 * Compares all contents of the table with what was applied (contents.h). What others have exchanged counts as changed until the next
 * update, which makes the table anew. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_table_compare(struct arci_table *table, struct arctic_error *error);

/*
 * Number of the ruleset's generation in which the table was last seen as it should be, 0: none. Where the present one is another,
 * somebody has committed something since. From any thread.
 */
uint32_t arci_table_generation(const struct arci_table *table);

/* Whether the table belongs to this process. */
bool arci_table_owned(const struct arci_table *table);

/* Packets that one of its own counters has counted. Errors: ARCTIC_E_SYSTEM, also where there is none of the name. */
int arci_table_packets(struct arci_table *table, const char *counter, uint64_t *ret_packets,
                       struct arctic_error *error);

/* An address, or a network's first one, that a route has as destination; false where none of the family has one. */
bool arci_table_find_destination(const struct arci_table *table, enum arctic_family family,
                                 struct arctic_address *ret_destination);

/* See arci_firewall_find_dropping(). */
bool arci_table_find_dropping(struct arci_table *table, char *text, size_t size);

/* See arci_netfilter_counters(). */
int arci_table_counters(struct arci_table *table, struct arci_kernel_counter **ret_counters,
                        size_t *ret_count, struct arctic_error *error);

#endif
