/* The handshake of two peers. */
#include "cluster/handshake.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/sign-json.h"

#define PROTOCOL_VERSION 1
#define TRANSCRIPT_CONTEXT "arctic-handshake-v1"

enum role { ROLE_INITIATOR, ROLE_RESPONDER };

/* What a side signs. */
struct transcript {
    enum role role;
    const uint8_t *exporter;
    const uint8_t *challenge;
    const char *initiator_id;
    const char *responder_id; /* "" in a hello: the initiator does not know it yet */
    const char *license_id;   /* of the signer */
};

const char *arci_message_type(const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    return type ? type : "";
}

void arci_handshake_remote_release(struct arci_handshake_remote *remote)
{
    arci_record_release(&remote->peer_record);
}

/* Every part stands behind its length, so that no two transcripts have one text. */
static void put_part(struct arci_buffer *buffer, const void *bytes, size_t length)
{
    uint8_t prefix[2] = {(uint8_t)(length >> 8), (uint8_t)length};
    arci_buffer_append(buffer, prefix, sizeof prefix);
    arci_buffer_append(buffer, bytes, length);
}

static void put_part_text(struct arci_buffer *buffer, const char *text)
{
    put_part(buffer, text, strlen(text));
}

static int write_transcript(const struct transcript *transcript, struct arci_buffer *buffer,
                            struct arctic_error *error)
{
    put_part_text(buffer, TRANSCRIPT_CONTEXT);
    put_part_text(buffer, transcript->role == ROLE_INITIATOR ? "initiator" : "responder");
    put_part(buffer, transcript->exporter, ARCI_EXPORTER_SIZE);
    put_part(buffer, transcript->challenge, ARCI_CHALLENGE_SIZE);
    put_part_text(buffer, transcript->initiator_id);
    put_part_text(buffer, transcript->responder_id);
    put_part_text(buffer, transcript->license_id);
    return buffer->failed ? arci_fail_memory(error) : ARCTIC_OK;
}

/* Puts the two signatures into a message. */
static int sign_message(const struct arci_handshake_self *self, const struct transcript *transcript,
                        json_t *message, struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    uint8_t admission[ARCI_SIGNATURE_SIZE];
    char signature_text[ARCI_SIGNATURE_TEXT];
    char admission_text[ARCI_SIGNATURE_TEXT];
    int code = write_transcript(transcript, &text, error);
    if (code >= 0)
        code = arci_identity_sign(self->identity, text.data, text.length, signature, error);
    if (code >= 0)
        code = arci_license_prove(self->license, text.data, text.length, admission, error);
    if (code < 0)
        return code;
    arci_base64_encode(signature, sizeof signature, signature_text);
    arci_base64_encode(admission, sizeof admission, admission_text);
    if (json_object_set_new(message, "signature", json_string(signature_text)) < 0 ||
        json_object_set_new(message, "admission", json_string(admission_text)) < 0)
        return arci_fail_memory(error);
    return ARCTIC_OK;
}

/* The members that hello and welcome share. */
static json_t *make_message(const struct arci_handshake_self *self, const char *type)
{
    return json_pack("{s:s, s:i, s:o, s:o}", "type", type, "version", PROTOCOL_VERSION, "peer",
                     arci_record_to_json(self->peer_record), "license",
                     arci_license_to_public_json(self->license));
}

int arci_handshake_hello(const struct arci_handshake_self *self, const uint8_t exporter[ARCI_EXPORTER_SIZE],
                         const char *suggested_name, struct arci_handshake_initiator *ret_initiator,
                         json_t **ret_hello, struct arctic_error *error)
{
    struct arci_handshake_initiator initiator;
    char challenge[ARCI_BASE64_TEXT(ARCI_CHALLENGE_SIZE)];
    int code = arci_random_bytes(initiator.challenge, sizeof initiator.challenge, error);
    if (code < 0)
        return code;
    memcpy(initiator.exporter, exporter, sizeof initiator.exporter);
    arci_base64_encode(initiator.challenge, sizeof initiator.challenge, challenge);
    ARCI_JSON *hello = make_message(self, "hello");
    if (!hello || json_object_set_new(hello, "challenge", json_string(challenge)) < 0 ||
        json_object_set_new(hello, "suggested_name", json_string(suggested_name)) < 0)
        return arci_fail_memory(error);
    const struct transcript transcript = {ROLE_INITIATOR,
                                          exporter,
                                          initiator.challenge,
                                          self->peer_record->id.text,
                                          "",
                                          self->license->license_id.text};
    code = sign_message(self, &transcript, hello, error);
    if (code < 0)
        return code;
    *ret_initiator = initiator;
    *ret_hello = arci_steal(hello);
    return ARCTIC_OK;
}

static int fail_handshake(struct arctic_error *error, const char *why)
{
    return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "handshake failed: %s", why);
}

