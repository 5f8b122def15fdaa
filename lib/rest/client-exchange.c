/* One request to the endpoints in turn, within the time of the call. */
#include "rest/client-internal.h"

#include <string.h>

#include "base/error.h"
#include "base/time.h"

#define CONNECT_LEAST_MS 1000 /* TCP and TLS with a round-trip time of 300 ms */

/* What came of the endpoints that did not answer: a sentence each. */
struct failures {
    struct arci_buffer reasons;
    int code; /* of the last one that was asked; ARCTIC_E_USAGE where none was */
};

static void release_failures(struct failures *failures)
{
    arci_buffer_release(&failures->reasons);
}

static void add_failure(struct failures *failures, const char *url, const char *reason)
{
    arci_buffer_format(&failures->reasons, "%s%s: %s", failures->reasons.length > 0 ? "; " : "", url, reason);
}

/*
 * A host that is away often refuses nothing and only says nothing: it takes no more than its share of the time that is left for it
 * and the endpoints behind it, unless that is too short for a far host to answer.
 */
static int64_t connect_time(const struct arctic_client *client, int64_t left, size_t endpoints_left)
{
    int64_t share = left / (int64_t)endpoints_left;
    if (share < CONNECT_LEAST_MS)
        share = CONNECT_LEAST_MS;
    return share < client->connect_timeout_ms ? share : client->connect_timeout_ms;
}

static int run_transfer(struct arctic_client *client, const struct arci_client_call *call,
                        const struct arci_client_endpoint *endpoint, size_t endpoints_left,
                        struct arci_transfer *transfer)
{
    int64_t left = call->deadline - arci_time_monotonic();
    transfer->endpoint = endpoint->url;
    transfer->fingerprint = endpoint->pinned ? endpoint->fingerprint : NULL;
    transfer->method = call->method;
    transfer->path = call->path;
    transfer->body = call->body;
    transfer->content_type = call->content_type;
    transfer->token = call->flags & ARCI_CALL_TOKEN ? client->token : NULL;
    transfer->peer = call->flags & ARCI_CALL_PEER ? client->peer : NULL;
    transfer->recovery_token = call->flags & ARCI_CALL_RECOVERY ? client->recovery_token : NULL;
    transfer->user_agent = client->user_agent;
    transfer->timeout_ms = left > 1 ? left : 1;
    transfer->connect_timeout_ms = connect_time(client, left, endpoints_left);
    transfer->socket_mark = client->socket_mark;
    return arci_transfer_run(client->curl, transfer);
}

/* Whether it does no harm to carry it out twice. */
static bool changes_nothing(const struct arci_client_call *call)
{
    return strcmp(call->method, "GET") == 0 || strcmp(call->path, ARCI_CLIENT_TOKEN_PATH) == 0;
}

/* Whether the next endpoint may be asked the same after this one failed. */
static bool may_repeat(const struct arci_client_call *call, const struct arci_transfer *transfer, int code)
{
    if (code != ARCTIC_E_UNREACHABLE && code != ARCTIC_E_PROTOCOL && code != ARCTIC_E_UNTRUSTED)
        return false;
    if (arci_time_monotonic() >= call->deadline)
        return false;
    return !transfer->sent || changes_nothing(call);
}

static const char *what_failed(const struct arci_transfer *transfer, int code)
{
    if (code == ARCTIC_E_UNTRUSTED)
        return "cannot trust the agent";
    if (code == ARCTIC_E_LIMIT || code == ARCTIC_E_PROTOCOL)
        return "bad answer from the agent";
    return transfer->sent ? "no answer from the agent" : "cannot reach the agent";
}

static int fail(const struct arci_client_call *call, const struct arci_transfer *transfer,
                const struct failures *failures, struct arctic_error *error)
{
    const char *reasons = failures->reasons.failed ? transfer->reason : (char *)failures->reasons.data;
    if (failures->code == ARCTIC_E_NO_MEMORY)
        return arci_fail_memory(error);
    if (failures->code == ARCTIC_E_USAGE)
        return arci_fail(error, ARCTIC_E_USAGE, "recovery_token", "%.400s", reasons);
    const char *doubt = transfer->sent && !changes_nothing(call)
                            ? "; the request may have been carried out, look before you repeat it"
                            : "";
    return arci_fail(error, failures->code, NULL, "%s: %.330s%s", what_failed(transfer, failures->code),
                     reasons, doubt);
}

static bool may_send_recovery(const struct arci_client_call *call,
                              const struct arci_client_endpoint *endpoint)
{
    return !(call->flags & ARCI_CALL_RECOVERY) || endpoint->is_private;
}

int arci_client_exchange(struct arctic_client *client, const struct arci_client_call *call,
                         struct arci_transfer *transfer, struct arctic_error *error)
{
    ARCI_CLEANUP(release_failures) struct failures failures = {.code = ARCTIC_E_USAGE};
    for (size_t i = 0; i < client->endpoint_count; i++) {
        size_t index = (client->current + i) % client->endpoint_count;
        const struct arci_client_endpoint *endpoint = &client->endpoints[index];
        if (!may_send_recovery(call, endpoint)) {
            add_failure(&failures, endpoint->url,
                        "a recovery token is sent over https, or to this host itself, and not in the clear");
            continue;
        }
        failures.code = run_transfer(client, call, endpoint, client->endpoint_count - i, transfer);
        if (failures.code == ARCTIC_OK) {
            client->current = index;
            return ARCTIC_OK;
        }
        add_failure(&failures, endpoint->url, transfer->reason);
        if (!may_repeat(call, transfer, failures.code))
            break;
    }
    return fail(call, transfer, &failures, error);
}
