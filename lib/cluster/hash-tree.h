/*
 * A hash tree over entries of the registry: two hosts that compare the hashes of nodes from the root down find where they differ by
 * messages whose size grows with the difference, not with the number of records.
 *
 * A record has its place by the SHA-256 of its kind and id, whose first hex digits name the nodes above it: "" is the root, "a" one
 * of its 16 children, "a3f" a leaf. The hash of a leaf is the SHA-256 of its records' hashes (arci_entry.hash) in the order of
 * their places, that of a node the SHA-256 of its children's; a node without records has no hash but zeros. (R. C. Merkle, "A Digital
 * Signature Based on a Conventional Encryption Function", 1987; for replicas: Demers et al., "Epidemic Algorithms for Replicated
 * Database Maintenance", 1987, section 1.3, and DeCandia et al., "Dynamo", 2007, section 4.7.)
 *
 * It belongs to the registry's thread and holds no references: an entry is taken out before it goes.
 */
#ifndef ARCI_CLUSTER_HASH_TREE_H
#define ARCI_CLUSTER_HASH_TREE_H

#include "cluster/entry.h"

#define ARCI_TREE_DEPTH 3
#define ARCI_TREE_FANOUT 16
#define ARCI_TREE_PATH_TEXT (ARCI_TREE_DEPTH + 1)

struct arci_hash_tree;

struct arci_tree_path {
    unsigned depth; /* 0 (the root) to ARCI_TREE_DEPTH */
    unsigned index; /* among the nodes of its depth */
};

/* Errors: ARCTIC_E_NO_MEMORY. */
int arci_hash_tree_create(struct arci_hash_tree **ret_tree, struct arctic_error *error);
void arci_hash_tree_free(struct arci_hash_tree *tree);

/* Makes room for `count` entries, so that up to as many can be put in without failing. Errors: ARCTIC_E_NO_MEMORY. */
int arci_hash_tree_reserve(struct arci_hash_tree *tree, size_t count, struct arctic_error *error);

/* Puts an entry in, in the place of another version of it where there is one. Room must have been made. */
void arci_hash_tree_put(struct arci_hash_tree *tree, const struct arci_entry *entry);

/* Takes out the entry that stands in the place of this one; none is no error. */
void arci_hash_tree_remove(struct arci_hash_tree *tree, const struct arci_entry *entry);

void arci_hash_tree_clear(struct arci_hash_tree *tree);

/* The hash of a node. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_INTERNAL. */
int arci_hash_tree_hash(struct arci_hash_tree *tree, const struct arci_tree_path *path,
                        uint8_t ret_hash[ARCI_SHA256_SIZE], struct arctic_error *error);

/* The entries below a node, in the order of their places: *ret_count of them, good until the tree changes. */
const struct arci_entry *const *arci_hash_tree_below(const struct arci_hash_tree *tree,
                                                     const struct arci_tree_path *path, size_t *ret_count);

/* Hex digits, as above. Returns `text`. */
char *arci_tree_path_format(const struct arci_tree_path *path, char text[ARCI_TREE_PATH_TEXT]);

/* Whether the text is a path. Lower case alone: there is one text for each path. */
bool arci_tree_path_parse(const char *text, struct arci_tree_path *ret_path);

/* The child `digit` (0..15) of a node that is no leaf. */
struct arci_tree_path arci_tree_path_child(const struct arci_tree_path *path, unsigned digit);

/* Whether an entry's place is below a node. */
bool arci_tree_path_holds(const struct arci_tree_path *path, const uint8_t place[ARCI_SHA256_SIZE]);

#endif
