/* libyaml's events as a tree. */
#include "compose/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "compose/faults.h"

struct builder {
    yaml_parser_t parser;
    const struct arci_source *source;
    struct arci_faults *faults;
    struct arci_tree *tree;
    struct arci_node *open[ARCI_TREE_DEPTH_MAX]; /* collections that have begun */
    size_t depth;
    struct arci_node *key; /* of the innermost open mapping, waiting for its value */
    bool no_memory;
    bool ended;
};

static struct arci_place place_of(const yaml_mark_t *mark)
{
    return (struct arci_place){mark->line, mark->column};
}

/* Where the text ends too early, libyaml points to a line after its last one. */
static struct arci_place place_of_fault(const struct builder *builder, const yaml_mark_t *mark)
{
    return mark->line < builder->source->line_count
               ? place_of(mark)
               : arci_source_place(builder->source, builder->source->length);
}

static bool fault(struct builder *builder, const yaml_mark_t *mark, const char *text)
{
    arci_faults_add(builder->faults, place_of_fault(builder, mark), "%s", text);
    return false;
}

static char character_at(const struct builder *builder, const yaml_mark_t *mark)
{
    return builder->source->text[arci_source_offset(builder->source, place_of(mark))];
}

/* What libyaml stumbled over, in the words of somebody who reads it once a year. */
static bool fault_of_parser(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    const yaml_mark_t *mark = &parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR) {
        builder->no_memory = true;
        return false;
    }
    if (character_at(builder, mark) == '\t')
        return fault(builder, mark, "a tab: YAML is indented with spaces");
    if (character_at(builder, mark) == ':' && parser->context && strstr(parser->context, "flow node"))
        return fault(builder, mark,
                     "a text that begins with ':' needs quotes inside brackets, such as \"::/0\"");
    const char *problem = parser->problem ? parser->problem : "this is not YAML";
    if (!parser->context)
        return fault(builder, mark, problem);
    arci_faults_add(builder->faults, place_of_fault(builder, mark), "%s (%s that begins at line %zu)",
                    problem, parser->context, parser->context_mark.line + 1);
    return false;
}

static struct arci_node *new_node(struct builder *builder, const yaml_event_t *event)
{
    struct arci_node *node = calloc(1, sizeof *node);
    if (!node) {
        builder->no_memory = true;
        return NULL;
    }
    node->allocated = builder->tree->allocated;
    builder->tree->allocated = node;
    node->place = place_of(&event->start_mark);
    node->start = arci_source_offset(builder->source, node->place);
    node->end = arci_source_offset(builder->source, place_of(&event->end_mark));
    node->end_line = event->end_mark.line;
    return node;
}

static bool take_key(struct builder *builder, struct arci_node *mapping, struct arci_node *node,
                     const yaml_event_t *event)
{
    if (node->kind != ARCI_NODE_SCALAR)
        return fault(builder, &event->start_mark, "a key must be a text");
    if (!*node->text)
        return fault(builder, &event->start_mark, "a key is missing");
    if (strlen(node->text) > ARCI_TREE_KEY_MAX)
        return fault(builder, &event->start_mark, "this key is too long");
    if (mapping->count++ == ARCI_TREE_KEYS_MAX)
        return fault(builder, &event->start_mark, "more keys than any mapping of a compose file has");
    if (arci_node_member(mapping, node->text))
        arci_faults_add(builder->faults, node->place, "the key '%s' comes twice", node->text);
    builder->key = node;
    return true;
}

/* Puts a node where it belongs: it is the root, a key, a value or an item. */
static bool attach(struct builder *builder, struct arci_node *node, const yaml_event_t *event)
{
    if (builder->depth == 0) {
        builder->tree->root = node;
        return true;
    }
    struct arci_node *parent = builder->open[builder->depth - 1];
    if (parent->kind == ARCI_NODE_MAPPING && !builder->key)
        return take_key(builder, parent, node, event);
    node->key = arci_steal(builder->key);
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return true;
}

static bool add_scalar(struct builder *builder, const yaml_event_t *event)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    const char *text = (const char *)event->data.scalar.value;
    if (event->data.scalar.anchor || event->data.scalar.tag)
        return fault(builder, &event->start_mark,
                     "anchors (&) and tags (!) are not supported, write the value out");
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        return fault(builder, &event->start_mark,
                     "texts in blocks (| and >) are not supported, put the text in quotes");
    if (strlen(text) != event->data.scalar.length)
        return fault(builder, &event->start_mark, "a NUL character in a text");
    struct arci_node *node = new_node(builder, event);
    if (!node)
        return false;
    node->plain = style == YAML_PLAIN_SCALAR_STYLE;
    node->text = strdup(text);
    if (!node->text) {
        builder->no_memory = true;
        return false;
    }
    return attach(builder, node, event);
}

