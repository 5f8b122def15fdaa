/* The members of a service, as flags give them. */
#include "cli/service-body.h"

#include <string.h>

#define SETTINGS                                                                                             \
    {"requires-interface", 0, NULL, "give the service a MACVLAN interface of its own"},                      \
        {"desired-ipv4", 0, "CIDR", "address of the interface, such as 192.168.100.10/24 (default: DHCP)"},  \
        {"desired-ipv6", 0, "CIDR", "IPv6 address of the interface"},                                        \
        {"bandwidth-limit", 0, "MBPS", "limit in Mbit/s for each direction, 0 for none"},                    \
        {"fully-transparent", 0, NULL, "the destination sees the client's own address"},                     \
        {"when-unreachable", 0, "WHAT",                                                                      \
         "step_aside (default) or block, while the target peer does not answer"},                            \
    {                                                                                                        \
        "name", 0, "NAME", "name of the service"                                                             \
    }

const struct cli_flag cli_service_create_flags[] = {
    {"target-peer", 0, "PEER", "peer that traffic is carried to (required)"},
    {"source-peer", 0, "PEER", "peer that takes the traffic (default: the local one)"},
    {"transport", 0, "TRANSPORT", "tcp (default), kcp or auto"},
    SETTINGS,
    {.name = NULL},
};

const struct cli_flag cli_service_update_flags[] = {
    {"transport", 0, "TRANSPORT", "tcp, kcp or auto"},
    SETTINGS,
    {.name = NULL},
};

static int set_member(json_t *body, const char *name, json_t *value, struct arctic_error *error)
{
    if (!value || json_object_set_new(body, name, value) < 0)
        return cli_fail_usage(error, "'%s' is no valid UTF-8, or memory ran out", name);
    return ARCTIC_OK;
}

static int set_switch(const struct cli_arguments *arguments, const char *flag, const char *name, json_t *body,
                      struct arctic_error *error)
{
    if (!cli_flag_given(arguments, flag))
        return ARCTIC_OK;
    return set_member(body, name, json_boolean(cli_flag_on(arguments, flag)), error);
}

static int set_text(const struct cli_arguments *arguments, const char *flag, const char *name, json_t *body,
                    struct arctic_error *error)
{
    const char *text = cli_flag_text(arguments, flag);
    return text ? set_member(body, name, json_string(text), error) : ARCTIC_OK;
}

/* An empty text takes the address back. */
static int set_address(const struct cli_arguments *arguments, const char *flag, const char *name,
                       json_t *body, struct arctic_error *error)
{
    const char *text = cli_flag_text(arguments, flag);
    if (!text)
        return ARCTIC_OK;
    return set_member(body, name, *text ? json_string(text) : json_null(), error);
}

static int set_limit(const struct cli_arguments *arguments, json_t *body, struct arctic_error *error)
{
    int64_t limit = 0;
    int code = cli_flag_number(arguments, "bandwidth-limit", &limit, error);
    if (code < 0 || !cli_flag_given(arguments, "bandwidth-limit"))
        return code;
    return set_member(body, "bandwidth_limit_mbps", json_integer(limit), error);
}

static int set_settings(const struct cli_arguments *arguments, json_t *body, struct arctic_error *error)
{
    int code = set_text(arguments, "name", "name", body, error);
    if (code == ARCTIC_OK)
        code = set_text(arguments, "transport", "transport_type", body, error);
    if (code == ARCTIC_OK)
        code = set_switch(arguments, "requires-interface", "requires_interface", body, error);
    if (code == ARCTIC_OK)
        code = set_switch(arguments, "fully-transparent", "fully_transparent", body, error);
    if (code == ARCTIC_OK)
        code = set_address(arguments, "desired-ipv4", "desired_interface_ipv4", body, error);
    if (code == ARCTIC_OK)
        code = set_address(arguments, "desired-ipv6", "desired_interface_ipv6", body, error);
    if (code == ARCTIC_OK)
        code = set_text(arguments, "when-unreachable", "when_unreachable", body, error);
    return code == ARCTIC_OK ? set_limit(arguments, body, error) : code;
}

static int set_peer(struct cli *cli, const char *text, const char *name, json_t *body,
                    struct arctic_error *error)
{
    CLI_FREE char *id = NULL;
    int code = cli_resolve_peer(cli, text, &id, error);
    return code < 0 ? code : set_member(body, name, json_string(id), error);
}

/* The peer that this command talks to by the configuration; NULL with --url, where it is whoever answers there. */
static const char *default_source(struct cli *cli)
{
    const char *peer = cli->url ? "" : cli_json_text(cli->cluster_object, "default_peer");
    return *peer ? peer : NULL;
}

int cli_service_create_body(struct cli *cli, const struct cli_arguments *arguments, json_t **ret_body,
                            struct arctic_error *error)
{
    CLI_JSON *body = json_pack("{s:s}", "transport_type", "tcp");
    const char *target = NULL;
    const char *source = cli_flag_text(arguments, "source-peer");
    if (!body)
        return cli_fail_memory(error);
    struct arctic_client *client = NULL;
    int code = cli_flag_required(arguments, "target-peer", &target, error);
    /* From here on it is settled which cluster is meant. */
    if (code == ARCTIC_OK)
        code = cli_client(cli, &client, error);
    if (code == ARCTIC_OK)
        code = set_settings(arguments, body, error);
    if (code == ARCTIC_OK)
        code = set_peer(cli, target, "target_peer_id", body, error);
    if (code == ARCTIC_OK && !source)
        source = default_source(cli);
    if (code == ARCTIC_OK && source)
        code = set_peer(cli, source, "source_peer_id", body, error);
    if (code == ARCTIC_OK)
        *ret_body = cli_steal(body);
    return code;
}

int cli_service_update_body(const struct cli_arguments *arguments, json_t **ret_body,
                            struct arctic_error *error)
{
    CLI_JSON *body = json_object();
    if (!body)
        return cli_fail_memory(error);
    int code = set_settings(arguments, body, error);
    if (code < 0)
        return code;
    if (json_object_size(body) == 0)
        return cli_fail_usage(error, "'services update' needs a flag that says what to change");
    *ret_body = cli_steal(body);
    return ARCTIC_OK;
}
