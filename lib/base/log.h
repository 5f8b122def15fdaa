/*
 * Writing log events. The text of an event is constant; what varies goes into fields, so that a log can be
 * searched:
 *
 *     arci_log_warn(log, "api", "cannot bind", ARCI_TEXT("address", text), ARCI_INT("port", port));
 */
#ifndef ARCI_BASE_LOG_H
#define ARCI_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/log.h>

struct arci_log_field {
    const char *name; /* NULL ends a list of fields */
    const char *text; /* NULL: the number is the value */
    int64_t number;
};

#define ARCI_TEXT(name_, text_)                                                                              \
    (struct arci_log_field)                                                                                  \
    {                                                                                                        \
        .name = (name_), .text = (text_)                                                                     \
    }
#define ARCI_INT(name_, number_)                                                                             \
    (struct arci_log_field)                                                                                  \
    {                                                                                                        \
        .name = (name_), .number = (int64_t)(number_)                                                        \
    }
/* Code and message of a struct arctic_error. */
#define ARCI_ERROR(error_)                                                                                   \
    ARCI_TEXT("code", arctic_code_name((error_)->code)), ARCI_TEXT("error", (error_)->message)

/* Whether an event of this level would be written, for callers whose fields are costly to make. NULL logs
 * nothing. */
bool arci_log_enabled(const struct arctic_log *log, int32_t level);

/* Writes one event; `fields` ends with a row whose name is NULL. Any thread. A NULL log drops it. */
void arci_log_write(struct arctic_log *log, int32_t level, const char *subsystem, const char *message,
                    const struct arci_log_field *fields);

/* Keeps an event that outsiders can cause from filling the log: once a second. Zero at first. */
struct arci_log_limit {
    int64_t logged_at; /* monotonic milliseconds; 0: never */
    int64_t suppressed;
};

/* Whether an event may be logged now (monotonic milliseconds); *ret_suppressed is the number of those before it that were not. */
bool arci_log_allowed(struct arci_log_limit *limit, int64_t now, int64_t *ret_suppressed);

#define arci_log_at(log, level, subsystem, message, ...)                                                     \
    arci_log_write((log), (level), (subsystem), (message),                                                   \
                   (const struct arci_log_field[]){__VA_ARGS__ __VA_OPT__(, ){.name = NULL}})

#define arci_log_debug(log, subsystem, message, ...)                                                         \
    arci_log_at(log, ARCTIC_LOG_DEBUG, subsystem, message __VA_OPT__(, ) __VA_ARGS__)
#define arci_log_info(log, subsystem, message, ...)                                                          \
    arci_log_at(log, ARCTIC_LOG_INFO, subsystem, message __VA_OPT__(, ) __VA_ARGS__)
#define arci_log_warn(log, subsystem, message, ...)                                                          \
    arci_log_at(log, ARCTIC_LOG_WARN, subsystem, message __VA_OPT__(, ) __VA_ARGS__)
#define arci_log_error(log, subsystem, message, ...)                                                         \
    arci_log_at(log, ARCTIC_LOG_ERROR, subsystem, message __VA_OPT__(, ) __VA_ARGS__)

#endif
