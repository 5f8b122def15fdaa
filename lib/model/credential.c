/* Forms of a credential. */
#include "model/credential.h"

#include "base/json.h"
#include "base/time.h"

json_t *arci_credential_to_json(const struct arci_credential *credential)
{
    char scopes[ARCI_SCOPES_TEXT];
    char created_at[ARCI_TIME_TEXT];
    return json_pack("{s:s, s:s*, s:s, s:s}", "client_id", credential->client_id.text, "name",
                     credential->name[0] ? credential->name : NULL, "scope",
                     arci_scopes_format(credential->scopes, scopes), "created_at",
                     arci_time_format(credential->created_at, created_at));
}

json_t *arci_credential_to_record(const struct arci_credential *credential)
{
    char scopes[ARCI_SCOPES_TEXT];
    return json_pack("{s:s, s:s, s:s, s:s, s:I}", "client_id", credential->client_id.text, "name",
                     credential->name, "secret_hash", credential->secret_hash, "scope",
                     arci_scopes_format(credential->scopes, scopes), "created_at",
                     (json_int_t)credential->created_at);
}

int arci_credential_from_record(const json_t *object, struct arci_credential *ret_credential,
                                struct arctic_error *error)
{
    struct arci_credential credential = {0};
    const char *client_id = NULL;
    const char *scopes = NULL;
    int code = arci_json_text(object, "client_id", true, &client_id, error);
    if (code >= 0)
        code = arctic_id_parse(ARCTIC_ID_CLIENT, client_id, &credential.client_id, error);
    if (code >= 0)
        code = arci_json_copy_text(object, "name", true, credential.name, sizeof credential.name, error);
    if (code >= 0)
        code = arci_json_copy_text(object, "secret_hash", true, credential.secret_hash,
                                   sizeof credential.secret_hash, error);
    if (code >= 0)
        code = arci_json_text(object, "scope", true, &scopes, error);
    if (code >= 0)
        code = arci_scopes_parse(scopes, &credential.scopes, error);
    if (code >= 0)
        code = arci_json_integer(object, "created_at", true, 0, INT64_MAX, &credential.created_at, error);
    if (code >= 0)
        *ret_credential = credential;
    return code;
}
