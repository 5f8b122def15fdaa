/* This agent's own peer record, and its bootstrap. */
#include "agent/local-peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/api/api-listeners.h"
#include "agent/api/credentials.h"
#include "agent/license/license-admission.h"
#include "agent/license/license.h"
#include "agent/peers/cluster-id.h"
#include "agent/peers/departure.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/identity-conflict.h"
#include "agent/peers/own-endpoints.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/store-age.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"

#define KEY_FILE "peer.key"
/* Note "name": where the name came from. */
#define NAME_GIVEN "given"
#define NAME_DEFAULT "default"
/* What to do about a store that lacks something. */
#define RESTORE "restore a backup, or empty %s and bootstrap anew"

static void key_path(const struct arctic_agent *agent, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", agent->settings.data_dir, KEY_FILE);
}

static void default_name(char *name, size_t size)
{
    struct utsname host;
    if (uname(&host) < 0 || arci_name_validate(host.nodename, "name", NULL) < 0)
        snprintf(name, size, "agent");
    else
        snprintf(name, size, "%.*s", (int)size - 1, host.nodename);
}

static void fill_facts(struct arctic_agent *agent, struct arci_peer *peer)
{
    memcpy(peer->public_key, arci_identity_public_key(agent->identity), sizeof peer->public_key);
    arci_api_listeners_describe(agent, peer);
    arci_own_endpoints_describe(agent, peer);
    peer->tunnel_port = agent->tunnel_port;
    peer->iptunnel_port = agent->settings.iptunnel_port;
    peer->qos_enabled = false;
    peer->license = agent->license->document;
    peer->admission = arci_admission_own(agent);
    snprintf(peer->version, sizeof peer->version, "%s", arctic_version());
    memcpy(peer->instance, agent->instance, sizeof peer->instance);
}

static int put_local_peer(struct arctic_agent *agent, struct arci_peer *peer, struct arctic_error *error)
{
    peer->updated_at = arci_time_now();
    return arci_registry_put_peer(agent->registry, peer, error);
}

int arci_local_peer_refresh(struct arctic_agent *agent, struct arctic_error *error)
{
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    if (!entry)
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "arctic.db has no record of this peer, %s: " RESTORE,
                         agent->local_id.text, agent->settings.data_dir);
    struct arci_peer peer = entry->content.peer;
    fill_facts(agent, &peer);
    ARCI_JSON *body = arci_peer_to_record(&peer);
    if (!body)
        return arci_fail_memory(error);
    if (json_equal(body, entry->record.body))
        return ARCTIC_OK;
    int code = put_local_peer(agent, &peer, error);
    if (code >= 0)
        arci_gossiping_announce(agent, ARCI_RECORD_PEER, &agent->local_id);
    return code;
}

int arci_local_peer_take_up(struct arctic_agent *agent, struct arctic_error *error)
{
    int code = arci_local_peer_refresh(agent, error);
    if (code < 0)
        return code;
    arci_license_hear_all(agent);
    arci_cluster_id_settle(agent);
    return ARCTIC_OK;
}

int arci_local_peer_set_cluster(struct arctic_agent *agent, const struct arci_cluster_identity *cluster,
                                struct arctic_error *error)
{
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    if (!entry)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "this peer leaves the cluster");
    struct arci_peer peer = entry->content.peer;
    fill_facts(agent, &peer);
    peer.cluster = *cluster;
    return put_local_peer(agent, &peer, error);
}

struct naming {
    struct arctic_agent *agent;
    struct arci_peer *peer;
};

static int write_naming(void *context, struct arctic_error *error)
{
    const struct naming *naming = context;
    int code = arci_store_put_note(naming->agent->store, "agent", "name", NAME_GIVEN, error);
    return code < 0 ? code : put_local_peer(naming->agent, naming->peer, error);
}

/* The name, and that it was given: one without the other would turn a later suggestion away, or let it win. */
static int put_named_peer(struct arctic_agent *agent, const struct arci_entry *known, struct arci_peer *peer,
                          struct arctic_error *error)
{
    struct naming naming = {agent, peer};
    const struct arci_entry *former = arci_entry_ref(known);
    int code = arci_store_transaction(agent->store, write_naming, &naming, error);
    if (code < 0)
        arci_registry_restore(agent->registry, ARCI_RECORD_PEER, &agent->local_id, former);
    arci_entry_unref(former);
    return code;
}

int arci_local_peer_suggest_name(struct arctic_agent *agent, const char *name, struct arctic_error *error)
{
    ARCI_FREE char *origin = NULL;
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    if (!name[0] || !entry)
        return ARCTIC_OK;
    int code = arci_store_get_note(agent->store, "agent", "name", &origin, error);
    if (code < 0 || (origin && strcmp(origin, NAME_GIVEN) == 0))
        return code;
    struct arci_peer peer = entry->content.peer;
    snprintf(peer.name, sizeof peer.name, "%s", name);
    code = put_named_peer(agent, entry, &peer, error);
    if (code >= 0)
        arci_gossiping_announce(agent, ARCI_RECORD_PEER, &agent->local_id);
    return code;
}

