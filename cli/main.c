/* arctic: the command line. All but main() is in a library, for the tests. */
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

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

int main(int argc, char **argv)
{
    if (!hold_standard_descriptors())
        return 1;
    /* Names are UTF-8 whatever the terminal is set to; tables need to know how wide they are. */
    setlocale(LC_CTYPE, "C.UTF-8");
    return cli_main(argc, argv);
}
