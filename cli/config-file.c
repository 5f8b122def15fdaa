/* The configuration file on disk: where it is, who may read it, and how it is replaced. */
#include "cli/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <arctic/client.h>

#include "cli/files.h"
#include "cli/yaml.h"

#define COPIES_MAX 100
#define COPIES_DEFAULT 3

static char *default_path(void)
{
    const char *given = getenv("ARCTIC_CONFIG");
    if (given && *given)
        return strdup(given);
    const char *xdg = getenv("XDG_CONFIG_HOME");
    if (xdg && *xdg == '/')
        return cli_format("%s/arctic/config.yaml", xdg);
    const char *home = getenv("HOME");
    const struct passwd *user = home && *home ? NULL : getpwuid(geteuid());
    if (user)
        home = user->pw_dir;
    return cli_format("%s/.config/arctic/config.yaml", home && *home ? home : "");
}

/* The file holds secrets: what others could read is closed to them. */
static int check_mode(int fd, const char *path, struct arctic_error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return cli_fail_errno(error, "cannot look at %s", path);
    if (!S_ISREG(status.st_mode))
        return cli_fail(error, ARCTIC_E_SYSTEM, "%s is no regular file", path);
    if (status.st_size > CLI_YAML_MAX)
        return cli_fail(error, ARCTIC_E_CORRUPT, "%s: larger than %d bytes", path, CLI_YAML_MAX);
    if ((status.st_mode & 077) == 0)
        return ARCTIC_OK;
    if (fchmod(fd, 0600) < 0)
        return cli_fail_errno(
            error, "%s holds secrets that others can read (mode %03o) and it cannot be closed to them", path,
            (unsigned)status.st_mode & 0777);
    fprintf(stderr,
            "arctic: warning: %s could be read by others (mode %03o); it is 0600 now, but think of its "
            "secrets as known\n",
            path, (unsigned)status.st_mode & 0777);
    return ARCTIC_OK;
}

static int check_shape(const json_t *root, const char *path, struct arctic_error *error)
{
    static const char *const objects[] = {"clusters", "preferences"};
    if (!json_is_object(root))
        return cli_fail(error, ARCTIC_E_CORRUPT, "%s: the file must hold keys such as current_cluster", path);
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        const json_t *value = json_object_get(root, objects[i]);
        if (value && !json_is_object(value) && !json_is_null(value))
            return cli_fail(error, ARCTIC_E_CORRUPT, "%s: '%s' must hold keys", path, objects[i]);
    }
    return ARCTIC_OK;
}

static int read_root(const char *path, json_t **ret_root, struct arctic_error *error)
{
    CLI_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        *ret_root = json_object();
        return *ret_root ? ARCTIC_OK : cli_fail_memory(error);
    }
    if (fd < 0)
        return cli_fail_errno(error, "cannot open %s", path);
    CLI_SECRET *text = NULL;
    CLI_JSON *root = NULL;
    int code = check_mode(fd, path, error);
    if (code == ARCTIC_OK)
        code = cli_read_descriptor(fd, path, CLI_YAML_MAX, &text, error);
    if (code == ARCTIC_OK)
        code = cli_yaml_parse(text, strlen(text), path, &root, error);
    if (code == ARCTIC_E_INVALID_REQUEST)
        code = error->code = ARCTIC_E_CORRUPT;
    if (code < 0)
        return code;
    if (json_is_null(root)) {
        json_decref(root);
        root = json_object();
    }
    code = check_shape(root, path, error);
    if (code == ARCTIC_OK)
        *ret_root = cli_steal(root);
    return code;
}

int cli_config_load(const char *given, struct cli_config *ret_config, struct arctic_error *error)
{
    *ret_config = (struct cli_config){.path = given ? strdup(given) : default_path()};
    if (!ret_config->path)
        return cli_fail_memory(error);
    return read_root(ret_config->path, &ret_config->root, error);
}

/* Makes the folder of the file and those above it, for the owner alone. */
static int make_folders(char *path, struct arctic_error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0700);
        int saved = errno;
        if (result < 0 && saved != EEXIST)
            cli_fail_errno(error, "cannot make the folder %s", path);
        *slash = '/';
        if (result < 0 && saved != EEXIST)
            return ARCTIC_E_SYSTEM;
    }
    return ARCTIC_OK;
}

static int open_folder(const char *path, int *ret_fd, struct arctic_error *error)
{
    const char *slash = strrchr(path, '/');
    CLI_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder)
        return cli_fail_memory(error);
    CLI_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cli_fail_errno(error, "cannot open the folder %s", folder);
    if (flock(fd, LOCK_EX) < 0)
        return cli_fail_errno(error, "cannot lock the folder %s", folder);
    *ret_fd = fd;
    fd = -1;
    return ARCTIC_OK;
}

static int64_t copies_to_keep(const json_t *root)
{
    const json_t *value = json_object_get(json_object_get(root, "preferences"), "backup_retention");
    int64_t copies = json_is_integer(value) ? json_integer_value(value) : COPIES_DEFAULT;
    return copies < 0 ? 0 : copies > COPIES_MAX ? COPIES_MAX : copies;
}

