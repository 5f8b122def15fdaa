/* Everything that is wrong with a compose file, each with the place where it is. */
#ifndef ARCI_COMPOSE_FAULTS_H
#define ARCI_COMPOSE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "compose/tree.h"

#define ARCI_FAULTS_MAX 10000 /* more are not kept: who has that many mends some and looks again */

struct arci_fault {
    size_t line; /* from 1 */
    size_t column;
    char *message;
    size_t order; /* in which it was found */
};

/* Zero-initialised it is empty. `failed`: memory ran out, the list is not complete. */
struct arci_faults {
    struct arci_fault *items;
    size_t count;
    size_t capacity;
    bool failed;
};

/* Adds a fault at a place of the text, from 0. */
void arci_faults_add(struct arci_faults *faults, struct arci_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* In the order of the text. */
void arci_faults_sort(struct arci_faults *faults);

void arci_faults_release(struct arci_faults *faults);

#endif
