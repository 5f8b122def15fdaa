/* Peers: bootstrap, meeting, names. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "compose/apply.h"
#include "model/members.h"

ARCI_DEFINE_CLEANUP(struct arctic_client *, arctic_client_free, client_cleanup)

static int make_client(struct arci_apply_peers *peers, const char *endpoint, const json_t *answer,
                       struct arctic_error *error)
{
    const char *const endpoints[] = {endpoint, NULL};
    struct arctic_client_options options = {
        .size = sizeof options,
        .endpoints = endpoints,
        .client_id = json_string_value(json_object_get(answer, "client_id")),
        .client_secret = json_string_value(json_object_get(answer, "client_secret")),
        .timeout_ms = peers->plan->timeout_ms};
    int code = arctic_client_create(&options, &peers->made, error);
    peers->client = code == ARCTIC_OK ? peers->made : NULL;
    return code;
}

/* Saving comes first: what the answer holds is told only once. */
static int take_bootstrap(struct arci_apply_peers *peers, const struct arci_step *step, const char *endpoint,
                          const char *text, struct arctic_error *error)
{
    ARCI_JSON *answer = NULL;
    struct arctic_compose_bootstrap bootstrap = {sizeof bootstrap, step->name, endpoint, text};
    if (peers->options->bootstrapped && peers->options->bootstrapped(peers->options->user, &bootstrap) != 0)
        return arci_fail(error, ARCTIC_E_CANCELLED, NULL, "its credentials could not be saved");
    if (arci_json_parse(text, strlen(text), &answer, NULL) < 0 ||
        arci_read_id(answer, "peer_id", true, ARCTIC_ID_PEER, &peers->plan->peer_ids[step->peer], NULL) < 0)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "the agent's answer makes no sense");
    return peers->client ? ARCTIC_OK : make_client(peers, endpoint, answer, error);
}

static int bootstrap(struct arci_apply_peers *peers, const struct arci_step *step, struct arctic_error *error)
{
    ARCI_CLEANUP(client_cleanup) struct arctic_client *client = NULL;
    ARCI_CLEANUP(arci_secret_cleanup) char *text = NULL;
    if (!peers->options->license)
        return arci_fail(error, ARCTIC_E_MISSING_FIELD, "license", "a licence is needed to bootstrap it");
    int code = arci_plan_stranger(peers->plan, &peers->plan->spec->peers[step->peer], &client, error);
    if (code == ARCTIC_OK)
        code = arctic_client_bootstrap(client, peers->options->license, step->name, NULL, &text, error);
    return code < 0 ? code : take_bootstrap(peers, step, arctic_client_endpoint(client), text, error);
}

static int rename_peer(struct arctic_client *client, const struct arctic_id *id, const char *name,
                       struct arctic_error *error)
{
    char path[64];
    ARCI_JSON *body = json_pack("{s:s}", "name", name);
    snprintf(path, sizeof path, "/v1/peers/%s", id->text);
    return body ? arci_compose_request(client, "PUT", path, body, NULL, error) : arci_fail_memory(error);
}

static int add(struct arci_apply_peers *peers, const struct arci_step *step, struct arctic_error *error)
{
    const struct arci_spec_peer *peer = &peers->plan->spec->peers[step->peer];
    struct arctic_id *id = &peers->plan->peer_ids[step->peer];
    const char *name = "";
    ARCI_JSON *answer = NULL;
    ARCI_JSON *body = json_pack("{s:s, s:s}", "address", peer->address, "name", peer->name);
    if (!body)
        return arci_fail_memory(error);
    int code = arci_compose_request(peers->client, "POST", "/v1/peers", body, &answer, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(answer, "id", true, ARCTIC_ID_PEER, id, error);
    if (code == ARCTIC_OK)
        code = arci_json_text(answer, "name", false, &name, error);
    if (code < 0 || strcmp(name, peer->name) == 0)
        return code;
    return rename_peer(peers->client, id, peer->name, error);
}

int arci_apply_peer(struct arci_apply_peers *peers, const struct arci_step *step, struct arctic_error *error)
{
    if (step->action == ARCI_ACTION_BOOTSTRAP)
        return bootstrap(peers, step, error);
    if (step->action == ARCI_ACTION_ADD)
        return add(peers, step, error);
    return rename_peer(peers->client, &step->id, step->name, error);
}