/* A badly formed message is a failed handshake, whatever the reader called it. */
static int fail_form(struct arctic_error *error)
{
    if (error)
        error->field[0] = '\0';
    return arci_fail_within(error, ARCTIC_E_HANDSHAKE_FAILED, "handshake failed");
}

static int read_challenge(const json_t *hello, uint8_t ret_challenge[ARCI_CHALLENGE_SIZE],
                          struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(hello, "challenge", true, &text, error);
    if (code < 0)
        return fail_form(error);
    if (!arci_base64_decode_exact(text, ret_challenge, ARCI_CHALLENGE_SIZE))
        return fail_handshake(error, "the challenge is not 32 bytes");
    return ARCTIC_OK;
}

/* The record must be signed by the very key that the TLS connection has proved. */
static int read_peer(const json_t *message, const uint8_t peer_key[ARCI_KEY_SIZE],
                     struct arci_handshake_remote *remote, struct arctic_error *error)
{
    const json_t *object = NULL;
    int code = arci_json_object(message, "peer", true, &object, error);
    if (code >= 0)
        code = arci_record_from_json(object, &remote->peer_record, error);
    if (code >= 0)
        code = arci_record_verify(&remote->peer_record, peer_key, error);
    if (code >= 0 && (remote->peer_record.kind != ARCI_RECORD_PEER || remote->peer_record.deleted))
        code = arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "the record is not that of a living peer");
    if (code >= 0)
        code = arci_peer_from_record(remote->peer_record.body, &remote->peer, error);
    if (code < 0)
        return fail_form(error);
    if (!arctic_id_equal(&remote->peer.id, &remote->peer_record.id) ||
        !arci_equal_constant_time(remote->peer.public_key, peer_key, ARCI_KEY_SIZE))
        return fail_handshake(error, "the peer's record names another id or key than it has proved");
    return ARCTIC_OK;
}

static int read_signature(const json_t *message, const char *name, uint8_t ret_signature[ARCI_SIGNATURE_SIZE],
                          struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(message, name, true, &text, error);
    if (code < 0)
        return fail_form(error);
    if (!arci_base64_decode_exact(text, ret_signature, ARCI_SIGNATURE_SIZE))
        return fail_handshake(error, "a signature is not 64 bytes");
    return ARCTIC_OK;
}

/* Both signatures over the sender's transcript: that of its identity and that of its licence's admission key. */
static int check_signatures(const json_t *message, const struct transcript *transcript,
                            const struct arci_license *license, const uint8_t peer_key[ARCI_KEY_SIZE],
                            struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    uint8_t admission[ARCI_SIGNATURE_SIZE];
    int code = read_signature(message, "signature", signature, error);
    if (code >= 0)
        code = read_signature(message, "admission", admission, error);
    if (code >= 0)
        code = write_transcript(transcript, &text, error);
    if (code < 0)
        return code;
    if (arci_signature_verify(peer_key, text.data, text.length, signature, NULL) < 0)
        return fail_handshake(error, "the identity signature does not hold for this connection");
    if (arci_license_check_proof(license, text.data, text.length, admission, NULL) < 0)
        return fail_handshake(error, "the peer shows a licence whose file it does not hold");
    return ARCTIC_OK;
}

static int check_license(const struct arci_handshake_self *self, const json_t *message,
                         struct arci_license **ret_license, struct arctic_error *error)
{
    const json_t *object = NULL;
    int code = arci_json_object(message, "license", true, &object, error);
    if (code < 0)
        return fail_form(error);
    ARCI_LICENSE *license = NULL;
    code = arci_license_from_json(object, ARCI_LICENSE_SHOWN, self->trust_roots, &license, error);
    if (code < 0)
        return arci_fail_within(error, code, "the peer's licence");
    if (!arctic_id_equal(&license->customer_id, &self->license->customer_id))
        return arci_fail(
            error, ARCTIC_E_LICENSE_MISMATCH, NULL,
            "the licence %s is of another customer than this agent's: issue both with one --customer",
            license->license_id.text);
    *ret_license = arci_steal(license);
    return ARCTIC_OK;
}

/* The transcript's signer is the sender of the message; ids and licence id are filled in here. */
static int judge_message(const struct arci_handshake_self *self, struct transcript *transcript,
                         const uint8_t peer_key[ARCI_KEY_SIZE], const json_t *message,
                         struct arci_handshake_remote *remote, struct arctic_error *error)
{
    ARCI_LICENSE *license = NULL;
    int64_t version = 0;
    int code =
        arci_json_integer(message, "version", true, PROTOCOL_VERSION, PROTOCOL_VERSION, &version, error);
    if (code < 0)
        return fail_form(error);
    code = read_peer(message, peer_key, remote, error);
    if (code >= 0)
        code = check_license(self, message, &license, error);
    if (code < 0)
        return code;
    if (arctic_id_equal(&remote->peer.id, &self->peer_record->id))
        return fail_handshake(error, "the other end has this agent's own id: one of the two is a copy");
    remote->license_state = arci_license_state_at(license, self->now);
    transcript->license_id = license->license_id.text;
    if (transcript->role == ROLE_INITIATOR)
        transcript->initiator_id = remote->peer.id.text;
    else
        transcript->responder_id = remote->peer.id.text;
    return check_signatures(message, transcript, license, peer_key, error);
}

