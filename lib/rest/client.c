/* The client: endpoints in turn, one token for all of them, and a time for the whole of a call. */
#include <arctic/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "base/secret.h"
#include "base/time.h"
#include "rest/answer.h"
#include "rest/transfer.h"
#include "rest/url.h"

#define ENDPOINTS_MAX 64

/* A token is renewed this long before its end, so that it does not expire on its way. */
#define TOKEN_MARGIN_S 30

struct arctic_client {
    CURL *curl;
    char *endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
    size_t current; /* the endpoint that answered last */
    char *client_id;
    char *client_secret;
    char *token;
    int64_t token_until; /* monotonic milliseconds, 0: unknown */
    char *user_agent;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    uint32_t socket_mark;
};

/* One call of the caller's: what is wanted, until when. */
struct call {
    const char *method;
    const char *path;
    const char *body;
    const char *content_type;
    bool with_token;
    int64_t deadline; /* monotonic milliseconds */
};

void arctic_client_free(struct arctic_client *client)
{
    if (!client)
        return;
    if (client->curl)
        curl_easy_cleanup(client->curl);
    for (size_t i = 0; i < client->endpoint_count; i++)
        free(client->endpoints[i]);
    free(client->client_id);
    free(client->user_agent);
    arci_free_secret(client->client_secret);
    arci_free_secret(client->token);
    free(client);
}

ARCI_DEFINE_CLEANUP(struct arctic_client *, arctic_client_free, client_cleanup)

static int copy_text(const char *text, char **ret_copy, struct arctic_error *error)
{
    if (!text)
        return ARCTIC_OK;
    *ret_copy = strdup(text);
    return *ret_copy ? ARCTIC_OK : arci_fail_memory(error);
}

static int copy_endpoints(const char *const *endpoints, struct arctic_client *client,
                          struct arctic_error *error)
{
    for (; endpoints && *endpoints; endpoints++) {
        if (client->endpoint_count == ENDPOINTS_MAX)
            return arci_fail(error, ARCTIC_E_USAGE, "endpoints", "a client takes at most %d endpoints",
                             ENDPOINTS_MAX);
        int code = arci_url_endpoint(*endpoints, &client->endpoints[client->endpoint_count], error);
        if (code < 0)
            return code;
        client->endpoint_count++;
    }
    if (client->endpoint_count == 0)
        return arci_fail(error, ARCTIC_E_USAGE, "endpoints", "a client needs at least one endpoint");
    return ARCTIC_OK;
}

static int check_options(const struct arctic_client_options *options, struct arctic_error *error)
{
    if (!options->client_id != !options->client_secret)
        return arci_fail(error, ARCTIC_E_USAGE, options->client_id ? "client_secret" : "client_id",
                         "client id and client secret come together or not at all");
    if (options->timeout_ms < 0 || options->connect_timeout_ms < 0)
        return arci_fail(error, ARCTIC_E_USAGE, "timeout_ms", "a time-out cannot be negative");
    return ARCTIC_OK;
}

static int copy_user_agent(const char *text, struct arctic_client *client, struct arctic_error *error)
{
    if (text)
        return copy_text(text, &client->user_agent, error);
    if (asprintf(&client->user_agent, "libarctic/%s", arctic_version()) < 0) {
        client->user_agent = NULL;
        return arci_fail_memory(error);
    }
    return ARCTIC_OK;
}

static int copy_options(const struct arctic_client_options *options, struct arctic_client *client,
                        struct arctic_error *error)
{
    client->timeout_ms = options->timeout_ms ? options->timeout_ms : 30000;
    client->socket_mark = options->socket_mark;
    client->connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms : 5000;
    int code = copy_endpoints(options->endpoints, client, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->client_id, &client->client_id, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->client_secret, &client->client_secret, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->token, &client->token, error);
    if (code == ARCTIC_OK)
        code = copy_user_agent(options->user_agent, client, error);
    return code;
}

