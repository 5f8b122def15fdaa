/* Splitting and decoding of request targets. A segment is decoded after the split, so that %2F never makes a
 * new segment. */
#include "rest/target.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

void arci_target_release(struct arci_target *target)
{
    free(target->memory);
    *target = (struct arci_target){.memory = NULL};
}

/* The absolute form carries scheme and authority before the path. */
static const char *skip_authority(const char *text)
{
    size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0)
        return text;
    text += scheme;
    text += strcspn(text, "/?");
    return *text == '/' ? text : "/";
}

static int split_path(char *path, struct arci_target *target, struct arctic_error *error)
{
    for (char *segment = path + 1, *next; segment; segment = next) {
        next = strchr(segment, '/');
        if (next)
            *next++ = '\0';
        if (target->segment_count == ARCI_TARGET_SEGMENTS)
            return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL,
                             "no such resource: the path has too many segments");
        if (!arci_percent_decode(segment, false))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                             "the path holds a broken percent-escape, a control character or invalid UTF-8");
        target->segments[target->segment_count++] = segment;
    }
    return ARCTIC_OK;
}

int arci_target_parse(const char *text, struct arci_target *ret_target, struct arctic_error *error)
{
    *ret_target = (struct arci_target){.memory = NULL};
    text = skip_authority(text);
    size_t length = strnlen(text, ARCI_TARGET_MAX + 1);
    bool too_long = length > ARCI_TARGET_MAX;
    if (too_long)
        length = ARCI_TARGET_MAX;
    char *memory = malloc(2 * (length + 1));
    if (!memory)
        return arci_fail_memory(error);
    ret_target->memory = memory;
    char *work = memory + length + 1;
    memcpy(memory, text, length);
    memory[length] = '\0';
    memcpy(work, memory, length + 1);
    char *mark = strchr(memory, '?');
    if (mark) {
        *mark = '\0';
        ret_target->raw_query = mark + 1;
    }
    ret_target->path = memory;

    if (too_long)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the request target is longer than %d bytes",
                         ARCI_TARGET_MAX);
    if (*work != '/')
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the request target must begin with '/'");
    char *query = strchr(work, '?');
    if (query)
        *query++ = '\0';
    int code = split_path(work, ret_target, error);
    if (code < 0 || !query)
        return code;
    return arci_pairs_parse(query, "query", &ret_target->query, error);
}
