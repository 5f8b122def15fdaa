/* Public keys that may sign licences. Those of the build come from the source that scripts/make-trust-root
 * writes. */
#ifndef ARCI_CRYPTO_TRUST_ROOTS_H
#define ARCI_CRYPTO_TRUST_ROOTS_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/identity.h"

struct arci_trust_roots {
    const uint8_t (*keys)[ARCI_KEY_SIZE];
    size_t count;
};

/* The keys of this build; at least one. */
struct arci_trust_roots arci_trust_roots_built_in(void);

#endif
