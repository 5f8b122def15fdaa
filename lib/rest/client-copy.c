/* Copying a client; the token goes along, so that each copy does not ask for one of its own. */
#include "rest/client-copy.h"

#include <string.h>

#include "base/error.h"
#include "rest/client-internal.h"

static bool copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return !text || *ret_copy;
}

static bool copy_endpoints(const struct arctic_client *client, struct arctic_client *copy)
{
    for (size_t i = 0; i < client->endpoint_count; i++) {
        copy->endpoints[i] = client->endpoints[i];
        if (!copy_text(client->endpoints[i].url, &copy->endpoints[i].url))
            return false;
        copy->endpoint_count++;
    }
    copy->current = client->current;
    return true;
}

int arci_client_copy(const struct arctic_client *client, const char *peer, struct arctic_client **ret_copy,
                     struct arctic_error *error)
{
    ARCI_CLEANUP(arci_client_cleanup) struct arctic_client *copy = calloc(1, sizeof *copy);
    if (!copy)
        return arci_fail_memory(error);
    copy->token_until = client->token_until;
    copy->timeout_ms = client->timeout_ms;
    copy->connect_timeout_ms = client->connect_timeout_ms;
    copy->socket_mark = client->socket_mark;
    copy->curl = curl_easy_init();
    if (!copy->curl || !copy_endpoints(client, copy) || !copy_text(client->client_id, &copy->client_id) ||
        !copy_text(client->client_secret, &copy->client_secret) || !copy_text(client->token, &copy->token) ||
        !copy_text(client->user_agent, &copy->user_agent) ||
        !copy_text(peer ? peer : client->peer, &copy->peer) ||
        !copy_text(client->recovery_token, &copy->recovery_token))
        return arci_fail_memory(error);
    *ret_copy = arci_steal(copy);
    return ARCTIC_OK;
}
