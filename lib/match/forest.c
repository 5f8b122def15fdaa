/* Memory of forests. */
#include "match/forest.h"

#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

#define TRIES_SIZE (sizeof(uint32_t) << ARCI_FOREST_BITS)

/*
 * From the kernel itself, so that a small table pays for the pages it touches only: calloc() has to clear memory that was used
 * before, and a host has a table for each service that it is the exit of.
 */
int arci_forest_spread(struct arci_forest *forest, struct arctic_error *error)
{
    if (forest->tries)
        return ARCTIC_OK;
    void *pages = mmap(NULL, TRIES_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return arci_fail_memory(error);
    forest->tries = pages;
    return ARCTIC_OK;
}

#define PAGE_TRIES (4096 / sizeof(uint32_t))

/* A page that is still zero stays without memory of its own. */
int arci_forest_copy(const struct arci_forest *forest, struct arci_forest *ret_copy,
                     struct arctic_error *error)
{
    static const uint32_t zero[PAGE_TRIES];
    ret_copy->shorter = forest->shorter;
    if (!forest->tries)
        return ARCTIC_OK;
    int code = arci_forest_spread(ret_copy, error);
    for (size_t i = 0; code >= 0 && i < (size_t)1 << ARCI_FOREST_BITS; i += PAGE_TRIES) {
        if (memcmp(forest->tries + i, zero, sizeof zero) != 0)
            memcpy(ret_copy->tries + i, forest->tries + i, sizeof zero);
    }
    return code;
}

void arci_forest_release(struct arci_forest *forest)
{
    if (forest->tries)
        munmap(forest->tries, TRIES_SIZE);
    *forest = (struct arci_forest){0};
}
