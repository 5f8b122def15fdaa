/* jansson's values as YAML. */
#include "cli/yaml.h"

#include <string.h>
#include <strings.h>
#include <yaml.h>

/* Whether a text may stand without quotes and is read back as the same text. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+-";
    size_t length = strlen(text);
    if (length == 0 || !strchr(letters, text[0]) || strspn(text, rest) != length || text[length - 1] == ':')
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0)
            return false;
    }
    return true;
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, bool plain)
{
    yaml_event_t event;
    yaml_scalar_style_t style = plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    return yaml_scalar_event_initialize(&event, NULL, NULL, (const unsigned char *)text, (int)strlen(text),
                                        plain, !plain, style) &&
           yaml_emitter_emit(emitter, &event);
}

static bool emit_text(yaml_emitter_t *emitter, const char *text)
{
    return emit_scalar(emitter, text, is_plain(text));
}

static bool emit_value(yaml_emitter_t *emitter, const json_t *value);

static bool emit_object(yaml_emitter_t *emitter, const json_t *object)
{
    yaml_event_t event;
    yaml_mapping_style_t style =
        json_object_size(object) ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
    if (!yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style) ||
        !yaml_emitter_emit(emitter, &event))
        return false;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member)
    {
        if (!emit_text(emitter, key) || !emit_value(emitter, member))
            return false;
    }
    return yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit_array(yaml_emitter_t *emitter, const json_t *array)
{
    yaml_event_t event;
    yaml_sequence_style_t style =
        json_array_size(array) ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
    if (!yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style) ||
        !yaml_emitter_emit(emitter, &event))
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!emit_value(emitter, json_array_get(array, i)))
            return false;
    }
    return yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit_number(yaml_emitter_t *emitter, const json_t *value)
{
    char text[40];
    if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else
        snprintf(text, sizeof text, "%.*g", CLI_REAL_DIGITS, json_real_value(value));
    return emit_scalar(emitter, text, true);
}

static bool emit_value(yaml_emitter_t *emitter, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return emit_object(emitter, value);
    case JSON_ARRAY:
        return emit_array(emitter, value);
    case JSON_STRING:
        return emit_text(emitter, json_string_value(value));
    case JSON_INTEGER:
    case JSON_REAL:
        return emit_number(emitter, value);
    case JSON_TRUE:
        return emit_scalar(emitter, "true", true);
    case JSON_FALSE:
        return emit_scalar(emitter, "false", true);
    case JSON_NULL:
        break;
    }
    return emit_scalar(emitter, "null", true);
}

static bool emit_document(yaml_emitter_t *emitter, const json_t *value)
{
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
           yaml_emitter_emit(emitter, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
           yaml_emitter_emit(emitter, &event) && emit_value(emitter, value) &&
           yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(emitter, &event) &&
           yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

int cli_yaml_write(FILE *stream, const json_t *value, struct arctic_error *error)
{
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter))
        return cli_fail_memory(error);
    yaml_emitter_set_output_file(&emitter, stream);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    bool good = emit_document(&emitter, value);
    bool memory = emitter.error == YAML_MEMORY_ERROR;
    yaml_emitter_delete(&emitter);
    if (!good)
        return memory ? cli_fail_memory(error) : cli_fail_errno(error, "cannot write YAML");
    return ARCTIC_OK;
}
