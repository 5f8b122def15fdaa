/*
 * Compose files: what peers and services a cluster is to have, as YAML. A file is loaded and checked, laid out, compared with a
 * cluster (a plan), and carried out (applied).
 *
 * Functions block while an agent is asked. A document, and a plan of it, is used by one thread at a time; different documents are
 * independent.
 */
#ifndef ARCTIC_COMPOSE_H
#define ARCTIC_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/api.h>
#include <arctic/client.h>
#include <arctic/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARCTIC_COMPOSE_TEXT_MAX (16 * 1024 * 1024) /* bytes of a file */

/* --- Documents --- */

struct arctic_compose;

/* One thing that is wrong with a document. Set `size` to sizeof before the call that fills it. */
struct arctic_compose_fault {
    size_t size;
    uint64_t line;       /* from 1 */
    uint64_t column;     /* from 1, in characters */
    const char *message; /* one sentence; valid as long as the document */
};

/* A peer that a document names. Set `size` to sizeof before the call that fills it. Texts are valid as long as the document. */
struct arctic_compose_peer {
    size_t size;
    const char *name;
    const char *address; /* "host:port" of its API */
};

/*
 * Reads a text of `length` bytes, at most ARCTIC_COMPOSE_TEXT_MAX. A text with faults is loaded too, to tell them: see
 * arctic_compose_fault_count(). Errors: ARCTIC_E_USAGE (a NULL), ARCTIC_E_LIMIT (too long), ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_compose_load(const char *text, size_t length, struct arctic_compose **ret_compose,
                                   struct arctic_error *error);

/* Ends a document; plans of it have to be ended before. NULL is allowed. */
ARCTIC_API void arctic_compose_free(struct arctic_compose *compose);

/* How many faults it has, at most 10,000 of them; 0: it is valid. They are in the order of the text. */
ARCTIC_API size_t arctic_compose_fault_count(const struct arctic_compose *compose);

/* Errors: ARCTIC_E_USAGE (a NULL, a struct of the wrong size), ARCTIC_E_NOT_FOUND (no such fault). */
ARCTIC_API int arctic_compose_fault(const struct arctic_compose *compose, size_t index,
                                    struct arctic_compose_fault *ret_fault, struct arctic_error *error);

/*
 * Whether the text is YAML as compose files use it, so that it can be laid out though it may not be valid: 1 or 0.
 */
ARCTIC_API int32_t arctic_compose_is_readable(const struct arctic_compose *compose);

/*
 * The same document in the one layout that compose files have: the same data, all comments in their order. What has this layout is
 * given back unchanged. *ret_text goes to arctic_compose_free_text(). Errors: ARCTIC_E_USAGE, ARCTIC_E_INVALID_REQUEST (the text is not
 * readable: see the faults), ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_compose_format(const struct arctic_compose *compose, char **ret_text,
                                     struct arctic_error *error);

/* The path of the licence file as the document has it, most likely relative to the document; NULL where it names none. */
ARCTIC_API const char *arctic_compose_license(const struct arctic_compose *compose);

/* How many peers a document names. */
ARCTIC_API size_t arctic_compose_peer_count(const struct arctic_compose *compose);

/* Errors: ARCTIC_E_USAGE (a NULL, a struct of the wrong size), ARCTIC_E_NOT_FOUND (no such peer). */
ARCTIC_API int arctic_compose_peer(const struct arctic_compose *compose, size_t index,
                                   struct arctic_compose_peer *ret_peer, struct arctic_error *error);

/* A document to begin with, with comments that explain it; valid, and laid out. Static text; any thread. */
ARCTIC_API const char *arctic_compose_template(void);

/*
 * Writes a cluster as a document, laid out; applied to the same cluster it changes nothing. What a document cannot say (a service
 * that takes no traffic) is named in a comment. *ret_text goes to arctic_compose_free_text(). Errors: as arctic_client_request(), and
 * ARCTIC_E_ALREADY_EXISTS (two peers have one name).
 */
ARCTIC_API int arctic_compose_export(struct arctic_client *client, char **ret_text,
                                     struct arctic_error *error);

/* --- Plans --- */

struct arctic_compose_plan;

/* Zero-initialise, set `size` to sizeof, then the members. */
struct arctic_compose_plan_options {
    size_t size;
    struct arctic_client *
        client; /* an agent of the cluster; NULL where no credentials for any are at hand. Stays the caller's, and
                                     has to outlive the plan */
    int32_t prune;      /* not 0: services that the document does not have are deleted */
    int32_t timeout_ms; /* for one request to an agent that has no credentials yet; 0: 30000 */
};

