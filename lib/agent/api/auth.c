/* Access tokens and their check. */
#include "agent/api/auth.h"

#include <stdlib.h>
#include <string.h>

#include "agent/api/credentials.h"
#include "agent/api/recovery.h"
#include "agent/license/license-admission.h"
#include "agent/license/license.h"
#include "agent/peers/peers.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/token-cache.h"

bool arci_auth_is_member(struct arctic_agent *agent, const struct arctic_id *id)
{
    if (arctic_id_equal(id, &agent->local_id))
        return true;
    const struct arci_agent_peer *peer = arci_peers_find(agent, id);
    if (peer)
        return peer->live.state != ARCI_PEER_REVOKED;
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, id);
    return entry && !arci_registry_revocation_of_peer(agent->registry, id) &&
           arci_admission_is_shown(agent, entry);
}

static const uint8_t *find_issuer_key(void *context, const char *issuer)
{
    struct arctic_agent *agent = context;
    struct arctic_id id;
    if (arctic_id_parse(ARCTIC_ID_PEER, issuer, &id, NULL) < 0 || !arci_auth_is_member(agent, &id))
        return NULL;
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &id);
    return entry ? entry->content.peer.public_key : NULL;
}

/* Those of members; start with *cursor = 0, NULL at the end. There is one, but where somebody has signed another under its id. */
static const struct arci_credential *next_credential(struct arctic_agent *agent, const char *client_id,
                                                     size_t *cursor)
{
    struct arctic_id id;
    const struct arci_entry *entry;
    if (arctic_id_parse(ARCTIC_ID_CLIENT, client_id, &id, NULL) < 0)
        return NULL;
    while ((entry = arci_registry_next_of_id(agent->registry, ARCI_RECORD_CREDENTIAL, &id, cursor))) {
        if (!entry->record.deleted && arci_auth_is_member(agent, &entry->record.owner))
            return &entry->content.credential;
    }
    return NULL;
}

static const struct arci_credential *find_credential(struct arctic_agent *agent, const char *client_id,
                                                     const char *secret)
{
    const struct arci_credential *credential;
    size_t cursor = 0;
    do
        credential = next_credential(agent, client_id, &cursor);
    while (!arci_credentials_match(credential, secret) && credential);
    return credential;
}

/* What a token of this client may give, as the client stands now; false where there is none. */
static bool find_scopes(struct arctic_agent *agent, const char *client_id, uint32_t *ret_scopes)
{
    const struct arci_credential *credential;
    bool found = false;
    *ret_scopes = 0;
    for (size_t cursor = 0; (credential = next_credential(agent, client_id, &cursor)); found = true)
        *ret_scopes |= credential->scopes;
    return found;
}

/* Who mistakes the two sends the secret where the id should be. */
static const char *loggable(const char *client_id)
{
    return arctic_id_parse(ARCTIC_ID_CLIENT, client_id, &(struct arctic_id){{0}}, NULL) < 0
               ? "not a client id"
               : client_id;
}

static void log_wrong_login(struct arctic_agent *agent, const char *client_id)
{
    int64_t suppressed;
    if (arci_log_allowed(&agent->login_log, arci_time_monotonic(), &suppressed))
        arci_log_warn(agent->log, "auth", "client id or secret is wrong",
                      ARCI_TEXT("client_id", loggable(client_id)), ARCI_INT("more", suppressed));
}

int arci_auth_issue(struct arctic_agent *agent, const char *client_id, const char *client_secret,
                    uint32_t scopes, char **ret_token, uint32_t *ret_scopes, struct arctic_error *error)
{
    if (arci_auth_check_bootstrapped(agent, error) < 0)
        return ARCTIC_E_NOT_BOOTSTRAPPED;
    const struct arci_credential *credential = find_credential(agent, client_id, client_secret);
    if (!credential) {
        log_wrong_login(agent, client_id);
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL, "client id or secret is wrong");
    }
    uint32_t granted = scopes ? scopes : credential->scopes;
    if (!(credential->scopes & ARCI_SCOPE_ADMIN) && (granted & ~credential->scopes) != 0)
        return arci_fail(error, ARCTIC_E_FORBIDDEN, "scope",
                         "the client does not have all the scopes it asks for");
    char scope_text[ARCI_SCOPES_TEXT];
    const int64_t now = arci_time_now() / 1000;
    const struct arci_token_claims claims = {
        .issuer = agent->local_id.text,
        .subject = credential->client_id.text,
        .scope = arci_scopes_format(granted, scope_text),
        .issued_at = now,
        .expires_at = now + ARCI_TOKEN_LIFETIME_S,
    };
    int code = arci_token_issue(agent->identity, &claims, ret_token, error);
    if (code >= 0)
        *ret_scopes = granted;
    return code;
}

