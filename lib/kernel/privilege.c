/* Effective capabilities of the calling thread, through capget(2). */
#include "kernel/privilege.h"

#include <stdint.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "base/error.h"

int arci_privilege_check(struct arctic_error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0)
        return arci_fail_errno(error, "cannot read the capabilities of the agent");
    if (data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL,
                     "the agent lacks the capability CAP_NET_ADMIN: " ARCI_PRIVILEGE_ADVICE);
}
