/* The client's calls. Its options, its way to the endpoints and its token have files of their own. */
#include <arctic/client.h>

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "rest/answer.h"
#include "rest/client-internal.h"
#include "rest/url.h"

const char *arctic_client_endpoint(const struct arctic_client *client)
{
    return client->endpoints[client->current].url;
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
    struct arci_client_call call = {.method = method,
                                    .path = path,
                                    .body = body,
                                    .content_type = "application/json",
                                    .deadline = arci_time_monotonic() + client->timeout_ms};
    code = arci_client_exchange_with_token(client, &call, &transfer, error);
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
    ARCI_CLEANUP(arci_secret_cleanup) char *text = arci_json_dump(body, JSON_COMPACT);
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
