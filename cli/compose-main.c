/* arctic-compose: the commands of 'arctic compose' under a name of their own. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_start(argc, argv, CLI_PROGRAM_COMPOSE);
}
