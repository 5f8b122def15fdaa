/* Forms of a credential. */
#include "model/credential.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "model/members.h"

json_t *arci_credential_to_json(const struct arci_credential *credential)
{
    ARCI_JSON *object = json_object();
    bool good = object && arci_put_text(object, "client_id", credential->client_id.text) &&
                arci_put_text(object, "name", credential->name) &&
                json_object_set_new(object, "scopes", arci_scopes_to_json(credential->scopes)) == 0 &&
                arci_put_time(object, "created_at", credential->created_at) &&
                arci_put_time(object, "rotated_at", credential->rotated_at) &&
                arci_put_time(object, "former_secret_until",
                              credential->former_count > 0 ? credential->formers[0].until : 0);
    return good ? arci_steal(object) : NULL;
}

int arci_credential_from_json(const json_t *object, struct arci_credential *ret_credential,
                              struct arctic_error *error)
{
    static const char *const members[] = {"name", "scopes", NULL};
    struct arci_credential credential = {0};
    const json_t *scopes = NULL;
    int code = arci_json_check_members(object, members, error);
    if (code >= 0)
        code = arci_read_name(object, false, credential.name, error);
    if (code >= 0)
        code = arci_json_array(object, "scopes", true, &scopes, error);
    if (code >= 0)
        code = arci_scopes_from_json(scopes, &credential.scopes, error);
    if (code >= 0)
        *ret_credential = credential;
    return code;
}

void arci_credential_rotate(struct arci_credential *credential, const char *new_hash, int64_t now)
{
    struct arci_former_secret *formers = credential->formers;
    size_t kept = 0;
    while (kept < credential->former_count && kept < ARCI_FORMER_SECRETS_MAX - 1 && formers[kept].until > now)
        kept++;
    memmove(formers + 1, formers, kept * sizeof formers[0]);
    memset(formers + 1 + kept, 0, (ARCI_FORMER_SECRETS_MAX - 1 - kept) * sizeof formers[0]);
    memcpy(formers[0].hash, credential->secret_hash, sizeof formers[0].hash);
    formers[0].until = now + ARCI_FORMER_SECRET_LASTS;
    credential->former_count = kept + 1;
    snprintf(credential->secret_hash, sizeof credential->secret_hash, "%s", new_hash);
    credential->rotated_at = now;
}

static bool put_formers(json_t *object, const struct arci_credential *credential)
{
    ARCI_JSON *formers = json_array();
    for (size_t i = 0; i < credential->former_count; i++) {
        const struct arci_former_secret *former = &credential->formers[i];
        if (json_array_append_new(formers, json_pack("{s:s, s:I}", "hash", former->hash, "until",
                                                     (json_int_t)former->until)) < 0)
            return false;
    }
    return json_object_set_new(object, "former_secrets", arci_steal(formers)) == 0;
}

/* What is seldom there stands in a record only where it is. */
static bool put_rotation(json_t *object, const struct arci_credential *credential)
{
    if (credential->bootstrap && !arci_put_boolean(object, "bootstrap", true))
        return false;
    if (!credential->rotated_at)
        return true;
    return arci_put_integer(object, "rotated_at", credential->rotated_at) && put_formers(object, credential);
}

json_t *arci_credential_to_record(const struct arci_credential *credential)
{
    char scopes[ARCI_SCOPES_TEXT];
    ARCI_JSON *object = json_pack("{s:s, s:s, s:s, s:s, s:I}", "client_id", credential->client_id.text,
                                  "name", credential->name, "secret_hash", credential->secret_hash, "scope",
                                  arci_scopes_format(credential->scopes, scopes), "created_at",
                                  (json_int_t)credential->created_at);
    return object && put_rotation(object, credential) ? arci_steal(object) : NULL;
}

static int read_former(const json_t *object, struct arci_former_secret *ret_former,
                       struct arctic_error *error)
{
    if (!json_is_object(object))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "former_secrets",
                         "'former_secrets' must hold objects");
    int code = arci_json_copy_text(object, "hash", true, ret_former->hash, sizeof ret_former->hash, error);
    return code < 0 ? code
                    : arci_json_integer(object, "until", true, 0, INT64_MAX, &ret_former->until, error);
}

static int read_formers(const json_t *object, struct arci_credential *credential, struct arctic_error *error)
{
    const json_t *formers = NULL;
    int code = arci_json_array(object, "former_secrets", false, &formers, error);
    if (code >= 0 && json_array_size(formers) > ARCI_FORMER_SECRETS_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "former_secrets",
                         "'former_secrets' holds %zu secrets, %d are allowed", json_array_size(formers),
                         ARCI_FORMER_SECRETS_MAX);
    for (size_t i = 0; code >= 0 && i < json_array_size(formers); i++)
        code = read_former(json_array_get(formers, i), &credential->formers[i], error);
    credential->former_count = json_array_size(formers);
    return code;
}

static int read_rotation(const json_t *object, struct arci_credential *credential, struct arctic_error *error)
{
    int code = arci_json_boolean(object, "bootstrap", false, &credential->bootstrap, error);
    if (code >= 0)
        code = arci_json_integer(object, "rotated_at", false, 0, INT64_MAX, &credential->rotated_at, error);
    return code < 0 ? code : read_formers(object, credential, error);
}

int arci_credential_from_record(const json_t *object, struct arci_credential *ret_credential,
                                struct arctic_error *error)
{
    struct arci_credential credential = {0};
    const char *scopes = NULL;
    int code = arci_read_id(object, "client_id", true, ARCTIC_ID_CLIENT, &credential.client_id, error);
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
        code = read_rotation(object, &credential, error);
    if (code >= 0)
        *ret_credential = credential;
    return code;
}
