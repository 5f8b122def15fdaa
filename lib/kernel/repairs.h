/*
 * What others have changed of the kernel's state and was put right again: counted, said once in the log, and not done ever again at
 * once where another program keeps changing the same thing.
 *
 * The first ARCI_REPAIRS_AT_ONCE repairs of a kind follow at once. Each further one, as long as less than ARCI_REPAIRS_QUIET_MS pass
 * between them, is to wait for 1 s, 2 s, 4 s ... ARCI_REPAIRS_WAIT_MAX_MS after the one before it.
 *
 * Pure, but for the log. Times are monotonic milliseconds. Thread rule: that of the object that holds it (kernel.h).
 */
#ifndef ARCI_KERNEL_REPAIRS_H
#define ARCI_KERNEL_REPAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/log.h>

#define ARCI_REPAIRS_AT_ONCE 5u
#define ARCI_REPAIRS_WAIT_MAX_MS 30000
#define ARCI_REPAIRS_QUIET_MS 90000

enum arci_repair {
    ARCI_REPAIR_TABLE = 0,
    ARCI_REPAIR_ANCHOR = 1,
    ARCI_REPAIR_RULE = 2,
    ARCI_REPAIR_ROUTE = 3,
    ARCI_REPAIR_SETTING = 4,
    ARCI_REPAIR_INTERFACE = 5,
    ARCI_REPAIR_ADDRESS = 6,
};
#define ARCI_REPAIR_KINDS 7

/* Of one kind. */
struct arci_repair_record {
    uint64_t count;
    uint32_t in_a_row;
    int64_t repaired_at; /* 0: never */
    int64_t next_at;     /* when the next repair may be made */
};

/* Zero-initialised but for the log, nothing was repaired yet. */
struct arci_repairs {
    struct arctic_log *log;
    struct arci_repair_record items[ARCI_REPAIR_KINDS];
};

/* "table", "anchor", "rule", "route", "setting", "interface" or "address". Static. */
const char *arci_repair_name(enum arci_repair what);

/*
 * Notes that something was repaired: `found` says what somebody did, `done` what was done about it, such as "the nft table inet arctic
 * was deleted by someone" and "made anew".
 */
void arci_repairs_note(struct arci_repairs *repairs, enum arci_repair what, const char *found,
                       const char *done, int64_t now);

/* For how many milliseconds a repair of this kind is to wait; 0: it may be made at once. */
int64_t arci_repairs_wait(const struct arci_repairs *repairs, enum arci_repair what, int64_t now);

/*
 * Whether another program keeps changing what the agent needs; writes a sentence that names it, for an operator. Of several kinds
 * the one that was repaired last is named.
 */
bool arci_repairs_fight(const struct arci_repairs *repairs, int64_t now, char *sentence, size_t size);

#endif
