/*
 * JSON with an object for each setting: {"boot_id": "...", "settings": {"net.ipv4.tcp_rmem": {"before": "...",
 * "ours": "..."}}}. What is read back goes to /proc/sys, so that all of it is checked.
 */
#include "kernel/sysctl-file.h"

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/secret-file.h"

void arci_boot_id_read(char *ret_id)
{
    ARCI_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, ret_id, ARCI_BOOT_ID_SIZE - 1);
    ret_id[length > 0 ? length : 0] = '\0';
}

static int read_value(const json_t *item, const char *name, size_t index, char *ret_value,
                      struct arctic_error *error)
{
    int code = arci_json_copy_text(item, name, true, ret_value, ARCI_SYSCTL_TEXT, error);
    if (code >= 0 && !arci_sysctl_fits(index, ret_value))
        code = arci_fail(error, ARCTIC_E_CORRUPT, name, "%s: '%s' is no value of it", arci_sysctl_name(index),
                         ret_value);
    return code;
}

static int read_item(const json_t *settings, size_t index, struct arci_sysctls *sysctls,
                     struct arctic_error *error)
{
    const json_t *item = NULL;
    int code = arci_json_object(settings, arci_sysctl_name(index), false, &item, error);
    if (code < 0 || !item)
        return code;
    code = read_value(item, "before", index, sysctls->items[index].before, error);
    if (code >= 0)
        code = read_value(item, "ours", index, sysctls->items[index].ours, error);
    sysctls->items[index].written = code >= 0;
    return code;
}

int arci_sysctl_file_parse(const char *text, size_t length, const char *boot_id,
                           struct arci_sysctls *ret_sysctls, struct arctic_error *error)
{
    ARCI_JSON *file = NULL;
    struct arci_sysctls sysctls = {0};
    const char *written_in = NULL;
    const json_t *settings = NULL;
    int code = arci_json_parse(text, length, &file, error);
    if (code >= 0)
        code = arci_json_text(file, "boot_id", true, &written_in, error);
    if (code >= 0)
        code = arci_json_object(file, "settings", true, &settings, error);
    if (code >= 0 && strcmp(written_in, boot_id) != 0)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, "boot_id", "it was written before the last boot");
    for (size_t i = 0; code >= 0 && i < ARCI_SYSCTL_COUNT; i++)
        code = read_item(settings, i, &sysctls, error);
    if (code < 0)
        return code;
    memcpy(ret_sysctls->items, sysctls.items, sizeof sysctls.items);
    return ARCTIC_OK;
}

int arci_sysctl_file_read(const char *path, struct arci_sysctls *ret_sysctls, struct arctic_error *error)
{
    char boot_id[ARCI_BOOT_ID_SIZE];
    ARCI_FREE char *text = NULL;
    size_t length = 0;
    int code = arci_secret_file_read(path, ARCI_SYSCTL_FILE_MAX, &text, &length, error);
    if (code < 0)
        return code;
    struct arctic_error problem = {0};
    arci_boot_id_read(boot_id);
    code = arci_sysctl_file_parse(text, length, boot_id, ret_sysctls, &problem);
    if (code < 0)
        return arci_fail(error, problem.code, problem.field, "%s: %s", path, problem.message);
    return ARCTIC_OK;
}

int arci_sysctl_file_write(const char *path, const struct arci_sysctls *sysctls, struct arctic_error *error)
{
    char boot_id[ARCI_BOOT_ID_SIZE];
    arci_boot_id_read(boot_id);
    ARCI_JSON *settings = json_object();
    for (size_t i = 0; i < ARCI_SYSCTL_COUNT; i++) {
        if (sysctls->items[i].written &&
            json_object_set_new(settings, arci_sysctl_name(i),
                                json_pack("{s:s, s:s}", "before", sysctls->items[i].before, "ours",
                                          sysctls->items[i].ours)) < 0)
            return arci_fail_memory(error);
    }
    ARCI_JSON *file = json_pack("{s:s, s:O}", "boot_id", boot_id, "settings", settings);
    ARCI_FREE char *text = file ? arci_json_canonical(file) : NULL;
    return text ? arci_secret_file_write(path, text, strlen(text), error) : arci_fail_memory(error);
}
