/* Requests to the agent. */
#include "cli/cli.h"

#include <string.h>

#include "cli/cache.h"

int cli_parse_answer(const char *text, json_t **ret_value, struct arctic_error *error)
{
    json_error_t where;
    json_t *value = *text ? json_loads(text, JSON_REJECT_DUPLICATES, &where) : json_null();
    if (!value)
        return cli_fail(error, ARCTIC_E_PROTOCOL, "the answer of the agent is no JSON: %.200s", where.text);
    *ret_value = value;
    return ARCTIC_OK;
}

/* Which agent it is that refuses, and what. */
static int name_refused(const struct cli *cli, const struct arctic_client *client, struct arctic_error *error)
{
    struct arctic_error told = *error;
    const char *agent = arctic_client_endpoint(client);
    if (error->code != ARCTIC_E_UNAUTHORIZED)
        return error->code;
    if (cli->recovery_token)
        return cli_fail(error, told.code, "%.200s: %.280s", agent, told.message);
    if (!cli_has_credentials(cli))
        return cli_fail(error, told.code, "%.200s wants a credential, and %.200s has none for it", agent,
                        cli->config.path);
    return cli_fail(error, told.code, "%.200s does not take the credential %.40s: %.200s", agent,
                    cli_json_text(cli->cluster_object, "client_id"), told.message);
}

int cli_request(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret_answer,
                struct arctic_error *error)
{
    CLI_JSON *owned_body = body;
    CLI_FREE char *text = owned_body ? json_dumps(owned_body, JSON_COMPACT) : NULL;
    CLI_SECRET *answer = NULL;
    struct arctic_client *client = NULL;
    if (!path || (owned_body && !text))
        return cli_fail_memory(error);
    int code = cli_client(cli, &client, error);
    if (code == ARCTIC_OK) {
        cli_warn_of_credentials(cli);
        code = arctic_client_request(client, method, path, text, NULL, &answer, error);
        cli_warn_of_credentials(cli);
    }
    if (code < 0)
        return client ? name_refused(cli, client, error) : code;
    if (strcmp(method, "GET") != 0)
        cli_cache_drop();
    if (cli->verbose)
        fprintf(stderr, "%s %s answered by %s\n", method, path, arctic_client_endpoint(client));
    return ret_answer ? cli_parse_answer(answer, ret_answer, error) : ARCTIC_OK;
}

int cli_request_list(struct cli *cli, const char *path, const char *member, json_t **ret_list,
                     struct arctic_error *error)
{
    CLI_JSON *answer = NULL;
    int code = cli_request(cli, "GET", path, NULL, &answer, error);
    if (code < 0)
        return code;
    json_t *list = json_object_get(answer, member);
    if (!json_is_array(list))
        return cli_fail(error, ARCTIC_E_PROTOCOL, "the answer of the agent has no list of %s", member);
    *ret_list = json_incref(list);
    return ARCTIC_OK;
}

char *cli_path(const char *format, const char *segment)
{
    char *escaped = arctic_client_escape(segment);
    char *path = NULL;
    if (escaped && asprintf(&path, format, escaped) < 0)
        path = NULL;
    arctic_client_free_text(escaped);
    return path;
}
