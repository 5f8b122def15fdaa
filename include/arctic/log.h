/*
 * Logging: libarctic prints nothing; it hands each event to one callback of the program that embeds it.
 *
 * Subsystems are "api", "auth", "gossip", "netmgr" (links, addresses), "fwmgr" (nft, rules, routes), "tproxymgr" (data
 * plane), "iptunmgr", "store" and "license".
 */
#ifndef ARCTIC_LOG_H
#define ARCTIC_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/api.h>
#include <arctic/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum arctic_log_level {
    ARCTIC_LOG_DEBUG = 0,
    ARCTIC_LOG_INFO = 1,
    ARCTIC_LOG_WARN = 2,
    ARCTIC_LOG_ERROR = 3,
};

enum arctic_log_format {
    ARCTIC_LOG_JSON = 0, /* one JSON object a line */
    ARCTIC_LOG_TEXT = 1, /* for people: time LEVEL subsystem: message key=value ... */
};

struct arctic_log;

/*
 * Receives one event as a finished line without its newline. `line` is valid during the call only. It is called from any
 * thread of the library, possibly from several at once, and must not block for long or call into the log again.
 */
typedef void (*arctic_log_callback)(void *user, int32_t level, const char *line, size_t length);

/*
 * Makes a logger. Events below `level` are dropped before they are formatted. `callback` may be NULL (all is dropped).
 * On success *ret_log is the caller's, to be ended with arctic_log_free() after everything that was given it has ended.
 * Errors: ARCTIC_E_USAGE for an unknown level or format, ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_log_create(int32_t level, int32_t format, arctic_log_callback callback, void *user,
                                 struct arctic_log **ret_log, struct arctic_error *error);

/* Ends a logger. NULL is allowed. */
ARCTIC_API void arctic_log_free(struct arctic_log *log);

/* Level of a name: "debug", "info", "warn", "error". Errors: ARCTIC_E_USAGE. Any thread. */
ARCTIC_API int arctic_log_level_parse(const char *name, int32_t *ret_level, struct arctic_error *error);

/* Format of a name: "json", "text". Errors: ARCTIC_E_USAGE. Any thread. */
ARCTIC_API int arctic_log_format_parse(const char *name, int32_t *ret_format, struct arctic_error *error);

#ifdef __cplusplus
}
#endif

#endif
