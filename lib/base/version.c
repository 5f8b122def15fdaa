/* The version, from the build. */
#include <arctic/api.h>

const char *arctic_version(void)
{
    return ARCTIC_VERSION;
}
