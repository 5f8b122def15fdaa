/* Lines on stderr, with priorities for the journal. */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <arctic/log.h>

#define ERROR_BYTES 4096

static bool reaches_journal(void)
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

/* One call a line, so that lines of several threads do not mix. Where stderr cannot be written there is nobody left to tell. */
static void write_stderr(struct iovec *parts, size_t count)
{
    if (writev(STDERR_FILENO, parts, (int)count) < 0)
        return;
}

/* A line is far smaller than the stream's buffer, which takes it as a whole or not at all (unix_stream_sendmsg() in net/unix/af_unix.c). */
static bool send_to_journal(struct iovec *parts, size_t count)
{
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    return sendmsg(STDERR_FILENO, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN;
}

/* Says how many lines are missing. Returns whether it was taken. */
static bool tell_lost(uint_fast64_t lost)
{
    char line[128];
    int length =
        snprintf(line, sizeof line,
                 "<4>arctic-agent: %llu lines of the log were lost here, the journal did not take them\n",
                 (unsigned long long)lost);
    return send_to_journal(&(struct iovec){line, (size_t)length}, 1);
}

static void report_to_journal(struct report *report, struct iovec *parts, size_t count)
{
    uint_fast64_t lost = atomic_exchange(&report->lost, 0);
    if (lost > 0 && tell_lost(lost))
        lost = 0;
    if (lost > 0 || !send_to_journal(parts, count))
        atomic_fetch_add(&report->lost, lost + 1);
}

void report_begin(struct report *ret_report)
{
    ret_report->journal = reaches_journal();
    atomic_init(&ret_report->lost, 0);
}

void report_line(void *user, int32_t level, const char *line, size_t length)
{
    struct report *report = user;
    const char *prefix = report->journal ? priority(level) : "";
    struct iovec parts[] = {{(void *)prefix, strlen(prefix)}, {(void *)line, length}, {(char[]){'\n'}, 1}};
    if (report->journal)
        report_to_journal(report, parts, 3);
    else
        write_stderr(parts, 3);
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
    struct report report;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, sizeof line - used, format, arguments);
    va_end(arguments);
    make_printable(line);
    report_begin(&report);
    report_line(&report, ARCTIC_LOG_ERROR, line, strlen(line));
}
