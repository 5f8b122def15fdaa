/* Reading licences and checking their signature. */
#include "crypto/license.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"

#define SIGNATURE_MEMBER "signature"
#define SECRET_MEMBER "admission_secret"

static int read_id(const json_t *object, const char *name, int32_t kind, struct arctic_id *ret_id,
                   struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, true, &text, error);
    if (code == ARCTIC_OK)
        code = arctic_id_parse(kind, text, ret_id, error);
    return code < 0 ? arci_fail_at(error, code, name) : code;
}

static int read_time(const json_t *object, const char *name, int64_t *ret_time, struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, true, &text, error);
    if (code == ARCTIC_OK)
        code = arci_time_parse(text, ret_time, error);
    return code < 0 ? arci_fail_at(error, code, name) : code;
}

static int read_count(const json_t *object, const char *name, uint32_t *ret_count, struct arctic_error *error)
{
    int64_t number = 0;
    int code = arci_json_integer(object, name, true, 1, ARCTIC_LICENSE_COUNT_MAX, &number, error);
    if (code == ARCTIC_OK)
        *ret_count = (uint32_t)number;
    return code;
}

static int read_bytes(const json_t *object, const char *name, uint8_t *bytes, size_t size,
                      struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, true, &text, error);
    if (code == ARCTIC_OK && !arci_base64_decode_exact(text, bytes, size))
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, name, "'%s' must be %zu bytes as base64url", name,
                         size);
    return code;
}

static bool is_feature_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return length > 0 && length < ARCTIC_LICENSE_FEATURE_SIZE && text[length] == '\0';
}

static int read_features(const json_t *object, struct arci_license *license, struct arctic_error *error)
{
    const json_t *features = NULL;
    int code = arci_json_array(object, "features", true, &features, error);
    if (code < 0)
        return code;
    if (json_array_size(features) > ARCTIC_LICENSE_FEATURES_MAX)
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, "features", "%zu features, at most %d are allowed",
                         json_array_size(features), ARCTIC_LICENSE_FEATURES_MAX);
    size_t index;
    const json_t *feature;
    json_array_foreach((json_t *)features, index, feature)
    {
        const char *text = json_string_value(feature);
        if (!text || !is_feature_name(text))
            return arci_fail(error, ARCTIC_E_LICENSE_INVALID, "features",
                             "feature %zu must be a string of 1 to 64 characters a-z, 0-9, '.', '_', '-'",
                             index);
        memcpy(license->features[index], text, strlen(text) + 1);
    }
    license->feature_count = json_array_size(features);
    return ARCTIC_OK;
}

/* Makes the admission pair of the secret and checks that the licence was issued with it. */
static int read_secret(const json_t *object, struct arci_license *license, struct arctic_error *error)
{
    uint8_t seed[ARCI_SEED_SIZE];
    int code = read_bytes(object, SECRET_MEMBER, seed, sizeof seed, error);
    if (code == ARCTIC_OK)
        code = arci_identity_from_seed(seed, &license->admission, error);
    arci_wipe(seed, sizeof seed);
    if (code < 0)
        return code;
    if (memcmp(arci_identity_public_key(license->admission), license->admission_key, ARCI_KEY_SIZE) != 0)
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, SECRET_MEMBER,
                         "'" SECRET_MEMBER "' does not belong to 'admission_key'");
    return ARCTIC_OK;
}

static int read_admission(const json_t *object, enum arci_license_form form, struct arci_license *license,
                          struct arctic_error *error)
{
    int code = read_bytes(object, "admission_key", license->admission_key, ARCI_KEY_SIZE, error);
    if (code < 0)
        return code;
    bool has_secret = json_object_get(object, SECRET_MEMBER) != NULL;
    if (has_secret && form == ARCI_LICENSE_SHOWN)
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, SECRET_MEMBER,
                         "'" SECRET_MEMBER
                         "' is in the licence file only and must never be sent to another peer");
    if (!has_secret && form == ARCI_LICENSE_FILE)
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, SECRET_MEMBER,
                         "'" SECRET_MEMBER
                         "' is missing: this is not the licence file but the part that peers show");
    return has_secret ? read_secret(object, license, error) : ARCTIC_OK;
}

static int read_terms(const json_t *object, struct arci_license *license, struct arctic_error *error)
{
    static const char *const members[] = {"customer_id",    "license_id",   "issued_at", "expires_at",
                                          "max_nodes",      "max_services", "features",  "admission_key",
                                          SIGNATURE_MEMBER, SECRET_MEMBER,  NULL};
    int code = arci_json_check_members(object, members, error);
    if (code == ARCTIC_OK)
        code = read_id(object, "customer_id", ARCTIC_ID_CUSTOMER, &license->customer_id, error);
    if (code == ARCTIC_OK)
        code = read_id(object, "license_id", ARCTIC_ID_LICENSE, &license->license_id, error);
    if (code == ARCTIC_OK)
        code = read_time(object, "issued_at", &license->issued_at, error);
    if (code == ARCTIC_OK)
        code = read_time(object, "expires_at", &license->expires_at, error);
    if (code == ARCTIC_OK && license->expires_at <= license->issued_at)
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, "expires_at",
                         "'expires_at' must be later than 'issued_at'");
    if (code == ARCTIC_OK)
        code = read_count(object, "max_nodes", &license->max_nodes, error);
    if (code == ARCTIC_OK)
        code = read_count(object, "max_services", &license->max_services, error);
    if (code == ARCTIC_OK)
        code = read_features(object, license, error);
    if (code == ARCTIC_OK)
        code = read_bytes(object, SIGNATURE_MEMBER, license->signature, sizeof license->signature, error);
    return code;
}

