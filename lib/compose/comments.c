/*
 * Between two tokens of libyaml's scanner stand white space and comments alone, since each indicator is a token of its own and a '#'
 * inside a text is inside its token.
 */
#include "compose/comments.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/error.h"

static bool add(struct arci_comments *comments, const struct arci_comment *comment)
{
    if (comments->count == comments->capacity) {
        size_t capacity = comments->capacity ? comments->capacity * 2 : 16;
        struct arci_comment *items = realloc(comments->items, capacity * sizeof *items);
        if (!items)
            return false;
        comments->items = items;
        comments->capacity = capacity;
    }
    comments->items[comments->count++] = *comment;
    return true;
}

static size_t length_of(const char *text)
{
    size_t length = strcspn(text, "\n");
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    return length;
}

static bool take_gap(const struct arci_source *source, size_t from, size_t to, struct arci_comments *comments)
{
    const char *text = source->text;
    while (from < to) {
        const char *found = memchr(text + from, '#', to - from);
        if (!found)
            return true;
        size_t start = (size_t)(found - text);
        struct arci_comment comment = {arci_source_place(source, start), start, length_of(found)};
        if (!add(comments, &comment))
            return false;
        from = start + strcspn(found, "\n");
    }
    return true;
}

static size_t offset_of(const struct arci_source *source, const yaml_mark_t *mark)
{
    return arci_source_offset(source, (struct arci_place){mark->line, mark->column});
}

static int scan(yaml_parser_t *parser, const struct arci_source *source, struct arci_comments *comments,
                struct arctic_error *error)
{
    size_t position = 0;
    for (;;) {
        yaml_token_t token;
        if (!yaml_parser_scan(parser, &token))
            return arci_fail(error,
                             parser->error == YAML_MEMORY_ERROR ? ARCTIC_E_NO_MEMORY : ARCTIC_E_INTERNAL,
                             NULL, "the text of the compose file was not checked");
        size_t start = offset_of(source, &token.start_mark);
        size_t end = offset_of(source, &token.end_mark);
        bool last = token.type == YAML_STREAM_END_TOKEN || token.type == YAML_NO_TOKEN;
        yaml_token_delete(&token);
        if (!take_gap(source, position, last ? source->length : start, comments))
            return arci_fail_memory(error);
        if (last)
            return ARCTIC_OK;
        position = end > position ? end : position;
    }
}

int arci_comments_read(const struct arci_source *source, struct arci_comments *ret_comments,
                       struct arctic_error *error)
{
    ARCI_CLEANUP(arci_comments_release) struct arci_comments comments = {.items = NULL};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return arci_fail_memory(error);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)source->text, source->length);
    int code = scan(&parser, source, &comments, error);
    yaml_parser_delete(&parser);
    if (code < 0)
        return code;
    *ret_comments = comments;
    comments = (struct arci_comments){.items = NULL};
    return ARCTIC_OK;
}

void arci_comments_release(struct arci_comments *comments)
{
    free(comments->items);
    *comments = (struct arci_comments){.items = NULL};
}
