/* A compose file as a tree of mappings, sequences and scalars, each knowing where it stands. */
#ifndef ARCI_COMPOSE_TREE_H
#define ARCI_COMPOSE_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <arctic/error.h>

#include "compose/source.h"

#define ARCI_TREE_DEPTH_MAX 16
/* Escaped to the last character it is no longer than a key may be on its line (1024: YAML 1.2.2, section 8.2.2). */
#define ARCI_TREE_KEY_MAX 100 /* bytes of a key */
#define ARCI_TREE_KEYS_MAX 64 /* keys of one mapping */

enum arci_node_kind {
    ARCI_NODE_SCALAR = 0,
    ARCI_NODE_MAPPING = 1,
    ARCI_NODE_SEQUENCE = 2,
};

struct arci_node {
    enum arci_node_kind kind;
    bool plain;              /* a scalar without quotes */
    bool flow;               /* a collection in brackets */
    struct arci_place place; /* of its first character; of a block collection: of its first key or dash */
    size_t start; /* offsets in the source; the end is known of scalars and of collections in brackets */
    size_t end;
    size_t end_line;
    char *text;             /* of a scalar, else NULL */
    struct arci_node *key;  /* the scalar before a value in a mapping, else NULL */
    struct arci_node *next; /* sibling */
    struct arci_node *first;
    struct arci_node *last;
    size_t count;                /* keys of a mapping */
    struct arci_node *allocated; /* all nodes of a tree, for their end */
};

struct arci_tree {
    struct arci_node *root; /* a mapping, once there were no faults */
    bool marked;            /* the document begins with "---" */
    size_t mark;            /* at this offset */
    struct arci_node *allocated;
};

struct arci_faults;

/*
 * Parses a text that arci_source_read() has cleaned. What is no YAML, or more of YAML than compose files need
 * (anchors, tags, directives, block texts, several documents), goes to `faults`. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_tree_read(const struct arci_source *source, struct arci_tree *ret_tree, struct arci_faults *faults,
                   struct arctic_error *error);

void arci_tree_release(struct arci_tree *tree);

/* The value of a key in a mapping; NULL where there is none. */
const struct arci_node *arci_node_member(const struct arci_node *mapping, const char *key);

/*
 * What a scalar stands for: null, boolean or whole number by the core schema of YAML 1.2 (section 10.3.2) where it is plain, else
 * text. A number with a leading zero is text, since YAML 1.1 takes it for an octal one. NULL when memory runs out.
 */
json_t *arci_node_value(const struct arci_node *scalar);

/* Whether it is a scalar that stands for nothing: "", "~" or "null". */
bool arci_node_is_null(const struct arci_node *node);

#endif
