/* What to do about an error, where its message does not say so already. */
#include "cli/advice.h"

#include <string.h>

static const struct {
    int code;
    const char *text;
} advices[] = {
    {ARCTIC_E_TIMEOUT, "Try a longer --timeout."},
    {ARCTIC_E_FORBIDDEN, "The credentials in use lack the scope for it."},
    {ARCTIC_E_NOT_BOOTSTRAPPED, "Run 'arctic bootstrap --url URL --license-file FILE' for this agent first."},
    {ARCTIC_E_LICENSE_READ_ONLY, "Renew the licence: arctic license update --license-file FILE"},
    {ARCTIC_E_LICENSE_SUSPENDED, "Renew the licence: arctic license update --license-file FILE"},
    {ARCTIC_E_SERVICE_LIMIT_EXCEEDED, "Delete services that are not needed, or get a larger licence."},
    {ARCTIC_E_NODE_LIMIT_EXCEEDED, "The licence allows no more peers: get a larger one."},
    {ARCTIC_E_ALREADY_BOOTSTRAPPED,
     "An agent is bootstrapped once, and gives its credentials then: 'arctic config clusters' lists those "
     "kept here.\n"
     "If they are lost, root on its host can make others: arctic credentials create --scopes admin \\\n"
     "    --recovery-token-file /run/arctic/recovery.token"},
    {ARCTIC_E_LICENSE_INVALID,
     "An agent accepts licences of the trust roots in its build: issue one with the key of such a root."},
    {ARCTIC_E_LICENSE_MISMATCH,
     "Licences of one cluster name one customer: issue them with the same --customer."},
    {ARCTIC_E_HANDSHAKE_FAILED,
     "The agent's log there says more. Two builds that each made a trust root do not trust each other."},
};

static bool is_command(const struct cli_arguments *arguments, const char *path)
{
    return arguments->command && strcmp(arguments->command->path, path) == 0;
}

static bool is_under(const struct cli_arguments *arguments, const char *word)
{
    return arguments->command && cli_command_is_under(arguments->command, word);
}

/* "http://10.0.1.10": port 80, which is hardly meant. */
static bool lacks_port(const char *url)
{
    const char *host = strstr(url, "://");
    const char *address_end = strchr(url, ']');
    host = address_end ? address_end : host ? host + 3 : url;
    return !strchr(host, ':');
}

static const char *for_unreachable(const struct cli *cli)
{
    if (cli->url && lacks_port(cli->url))
        return "The URL names no port: the API's are 8080 for http and 8443 for https, if they were not "
               "changed.";
    return "Check that the agent runs there and that this host may reach it, or name another agent with "
           "--url.";
}

static const char *for_unauthorized(const struct cli *cli)
{
    if (cli->recovery_token)
        return NULL;
    if (!cli_has_credentials(cli))
        return "Choose a --cluster that has the agent, or keep a credential for it:\n"
               "    arctic config add-agent --url URL --credential-file FILE";
    return "Choose another --cluster, or keep another credential: arctic config add-agent --url URL "
           "--credential-file FILE\n"
           "Root on the agent's host can make one: arctic credentials create --scopes admin \\\n"
           "    --recovery-token-file /run/arctic/recovery.token";
}

static const char *for_unreachable_peer(const struct cli_arguments *arguments,
                                        const struct arctic_error *error)
{
    if (strstr(error->message, "revoked"))
        return NULL;
    if (strcmp(error->field, "target_peer_id") == 0)
        return "'arctic --peer SOURCE peers list' shows the peers as the service's source sees them: it has "
               "to\n"
               "reach the target's tunnel port (61000/tcp by default).";
    if (!is_command(arguments, "peers add"))
        return "See 'arctic peers list': a peer has to be connected first. One that is gone for good is "
               "revoked\n"
               "by 'arctic peers delete PEER', which ends its services too.";
    return "Check that the agent runs there, and that its API port and its tunnel port (8080/tcp and\n"
           "61000/tcp by default) are open towards this agent.";
}

