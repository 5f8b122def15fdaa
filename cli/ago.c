/* Durations in the largest unit of which there are two or more. */
#include "cli/ago.h"

#include <string.h>
#include <time.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

bool cli_ago_read(const char *text, int64_t *ret_seconds)
{
    struct tm parts = {.tm_year = 0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest || (*rest != 'Z' && *rest != '.'))
        return false;
    *ret_seconds = timegm(&parts);
    return true;
}

char *cli_ago_duration(int64_t seconds)
{
    if (seconds < 2 * MINUTE)
        return cli_format("%lld s", seconds > 0 ? (long long)seconds : 0);
    if (seconds < 2 * HOUR)
        return cli_format("%lld min", (long long)seconds / MINUTE);
    if (seconds < 2 * DAY)
        return cli_format("%lld h", (long long)seconds / HOUR);
    return cli_format("%lld d", (long long)seconds / DAY);
}

char *cli_ago_text(const char *time, int64_t now, const char *suffix, const char *absent)
{
    int64_t then;
    if (!cli_ago_read(time, &then))
        return strdup(absent);
    CLI_FREE char *duration = cli_ago_duration(now - then);
    return duration ? cli_format("%s%s", duration, suffix) : NULL;
}
