/* Atomic replacement and guarded reading of files with secrets. */
#include "crypto/secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/secret.h"

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

static int write_new(const char *path, const void *bytes, size_t length, struct arctic_error *error)
{
    /* What a crash left behind under this name is of no use to anybody. */
    if (unlink(path) < 0 && errno != ENOENT)
        return arci_fail_errno(error, "cannot remove %s", path);
    ARCI_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return arci_fail_errno(error, "cannot create %s", path);
    /* The umask may have taken bits away, never added any: this only makes the mode exactly 0600. */
    if (fchmod(fd, 0600) < 0 || write_all(fd, bytes, length) < 0 || fsync(fd) < 0)
        return arci_fail_errno(error, "cannot write %s", path);
    return ARCTIC_OK;
}

/* A rename is on disk only when its directory is. */
static int sync_directory_of(const char *path, struct arctic_error *error)
{
    const char *slash = strrchr(path, '/');
    ARCI_FREE char *directory = slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
    if (!directory)
        return arci_fail_memory(error);
    ARCI_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return arci_fail_errno(error, "cannot flush the directory %s to disk", directory);
    return ARCTIC_OK;
}

int arci_secret_file_write(const char *path, const void *bytes, size_t length, struct arctic_error *error)
{
    ARCI_FREE char *temporary = NULL;
    if (asprintf(&temporary, "%s.new", path) < 0) {
        temporary = NULL;
        return arci_fail_memory(error);
    }
    int code = write_new(temporary, bytes, length, error);
    if (code < 0) {
        unlink(temporary);
        return code;
    }
    if (rename(temporary, path) < 0) {
        code = arci_fail_errno(error, "cannot rename %s to %s", temporary, path);
        unlink(temporary);
        return code;
    }
    return sync_directory_of(path, error);
}

static int check_guarded(const struct stat *status, const char *path, struct arctic_error *error)
{
    if (status->st_mode & 077)
        return arci_fail(
            error, ARCTIC_E_FORBIDDEN, NULL,
            "%s holds a secret and has mode %04o: others than its owner may use it, run chmod 600 on it",
            path, (unsigned)status->st_mode & 07777);
    if (status->st_uid != geteuid() && status->st_uid != 0)
        return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL,
                         "%s holds a secret and belongs to user %u instead of %u, run chown on it", path,
                         (unsigned)status->st_uid, (unsigned)geteuid());
    return ARCTIC_OK;
}

static int check_file(int fd, const char *path, size_t limit, bool guarded, size_t *ret_size,
                      struct arctic_error *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return arci_fail_errno(error, "cannot examine %s", path);
    if (!S_ISREG(status.st_mode))
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "%s is no regular file", path);
    int code = guarded ? check_guarded(&status, path, error) : ARCTIC_OK;
    if (code < 0)
        return code;
    if ((uint64_t)status.st_size > limit)
        return arci_fail(error, ARCTIC_E_LIMIT, NULL, "%s has %lld bytes, at most %zu are allowed", path,
                         (long long)status.st_size, limit);
    *ret_size = (size_t)status.st_size;
    return ARCTIC_OK;
}

/* Reads at most `size` bytes; a file that shrinks meanwhile is shorter, one that grows is cut: its content
 * fails its own checks. */
static int read_up_to(int fd, char *bytes, size_t size, size_t *ret_length)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, bytes + used, size - used);
        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0)
            break;
        if (got > 0)
            used += (size_t)got;
    }
    *ret_length = used;
    return 0;
}

static int read_file(const char *path, size_t limit, bool guarded, char **ret_text, size_t *ret_length,
                     struct arctic_error *error)
{
    /* O_NONBLOCK: a named pipe in the place of the file must not hang its reader. */
    ARCI_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "%s does not exist", path);
    if (fd < 0)
        return arci_fail_errno(error, "cannot open %s", path);
    size_t size = 0;
    int code = check_file(fd, path, limit, guarded, &size, error);
    if (code < 0)
        return code;
    char *text = calloc(1, size + 1);
    if (!text)
        return arci_fail_memory(error);
    size_t length = 0;
    if (read_up_to(fd, text, size, &length) < 0)
        code = arci_fail_errno(error, "cannot read %s", path);
    else if (memchr(text, '\0', length))
        code = arci_fail(error, ARCTIC_E_CORRUPT, NULL, "%s is damaged: it holds NUL bytes", path);
    if (code < 0) {
        arci_wipe(text, size);
        free(text);
        return code;
    }
    *ret_text = text;
    *ret_length = length;
    return ARCTIC_OK;
}

int arci_secret_file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length,
                          struct arctic_error *error)
{
    return read_file(path, limit, true, ret_text, ret_length, error);
}

int arci_plain_file_read(const char *path, size_t limit, char **ret_text, size_t *ret_length,
                         struct arctic_error *error)
{
    return read_file(path, limit, false, ret_text, ret_length, error);
}
