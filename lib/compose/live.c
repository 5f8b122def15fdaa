/* Reading a cluster through one of its agents. */
#include "compose/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "model/members.h"
#include "model/service-read.h"

int arci_compose_request(struct arctic_client *client, const char *method, const char *path,
                         const json_t *body, json_t **ret_answer, struct arctic_error *error)
{
    ARCI_FREE char *text = body ? arci_json_dump(body, JSON_COMPACT) : NULL;
    ARCI_CLEANUP(arci_secret_cleanup) char *answer = NULL;
    if (body && !text)
        return arci_fail_memory(error);
    int code = arctic_client_request(client, method, path, text, NULL, &answer, error);
    if (code < 0 || !ret_answer)
        return code;
    if (*answer)
        return arci_json_parse(answer, strlen(answer), ret_answer, error) < 0
                   ? arci_fail(error, ARCTIC_E_PROTOCOL, NULL,
                               "the answer of the agent to %s %s makes no sense", method, path)
                   : ARCTIC_OK;
    *ret_answer = json_null();
    return ARCTIC_OK;
}

static int request_list(struct arctic_client *client, const char *path, const char *member,
                        json_t **ret_answer, const json_t **ret_list, struct arctic_error *error)
{
    int code = arci_compose_request(client, "GET", path, NULL, ret_answer, error);
    if (code < 0)
        return code;
    *ret_list = json_object_get(*ret_answer, member);
    if (!json_is_array(*ret_list))
        return arci_fail(error, ARCTIC_E_PROTOCOL, member, "the answer of the agent has no list of %s",
                         member);
    return ARCTIC_OK;
}

/* What an agent says is checked like what anybody says, but it is the agent who is at fault. */
static int fail_answer(struct arctic_error *error, int code, const char *what)
{
    if (code == ARCTIC_E_NO_MEMORY)
        return code;
    arci_fail_within(error, code, "the agent's answer about %s makes no sense", what);
    if (error)
        error->code = ARCTIC_E_PROTOCOL;
    return ARCTIC_E_PROTOCOL;
}

static int read_peer(const json_t *object, struct arci_live_peer *peer, struct arctic_error *error)
{
    const char *state = "";
    const char *address = "";
    int code = arci_read_id(object, "id", true, ARCTIC_ID_PEER, &peer->id, error);
    if (code == ARCTIC_OK)
        code = arci_read_name(object, false, peer->name, error);
    if (code == ARCTIC_OK)
        code = arci_json_text(object, "address", false, &address, error);
    if (code == ARCTIC_OK)
        code = arci_json_boolean(object, "is_local", false, &peer->is_local, error);
    if (code == ARCTIC_OK)
        code = arci_json_text(object, "state", false, &state, error);
    snprintf(peer->address, sizeof peer->address, "%s", address);
    peer->revoked = strcmp(state, "revoked") == 0;
    peer->has_met = peer->is_local || (!peer->revoked && strcmp(state, "discovered") != 0);
    return code < 0 ? fail_answer(error, code, "a peer") : code;
}

static int read_peers(struct arctic_client *client, struct arci_live *live, struct arctic_error *error)
{
    ARCI_JSON *answer = NULL;
    const json_t *list = NULL;
    int code = request_list(client, "/v1/peers", "peers", &answer, &list, error);
    if (code < 0)
        return code;
    live->peers = calloc(json_array_size(list) + 1, sizeof *live->peers);
    if (!live->peers)
        return arci_fail_memory(error);
    for (size_t i = 0; i < json_array_size(list) && code == ARCTIC_OK; i++)
        code = read_peer(json_array_get(list, i), &live->peers[live->peer_count++], error);
    return code;
}

