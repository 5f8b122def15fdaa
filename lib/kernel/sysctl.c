/* The table of settings, and three kinds of them. */
#include "kernel/sysctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"

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
    {"net.ipv4.tcp_rmem", RAISE, 64L << 20, "tunnels over long paths need the receive window"},
    {"net.ipv4.tcp_wmem", RAISE, 64L << 20, "tunnels over long paths need the send buffer"},
    {"net.ipv4.ip_forward", EXPECT, 1, "the host forwards no IPv4, only its own traffic is captured"},
    {"net.ipv6.conf.all.forwarding", EXPECT, 1,
     "the host forwards no IPv6, only its own traffic is captured"},
    {"net.ipv4.conf.all.src_valid_mark", EXPECT, 0, "reverse path checks would drop captured IPv4"},
};

_Static_assert(sizeof settings / sizeof *settings == ARCI_SYSCTL_COUNT, "ARCI_SYSCTL_COUNT");

const char *arci_sysctl_name(size_t index)
{
    return settings[index].name;
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

void arci_sysctls_ensure(struct arci_sysctls *sysctls, struct arctic_log *log)
{
    for (size_t i = 0; i < ARCI_SYSCTL_COUNT; i++) {
        const struct setting *setting = &settings[i];
        char before[ARCI_SYSCTL_TEXT];
        char wanted[ARCI_SYSCTL_TEXT];
        if (setting->kind == EXPECT || !read_setting(setting->name, before) ||
            is_right(setting, before, wanted) || !write_setting(setting->name, wanted))
            continue;
        if (!sysctls->items[i].written)
            memcpy(sysctls->items[i].before, before, sizeof before);
        sysctls->items[i].written = true;
        memcpy(sysctls->items[i].ours, wanted, sizeof wanted);
        arci_log_info(log, "fwmgr", "kernel setting changed", ARCI_TEXT("name", setting->name),
                      ARCI_TEXT("before", before), ARCI_TEXT("value", wanted));
    }
}

void arci_sysctls_restore(struct arci_sysctls *sysctls, struct arctic_log *log)
{
    for (size_t i = 0; i < ARCI_SYSCTL_COUNT; i++) {
        char now[ARCI_SYSCTL_TEXT];
        if (!sysctls->items[i].written)
            continue;
        sysctls->items[i].written = false;
        if (read_setting(settings[i].name, now) && strcmp(now, sysctls->items[i].ours) == 0 &&
            !write_setting(settings[i].name, sysctls->items[i].before))
            arci_log_warn(log, "fwmgr", "cannot put back a kernel setting",
                          ARCI_TEXT("name", settings[i].name), ARCI_TEXT("value", sysctls->items[i].before));
    }
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
