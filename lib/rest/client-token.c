/* The token of a client: obtained for its credentials, kept, renewed before its end and when it is refused. */
#include "rest/client-internal.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "rest/answer.h"

/* A token is renewed this long before its end, so that it does not expire on its way. */
#define TOKEN_MARGIN_S 30

#define BOOTSTRAP_PATH "/v1/bootstrap"

static bool append_escaped(struct arci_buffer *form, const char *name, const char *value)
{
    char *escaped = arctic_client_escape(value);
    if (escaped)
        arci_buffer_format(form, "&%s=%s", name, escaped);
    arctic_client_free_text(escaped);
    return escaped && !form->failed;
}

static void drop_token(struct arctic_client *client)
{
    arci_free_secret(client->token);
    client->token = NULL;
    client->token_until = 0;
}

static int obtain_token(struct arctic_client *client, int64_t deadline, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer form = {.limit = 0};
    arci_buffer_text(&form, "grant_type=client_credentials");
    if (!append_escaped(&form, "client_id", client->client_id) ||
        !append_escaped(&form, "client_secret", client->client_secret))
        return arci_fail_memory(error);
    struct arci_client_call call = {.method = "POST",
                                    .path = ARCI_CLIENT_TOKEN_PATH,
                                    .body = (char *)form.data,
                                    .content_type = "application/x-www-form-urlencoded",
                                    .deadline = deadline};
    struct arci_transfer transfer = {.status = 0};
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer answer = {.limit = 0};
    int code = arci_client_exchange(client, &call, &transfer, error);
    answer = transfer.answer;
    if (code < 0)
        return code;
    if (transfer.status >= 400)
        return arci_answer_error(transfer.status, (char *)answer.data, answer.length, error);
    drop_token(client);
    int64_t lifetime = 0;
    code = arci_answer_token((char *)answer.data, answer.length, &client->token, &lifetime, error);
    if (code == ARCTIC_E_PROTOCOL)
        arci_fail_within(error, code, "%s", arctic_client_endpoint(client));
    if (code == ARCTIC_OK && lifetime > TOKEN_MARGIN_S)
        client->token_until = arci_time_monotonic() + (lifetime - TOKEN_MARGIN_S) * 1000;
    return code;
}

static bool token_is_good(const struct arctic_client *client)
{
    return client->token && (client->token_until == 0 || arci_time_monotonic() < client->token_until);
}

static bool is_public(const char *path)
{
    static const char *const paths[] = {"/livez",
                                        "/readyz",
                                        "/v1/cluster/identity",
                                        BOOTSTRAP_PATH,
                                        ARCI_CLIENT_TOKEN_PATH,
                                        "/.well-known/openid-configuration",
                                        "/.well-known/jwks.json"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(path, paths[i]) == 0)
            return true;
    }
    return false;
}

/* A bootstrap and a token are asked of the agent itself, whichever peer the client addresses. */
static unsigned flags_of(const struct arctic_client *client, const char *path)
{
    bool stays = strcmp(path, BOOTSTRAP_PATH) == 0 || strcmp(path, ARCI_CLIENT_TOKEN_PATH) == 0;
    unsigned flags = stays ? 0 : ARCI_CALL_PEER;
    if (is_public(path))
        return flags;
    if (client->recovery_token)
        return flags | ARCI_CALL_RECOVERY;
    return client->token || client->client_secret ? flags | ARCI_CALL_TOKEN : flags;
}

/* Whether a refusal may be due to the token alone: expired early, or its peer's key has changed. */
static bool refused_for_token(const struct arctic_client *client, const struct arci_client_call *call,
                              const struct arci_transfer *transfer)
{
    return transfer->status == 401 && (call->flags & ARCI_CALL_TOKEN) && client->client_secret;
}

int arci_client_exchange_with_token(struct arctic_client *client, struct arci_client_call *call,
                                    struct arci_transfer *transfer, struct arctic_error *error)
{
    bool fresh = false;
    call->flags = flags_of(client, call->path);
    for (;;) {
        int code = ARCTIC_OK;
        if ((call->flags & ARCI_CALL_TOKEN) && !token_is_good(client) && client->client_secret) {
            code = obtain_token(client, call->deadline, error);
            fresh = true;
        }
        if (code == ARCTIC_OK)
            code = arci_client_exchange(client, call, transfer, error);
        if (code < 0 || fresh || !refused_for_token(client, call, transfer))
            return code;
        drop_token(client);
    }
}
