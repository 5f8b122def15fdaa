/* One run of the command: what the global flags say, the configuration, and the client of the agent. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <arctic/client.h>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/files.h"
#include "cli/output.h"

/* The program that was started: arctic-compose has the commands of 'arctic compose', without that word. */
enum cli_program {
    CLI_PROGRAM_ARCTIC = 0,
    CLI_PROGRAM_COMPOSE = 1,
};

struct cli {
    enum cli_program program;
    char **argv;
    int status;                      /* exit code of a command that has done its work */
    const char *url;                 /* --url, else NULL */
    const char *cluster;             /* --cluster, else NULL */
    const char *peer;                /* --peer, else NULL */
    const char *recovery_token_file; /* --recovery-token-file, else NULL */
    char *recovery_token;            /* what it holds, once read */
    char only_url[512];              /* what `url` is after cli_stay_at_endpoint() */
    enum cli_format format;
    int32_t timeout_ms;
    int32_t connect_timeout_ms; /* 0: the client's own */
    int64_t cache_ttl;          /* seconds that completion keeps what it has asked for */
    bool quiet;
    bool verbose;
    bool color; /* of messages on stderr */
    struct cli_config config;
    const json_t *cluster_object; /* the one in use, of the configuration; NULL: none */
    struct arctic_client *client; /* made at the first request */
    bool warned;                  /* that credentials go over an open wire */
};

/* What main() does: prepares the process, and runs the command line; returns the exit code. */
int cli_start(int argc, char **argv, enum cli_program program);

/* Runs the command line, of arctic in any case; returns the exit code. */
int cli_main(int argc, char **argv, enum cli_program program);

/* For a client of a function's own. */
#define CLI_CLIENT CLI_CLEANUP(cli_client_cleanup) struct arctic_client
void cli_client_cleanup(struct arctic_client **client);

/* --- Talking to the agent (cli-request.c) --- */

/*
 * Sends a request with the cluster's credentials. `body` (taken over) may be NULL. *ret_answer (may be NULL) is the
 * parsed answer, JSON null where there was no body. Errors: as arctic_client_request(), ARCTIC_E_USAGE
 * where there is no agent to talk to, ARCTIC_E_PROTOCOL for an answer that is no JSON.
 */
int cli_request(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret_answer,
                struct arctic_error *error);

/*
 * The list that a GET of `path` answers under `member`, such as "peers" of "/v1/peers". Errors: as cli_request(), and
 * ARCTIC_E_PROTOCOL where the answer has none.
 */
int cli_request_list(struct cli *cli, const char *path, const char *member, json_t **ret_list,
                     struct arctic_error *error);

/* The client for requests of other kinds; it stays the run's. Errors: as cli_request(). */
int cli_client(struct cli *cli, struct arctic_client **ret_client, struct arctic_error *error);

/* Whether the configuration has credentials for the cluster in use. */
bool cli_has_credentials(const struct cli *cli);

/*
 * Says once in a command when credentials go over an open wire to the endpoint that is asked first, or that has answered.
 * Only requests that carry them need it.
 */
void cli_warn_of_credentials(struct cli *cli);

/* Settles on the endpoint that has answered for what is asked from here on. Errors: as cli_client(). */
int cli_stay_at_endpoint(struct cli *cli, struct arctic_error *error);

/*
 * The agent at a URL, without credentials; `fingerprint` (NULL: none) is what https has to show there. To be freed with
 * arctic_client_free().
 */
int cli_client_without_credentials(struct cli *cli, const char *url, const char *fingerprint,
                                   struct arctic_client **ret_client, struct arctic_error *error);

/*
 * The fingerprint that https is held to at --url: `expected` (NULL: none) in its one form, or what the agent there shows,
 * which is told on stderr; "" for http. Errors: ARCTIC_E_USAGE; ARCTIC_E_UNTRUSTED where the configuration has another
 * one; those of arctic_client_fingerprint().
 */
int cli_learn_fingerprint(struct cli *cli, const char *expected,
                          char ret_fingerprint[ARCTIC_FINGERPRINT_TEXT], struct arctic_error *error);

/* Says that `what` goes unencrypted, where it does. */
void cli_warn_of_exposure(const char *endpoint, const char *what);

/* The agent of a peer, at the endpoints that an entry of the configuration has, with the credentials in use. */
int cli_client_of_peer(struct cli *cli, const json_t *cluster, const char *peer_id,
                       struct arctic_client **ret_client, struct arctic_error *error);

/* --- What the configuration learns (cli-follow.c): failures are told, not returned, since the command is done --- */

