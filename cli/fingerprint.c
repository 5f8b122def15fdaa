/* The key that https is held to at an agent's first use. */
#include "cli/cli.h"

#include <string.h>

/* What the file has for an endpoint; "" for nothing. */
static const char *stored_fingerprint(const struct cli *cli, const char *url)
{
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    const json_t *cluster = cli_config_cluster_of_endpoint(&cli->config, url);
    size_t count = cli_config_endpoints(cluster, NULL, endpoints);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(endpoints[i].url, url) == 0)
            return endpoints[i].fingerprint;
    }
    return "";
}

/* What the agent shows now. Where another key is known this is no first use. */
static int ask(const struct cli *cli, struct arctic_client *client,
               char ret_fingerprint[ARCTIC_FINGERPRINT_TEXT], struct arctic_error *error)
{
    const char *url = arctic_client_endpoint(client);
    const char *stored = stored_fingerprint(cli, url);
    int code = arctic_client_fingerprint(client, ret_fingerprint, error);
    if (code < 0 || strcmp(stored, ret_fingerprint) == 0)
        return code;
    if (*stored)
        return cli_fail(
            error, ARCTIC_E_UNTRUSTED,
            "%s shows the key %s, and %s has %.80s: give --fingerprint if the agent has a new key", url,
            ret_fingerprint, cli->config.path, stored);
    /* Whatever --quiet says: somebody has to compare it. */
    fprintf(stderr,
            "arctic: %s shows the fingerprint %s, which is required there from now on: compare it with the "
            "one in the "
            "agent's log\n",
            url, ret_fingerprint);
    return ARCTIC_OK;
}

int cli_learn_fingerprint(struct cli *cli, const char *expected,
                          char ret_fingerprint[ARCTIC_FINGERPRINT_TEXT], struct arctic_error *error)
{
    CLI_CLIENT *client = NULL;
    const char *const endpoints[] = {cli->url, NULL};
    struct arctic_client_options options = {
        .size = sizeof options, .endpoints = endpoints, .timeout_ms = cli->timeout_ms};
    ret_fingerprint[0] = '\0';
    int code = arctic_client_create(&options, &client, error);
    if (code < 0)
        return code;
    bool is_https = strncmp(arctic_client_endpoint(client), "https:", 6) == 0;
    if (!is_https && expected)
        return cli_fail_usage(error, "--fingerprint is for https, and --url is not");
    if (expected)
        return arctic_fingerprint_normalize(expected, ret_fingerprint, error);
    return is_https ? ask(cli, client, ret_fingerprint, error) : ARCTIC_OK;
}
