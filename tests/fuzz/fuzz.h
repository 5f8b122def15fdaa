/* What a fuzz target defines: it takes any bytes, checks its invariants with assert() and returns 0. */
#ifndef ARCTIC_TESTS_FUZZ_H
#define ARCTIC_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
