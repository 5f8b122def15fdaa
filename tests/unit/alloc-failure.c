/* Injection of allocation failures. */
#include "tests/unit/alloc-failure.h"

#include "tests/unit/unit.h"

#include <jansson.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static struct {
    bool active;
    bool failed;
    size_t fail_at;
    size_t count;
    long live;
} state;

static bool fails(void)
{
    if (!state.active)
        return false;
    state.count++;
    if (state.fail_at == 0 || state.count < state.fail_at)
        return false;
    state.failed = true;
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

void __wrap_free(void *memory)
{
    if (state.active && memory)
        state.live--;
    __real_free(memory);
}

void alloc_failure_start(size_t n)
{
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    state.failed = false;
    state.fail_at = n;
    state.count = 0;
    state.live = 0;
    state.active = true;
}

bool alloc_failure_stop(size_t *ret_leaked)
{
    state.active = false;
    *ret_leaked = state.live > 0 ? (size_t)state.live : 0;
    return state.failed;
}

void alloc_failure_try_all(bool (*attempt)(void *context), void *context)
{
    for (size_t n = 1;; n++) {
        size_t leaked;
        alloc_failure_start(n);
        bool succeeded = attempt(context);
        bool failed = alloc_failure_stop(&leaked);
        if (leaked > 0)
            fail_msg("allocation %zu failed and %zu blocks leaked", n, leaked);
        if (!failed && !succeeded)
            fail_msg("it failed though all of %zu allocations succeeded", n - 1);
        if (failed && succeeded)
            fail_msg("it succeeded though allocation %zu failed", n);
        if (!failed)
            return;
    }
}
