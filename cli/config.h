/*
 * The configuration file: clusters with their credentials and endpoints, and preferences. In memory it is the
 * JSON value of the YAML file, so that keys of a newer version survive a rewrite.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/support.h"

/* Peers of a cluster and endpoints of a peer that are read; more are ignored. */
#define CLI_ENDPOINTS_MAX 64

struct cli_config {
    char *path;
    json_t *root; /* an object */
};

void cli_config_release(struct cli_config *config);

/*
 * Finds the file ($ARCTIC_CONFIG, $XDG_CONFIG_HOME/arctic/config.yaml, ~/.config/arctic/config.yaml; `given` goes
 * before all of them) and reads it; one that does not exist is an empty one. A file that others may read is
 * made 0600, with a warning on stderr. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_CORRUPT (naming line and column, or
 * the key).
 */
int cli_config_load(const char *given, struct cli_config *ret_config, struct arctic_error *error);

/*
 * Whether a change of the file could be stored now: for what is told once and would be lost. Errors: ARCTIC_E_SYSTEM, naming the
 * file or its folder.
 */
int cli_config_check_writable(const struct cli_config *config, struct arctic_error *error);

/*
 * Changes the file: under a lock it is read again, changed by `change`, and put in place by rename, with mode
 * 0600 from birth. With `keep_copies`, preferences.backup_retention old ones stay beside it as config.yaml.1 (the
 * newest), .2, ... A file that says it already stays untouched. *config is the new content afterwards. Errors: as
 * above, and those of `change`.
 */
int cli_config_change(struct cli_config *config, bool keep_copies,
                      int (*change)(json_t *root, void *context, struct arctic_error *error), void *context,
                      struct arctic_error *error);

/*
 * The cluster of a key, a unique id or name, or (NULL) the current one. NULL with ARCTIC_OK where none was asked for and
 * none is current. The object stays the configuration's. Errors: ARCTIC_E_NOT_FOUND, ARCTIC_E_USAGE (ambiguous).
 */
int cli_config_cluster(const struct cli_config *config, const char *wanted, json_t **ret_cluster,
                       struct arctic_error *error);

/* The key of a cluster in the file: the id that it had at its bootstrap. "" for none of this configuration's. */
const char *cli_config_key(const struct cli_config *config, const json_t *cluster);

/* The key of the cluster that has this id, or this peer; NULL where there is none. */
const char *cli_config_find_key(const struct cli_config *config, const char *cluster_id, const char *peer_id);

/*
 * The cluster that has this endpoint; NULL where none does. An agent that began anew is in the file twice: the current cluster
 * goes before others, and the one that came last before those that came earlier.
 */
json_t *cli_config_cluster_of_endpoint(const struct cli_config *config, const char *endpoint);

struct cli_endpoint {
    const char *url;
    const char *peer_id;
    const char *fingerprint; /* that https shows there; "" for none */
};

/*
 * Endpoints of a cluster in the order in which they are tried: those of the peer `first` first, NULL for the default
 * peer. The texts stay the configuration's. Returns their number.
 */
size_t cli_config_endpoints(const json_t *cluster, const char *first,
                            struct cli_endpoint ret_endpoints[CLI_ENDPOINTS_MAX]);

/* Id of the peer that has the name `wanted` (may be NULL) in a cluster; NULL where none has. */
const char *cli_config_peer_named(const json_t *cluster, const char *wanted);

/* The key of the entry whose cluster this one was about to join, else its own. */
const char *cli_config_joins(const struct cli_config *config, const json_t *cluster);

/* Whether some cluster has the credential of this id. */
bool cli_config_has_client(const struct cli_config *config, const char *client_id);

/* A preference; NULL where it is not set. */
const json_t *cli_config_preference(const struct cli_config *config, const char *name);

/* --- Changes for cli_config_change() --- */

struct cli_bootstrap_result {
    const char *key; /* of the entry that is there already; NULL: a new one, which becomes the current one */
    const char *
        joins; /* key of the entry whose cluster a new one is about to join, which stays current; NULL for none */
    const char *cluster_id;
    const char *customer_id; /* NULL: not known */
    const char *client_id;   /* NULL: as it is, as is the secret */
    const char *client_secret;
    const char *peer_id;
    const char *peer_name; /* NULL: not known */
    const char *endpoint;
    const char *fingerprint; /* NULL for none */
};

/* Saves an agent that is bootstrapped, with its cluster; `context` is a struct cli_bootstrap_result. */
int cli_config_save_bootstrap(json_t *root, void *context, struct arctic_error *error);

struct cli_choice {
    const char *key;     /* of the cluster */
    const char *peer_id; /* to be its default peer; NULL: as it is */
    bool current;        /* make it the current one */
};

/* Chooses cluster and peer; `context` is a struct cli_choice. */
int cli_config_set_current(json_t *root, void *context, struct arctic_error *error);

struct cli_cluster_name {
    const char *key;
    const char *name; /* "": none */
};

/* Gives a cluster a name of its user's choice; `context` is a struct cli_cluster_name. */
int cli_config_name_cluster(json_t *root, void *context, struct arctic_error *error);

struct cli_answered {
    const char *key; /* of the cluster, see cli_config_key() */
    const char *endpoint;
};

/* Puts the endpoint that answered first among its peer's; `context` is a struct cli_answered. */
int cli_config_remember_endpoint(json_t *root, void *context, struct arctic_error *error);

struct cli_joined {
    const char *peer_ids[2];
    const char *cluster_id; /* the one that both are in now */
    const char
        *key; /* of the entry that takes over the peers of the second one's; NULL: entries stay apart */
};

/*
 * Two clusters have become one: its id goes to each entry that has one of the peers, and one entry may take over the
 * peers of the other, with whom the credentials of their own agents stay. `context` is a struct cli_joined.
 */
int cli_config_save_joined(json_t *root, void *context, struct arctic_error *error);

/*
 * Drops a peer, and a cluster that has none left; `context` is its id. Where the credential in use was made by its agent,
 * that of another peer takes its place.
 */
int cli_config_forget_peer(json_t *root, void *context, struct arctic_error *error);

struct cli_renamed {
    const char *peer_id;
    const char *name;
};

/* `context` is a struct cli_renamed. */
int cli_config_rename_peer(json_t *root, void *context, struct arctic_error *error);

struct cli_new_secret {
    const char *client_id;
    const char *client_secret;
};

/* Gives a credential its new secret, in every cluster that has it; `context` is a struct cli_new_secret. */
int cli_config_save_secret(json_t *root, void *context, struct arctic_error *error);

struct cli_preference {
    const char *name;
    json_t *value; /* NULL: take it out */
};

/* `context` is a struct cli_preference. */
int cli_config_set_preference(json_t *root, void *context, struct arctic_error *error);

#endif