int arci_handshake_judge_hello(const struct arci_handshake_self *self,
                               const uint8_t exporter[ARCI_EXPORTER_SIZE],
                               const uint8_t peer_key[ARCI_KEY_SIZE], const json_t *hello,
                               struct arci_handshake_remote *ret_remote, struct arctic_error *error)
{
    uint8_t challenge[ARCI_CHALLENGE_SIZE];
    struct arci_handshake_remote remote = {0};
    struct transcript transcript = {ROLE_INITIATOR, exporter, challenge, NULL, "", NULL};
    int code = read_challenge(hello, challenge, error);
    if (code >= 0)
        code = judge_message(self, &transcript, peer_key, hello, &remote, error);
    if (code >= 0 && arci_json_copy_text(hello, "suggested_name", true, remote.suggested_name,
                                         sizeof remote.suggested_name, error) < 0)
        code = fail_form(error);
    if (code >= 0 && remote.suggested_name[0] &&
        arci_name_validate(remote.suggested_name, "suggested_name", error) < 0)
        code = fail_form(error);
    if (code < 0) {
        arci_handshake_remote_release(&remote);
        return code;
    }
    *ret_remote = remote;
    return ARCTIC_OK;
}

int arci_handshake_welcome(const struct arci_handshake_self *self, const uint8_t exporter[ARCI_EXPORTER_SIZE],
                           const json_t *hello, json_t **ret_welcome, struct arctic_error *error)
{
    uint8_t challenge[ARCI_CHALLENGE_SIZE];
    int code = read_challenge(hello, challenge, error);
    if (code < 0)
        return code;
    const char *initiator_id = json_string_value(json_object_get(json_object_get(hello, "peer"), "id"));
    if (!initiator_id)
        return fail_handshake(error, "the hello names no peer");
    ARCI_JSON *welcome = make_message(self, "welcome");
    if (!welcome)
        return arci_fail_memory(error);
    const struct transcript transcript = {ROLE_RESPONDER,
                                          exporter,
                                          challenge,
                                          initiator_id,
                                          self->peer_record->id.text,
                                          self->license->license_id.text};
    code = sign_message(self, &transcript, welcome, error);
    if (code >= 0)
        *ret_welcome = arci_steal(welcome);
    return code;
}

json_t *arci_handshake_refusal(const struct arctic_error *reason)
{
    return json_pack("{s:s, s:s, s:s}", "type", "refused", "code", arctic_code_name(reason->code), "error",
                     reason->message);
}

static int read_refusal(const json_t *answer, struct arctic_error *error)
{
    const char *name = json_string_value(json_object_get(answer, "code"));
    const char *text = json_string_value(json_object_get(answer, "error"));
    int code = arctic_code_from_name(name);
    bool expected = code == ARCTIC_E_LICENSE_INVALID || code == ARCTIC_E_LICENSE_MISMATCH ||
                    code == ARCTIC_E_LICENSE_EXPIRED || code == ARCTIC_E_NODE_LIMIT_EXCEEDED;
    return arci_fail(error, expected ? code : ARCTIC_E_HANDSHAKE_FAILED, NULL, "the peer refused: %s",
                     text ? text : "no reason given");
}

int arci_handshake_judge_answer(const struct arci_handshake_self *self,
                                const struct arci_handshake_initiator *initiator,
                                const uint8_t peer_key[ARCI_KEY_SIZE], const json_t *answer,
                                struct arci_handshake_remote *ret_remote, struct arctic_error *error)
{
    if (strcmp(arci_message_type(answer), "refused") == 0)
        return read_refusal(answer, error);
    if (strcmp(arci_message_type(answer), "welcome") != 0)
        return fail_handshake(error, "the answer is neither a welcome nor a refusal");
    struct arci_handshake_remote remote = {0};
    struct transcript transcript = {
        ROLE_RESPONDER, initiator->exporter, initiator->challenge, self->peer_record->id.text, NULL, NULL};
    int code = judge_message(self, &transcript, peer_key, answer, &remote, error);
    if (code < 0) {
        arci_handshake_remote_release(&remote);
        return code;
    }
    *ret_remote = remote;
    return ARCTIC_OK;
}
