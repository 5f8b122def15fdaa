/* Words go on a line until the next one does not fit; what could steer a terminal does not reach it. */
#include "cli/text.h"

#include <string.h>

/* Prints words from `column` on, where the first line has been written up to `used`. */
static void print_words(FILE *stream, const char *text, size_t length, size_t column, size_t used,
                        size_t width)
{
    bool first = true;
    while (length > 0) {
        size_t word = strcspn(text, " \n");
        if (word > length)
            word = length;
        bool fits = used + !first + word <= width;
        if (!first && fits)
            fputc(' ', stream);
        else if (!first)
            fprintf(stream, "\n%*s", (int)column, "");
        fwrite(text, 1, word, stream);
        used = (first || fits ? used + !first : column) + word;
        first = false;
        text += word;
        length -= word;
        size_t gap = strspn(text, " \n");
        text += gap;
        length -= gap < length ? gap : length;
    }
    fputc('\n', stream);
}

void cli_print_wrapped(FILE *stream, const char *text, size_t width)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        print_words(stream, text, length, 0, 0, width);
        text += length + (end ? 2 : 0);
        if (*text)
            fputc('\n', stream);
    }
}

void cli_print_entry(FILE *stream, const char *left, const char *right, size_t column, size_t width)
{
    size_t length = strlen(left);
    fputs(left, stream);
    if (length + 1 > column)
        fprintf(stream, "\n%*s", (int)column, "");
    else
        fprintf(stream, "%*s", (int)(column - length), "");
    print_words(stream, right, strlen(right), column, column, width);
}

/* How many bytes of a control character, of a line separator or of a mark that turns the writing stand here; 0: none. */
static size_t steering_length(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x20 || bytes[0] == 0x7f)
        return 1;
    if (bytes[0] == 0xc2 && bytes[1] >= 0x80 && bytes[1] < 0xa0)
        return 2;
    /* U+2028 to U+202E, U+2066 to U+2069 */
    bool turns = (bytes[0] == 0xe2 && bytes[1] == 0x80 && bytes[2] >= 0xa8 && bytes[2] <= 0xae) ||
                 (bytes[0] == 0xe2 && bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9);
    return turns ? 3 : 0;
}

bool cli_is_harmless(const char *text)
{
    while (*text && steering_length(text) == 0)
        text++;
    return !*text;
}

void cli_make_harmless(char *text)
{
    while (*text) {
        size_t length = steering_length(text);
        memset(text, '?', length);
        text += length ? length : 1;
    }
}
