/* arctic license: the agent's own, and keygen and issue for whoever runs a trust root. */
#include "cli/cli.h"

#include <string.h>
#include <time.h>

#include <arctic/license.h>

#define DAY_MS (int64_t)(24 * 60 * 60 * 1000)

static int show(const struct cli *cli, const json_t *license, struct arctic_error *error)
{
    bool done = false;
    int code = cli_print_unless_table(cli, license, &done, error);
    return code < 0 || done ? code : cli_print_members(stdout, license, error);
}

static int run_status(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    CLI_JSON *license = NULL;
    int code = cli_request(cli, "GET", "/v1/license", NULL, &license, error);
    return code < 0 ? code : show(cli, license, error);
}

static int run_update(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *file = cli_flag_text(arguments, "license-file");
    CLI_SECRET *text = NULL;
    CLI_JSON *answer = NULL;
    json_error_t where;
    int code = cli_read_file(file, ARCTIC_LICENSE_TEXT_MAX, &text, error);
    if (code < 0)
        return code;
    json_t *license = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (!license)
        return cli_fail(error, ARCTIC_E_INVALID_REQUEST, "%.200s:%d:%d: no JSON: %.100s", file, where.line,
                        where.column, where.text);
    code = cli_request(cli, "PUT", "/v1/license", json_pack("{s:o}", "license", license), &answer, error);
    if (code == ARCTIC_OK)
        code = show(cli, answer, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "The licence is in place.%s",
                 json_integer_value(json_object_get(json_object_get(answer, "usage"), "nodes")) > 1
                     ? " The other peers follow within seconds, those out of reach when they are back."
                     : "");
    return code;
}

/* A whole licence or key, and its file besides. */
static int write_secret(const char *path, const char *text, struct arctic_error *error)
{
    if (path && strcmp(path, "-") != 0)
        return cli_write_secret_file(path, text, error);
    return fputs(text, stdout) == EOF ? cli_fail_errno(error, "cannot write the output") : ARCTIC_OK;
}

static int run_keygen(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *out = cli_flag_text(arguments, "out");
    CLI_SECRET *private_key = NULL;
    char public_key[ARCTIC_KEY_TEXT];
    int code = arctic_license_keygen(&private_key, public_key, error);
    if (code == ARCTIC_OK && out)
        code = write_secret(out, private_key, error);
    if (code < 0)
        return code;
    CLI_JSON *shown = json_pack("{s:s}", "public_key", public_key);
    if (shown && !out)
        json_object_set_new(shown, "private_key", json_string(private_key));
    if (!shown)
        return cli_fail_memory(error);
    if (cli->format != CLI_FORMAT_TABLE)
        return cli_print_value(stdout, cli->format, shown, error);
    if (!out)
        fputs(private_key, stdout);
    puts(public_key);
    cli_note(cli, "The line above is the public key, for the build's file of trust roots.%s%s",
             out ? " The private key is in " : "", out ? out : "");
    return ARCTIC_OK;
}

static int read_count(const struct cli_arguments *arguments, const char *flag, int64_t highest,
                      int64_t *ret_number, struct arctic_error *error)
{
    const char *text = NULL;
    int code = cli_flag_required(arguments, flag, &text, error);
    if (code == ARCTIC_OK)
        code = cli_flag_number(arguments, flag, ret_number, error);
    if (code == ARCTIC_OK && (*ret_number < 1 || *ret_number > highest))
        code =
            cli_fail_usage(error, "--%s must be between 1 and %lld, not %s", flag, (long long)highest, text);
    return code;
}

static int read_terms(const struct cli_arguments *arguments, struct arctic_license_terms *terms,
                      struct arctic_error *error)
{
    int64_t nodes = 0;
    int64_t services = 0;
    int64_t days = 0;
    int code = read_count(arguments, "max-nodes", ARCTIC_LICENSE_COUNT_MAX, &nodes, error);
    if (code == ARCTIC_OK)
        code = read_count(arguments, "max-services", ARCTIC_LICENSE_COUNT_MAX, &services, error);
    if (code == ARCTIC_OK)
        code = read_count(arguments, "days", 36500, &days, error);
    if (code < 0)
        return code;
    *terms = (struct arctic_license_terms){.size = sizeof *terms,
                                           .customer_id = cli_flag_text(arguments, "customer"),
                                           .license_id = cli_flag_text(arguments, "license"),
                                           .max_nodes = (uint32_t)nodes,
                                           .max_services = (uint32_t)services,
                                           .issued_at = (int64_t)time(NULL) * 1000};
    terms->expires_at = terms->issued_at + days * DAY_MS;
    return ARCTIC_OK;
}

