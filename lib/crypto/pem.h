/* Reading PEM with OpenSSL. */
#ifndef ARCI_CRYPTO_PEM_H
#define ARCI_CRYPTO_PEM_H

/* As the pem_password_cb of OpenSSL's readers: without one, an encrypted key would make them ask at the terminal. */
int arci_pem_no_passphrase(char *buffer, int size, int for_writing, void *context);

#endif