/*
 * Compares a valid document with the cluster: peers are matched by name, address or identity, services by name. Agents that the
 * cluster does not know are asked who they are. Nothing is changed. Errors: ARCTIC_E_USAGE, ARCTIC_E_INVALID_REQUEST (the document has
 * faults), ARCTIC_E_UNAUTHORIZED (the peers are bootstrapped and there are no credentials), and those of arctic_client_request().
 */
ARCTIC_API int arctic_compose_plan_create(const struct arctic_compose *compose,
                                          const struct arctic_compose_plan_options *options,
                                          struct arctic_compose_plan **ret_plan, struct arctic_error *error);

/* Ends a plan. NULL is allowed. */
ARCTIC_API void arctic_compose_plan_free(struct arctic_compose_plan *plan);

/* How many steps it takes; 0: the cluster is as the document says. */
ARCTIC_API size_t arctic_compose_plan_count(const struct arctic_compose_plan *plan);

/* How many peers are to be bootstrapped, for which apply needs a licence. */
ARCTIC_API size_t arctic_compose_plan_bootstraps(const struct arctic_compose_plan *plan);

/*
 * The plan as JSON: {"steps": [{"action", "kind", "name", ...}], "kept": [names], "summary": {action: number}}; docs/compose.md has all
 * members. *ret_json goes to arctic_compose_free_text(). Errors: ARCTIC_E_USAGE, ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_compose_plan_json(const struct arctic_compose_plan *plan, char **ret_json,
                                        struct arctic_error *error);

enum arctic_compose_state {
    ARCTIC_COMPOSE_WAITING = 0,
    ARCTIC_COMPOSE_RUNNING = 1,
    ARCTIC_COMPOSE_DONE = 2,
    ARCTIC_COMPOSE_FAILED = 3,
};

/* What is told of a step. `size` is the library's. */
struct arctic_compose_progress {
    size_t size;
    size_t step;        /* from 0 */
    size_t count;       /* of steps */
    int32_t state;      /* enum arctic_compose_state */
    const char *action; /* "bootstrap", "add", "create", "update", "replace", "delete" */
    const char *kind;   /* "peer" or "service" */
    const char *name;
    const char *message; /* what went wrong, "" else */
};

/* A peer that was bootstrapped. `size` is the library's. */
struct arctic_compose_bootstrap {
    size_t size;
    const char *name;
    const char *endpoint; /* "http://host:port" */
    const char
        *answer; /* what POST /v1/bootstrap answered: the client secret is in it, and is told only once */
};

/* Zero-initialise, set `size` to sizeof, then the members. */
struct arctic_compose_apply_options {
    size_t size;
    const char *license; /* text of a licence file, for peers that are to be bootstrapped; NULL for none */
    /* Called once a peer was bootstrapped, to save what it gives; not 0 ends the run. From the thread that applies. NULL for none. */
    int32_t (*bootstrapped)(void *user, const struct arctic_compose_bootstrap *bootstrap);
    /* Called as steps begin and end, from any thread, but never twice at once. NULL for none. */
    void (*progress)(void *user, const struct arctic_compose_progress *progress);
    void *user;
    uint32_t connections; /* over which services are changed at once, 1..64; 0: 32 */
};

/*
 * Carries a plan out: peers one after the other, then services side by side, deletions first. Stops at the first step that fails;
 * what was begun beside it is ended. A plan is applied once; another one, made afterwards, has what is left. Errors: ARCTIC_E_USAGE,
 * ARCTIC_E_MISSING_FIELD (there is no licence to bootstrap with), ARCTIC_E_CANCELLED (`bootstrapped` said so), and those of
 * arctic_client_request(), where the message begins with the step that failed.
 */
ARCTIC_API int arctic_compose_apply(struct arctic_compose_plan *plan,
                                    const struct arctic_compose_apply_options *options,
                                    struct arctic_error *error);

/* State of a step (enum arctic_compose_state); -1 for no such step. */
ARCTIC_API int32_t arctic_compose_plan_state(const struct arctic_compose_plan *plan, size_t step);

/* Frees what the functions above gave. NULL is allowed. Any thread. */
ARCTIC_API void arctic_compose_free_text(char *text);

#ifdef __cplusplus
}
#endif

#endif