static int read_service(const json_t *object, struct arci_service *service, struct arctic_error *error)
{
    int code = arci_read_id(object, "id", true, ARCTIC_ID_SERVICE, &service->id, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(object, "source_peer_id", true, ARCTIC_ID_PEER, &service->source_peer_id, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(object, "target_peer_id", true, ARCTIC_ID_PEER, &service->target_peer_id, error);
    if (code == ARCTIC_OK)
        code = arci_service_read_settings(object, service, error);
    return code < 0 ? fail_answer(error, code, "a service") : code;
}

static int by_name(const void *a, const void *b)
{
    const struct arci_service *left = a;
    const struct arci_service *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->id.text, right->id.text);
}

static int read_services(struct arctic_client *client, struct arci_live *live, struct arctic_error *error)
{
    ARCI_JSON *answer = NULL;
    const json_t *list = NULL;
    int code = request_list(client, "/v1/services", "services", &answer, &list, error);
    if (code < 0)
        return code;
    live->services = calloc(json_array_size(list) + 1, sizeof *live->services);
    if (!live->services)
        return arci_fail_memory(error);
    for (size_t i = 0; i < json_array_size(list) && code == ARCTIC_OK; i++)
        code = read_service(json_array_get(list, i), &live->services[live->service_count++], error);
    if (live->service_count > 1)
        qsort(live->services, live->service_count, sizeof *live->services, by_name);
    return code;
}

int arci_live_read(struct arctic_client *client, struct arci_live *ret_live, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_live_release) struct arci_live live = {.peers = NULL};
    int code = read_peers(client, &live, error);
    if (code == ARCTIC_OK)
        code = read_services(client, &live, error);
    if (code < 0)
        return code;
    *ret_live = live;
    live = (struct arci_live){.peers = NULL};
    return ARCTIC_OK;
}

/* Routes that are asked for at a time. An answer with many more is too large to be carried between agents. */
#define PAGE 10000

/* Appends the routes behind the last one that is there; *ret_count is how many there were. */
static int read_page(struct arctic_client *client, struct arci_service *service, size_t *ret_count,
                     struct arctic_error *error)
{
    ARCI_JSON *answer = NULL;
    ARCI_CLEANUP(arci_routes_release) struct arci_routes page = {0};
    const json_t *list = NULL;
    char path[160];
    struct arci_routes *routes = &service->routes;
    uint64_t after = routes->count > 0 ? routes->items[routes->count - 1].id : 0;
    snprintf(path, sizeof path, "/v1/services/%s/routes?limit=%d&after=%llu", service->id.text, PAGE,
             (unsigned long long)after);
    int code = request_list(client, path, "routes", &answer, &list, error);
    if (code < 0)
        return code;
    code = arci_routes_from_record(list, &page, error);
    if (code >= 0 && page.count > 0 && page.items[0].id <= after)
        code = arci_fail(error, ARCTIC_E_INVALID_REQUEST, "id", "route %llu came twice",
                         (unsigned long long)page.items[0].id);
    for (size_t i = 0; i < page.count && code >= 0; i++)
        code = arci_routes_append(routes, &page.items[i], error);
    *ret_count = page.count;
    return code < 0 ? fail_answer(error, code, "routes") : code;
}

int arci_live_read_routes(struct arctic_client *client, struct arci_service *service,
                          struct arctic_error *error)
{
    size_t count = PAGE;
    int code = ARCTIC_OK;
    arci_routes_release(&service->routes);
    while (code >= 0 && count == PAGE)
        code = read_page(client, service, &count, error);
    return code;
}

const struct arci_live_peer *arci_live_find_peer(const struct arci_live *live, const struct arctic_id *id)
{
    for (size_t i = 0; i < live->peer_count; i++) {
        if (arctic_id_equal(&live->peers[i].id, id))
            return &live->peers[i];
    }
    return NULL;
}

static int compare_name(const void *name, const void *service)
{
    return strcmp(name, ((const struct arci_service *)service)->name);
}

struct arci_service *arci_live_find_service(const struct arci_live *live, const char *name)
{
    return live->service_count > 0
               ? bsearch(name, live->services, live->service_count, sizeof *live->services, compare_name)
               : NULL;
}

void arci_live_release(struct arci_live *live)
{
    for (size_t i = 0; i < live->service_count; i++)
        arci_service_release(&live->services[i]);
    free(live->services);
    free(live->peers);
    *live = (struct arci_live){.peers = NULL};
}
