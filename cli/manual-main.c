/* Run by the build: manual-pages FOLDER DATE WORD... writes arctic.1 and a page for each first word of a command. */
#include <string.h>

#include <arctic/api.h>

#include "cli/manual.h"

struct pages {
    char **words;
    int count;
    bool complete;
};

static bool is_listed(const char *word, void *context)
{
    struct pages *pages = context;
    bool listed = false;
    for (int i = 0; i < pages->count; i++)
        listed = listed || strcmp(pages->words[i], word) == 0;
    if (!listed)
        fprintf(stderr, "the table of commands has '%s': add it to manual_words in cli/meson.build\n", word);
    pages->complete = pages->complete && listed;
    return true;
}

static bool write_page(const char *folder, const char *word, const char *date)
{
    CLI_FREE char *path = cli_format("%s/arctic%s%s.1", folder, word ? "-" : "", word ? word : "");
    FILE *stream = path ? fopen(path, "w") : NULL;
    if (!stream) {
        perror(path ? path : folder);
        return false;
    }
    cli_manual_print(stream, word, arctic_version(), date);
    if (fclose(stream) == 0)
        return true;
    perror(path);
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: manual-pages FOLDER DATE WORD...\n", stderr);
        return 2;
    }
    struct pages pages = {.words = argv + 3, .count = argc - 3, .complete = true};
    cli_manual_visit(is_listed, &pages);
    bool good = pages.complete && write_page(argv[1], NULL, argv[2]);
    for (int i = 0; i < pages.count && good; i++) {
        good = cli_command_find(pages.words[i]) || cli_command_is_group(pages.words[i]);
        if (!good)
            fprintf(stderr, "there is no command '%s': take it out of manual_words in cli/meson.build\n",
                    pages.words[i]);
        good = good && write_page(argv[1], pages.words[i], argv[2]);
    }
    return good ? 0 : 1;
}
