/* What the processor does in hardware. */
#ifndef ARCI_CRYPTO_CPU_H
#define ARCI_CRYPTO_CPU_H

#include <stdbool.h>

/* Whether AES-GCM has instructions of its own; without them ChaCha20-Poly1305 is several times faster. */
bool arci_cpu_has_aes(void);

#endif
