/*
 * Preloaded into an agent: ends it by SIGKILL at a chosen call that changes what is on disk. Which one is told by a file that the test
 * and the agent map together, so that a program that runs can be told at any time.
 *
 *   ARCTIC_CRASH_CONTROL    that file, as long as struct control
 *   ARCTIC_CRASH_DIRECTORY  writes, cuts, renames and removals count below it alone; fsync and fdatasync count everywhere
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bits of control.kinds. */
#define KIND_SYNC 1
#define KIND_CHANGE 2

/* tests/system/crashing.py has the same layout. */
struct control {
    int64_t countdown; /* the call that makes it 0 is the last one */
    uint32_t kinds;    /* which calls count; 0: none */
    uint32_t after;    /* the call is carried out before the end */
};

static struct control *control;

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate64)(int, off64_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);

/* ISO C knows no conversion between pointers to data and to functions; POSIX has both of one size. */
static void find(const char *name, void *place)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol)
        abort();
    memcpy(place, &symbol, sizeof symbol);
}

__attribute__((constructor)) static void start(void)
{
    find("fsync", &real_fsync);
    find("fdatasync", &real_fdatasync);
    find("ftruncate64", &real_ftruncate64);
    find("rename", &real_rename);
    find("unlink", &real_unlink);
    find("write", &real_write);
    find("pwrite64", &real_pwrite64);
    const char *path = getenv("ARCTIC_CRASH_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        abort();
    close(fd);
    control = shared;
}

static int is_inside(const char *path)
{
    const char *directory = getenv("ARCTIC_CRASH_DIRECTORY");
    return directory && strncmp(path, directory, strlen(directory)) == 0;
}

static int is_file_inside(int fd)
{
    char link[64];
    char path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return is_inside(path);
}

static void end(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Whether this call is the last one, and is to be carried out first. */
static int count(uint32_t kind)
{
    if (!control || !(__atomic_load_n(&control->kinds, __ATOMIC_SEQ_CST) & kind))
        return 0;
    if (__atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST) != 0)
        return 0;
    if (!__atomic_load_n(&control->after, __ATOMIC_SEQ_CST))
        end();
    return 1;
}

#define COUNTED(type, kind, condition, call)                                                                 \
    int last = (condition) ? count(kind) : 0;                                                                \
    type result = (call);                                                                                    \
    if (last)                                                                                                \
        end();                                                                                               \
    return result

int fsync(int fd)
{
    COUNTED(int, KIND_SYNC, 1, real_fsync(fd));
}

int fdatasync(int fd)
{
    COUNTED(int, KIND_SYNC, 1, real_fdatasync(fd));
}

int ftruncate64(int fd, off64_t length)
{
    COUNTED(int, KIND_CHANGE, is_file_inside(fd), real_ftruncate64(fd, length));
}

int rename(const char *from, const char *to)
{
    COUNTED(int, KIND_CHANGE, is_inside(to), real_rename(from, to));
}

int unlink(const char *path)
{
    COUNTED(int, KIND_CHANGE, is_inside(path), real_unlink(path));
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    COUNTED(ssize_t, KIND_CHANGE, is_file_inside(fd), real_write(fd, bytes, size));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    COUNTED(ssize_t, KIND_CHANGE, is_file_inside(fd), real_pwrite64(fd, bytes, size, offset));
}
