/* Routes of a service: list, add, change, delete. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api/api.h"
#include "agent/api/service-answer.h"
#include "agent/api/service-change.h"
#include "base/error.h"

static int read_page(const struct arci_request *request, struct arci_route_page *ret_page,
                     struct arctic_error *error)
{
    int64_t after = 0;
    int64_t limit = ARCI_ROUTES_MAX;
    int code = arci_request_query_number(request, "after", 0, INT64_MAX, &after, error);
    if (code >= 0)
        code = arci_request_query_number(request, "limit", 1, ARCI_ROUTES_MAX, &limit, error);
    if (code >= 0)
        *ret_page = (struct arci_route_page){.after = (uint64_t)after, .limit = (size_t)limit};
    return code;
}

void arci_api_routes_list(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry = NULL;
    struct arci_route_page page;
    struct arctic_error error;
    int code = read_page(request, &page, &error);
    if (code >= 0)
        code = arci_api_find_service(agent, request, &entry, &error);
    if (code < 0)
        arci_request_fail(request, &error);
    else
        arci_answer_routes(agent, request, entry, &page);
}

static json_t *ids_of(const struct arci_routes *routes)
{
    json_t *ids = json_array();
    for (size_t i = 0; ids && i < routes->count; i++)
        json_array_append_new(ids, json_integer((json_int_t)routes->items[i].id));
    return json_pack("{s:o, s:I}", "route_ids", ids, "count", (json_int_t)routes->count);
}

static int append_all(struct arci_service *service, const struct arci_routes *added,
                      struct arctic_error *error)
{
    for (size_t i = 0; i < added->count; i++) {
        int code = arci_routes_append(&service->routes, &added->items[i], error);
        if (code == ARCTIC_E_LIMIT)
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "routes", "a service has at most %d routes",
                             ARCI_ROUTES_MAX);
        if (code < 0)
            return code;
    }
    service->next_route_id += added->count;
    return ARCTIC_OK;
}

static int add_routes(struct arctic_agent *agent, const struct arci_request *request,
                      struct arci_service *service, json_t **ret_result, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_routes_release) struct arci_routes added = {0};
    int code = arci_routes_from_json(arci_request_json(request), service->next_route_id, &added, error);
    (void)agent;
    if (code == ARCTIC_E_LIMIT)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "routes", "a service has at most %d routes",
                         ARCI_ROUTES_MAX);
    if (code >= 0)
        code = append_all(service, &added, error);
    if (code < 0)
        return code;
    *ret_result = ids_of(&added);
    return *ret_result ? ARCTIC_OK : arci_fail_memory(error);
}

static int find_route(struct arci_service *service, const struct arci_request *request,
                      struct arci_route **ret_route, struct arctic_error *error)
{
    const char *text = arci_request_parameter(request, "route_id");
    char *end;
    errno = 0;
    unsigned long long id = strtoull(text, &end, 10);
    bool number = text[0] >= '0' && text[0] <= '9' && !*end && !errno;
    struct arci_route *route = number ? arci_routes_find(&service->routes, id) : NULL;
    if (!route)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "service %s has no route %.30s", service->id.text,
                         text);
    *ret_route = route;
    return ARCTIC_OK;
}

static int update_route(struct arctic_agent *agent, const struct arci_request *request,
                        struct arci_service *service, json_t **ret_result, struct arctic_error *error)
{
    struct arci_route *route = NULL;
    int code = find_route(service, request, &route, error);
    (void)agent;
    if (code >= 0)
        code = arci_route_update_from_json(arci_request_json(request), route, error);
    if (code < 0)
        return code;
    *ret_result = arci_route_to_json(route);
    return *ret_result ? ARCTIC_OK : arci_fail_memory(error);
}

static int delete_route(struct arctic_agent *agent, const struct arci_request *request,
                        struct arci_service *service, json_t **ret_result, struct arctic_error *error)
{
    struct arci_route *route = NULL;
    int code = find_route(service, request, &route, error);
    (void)agent;
    (void)ret_result;
    return code < 0 ? code : arci_routes_remove(&service->routes, route->id, error);
}

static void respond_result(struct arctic_agent *agent, struct arci_request *request,
                           const struct arci_entry *entry, int status, json_t *result)
{
    (void)agent;
    (void)entry;
    arci_request_respond_json(request, status, json_incref(result));
}

void arci_api_routes_add(void *context, struct arci_request *request)
{
    arci_service_change(context, request, add_routes, 201, respond_result);
}

void arci_api_routes_update(void *context, struct arci_request *request)
{
    arci_service_change(context, request, update_route, 200, respond_result);
}

void arci_api_routes_delete(void *context, struct arci_request *request)
{
    arci_service_change(context, request, delete_route, 204, NULL);
}
