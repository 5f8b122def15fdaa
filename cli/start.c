/* What is the same for each program: the process they find, and the word that arctic-compose does without. */
#include <fcntl.h>
#include <locale.h>
#include <string.h>

#include "cli/cli.h"

/*
 * Where the caller closed one of the first three, the configuration file or a connection would get its number, and
 * what is printed would go there. Opened the wrong way round, so that writing says what is wrong.
 */
static bool hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    }
    return true;
}

/* "arctic-compose diff" is "arctic compose diff", and "arctic-compose help diff" is "arctic help compose diff". */
static int run_compose(int argc, char **argv)
{
    static char word[] = "compose";
    CLI_FREE char **words = calloc((size_t)argc + 2, sizeof *words);
    int count = 0;
    if (!words) {
        fputs("arctic-compose: out of memory\n", stderr);
        return 1;
    }
    words[count++] = argv[0];
    if (argc > 1 && strcmp(argv[1], "help") == 0)
        words[count++] = argv[1];
    words[count] = word;
    for (int i = count; i < argc; i++)
        words[i + 1] = argv[i];
    return cli_main(argc + 1, words, CLI_PROGRAM_COMPOSE);
}

int cli_start(int argc, char **argv, enum cli_program program)
{
    if (!hold_standard_descriptors())
        return 1;
    /* Names are UTF-8 whatever the terminal is set to; tables need to know how wide they are. */
    setlocale(LC_CTYPE, "C.UTF-8");
    return program == CLI_PROGRAM_COMPOSE ? run_compose(argc, argv) : cli_main(argc, argv, program);
}
