/* Cleaning, and the way between places and offsets. */
#include "compose/source.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/utf8.h"
#include "compose/faults.h"

#define BLOCK 256 /* bytes between two counts of characters */

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

/* Bytes that are replaced count as characters from then on. */
static struct arci_place place_behind(struct arci_place place, uint32_t codepoint, bool good, size_t length)
{
    if (good && codepoint == '\n')
        return (struct arci_place){.line = place.line + 1};
    place.column += good ? 1 : length;
    return place;
}

static void check_characters(struct arci_source *source, struct arci_faults *faults)
{
    struct arci_place place = {0};
    size_t at = 0;
    while (at < source->length) {
        uint32_t codepoint = 0;
        size_t length = arci_utf8_decode(source->text + at, &codepoint);
        if (length == 0)
            arci_faults_add(faults, place, "this is not valid UTF-8");
        else if (!is_good(codepoint))
            arci_faults_add(faults, place, "the character U+%04X is not allowed here", (unsigned)codepoint);
        bool good = length > 0 && is_good(codepoint);
        length = length ? length : 1;
        if (!good)
            memset(source->text + at, '?', length);
        place = place_behind(place, codepoint, good, length);
        at += length;
    }
}

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

static int count_characters(struct arci_source *source, struct arctic_error *error)
{
    size_t count = 0;
    source->characters = calloc(source->length / BLOCK + 1, sizeof *source->characters);
    if (!source->characters)
        return arci_fail_memory(error);
    for (size_t at = 0; at <= source->length; at++) {
        if (at % BLOCK == 0)
            source->characters[at / BLOCK] = count;
        count += begins_character(source->text[at]);
    }
    return ARCTIC_OK;
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
    code = count_characters(&source, error);
    if (code < 0)
        return code;
    *ret_source = source;
    source = (struct arci_source){0};
    return ARCTIC_OK;
}

/* How many characters begin before an offset. */
static size_t characters_before(const struct arci_source *source, size_t offset)
{
    size_t at = offset / BLOCK * BLOCK;
    size_t count = source->characters[at / BLOCK];
    for (; at < offset; at++)
        count += begins_character(source->text[at]);
    return count;
}

/* The last block between two offsets before which at most so many characters begin; `from` where there is none. */
static size_t block_of(const struct arci_source *source, size_t from, size_t to, size_t characters)
{
    size_t low = from / BLOCK;
    size_t high = to / BLOCK + 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->characters[middle] <= characters)
            low = middle;
        else
            high = middle;
    }
    return low * BLOCK > from ? low * BLOCK : from;
}

size_t arci_source_offset(const struct arci_source *source, struct arci_place place)
{
    if (place.line >= source->line_count)
        return source->length;
    size_t start = source->lines[place.line];
    size_t end = place.line + 1 < source->line_count ? source->lines[place.line + 1] - 1 : source->length;
    size_t wanted = characters_before(source, start) + place.column;
    size_t at = block_of(source, start, end, wanted);
    size_t count = characters_before(source, at);
    while (at < end && (count < wanted || !begins_character(source->text[at])))
        count += begins_character(source->text[at++]);
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
    size_t line = line_of(source, offset);
    size_t before = characters_before(source, source->lines[line]);
    return (struct arci_place){line, characters_before(source, offset) - before};
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
    free(source->characters);
    *source = (struct arci_source){0};
}
