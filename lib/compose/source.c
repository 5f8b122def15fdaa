/* Cleaning, and the way between places and offsets. */
#include "compose/source.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/utf8.h"
#include "compose/faults.h"

static int find_lines(struct arci_source *source, struct arctic_error *error)
{
    size_t count = 1;
    for (size_t i = 0; i < source->length; i++)
        count += source->text[i] == '\n';
    source->lines = calloc(count, sizeof *source->lines);
    if (!source->lines)
        return arci_fail_memory(error);
    source->line_count = count;
    size_t line = 1;
    for (size_t i = 0; i < source->length; i++) {
        if (source->text[i] == '\n')
            source->lines[line++] = i + 1;
    }
    return ARCTIC_OK;
}

/* Drops the byte order mark and the \r of each \r\n, which say nothing. */
static void copy_text(const char *text, size_t length, struct arci_source *source)
{
    size_t at = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < length) {
        if (text[at] == '\r' && at + 1 < length && text[at + 1] == '\n')
            at++;
        source->text[source->length++] = text[at++];
    }
}

static bool is_good(uint32_t codepoint)
{
    return codepoint == '\n' || codepoint == '\t' || arci_utf8_printable(codepoint);
}

static void check_characters(struct arci_source *source, struct arci_faults *faults)
{
    size_t at = 0;
    while (at < source->length) {
        uint32_t codepoint = 0;
        size_t length = arci_utf8_decode(source->text + at, &codepoint);
        if (length == 0)
            arci_faults_add(faults, arci_source_place(source, at), "this is not valid UTF-8");
        else if (!is_good(codepoint))
            arci_faults_add(faults, arci_source_place(source, at), "the character U+%04X is not allowed here",
                            (unsigned)codepoint);
        bool good = length > 0 && is_good(codepoint);
        length = length ? length : 1;
        if (!good)
            memset(source->text + at, '?', length);
        at += length;
    }
}

int arci_source_read(const char *text, size_t length, struct arci_source *ret_source,
                     struct arci_faults *faults, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_source_release) struct arci_source source = {.text = calloc(1, length + 1)};
    if (!source.text)
        return arci_fail_memory(error);
    copy_text(text, length, &source);
    int code = find_lines(&source, error);
    if (code < 0)
        return code;
    check_characters(&source, faults);
    *ret_source = source;
    source = (struct arci_source){0};
    return ARCTIC_OK;
}

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t arci_source_offset(const struct arci_source *source, struct arci_place place)
{
    if (place.line >= source->line_count)
        return source->length;
    size_t at = source->lines[place.line];
    for (size_t column = 0; column < place.column && at < source->length && source->text[at] != '\n';
         column++) {
        at++;
        while (at < source->length && !begins_character(source->text[at]))
            at++;
    }
    return at;
}

static size_t line_of(const struct arci_source *source, size_t offset)
{
    size_t low = 0;
    size_t high = source->line_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct arci_place arci_source_place(const struct arci_source *source, size_t offset)
{
    struct arci_place place = {.line = line_of(source, offset)};
    for (size_t at = source->lines[place.line]; at < offset; at++)
        place.column += begins_character(source->text[at]);
    return place;
}

bool arci_source_blank(const struct arci_source *source, size_t line)
{
    const char *text = source->text + source->lines[line];
    return text[strspn(text, " \t")] == '\n';
}

void arci_source_release(struct arci_source *source)
{
    free(source->text);
    free(source->lines);
    *source = (struct arci_source){0};
}
