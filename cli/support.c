/* Errors, numbers and near misses. */
#include "cli/support.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <arctic/client.h>

void cli_secret_cleanup(char **text)
{
    arctic_client_free_text(*text);
}

static void fill(struct arctic_error *error, int code, const char *format, va_list arguments)
{
    error->code = code;
    error->field[0] = '\0';
    vsnprintf(error->message, sizeof error->message, format, arguments);
}

int cli_fail(struct arctic_error *error, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, format, arguments);
    va_end(arguments);
    return code;
}

int cli_fail_errno(struct arctic_error *error, const char *format, ...)
{
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    fill(error, ARCTIC_E_SYSTEM, format, arguments);
    va_end(arguments);
    size_t used = strlen(error->message);
    snprintf(error->message + used, sizeof error->message - used, ": %s", strerror(saved));
    return ARCTIC_E_SYSTEM;
}

int cli_fail_memory(struct arctic_error *error)
{
    return cli_fail(error, ARCTIC_E_NO_MEMORY, "out of memory");
}

char *cli_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

bool cli_read_number(const char *text, int64_t highest, int64_t *ret_number)
{
    int64_t number = 0;
    if (!*text || strlen(text) > 18)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        number = number * 10 + (*text - '0');
    }
    if (number > highest)
        return false;
    *ret_number = number;
    return true;
}

const char *cli_json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

#define WORD_MAX 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters added, left out, replaced or swapped with their neighbour; words beyond WORD_MAX are far from all. */
static size_t distance(const char *a, const char *b)
{
    size_t length_a = strlen(a);
    size_t length_b = strlen(b);
    size_t cost[WORD_MAX + 1][WORD_MAX + 1];
    if (length_a > WORD_MAX || length_b > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= length_b; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        cost[i][0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            size_t replaced = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = least(replaced, least(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[length_a][length_b];
}

/* The one candidate that goes on where a word ends: "target-peer" for "target". */
static const char *continuation(const char *word, const char *(*word_at)(const void *context, size_t index),
                                size_t count, const void *context)
{
    const char *found = NULL;
    size_t length = strlen(word);
    for (size_t i = 0; i < count && length >= 3; i++) {
        const char *candidate = word_at(context, i);
        if (strncmp(candidate, word, length) != 0 || (found && strcmp(found, candidate) == 0))
            continue;
        if (found)
            return NULL;
        found = candidate;
    }
    return found;
}

const char *cli_suggest(const char *word, const char *(*word_at)(const void *context, size_t index),
                        size_t count, const void *context)
{
    const char *best = NULL;
    size_t nearest = strlen(word) <= 4 ? 2 : 3;
    for (size_t i = 0; i < count; i++) {
        const char *candidate = word_at(context, i);
        size_t apart = distance(word, candidate);
        if (apart < nearest && apart < strlen(candidate)) {
            nearest = apart;
            best = candidate;
        }
    }
    return best ? best : continuation(word, word_at, count, context);
}
