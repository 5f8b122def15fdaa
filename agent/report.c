/* Lines on stderr, with priorities for the journal. */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <arctic/log.h>

#define ERROR_BYTES 4096

bool report_reaches_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device;
    unsigned long long inode;
    struct stat status;
    if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &status) < 0)
        return false;
    return status.st_dev == device && status.st_ino == inode;
}

/* syslog(3) has the numbers. */
static const char *priority(int32_t level)
{
    static const char *const prefixes[] = {"<7>", "<6>", "<4>", "<3>"};
    return level >= ARCTIC_LOG_DEBUG && level <= ARCTIC_LOG_ERROR ? prefixes[level] : "<6>";
}

/* One writev() a line, so that lines of several threads do not mix. */
void report_line(void *user, int32_t level, const char *line, size_t length)
{
    const bool *journal = user;
    const char *prefix = *journal ? priority(level) : "";
    struct iovec parts[] = {{(void *)prefix, strlen(prefix)}, {(void *)line, length}, {(char[]){'\n'}, 1}};
    /* Where stderr cannot be written there is nobody left to tell. */
    if (writev(STDERR_FILENO, parts, 3) < 0)
        return;
}

/*
 * What is quoted may hold anything, and is not to steer a terminal or forge a line. Bytes beyond ASCII need not be whole characters,
 * and of a line that is no UTF-8 journalctl(1) shows nothing.
 */
static void make_printable(char *line)
{
    for (char *byte = line; *byte; byte++) {
        if (*byte < ' ' || *byte > '~')
            *byte = '?';
    }
}

void report_error(const char *format, ...)
{
    char line[ERROR_BYTES] = "arctic-agent: ";
    size_t used = strlen(line);
    bool journal = report_reaches_journal();
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, sizeof line - used, format, arguments);
    va_end(arguments);
    make_printable(line);
    report_line(&journal, ARCTIC_LOG_ERROR, line, strlen(line));
}