/* A copy with the same values; NULL when memory runs out, when json_copy() returns what it had memory for. */
static json_t *copy_members(const json_t *object)
{
    ARCI_JSON *copy = json_copy((json_t *)object);
    return copy && json_object_size(copy) == json_object_size(object) ? arci_steal(copy) : NULL;
}

static int keep_public_part(const json_t *object, struct arci_license *license, struct arctic_error *error)
{
    license->document = copy_members(object);
    if (!license->document)
        return arci_fail_memory(error);
    json_object_del(license->document, SECRET_MEMBER);
    /* The values are still the caller's, who may change or wipe them: take copies, now that the secret is
     * out. */
    json_t *own = arci_json_copy(license->document);
    json_decref(license->document);
    license->document = own;
    return own ? ARCTIC_OK : arci_fail_memory(error);
}

int arci_license_read(const json_t *object, enum arci_license_form form, struct arci_license **ret_license,
                      struct arctic_error *error)
{
    ARCI_LICENSE *license = calloc(1, sizeof *license);
    if (!license)
        return arci_fail_memory(error);
    int code = read_terms(object, license, error);
    if (code == ARCTIC_OK)
        code = read_admission(object, form, license, error);
    if (code == ARCTIC_OK)
        code = keep_public_part(object, license, error);
    if (code == ARCTIC_OK)
        *ret_license = arci_steal(license);
    else if (code != ARCTIC_E_NO_MEMORY)
        return arci_fail_within(error, ARCTIC_E_LICENSE_INVALID, "licence");
    return code;
}

/* jansson frees without wiping, and its strings can only be reached through a const pointer. */
static void wipe_secret(const json_t *object)
{
    const json_t *secret = json_object_get(object, SECRET_MEMBER);
    if (json_is_string(secret))
        arci_wipe((char *)(uintptr_t)json_string_value(secret), json_string_length(secret));
}

int arci_license_read_text(const char *text, size_t length, enum arci_license_form form,
                           struct arci_license **ret_license, struct arctic_error *error)
{
    if (length > ARCTIC_LICENSE_TEXT_MAX)
        return arci_fail(error, ARCTIC_E_LICENSE_INVALID, NULL, "licence: %zu bytes, at most %d are allowed",
                         length, ARCTIC_LICENSE_TEXT_MAX);
    ARCI_JSON *object = NULL;
    int code = arci_json_parse(text, length, &object, error);
    if (code == ARCTIC_E_INVALID_REQUEST)
        return arci_fail_within(error, ARCTIC_E_LICENSE_INVALID, "licence");
    if (code < 0)
        return code;
    code = arci_license_read(object, form, ret_license, error);
    wipe_secret(object);
    return code;
}

char *arci_license_signed_text(const json_t *object)
{
    ARCI_JSON *content = copy_members(object);
    if (!content)
        return NULL;
    json_object_del(content, SIGNATURE_MEMBER);
    json_object_del(content, SECRET_MEMBER);
    return arci_json_canonical(content);
}

int arci_license_verify(const struct arci_license *license, const struct arci_trust_roots *roots,
                        struct arctic_error *error)
{
    ARCI_FREE char *text = arci_license_signed_text(license->document);
    if (!text)
        return arci_fail_memory(error);
    for (size_t i = 0; i < roots->count; i++) {
        int code = arci_signature_verify(roots->keys[i], text, strlen(text), license->signature, error);
        if (code != ARCTIC_E_UNAUTHORIZED)
            return code;
    }
    return arci_fail(
        error, ARCTIC_E_LICENSE_INVALID, SIGNATURE_MEMBER,
        "licence: the signature is by none of the %zu trust roots of this build: the licence was changed, or "
        "issued by somebody else",
        roots->count);
}

static int verified(struct arci_license *taken, const struct arci_trust_roots *roots,
                    struct arci_license **ret_license, struct arctic_error *error)
{
    ARCI_LICENSE *license = taken;
    int code = arci_license_verify(license, roots, error);
    if (code == ARCTIC_OK)
        *ret_license = arci_steal(license);
    return code;
}

int arci_license_from_json(const json_t *object, enum arci_license_form form,
                           const struct arci_trust_roots *roots, struct arci_license **ret_license,
                           struct arctic_error *error)
{
    struct arci_license *license;
    int code = arci_license_read(object, form, &license, error);
    return code < 0 ? code : verified(license, roots, ret_license, error);
}

int arci_license_parse(const char *text, size_t length, enum arci_license_form form,
                       const struct arci_trust_roots *roots, struct arci_license **ret_license,
                       struct arctic_error *error)
{
    struct arci_license *license;
    int code = arci_license_read_text(text, length, form, &license, error);
    return code < 0 ? code : verified(license, roots, ret_license, error);
}

void arci_license_free(struct arci_license *license)
{
    if (!license)
        return;
    arci_identity_free(license->admission);
    json_decref(license->document);
    free(license);
}
