/* arctic compose runs arctic-compose: beside this program, in its directory of helpers, or on the PATH. */
#include "cli/compose-exec.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define PROGRAM "arctic-compose"

static bool path_beside(char *ret_path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", ret_path, size - 1);
    if (length <= 0)
        return false;
    ret_path[length] = '\0';
    char *slash = strrchr(ret_path, '/');
    size_t used = slash ? (size_t)(slash - ret_path) + 1 : 0;
    return used > 0 && snprintf(ret_path + used, size - used, PROGRAM) < (int)(size - used);
}

int cli_compose_exec(char *const *arguments, struct arctic_error *error)
{
    char path[PATH_MAX];
    if (path_beside(path, sizeof path))
        execv(path, arguments);
    if (errno == ENOENT)
        execv(CLI_LIBEXECDIR "/" PROGRAM, arguments);
    if (errno == ENOENT)
        execvp(PROGRAM, arguments);
    if (errno == ENOENT)
        return cli_fail(error, ARCTIC_E_SYSTEM,
                        PROGRAM " is not installed: it belongs beside this program, in " CLI_LIBEXECDIR
                                ", or on the PATH");
    return cli_fail_errno(error, "cannot run " PROGRAM);
}
