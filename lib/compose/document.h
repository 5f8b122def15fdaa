/* A loaded document. */
#ifndef ARCI_COMPOSE_DOCUMENT_H
#define ARCI_COMPOSE_DOCUMENT_H

#include <arctic/compose.h>

#include "compose/faults.h"
#include "compose/source.h"
#include "compose/spec.h"
#include "compose/tree.h"

struct arctic_compose {
    struct arci_source source;
    struct arci_faults faults;
    struct arci_tree tree;
    bool readable; /* the tree is whole */
    struct arci_spec spec;
};

#endif