int arctic_client_create(const struct arctic_client_options *options, struct arctic_client **ret_client,
                         struct arctic_error *error)
{
    struct arctic_client_options taken;
    int code = arci_options_take(options, &taken, sizeof taken, "arctic_client_options", error);
    if (code == ARCTIC_OK)
        code = check_options(&taken, error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(client_cleanup) struct arctic_client *client = calloc(1, sizeof *client);
    if (!client)
        return arci_fail_memory(error);
    code = copy_options(&taken, client, error);
    if (code < 0)
        return code;
    client->curl = curl_easy_init();
    if (!client->curl)
        return arci_fail_memory(error);
    *ret_client = arci_steal(client);
    return ARCTIC_OK;
}

const char *arctic_client_endpoint(const struct arctic_client *client)
{
    return client->endpoints[client->current];
}

static int run_transfer(struct arctic_client *client, const struct call *call, const char *endpoint,
                        struct arci_transfer *transfer)
{
    int64_t left = call->deadline - arci_time_monotonic();
    transfer->endpoint = endpoint;
    transfer->method = call->method;
    transfer->path = call->path;
    transfer->body = call->body;
    transfer->content_type = call->content_type;
    transfer->token = call->with_token ? client->token : NULL;
    transfer->user_agent = client->user_agent;
    transfer->timeout_ms = left > 1 ? left : 1;
    transfer->connect_timeout_ms = client->connect_timeout_ms;
    transfer->socket_mark = client->socket_mark;
    return arci_transfer_run(client->curl, transfer);
}

/* Whether the next endpoint may be asked the same after this one failed. */
static bool may_repeat(const struct call *call, const struct arci_transfer *transfer, int code)
{
    if (code != ARCTIC_E_UNREACHABLE && code != ARCTIC_E_PROTOCOL)
        return false;
    if (arci_time_monotonic() >= call->deadline)
        return false;
    return !transfer->sent || strcmp(call->method, "GET") == 0;
}

static int fail_transfer(const struct call *call, const struct arci_transfer *transfer, int code,
                         const char *reasons, struct arctic_error *error)
{
    if (code == ARCTIC_E_NO_MEMORY)
        return arci_fail_memory(error);
    const char *doubt = transfer->sent && strcmp(call->method, "GET") != 0
                            ? "; the request may have been carried out, look before you repeat it"
                            : "";
    const char *what = code == ARCTIC_E_LIMIT || code == ARCTIC_E_PROTOCOL ? "bad answer from the agent"
                       : transfer->sent                                    ? "no answer from the agent"
                                                                           : "cannot reach the agent";
    return arci_fail(error, code, NULL, "%s: %.330s%s", what, reasons, doubt);
}

/* Asks the endpoints in turn, the one that answered last first. */
static int exchange(struct arctic_client *client, const struct call *call, struct arci_transfer *transfer,
                    struct arctic_error *error)
{
    ARCI_BUFFER reasons = {.limit = 0};
    int code = ARCTIC_E_UNREACHABLE;
    for (size_t i = 0; i < client->endpoint_count; i++) {
        size_t index = (client->current + i) % client->endpoint_count;
        const char *endpoint = client->endpoints[index];
        code = run_transfer(client, call, endpoint, transfer);
        if (code == ARCTIC_OK) {
            client->current = index;
            return ARCTIC_OK;
        }
        arci_buffer_format(&reasons, "%s%s: %s", i > 0 ? "; " : "", endpoint, transfer->reason);
        if (!may_repeat(call, transfer, code))
            break;
    }
    return fail_transfer(call, transfer, code, reasons.failed ? transfer->reason : (char *)reasons.data,
                         error);
}

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
    struct call call = {.method = "POST",
                        .path = "/v1/oauth/token",
                        .body = (char *)form.data,
                        .content_type = "application/x-www-form-urlencoded",
                        .deadline = deadline};
    struct arci_transfer transfer = {.status = 0};
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer answer = {.limit = 0};
    int code = exchange(client, &call, &transfer, error);
    answer = transfer.answer;
    if (code < 0)
        return code;
    if (transfer.status >= 400)
        return arci_answer_error(transfer.status, (char *)answer.data, answer.length, error);
    drop_token(client);
    int64_t lifetime = 0;
    code = arci_answer_token((char *)answer.data, answer.length, &client->token, &lifetime, error);
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
                                        "/v1/bootstrap",
                                        "/v1/oauth/token",
                                        "/.well-known/openid-configuration",
                                        "/.well-known/jwks.json"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(path, paths[i]) == 0)
            return true;
    }
    return false;
}

/* Whether a refusal may be due to the token alone: expired early, or its peer's key has changed. */
static bool refused_for_token(const struct arctic_client *client, const struct call *call,
                              const struct arci_transfer *transfer)
{
    return transfer->status == 401 && call->with_token && client->client_secret;
}

