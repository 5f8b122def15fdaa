/* One file for each list, replaced by rename; whatever fails, completion asks the agent again. */
#include "cli/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_MAX (4 * 1024 * 1024)
#define RETRY_S 5 /* before an agent that did not answer is asked again */
#define PREFIX "list-"

static char *folder_path(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (xdg && *xdg == '/')
        return cli_format("%s/arctic", xdg);
    return home && *home == '/' ? cli_format("%s/.cache/arctic", home) : NULL;
}

/* FNV-1a: the parts only have to tell lists apart, and a wrong list of one's own would do no harm. */
static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return (hash ^ 0xff) * 0x100000001b3;
}

char *cli_cache_name(const struct cli *cli, const char *path)
{
    const char *parts[] = {cli->config.path ? cli->config.path : "", cli->url ? cli->url : "",
                           cli->cluster ? cli->cluster : cli_json_text(cli->config.root, "current_cluster"),
                           cli->peer ? cli->peer : "", path};
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = mix(hash, parts[i]);
    CLI_FREE char *folder = folder_path();
    return folder ? cli_format("%s/" PREFIX "%016llx.json", folder, (unsigned long long)hash) : NULL;
}

enum cli_cached cli_cache_read(const char *name, int64_t ttl, json_t **ret_list)
{
    struct arctic_error error;
    CLI_FREE char *text = NULL;
    CLI_CLOSE int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (ttl <= 0 || fd < 0 || cli_read_descriptor(fd, name, FILE_MAX, &text, &error) < 0)
        return CLI_CACHED_NOTHING;
    CLI_JSON *kept = json_loads(text, 0, NULL);
    json_t *list = json_object_get(kept, "list");
    if (!json_is_array(list))
        return CLI_CACHED_NOTHING;
    *ret_list = json_incref(list);
    int64_t left = json_integer_value(json_object_get(kept, "until")) - (int64_t)time(NULL);
    return left > 0 && left <= ttl ? CLI_CACHED_FRESH : CLI_CACHED_STALE;
}

/* The members that completion shows: not what a service or peer is set to. */
static json_t *shown_members(const json_t *list)
{
    static const char *const members[] = {"id", "client_id", "name", "source_cidr", "dest_cidr"};
    CLI_JSON *shown = json_array();
    for (size_t i = 0; shown && i < json_array_size(list); i++) {
        json_t *object = json_object();
        for (size_t k = 0; k < sizeof members / sizeof members[0]; k++) {
            json_t *value = json_object_get(json_array_get(list, i), members[k]);
            if (value && object)
                json_object_set(object, members[k], value);
        }
        if (json_array_append_new(shown, object) < 0)
            return NULL;
    }
    return cli_steal(shown);
}

static bool make_folder(const char *name)
{
    CLI_FREE char *folder = strndup(name, (size_t)(strrchr(name, '/') - name));
    char *above = folder ? strrchr(folder, '/') : NULL;
    if (!above)
        return false;
    *above = '\0';
    mkdir(folder, 0700);
    *above = '/';
    return mkdir(folder, 0700) == 0 || errno == EEXIST;
}

static bool write_file(const char *temporary, const char *text)
{
    struct arctic_error error;
    unlink(temporary);
    return cli_write_secret_file(temporary, text, &error) == ARCTIC_OK;
}

void cli_cache_write(const char *name, int64_t ttl, const json_t *answer, const json_t *before)
{
    int64_t life = answer ? ttl : ttl < RETRY_S ? ttl : RETRY_S;
    CLI_JSON *shown = shown_members(answer ? answer : before);
    CLI_JSON *kept = json_pack("{s:I, s:O}", "until", (json_int_t)(time(NULL) + life), "list", shown);
    CLI_FREE char *text = kept ? json_dumps(kept, JSON_COMPACT) : NULL;
    CLI_FREE char *temporary = cli_format("%s.%ld", name, (long)getpid());
    if (!text || strlen(text) > FILE_MAX || !temporary || !make_folder(name) || !write_file(temporary, text))
        return;
    if (rename(temporary, name) < 0)
        unlink(temporary);
}

void cli_cache_drop(void)
{
    CLI_FREE char *path = folder_path();
    DIR *folder = path ? opendir(path) : NULL;
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}
