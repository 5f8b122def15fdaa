/* arctic: the command line. All but main() is in a library, for the tests. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_start(argc, argv, CLI_PROGRAM_ARCTIC);
}
