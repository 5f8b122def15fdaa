/* Injection of allocation failures. */
#include "tests/unit/alloc-failure.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <jansson.h>
#include <sys/mman.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_asprintf(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
void __wrap_free(void *memory);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *memory, size_t size);

static struct {
    bool active;
    bool failed;
    bool alone; /* the allocations after the one that fails succeed again */
    size_t fail_at;
    size_t count;
    long live;
} state;

static bool fails(void)
{
    if (!state.active)
        return false;
    state.count++;
    if (state.fail_at == 0 || state.count < state.fail_at || (state.alone && state.count > state.fail_at))
        return false;
    state.failed = true;
    errno = ENOMEM;
    return true;
}

static void *counted(void *memory)
{
    if (state.active && memory)
        state.live++;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __real_realloc(memory, size);
    return memory ? moved : counted(moved);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __real_reallocarray(memory, count, size);
    return memory ? moved : counted(moved);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

char *__wrap_strndup(const char *text, size_t length)
{
    size_t kept = strnlen(text, length);
    char *copy = __wrap_malloc(kept + 1);
    if (copy) {
        memcpy(copy, text, kept);
        copy[kept] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length < 0 ? NULL : __wrap_malloc((size_t)length + 1);
    if (!text)
        return -1;
    *ret_text = text;
    return vsnprintf(text, (size_t)length + 1, format, arguments);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = __wrap_vasprintf(ret_text, format, arguments);
    va_end(arguments);
    return length;
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fails())
        return MAP_FAILED;
    void *memory = __real_mmap(at, size, protection, flags, fd, offset);
    if (memory != MAP_FAILED)
        (void)counted(memory);
    return memory;
}

int __wrap_munmap(void *memory, size_t size)
{
    if (state.active)
        state.live--;
    return __real_munmap(memory, size);
}

void __wrap_free(void *memory)
{
    if (state.active && memory)
        state.live--;
    __real_free(memory);
}

static void start(size_t n, bool alone)
{
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    state.failed = false;
    state.alone = alone;
    state.fail_at = n;
    state.count = 0;
    state.live = 0;
    state.active = true;
}

void alloc_failure_start(size_t n)
{
    start(n, false);
}

void alloc_failure_relent(void)
{
    state.fail_at = 0;
}

bool alloc_failure_stop(size_t *ret_leaked)
{
    state.active = false;
    *ret_leaked = state.live > 0 ? (size_t)state.live : 0;
    return state.failed;
}

/* Returns whether an allocation has failed. */
static bool try(bool (*attempt)(void *context), void *context, size_t n, bool alone)
{
    size_t leaked;
    const char *how = alone ? "alone" : "and all after it";
    start(n, alone);
    bool succeeded = attempt(context);
    bool failed = alloc_failure_stop(&leaked);
    if (leaked > 0)
        fail_msg("allocation %zu %s failed and %zu blocks leaked", n, how, leaked);
    if (!failed && !succeeded)
        fail_msg("it failed though all of %zu allocations succeeded", n - 1);
    if (failed && succeeded)
        fail_msg("it succeeded though allocation %zu %s failed", n, how);
    return failed;
}

void alloc_failure_try_all(bool (*attempt)(void *context), void *context)
{
    for (size_t n = 1; try(attempt, context, n, false); n++)
        try(attempt, context, n, true);
}

void alloc_failure_try_running_out(bool (*attempt)(void *context), void *context)
{
    size_t n = 1;
    while (try(attempt, context, n, false))
        n++;
}