int arci_local_peer_update(struct arctic_agent *agent, const json_t *object, struct arctic_error *error)
{
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    if (!entry)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "this peer leaves the cluster");
    struct arci_peer peer = entry->content.peer;
    int code = arci_peer_update_from_json(object, &peer, error);
    if (code >= 0)
        code = json_object_get(object, "name") ? put_named_peer(agent, entry, &peer, error)
                                               : put_local_peer(agent, &peer, error);
    if (code >= 0)
        arci_gossiping_announce(agent, ARCI_RECORD_PEER, &agent->local_id);
    return code;
}

int arci_local_peer_wipe(struct arctic_agent *agent, struct arctic_error *error)
{
    char path[512];
    int code = arci_store_clear(agent->store, error);
    key_path(agent, path, sizeof path);
    if (code >= 0 && unlink(path) < 0 && errno != ENOENT)
        return arci_fail_errno(error, "cannot remove %s", path);
    return code;
}

/* --- Bootstrap. ------------------------------------------------------------------------------------------------------------ */

struct bootstrap {
    struct arctic_agent *agent;
    const char *license_text;
    const char *name;
    const char *description;
    struct arci_bootstrap_result result;
};

static int put_notes(struct bootstrap *bootstrap, struct arctic_error *error)
{
    struct arctic_agent *agent = bootstrap->agent;
    const char *const notes[][2] = {
        {"peer_id", agent->local_id.text},
        {"license", bootstrap->license_text},
        {"name", bootstrap->name[0] ? NAME_GIVEN : NAME_DEFAULT},
        {"first_client_id", bootstrap->result.client_id.text},
    };
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        int code = arci_store_put_note(agent->store, "agent", notes[i][0], notes[i][1], error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

static int put_first_credential(struct bootstrap *bootstrap, struct arctic_error *error)
{
    struct arci_credential credential = {.scopes = ARCI_SCOPE_ADMIN, .name = "bootstrap", .bootstrap = true};
    int code =
        arci_credentials_put_new(bootstrap->agent, &credential, &bootstrap->result.client_secret, error);
    bootstrap->result.client_id = credential.client_id;
    return code;
}

static int write_bootstrap(void *context, struct arctic_error *error)
{
    struct bootstrap *bootstrap = context;
    struct arctic_agent *agent = bootstrap->agent;
    struct arci_peer peer = {
        .id = agent->local_id, .cluster = {.id = agent->cluster_id}, .created_at = arci_time_now()};
    fill_facts(agent, &peer);
    if (bootstrap->name[0])
        snprintf(peer.name, sizeof peer.name, "%s", bootstrap->name);
    else
        default_name(peer.name, sizeof peer.name);
    snprintf(peer.description, sizeof peer.description, "%s", bootstrap->description);
    int code = put_local_peer(agent, &peer, error);
    if (code >= 0)
        code = put_first_credential(bootstrap, error);
    return code < 0 ? code : put_notes(bootstrap, error);
}

void arci_local_peer_forget(struct arctic_agent *agent)
{
    arci_registry_clear(agent->registry);
    arci_registry_set_owner(agent->registry, NULL, &(struct arctic_id){{0}});
    arci_identity_free(agent->identity);
    arci_license_forget(agent);
    agent->identity = NULL;
    agent->license_watch.known = false;
    agent->local_id = (struct arctic_id){{0}};
    agent->cluster_id = (struct arctic_id){{0}};
    arci_store_age_forget(agent);
    arci_identity_conflict_forget(agent);
}

static int make_identity(struct arctic_agent *agent, struct arctic_error *error)
{
    char path[512];
    int code = arctic_id_generate(ARCTIC_ID_PEER, &agent->local_id, error);
    if (code >= 0)
        code = arctic_id_generate(ARCTIC_ID_CLUSTER, &agent->cluster_id, error);
    if (code >= 0)
        code = arci_identity_generate(&agent->identity, error);
    if (code < 0)
        return code;
    /* The key goes to disk first: a store that knows a peer id without its key could not be used again. */
    key_path(agent, path, sizeof path);
    code = arci_identity_save(agent->identity, path, error);
    if (code >= 0)
        arci_registry_set_owner(agent->registry, agent->identity, &agent->local_id);
    return code;
}

static int check_license(struct arctic_agent *agent, const json_t *object, struct arctic_error *error)
{
    int code =
        arci_license_from_json(object, ARCI_LICENSE_FILE, &agent->trust_roots, &agent->own_license, error);
    if (code < 0)
        return code;
    agent->license = agent->own_license;
    enum arctic_license_state state = arci_license_state_at(agent->license, arci_time_now());
    if (state == ARCTIC_LICENSE_READ_ONLY || state == ARCTIC_LICENSE_SUSPENDED)
        return arci_fail(error, ARCTIC_E_LICENSE_EXPIRED, "license",
                         "the licence %s has expired: get a new one", agent->license->license_id.text);
    return ARCTIC_OK;
}

int arci_local_peer_bootstrap(struct arctic_agent *agent, const json_t *license, const char *name,
                              const char *description, struct arci_bootstrap_result *ret_result,
                              struct arctic_error *error)
{
    if (agent->bootstrapped)
        return arci_fail(error, ARCTIC_E_ALREADY_BOOTSTRAPPED, NULL,
                         "this agent is peer %s already: if its credential is lost, root on its host makes "
                         "another with arctic credentials create --scopes admin --recovery-token-file "
                         "%.80s/recovery.token",
                         agent->local_id.text, agent->settings.run_dir);
    ARCI_CLEANUP(arci_secret_cleanup) char *license_text = arci_json_canonical(license);
    if (!license_text)
        return arci_fail_memory(error);
    struct bootstrap bootstrap = {
        .agent = agent, .license_text = license_text, .name = name, .description = description};
    int code = agent->wipe_failed ? arci_local_peer_wipe(agent, error) : ARCTIC_OK;
    if (code < 0)
        return code;
    agent->wipe_failed = false;
    code = check_license(agent, license, error);
    if (code >= 0)
        code = make_identity(agent, error);
    if (code >= 0)
        code = arci_store_transaction(agent->store, write_bootstrap, &bootstrap, error);
    if (code < 0) {
        arci_free_secret(bootstrap.result.client_secret);
        arci_local_peer_forget(agent);
        return code;
    }
    agent->bootstrapped = true;
    *ret_result = bootstrap.result;
    return ARCTIC_OK;
}

/* --- Start of a bootstrapped agent. ---------------------------------------------------------------------------------------- */

static int load_id(struct arctic_agent *agent, const char *key, int32_t kind, struct arctic_id *ret_id,
                   struct arctic_error *error)
{
    ARCI_FREE char *text = NULL;
    int code = arci_store_get_note(agent->store, "agent", key, &text, error);
    if (code >= 0 && !text)
        code = arci_fail(error, ARCTIC_E_CORRUPT, NULL, "arctic.db has no %s: " RESTORE, key,
                         agent->settings.data_dir);
    if (code >= 0 && arctic_id_parse(kind, text, ret_id, error) < 0)
        code = arci_fail_within(error, ARCTIC_E_CORRUPT, "the %s in %.200s/arctic.db is damaged", key,
                                agent->settings.data_dir);
    return code;
}

/* What this peer has signed must hold with the key that it has now, or no other peer would believe it. */
static int check_own_records(struct arctic_agent *agent, struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next_owned(agent->registry, &agent->local_id, &cursor))) {
        if (arci_record_verify(&entry->record, arci_identity_public_key(agent->identity), error) < 0)
            return arci_fail_within(error, ARCTIC_E_CORRUPT, "%s and arctic.db in %s do not belong together",
                                    KEY_FILE, agent->settings.data_dir);
    }
    if (!arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id))
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "arctic.db has no record of this peer, %s: " RESTORE,
                         agent->local_id.text, agent->settings.data_dir);
    return ARCTIC_OK;
}

