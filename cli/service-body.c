/* The members of a service, as flags give them. */
#include "cli/service-body.h"

#include <string.h>

#define SETTINGS                                                                                             \
    {.name = "requires-interface", .help = "give the service a MACVLAN interface of its own"},               \
        {.name = "desired-ipv4",                                                                             \
         .value = "CIDR",                                                                                    \
         .help = "address of the interface, such as 192.168.100.10/24 (default: DHCP)"},                     \
        {.name = "desired-ipv6", .value = "CIDR", .help = "IPv6 address of the interface"},                  \
        {.name = "bandwidth-limit",                                                                          \
         .value = "MBPS",                                                                                    \
         .help = "limit in Mbit/s for each direction, 0 for none"},                                          \
        {.name = "rtt", .value = "MS", .help = "round-trip time to shape for in ms, 0: measured"},           \
        {.name = "memory-limit", .value = "KB", .help = "memory of the shaper in KiB, 0: chosen"},           \
        {.name = "fully-transparent", .help = "the destination sees the client's own address"},              \
        {.name = "when-unreachable",                                                                         \
         .value = "WHAT",                                                                                    \
         .kind = CLI_KIND_WORDS,                                                                             \
         .words = "step_aside block",                                                                        \
         .help = "step_aside (default) or block, while the target peer does not answer"},                    \
    {                                                                                                        \
        .name = "name", .value = "NAME", .help = "name of the service"                                       \
    }
#define TRANSPORT(text)                                                                                      \
    {                                                                                                        \
        .name = "transport", .value = "TRANSPORT", .kind = CLI_KIND_WORDS, .words = "tcp kcp auto",          \
        .help = (text)                                                                                       \
    }

const struct cli_flag cli_service_create_flags[] = {
    {.name = "target-peer",
     .value = "PEER",
     .kind = CLI_KIND_PEER,
     .required = true,
     .help = "peer that traffic is carried to"},
    {.name = "source-peer",
     .value = "PEER",
     .kind = CLI_KIND_PEER,
     .help = "peer that takes the traffic (default: the local one)"},
    TRANSPORT("tcp (default), kcp or auto"),
    SETTINGS,
    {.name = NULL},
};

const struct cli_flag cli_service_update_flags[] = {
    TRANSPORT("tcp, kcp or auto"),
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

static int set_number(const struct cli_arguments *arguments, const char *flag, const char *name,
                      json_t *object, struct arctic_error *error)
{
    int64_t number = 0;
    int code = cli_flag_number(arguments, flag, &number, error);
    if (code < 0 || !cli_flag_given(arguments, flag))
        return code;
    return set_member(object, name, json_integer(number), error);
}

/* The limit goes by its flat name; what only a shaper knows is under "qos". */
static int set_qos(const struct cli_arguments *arguments, json_t *body, struct arctic_error *error)
{
    CLI_JSON *qos = json_object();
    if (!qos)
        return cli_fail_memory(error);
    int code = set_number(arguments, "bandwidth-limit", "bandwidth_limit_mbps", body, error);
    if (code == ARCTIC_OK)
        code = set_number(arguments, "rtt", "rtt_ms", qos, error);
    if (code == ARCTIC_OK)
        code = set_number(arguments, "memory-limit", "memory_limit_kb", qos, error);
    if (code < 0 || json_object_size(qos) == 0)
        return code;
    return set_member(body, "qos", json_incref(qos), error);
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
    return code == ARCTIC_OK ? set_qos(arguments, body, error) : code;
}

static int set_peer(struct cli *cli, const char *text, const char *name, json_t *body,
                    struct arctic_error *error)
{
    CLI_FREE char *id = NULL;
    int code = cli_resolve_peer(cli, text, &id, error);
    return code < 0 ? code : set_member(body, name, json_string(id), error);
}

/* The peer that this command talks to by the configuration; NULL with --url and --peer, where it is whoever serves it. */
static const char *default_source(struct cli *cli)
{
    const char *named = cli_config_peer_named(cli->cluster_object, cli->cluster);
    const char *peer = named ? named : cli_json_text(cli->cluster_object, "default_peer");
    return *peer && !cli->url && !cli->peer ? peer : NULL;
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
