/* Files that hold secrets, in and out. */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int open_input(const char *path, int *ret_fd, struct arctic_error *error)
{
    int fd =
        strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cli_fail_errno(error, "cannot open %s", path);
    *ret_fd = fd;
    return ARCTIC_OK;
}

int cli_read_descriptor(int fd, const char *name, size_t limit, char **ret_text, struct arctic_error *error)
{
    CLI_SECRET *text = calloc(1, limit + 2);
    size_t length = 0;
    if (!text)
        return cli_fail_memory(error);
    while (length <= limit) {
        ssize_t got = read(fd, text + length, limit + 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cli_fail_errno(error, "cannot read %s", name);
        if (got == 0)
            break;
        length += (size_t)got;
    }
    if (length > limit)
        return cli_fail(error, ARCTIC_E_SYSTEM, "%s is larger than %zu bytes", name, limit);
    if (strlen(text) != length)
        return cli_fail(error, ARCTIC_E_SYSTEM, "%s is no text file", name);
    *ret_text = cli_steal(text);
    return ARCTIC_OK;
}

int cli_read_file(const char *path, size_t limit, char **ret_text, struct arctic_error *error)
{
    CLI_CLOSE int fd = -1;
    int code = open_input(path, &fd, error);
    return code < 0 ? code : cli_read_descriptor(fd, path, limit, ret_text, error);
}

static int write_all(int fd, const char *text, const char *path, struct arctic_error *error)
{
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return cli_fail_errno(error, "cannot write %s", path);
        text += written;
        length -= (size_t)written;
    }
    return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? cli_fail_errno(error, "cannot write %s", path)
                                                              : ARCTIC_OK;
}

static int write_new(const char *path, const char *text, mode_t mode, struct arctic_error *error)
{
    CLI_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return cli_fail(error, ARCTIC_E_ALREADY_EXISTS,
                        "%s exists already, choose another name or move it away", path);
    if (fd < 0)
        return cli_fail_errno(error, "cannot make %s", path);
    int code = write_all(fd, text, path, error);
    if (code < 0)
        unlink(path);
    return code;
}

int cli_write_secret_file(const char *path, const char *text, struct arctic_error *error)
{
    return write_new(path, text, 0600, error);
}

void cli_keep_owner(int fd, const char *path)
{
    struct stat old;
    struct stat new;
    if (stat(path, &old) < 0 || fstat(fd, &new) < 0 || (old.st_uid == new.st_uid &&old.st_gid == new.st_gid))
        return;
    if (fchown(fd, old.st_uid, old.st_gid) < 0)
        return; /* somebody who may write the folder and not give files away */
}

static int write_over(const char *path, const char *text, struct arctic_error *error)
{
    CLI_FREE char *real = realpath(path, NULL);
    CLI_FREE char *temporary = real ? cli_format("%s.XXXXXX", real) : NULL;
    struct stat old;
    if (!real)
        return cli_fail_errno(error, "cannot write %s", path);
    if (!temporary)
        return cli_fail_memory(error);
    CLI_CLOSE int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return cli_fail_errno(error, "cannot make a file beside %s", path);
    int code = write_all(fd, text, path, error);
    cli_keep_owner(fd, real);
    if (code == ARCTIC_OK &&
        (stat(real, &old) < 0 || fchmod(fd, old.st_mode & 07777) < 0 || rename(temporary, real) < 0))
        code = cli_fail_errno(error, "cannot write %s", path);
    if (code < 0)
        unlink(temporary);
    return code;
}

/* A device or a pipe is written to: a file in its place would take it from everybody. */
static int write_into(const char *path, const char *text, struct arctic_error *error)
{
    CLI_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cli_fail_errno(error, "cannot write %s", path);
    return write_all(fd, text, path, error);
}

int cli_write_file(const char *path, const char *text, bool replace, struct arctic_error *error)
{
    struct stat old;
    if (!replace || stat(path, &old) < 0)
        return write_new(path, text, 0644, error);
    return S_ISREG(old.st_mode) ? write_over(path, text, error) : write_into(path, text, error);
}
