/* See setting.h. */
#include "kernel/interface/setting.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

struct setting {
    const char *family;
    const char *name;
    long value;
};

/*
 * arp_ignore, arp_announce: only this interface speaks for its address, and for no other (Documentation/networking/ip-sysctl.rst).
 * rp_filter 2 (loose): clients of many networks may use it as their gateway, while the way back is another interface's.
 * promote_secondaries: an address of an operator's in the same network does not go with the one before it (__inet_del_ifa()).
 */
static const struct setting for_ipv4[] = {
    {"ipv4", "arp_ignore", 1},
    {"ipv4", "arp_announce", 2},
    {"ipv4", "rp_filter", 2},
    {"ipv4", "promote_secondaries", 1},
};

/* No routes and addresses from whoever calls himself a router; its own address is checked (RFC 4862 section 5.4) before it is used. */
static const struct setting for_ipv6[] = {
    {"ipv6", "accept_ra", 0},
    {"ipv6", "autoconf", 0},
    {"ipv6", "accept_dad", 1},
    {"ipv6", "disable_ipv6", 0},
};

static const struct setting without_ipv6[] = {
    {"ipv6", "accept_ra", 0},
    {"ipv6", "disable_ipv6", 1},
};

/* By path, since the name of a link may have dots. */
static int open_setting(const char *family, const char *name, const char *setting, int flags)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, name, setting);
    return open(path, flags | O_CLOEXEC);
}

bool arci_link_setting_read(const char *family, const char *name, const char *setting, long *ret_value)
{
    char text[32];
    char *end = text;
    ARCI_CLOSE int fd = open_setting(family, name, setting, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length <= 0)
        return false;
    text[length] = '\0';
    *ret_value = strtol(text, &end, 10);
    return end != text;
}

int arci_link_setting_write(const char *family, const char *name, const char *setting, long value,
                            struct arctic_error *error)
{
    char text[32];
    ssize_t length = snprintf(text, sizeof text, "%ld", value);
    ARCI_CLOSE int fd = open_setting(family, name, setting, O_WRONLY);
    if (fd < 0 || write(fd, text, (size_t)length) != length)
        return arci_fail_errno(error, "cannot set net.%s.conf.%s.%s to %ld", family, name, setting, value);
    return ARCTIC_OK;
}

struct settings {
    const struct setting *items;
    size_t count;
};

static const struct settings ipv4_settings = {for_ipv4, sizeof for_ipv4 / sizeof *for_ipv4};

static struct settings ipv6_settings(bool ipv6)
{
    return ipv6 ? (struct settings){for_ipv6, sizeof for_ipv6 / sizeof *for_ipv6}
                : (struct settings){without_ipv6, sizeof without_ipv6 / sizeof *without_ipv6};
}

/* A kernel without IPv6 has none of its settings. */
static bool is_right(const char *name, const struct setting *setting)
{
    long now = 0;
    return !arci_link_setting_read(setting->family, name, setting->name, &now) || now == setting->value;
}

static bool are_right(const char *name, struct settings settings)
{
    for (size_t i = 0; i < settings.count; i++) {
        if (!is_right(name, &settings.items[i]))
            return false;
    }
    return true;
}

static int ensure(const char *name, struct settings settings, bool *changed, struct arctic_error *error)
{
    for (size_t i = 0; i < settings.count; i++) {
        const struct setting *setting = &settings.items[i];
        if (is_right(name, setting))
            continue;
        *changed = true;
        int code = arci_link_setting_write(setting->family, name, setting->name, setting->value, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

bool arci_interface_settings_right(const char *name, bool ipv6)
{
    return are_right(name, ipv4_settings) && are_right(name, ipv6_settings(ipv6));
}

int arci_interface_settings(const char *name, bool ipv6, bool *ret_changed, struct arctic_error *error)
{
    *ret_changed = false;
    int code = ensure(name, ipv4_settings, ret_changed, error);
    return code < 0 ? code : ensure(name, ipv6_settings(ipv6), ret_changed, error);
}
