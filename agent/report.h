/*
 * Lines on stderr: the log's, and why the agent does not start. Where stderr leads to the journal each begins with its priority
 * (sd-daemon(3)), so that `journalctl -p warning` finds what is one.
 */
#ifndef ARCTIC_AGENT_REPORT_H
#define ARCTIC_AGENT_REPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where lines go. */
struct report {
    bool journal; /* stderr is the stream that systemd has named in $JOURNAL_STREAM (systemd.exec(5)) */
    atomic_uint_fast64_t lost; /* lines that the journal did not take since the last one that it took */
};

/* Looks at stderr. */
void report_begin(struct report *ret_report);

/*
 * An arctic_log_callback; `user` is a struct report. A journal that does not read is not waited for, since the packet path would wait
 * with it: lines are lost then, and the next one that is taken comes with their number. Any thread.
 */
void report_line(void *user, int32_t level, const char *line, size_t length);

/* Says in a line of plain text, which gets the name of the program in front, what is wrong. */
void report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
