/* The target of an HTTP request ("/v1/services/x?y=z"), split and decoded. No I/O: bytes in, pointers into a
 * copy out. */
#ifndef ARCI_REST_TARGET_H
#define ARCI_REST_TARGET_H

#include "rest/pairs.h"

#define ARCI_TARGET_MAX 4096 /* bytes of a target */
#define ARCI_TARGET_SEGMENTS 12

struct arci_target {
    char *memory;                               /* what the pointers below point into */
    const char *path;                           /* as it came, without the query: for logs */
    const char *raw_query;                      /* as it came, behind the '?'; NULL for none */
    const char *segments[ARCI_TARGET_SEGMENTS]; /* decoded; "/a/" has "a" and "" */
    size_t segment_count;
    struct arci_pairs query;
};

/* A zero-initialised target may be released. */
void arci_target_release(struct arci_target *target);

/*
 * Parses a request target in origin form or absolute form (RFC 9112 section 3.2). On failure *ret_target
 * still holds a `path` for the log where memory allowed, and is to be released all the same. Errors:
 * ARCTIC_E_INVALID_REQUEST, ARCTIC_E_NO_MEMORY.
 */
int arci_target_parse(const char *text, struct arci_target *ret_target, struct arctic_error *error);

#endif
