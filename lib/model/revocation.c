/* The durable form of a revocation. */
#include "model/revocation.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "model/members.h"

json_t *arci_revocation_to_record(const struct arci_revocation *revocation)
{
    char key[ARCI_BASE64_TEXT(ARCI_PEER_KEY_SIZE)];
    return json_pack("{s:s, s:s, s:s, s:I}", "id", revocation->id.text, "peer_id", revocation->peer_id.text,
                     "public_key", arci_base64_encode(revocation->public_key, ARCI_PEER_KEY_SIZE, key),
                     "created_at", (json_int_t)revocation->created_at);
}

int arci_revocation_from_record(const json_t *object, struct arci_revocation *ret_revocation,
                                struct arctic_error *error)
{
    struct arci_revocation revocation = {0};
    const char *key = NULL;
    int code = arci_read_id(object, "id", true, ARCTIC_ID_REVOCATION, &revocation.id, error);
    if (code >= 0)
        code = arci_read_id(object, "peer_id", true, ARCTIC_ID_PEER, &revocation.peer_id, error);
    if (code >= 0)
        code = arci_json_text(object, "public_key", true, &key, error);
    if (code >= 0 && !arci_base64_decode_exact(key, revocation.public_key, sizeof revocation.public_key))
        code = arci_fail(error, ARCTIC_E_INVALID_REQUEST, "public_key", "'public_key' is no Ed25519 key");
    if (code >= 0)
        code = arci_json_integer(object, "created_at", true, 0, INT64_MAX, &revocation.created_at, error);
    if (code >= 0)
        *ret_revocation = revocation;
    return code;
}