static bool open_collection(struct builder *builder, const yaml_event_t *event, bool mapping)
{
    bool labelled = mapping ? event->data.mapping_start.anchor || event->data.mapping_start.tag
                            : event->data.sequence_start.anchor || event->data.sequence_start.tag;
    if (labelled)
        return fault(builder, &event->start_mark,
                     "anchors (&) and tags (!) are not supported, write the value out");
    if (builder->depth == ARCI_TREE_DEPTH_MAX)
        return fault(builder, &event->start_mark, "nested too deeply");
    struct arci_node *node = new_node(builder, event);
    if (!node)
        return false;
    node->kind = mapping ? ARCI_NODE_MAPPING : ARCI_NODE_SEQUENCE;
    node->flow = mapping ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                         : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    if (!attach(builder, node, event))
        return false;
    builder->open[builder->depth++] = node;
    return true;
}

static bool close_collection(struct builder *builder, const yaml_event_t *event)
{
    struct arci_node *node = builder->open[--builder->depth];
    node->end = arci_source_offset(builder->source, place_of(&event->end_mark));
    node->end_line = event->end_mark.line;
    return true;
}

static bool begin_document(struct builder *builder, const yaml_event_t *event)
{
    if (builder->tree->root)
        return fault(builder, &event->start_mark, "a second document begins here, a file holds one");
    if (event->data.document_start.version_directive ||
        event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
        return fault(builder, &event->start_mark, "directives (%) are not supported");
    builder->tree->marked = !event->data.document_start.implicit;
    builder->tree->mark = arci_source_offset(builder->source, place_of(&event->start_mark));
    return true;
}

static bool take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return begin_document(builder, event);
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_MAPPING_START_EVENT:
        return open_collection(builder, event, true);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(builder, event, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return close_collection(builder, event);
    case YAML_ALIAS_EVENT:
        return fault(builder, &event->start_mark, "aliases (*) are not supported, write the value out");
    case YAML_STREAM_END_EVENT:
        builder->ended = true;
        return true;
    default:
        return true;
    }
}

static bool build(struct builder *builder)
{
    while (!builder->ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&builder->parser, &event))
            return fault_of_parser(builder);
        bool good = take_event(builder, &event);
        yaml_event_delete(&event);
        if (!good)
            return false;
    }
    return true;
}

static void check_root(const struct arci_tree *tree, struct arci_faults *faults)
{
    struct arci_place start = {0};
    if (!tree->root || arci_node_is_null(tree->root))
        arci_faults_add(faults, start, "the file is empty: 'arctic compose init' writes one to begin with");
    else if (tree->root->kind != ARCI_NODE_MAPPING)
        arci_faults_add(faults, tree->root->place, "the file must be a mapping: version, peers, services");
}

int arci_tree_read(const struct arci_source *source, struct arci_tree *ret_tree, struct arci_faults *faults,
                   struct arctic_error *error)
{
    ARCI_CLEANUP(arci_tree_release) struct arci_tree tree = {.root = NULL};
    struct builder builder = {.source = source, .faults = faults, .tree = &tree};
    if (!yaml_parser_initialize(&builder.parser))
        return arci_fail_memory(error);
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)source->text, source->length);
    bool built = build(&builder);
    yaml_parser_delete(&builder.parser);
    if (builder.no_memory || faults->failed)
        return arci_fail_memory(error);
    if (built)
        check_root(&tree, faults);
    *ret_tree = tree;
    tree = (struct arci_tree){.root = NULL};
    return ARCTIC_OK;
}

void arci_tree_release(struct arci_tree *tree)
{
    while (tree->allocated) {
        struct arci_node *node = tree->allocated;
        tree->allocated = node->allocated;
        free(node->text);
        free(node);
    }
    tree->root = NULL;
}

const struct arci_node *arci_node_member(const struct arci_node *mapping, const char *key)
{
    for (const struct arci_node *node = mapping->first; node; node = node->next) {
        if (strcmp(node->key->text, key) == 0)
            return node;
    }
    return NULL;
}

static bool is_integer(const char *text)
{
    text += *text == '-';
    size_t length = strlen(text);
    return length > 0 && length <= 18 && strspn(text, "0123456789") == length &&
           (text[0] != '0' || length == 1);
}

bool arci_node_is_null(const struct arci_node *node)
{
    return node->kind == ARCI_NODE_SCALAR && node->plain &&
           (!*node->text || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0);
}

json_t *arci_node_value(const struct arci_node *scalar)
{
    const char *text = scalar->text;
    if (arci_node_is_null(scalar))
        return json_null();
    if (scalar->plain && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0))
        return json_boolean(strcasecmp(text, "true") == 0);
    if (scalar->plain && is_integer(text))
        return json_integer(strtoll(text, NULL, 10));
    return json_string(text);
}
