/* Names and prefixes: wherever an id is taken, a unique name or a unique prefix of an id does too. */
#include "cli/cli.h"

#include <string.h>

#include <arctic/id.h>

const char *cli_object_id(const json_t *object)
{
    static const char *const members[] = {"id", "client_id", "peer_id"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (*cli_json_text(object, members[i]))
            return cli_json_text(object, members[i]);
    }
    return "";
}

int cli_request_peer_names(struct cli *cli, json_t **ret_peers, struct arctic_error *error)
{
    int code = cli_request_list(cli, "/v1/peers", "peers", ret_peers, error);
    if (code != ARCTIC_E_FORBIDDEN)
        return code;
    cli_note(cli, "Peers are shown by their ids: the credential lacks the scope peers.read.");
    return ARCTIC_OK;
}

const char *cli_peer_name(const json_t *peers, const char *id)
{
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        if (strcmp(cli_json_text(peer, "id"), id) == 0 && *cli_json_text(peer, "name"))
            return cli_json_text(peer, "name");
    }
    return id;
}

static bool is_match(const json_t *object, const char *text, bool by_prefix)
{
    const char *id = cli_object_id(object);
    if (by_prefix)
        return strncmp(id, text, strlen(text)) == 0;
    return strcmp(id, text) == 0 || strcmp(cli_json_text(object, "name"), text) == 0;
}

/* An id with what tells it from a namesake, where the object says that: a peer's state. */
static char *told_apart(const json_t *object)
{
    const char *state =
        json_is_true(json_object_get(object, "is_local")) ? "local" : cli_json_text(object, "state");
    return *state ? cli_format("%.40s (%.20s)", cli_object_id(object), state) : strdup(cli_object_id(object));
}

static int fail_ambiguous(const char *kind, const char *text, const json_t *a, const json_t *b,
                          struct arctic_error *error)
{
    CLI_FREE char *one = told_apart(a);
    CLI_FREE char *other = told_apart(b);
    if (!one || !other)
        return cli_fail_memory(error);
    return cli_fail_usage(error, "'%.80s' stands for several %ss, such as %s and %s: give a whole id", text,
                          kind, one, other);
}

int cli_resolve_in(const json_t *list, const char *kind, const char *text, const json_t **ret_object,
                   struct arctic_error *error)
{
    for (int by_prefix = 0; by_prefix <= 1; by_prefix++) {
        const json_t *found = NULL;
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *object = json_array_get(list, i);
            if (!is_match(object, text, by_prefix))
                continue;
            if (found)
                return fail_ambiguous(kind, text, found, object, error);
            found = object;
        }
        if (found) {
            *ret_object = found;
            return ARCTIC_OK;
        }
    }
    return cli_fail(error, ARCTIC_E_NOT_FOUND, "no %s has the id or name '%.80s'", kind, text);
}

int cli_resolve(struct cli *cli, const char *path, const char *member, const char *text, json_t **ret_object,
                struct arctic_error *error)
{
    CLI_JSON *list = NULL;
    const json_t *found = NULL;
    char kind[32];
    snprintf(kind, sizeof kind, "%.*s", (int)strlen(member) - 1, member);
    if (!*text)
        return cli_fail_usage(error, "the name of a %s is empty", kind);
    int code = cli_request_list(cli, path, member, &list, error);
    if (code == ARCTIC_OK)
        code = cli_resolve_in(list, kind, text, &found, error);
    if (code == ARCTIC_OK)
        *ret_object = json_incref((json_t *)found);
    return code;
}

static int resolve_id(struct cli *cli, int32_t kind, const char *path, const char *member, const char *text,
                      char **ret_id, struct arctic_error *error)
{
    struct arctic_id id;
    CLI_JSON *object = NULL;
    if (arctic_id_parse(kind, text, &id, NULL) == ARCTIC_OK) {
        *ret_id = strdup(id.text);
        return *ret_id ? ARCTIC_OK : cli_fail_memory(error);
    }
    int code = cli_resolve(cli, path, member, text, &object, error);
    if (code < 0)
        return code;
    *ret_id = strdup(cli_object_id(object));
    return *ret_id ? ARCTIC_OK : cli_fail_memory(error);
}

int cli_resolve_peer(struct cli *cli, const char *text, char **ret_id, struct arctic_error *error)
{
    return resolve_id(cli, ARCTIC_ID_PEER, "/v1/peers", "peers", text, ret_id, error);
}

int cli_resolve_service(struct cli *cli, const char *text, char **ret_id, struct arctic_error *error)
{
    return resolve_id(cli, ARCTIC_ID_SERVICE, "/v1/services", "services", text, ret_id, error);
}

int cli_resolve_credential(struct cli *cli, const char *text, char **ret_id, struct arctic_error *error)
{
    return resolve_id(cli, ARCTIC_ID_CLIENT, "/v1/credentials", "credentials", text, ret_id, error);
}