/* Saves which endpoint answered, where it was not the first; problems are only told with --verbose. */
void cli_remember_endpoint(struct cli *cli);

/*
 * Agents that meet are of one cluster from then on, which for one of them has another id than before: saves the id, and
 * makes one entry of the two where the credentials in use work at `other_peer` too.
 */
void cli_follow_cluster(struct cli *cli, const char *other_peer);

/* A peer is no longer of the cluster. */
void cli_forget_peer(struct cli *cli, const char *peer_id);

/* A peer has a new name. */
void cli_follow_name(struct cli *cli, const char *peer_id, const char *name);

struct cli_new_agent {
    const json_t *answer; /* of its bootstrap */
    const json_t *license;
    const char *name; /* NULL: none was given */
    const char *endpoint;
    const char *fingerprint; /* "" for none */
    const char *joins;       /* see struct cli_bootstrap_result */
};

/*
 * Saves an agent that was bootstrapped (see cli_config_save_bootstrap()). The secret is told only once: where it cannot be saved, the
 * answer goes to stdout. Errors: those of cli_config_change(), ARCTIC_E_PROTOCOL.
 */
int cli_save_bootstrap(struct cli *cli, const struct cli_new_agent *agent, struct arctic_error *error);

/* Parses the text of an answer. Errors: ARCTIC_E_PROTOCOL. */
int cli_parse_answer(const char *text, json_t **ret_value, struct arctic_error *error);

/* A path with one escaped text in it: cli_path("/v1/peers/%s", id). NULL when memory runs out. */
char *cli_path(const char *format, const char *segment) __attribute__((format_arg(1)));

/* --- Finding things (resolve.c) --- */

/*
 * The object that an id, a unique name or a unique prefix of an id stands for, from the list at `path` under `member`
 * ("peers" of "/v1/peers"). Errors: ARCTIC_E_NOT_FOUND, ARCTIC_E_USAGE (ambiguous), and those of cli_request().
 */
int cli_resolve(struct cli *cli, const char *path, const char *member, const char *text, json_t **ret_object,
                struct arctic_error *error);

/* As cli_resolve() in a list at hand; *ret_object is borrowed. `kind` is for messages, such as "peer". */
int cli_resolve_in(const json_t *list, const char *kind, const char *text, const json_t **ret_object,
                   struct arctic_error *error);

/* The id alone, as a copy; a complete id is taken as it is, without asking the agent. */
int cli_resolve_peer(struct cli *cli, const char *text, char **ret_id, struct arctic_error *error);
int cli_resolve_service(struct cli *cli, const char *text, char **ret_id, struct arctic_error *error);
int cli_resolve_credential(struct cli *cli, const char *text, char **ret_id, struct arctic_error *error);

/* "id" of a service or peer, "client_id" of a credential, "peer_id" of a peer in the configuration file; "" without. */
const char *cli_object_id(const json_t *object);

/*
 * The peers, for cli_peer_name(). Where the credential may not see them *ret_peers is not written, and a note says so. Errors: as
 * cli_request_list().
 */
int cli_request_peer_names(struct cli *cli, json_t **ret_peers, struct arctic_error *error);

/* The name that a peer has in `peers`, which may be NULL; else its id, as it was given. Borrowed. */
const char *cli_peer_name(const json_t *peers, const char *id);

/* --- Talking to people (messages.c) --- */

/* Prints "arctic: message" and what to do about it; returns the exit code of the error. */
int cli_report(const struct cli *cli, const struct cli_arguments *arguments,
               const struct arctic_error *error);

/* A line on stderr, unless --quiet. */
void cli_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether cli_confirm() can ask or need not: to be called before anything else is done. Errors: ARCTIC_E_USAGE. */
int cli_check_confirm(const struct cli_arguments *arguments, struct arctic_error *error);

/*
 * Asks before something is destroyed, unless --yes was given. Errors: ARCTIC_E_USAGE without a terminal,
 * ARCTIC_E_CANCELLED when the answer is no.
 */
int cli_confirm(const struct cli_arguments *arguments, const char *question, struct arctic_error *error);

/* cli_confirm(), and then a DELETE of `path`; either text is NULL where memory ran out. Errors: those of both. */
int cli_delete(struct cli *cli, const struct cli_arguments *arguments, const char *question, const char *path,
               struct arctic_error *error);

/* Prints an answer as JSON or YAML when that is asked for; *ret_done says so. */
int cli_print_unless_table(const struct cli *cli, const json_t *value, bool *ret_done,
                           struct arctic_error *error);

#endif