static int print_issued(const struct cli *cli, const char *license_text, const char *out,
                        struct arctic_error *error)
{
    static const char *const members[] = {"license_id", "customer_id", "expires_at", "max_nodes",
                                          "max_services"};
    CLI_JSON *license = json_loads(license_text, 0, NULL);
    CLI_JSON *shown = json_object();
    bool done = false;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *value = json_object_get(license, members[i]);
        if (value)
            json_object_set(shown, members[i], value);
    }
    int code = cli_print_unless_table(cli, shown, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_members(stdout, shown, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "The licence is in %s. Whoever has the file can admit peers: keep it as a secret.",
                 out);
    return code;
}

/* What the library says of a bad key does not know its file. */
static int name_key_file(const char *path, struct arctic_error *error)
{
    struct arctic_error found = *error;
    return cli_fail(error, ARCTIC_E_CORRUPT, "%.160s is no private key of a trust root: %.240s",
                    strcmp(path, "-") == 0 ? "the input" : path, found.message);
}

static int run_issue(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *key_file = NULL;
    const char *out = NULL;
    CLI_SECRET *key = NULL;
    CLI_SECRET *license = NULL;
    struct arctic_license_terms terms;
    int code = cli_flag_required(arguments, "root-key", &key_file, error);
    if (code == ARCTIC_OK)
        code = cli_flag_required(arguments, "out", &out, error);
    if (code == ARCTIC_OK)
        code = read_terms(arguments, &terms, error);
    if (code == ARCTIC_OK)
        code = cli_read_file(key_file, 65536, &key, error);
    if (code == ARCTIC_OK)
        code = arctic_license_issue(key, &terms, &license, error);
    if (code == ARCTIC_E_CORRUPT)
        code = name_key_file(key_file, error);
    if (code == ARCTIC_OK)
        code = write_secret(out, license, error);
    if (code < 0 || strcmp(out, "-") == 0)
        return code;
    return print_issued(cli, license, out, error);
}

static const struct cli_flag keygen_flags[] = {
    {.name = "out",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .help = "new file for the private key (mode 0600); without it the key goes to stdout"},
    {.name = NULL},
};

static const struct cli_flag issue_flags[] = {
    {.name = "root-key",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .required = true,
     .help = "private key of the trust root, \"-\" for stdin"},
    {.name = "out",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .required = true,
     .help = "new file for the licence (mode 0600), \"-\" for stdout"},
    {.name = "max-nodes", .value = "NUMBER", .required = true, .help = "peers that the cluster may have"},
    {.name = "max-services",
     .value = "NUMBER",
     .required = true,
     .help = "services that the cluster may have"},
    {.name = "days", .value = "NUMBER", .required = true, .help = "days until it expires"},
    {.name = "customer",
     .value = "ID",
     .help = "customer whose cluster it is, \"cust_...\" (default: a new one)"},
    {.name = "license", .value = "ID", .help = "id of the licence, \"lic_...\" (default: a new one)"},
    {.name = NULL},
};

static const struct cli_flag update_flags[] = {
    {.name = "license-file",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .required = true,
     .help = "the new licence, \"-\" for stdin"},
    {.name = NULL},
};

const struct cli_command cli_license_commands[] = {
    {.path = "license status",
     .summary = "show the agent's licence",
     .about = "Shows the licence of the agent: its state, how long it holds, how many peers and services it "
              "allows and how "
              "many there are.",
     .examples = "arctic license status\n"
                 "arctic license status --json | jq -r .state\n",
     .run = run_status},
    {.path = "license update",
     .summary = "give the agent a new licence",
     .about = "Replaces the licence of the agent by one of the same customer that was issued later. Once is "
              "enough: all peers go by it within seconds. Possible in every state of the present one; what "
              "had stopped with it goes on at once.",
     .examples = "arctic license update --license-file license.json\n",
     .flags = update_flags,
     .run = run_update},
    {.path = "license keygen",
     .summary = "make a trust root",
     .about = "Makes a trust root: the private key signs licences, the public key is built into agents that "
              "are to "
              "accept them (build option trust_roots). Needs no agent.",
     .examples = "arctic license keygen --out root.pem\n",
     .flags = keygen_flags,
     .needs_no_config = true,
     .run = run_keygen},
    {.path = "license issue",
     .summary = "issue a licence with a trust root",
     .about = "Issues a licence. Agents with licences of one customer form one cluster. Needs no agent.",
     .examples = "arctic license issue --root-key root.pem --max-nodes 10 --max-services 100 --days 365 "
                 "--out license.json\n",
     .flags = issue_flags,
     .needs_no_config = true,
     .run = run_issue},
    {.path = NULL},
};
