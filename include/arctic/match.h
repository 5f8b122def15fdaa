/*
 * The route table: which route takes a flow, and why.
 *
 * A flow is matched on ingress interface, source and destination. Among the routes that match, the winner is
 * the first by this order: (1) class: arrived on the service's own interface > source and destination >
 * source only > destination only; (2) longer source prefix, then longer destination prefix; (3) lower
 * priority value; (4) lower service id, then lower route id. The result never depends on the order of
 * insertion.
 *
 * Within the interface class an absent CIDR ranks after any present one, 0.0.0.0/0 and ::/0 included. A
 * service with an interface and no routes takes all that arrives on that interface; such a match has route id
 * 0.
 *
 * Thread rule: a table is changed by one thread at a time, and matched by any number of threads while nobody
 * changes it.
 */
#ifndef ARCTIC_MATCH_H
#define ARCTIC_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/api.h>
#include <arctic/error.h>
#include <arctic/id.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARCTIC_INTERFACE_NAME 16 /* with the terminating NUL, as in the kernel's IFNAMSIZ */

struct arctic_route_table;

/* The rule by which a candidate lost to the winner, or failed to match at all. Numbers are part of the ABI.
 */
enum arctic_match_reason {
    ARCTIC_MATCH_WINNER = 0,
    ARCTIC_MATCH_OTHER_FAMILY = 1,    /* its CIDRs are of the other address family */
    ARCTIC_MATCH_SOURCE_MISMATCH = 2, /* its source CIDR does not cover the source */
    ARCTIC_MATCH_DEST_MISMATCH = 3,   /* its destination CIDR does not cover the destination */
    ARCTIC_MATCH_OTHER_INTERFACE = 4, /* takes all from its own interface, and the flow came from elsewhere */
    ARCTIC_MATCH_LOWER_CLASS = 5,     /* matches, but in a less specific class */
    ARCTIC_MATCH_SHORTER_SOURCE = 6,  /* same class, shorter source prefix */
    ARCTIC_MATCH_SHORTER_DEST = 7,    /* same source length, shorter destination prefix */
    ARCTIC_MATCH_HIGHER_PRIORITY = 8, /* same lengths, higher priority value */
    ARCTIC_MATCH_LATER_SERVICE = 9,   /* all the same, higher service id */
    ARCTIC_MATCH_LATER_ROUTE = 10,    /* same service, higher route id */
};

enum arctic_match_class {
    ARCTIC_CLASS_INTERFACE = 0,
    ARCTIC_CLASS_SOURCE_DEST = 1,
    ARCTIC_CLASS_SOURCE = 2,
    ARCTIC_CLASS_DEST = 3,
};

struct arctic_flow {
    struct arctic_address source;
    struct arctic_address destination;     /* of the same family as the source */
    char interface[ARCTIC_INTERFACE_NAME]; /* where it arrived, "" for traffic made on the host */
};

struct arctic_match {
    struct arctic_id service_id;
    uint64_t route_id;              /* 0: the service's interface took it without a route */
    struct arctic_cidr source;      /* of the route; family NONE when absent */
    struct arctic_cidr destination; /* of the route; family NONE when absent */
    int32_t priority;               /* of the route; 0 without one */
    int32_t match_class;            /* enum arctic_match_class as the flow sees it */
    int32_t reason;                 /* enum arctic_match_reason */
};

/* Makes an empty table, to be ended with arctic_route_table_free(). Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_SYSTEM. */
ARCTIC_API int arctic_route_table_create(struct arctic_route_table **ret_table, struct arctic_error *error);

/* Ends a table. NULL is allowed. */
ARCTIC_API void arctic_route_table_free(struct arctic_route_table *table);

/*
 * Adds a service. `interface` is the name of its own interface, NULL or "" for none.
 * Errors, which leave the table as it was, here and in all that follow: ARCTIC_E_ALREADY_EXISTS (id or interface),
 * ARCTIC_E_USAGE (bad id, name too long), ARCTIC_E_NO_MEMORY, ARCTIC_E_LIMIT.
 */
ARCTIC_API int arctic_route_table_add_service(struct arctic_route_table *table,
                                              const struct arctic_id *service_id, const char *interface,
                                              struct arctic_error *error);

/* Removes a service with all its routes. Errors: ARCTIC_E_NOT_FOUND. */
ARCTIC_API int arctic_route_table_remove_service(struct arctic_route_table *table,
                                                 const struct arctic_id *service_id,
                                                 struct arctic_error *error);

/*
 * Adds a route to a service that the table has. `source` and `destination` may be NULL or of family NONE, not
 * both; both are of one family and without host bits. `route_id` is 1 or more, `priority` 1 or more. Errors:
 * ARCTIC_E_NOT_FOUND (service), ARCTIC_E_ALREADY_EXISTS (route id in this service), ARCTIC_E_USAGE,
 * ARCTIC_E_NO_MEMORY, ARCTIC_E_LIMIT.
 */
ARCTIC_API int arctic_route_table_add_route(struct arctic_route_table *table,
                                            const struct arctic_id *service_id, uint64_t route_id,
                                            const struct arctic_cidr *source,
                                            const struct arctic_cidr *destination, int32_t priority,
                                            struct arctic_error *error);

/* Removes a route. Errors: ARCTIC_E_NOT_FOUND. */
ARCTIC_API int arctic_route_table_remove_route(struct arctic_route_table *table,
                                               const struct arctic_id *service_id, uint64_t route_id,
                                               struct arctic_error *error);

/* Routes in the table. */
ARCTIC_API size_t arctic_route_table_count(const struct arctic_route_table *table);

/*
 * Finds the winner for a flow. Does not allocate. Errors: ARCTIC_E_NOT_FOUND when no route matches (an
 * expected outcome: *error is not filled for it), ARCTIC_E_USAGE for addresses of different families.
 */
ARCTIC_API int arctic_route_table_match(const struct arctic_route_table *table,
                                        const struct arctic_flow *flow, struct arctic_match *ret_match,
                                        struct arctic_error *error);

/*
 * Finds the winners for many flows, in large tables several times as fast as one after the other. ret_matches[i] is the winner for
 * flows[i], all zero where no route matches; *ret_matched counts the others. Does not allocate. Errors: ARCTIC_E_USAGE for a flow whose
 * addresses are of different families, before any is looked up; the message begins with which one, such as "flows[3]: ".
 */
ARCTIC_API int arctic_route_table_match_many(const struct arctic_route_table *table,
                                             const struct arctic_flow *flows, size_t count,
                                             struct arctic_match *ret_matches, size_t *ret_matched,
                                             struct arctic_error *error);

/*
 * Lists every route (and every interface that takes all) with the rule that decided: the winner first, if
 * there is one, then those that matched, in their order of rank, then the rest. Losers that match carry the
 * first rule by which they rank behind the winner. On success *ret_matches is an array of *ret_count rows, to
 * be freed with arctic_match_free(). Takes time in the number of routes. Errors: ARCTIC_E_USAGE,
 * ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_route_table_explain(const struct arctic_route_table *table,
                                          const struct arctic_flow *flow, struct arctic_match **ret_matches,
                                          size_t *ret_count, struct arctic_error *error);

/* Frees what arctic_route_table_explain() gave. NULL is allowed. */
ARCTIC_API void arctic_match_free(struct arctic_match *matches);

/* One sentence fragment for a reason, such as "shorter source prefix". Static text; never NULL. */
ARCTIC_API const char *arctic_match_reason_text(int32_t reason);

#ifdef __cplusplus
}
#endif

#endif
