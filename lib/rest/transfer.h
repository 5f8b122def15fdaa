/* One HTTP request and its answer, by libcurl. */
#ifndef ARCI_REST_TRANSFER_H
#define ARCI_REST_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct arci_transfer {
    /* What to send. */
    const char *endpoint; /* "http://host:port" */
    const char *method;
    const char *path;
    const char *body;         /* NULL: none */
    const char *content_type; /* of the body */
    const char *token;        /* NULL: none */
    const char *user_agent;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    uint32_t socket_mark; /* SO_MARK, 0: none */

    /* What came of it. */
    struct arci_buffer answer; /* the caller's to release */
    int32_t status;            /* of HTTP, 0 without an answer */
    bool sent;                 /* some of the request has left: it may have been carried out */
    bool timed_out;
    char reason[256]; /* why there is no answer */
};

/*
 * Carries out a transfer on `curl`, whose connections are reused. Returns ARCTIC_OK when there is an answer
 * of any status, else ARCTIC_E_UNREACHABLE, ARCTIC_E_TIMEOUT, ARCTIC_E_LIMIT (answer too large),
 * ARCTIC_E_PROTOCOL or ARCTIC_E_NO_MEMORY with the reason in the transfer.
 */
int arci_transfer_run(CURL *curl, struct arci_transfer *transfer);

#endif
