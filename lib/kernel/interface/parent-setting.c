/* See parent-setting.h. */
#include "kernel/interface/parent-setting.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "crypto/secret-file.h"
#include "kernel/interface/setting.h"
#include "kernel/sysctl-file.h"

#define SETTINGS 2u

struct wanted {
    const char *name;
    long least;
};

static const struct wanted wanted[SETTINGS] = {{"arp_ignore", 1}, {"arp_announce", 2}};

void arci_parent_settings_release(struct arci_parent_settings *settings)
{
    free(settings->path);
    *settings = (struct arci_parent_settings){0};
}

static int parse_item(const json_t *object, struct arci_parent_setting *ret_item, struct arctic_error *error)
{
    char name[32];
    struct arci_parent_setting item = {0};
    const json_t *index = json_object_get(object, "index");
    const json_t *before = json_object_get(object, "before");
    int code = arci_json_copy_text(object, "interface", true, item.link, sizeof item.link, error);
    if (code >= 0)
        code = arci_json_copy_text(object, "setting", true, name, sizeof name, error);
    if (code < 0)
        return code;
    while (item.which < SETTINGS && strcmp(wanted[item.which].name, name) != 0)
        item.which++;
    item.before = (long)json_integer_value(before);
    if (index && (json_integer_value(index) < 1 || json_integer_value(index) > INT_MAX))
        return arci_fail(error, ARCTIC_E_CORRUPT, "index", "not the index of an interface");
    item.index = (int)json_integer_value(index);
    /* It goes to a path below /proc/sys. */
    if (item.which == SETTINGS || !json_is_integer(before) || item.before < 0 ||
        item.before >= wanted[item.which].least || !item.link[0] || strchr(item.link, '/') ||
        strcmp(item.link, "..") == 0 || strcmp(item.link, ".") == 0)
        return arci_fail(error, ARCTIC_E_CORRUPT, "settings", "a setting that the agent does not make");
    *ret_item = item;
    return ARCTIC_OK;
}

int arci_parent_settings_parse(const char *text, size_t length, const char *boot_id,
                               struct arci_parent_settings *ret_settings, struct arctic_error *error)
{
    ARCI_JSON *file = NULL;
    struct arci_parent_settings settings = {0};
    const char *written_in = NULL;
    int code = arci_json_parse(text, length, &file, error);
    if (code >= 0)
        code = arci_json_text(file, "boot_id", true, &written_in, error);
    if (code < 0)
        return code;
    if (strcmp(written_in, boot_id) != 0)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, "boot_id", "it was written before the last boot");
    const json_t *list = json_object_get(file, "settings");
    if (!json_is_array(list) || json_array_size(list) > ARCI_PARENT_SETTINGS_MAX)
        return arci_fail(error, ARCTIC_E_CORRUPT, "settings", "a list of at most %u settings is expected",
                         ARCI_PARENT_SETTINGS_MAX);
    for (size_t i = 0; code >= 0 && i < json_array_size(list); i++)
        code = parse_item(json_array_get(list, i), &settings.items[settings.count++], error);
    if (code < 0)
        return code;
    memcpy(ret_settings->items, settings.items, sizeof settings.items);
    ret_settings->count = settings.count;
    return ARCTIC_OK;
}

int arci_parent_settings_begin(struct arci_parent_settings *settings, const char *path,
                               struct arctic_log *log, struct arctic_error *error)
{
    char boot_id[ARCI_BOOT_ID_SIZE];
    struct arctic_error problem = {0};
    ARCI_FREE char *text = NULL;
    size_t length = 0;
    if (!path)
        return ARCTIC_OK;
    settings->path = strdup(path);
    if (!settings->path)
        return arci_fail_memory(error);
    int code = arci_secret_file_read(path, ARCI_PARENT_SETTINGS_FILE_MAX, &text, &length, &problem);
    arci_boot_id_read(boot_id);
    if (code >= 0)
        code = arci_parent_settings_parse(text, length, boot_id, settings, &problem);
    if (code < 0 && code != ARCTIC_E_NOT_FOUND)
        arci_log_warn(
            log, "netmgr",
            "a former agent's settings of parent interfaces can not be read and will not be put back",
            ARCI_TEXT("path", path), ARCI_ERROR(&problem));
    return ARCTIC_OK;
}

static int write_file(const struct arci_parent_settings *settings, struct arctic_error *error)
{
    char boot_id[ARCI_BOOT_ID_SIZE];
    ARCI_JSON *list = json_array();
    for (size_t i = 0; i < settings->count; i++) {
        const struct arci_parent_setting *item = &settings->items[i];
        json_t *object = json_pack("{s:s, s:s, s:I}", "interface", item->link, "setting",
                                   wanted[item->which].name, "before", (json_int_t)item->before);
        if (object && item->index)
            json_object_set_new(object, "index", json_integer(item->index));
        if (json_array_append_new(list, object) < 0)
            return arci_fail_memory(error);
    }
    arci_boot_id_read(boot_id);
    ARCI_JSON *file = json_pack("{s:s, s:O}", "boot_id", boot_id, "settings", list);
    ARCI_FREE char *text = file ? arci_json_canonical(file) : NULL;
    return text ? arci_secret_file_write(settings->path, text, strlen(text), error) : arci_fail_memory(error);
}

