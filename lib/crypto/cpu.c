/* Asked of the compiler's run-time (x86) or the kernel (ARM). */
#include "crypto/cpu.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

bool arci_cpu_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    unsigned long features = getauxval(AT_HWCAP);
    return (features & HWCAP_AES) && (features & HWCAP_PMULL);
#else
    return false;
#endif
}
