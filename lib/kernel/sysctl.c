/* The table of settings, and three kinds of them. */
#include "kernel/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "kernel/sysctl-file.h"

enum kind {
    SET,   /* to `value` */
    RAISE, /* the last of three numbers, to at least `value` */
    EXPECT /* only looked at */
};

struct setting {
    const char *name;
    enum kind kind;
    long value;
    const char *why;
};

static const struct setting settings[ARCI_SYSCTL_COUNT] = {
    {"net.ipv4.tcp_slow_start_after_idle", SET, 0, "tunnels kept warm would lose their congestion window"},
    /* The documentation of tcp_min_rtt_wlen (Documentation/networking/ip-sysctl.rst) names this case. BBR takes its
     * model of the path from it when it is restarted for a flow (bbr_init()). */
    {"net.ipv4.tcp_min_rtt_wlen", SET, 10,
     "tunnels would be slow for minutes after the path has become longer"},
    {"net.ipv4.tcp_rmem", RAISE, 64L << 20, "tunnels over long paths need the receive window"},
    {"net.ipv4.tcp_wmem", RAISE, 64L << 20, "tunnels over long paths need the send buffer"},
    {"net.ipv4.ip_forward", EXPECT, 1, "the host forwards no IPv4, only its own traffic is captured"},
    {"net.ipv6.conf.all.forwarding", EXPECT, 1,
     "the host forwards no IPv6, only its own traffic is captured"},
};

_Static_assert(sizeof settings / sizeof *settings == ARCI_SYSCTL_COUNT, "ARCI_SYSCTL_COUNT");

const char *arci_sysctl_name(size_t index)
{
    return settings[index].name;
}

bool arci_sysctl_is_set(size_t index)
{
    return settings[index].kind != EXPECT;
}

static int open_setting(const char *name, int flags)
{
    char path[128];
    int length = snprintf(path, sizeof path, "/proc/sys/%s", name);
    for (int i = (int)strlen("/proc/sys/"); i < length; i++)
        path[i] = path[i] == '.' ? '/' : path[i];
    return open(path, flags | O_CLOEXEC);
}

