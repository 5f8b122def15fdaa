/* The insides of a client, shared by its files. */
#ifndef ARCI_REST_CLIENT_INTERNAL_H
#define ARCI_REST_CLIENT_INTERNAL_H

#include <arctic/client.h>

#include "base/cleanup.h"
#include "rest/transfer.h"

#define ARCI_CLIENT_ENDPOINTS_MAX 64

struct arci_client_endpoint {
    char *url;
    bool is_private; /* nobody on the network reads along */
    bool pinned;
    uint8_t fingerprint[ARCI_SHA256_SIZE]; /* where `pinned` */
};

struct arctic_client {
    CURL *curl;
    struct arci_client_endpoint endpoints[ARCI_CLIENT_ENDPOINTS_MAX];
    size_t endpoint_count;
    size_t current; /* the endpoint that answered last */
    char *client_id;
    char *client_secret;
    char *token;
    int64_t token_until; /* monotonic milliseconds, 0: unknown */
    char *user_agent;
    char *peer;
    char *recovery_token;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    uint32_t socket_mark;
};

ARCI_DEFINE_CLEANUP(struct arctic_client *, arctic_client_free, arci_client_cleanup)

/* What a call carries beside its method, path and body. */
enum arci_client_call_flags {
    ARCI_CALL_TOKEN = 1 << 0,
    ARCI_CALL_PEER = 1 << 1,
    ARCI_CALL_RECOVERY = 1 << 2,
};

/* One call of the caller's: what is wanted, until when. */
struct arci_client_call {
    const char *method;
    const char *path;
    const char *body;
    const char *content_type;
    unsigned flags;   /* enum arci_client_call_flags */
    int64_t deadline; /* monotonic milliseconds */
};

/* --- client-exchange.c --- */

/*
 * Asks the endpoints in turn, the one that answered last first. Errors: ARCTIC_E_UNREACHABLE,
 * ARCTIC_E_UNTRUSTED, ARCTIC_E_TIMEOUT, ARCTIC_E_LIMIT, ARCTIC_E_PROTOCOL, ARCTIC_E_USAGE (the recovery token
 * may go to none of them), ARCTIC_E_NO_MEMORY.
 */
int arci_client_exchange(struct arctic_client *client, const struct arci_client_call *call,
                         struct arci_transfer *transfer, struct arctic_error *error);

/* --- client-token.c --- */

#define ARCI_CLIENT_TOKEN_PATH "/v1/oauth/token"

/* As arci_client_exchange(), with a token that is obtained and renewed as needed. Sets the call's flags. */
int arci_client_exchange_with_token(struct arctic_client *client, struct arci_client_call *call,
                                    struct arci_transfer *transfer, struct arctic_error *error);

#endif
