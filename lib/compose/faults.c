/* The list of faults. */
#include "compose/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

static bool make_room(struct arci_faults *faults)
{
    if (faults->count < faults->capacity)
        return true;
    size_t capacity = faults->capacity ? faults->capacity * 2 : 8;
    struct arci_fault *items = realloc(faults->items, capacity * sizeof *items);
    if (!items)
        return false;
    faults->items = items;
    faults->capacity = capacity;
    return true;
}

void arci_faults_add(struct arci_faults *faults, struct arci_place place, const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    if (faults->count == ARCI_FAULTS_MAX)
        return;
    va_start(arguments, format);
    int length = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (length < 0 || !make_room(faults)) {
        if (length >= 0)
            free(message);
        faults->failed = true;
        return;
    }
    arci_utf8_repair(message);
    faults->items[faults->count] =
        (struct arci_fault){place.line + 1, place.column + 1, message, faults->count};
    faults->count++;
}

static int compare(const void *a, const void *b)
{
    const struct arci_fault *left = a;
    const struct arci_fault *right = b;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->column != right->column)
        return left->column < right->column ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

void arci_faults_sort(struct arci_faults *faults)
{
    if (faults->count > 1)
        qsort(faults->items, faults->count, sizeof *faults->items, compare);
}

void arci_faults_release(struct arci_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        free(faults->items[i].message);
    free(faults->items);
    *faults = (struct arci_faults){0};
}