/* Also when the file cannot be written: the agent that runs knows what to put back. */
static void keep(const struct arci_parent_settings *settings, struct arctic_log *log)
{
    struct arctic_error error = {0};
    if (!settings->path)
        return;
    if (settings->count == 0) {
        if (unlink(settings->path) < 0 && errno != ENOENT)
            arci_log_warn(log, "netmgr", "cannot remove the file of parent interfaces' settings",
                          ARCI_TEXT("path", settings->path), ARCI_TEXT("error", strerror(errno)));
        return;
    }
    if (write_file(settings, &error) < 0)
        arci_log_warn(log, "netmgr",
                      "settings of a parent interface will not be put back should the agent be killed",
                      ARCI_ERROR(&error));
}

/* What counts is the larger of the two (IN_DEV_MAXCONF()). */
static bool is_enough(const char *link, const struct wanted *setting, long *ret_now)
{
    long all = 0;
    if (!arci_link_setting_read("ipv4", link, setting->name, ret_now))
        return true; /* the link is gone */
    return *ret_now >= setting->least ||
           (arci_link_setting_read("ipv4", "all", setting->name, &all) && all >= setting->least);
}

static struct arci_parent_setting *find_item(struct arci_parent_settings *settings, int index,
                                             const char *link, unsigned which)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct arci_parent_setting *item = &settings->items[i];
        if (item->which == which && (item->index ? item->index == index : strcmp(item->link, link) == 0))
            return item;
    }
    return NULL;
}

/* The kernel moves the settings of a link along with its name. */
static void hold_item(struct arci_parent_settings *settings, struct arci_parent_setting *item, int index,
                      const char *link, struct arctic_log *log)
{
    item->held = true;
    if (item->index == index && strcmp(item->link, link) == 0)
        return;
    item->index = index;
    snprintf(item->link, sizeof item->link, "%s", link);
    keep(settings, log);
}

static void hold_one(struct arci_parent_settings *settings, int index, const char *link, unsigned which,
                     struct arctic_log *log)
{
    long now = 0;
    struct arctic_error error = {0};
    struct arci_parent_setting *item = find_item(settings, index, link, which);
    if (item)
        hold_item(settings, item, index, link, log);
    if (is_enough(link, &wanted[which], &now))
        return;
    if (!item && settings->count < ARCI_PARENT_SETTINGS_MAX) {
        item = &settings->items[settings->count++];
        *item = (struct arci_parent_setting){.index = index, .which = which, .before = now, .held = true};
        snprintf(item->link, sizeof item->link, "%s", link);
        keep(settings, log);
    }
    if (arci_link_setting_write("ipv4", link, wanted[which].name, wanted[which].least, &error) < 0)
        arci_log_warn(log, "netmgr", "clients may not find services' interfaces", ARCI_ERROR(&error));
    else
        arci_log_info(log, "netmgr", "setting of a parent interface changed", ARCI_TEXT("interface", link),
                      ARCI_TEXT("name", wanted[which].name), ARCI_INT("before", now),
                      ARCI_INT("value", wanted[which].least));
}

void arci_parent_settings_begin_pass(struct arci_parent_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        settings->items[i].held = false;
}

void arci_parent_settings_hold(struct arci_parent_settings *settings, int index, const char *link,
                               struct arctic_log *log)
{
    for (unsigned which = 0; which < SETTINGS; which++)
        hold_one(settings, index, link, which, log);
}

/* Where somebody has set another value since, that one stays. */
static void put_back(const struct arci_parent_setting *item, struct arctic_log *log)
{
    long now = 0;
    char name[IF_NAMESIZE];
    struct arctic_error error = {0};
    const struct wanted *setting = &wanted[item->which];
    const char *link = item->index ? if_indextoname((unsigned)item->index, name) : item->link;
    if (link && arci_link_setting_read("ipv4", link, setting->name, &now) && now == setting->least &&
        arci_link_setting_write("ipv4", link, setting->name, item->before, &error) < 0)
        arci_log_warn(log, "netmgr", "cannot put back a setting of a parent interface", ARCI_ERROR(&error));
}

void arci_parent_settings_end_pass(struct arci_parent_settings *settings, struct arctic_log *log)
{
    size_t kept = 0;
    size_t before = settings->count;
    for (size_t i = 0; i < before; i++) {
        if (settings->items[i].held)
            settings->items[kept++] = settings->items[i];
        else
            put_back(&settings->items[i], log);
    }
    settings->count = kept;
    if (kept != before)
        keep(settings, log);
}
