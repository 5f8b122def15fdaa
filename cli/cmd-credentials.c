/* arctic credentials: clients of the API, and the secret that the cluster shares. */
#include "cli/cli.h"

#include <string.h>

#define SCOPES "admin peers.read peers.write services.read services.write credentials.read credentials.write"

/* For people the scopes go by their short forms. */
static void shorten_scopes(json_t *credential)
{
    static const char prefix[] = "urn:tillered:arctic:";
    size_t index;
    json_t *scope;
    json_array_foreach(json_object_get(credential, "scopes"), index, scope)
    {
        const char *text = json_string_value(scope);
        if (text && strncmp(text, prefix, sizeof prefix - 1) == 0)
            json_array_set_new(json_object_get(credential, "scopes"), index,
                               json_string(text + sizeof prefix - 1));
    }
}

static int print_credential(json_t *credential, struct arctic_error *error)
{
    shorten_scopes(credential);
    return cli_print_members(stdout, credential, error);
}

static int print_credentials(json_t *credentials, const json_t *peers, struct arctic_error *error)
{
    static const char *const members[] = {"client_id", "name", "scopes", "created_at", "peer_id"};
    static const char *const columns[] = {"CLIENT_ID", "NAME", "SCOPES", "CREATED", "PEER", NULL};
    for (size_t i = 0; i < json_array_size(credentials); i++) {
        json_t *credential = json_array_get(credentials, i);
        const char *name = cli_peer_name(peers, cli_json_text(credential, "peer_id"));
        shorten_scopes(credential);
        if (json_object_set_new(credential, "peer_id", json_string(name)) < 0)
            return cli_fail_memory(error);
    }
    return cli_print_objects(stdout, credentials, members, columns, error);
}

static int run_list(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    CLI_JSON *credentials = NULL;
    CLI_JSON *peers = NULL;
    bool done = false;
    int code = cli_request_list(cli, "/v1/credentials", "credentials", &credentials, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, credentials, &done, error);
    if (code < 0 || done)
        return code;
    code = cli_request_peer_names(cli, &peers, error);
    return code < 0 ? code : print_credentials(credentials, peers, error);
}

/* "a,b" as a list; the agent knows which scopes there are. */
static int read_scopes(const char *text, json_t **ret_scopes, struct arctic_error *error)
{
    CLI_JSON *scopes = json_array();
    while (scopes && *text) {
        size_t length = strcspn(text, ", ");
        if (length > 0 && json_array_append_new(scopes, json_stringn(text, length)) < 0)
            return cli_fail_usage(error, "--scopes is no valid UTF-8");
        text += length + (text[length] != '\0');
    }
    if (!scopes)
        return cli_fail_memory(error);
    *ret_scopes = cli_steal(scopes);
    return ARCTIC_OK;
}

static int create_body(const struct cli_arguments *arguments, json_t **ret_body, struct arctic_error *error)
{
    CLI_JSON *scopes = NULL;
    int code = read_scopes(cli_flag_text(arguments, "scopes"), &scopes, error);
    if (code < 0)
        return code;
    *ret_body = json_pack("{s:O, s:s*}", "scopes", scopes, "name", cli_flag_text(arguments, "name"));
    return *ret_body ? ARCTIC_OK : cli_fail_usage(error, "--name is no valid UTF-8");
}

/* The secret is in the file or, where that fails, on stdout: it is never told again. */
static int write_credential(const char *path, json_t *credential, struct arctic_error *error)
{
    struct arctic_error inner = {0};
    CLI_SECRET *text = json_dumps(credential, JSON_INDENT(2));
    int code = text ? cli_write_secret_file(path, text, &inner) : cli_fail_memory(&inner);
    if (code == ARCTIC_OK) {
        json_object_del(credential, "client_secret");
        return code;
    }
    cli_print_value(stdout, CLI_FORMAT_JSON, credential, error);
    return cli_fail(error, code, "the credential is made, but not in the file (it is above): %.200s",
                    inner.message);
}

/* Before there is a secret, which would have to go elsewhere: whether the file can be made. */
static int check_out(const char *path, struct arctic_error *error)
{
    const char *slash = strrchr(path, '/');
    CLI_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder)
        return cli_fail_memory(error);
    if (access(path, F_OK) == 0)
        return cli_fail(error, ARCTIC_E_ALREADY_EXISTS,
                        "%.200s exists already, choose another name or move it away", path);
    return access(folder, W_OK | X_OK) < 0 ? cli_fail_errno(error, "cannot make %.200s", path) : ARCTIC_OK;
}

static int run_create(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *credential = NULL;
    json_t *body = NULL;
    bool done = false;
    const char *out = cli_flag_text(arguments, "out");
    int code = out ? check_out(out, error) : ARCTIC_OK;
    if (code == ARCTIC_OK)
        code = create_body(arguments, &body, error);
    if (code == ARCTIC_OK)
        code = cli_request(cli, "POST", "/v1/credentials", body, &credential, error);
    if (code == ARCTIC_OK && out)
        code = write_credential(out, credential, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, credential, &done, error);
    if (code == ARCTIC_OK && !done)
        code = print_credential(credential, error);
    if (code == ARCTIC_OK && out)
        cli_note(
            cli,
            "The credential is in %s, secret and all: arctic config add-agent --credential-file takes it.",
            out);
    else if (code == ARCTIC_OK)
        cli_note(cli, "The secret is shown this once and kept nowhere: store it now.");
    return code;
}

