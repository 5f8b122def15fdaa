/* Readers of members, and the faults that they find. */
#include "compose/spec-read.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

/* The model speaks of members of the API; a compose file has its own names for some of them. */
static const char *const own_words[][2] = {
    {"'desired_interface_ipv4'", "'ipv4'"},
    {"'desired_interface_ipv6'", "'ipv6'"},
    {"'requires_interface'", "'enabled'"},
    {"requires_interface: true", "an enabled interface"},
    {"an object", "a mapping"},
    {"an array", "a sequence"},
};

static void replace_words(const char *message, struct arci_buffer *ret_text)
{
    while (*message) {
        size_t taken = 0;
        for (size_t i = 0; i < sizeof own_words / sizeof own_words[0] && taken == 0; i++) {
            size_t length = strlen(own_words[i][0]);
            if (strncmp(message, own_words[i][0], length) != 0)
                continue;
            arci_buffer_text(ret_text, own_words[i][1]);
            taken = length;
        }
        if (taken == 0)
            arci_buffer_append(ret_text, message, 1);
        message += taken ? taken : 1;
    }
}

void arci_spec_fault(struct arci_spec_reader *reader, const struct arci_node *node,
                     const struct arctic_error *error)
{
    ARCI_BUFFER text = {.limit = 0};
    if (error->code == ARCTIC_E_NO_MEMORY) {
        reader->no_memory = true;
        return;
    }
    replace_words(error->message, &text);
    arci_faults_add(reader->faults, node->place, "%s",
                    text.failed || !text.data ? error->message : (char *)text.data);
}

static const char *kind_name(const struct arci_node *node)
{
    static const char *const names[] = {"a single value", "a mapping (key: value)", "a sequence (- item)"};
    return names[node->kind];
}

bool arci_spec_is(struct arci_spec_reader *reader, const struct arci_node *node, enum arci_node_kind kind)
{
    if (node->kind == kind)
        return true;
    const char *wanted = kind_name(&(struct arci_node){.kind = kind});
    if (node->key)
        arci_faults_add(reader->faults, node->place, "'%s' must be %s, not %s", node->key->text, wanted,
                        kind_name(node));
    else
        arci_faults_add(reader->faults, node->place, "this must be %s, not %s", wanted, kind_name(node));
    return false;
}

static void list_names(const char *const *names, struct arci_buffer *ret_text)
{
    for (size_t i = 0; names[i]; i++)
        arci_buffer_format(ret_text, "%s%s", i > 0 ? ", " : "", names[i]);
}

void arci_spec_check_keys(struct arci_spec_reader *reader, const struct arci_node *mapping,
                          const char *const *names)
{
    for (const struct arci_node *node = mapping->first; node; node = node->next) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], node->key->text) != 0)
            i++;
        if (names[i])
            continue;
        ARCI_BUFFER known = {.limit = 0};
        list_names(names, &known);
        arci_faults_add(reader->faults, node->key->place, "unknown key '%s', expected one of %s",
                        node->key->text, known.failed ? "those in the handbook" : (char *)known.data);
    }
}

const struct arci_node *arci_spec_required(struct arci_spec_reader *reader, const struct arci_node *mapping,
                                           const char *key)
{
    const struct arci_node *node = arci_node_member(mapping, key);
    if (!node)
        arci_faults_add(reader->faults, mapping->place, "'%s' is missing", key);
    else if (arci_node_is_null(node))
        arci_faults_add(reader->faults, node->key->place, "'%s' has no value", key);
    return node && !arci_node_is_null(node) ? node : NULL;
}

json_t *arci_spec_member(struct arci_spec_reader *reader, const char *member, const struct arci_node *node)
{
    if (!arci_spec_is(reader, node, ARCI_NODE_SCALAR))
        return NULL;
    ARCI_JSON *object = json_object();
    if (!object || json_object_set_new(object, member, arci_node_value(node)) < 0) {
        reader->no_memory = true;
        return NULL;
    }
    return arci_steal(object);
}

const char *arci_spec_text(struct arci_spec_reader *reader, const struct arci_node *node)
{
    const char *text = NULL;
    struct arctic_error error;
    const char *name = node->key ? node->key->text : "value";
    ARCI_JSON *object = arci_spec_member(reader, name, node);
    if (!object)
        return NULL;
    if (arci_json_text(object, name, true, &text, &error) == ARCTIC_OK)
        return node->text;
    arci_spec_fault(reader, node, &error);
    return NULL;
}