/* Copies of a time when more of them were kept hold secrets too. They have no gaps: the first that is missing ends them. */
static void drop_copies(const char *path, int64_t copies)
{
    for (int64_t i = copies + 1; i <= COPIES_MAX + 1; i++) {
        CLI_FREE char *old = cli_format("%s.%lld", path, (long long)i);
        if (!old || unlink(old) < 0)
            return;
    }
}

/* config.yaml.1 becomes .2 and so on, and the present file .1. What fails here loses a copy, not the file. */
static void shift_copies(const char *path, int64_t copies)
{
    for (int64_t i = copies; i >= 1; i--) {
        CLI_FREE char *newer = i == 1 ? strdup(path) : cli_format("%s.%lld", path, (long long)i - 1);
        CLI_FREE char *older = cli_format("%s.%lld", path, (long long)i);
        if (!newer || !older)
            return;
        if (i > 1) {
            rename(newer, older);
            continue;
        }
        unlink(older);
        if (link(newer, older) < 0 && errno != ENOENT)
            fprintf(stderr, "arctic: warning: no copy of %s could be kept: %s\n", path, strerror(errno));
    }
}

static int write_stream(int fd, const json_t *root, const char *path, struct arctic_error *error)
{
    CLI_FILE *stream = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "w");
    if (!stream)
        return cli_fail_errno(error, "cannot write %s", path);
    struct arctic_error inner;
    int code = cli_yaml_write(stream, root, &inner);
    if (code < 0)
        return cli_fail(error, code, "%s: %s", path, inner.message);
    if (fflush(stream) != 0 || fsync(fd) < 0)
        code = cli_fail_errno(error, "cannot write %s", path);
    return code;
}

/* The content beside the file, under a name of its own. Nobody else writes while the folder is locked. */
static int write_beside(const char *path, const json_t *root, char **ret_temporary,
                        struct arctic_error *error)
{
    CLI_FREE char *temporary = cli_format("%s.new", path);
    if (!temporary)
        return cli_fail_memory(error);
    unlink(temporary); /* of a command that was killed */
    CLI_CLOSE int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return cli_fail_errno(error, "cannot make a file beside %s", path);
    int code = write_stream(fd, root, path, error);
    cli_keep_owner(fd, path);
    if (code < 0)
        unlink(temporary);
    else
        *ret_temporary = cli_steal(temporary);
    return code;
}

/* `copies`: how many old ones are kept from here on; below 0 they stay as they are. */
static int replace(const char *path, int folder, const json_t *root, int64_t copies,
                   struct arctic_error *error)
{
    CLI_FREE char *temporary = NULL;
    int code = write_beside(path, root, &temporary, error);
    if (code < 0)
        return code;
    if (copies >= 0) {
        shift_copies(path, copies);
        drop_copies(path, copies);
    }
    if (rename(temporary, path) < 0) {
        code = cli_fail_errno(error, "cannot replace %s", path);
        unlink(temporary);
        return code;
    }
    fsync(folder);
    return ARCTIC_OK;
}

/* Where the file is or will be, with its folder locked. A link stays one: what it points to is replaced. */
static int open_place(const struct cli_config *config, char **ret_path, int *ret_folder,
                      struct arctic_error *error)
{
    CLI_FREE char *target = realpath(config->path, NULL);
    CLI_FREE char *path = strdup(target ? target : config->path);
    if (!path)
        return cli_fail_memory(error);
    int code = make_folders(path, error);
    if (code == ARCTIC_OK)
        code = open_folder(path, ret_folder, error);
    if (code == ARCTIC_OK)
        *ret_path = cli_steal(path);
    return code;
}

int cli_config_check_writable(const struct cli_config *config, struct arctic_error *error)
{
    CLI_CLOSE int folder = -1;
    CLI_FREE char *path = NULL;
    CLI_FREE char *temporary = NULL;
    int code = open_place(config, &path, &folder, error);
    if (code == ARCTIC_OK)
        code = write_beside(path, config->root, &temporary, error);
    if (code == ARCTIC_OK)
        unlink(temporary);
    return code;
}

int cli_config_change(struct cli_config *config, bool keep_copies,
                      int (*change)(json_t *root, void *context, struct arctic_error *error), void *context,
                      struct arctic_error *error)
{
    CLI_CLOSE int folder = -1;
    CLI_FREE char *path = NULL;
    CLI_JSON *root = NULL;
    CLI_JSON *before = NULL;
    int code = open_place(config, &path, &folder, error);
    if (code == ARCTIC_OK)
        code = read_root(path, &root, error);
    if (code == ARCTIC_OK && !(before = json_deep_copy(root)))
        code = cli_fail_memory(error);
    if (code == ARCTIC_OK)
        code = change(root, context, error);
    /* What says it already keeps its comments, and the copies of what was before. */
    if (code == ARCTIC_OK && !json_equal(before, root))
        code = replace(path, folder, root, keep_copies ? copies_to_keep(root) : -1, error);
    if (code < 0)
        return code;
    json_decref(config->root);
    config->root = cli_steal(root);
    return ARCTIC_OK;
}
