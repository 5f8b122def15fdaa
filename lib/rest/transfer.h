/* One HTTP request and its answer, by libcurl. */
#ifndef ARCI_REST_TRANSFER_H
#define ARCI_REST_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "crypto/digest.h"

struct arci_transfer {
    /* What to send. */
    const char *endpoint;       /* "http://host:port" */
    const uint8_t *fingerprint; /* of the key that an https endpoint has to show; NULL: a CA vouches for it */
    const char *method;
    const char *path;
    const char *body;           /* NULL: none */
    const char *content_type;   /* of the body */
    const char *token;          /* NULL: none */
    const char *peer;           /* X-Arctic-Peer; NULL: none */
    const char *recovery_token; /* X-Arctic-Recovery; NULL: none */
    const char *user_agent;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    uint32_t socket_mark; /* SO_MARK, 0: none */

    /* What came of it. */
    struct arci_buffer answer; /* the caller's to release */
    int32_t status;            /* of HTTP, 0 without an answer */
    bool sent;                 /* some of the request has left: it may have been carried out */
    bool timed_out;
    char reason[320]; /* why there is no answer */
};

/*
 * Carries out a transfer on `curl`, whose connections are reused. Returns ARCTIC_OK when there is an answer
 * of any status, else ARCTIC_E_UNREACHABLE, ARCTIC_E_UNTRUSTED (the endpoint shows another key, or one that no
 * CA vouches for), ARCTIC_E_TIMEOUT, ARCTIC_E_LIMIT (answer too large), ARCTIC_E_PROTOCOL or
 * ARCTIC_E_NO_MEMORY with the reason in the transfer.
 */
int arci_transfer_run(CURL *curl, struct arci_transfer *transfer);

/*
 * Connects to an https endpoint, whoever it is, sends no request, and gives the fingerprint of the key that it
 * shows. Needs endpoint, user_agent and the limits. Errors: as above.
 */
int arci_transfer_look(CURL *curl, struct arci_transfer *transfer, uint8_t ret_fingerprint[ARCI_SHA256_SIZE]);

/* --- transfer-tls.c, for transfer.c --- */

/* Whom an https endpoint has to prove to be. `trust_any`: nobody. */
void arci_transfer_set_trust(CURL *curl, const struct arci_transfer *transfer, bool trust_any);

/* The fingerprint of the key that the endpoint has shown; false where it has shown none. */
bool arci_transfer_shown(CURL *curl, uint8_t ret_fingerprint[ARCI_SHA256_SIZE]);

/* Whether `result` is a fault of TLS; the transfer's reason then says which, and *ret_code is its code. */
bool arci_transfer_explain_tls(CURL *curl, struct arci_transfer *transfer, CURLcode result,
                               const char *detail, int *ret_code);

#endif
