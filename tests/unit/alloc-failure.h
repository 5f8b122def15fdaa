/*
 * Makes the n-th allocation fail, and counts what is allocated and not freed. The linker wraps malloc(), calloc(), realloc() and
 * free() for the code under test (see meson.build: add 'alloc_failure' to a test's parts); jansson, a shared library, is
 * given the same functions. One thread only.
 */
#ifndef ARCTIC_TESTS_ALLOC_FAILURE_H
#define ARCTIC_TESTS_ALLOC_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

/* Starts counting; allocation `n` (from 1) fails and so do all after it, 0: none fails. */
void alloc_failure_start(size_t n);

/* Stops; returns whether an allocation has failed. *ret_leaked is what was allocated since the start and is not freed. */
bool alloc_failure_stop(size_t *ret_leaked);

/*
 * Runs `attempt` with the first allocation failing, then the second, until it gets through without a failure. `attempt` returns
 * whether it succeeded and frees what it made. Fails the test when an attempt leaks, or succeeds though memory ran out.
 */
void alloc_failure_try_all(bool (*attempt)(void *context), void *context);

#endif