/* Records without an identity are those of an agent whose notes were lost; a bootstrap would mix them with its own. */
static int check_unused(struct arctic_agent *agent, struct arctic_error *error)
{
    size_t cursor = 0;
    if (!arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "arctic.db has records but does not say whose: " RESTORE,
                     agent->settings.data_dir);
}

/* A departure of which nobody needs to be told any more is finished. */
static int finish_departure(struct arctic_agent *agent, struct arctic_error *error)
{
    arci_log_info(agent->log, "gossip", "this agent has left its cluster and can be bootstrapped anew",
                  ARCI_TEXT("peer_id", agent->local_id.text));
    arci_local_peer_forget(agent);
    return arci_local_peer_wipe(agent, error);
}

static bool has_left(const struct arctic_agent *agent)
{
    const struct arci_entry *own =
        arci_registry_find_any(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    return own && own->record.deleted;
}

int arci_local_peer_load(struct arctic_agent *agent, struct arctic_error *error)
{
    char path[512];
    ARCI_FREE char *peer_id = NULL;
    int code = arci_store_get_note(agent->store, "agent", "peer_id", &peer_id, error);
    if (code >= 0 && !peer_id)
        return check_unused(agent, error);
    if (code < 0)
        return code;
    key_path(agent, path, sizeof path);
    code = load_id(agent, "peer_id", ARCTIC_ID_PEER, &agent->local_id, error);
    if (code >= 0)
        code = arci_departure_recall(agent, error);
    if (code >= 0 && has_left(agent))
        return finish_departure(agent, error);
    if (code >= 0)
        code = arci_identity_load(path, &agent->identity, error);
    if (code >= 0)
        code = arci_license_load(agent, error);
    if (code >= 0)
        code = check_own_records(agent, error);
    if (code < 0)
        return code;
    arci_registry_set_owner(agent->registry, agent->identity, &agent->local_id);
    agent->cluster_id =
        arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id)->content.peer.cluster.id;
    agent->bootstrapped = true;
    return ARCTIC_OK;
}
