/* Reading PEM with OpenSSL. */
#include "crypto/pem.h"

int arci_pem_no_passphrase(char *buffer, int size, int for_writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)for_writing;
    (void)context;
    return -1;
}