static int exchange_with_token(struct arctic_client *client, struct call *call,
                               struct arci_transfer *transfer, struct arctic_error *error)
{
    bool fresh = false;
    call->with_token = !is_public(call->path) && (client->token || client->client_secret);
    for (;;) {
        int code = ARCTIC_OK;
        if (call->with_token && !token_is_good(client) && client->client_secret) {
            code = obtain_token(client, call->deadline, error);
            fresh = true;
        }
        if (code == ARCTIC_OK)
            code = exchange(client, call, transfer, error);
        if (code < 0 || fresh || !refused_for_token(client, call, transfer))
            return code;
        drop_token(client);
    }
}

static bool is_clean(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text >= 0x7f)
            return false;
    }
    return true;
}

static int check_call(const struct arctic_client *client, const char *method, const char *path,
                      struct arctic_error *error)
{
    if (!client || !method || !path)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "client, method and path are required");
    if (!*method || !is_clean(method))
        return arci_fail(error, ARCTIC_E_USAGE, "method", "'%.40s' is no HTTP method", method);
    if (*path != '/' || !is_clean(path))
        return arci_fail(error, ARCTIC_E_USAGE, "path", "'%.100s': a path begins with '/' and is escaped",
                         path);
    return ARCTIC_OK;
}

static int give_answer(struct arci_transfer *transfer, int32_t *ret_status, char **ret_body,
                       struct arctic_error *error)
{
    if (ret_body) {
        char *body = arci_buffer_take_text(&transfer->answer);
        if (!body)
            return arci_fail_memory(error);
        *ret_body = body;
    }
    if (ret_status)
        *ret_status = transfer->status;
    return ARCTIC_OK;
}

static void release_answer(struct arci_transfer *transfer)
{
    arci_buffer_release_secret(&transfer->answer);
}

static int perform(struct arctic_client *client, const char *method, const char *path, const char *body,
                   bool any_status, int32_t *ret_status, char **ret_body, struct arctic_error *error)
{
    int code = check_call(client, method, path, error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(release_answer) struct arci_transfer transfer = {.status = 0};
    struct call call = {.method = method,
                        .path = path,
                        .body = body,
                        .content_type = "application/json",
                        .deadline = arci_time_monotonic() + client->timeout_ms};
    code = exchange_with_token(client, &call, &transfer, error);
    if (code < 0)
        return code;
    if (transfer.status >= 400 && !any_status)
        return arci_answer_error(transfer.status, (char *)transfer.answer.data, transfer.answer.length,
                                 error);
    return give_answer(&transfer, ret_status, ret_body, error);
}

int arctic_client_request(struct arctic_client *client, const char *method, const char *path,
                          const char *body, int32_t *ret_status, char **ret_body, struct arctic_error *error)
{
    return perform(client, method, path, body, false, ret_status, ret_body, error);
}

int arctic_client_send(struct arctic_client *client, const char *method, const char *path, const char *body,
                       int32_t *ret_status, char **ret_body, struct arctic_error *error)
{
    return perform(client, method, path, body, true, ret_status, ret_body, error);
}

int arctic_client_bootstrap(struct arctic_client *client, const char *license_json, const char *name,
                            const char *description, char **ret_body, struct arctic_error *error)
{
    if (!client || !license_json || !ret_body)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "client, licence and ret_body are required");
    ARCI_JSON *license = NULL;
    struct arctic_error inner;
    int code = arci_json_parse(license_json, strlen(license_json), &license, &inner);
    if (code < 0)
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, "license", "the licence is %s", inner.message);
    ARCI_JSON *body =
        json_pack("{s:O, s:s*, s:s*}", "license", license, "name", name, "description", description);
    if (!body)
        return arci_fail(error, ARCTIC_E_USAGE, "name", "name and description must be valid UTF-8");
    ARCI_CLEANUP(arci_secret_cleanup) char *text = json_dumps(body, JSON_COMPACT);
    if (!text)
        return arci_fail_memory(error);
    return arctic_client_request(client, "POST", "/v1/bootstrap", text, NULL, ret_body, error);
}

int32_t arctic_client_is_private(const char *endpoint)
{
    return endpoint && arci_url_is_private(endpoint) ? 1 : 0;
}

/* The unreserved characters of RFC 3986 section 2.3. */
static bool is_unreserved(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || (character && strchr("-._~", character));
}

char *arctic_client_escape(const char *text)
{
    struct arci_buffer escaped = {.limit = 0};
    for (; text && *text; text++) {
        if (is_unreserved(*text))
            arci_buffer_append(&escaped, text, 1);
        else
            arci_buffer_format(&escaped, "%%%02X", (unsigned char)*text);
    }
    return arci_buffer_take_text(&escaped);
}

void arctic_client_free_text(char *text)
{
    arci_free_secret(text);
}
