/* Credentials: the clients of the API, and the one that the agents of a cluster share. */
#include "agent/api/api.h"
#include "agent/api/auth.h"
#include "agent/api/credentials.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "model/members.h"

static json_t *credential_json(const struct arci_entry *entry)
{
    ARCI_JSON *object = arci_credential_to_json(&entry->content.credential);
    if (!object || !arci_put_text(object, "peer_id", entry->record.owner.text))
        return NULL;
    return arci_steal(object);
}

/* The only answers that ever show a secret. */
static void respond_with_secret(struct arctic_agent *agent, struct arci_request *request, int status,
                                const struct arctic_id *client_id, char *secret)
{
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_CREDENTIAL, client_id);
    ARCI_JSON *object = entry ? credential_json(entry) : NULL;
    if (object && !arci_put_text(object, "client_secret", secret)) {
        json_decref(object);
        object = NULL;
    }
    arci_free_secret(secret);
    arci_request_respond_json(request, status, arci_steal(object));
}

static const struct arci_principal *principal_of(const struct arci_request *request)
{
    return arci_request_principal(request);
}

void arci_api_credentials_list(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry;
    size_t cursor = 0;
    json_t *list = json_array();
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_CREDENTIAL, &cursor)))
        json_array_append_new(list, credential_json(entry));
    arci_request_respond_json(request, 200, json_pack("{s:o}", "credentials", list));
}

/* Nobody gives away what they do not have, or takes it from who has more. */
static int check_scopes(const struct arci_principal *principal, uint32_t wanted, const char *verb,
                        struct arctic_error *error)
{
    char missing[ARCI_SCOPES_TEXT];
    if (arci_scopes_cover(principal->scopes, wanted))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_FORBIDDEN, "scopes",
                     "who %s a credential must have its scopes, and the token lacks %s", verb,
                     arci_scopes_format(wanted & ~principal->scopes, missing));
}

void arci_api_credentials_create(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arci_credential credential;
    struct arctic_error error;
    char *secret = NULL;
    char scopes[ARCI_SCOPES_TEXT];
    int code = arci_credential_from_json(arci_request_json(request), &credential, &error);
    if (code >= 0)
        code = check_scopes(principal_of(request), credential.scopes, "makes", &error);
    if (code >= 0)
        code = arci_credentials_create(agent, &credential, &secret, &error);
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_log_info(agent->log, "auth", "credential created", ARCI_TEXT("client_id", credential.client_id.text),
                  ARCI_TEXT("name", credential.name),
                  ARCI_TEXT("scopes", arci_scopes_format(credential.scopes, scopes)),
                  ARCI_TEXT("by", arci_principal_name(principal_of(request))));
    respond_with_secret(agent, request, 201, &credential.client_id, secret);
}

/* The credential that {client_id} in the path names. */
static int find_credential(struct arctic_agent *agent, const struct arci_request *request,
                           const struct arci_entry **ret_entry, struct arctic_error *error)
{
    const char *text = arci_request_parameter(request, "client_id");
    const struct arci_entry *entry = NULL;
    struct arctic_id id;
    if (arctic_id_parse(ARCTIC_ID_CLIENT, text, &id, NULL) >= 0)
        entry = arci_registry_find(agent->registry, ARCI_RECORD_CREDENTIAL, &id);
    if (!entry)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL,
                         "credential %.60s does not exist, see arctic credentials list", text);
    *ret_entry = entry;
    return ARCTIC_OK;
}

void arci_api_credentials_revoke(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    struct arctic_id id = {{0}};
    int code = find_credential(agent, request, &entry, &error);
    if (code >= 0)
        code = check_scopes(principal_of(request), entry->content.credential.scopes, "revokes", &error);
    if (code >= 0) {
        id = entry->record.id;
        code = arci_credentials_revoke(agent, entry, &error);
    }
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_log_info(agent->log, "auth", "credential revoked", ARCI_TEXT("client_id", id.text),
                  ARCI_TEXT("by", arci_principal_name(principal_of(request))));
    arci_request_respond_empty(request, 204);
}

void arci_api_cluster_credentials_get(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    if (arci_credentials_find_shared(agent, &entry, &error) < 0)
        arci_request_fail(request, &error);
    else
        arci_request_respond_json(request, 200, credential_json(entry));
}

static int check_no_members(const json_t *body, struct arctic_error *error)
{
    static const char *const members[] = {NULL};
    return body ? arci_json_check_members(body, members, error) : ARCTIC_OK;
}

void arci_api_cluster_credentials_rotate(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    struct arctic_id id = {{0}};
    char *secret = NULL;
    int code = check_no_members(arci_request_json(request), &error);
    if (code >= 0)
        code = arci_credentials_find_shared(agent, &entry, &error);
    if (code >= 0) {
        id = entry->record.id;
        code = arci_credentials_rotate(agent, entry, &secret, &error);
    }
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_log_info(agent->log, "auth", "cluster credential rotated, the former secret works for 24 h",
                  ARCI_TEXT("client_id", id.text),
                  ARCI_TEXT("by", arci_principal_name(principal_of(request))));
    respond_with_secret(agent, request, 200, &id, secret);
}
