/* Values of flags and operands: fixed words, what the configuration file has, and what an agent answers. */
#include "cli/complete.h"

#include <string.h>

#include "cli/cache.h"
#include "cli/preferences.h"
#include "cli/text.h"

/* For a person who has pressed Tab. */
#define WAIT_MS 900
#define WAIT_CONNECT_MS 400

void cli_complete_offer(const struct cli_completer *completer, const char *word, const char *what)
{
    size_t typed = strlen(completer->typed);
    /* An agent may be anybody: nothing goes to a shell that could be taken for two words or steer a terminal. */
    if (!cli_is_harmless(word))
        return;
    if (*word == '\0' || *word == ':' || strncmp(word, completer->typed, typed) != 0)
        return;
    fprintf(completer->stream, "%s%s", completer->prefix, word);
    if (what && *what && cli_is_harmless(what))
        fprintf(completer->stream, "\t%s", what);
    fputc('\n', completer->stream);
}

static void offer_words(const struct cli_completer *completer, const char *words)
{
    char word[64];
    while (words && *words) {
        size_t length = strcspn(words, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        cli_complete_offer(completer, word, NULL);
        words += length + strspn(words + length, " ");
    }
}

/* "a,b,c": the last one is being typed. */
static void offer_list(struct cli_completer *completer, const char *words)
{
    const char *comma = strrchr(completer->typed, ',');
    if (!comma) {
        offer_words(completer, words);
        return;
    }
    CLI_FREE char *prefix =
        cli_format("%s%.*s", completer->prefix, (int)(comma + 1 - completer->typed), completer->typed);
    struct cli_completer inner = *completer;
    if (!prefix)
        return;
    inner.prefix = prefix;
    inner.typed = comma + 1;
    offer_words(&inner, words);
}

/* --- Of the configuration file --- */

static void offer_endpoints(const struct cli_completer *completer)
{
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(completer->cli->config.root, "clusters"), key, cluster)
    {
        struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
        size_t count = cli_config_endpoints(cluster, NULL, endpoints);
        for (size_t i = 0; i < count; i++)
            cli_complete_offer(completer, endpoints[i].url, endpoints[i].peer_id);
    }
}

static void offer_config_peers(const struct cli_completer *completer, const json_t *cluster, bool with_ids)
{
    size_t index;
    json_t *peer;
    json_array_foreach(json_object_get(cluster, "peers"), index, peer)
    {
        const char *id = cli_json_text(peer, "peer_id");
        cli_complete_offer(completer, cli_json_text(peer, "name"), id);
        if (with_ids)
            cli_complete_offer(completer, id, cli_json_text(peer, "name"));
    }
}

static void offer_clusters(const struct cli_completer *completer)
{
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(completer->cli->config.root, "clusters"), key, cluster)
    {
        cli_complete_offer(completer, key, cli_json_text(cluster, "name"));
        cli_complete_offer(completer, cli_json_text(cluster, "name"), key);
        offer_config_peers(completer, cluster, false);
    }
}

static void offer_peers_of_cluster(const struct cli_completer *completer)
{
    json_t *cluster = NULL;
    struct arctic_error error;
    if (cli_config_cluster(&completer->cli->config, completer->cli->cluster, &cluster, &error) == ARCTIC_OK)
        offer_config_peers(completer, cluster, true);
}

/* --- Of an agent --- */

static void ask(struct cli *cli, const char *path, const char *member, json_t **ret_list)
{
    struct arctic_error error;
    cli->timeout_ms = WAIT_MS;
    cli->connect_timeout_ms = WAIT_CONNECT_MS;
    cli->quiet = true;
    cli->warned = true;
    if (cli_request_list(cli, path, member, ret_list, &error) < 0)
        *ret_list = NULL;
}

/* The list at a path, as it was a moment ago or as an agent answers it now; NULL where neither is to be had. */
static json_t *fetch(struct cli *cli, const char *path, const char *member)
{
    json_t *list = NULL;
    CLI_FREE char *name = cli_cache_name(cli, path);
    enum cli_cached cached = name ? cli_cache_read(name, cli->cache_ttl, &list) : CLI_CACHED_NOTHING;
    if (cached == CLI_CACHED_FRESH)
        return list;
    json_t *answer = NULL;
    ask(cli, path, member, &answer);
    if (name && cli->cache_ttl > 0)
        cli_cache_write(name, cli->cache_ttl, answer, list);
    if (!answer)
        return list;
    json_decref(list);
    return answer;
}

static bool is_only(const json_t *list, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        found += strcmp(cli_json_text(json_array_get(list, i), "name"), name) == 0;
    return found == 1;
}

/* Names, where they stand for one thing, and ids. */
static void offer_objects(const struct cli_completer *completer, const char *path, const char *member)
{
    CLI_JSON *list = fetch(completer->cli, path, member);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);
        const char *name = cli_json_text(object, "name");
        if (is_only(list, name))
            cli_complete_offer(completer, name, cli_object_id(object));
        cli_complete_offer(completer, cli_object_id(object), name);
    }
}

static void offer_routes(const struct cli_completer *completer)
{
    const char *service = cli_flag_text(&completer->arguments, "service");
    CLI_JSON *services = service ? fetch(completer->cli, "/v1/services", "services") : NULL;
    const json_t *found = NULL;
    struct arctic_error error;
    if (!services || cli_resolve_in(services, "service", service, &found, &error) < 0)
        return;
    CLI_FREE char *path = cli_path("/v1/services/%s/routes", cli_object_id(found));
    CLI_JSON *routes = path ? fetch(completer->cli, path, "routes") : NULL;
    for (size_t i = 0; i < json_array_size(routes); i++) {
        const json_t *route = json_array_get(routes, i);
        CLI_FREE char *id = cli_scalar_text(json_object_get(route, "id"));
        CLI_FREE char *source = cli_scalar_text(json_object_get(route, "source_cidr"));
        CLI_FREE char *destination = cli_scalar_text(json_object_get(route, "dest_cidr"));
        CLI_FREE char *what = cli_format("%s to %s", source ? source : "", destination ? destination : "");
        if (id)
            cli_complete_offer(completer, id, what);
    }
}

static void offer_preferences(const struct cli_completer *completer, unsigned index)
{
    if (index == 0)
        offer_words(completer, CLI_PREFERENCE_NAMES);
    else
        offer_words(completer, cli_preference_words(completer->arguments.operands[0]));
}

void cli_complete_values(struct cli_completer *completer, enum cli_kind kind, const char *words,
                         unsigned index)
{
    switch (kind) {
    case CLI_KIND_TEXT:
        break;
    case CLI_KIND_WORDS:
        offer_words(completer, words);
        break;
    case CLI_KIND_FILE:
        fputs(":files\n", completer->stream);
        break;
    case CLI_KIND_URL:
        offer_endpoints(completer);
        break;
    case CLI_KIND_PEER:
        offer_objects(completer, "/v1/peers", "peers");
        break;
    case CLI_KIND_SERVICE:
        offer_objects(completer, "/v1/services", "services");
        break;
    case CLI_KIND_CREDENTIAL:
        offer_objects(completer, "/v1/credentials", "credentials");
        break;
    case CLI_KIND_ROUTE:
        offer_routes(completer);
        break;
    case CLI_KIND_CLUSTER:
        offer_clusters(completer);
        break;
    case CLI_KIND_CONFIG_PEER:
        offer_peers_of_cluster(completer);
        break;
    case CLI_KIND_SCOPES:
        offer_list(completer, words);
        break;
    case CLI_KIND_PREFERENCE:
        offer_preferences(completer, index);
        break;
    }
}
