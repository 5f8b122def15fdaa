/* See sorted.h: by halving. */
#include "base/sorted.h"

#include <string.h>

size_t arci_sorted_place(const void *rows, size_t count, size_t size, const struct arctic_id *id,
                         bool *ret_found)
{
    size_t low = 0, high = count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct arctic_id *row = (const void *)((const char *)rows + middle * size);
        int order = strcmp(id->text, row->text);
        *ret_found = *ret_found || order == 0;
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
