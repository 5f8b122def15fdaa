/* The credentials that this agent knows. */
#include "agent/api/credentials.h"

#include "agent/api/auth.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peers.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/client-secret.h"

/* What is compared where there is no hash, so that the answer takes as long as with one. */
#define NO_HASH "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* A new secret and its hash. */
static int make_secret(char **ret_secret, char ret_hash[ARCI_SECRET_HASH_SIZE], struct arctic_error *error)
{
    ARCI_CLEANUP(arci_secret_cleanup) char *secret = NULL;
    int code = arci_client_secret_generate(&secret, error);
    if (code >= 0)
        code = arci_client_secret_hash(secret, ret_hash, ARCI_SECRET_HASH_SIZE, error);
    if (code >= 0)
        *ret_secret = arci_steal(secret);
    return code;
}

int arci_credentials_put_new(struct arctic_agent *agent, struct arci_credential *credential,
                             char **ret_secret, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_secret_cleanup) char *secret = NULL;
    credential->created_at = arci_time_now();
    int code = arctic_id_generate(ARCTIC_ID_CLIENT, &credential->client_id, error);
    if (code >= 0)
        code = make_secret(&secret, credential->secret_hash, error);
    if (code >= 0)
        code = arci_registry_put_credential(agent->registry, credential, error);
    if (code >= 0)
        *ret_secret = arci_steal(secret);
    return code;
}

static size_t count_own(const struct arctic_agent *agent)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    size_t count = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_CREDENTIAL, &cursor)))
        count += arctic_id_equal(&entry->record.owner, &agent->local_id);
    return count;
}

int arci_credentials_create(struct arctic_agent *agent, struct arci_credential *credential, char **ret_secret,
                            struct arctic_error *error)
{
    if (count_own(agent) >= ARCI_CREDENTIALS_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                         "this agent has %d credentials, which is the limit: revoke those that are not used",
                         ARCI_CREDENTIALS_MAX);
    int code = arci_credentials_put_new(agent, credential, ret_secret, error);
    if (code >= 0)
        arci_gossiping_announce(agent, ARCI_RECORD_CREDENTIAL, &credential->client_id);
    return code;
}

/* A record is changed by its owner alone. */
static int check_own(struct arctic_agent *agent, const struct arci_entry *entry, struct arctic_error *error)
{
    const struct arctic_id *owner = &entry->record.owner;
    if (arctic_id_equal(owner, &agent->local_id))
        return ARCTIC_OK;
    const struct arci_agent_peer *peer = arci_peers_find(agent, owner);
    return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                     "credential %s was made at peer %s: make the change there, at %s", entry->record.id.text,
                     owner->text, peer ? peer->live.address : "its own address");
}

/* Whether a credential with all scopes is left without `one`, and without those of a peer; either may be NULL. */
static bool is_there_an_admin(struct arctic_agent *agent, const struct arci_entry *one,
                              const struct arctic_id *peer_id)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_CREDENTIAL, &cursor))) {
        const struct arctic_id *owner = &entry->record.owner;
        if (entry != one && !(peer_id && arctic_id_equal(owner, peer_id)) &&
            (entry->content.credential.scopes & ARCI_SCOPE_ADMIN) && arci_auth_is_member(agent, owner))
            return true;
    }
    return false;
}

static bool is_last_admin(struct arctic_agent *agent, const struct arci_entry *candidate)
{
    return (candidate->content.credential.scopes & ARCI_SCOPE_ADMIN) &&
           !is_there_an_admin(agent, candidate, NULL);
}

int arci_credentials_check_without(struct arctic_agent *agent, const struct arctic_id *peer_id,
                                   struct arctic_error *error)
{
    if (is_there_an_admin(agent, NULL, peer_id))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_CANNOT_REVOKE_CURRENT, NULL,
                     "peer %s has made all credentials with the scope admin, which go with it: create one at "
                     "another peer first, with arctic credentials create --scopes admin --peer PEER",
                     peer_id->text);
}

int arci_credentials_revoke(struct arctic_agent *agent, const struct arci_entry *entry,
                            struct arctic_error *error)
{
    const struct arctic_id id = entry->record.id;
    int code = check_own(agent, entry, error);
    if (code < 0)
        return code;
    if (is_last_admin(agent, entry))
        return arci_fail(error, ARCTIC_E_CANNOT_REVOKE_CURRENT, NULL,
                         "%s is the last credential with the scope admin: create another one first, with "
                         "arctic credentials create --scopes admin",
                         id.text);
    code = arci_registry_delete(agent->registry, ARCI_RECORD_CREDENTIAL, &id, error);
    if (code >= 0)
        arci_gossiping_announce(agent, ARCI_RECORD_CREDENTIAL, &id);
    return code;
}

/* Ids sort by their time, and so do the bootstraps that made them. */
int arci_credentials_find_shared(struct arctic_agent *agent, const struct arci_entry **ret_entry,
                                 struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_CREDENTIAL, &cursor))) {
        if (!entry->content.credential.bootstrap || !arci_auth_is_member(agent, &entry->record.owner))
            continue;
        *ret_entry = entry;
        return ARCTIC_OK;
    }
    return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL,
                     "there is no cluster credential any more, it was revoked: use one of your own, see "
                     "arctic credentials list");
}

int arci_credentials_rotate(struct arctic_agent *agent, const struct arci_entry *entry, char **ret_secret,
                            struct arctic_error *error)
{
    ARCI_CLEANUP(arci_secret_cleanup) char *secret = NULL;
    char hash[ARCI_SECRET_HASH_SIZE];
    struct arci_credential credential = entry->content.credential;
    int code = check_own(agent, entry, error);
    if (code >= 0)
        code = make_secret(&secret, hash, error);
    if (code < 0)
        return code;
    arci_credential_rotate(&credential, hash, arci_time_now());
    code = arci_registry_put_credential(agent->registry, &credential, error);
    if (code < 0)
        return code;
    arci_gossiping_announce(agent, ARCI_RECORD_CREDENTIAL, &credential.client_id);
    *ret_secret = arci_steal(secret);
    return ARCTIC_OK;
}

bool arci_credentials_match(const struct arci_credential *credential, const char *secret)
{
    bool matches = arci_client_secret_matches(secret, credential ? credential->secret_hash : NO_HASH);
    int64_t now = arci_time_now();
    /* As many comparisons for any client, or none. */
    for (size_t i = 0; i < ARCI_FORMER_SECRETS_MAX; i++) {
        bool counts = credential && i < credential->former_count && now < credential->formers[i].until;
        bool same = arci_client_secret_matches(secret, counts ? credential->formers[i].hash : NO_HASH);
        matches = matches || (counts && same);
    }
    return credential && matches;
}
