/* Memory of forests. */
#include "match/forest.h"

#include <stdlib.h>

#include "base/error.h"

int arci_forest_spread(struct arci_forest *forest, struct arctic_error *error)
{
    if (forest->tries)
        return ARCTIC_OK;
    /* The kernel hands out zero pages, so a small table pays for those it touches only. */
    forest->tries = calloc((size_t)1 << ARCI_FOREST_BITS, sizeof *forest->tries);
    return forest->tries ? ARCTIC_OK : arci_fail_memory(error);
}

void arci_forest_release(struct arci_forest *forest)
{
    free(forest->tries);
    *forest = (struct arci_forest){0};
}
