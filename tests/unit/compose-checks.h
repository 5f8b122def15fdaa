/* What holds for the layout of any text, for unit tests and the fuzzer: a check that fails prints the text and aborts. */
#ifndef ARCTIC_TESTS_COMPOSE_CHECKS_H
#define ARCTIC_TESTS_COMPOSE_CHECKS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/compose.h>

#include "compose/comments.h"
#include "compose/document.h"

static inline void compose_fail(const char *what, const char *text, const char *other)
{
    fprintf(stderr, "%s\n--- of\n%s\n--- with\n%s\n", what, text, other ? other : "");
    abort();
}

/* The layout of a text; NULL where it has none. To be freed. */
static inline char *compose_layout(const char *text)
{
    struct arctic_compose *compose = NULL;
    char *laid_out = NULL;
    if (arctic_compose_load(text, strlen(text), &compose, NULL) < 0)
        compose_fail("cannot be loaded", text, NULL);
    if (arctic_compose_is_readable(compose) && arctic_compose_format(compose, &laid_out, NULL) < 0)
        compose_fail("readable, but without a layout", text, NULL);
    arctic_compose_free(compose);
    return laid_out;
}

static inline int compose_same_data(const struct arci_node *a, const struct arci_node *b)
{
    if (!a || !b)
        return !a && !b;
    if (a->kind != b->kind || !a->key != !b->key || (a->key && strcmp(a->key->text, b->key->text) != 0))
        return 0;
    if (a->kind == ARCI_NODE_SCALAR) {
        json_t *left = arci_node_value(a);
        json_t *right = arci_node_value(b);
        int same = json_equal(left, right);
        json_decref(left);
        json_decref(right);
        return same;
    }
    const struct arci_node *left = a->first;
    const struct arci_node *right = b->first;
    while (left && right && compose_same_data(left, right)) {
        left = left->next;
        right = right->next;
    }
    return !left && !right;
}

static inline int compose_same_comments(const struct arctic_compose *a, const struct arctic_compose *b)
{
    struct arci_comments left = {0};
    struct arci_comments right = {0};
    int same = arci_comments_read(&a->source, &left, NULL) == 0 &&
               arci_comments_read(&b->source, &right, NULL) == 0 && left.count == right.count;
    for (size_t i = 0; same && i < left.count; i++)
        same = left.items[i].length == right.items[i].length &&
               memcmp(a->source.text + left.items[i].start, b->source.text + right.items[i].start,
                      left.items[i].length) == 0;
    arci_comments_release(&left);
    arci_comments_release(&right);
    return same;
}

/* Whether the text could be laid out; everything that must hold then is checked. */
static inline size_t compose_check_layout(const char *text)
{
    struct arctic_compose *before = NULL;
    struct arctic_compose *after = NULL;
    char *once = compose_layout(text);
    char *twice = once ? compose_layout(once) : NULL;
    if (!once)
        return 0;
    if (!twice || strcmp(once, twice) != 0)
        compose_fail("a second layout differs", once, twice);
    if (arctic_compose_load(text, strlen(text), &before, NULL) < 0 ||
        arctic_compose_load(once, strlen(once), &after, NULL) < 0 || !after->readable)
        compose_fail("the layout cannot be loaded", text, once);
    if (!compose_same_data(before->tree.root, after->tree.root))
        compose_fail("the layout holds other data", text, once);
    if (!compose_same_comments(before, after))
        compose_fail("the layout has other comments", text, once);
    if (before->tree.marked != after->tree.marked ||
        arctic_compose_fault_count(before) != arctic_compose_fault_count(after))
        compose_fail("the layout is judged otherwise", text, once);
    arctic_compose_free(before);
    arctic_compose_free(after);
    free(once);
    free(twice);
    return 1;
}

#endif
