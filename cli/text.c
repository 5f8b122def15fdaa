/* Words go on a line until the next one does not fit. */
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
