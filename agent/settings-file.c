/* Reads the file of settings whole, within a limit, then line by line. */
#include "settings-file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

#define FILE_BYTES ((size_t)64 * 1024)
#define ORIGIN_BYTES 320

struct reading {
    const char *path;
    settings_file_callback take;
    void *user;
};

/* A link that leads nowhere was meant to lead to settings. */
static bool is_missing(const char *path)
{
    struct stat status;
    return errno == ENOENT && lstat(path, &status) < 0 && errno == ENOENT;
}

static void report_denied(const char *path, int problem)
{
    if (problem == EACCES)
        report_error(
            "cannot open %s: %s (let the agent's user read it, and search the folders above it: chmod a+r, "
            "or chgrp %u and chmod g+r)",
            path, strerror(problem), (unsigned)getegid());
    else
        report_error("cannot open %s: %s", path, strerror(problem));
}

/* Fills `text`, which has room for FILE_BYTES and one more. Returns its length, or -1 with a message. */
static ssize_t read_whole(int fd, const char *path, char *text)
{
    size_t length = 0;
    while (length <= FILE_BYTES) {
        ssize_t count = read(fd, text + length, FILE_BYTES + 1 - length);
        if (count == 0)
            return (ssize_t)length;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            report_error("cannot read %s: %s", path, strerror(errno));
            return -1;
        }
        length += (size_t)count;
    }
    report_error("%s is larger than %zu KiB: it can not be a file of settings", path, FILE_BYTES / 1024);
    return -1;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Takes the quotes off a value; NULL where there is no second one at its end. */
static char *unquote(char *value)
{
    size_t length = strlen(value);
    if (value[0] != '"' && value[0] != '\'')
        return value;
    if (length < 2 || value[length - 1] != value[0])
        return NULL;
    value[length - 1] = '\0';
    return value + 1;
}

/* systemd goes on in the next line there, and so would half a value be taken for a whole one. */
static bool is_continued(const char *line)
{
    size_t length = strlen(line);
    return length > 0 && line[length - 1] == '\\';
}

static bool take_line(const struct reading *reading, char *line, const char *origin)
{
    line = trim(line);
    if (*line == '#' || *line == ';' || *line == '\0')
        return true;
    char *equals = strchr(line, '=');
    if (!equals || equals == line) {
        report_error("%s: expected NAME=value, not '%.64s'", origin, line);
        return false;
    }
    if (is_continued(line)) {
        report_error("%s: a setting is one line, take the '\\' off its end", origin);
        return false;
    }
    *equals = '\0';
    char *name = trim(line);
    char *value = unquote(trim(equals + 1));
    if (!value) {
        report_error("%s: the value of %.64s begins with a quote and does not end with one", origin, name);
        return false;
    }
    return reading->take(reading->user, name, value, origin);
}

static bool take_lines(const struct reading *reading, char *text, size_t length)
{
    char origin[ORIGIN_BYTES];
    char *end = text + length;
    /* What some editors put in front of UTF-8 (RFC 3629, section 6). */
    char *line = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
    for (int number = 1; line < end; number++) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        char *line_end = next ? next : end;
        snprintf(origin, sizeof origin, "%.255s:%d", reading->path, number);
        if (memchr(line, '\0', (size_t)(line_end - line))) {
            report_error("%s: there is a zero byte: settings are text in UTF-8 or ASCII", origin);
            return false;
        }
        *line_end = '\0';
        if (!take_line(reading, line, origin))
            return false;
        line = line_end + 1;
    }
    return true;
}

static bool read_open(int fd, const struct reading *reading)
{
    char *text = malloc(FILE_BYTES + 1);
    if (!text) {
        report_error("out of memory while reading %s", reading->path);
        return false;
    }
    ssize_t length = read_whole(fd, reading->path, text);
    bool good = length >= 0;
    if (good) {
        text[length] = '\0';
        good = take_lines(reading, text, (size_t)length);
    }
    free(text);
    return good;
}

bool settings_file_read(const char *path, bool required, settings_file_callback take, void *user)
{
    const struct reading reading = {.path = path, .take = take, .user = user};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int problem = errno;
    if (fd < 0 && !required && is_missing(path))
        return true;
    if (fd < 0) {
        report_denied(path, problem);
        return false;
    }
    bool good = read_open(fd, &reading);
    close(fd);
    return good;
}