static bool read_setting(const char *name, char *text)
{
    ARCI_CLOSE int fd = open_setting(name, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, ARCI_SYSCTL_TEXT - 1);
    if (length <= 0)
        return false;
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

static bool write_setting(const char *name, const char *text)
{
    ARCI_CLOSE int fd = open_setting(name, O_WRONLY);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Without writing: what only the past holds must not be given up for a value that then can not be set. */
static bool can_write(const char *name)
{
    ARCI_CLOSE int fd = open_setting(name, O_WRONLY);
    return fd >= 0;
}

/* Whether `text` is right; else `ret_wanted` is what it should be. */
static bool is_right(const struct setting *setting, const char *text, char *ret_wanted)
{
    long numbers[3] = {0};
    int count = sscanf(text, "%ld %ld %ld", &numbers[0], &numbers[1], &numbers[2]);
    if (setting->kind != RAISE) {
        snprintf(ret_wanted, ARCI_SYSCTL_TEXT, "%ld", setting->value);
        return count < 1 || numbers[0] == setting->value;
    }
    snprintf(ret_wanted, ARCI_SYSCTL_TEXT, "%ld\t%ld\t%ld", numbers[0], numbers[1], setting->value);
    return count < 3 || numbers[2] >= setting->value;
}

bool arci_sysctl_fits(size_t index, const char *text)
{
    long numbers[3];
    int end = 0;
    if (settings[index].kind == SET)
        return sscanf(text, "%ld%n", &numbers[0], &end) == 1 && text[end] == '\0';
    if (settings[index].kind == RAISE)
        return sscanf(text, "%ld\t%ld\t%ld%n", &numbers[0], &numbers[1], &numbers[2], &end) == 3 &&
               text[end] == '\0';
    return false;
}

static bool is_still_ours(const struct arci_sysctls *sysctls, size_t index)
{
    char now[ARCI_SYSCTL_TEXT];
    return read_setting(settings[index].name, now) && strcmp(now, sysctls->items[index].ours) == 0;
}

int arci_sysctls_begin(struct arci_sysctls *sysctls, const char *path, struct arctic_log *log,
                       struct arctic_error *error)
{
    struct arctic_error problem = {0};
    struct arci_sysctls found = {0};
    if (!path)
        return ARCTIC_OK;
    sysctls->path = strdup(path);
    if (!sysctls->path)
        return arci_fail_memory(error);
    int code = arci_sysctl_file_read(path, &found, &problem);
    if (code < 0 && code != ARCTIC_E_NOT_FOUND)
        arci_log_warn(log, "netmgr",
                      "a former agent's kernel settings can not be read and will not be put back",
                      ARCI_ERROR(&problem));
    for (size_t i = 0; code >= 0 && i < ARCI_SYSCTL_COUNT; i++) {
        if (found.items[i].written && is_still_ours(&found, i))
            sysctls->items[i] = found.items[i];
    }
    return ARCTIC_OK;
}

void arci_sysctls_release(struct arci_sysctls *sysctls)
{
    free(sysctls->path);
    *sysctls = (struct arci_sysctls){0};
}

static void note_repair(struct arci_repairs *repairs, const char *name, const char *found, const char *set)
{
    char what[128 + ARCI_SYSCTL_TEXT];
    char done[32 + ARCI_SYSCTL_TEXT];
    snprintf(what, sizeof what, "%s was set to '%s' by someone", name, found);
    snprintf(done, sizeof done, "set to '%s' again", set);
    arci_repairs_note(repairs, ARCI_REPAIR_SETTING, what, done, arci_time_monotonic());
}

/* In the file before it is in the kernel: a kill between the two must not forget it. */
static void change(struct arci_sysctls *sysctls, size_t index, const char *before, const char *wanted,
                   struct arctic_log *log, struct arci_repairs *repairs)
{
    struct arctic_error error = {0};
    const char *name = settings[index].name;
    bool again = sysctls->items[index].written;
    if (!again)
        memcpy(sysctls->items[index].before, before, ARCI_SYSCTL_TEXT);
    sysctls->items[index].written = true;
    memcpy(sysctls->items[index].ours, wanted, ARCI_SYSCTL_TEXT);
    if (sysctls->path && arci_sysctl_file_write(sysctls->path, sysctls, &error) < 0)
        arci_log_warn(log, "netmgr", "a kernel setting will not be put back should the agent be killed",
                      ARCI_TEXT("name", name), ARCI_TEXT("before", before), ARCI_ERROR(&error));
    if (!write_setting(name, wanted))
        return;
    if (again)
        note_repair(repairs, name, before, wanted);
    else
        arci_log_info(log, "netmgr", "kernel setting changed", ARCI_TEXT("name", name),
                      ARCI_TEXT("before", before), ARCI_TEXT("value", wanted));
}

void arci_sysctls_ensure(struct arci_sysctls *sysctls, struct arctic_log *log, struct arci_repairs *repairs)
{
    for (size_t i = 0; i < ARCI_SYSCTL_COUNT; i++) {
        char before[ARCI_SYSCTL_TEXT] = "";
        char wanted[ARCI_SYSCTL_TEXT] = "";
        if (settings[i].kind != EXPECT && can_write(settings[i].name) &&
            read_setting(settings[i].name, before) && !is_right(&settings[i], before, wanted))
            change(sysctls, i, before, wanted, log, repairs);
    }
}

void arci_sysctls_restore(struct arci_sysctls *sysctls, struct arctic_log *log)
{
    bool all = true;
    for (size_t i = 0; i < ARCI_SYSCTL_COUNT; i++) {
        if (!sysctls->items[i].written || !is_still_ours(sysctls, i))
            continue;
        if (write_setting(settings[i].name, sysctls->items[i].before)) {
            sysctls->items[i].written = false;
            continue;
        }
        all = false;
        arci_log_warn(log, "netmgr", "cannot put back a kernel setting", ARCI_TEXT("name", settings[i].name),
                      ARCI_TEXT("value", sysctls->items[i].before));
    }
    if (sysctls->path && all && unlink(sysctls->path) < 0 && errno != ENOENT)
        arci_log_warn(log, "netmgr", "cannot remove the file of former kernel settings",
                      ARCI_TEXT("path", sysctls->path), ARCI_TEXT("error", strerror(errno)));
}

bool arci_sysctl_check(size_t index, char *sentence, size_t size)
{
    const struct setting *setting = &settings[index];
    char now[ARCI_SYSCTL_TEXT];
    char wanted[ARCI_SYSCTL_TEXT];
    if (!read_setting(setting->name, now) || is_right(setting, now, wanted))
        return true;
    for (char *tab = now; (tab = strchr(tab, '\t'));)
        *tab = ' ';
    for (char *tab = wanted; (tab = strchr(tab, '\t'));)
        *tab = ' ';
    snprintf(sentence, size, "%s is %s: %s; set it with: sysctl -w %s='%s'", setting->name, now, setting->why,
             setting->name, wanted);
    return false;
}