/* The agent's own one, that is; of a new one that is no good its message has said all. */
static const char *for_expired_license(const struct cli_arguments *arguments)
{
    if (is_command(arguments, "bootstrap") || is_command(arguments, "license update") ||
        is_under(arguments, "compose"))
        return NULL;
    return "Renew the licence: arctic license update --license-file FILE";
}

static const char *for_untrusted(const struct cli_arguments *arguments)
{
    /* A new agent at a known address has no identity yet by which it could be taken into the file. */
    if (is_command(arguments, "bootstrap"))
        return "If that is the key in the agent's log (journalctl -u arctic | grep fingerprint), repeat this "
               "with\n"
               "--fingerprint SHA256. If not, somebody may be in between.";
    return "If that is the key in the agent's log (journalctl -u arctic | grep fingerprint), keep it:\n"
           "    arctic config add-agent --url URL --fingerprint SHA256\n"
           "If not, somebody may be in between.";
}

/* What only a service with an interface has, and one without was to get, or to keep. */
static const char *for_no_interface(const struct cli_arguments *arguments, const struct arctic_error *error)
{
    static const struct {
        const char *field, *flag, *advice;
    } rows[] = {
        {"desired_interface_ipv4", "desired-ipv4", "Clear it with --desired-ipv4= in the same command."},
        {"desired_interface_ipv6", "desired-ipv6", "Clear it with --desired-ipv6= in the same command."},
        {"fully_transparent", "fully-transparent", "Give --fully-transparent=false in the same command."},
    };
    if (!is_under(arguments, "services") || !strstr(error->message, "needs requires_interface"))
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(error->field, rows[i].field) == 0)
            return cli_flag_given(arguments, rows[i].flag) ? "Give --requires-interface as well."
                                                           : rows[i].advice;
    }
    return NULL;
}

static const char *for_not_found(const struct cli *cli, const struct cli_arguments *arguments)
{
    /* What is missing before an agent was asked is in the configuration file. */
    if (!cli->client)
        return "See 'arctic config clusters'.";
    if (is_under(arguments, "credentials"))
        return "See 'arctic credentials list'.";
    if (is_under(arguments, "peers"))
        return "See 'arctic peers list'.";
    if (is_under(arguments, "routes"))
        return "See 'arctic services list' and 'arctic routes list --service SERVICE'.";
    return "See 'arctic peers list' and 'arctic services list'.";
}

const char *cli_advice(const struct cli *cli, const struct cli_arguments *arguments,
                       const struct arctic_error *error)
{
    switch (error->code) {
    case ARCTIC_E_UNREACHABLE:
        return for_unreachable(cli);
    case ARCTIC_E_UNAUTHORIZED:
    case ARCTIC_E_TOKEN_EXPIRED:
        return for_unauthorized(cli);
    case ARCTIC_E_PEER_UNREACHABLE:
        return for_unreachable_peer(arguments, error);
    case ARCTIC_E_LICENSE_EXPIRED:
        return for_expired_license(arguments);
    case ARCTIC_E_INTERNAL:
        return is_command(arguments, "health")
                   ? NULL
                   : "See 'arctic health --readyz', and 'journalctl -u arctic' on the agent's host.";
    case ARCTIC_E_UNTRUSTED:
        return for_untrusted(arguments);
    case ARCTIC_E_NOT_FOUND:
        return for_not_found(cli, arguments);
    case ARCTIC_E_INVALID_REQUEST:
        return for_no_interface(arguments, error);
    case ARCTIC_E_ALREADY_EXISTS:
        return is_command(arguments, "cluster init") ? "Give --force for another id." : NULL;
    default:
        break;
    }
    /* A message that names a command has said it. */
    for (size_t i = 0; i < sizeof advices / sizeof advices[0] && !strstr(error->message, "arctic "); i++) {
        if (advices[i].code == error->code)
            return advices[i].text;
    }
    return NULL;
}
