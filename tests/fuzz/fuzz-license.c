/*
 * Licences as strangers may send them. Each input is judged as it is and, since no fuzzer forges a signature, once more after it was
 * signed with a trust root made for this test, so that all of the reader is reached.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "crypto/license.h"
#include "crypto/sign-json.h"

static const uint8_t root_seed[ARCI_SEED_SIZE] = "arctic fuzz: licence trust root";

static void check_round_trip(const struct arci_license *license, const struct arci_trust_roots *roots)
{
    char *text = NULL;
    ARCI_LICENSE *back = NULL;
    enum arci_license_form form = license->admission ? ARCI_LICENSE_FILE : ARCI_LICENSE_SHOWN;
    assert(arci_license_to_text(license, &text, NULL) == ARCTIC_OK);
    assert(arci_license_parse(text, strlen(text), form, roots, &back, NULL) == ARCTIC_OK);
    assert(json_equal(license->document, back->document));
    assert(license->expires_at > license->issued_at && license->max_nodes >= 1 && license->max_services >= 1);
    assert(json_object_get(license->document, "admission_secret") == NULL);
    assert(arci_license_state_at(license, license->expires_at) == ARCTIC_LICENSE_GRACE);
    arci_free_secret(text);
}

static void judge(const json_t *object, enum arci_license_form form, const struct arci_trust_roots *roots)
{
    ARCI_LICENSE *license = NULL;
    struct arctic_error error = {0};
    int code = arci_license_from_json(object, form, roots, &license, &error);
    if (code == ARCTIC_OK)
        check_round_trip(license, roots);
    else
        assert(code == ARCTIC_E_LICENSE_INVALID && error.code == code && error.message[0]);
}

static void sign(json_t *object, const struct arci_identity *root)
{
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    char text[ARCI_SIGNATURE_TEXT];
    ARCI_FREE char *content = arci_license_signed_text(object);
    assert(content && arci_identity_sign(root, content, strlen(content), signature, NULL) == ARCTIC_OK);
    arci_base64_encode(signature, sizeof signature, text);
    json_object_set_new(object, "signature", json_string(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARCI_IDENTITY *root = NULL;
    ARCI_LICENSE *license = NULL;
    ARCI_JSON *object = NULL;
    uint8_t key[1][ARCI_KEY_SIZE];
    assert(arci_identity_from_seed(root_seed, &root, NULL) == ARCTIC_OK);
    memcpy(key[0], arci_identity_public_key(root), ARCI_KEY_SIZE);
    const struct arci_trust_roots roots = {(const uint8_t(*)[ARCI_KEY_SIZE])key, 1};

    if (arci_license_parse((const char *)data, size, ARCI_LICENSE_ANY, &roots, &license, NULL) == ARCTIC_OK)
        check_round_trip(license, &roots);
    if (size > ARCTIC_LICENSE_TEXT_MAX || arci_json_parse(data, size, &object, NULL) < 0)
        return 0;
    sign(object, root);
    judge(object, ARCI_LICENSE_ANY, &roots);
    judge(object, ARCI_LICENSE_FILE, &roots);
    judge(object, ARCI_LICENSE_SHOWN, &roots);
    return 0;
}
