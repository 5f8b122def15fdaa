/* Effective capabilities of the calling thread, through capget(2). */
#include "kernel/privilege.h"

#include <stdint.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "base/error.h"

bool arci_privilege_has(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0)
        return true; /* what is missing will say so where it is needed */
    return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/* A state_reason has to hold it (struct arci_service_live). */
static int require(int capability, const char *name, const char *purpose, struct arctic_error *error)
{
    if (arci_privilege_has(capability))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "missing capability %s%s: " ARCI_PRIVILEGE_ADVICE, name,
                     purpose);
}

int arci_privilege_check(struct arctic_error *error)
{
    return require(CAP_NET_ADMIN, "CAP_NET_ADMIN", "", error);
}

int arci_privilege_check_raw(struct arctic_error *error)
{
    return require(CAP_NET_RAW, "CAP_NET_RAW", ", which DHCP needs", error);
}
