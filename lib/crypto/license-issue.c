/* The public side of licences: trust roots, issuing, looking. */
#include <assert.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/license.h"
#include "crypto/sign-json.h"

static_assert(ARCTIC_KEY_TEXT == ARCI_BASE64_TEXT(ARCI_KEY_SIZE), "the text of a key fits exactly");

int arctic_license_keygen(char **ret_private_pem, char ret_public_key[ARCTIC_KEY_TEXT],
                          struct arctic_error *error)
{
    if (!ret_private_pem || !ret_public_key)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "arctic_license_keygen: NULL is not allowed");
    ARCI_IDENTITY *root = NULL;
    int code = arci_identity_generate(&root, error);
    if (code == ARCTIC_OK)
        code = arci_identity_to_pem(root, ret_private_pem, error);
    if (code == ARCTIC_OK)
        arci_base64_encode(arci_identity_public_key(root), ARCI_KEY_SIZE, ret_public_key);
    return code;
}

static int choose_id(const char *given, int32_t kind, struct arctic_id *ret_id, const char *field,
                     struct arctic_error *error)
{
    int code = given ? arctic_id_parse(kind, given, ret_id, error) : arctic_id_generate(kind, ret_id, error);
    return code < 0 ? arci_fail_at(error, code, field) : code;
}

static json_t *features_to_json(const char *const *features)
{
    json_t *array = json_array();
    for (; array && features && *features; features++) {
        if (json_array_append_new(array, json_string(*features)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* The licence without its signature. Ranges are left to arci_license_read(), which judges the result as any
 * reader will. */
static int write_terms(const struct arctic_license_terms *terms, const struct arci_identity *admission,
                       json_t **ret_object, struct arctic_error *error)
{
    struct arctic_id customer_id;
    struct arctic_id license_id;
    int code = choose_id(terms->customer_id, ARCTIC_ID_CUSTOMER, &customer_id, "customer_id", error);
    if (code == ARCTIC_OK)
        code = choose_id(terms->license_id, ARCTIC_ID_LICENSE, &license_id, "license_id", error);
    if (code < 0)
        return code;
    char issued_at[ARCI_TIME_TEXT];
    char expires_at[ARCI_TIME_TEXT];
    char key[ARCTIC_KEY_TEXT];
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:s}", "customer_id", customer_id.text, "license_id",
        license_id.text, "issued_at",
        arci_time_format(terms->issued_at ? terms->issued_at : arci_time_now(), issued_at), "expires_at",
        arci_time_format(terms->expires_at, expires_at), "max_nodes", (json_int_t)terms->max_nodes,
        "max_services", (json_int_t)terms->max_services, "features", features_to_json(terms->features),
        "admission_key", arci_base64_encode(arci_identity_public_key(admission), ARCI_KEY_SIZE, key));
    if (!object)
        return arci_fail_memory(error);
    *ret_object = object;
    return ARCTIC_OK;
}

static int sign(json_t *object, const struct arci_identity *root, struct arctic_error *error)
{
    ARCI_FREE char *content = arci_license_signed_text(object);
    if (!content)
        return arci_fail_memory(error);
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    char text[ARCI_SIGNATURE_TEXT];
    int code = arci_identity_sign(root, content, strlen(content), signature, error);
    if (code < 0)
        return code;
    arci_base64_encode(signature, sizeof signature, text);
    if (json_object_set_new(object, "signature", json_string(text)) < 0)
        return arci_fail_memory(error);
    return ARCTIC_OK;
}

static int issue(const struct arci_identity *root, const struct arctic_license_terms *terms, char **ret_json,
                 struct arctic_error *error)
{
    ARCI_IDENTITY *admission = NULL;
    ARCI_JSON *object = NULL;
    ARCI_LICENSE *license = NULL;
    int code = arci_identity_generate(&admission, error);
    if (code == ARCTIC_OK)
        code = write_terms(terms, admission, &object, error);
    if (code == ARCTIC_OK)
        code = sign(object, root, error);
    if (code < 0)
        return code;
    code = arci_license_read(object, ARCI_LICENSE_SHOWN, &license, error);
    if (code == ARCTIC_E_LICENSE_INVALID)
        return arci_fail_within(error, ARCTIC_E_INVALID_REQUEST, "cannot issue this");
    if (code < 0)
        return code;
    license->admission = arci_steal(admission);
    return arci_license_to_text(license, ret_json, error);
}

int arctic_license_issue(const char *root_private_pem, const struct arctic_license_terms *terms,
                         char **ret_json, struct arctic_error *error)
{
    if (!root_private_pem || !ret_json)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "arctic_license_issue: NULL is not allowed");
    struct arctic_license_terms known;
    int code = arci_options_take(terms, &known, sizeof known, "struct arctic_license_terms", error);
    if (code < 0)
        return code;
    ARCI_IDENTITY *root = NULL;
    code = arci_identity_from_pem(root_private_pem, strlen(root_private_pem), &root, error);
    if (code < 0)
        return code == ARCTIC_E_CORRUPT ? arci_fail_within(error, code, "trust root") : code;
    return issue(root, &known, ret_json, error);
}

static int is_trusted(const struct arci_license *license, const struct arci_trust_roots *roots,
                      int32_t *ret_trusted, struct arctic_error *error)
{
    int code = arci_license_verify(license, roots, error);
    if (code < 0 && code != ARCTIC_E_LICENSE_INVALID)
        return code;
    *ret_trusted = code == ARCTIC_OK;
    return ARCTIC_OK;
}

static void summarise(const struct arci_license *license, struct arctic_license_summary *summary)
{
    summary->customer_id = license->customer_id;
    summary->license_id = license->license_id;
    summary->issued_at = license->issued_at;
    summary->expires_at = license->expires_at;
    summary->max_nodes = license->max_nodes;
    summary->max_services = license->max_services;
    summary->state = (int32_t)arci_license_state_at(license, arci_time_now());
    summary->admits = license->admission != NULL;
    summary->feature_count = (uint32_t)license->feature_count;
    memcpy(summary->features, license->features, sizeof summary->features);
}

int arctic_license_inspect(const char *json, size_t length, const char *trust_root,
                           struct arctic_license_summary *ret_summary, struct arctic_error *error)
{
    uint8_t key[1][ARCI_KEY_SIZE];
    if (!json)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "arctic_license_inspect: NULL is not allowed");
    if (trust_root && !arci_base64_decode_exact(trust_root, key[0], sizeof key[0]))
        return arci_fail(error, ARCTIC_E_USAGE, "trust_root",
                         "'%.60s' is no trust root, expected the 43 characters of a public key", trust_root);
    const struct arci_trust_roots roots =
        trust_root ? (struct arci_trust_roots){(const uint8_t(*)[ARCI_KEY_SIZE])key, 1}
                   : arci_trust_roots_built_in();
    ARCI_LICENSE *license = NULL;
    struct arctic_license_summary summary = {.size = sizeof summary};
    int code = arci_license_read_text(json, length, ARCI_LICENSE_ANY, &license, error);
    if (code == ARCTIC_OK)
        code = is_trusted(license, &roots, &summary.trusted, error);
    if (code < 0)
        return code;
    summarise(license, &summary);
    return arci_options_give(&summary, sizeof summary, ret_summary, "struct arctic_license_summary", error);
}

void arctic_license_free_text(char *text)
{
    arci_free_secret(text);
}
