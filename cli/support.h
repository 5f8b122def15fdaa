/* What every file of the command line uses: cleanup of variables, errors, small texts. */
#ifndef CLI_SUPPORT_H
#define CLI_SUPPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arctic/error.h>

#define CLI_CLEANUP(function) __attribute__((cleanup(function)))

static inline void cli_free_cleanup(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cli_fd_cleanup(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cli_file_cleanup(FILE **file)
{
    if (*file)
        fclose(*file);
}

static inline void cli_json_cleanup(json_t **value)
{
    json_decref(*value);
}

void cli_secret_cleanup(char **text);

#define CLI_FREE CLI_CLEANUP(cli_free_cleanup)
#define CLI_CLOSE CLI_CLEANUP(cli_fd_cleanup)
#define CLI_FILE CLI_CLEANUP(cli_file_cleanup) FILE
#define CLI_JSON CLI_CLEANUP(cli_json_cleanup) json_t
/* Wiped and freed: text of the library or of our own that holds a secret. */
#define CLI_SECRET CLI_CLEANUP(cli_secret_cleanup) char

/* Takes the value of a pointer variable and leaves NULL behind. */
#define cli_steal(variable)                                                                                  \
    __extension__({                                                                                          \
        __typeof__(variable) *cli_source_ = &(variable);                                                     \
        __typeof__(variable) cli_value_ = *cli_source_;                                                      \
        *cli_source_ = NULL;                                                                                 \
        cli_value_;                                                                                          \
    })

/* Fills *error and returns `code`. */
int cli_fail(struct arctic_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ARCTIC_E_USAGE: what was typed is wrong. */
#define cli_fail_usage(error, ...) cli_fail((error), ARCTIC_E_USAGE, __VA_ARGS__)

/* ARCTIC_E_SYSTEM with strerror(errno). */
int cli_fail_errno(struct arctic_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_fail_memory(struct arctic_error *error);

/* printf into memory; NULL when it runs out. */
char *cli_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Decimal number without sign, all of the text, at most `highest`. */
bool cli_read_number(const char *text, int64_t highest, int64_t *ret_number);

/* Text member of an object, "" where it is absent or no text. */
const char *cli_json_text(const json_t *object, const char *name);

/*
 * The nearest of `count` words within a typing error or two of `word`; NULL where none is. `word_at` gives the
 * words.
 */
const char *cli_suggest(const char *word, const char *(*word_at)(const void *context, size_t index),
                        size_t count, const void *context);

#endif
