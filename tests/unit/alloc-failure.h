/*
 * Makes the n-th allocation fail, and counts what is allocated and not freed. The linker wraps malloc() and its kin, and mmap(), for
 * the code under test (see meson.build: add 'alloc_failure' to a test's parts); jansson, a shared library, is given the same
 * functions. One thread only.
 */
#ifndef ARCTIC_TESTS_ALLOC_FAILURE_H
#define ARCTIC_TESTS_ALLOC_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

/* Starts counting; allocation `n` (from 1) fails and so do all after it, 0: none fails. */
void alloc_failure_start(size_t n);

/* Memory has come back: from now on no allocation fails. For attempts that look at what a failure has left. */
void alloc_failure_relent(void);

/* Stops; returns whether an allocation has failed. *ret_leaked is what was allocated since the start and is not freed. */
bool alloc_failure_stop(size_t *ret_leaked);

/*
 * Runs `attempt` with the first allocation failing, then the second, until it gets through without a failure; each twice: with all
 * after it failing too, as when memory has run out, and alone, as when one large block is not to be had. `attempt` returns whether it
 * succeeded and frees what it made. Fails the test when an attempt leaks, or succeeds though an allocation failed.
 */
void alloc_failure_try_all(bool (*attempt)(void *context), void *context);

/*
 * The same without the second half: for what can do without a certain block, and for what reads JSON, since a text for which jansson's
 * lexer has no room once lacks a character (lex_save() of jansson 2.14 does not look).
 */
void alloc_failure_try_running_out(bool (*attempt)(void *context), void *context);

#endif
