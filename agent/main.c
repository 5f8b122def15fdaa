/* arctic-agent: settings, signals, log to stderr, readiness to systemd; the work is done by the library. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "notify.h"
#include "report.h"
#include "settings.h"

struct signal_waiter {
    sigset_t signals;
    struct arctic_agent *agent;
};

/* A thread of its own takes the signals synchronously: no handler, no global. */
static void *wait_for_signal(void *context)
{
    struct signal_waiter *waiter = context;
    int number;
    if (sigwait(&waiter->signals, &number) == 0) {
        notify_send("STOPPING=1\nSTATUS=taking back what was changed on the host");
        arctic_agent_stop(waiter->agent);
    }
    return NULL;
}

static int run_agent(struct arctic_agent *agent, struct signal_waiter *waiter, struct arctic_error *error)
{
    pthread_t thread;
    waiter->agent = agent;
    int result = pthread_create(&thread, NULL, wait_for_signal, waiter);
    if (result != 0) {
        snprintf(error->message, sizeof error->message, "cannot start the signal thread (%d)", result);
        return ARCTIC_E_SYSTEM;
    }
    int code = arctic_agent_run(agent, error);
    /* Where the agent ended by itself the thread still waits. */
    pthread_kill(thread, SIGTERM);
    pthread_join(thread, NULL);
    return code;
}

static int start(const struct settings *settings, struct arctic_log *log)
{
    struct arctic_agent_options options;
    struct arctic_agent *agent = NULL;
    struct arctic_error error = {0};
    struct signal_waiter waiter;
    struct notify notify = {0};
    if (!settings_to_options(settings, &options))
        return 2;
    options.log = log;
    options.pulse = notify_pulse;
    options.pulse_user = &notify;
    /* Blocked before any thread is made, so that all inherit it and only the waiter takes them. */
    sigemptyset(&waiter.signals);
    sigaddset(&waiter.signals, SIGTERM);
    sigaddset(&waiter.signals, SIGINT);
    sigaddset(&waiter.signals, SIGHUP); /* the terminal it was started from is gone */
    pthread_sigmask(SIG_BLOCK, &waiter.signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    int code = arctic_agent_create(&options, &agent, &error);
    if (code >= 0)
        code = run_agent(agent, &waiter, &error);
    arctic_agent_free(agent);
    if (code < 0)
        report_error("%s", error.message);
    /* A restart does not put right what a setting says. */
    if (code == ARCTIC_E_USAGE)
        return 2;
    return code < 0 ? 1 : 0;
}

/* A flow takes a few; the soft limit of a shell is for programs that cannot bear more than 1024 (setrlimit(2), select(2)). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    /* Under the unit they are one, and there is no such system call. */
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where the caller closed one of the first three, the database could get its number and the log be written there. */
static bool hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct settings settings;
    if (!hold_standard_descriptors())
        return 1;
    raise_descriptor_limit();
    enum settings_outcome outcome = settings_read(argc, argv, &settings);
    if (outcome != SETTINGS_RUN)
        return outcome == SETTINGS_EXIT_OK ? 0 : 2;
    struct arctic_error error;
    struct arctic_log *log = NULL;
    struct report report;
    int32_t level;
    int32_t format;
    report_begin(&report);
    if (arctic_log_level_parse(settings.log_level, &level, &error) < 0 ||
        arctic_log_format_parse(settings.log_format, &format, &error) < 0 ||
        arctic_log_create(level, format, report_line, &report, &log, &error) < 0) {
        report_error("%s", error.message);
        return 2;
    }
    int status = start(&settings, log);
    arctic_log_free(log);
    return status;
}
