/* One row for each preference: how it is read, and what it does to a run. */
#include "cli/preferences.h"

#include <string.h>

#define CACHE_TTL_MAX 86400
#define COPIES_MAX 100

int cli_read_time(const char *text, int32_t *ret_milliseconds, struct arctic_error *error)
{
    static const struct {
        const char *suffix;
        int64_t factor;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"", 1000}};
    char digits[16];
    size_t length = strspn(text, "0123456789");
    int64_t number = 0;
    snprintf(digits, sizeof digits, "%.*s", (int)(length < sizeof digits ? length : 0), text);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + length, units[i].suffix) != 0)
            continue;
        if (!cli_read_number(digits, INT32_MAX / units[i].factor, &number) || number == 0)
            break;
        *ret_milliseconds = (int32_t)(number * units[i].factor);
        return ARCTIC_OK;
    }
    return cli_fail_usage(error, "'%.40s' is no time such as 30, 500ms, 30s or 2m", text);
}

static int apply_format(struct cli *cli, const char *text, struct arctic_error *error)
{
    return cli_format_parse(text, &cli->format, error);
}

static int apply_timeout(struct cli *cli, const char *text, struct arctic_error *error)
{
    return cli_read_time(text, &cli->timeout_ms, error);
}

static int apply_cache_ttl(struct cli *cli, const char *text, struct arctic_error *error)
{
    if (cli_read_number(text, CACHE_TTL_MAX, &cli->cache_ttl))
        return ARCTIC_OK;
    return cli_fail_usage(error, "cache_ttl is 0 to %d seconds, not '%.40s'", CACHE_TTL_MAX, text);
}

static int apply_color(struct cli *cli, const char *text, struct arctic_error *error)
{
    if (strcmp(text, "never") == 0 || strcmp(text, "no") == 0)
        cli->color = false;
    else if (strcmp(text, "auto") != 0 && strcmp(text, "yes") != 0)
        return cli_fail_usage(error, "color is auto or never, not '%.40s'", text);
    return ARCTIC_OK;
}

static int apply_copies(struct cli *cli, const char *text, struct arctic_error *error)
{
    int64_t copies = 0;
    (void)cli; /* what changes the file reads it from there */
    if (cli_read_number(text, COPIES_MAX, &copies))
        return ARCTIC_OK;
    return cli_fail_usage(error, "backup_retention is 0 to %d copies, not '%.40s'", COPIES_MAX, text);
}

struct preference {
    const char *name;
    const char *words;
    int (*apply)(struct cli *cli, const char *text, struct arctic_error *error);
};

static const struct preference preferences[] = {
    {"output_format", "table json yaml", apply_format},
    {"timeout", "", apply_timeout},
    {"cache_ttl", "", apply_cache_ttl},
    {"color", "auto never", apply_color},
    {"backup_retention", "", apply_copies},
};
#define COUNT (sizeof preferences / sizeof preferences[0])

static const struct preference *find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(preferences[i].name, name) == 0)
            return &preferences[i];
    }
    return NULL;
}

int cli_preferences_apply(struct cli *cli, struct arctic_error *error)
{
    for (size_t i = 0; i < COUNT; i++) {
        const json_t *value = cli_config_preference(&cli->config, preferences[i].name);
        if (!value || json_is_null(value))
            continue;
        struct arctic_error inner;
        CLI_FREE char *text = cli_scalar_text(value); /* a boolean is "yes" or "no" */
        if (!text)
            return cli_fail_memory(error);
        if (preferences[i].apply(cli, text, &inner) < 0)
            return cli_fail(error, ARCTIC_E_SYSTEM,
                            "%s: preferences: %s; 'arctic config set %s \"\"' takes it out", cli->config.path,
                            inner.message, preferences[i].name);
    }
    return ARCTIC_OK;
}

int cli_preference_check(const char *name, struct arctic_error *error)
{
    if (find(name))
        return ARCTIC_OK;
    return cli_fail_usage(error, "there is no preference '%.40s', there are: %s", name, CLI_PREFERENCE_NAMES);
}

const char *cli_preference_words(const char *name)
{
    const struct preference *preference = find(name);
    return preference ? preference->words : "";
}

int cli_preference_parse(const char *name, const char *text, json_t **ret_value, struct arctic_error *error)
{
    struct cli scratch = {.format = CLI_FORMAT_TABLE};
    int64_t number = 0;
    int code = cli_preference_check(name, error);
    if (code == ARCTIC_OK)
        code = find(name)->apply(&scratch, text, error);
    if (code < 0)
        return code;
    *ret_value = cli_read_number(text, INT64_MAX, &number) ? json_integer(number) : json_string(text);
    return *ret_value ? ARCTIC_OK : cli_fail_usage(error, "'%s' must be valid UTF-8", name);
}