/* The client must still exist, and a token never gives more than its client has now. */
static int read_principal(struct arctic_agent *agent, const char *bearer,
                          struct arci_principal *ret_principal, struct arctic_error *error)
{
    struct arci_token token;
    struct arci_principal principal = {.scopes = 0};
    uint32_t allowed;
    uint32_t scopes;
    int code = arci_token_cache_verify(agent->token_cache, bearer, find_issuer_key, agent,
                                       arci_time_now() / 1000, &token, error);
    if (code < 0)
        return code;
    if (!find_scopes(agent, token.subject, &allowed))
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL,
                         "the client of this token is not known here: it has been revoked, or this agent has "
                         "not heard of it yet");
    code = arci_scopes_parse(token.scope, &scopes, error);
    if (code < 0)
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL, "the token's scopes are not known");
    principal.scopes = allowed & ARCI_SCOPE_ADMIN ? scopes : scopes & allowed;
    code = arctic_id_parse(ARCTIC_ID_CLIENT, token.subject, &principal.client_id, error);
    if (code >= 0)
        *ret_principal = principal;
    return code;
}

int arci_auth_check_bootstrapped(const struct arctic_agent *agent, struct arctic_error *error)
{
    if (agent->bootstrapped)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_NOT_BOOTSTRAPPED, NULL,
                     "this agent is not bootstrapped: arctic bootstrap --url URL --license-file FILE");
}

const char *arci_principal_name(const struct arci_principal *principal)
{
    return principal->client_id.text[0] ? principal->client_id.text : "recovery token";
}

static int check_license(const struct arctic_agent *agent, const struct arci_request *request,
                         struct arctic_error *error)
{
    if (arci_request_endpoint(request)->flags & ARCI_HTTP_ALWAYS)
        return ARCTIC_OK;
    return arci_license_check_request(agent, !arci_request_reads(request), error);
}

static int check_scope(const struct arci_principal *principal, const char *scope, struct arctic_error *error)
{
    uint32_t needed = 0;
    int code = arci_scopes_parse(scope, &needed, error);
    if (code < 0)
        return arci_fail(error, ARCTIC_E_INTERNAL, NULL, "endpoint with unknown scope %s", scope);
    if (!arci_scopes_allow(principal->scopes, needed))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL,
                         "this needs the scope %s, which the token does not have", scope);
    return ARCTIC_OK;
}

/* A recovery token that is no good is not made up for by a bearer token. */
static int find_principal(struct arctic_agent *agent, const struct arci_request *request,
                          struct arci_principal *ret_principal, struct arctic_error *error)
{
    const char *recovery = arci_request_header(request, ARCI_RECOVERY_HEADER);
    const char *bearer = arci_request_bearer(request);
    if (!recovery && !bearer)
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL, "no bearer token: get one from /v1/oauth/token");
    if (!recovery)
        return read_principal(agent, bearer, ret_principal, error);
    int code = arci_recovery_check(agent, request, recovery, error);
    if (code >= 0)
        *ret_principal = (struct arci_principal){.scopes = ARCI_SCOPE_ADMIN};
    return code;
}

/* What began now would find the identity gone half-way. */
static int check_stays(const struct arctic_agent *agent, const struct arci_request *request,
                       struct arctic_error *error)
{
    if (!agent->leaving || arci_request_reads(request))
        return ARCTIC_OK;
    return arci_fail(
        error, ARCTIC_E_NOT_BOOTSTRAPPED, NULL,
        "this agent leaves its cluster: nothing can be changed here before it is bootstrapped anew");
}

int arci_auth_authorize(void *context, struct arci_request *request, const char *scope,
                        struct arctic_error *error)
{
    struct arctic_agent *agent = context;
    struct arci_principal principal;
    if (arci_auth_check_bootstrapped(agent, error) < 0)
        return ARCTIC_E_NOT_BOOTSTRAPPED;
    int code = find_principal(agent, request, &principal, error);
    if (code >= 0)
        code = check_stays(agent, request, error);
    if (code >= 0)
        code = check_scope(&principal, scope, error);
    if (code >= 0)
        code = check_license(agent, request, error);
    if (code < 0)
        return code;
    struct arci_principal *kept = malloc(sizeof *kept);
    if (!kept)
        return arci_fail_memory(error);
    *kept = principal;
    arci_request_set_principal(request, kept, free);
    return ARCTIC_OK;
}
