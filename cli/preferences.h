/* Preferences of the configuration file: what there is, and what it may be. */
#ifndef CLI_PREFERENCES_H
#define CLI_PREFERENCES_H

#include "cli/cli.h"

#define CLI_CACHE_TTL_DEFAULT 30 /* seconds */

/* Their names, with blanks between, for completion and messages. */
#define CLI_PREFERENCE_NAMES "output_format timeout cache_ttl color backup_retention"

/* Takes those that are set into the run. Errors: ARCTIC_E_SYSTEM, naming the file, for one that makes no sense. */
int cli_preferences_apply(struct cli *cli, struct arctic_error *error);

/* Whether there is a preference of this name. Errors: ARCTIC_E_USAGE. */
int cli_preference_check(const char *name, struct arctic_error *error);

/* What completion offers as its values, with blanks between; "" where they are numbers. */
const char *cli_preference_words(const char *name);

/* The value that a text means for a preference. Errors: ARCTIC_E_USAGE. */
int cli_preference_parse(const char *name, const char *text, json_t **ret_value, struct arctic_error *error);

/* "30", "30s", "500ms", "2m" in milliseconds. Errors: ARCTIC_E_USAGE. */
int cli_read_time(const char *text, int32_t *ret_milliseconds, struct arctic_error *error);

#endif
