/* arctic cluster: what the agents of a cluster have in common. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/cluster-status.h"

static int show(const struct cli *cli, const json_t *answer, struct arctic_error *error)
{
    bool done = false;
    int code = cli_print_unless_table(cli, answer, &done, error);
    return code < 0 || done ? code : cli_print_members(stdout, answer, error);
}

static int run_identity(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    CLI_JSON *identity = NULL;
    int code = cli_request(cli, "GET", "/v1/cluster/identity", NULL, &identity, error);
    return code < 0 ? code : show(cli, identity, error);
}

static int run_status(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    CLI_JSON *status = NULL;
    bool done = false;
    int code = cli_request(cli, "GET", "/v1/cluster/status", NULL, &status, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, status, &done, error);
    return code < 0 || done ? code : cli_cluster_print_status(status, error);
}

static int print_sync(const json_t *answer, struct arctic_error *error)
{
    static const char *const members[] = {"id", "name", "state", "reached", "converged"};
    static const char *const columns[] = {"ID", "NAME", "STATE", "REACHED", "CONVERGED", NULL};
    int code = cli_print_members(stdout, answer, error);
    if (code < 0)
        return code;
    puts("");
    return cli_print_objects(stdout, json_object_get(answer, "peers"), members, columns, error);
}

/* Names the peers that were not reached, or still hold other records; returns how many these are. */
static size_t note_peers(const struct cli *cli, const json_t *peers)
{
    size_t different = 0;
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        const char *name = cli_json_text(peer, "name");
        if (json_is_false(json_object_get(peer, "reached"))) {
            cli_note(cli, "Peer %s was not reached.", name);
        } else if (json_is_false(json_object_get(peer, "converged"))) {
            cli_note(cli,
                     "Peer %s does not hold the same records yet: where that lasts, the log of both says why "
                     "(grep 'record dropped').",
                     name);
            different++;
        }
    }
    return different;
}

static void note_repairs(const struct cli *cli, const json_t *repaired)
{
    char text[128] = "";
    for (size_t i = 0; i < json_array_size(repaired); i++) {
        const char *what = json_string_value(json_array_get(repaired, i));
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", what ? what : "");
    }
    if (text[0])
        cli_note(cli, "Repaired what others had changed of the agent's kernel state: %s.", text);
}

/* A kernel that is not in line when all is done is a failure, with the reason that the agent gives. */
static int check_sync(const struct cli *cli, const json_t *answer, struct arctic_error *error)
{
    const json_t *kernel = json_object_get(answer, "kernel");
    size_t different = note_peers(cli, json_object_get(answer, "peers"));
    note_repairs(cli, json_object_get(kernel, "repaired"));
    if (json_is_false(json_object_get(kernel, "ok")))
        return cli_fail(error, ARCTIC_E_INTERNAL, "the kernel does not follow: %.300s",
                        cli_json_text(kernel, "reason"));
    if (different == 0)
        cli_note(cli, "Records are exchanged with the peers in reach; kernel and data plane follow them.");
    return ARCTIC_OK;
}

static int run_sync(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    CLI_JSON *answer = NULL;
    bool done = false;
    int code = cli_request(cli, "POST", "/v1/cluster/sync", NULL, &answer, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, answer, &done, error);
    if (code == ARCTIC_OK && !done)
        code = print_sync(answer, error);
    return code < 0 ? code : check_sync(cli, answer, error);
}

static int run_init(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    bool force = cli_flag_on(arguments, "force");
    CLI_JSON *answer = NULL;
    int code = force ? cli_check_confirm(arguments, error) : ARCTIC_OK;
    if (code == ARCTIC_OK && force)
        code = cli_confirm(arguments,
                           "Give this agent a new cluster id? It leaves the cluster that it is in.", error);
    if (code == ARCTIC_OK)
        code =
            cli_request(cli, "POST", "/v1/cluster/init", json_pack("{s:b}", "force", force), &answer, error);
    if (code == ARCTIC_OK)
        code = show(cli, answer, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "The cluster is %s.", cli_json_text(answer, "cluster_id"));
    return code;
}

static const struct cli_flag init_flags[] = {
    {.name = "force", .help = "a new cluster id, although there is one"},
    CLI_FLAG_YES,
    {.name = NULL},
};

const struct cli_command cli_cluster_commands[] = {
    {.path = "cluster identity",
     .summary = "show which agent and cluster this is",
     .about = "Shows what the agent tells everybody: its id and public key, its cluster and licence, version "
              "and ports.",
     .examples = "arctic cluster identity\n"
                 "arctic cluster identity --url http://10.0.2.10:8080 --json | jq -r .peer_id\n",
     .run = run_identity},
    {.path = "cluster status",
     .summary = "show whether the peers are in reach and agree",
     .about =
         "Says in one sentence whether all peers are in reach and hold the same records, and which ones do "
         "not, since when. Then shows what this agent has, and for each peer whether a link of either "
         "direction is up, when it was last seen, its round-trip time ('-' where it cannot be dialled from "
         "here), version, number of services and credentials, and the hash of its records: peers with equal "
         "hashes know the same.",
     .examples = "arctic cluster status\n"
                 "arctic cluster status --json\n",
     .run = run_status},
    {.path = "cluster sync",
     .summary = "exchange records and follow them, now",
     .about =
         "Exchanges records with every peer, compares all that the agent keeps in the kernel, and brings "
         "kernel and data plane in line, at once; says what others had changed. Agents do so by "
         "themselves; this is for when you doubt it.",
     .examples = "arctic cluster sync\n",
     .run = run_sync},
    {.path = "cluster init",
     .summary = "give a cluster an id",
     .about =
         "Mints a cluster id for an agent that has none. With --force also for one that has: all members "
         "take the new id, and the agent's records are signed anew; asks first.",
     .examples = "arctic cluster init\n"
                 "arctic cluster init --force --yes\n",
     .flags = init_flags,
     .run = run_init},
    {.path = NULL},
};
