/* Feeds every file of the folders named on its command line to a fuzz target, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    /* Exactly as large as the input, so that a sanitizer sees a read past its end. */
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *data = size > 0 ? malloc((size_t)size) : NULL;
    size_t got = data ? fread(data, 1, (size_t)size, file) : 0;
    fclose(file);
    int result = size >= 0 && got == (size_t)size ? LLVMFuzzerTestOneInput(data, got) : 1;
    free(data);
    return result;
}

static int replay_folder(const char *folder, int *count)
{
    struct dirent **entries = NULL;
    int number = scandir(folder, &entries, NULL, alphasort);
    int failed = number < 0;
    if (failed)
        perror(folder);
    for (int i = 0; i < number; i++) {
        char path[4096];
        int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && length < (int)sizeof path) {
            failed += replay_file(path) != 0;
            ++*count;
        }
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    int count = 0;
    for (int i = 1; i < argc; i++)
        failed += replay_folder(argv[i], &count);
    printf("%d inputs\n", count);
    return failed > 0 || count == 0;
}
