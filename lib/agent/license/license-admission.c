/* Membership that a record shows. */
#include "agent/license/license-admission.h"

#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"

#define CONTEXT "arctic-member-v1"
#define YES "y"
#define NO "n"

static void write_transcript(struct arci_buffer *text, const struct arctic_id *peer_id,
                             const uint8_t key[ARCI_KEY_SIZE], const struct arctic_id *license_id)
{
    char key_text[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    arci_buffer_text(text, CONTEXT " ");
    arci_buffer_text(text, peer_id->text);
    arci_buffer_text(text, " ");
    arci_buffer_text(text, arci_base64_encode(key, ARCI_KEY_SIZE, key_text));
    arci_buffer_text(text, " ");
    arci_buffer_text(text, license_id->text);
}

static json_t *make(const struct arctic_agent *agent)
{
    ARCI_BUFFER text = {0};
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    char signature_text[ARCI_SIGNATURE_TEXT];
    const struct arci_license *license = agent->own_license;
    write_transcript(&text, &agent->local_id, arci_identity_public_key(agent->identity),
                     &license->license_id);
    if (text.failed || arci_license_prove(license, text.data, text.length, signature, NULL) < 0)
        return NULL;
    arci_base64_encode(signature, sizeof signature, signature_text);
    return json_pack("{s:o, s:s}", "license", arci_license_to_public_json(license), "signature",
                     signature_text);
}

const json_t *arci_admission_own(struct arctic_agent *agent)
{
    if (!agent->admission)
        agent->admission = make(agent);
    return agent->admission;
}

static bool check(const struct arctic_agent *agent, const struct arci_peer *peer)
{
    ARCI_BUFFER text = {0};
    ARCI_LICENSE *license = NULL;
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    const char *signature_text = json_string_value(json_object_get(peer->admission, "signature"));
    if (!signature_text || !arci_base64_decode_exact(signature_text, signature, sizeof signature) ||
        arci_license_from_json(json_object_get(peer->admission, "license"), ARCI_LICENSE_SHOWN,
                               &agent->trust_roots, &license, NULL) < 0 ||
        !arctic_id_equal(&license->customer_id, &agent->license->customer_id))
        return false;
    write_transcript(&text, &peer->id, peer->public_key, &license->license_id);
    return !text.failed && arci_license_check_proof(license, text.data, text.length, signature, NULL) >= 0;
}

bool arci_admission_is_shown(const struct arctic_agent *agent, const struct arci_entry *entry)
{
    void **memo = &((struct arci_entry *)entry)->memos[0];
    if (*memo)
        return strcmp(*memo, YES) == 0;
    bool shown = check(agent, &entry->content.peer);
    *memo = strdup(shown ? YES : NO);
    return shown;
}