static int run_revoke(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *id = NULL;
    int code = cli_check_confirm(arguments, error);
    if (code == ARCTIC_OK)
        code = cli_resolve_credential(cli, arguments->operands[0], &id, error);
    if (code < 0)
        return code;
    bool own = strcmp(id, cli_json_text(cli->cluster_object, "client_id")) == 0;
    CLI_FREE char *question = cli_format("Revoke credential %s%s? Whoever uses it is refused at once.", id,
                                         own ? ", which this command itself uses" : "");
    CLI_FREE char *path = cli_path("/v1/credentials/%s", id);
    code = cli_delete(cli, arguments, question, path, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Credential %s is revoked.", id);
    return code;
}

/* The secret is in the configuration file or, where that fails, on stdout: it is never told again. */
static int keep_secret(struct cli *cli, json_t *credential, struct arctic_error *error)
{
    struct cli_new_secret secret = {.client_id = cli_json_text(credential, "client_id"),
                                    .client_secret = cli_json_text(credential, "client_secret")};
    struct arctic_error inner;
    cli->cluster_object = NULL;
    int code = cli_config_change(&cli->config, true, cli_config_save_secret, &secret, &inner);
    if (code == ARCTIC_OK) {
        json_object_del(credential, "client_secret");
        return code;
    }
    cli_print_value(stdout, CLI_FORMAT_JSON, credential, error);
    return cli_fail(error, code,
                    "the secret is rotated, but could not be saved (the agent's answer is above): %.200s",
                    inner.message);
}

/* Before anything is changed: whether the file has the credential whose secret it is to get. */
static int check_kept(struct cli *cli, struct arctic_error *error)
{
    CLI_JSON *credential = NULL;
    int code = cli_request(cli, "GET", "/v1/cluster/credentials", NULL, &credential, error);
    if (code < 0)
        return code;
    const char *id = cli_json_text(credential, "client_id");
    if (cli_config_has_client(&cli->config, id))
        return ARCTIC_OK;
    return cli_fail_usage(error, "%s does not have the cluster's credential, %s: leave --update-config out",
                          cli->config.path, id);
}

static int run_rotate(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *credential = NULL;
    bool keep = cli_flag_on(arguments, "update-config");
    bool done = false;
    int code = keep ? check_kept(cli, error) : ARCTIC_OK;
    if (code == ARCTIC_OK)
        code = cli_request(cli, "POST", "/v1/cluster/credentials/rotate", NULL, &credential, error);
    if (code == ARCTIC_OK && keep)
        code = keep_secret(cli, credential, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, credential, &done, error);
    if (code == ARCTIC_OK && !done)
        code = print_credential(credential, error);
    if (code < 0)
        return code;
    cli_note(cli, "The old secret holds for 24 hours more. %s%s",
             keep ? "The new one is in " : "The new one is shown this once.", keep ? cli->config.path : "");
    if (!keep && cli_config_has_client(&cli->config, cli_json_text(credential, "client_id")))
        cli_note(cli,
                 "%s has the old one: 'arctic credentials rotate --update-config' makes another and keeps it "
                 "there, "
                 "'arctic config add-agent --credential-file FILE' takes this one.",
                 cli->config.path);
    return code;
}

static const struct cli_flag create_flags[] = {
    {.name = "scopes",
     .value = "SCOPES",
     .kind = CLI_KIND_SCOPES,
     .words = SCOPES,
     .required = true,
     .help = "what it may do, with commas between, such as services.read,peers.read; admin for all"},
    {.name = "name", .value = "NAME", .help = "what it is for"},
    {.name = "out",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .help = "new file for it (mode 0600), instead of showing its secret"},
    {.name = NULL},
};

static const struct cli_flag revoke_flags[] = {CLI_FLAG_YES, {.name = NULL}};

static const struct cli_flag rotate_flags[] = {
    {.name = "update-config", .help = "put the new secret into the configuration file instead of showing it"},
    {.name = NULL},
};

const struct cli_command cli_credentials_commands[] = {
    {.path = "credentials list",
     .summary = "list the clients of the API",
     .about =
         "Lists the clients that may use the API, with their scopes and the peer at which each was made. "
         "Secrets are never shown again.",
     .examples = "arctic credentials list\n"
                 "arctic credentials list --json | jq -r '.[].client_id'\n",
     .run = run_list},
    {.path = "credentials create",
     .summary = "make a client of the API",
     .about = "Makes a client with the scopes given, at most those of the client that asks, and prints its "
              "secret: this "
              "once. It works at every peer as soon as they have heard of it.",
     .examples = "arctic credentials create --scopes services.read,peers.read --name monitoring\n"
                 "arctic credentials create --scopes services.read --name colleague --out colleague.json\n"
                 "arctic credentials create --scopes admin --json\n",
     .flags = create_flags,
     .run = run_create},
    {.path = "credentials revoke",
     .summary = "revoke a client of the API",
     .operands = "CLIENT",
     .operand_kind = CLI_KIND_CREDENTIAL,
     .operands_min = 1,
     .operands_max = 1,
     .about = "Revokes a client: its secret and its tokens are refused at once. Asks first. The last one "
              "with the scope "
              "admin cannot be revoked.",
     .examples = "arctic credentials revoke monitoring\n"
                 "arctic credentials revoke cli_01JD2Q4Y7M8N9P0QRSTVWXYZ12 --yes\n",
     .flags = revoke_flags,
     .run = run_revoke},
    {.path = "credentials rotate",
     .summary = "give the cluster's credential a new secret",
     .about = "Gives the credential that the cluster's first bootstrap made a new secret. The old one holds "
              "for 24 hours "
              "more, so that everybody who uses it can change over.",
     .examples = "arctic credentials rotate\n"
                 "arctic credentials rotate --update-config\n",
     .flags = rotate_flags,
     .run = run_rotate},
    {.path = NULL},
};
