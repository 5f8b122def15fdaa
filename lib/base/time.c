/* Clock access and RFC 3339 conversion. */
#include "base/time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/secret.h"

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    /* Both clocks exist on every Linux, and the pointer is good: the two ways clock_gettime() can fail. */
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t arci_time_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t arci_time_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t arci_time_scatter(int64_t delay)
{
    uint32_t chance = 0;
    /* Without chance the delay is a little short, which does no harm. */
    (void)arci_random_bytes(&chance, sizeof chance, NULL);
    return delay * 3 / 4 + chance % (delay / 2 + 1);
}

char *arci_time_format(int64_t milliseconds, char *text)
{
    int64_t seconds = milliseconds / 1000;
    int64_t fraction = milliseconds % 1000;
    if (fraction < 0) {
        fraction += 1000;
        seconds -= 1;
    }
    struct tm parts = {0};
    /* An int64_t of milliseconds is within the years that gmtime_r() can tell. */
    gmtime_r(&(time_t){seconds}, &parts);
    size_t used = (size_t)snprintf(text, ARCI_TIME_TEXT, "%04lld", (long long)parts.tm_year + 1900);
    used += strftime(text + used, ARCI_TIME_TEXT - used, "-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, ARCI_TIME_TEXT - used, ".%03dZ", (int)fraction);
    return text;
}

/* Reads exactly `digits` decimal digits and moves on; false where there are fewer. */
static bool read_digits(const char **cursor, int digits, int *ret_value)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char byte = (*cursor)[i];
        if (byte < '0' || byte > '9')
            return false;
        value = value * 10 + (byte - '0');
    }
    *cursor += digits;
    *ret_value = value;
    return true;
}

static bool read_byte(const char **cursor, char wanted)
{
    if (**cursor != wanted)
        return false;
    (*cursor)++;
    return true;
}

static bool read_date_time(const char **cursor, struct tm *parts)
{
    bool read = read_digits(cursor, 4, &parts->tm_year) && read_byte(cursor, '-') &&
                read_digits(cursor, 2, &parts->tm_mon) && read_byte(cursor, '-') &&
                read_digits(cursor, 2, &parts->tm_mday) && read_byte(cursor, 'T') &&
                read_digits(cursor, 2, &parts->tm_hour) && read_byte(cursor, ':') &&
                read_digits(cursor, 2, &parts->tm_min) && read_byte(cursor, ':') &&
                read_digits(cursor, 2, &parts->tm_sec);
    if (!read || parts->tm_mon < 1 || parts->tm_mon > 12 || parts->tm_mday < 1 || parts->tm_hour > 23 ||
        parts->tm_min > 59 || parts->tm_sec > 60)
        return false;
    parts->tm_year -= 1900;
    parts->tm_mon -= 1;
    return true;
}

/* An optional fraction, of at least one digit, cut to milliseconds. */
static bool read_fraction(const char **cursor, int *ret_milliseconds)
{
    int milliseconds = 0;
    int scale = 100;
    if (read_byte(cursor, '.')) {
        size_t digits = strspn(*cursor, "0123456789");
        if (digits == 0)
            return false;
        for (size_t i = 0; i < digits; i++, scale /= 10)
            milliseconds += ((*cursor)[i] - '0') * scale;
        *cursor += digits;
    }
    *ret_milliseconds = milliseconds;
    return true;
}

static bool read_offset(const char **cursor, int *ret_minutes)
{
    if (read_byte(cursor, 'Z')) {
        *ret_minutes = 0;
        return true;
    }
    int sign = **cursor == '-' ? -1 : 1;
    int hours;
    int minutes;
    if (!read_byte(cursor, '+') && !read_byte(cursor, '-'))
        return false;
    if (!read_digits(cursor, 2, &hours) || !read_byte(cursor, ':') || !read_digits(cursor, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

int arci_time_parse(const char *text, int64_t *ret_milliseconds, struct arctic_error *error)
{
    const char *cursor = text;
    struct tm parts = {0};
    int offset = 0;
    int fraction = 0;
    bool read =
        read_date_time(&cursor, &parts) && read_fraction(&cursor, &fraction) && read_offset(&cursor, &offset);
    int day = parts.tm_mday;
    if (!read || *cursor)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                         "'%.40s' is no RFC 3339 time such as 2026-01-02T03:04:05Z", text);
    /* timegm() turns February 30th into March; a leap second may move the day rightly, so it is taken as
     * second 59. */
    if (parts.tm_sec == 60)
        parts.tm_sec = 59;
    time_t seconds = timegm(&parts);
    if (parts.tm_mday != day)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "'%.40s' names a day that does not exist",
                         text);
    *ret_milliseconds = ((int64_t)seconds - offset * 60) * 1000 + fraction;
    return ARCTIC_OK;
}
