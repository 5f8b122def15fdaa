/* libyaml's documents as jansson's values. */
#include "cli/yaml.h"

#include <string.h>
#include <strings.h>
#include <yaml.h>

#define DEPTH_MAX 32

struct reader {
    yaml_parser_t parser;
    const char *name;
    struct arctic_error *error;
};

static json_t *fail_at(struct reader *reader, const yaml_mark_t *mark, const char *text)
{
    cli_fail(reader->error, ARCTIC_E_INVALID_REQUEST, "%s:%zu:%zu: %s", reader->name, mark->line + 1,
             mark->column + 1, text);
    return NULL;
}

static bool is_integer(const char *text)
{
    text += *text == '-';
    size_t length = strlen(text);
    return length > 0 && length <= 18 && strspn(text, "0123456789") == length;
}

/* The core schema of YAML 1.2 (section 10.3.2), without floats: nothing here has a fraction. */
static json_t *plain_scalar(const char *text)
{
    if (!*text || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0)
        return json_null();
    if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
        return json_boolean(strcasecmp(text, "true") == 0);
    if (is_integer(text))
        return json_integer(strtoll(text, NULL, 10));
    return json_string(text);
}

static json_t *read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (event->data.scalar.anchor || (event->data.scalar.tag && plain))
        return fail_at(reader, &event->start_mark, "anchors and tags are not supported");
    if (strlen(text) != event->data.scalar.length)
        return fail_at(reader, &event->start_mark, "a NUL character in a text");
    json_t *value = plain ? plain_scalar(text) : json_string(text);
    return value ? value : fail_at(reader, &event->start_mark, "out of memory, or text that is not UTF-8");
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return true;
    const yaml_mark_t *mark =
        reader->parser.context_mark.line ? &reader->parser.context_mark : &reader->parser.problem_mark;
    fail_at(reader, mark, reader->parser.problem ? reader->parser.problem : "not valid YAML");
    return false;
}

static json_t *read_value(struct reader *reader, const yaml_event_t *event, unsigned depth);

/* The value that the next event begins; NULL also at the end of the collection (then *ret_end). */
static json_t *read_next(struct reader *reader, yaml_event_type_t end, bool *ret_end, unsigned depth)
{
    yaml_event_t event;
    if (!next_event(reader, &event))
        return NULL;
    *ret_end = event.type == end;
    json_t *value = *ret_end ? NULL : read_value(reader, &event, depth);
    yaml_event_delete(&event);
    return value;
}

static json_t *read_sequence(struct reader *reader, unsigned depth)
{
    CLI_JSON *array = json_array();
    bool end = false;
    while (array) {
        json_t *item = read_next(reader, YAML_SEQUENCE_END_EVENT, &end, depth + 1);
        if (end)
            return cli_steal(array);
        if (!item || json_array_append_new(array, item) < 0)
            return NULL;
    }
    return NULL;
}

static bool read_member(struct reader *reader, json_t *object, const yaml_event_t *event, unsigned depth)
{
    bool end = false;
    if (event->type != YAML_SCALAR_EVENT) {
        fail_at(reader, &event->start_mark, "a key must be a text");
        return false;
    }
    const char *key = (const char *)event->data.scalar.value;
    if (json_object_get(object, key)) {
        fail_at(reader, &event->start_mark, "this key comes twice");
        return false;
    }
    json_t *value = read_next(reader, YAML_NO_EVENT, &end, depth + 1);
    if (!value)
        return false;
    if (json_object_set_new(object, key, value) == 0)
        return true;
    fail_at(reader, &event->start_mark, "out of memory, or a key that is not UTF-8");
    return false;
}

static json_t *read_mapping(struct reader *reader, unsigned depth)
{
    CLI_JSON *object = json_object();
    yaml_event_t event;
    while (object && next_event(reader, &event)) {
        bool end = event.type == YAML_MAPPING_END_EVENT;
        bool good = end || read_member(reader, object, &event, depth);
        yaml_event_delete(&event);
        if (end)
            return cli_steal(object);
        if (!good)
            return NULL;
    }
    return NULL;
}

static json_t *read_value(struct reader *reader, const yaml_event_t *event, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return fail_at(reader, &event->start_mark, "nested too deeply");
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(reader, depth);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(reader, depth);
    case YAML_ALIAS_EVENT:
        return fail_at(reader, &event->start_mark, "aliases are not supported");
    default:
        return fail_at(reader, &event->start_mark, "a value is missing");
    }
}

/* Skips what stands before the first value; an empty text has none. */
static json_t *read_document(struct reader *reader)
{
    yaml_event_t event;
    for (;;) {
        if (!next_event(reader, &event))
            return NULL;
        bool before = event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT;
        bool empty = event.type == YAML_STREAM_END_EVENT;
        json_t *value = before ? NULL : empty ? json_null() : read_value(reader, &event, 0);
        yaml_event_delete(&event);
        if (!before)
            return value;
    }
}

static bool read_end(struct reader *reader)
{
    yaml_event_t event;
    bool done = false;
    while (!done) {
        if (!next_event(reader, &event))
            return false;
        done = event.type == YAML_STREAM_END_EVENT || event.type == YAML_NO_EVENT;
        bool good = done || event.type == YAML_DOCUMENT_END_EVENT;
        if (!good)
            fail_at(reader, &event.start_mark, "only one document is allowed");
        yaml_event_delete(&event);
        if (!good)
            return false;
    }
    return true;
}

int cli_yaml_parse(const char *text, size_t length, const char *name, json_t **ret_value,
                   struct arctic_error *error)
{
    struct reader reader = {.name = name, .error = error};
    if (length > CLI_YAML_MAX)
        return cli_fail(error, ARCTIC_E_INVALID_REQUEST, "%s: larger than %d bytes", name, CLI_YAML_MAX);
    if (!yaml_parser_initialize(&reader.parser))
        return cli_fail_memory(error);
    cli_fail_memory(error);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    CLI_JSON *value = read_document(&reader);
    bool good = value && read_end(&reader);
    yaml_parser_delete(&reader.parser);
    if (!good)
        return error->code;
    *ret_value = cli_steal(value);
    return ARCTIC_OK;
}
