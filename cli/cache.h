/* What completion has asked agents for, in $XDG_CACHE_HOME/arctic (~/.cache/arctic), for a moment. */
#ifndef CLI_CACHE_H
#define CLI_CACHE_H

#include "cli/cli.h"

enum cli_cached {
    CLI_CACHED_NOTHING = 0,
    CLI_CACHED_STALE = 1, /* better than nothing */
    CLI_CACHED_FRESH = 2,
};

/* File for what the agents chosen answer at `path`; NULL where there is no place for it. To be freed. */
char *cli_cache_name(const struct cli *cli, const char *path);

/* Reads what is kept; *ret_list (new reference, may be empty) is set unless nothing is. */
enum cli_cached cli_cache_read(const char *name, int64_t ttl, json_t **ret_list);

/*
 * Keeps an answer for `ttl` seconds. Without one (NULL) it keeps what there was before (NULL: nothing) for the few seconds
 * in which an agent that does not answer is not asked again. Only what completion shows is written. Failures are
 * silent.
 */
void cli_cache_write(const char *name, int64_t ttl, const json_t *answer, const json_t *before);

/* Forgets everything: something has been changed. */
void cli_cache_drop(void);

#endif
