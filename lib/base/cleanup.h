/*
 * The tree's one cleanup school: a variable that owns something is declared with ARCI_CLEANUP(function), is
 * released when it leaves its scope, and gives its content away with arci_steal().
 */
#ifndef ARCI_BASE_CLEANUP_H
#define ARCI_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define ARCI_CLEANUP(function) __attribute__((cleanup(function)))

/* Takes the value of a pointer variable and leaves NULL behind. */
#define arci_steal(variable)                                                                                 \
    __extension__({                                                                                          \
        __typeof__(variable) *arci_source_ = &(variable);                                                    \
        __typeof__(variable) arci_value_ = *arci_source_;                                                    \
        *arci_source_ = NULL;                                                                                \
        arci_value_;                                                                                         \
    })

/* Defines `name(type *pointer)` for ARCI_CLEANUP from a destructor that takes NULL. */
#define ARCI_DEFINE_CLEANUP(type, destructor, name)                                                          \
    static inline void name(type *pointer)                                                                   \
    {                                                                                                        \
        if (*pointer)                                                                                        \
            destructor(*pointer);                                                                            \
    }

static inline void arci_free_cleanup(void *pointer)
{
    free(*(void **)pointer);
}

static inline void arci_fd_cleanup(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Takes a descriptor out of an ARCI_CLEANUP(arci_fd_cleanup) variable. */
static inline int arci_steal_fd(int *fd)
{
    int value = *fd;
    *fd = -1;
    return value;
}

#define ARCI_FREE ARCI_CLEANUP(arci_free_cleanup)
#define ARCI_CLOSE ARCI_CLEANUP(arci_fd_cleanup)

#endif
