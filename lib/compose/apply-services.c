/* Services and their routes. What is gone already counts as deleted. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "compose/apply.h"
#include "compose/changes.h"
#include "model/members.h"

#define ROUTES_AT_ONCE 5000 /* of at most 150 bytes each: under the API's 1 MiB */
#define WORD_WAIT_MS 10000  /* for word of what was done at another peer, which may have just been added */

static int delete_path(struct arctic_client *client, const char *path, struct arctic_error *error)
{
    int code = arci_compose_request(client, "DELETE", path, NULL, NULL, error);
    return code == ARCTIC_E_NOT_FOUND ? ARCTIC_OK : code;
}

static int delete_service(struct arctic_client *client, const struct arctic_id *id,
                          struct arctic_error *error)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/services/%s", id->text);
    return delete_path(client, path, error);
}

static json_t *routes_body(const struct arci_routes *routes, size_t from, size_t to)
{
    ARCI_JSON *array = json_array();
    for (size_t i = from; array && i < to; i++) {
        json_t *route = arci_route_to_json(&routes->items[i]);
        json_object_del(route, "id");
        if (json_array_append_new(array, route) < 0)
            return NULL;
    }
    return array ? json_pack("{s:O}", "routes", array) : NULL;
}

static int add_routes(struct arctic_client *client, const struct arctic_id *id,
                      const struct arci_routes *routes, struct arctic_error *error)
{
    char path[96];
    int code = ARCTIC_OK;
    snprintf(path, sizeof path, "/v1/services/%s/routes", id->text);
    for (size_t from = 0; from < routes->count && code == ARCTIC_OK; from += ROUTES_AT_ONCE) {
        size_t left = routes->count - from;
        ARCI_JSON *body = routes_body(routes, from, from + (left < ROUTES_AT_ONCE ? left : ROUTES_AT_ONCE));
        if (!body)
            return arci_fail_memory(error);
        code = arci_compose_request(client, "POST", path, body, NULL, error);
    }
    return code;
}

static void route_path(const struct arctic_id *service, uint64_t route, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/v1/services/%s/routes/%llu", service->text, (unsigned long long)route);
}

/* New routes come before old ones go, so that no traffic falls between them. */
static int change_routes(struct arctic_client *client, const struct arctic_id *id,
                         const struct arci_route_difference *routes, struct arctic_error *error)
{
    char path[128];
    int code = add_routes(client, id, &routes->add, error);
    for (size_t i = 0; i < routes->change_count && code == ARCTIC_OK; i++) {
        ARCI_JSON *body = json_pack("{s:i}", "priority", routes->change[i].route.priority);
        if (!body)
            return arci_fail_memory(error);
        route_path(id, routes->change[i].id, path, sizeof path);
        code = arci_compose_request(client, "PUT", path, body, NULL, error);
    }
    for (size_t i = 0; i < routes->remove.count && code == ARCTIC_OK; i++) {
        route_path(id, routes->remove.items[i].id, path, sizeof path);
        code = delete_path(client, path, error);
    }
    return code;
}

/* False once it has taken too long. */
static bool pause_shortly(int64_t until)
{
    const struct timespec time = {.tv_nsec = 100000000};
    if (arci_time_monotonic() > until)
        return false;
    nanosleep(&time, NULL);
    return true;
}

static bool adds_peers(const struct arctic_compose_plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].action == ARCI_ACTION_ADD)
            return true;
    }
    return false;
}

/*
 * What will be otherwise in a moment: after a service was deleted at another peer its name is taken until word of it is here, two
 * peers that came to the cluster just now meet when each has heard of the other, and such a one knows the client that asks when it has
 * heard of it. That the client is good here the plan has shown.
 */
static bool is_passing(const struct arctic_compose_plan *plan, const struct arci_step *step,
                       const struct arctic_error *error)
{
    bool unmet = (error->code == ARCTIC_E_PEER_UNREACHABLE || error->code == ARCTIC_E_NOT_FOUND) &&
                 strcmp(error->field, "target_peer_id") == 0;
    return (error->code == ARCTIC_E_ALREADY_EXISTS && step->action == ARCI_ACTION_REPLACE) ||
           ((unmet || error->code == ARCTIC_E_UNAUTHORIZED) && adds_peers(plan));
}

static int post_service(struct arctic_client *client, const struct arctic_compose_plan *plan,
                        const struct arci_step *step, const json_t *body, json_t **ret_answer,
                        struct arctic_error *error)
{
    int64_t until = arci_time_monotonic() + WORD_WAIT_MS;
    int code;
    do
        code = arci_compose_request(client, "POST", "/v1/services", body, ret_answer, error);
    while (code < 0 && is_passing(plan, step, error) && pause_shortly(until));
    return code;
}

/* A service that was made at another peer does not exist here until word of it has come. */
static int add_first_routes(struct arctic_client *client, const struct arctic_id *id,
                            const struct arci_routes *routes, struct arctic_error *error)
{
    int64_t until = arci_time_monotonic() + WORD_WAIT_MS;
    int code;
    do
        code = add_routes(client, id, routes, error);
    while (code == ARCTIC_E_NOT_FOUND && pause_shortly(until));
    return code;
}

static int create_service(struct arctic_client *client, const struct arctic_compose_plan *plan,
                          const struct arci_step *step, struct arctic_error *error)
{
    const struct arci_spec_service *wanted = step->wanted;
    struct arctic_id id = {.text = ""};
    ARCI_JSON *answer = NULL;
    ARCI_JSON *body = arci_changes_new_service(&wanted->service, &plan->peer_ids[wanted->source],
                                               &plan->peer_ids[wanted->target]);
    if (!body)
        return arci_fail_memory(error);
    int code = post_service(client, plan, step, body, &answer, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(answer, "id", true, ARCTIC_ID_SERVICE, &id, error);
    return code < 0 ? code : add_first_routes(client, &id, &step->routes.add, error);
}

static int update_service(struct arctic_client *client, const struct arci_step *step,
                          struct arctic_error *error)
{
    char path[64];
    int code = ARCTIC_OK;
    snprintf(path, sizeof path, "/v1/services/%s", step->id.text);
    if (json_object_size(step->body) > 0)
        code = arci_compose_request(client, "PUT", path, step->body, NULL, error);
    return code < 0 ? code : change_routes(client, &step->id, &step->routes, error);
}

int arci_apply_service(struct arctic_client *client, const struct arctic_compose_plan *plan,
                       const struct arci_step *step, struct arctic_error *error)
{
    if (step->action == ARCI_ACTION_UPDATE)
        return update_service(client, step, error);
    int code = ARCTIC_OK;
    if (step->action == ARCI_ACTION_DELETE || step->action == ARCI_ACTION_REPLACE)
        code = delete_service(client, &step->id, error);
    return code < 0 || step->action == ARCI_ACTION_DELETE ? code : create_service(client, plan, step, error);
}
