/* Services as they are stored and signed. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "model/members.h"
#include "model/service-read.h"

static json_t *to_record(const struct arci_service *service, const struct arci_routes *routes)
{
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_text(object, "id", service->id.text) ||
        !arci_put_text(object, "source_peer_id", service->source_peer_id.text) ||
        !arci_put_text(object, "target_peer_id", service->target_peer_id.text) ||
        !arci_service_put_settings(object, service) ||
        json_object_set_new(object, "routes", arci_routes_to_json(routes)) < 0 ||
        !arci_put_integer(object, "next_route_id", (int64_t)service->next_route_id) ||
        !arci_put_time(object, "created_at", service->created_at) ||
        !arci_put_time(object, "updated_at", service->updated_at))
        return NULL;
    return arci_steal(object);
}

json_t *arci_service_to_record(const struct arci_service *service)
{
    return to_record(service, &service->routes);
}

char *arci_service_to_record_text(const struct arci_service *service)
{
    static const struct arci_routes none = {0};
    static const char empty[] = ",\"routes\":[]";
    ARCI_JSON *object = to_record(service, &none);
    ARCI_FREE char *rest = object ? arci_json_canonical(object) : NULL;
    /* No value can hold it: quotes within one are escaped. */
    char *place = rest ? strstr(rest, empty) : NULL;
    ARCI_BUFFER text = {0};
    if (!place)
        return NULL;
    char *array = place + sizeof empty - sizeof "[]";
    arci_buffer_append(&text, rest, (size_t)(array - rest));
    arci_routes_text_append(&service->routes, &text);
    arci_buffer_text(&text, array + 2);
    size_t size = text.length + 1;
    char *whole = arci_buffer_take_text(&text);
    /* A buffer grows by doubling, and this one is kept for long. */
    char *fitting = whole ? realloc(whole, size) : NULL;
    return fitting ? fitting : whole;
}

static int read_identity(const json_t *object, struct arci_service *service, struct arctic_error *error)
{
    const char *present = NULL;
    int code = arci_read_id(object, "id", true, ARCTIC_ID_SERVICE, &service->id, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(object, "source_peer_id", true, ARCTIC_ID_PEER, &service->source_peer_id, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(object, "target_peer_id", true, ARCTIC_ID_PEER, &service->target_peer_id, error);
    if (code == ARCTIC_OK)
        code = arci_json_text(object, "name", true, &present, error);
    if (code == ARCTIC_OK)
        code = arci_json_text(object, "transport_type", true, &present, error);
    if (code == ARCTIC_OK)
        code = arci_read_time(object, "created_at", true, &service->created_at, error);
    if (code == ARCTIC_OK)
        code = arci_read_time(object, "updated_at", true, &service->updated_at, error);
    return code;
}

/* The next id is above every id in use: an id once given must not come back for another route. */
static int read_routes(const json_t *object, struct arci_service *service, struct arctic_error *error)
{
    const json_t *array = NULL;
    int64_t next = 0;
    int code = arci_json_array(object, "routes", true, &array, error);
    if (code == ARCTIC_OK)
        code = arci_routes_from_record(array, &service->routes, error);
    if (code < 0)
        return code;
    size_t count = service->routes.count;
    int64_t lowest = count > 0 ? (int64_t)service->routes.items[count - 1].id + 1 : 1;
    code = arci_json_integer(object, "next_route_id", true, lowest, INT64_MAX, &next, error);
    if (code < 0)
        return code;
    service->next_route_id = (uint64_t)next;
    return ARCTIC_OK;
}

int arci_service_from_record(const json_t *object, struct arci_service *ret_service,
                             struct arctic_error *error)
{
    ARCI_CLEANUP(arci_service_release) struct arci_service service = {0};
    int code = read_identity(object, &service, error);
    if (code == ARCTIC_OK)
        code = arci_service_read_settings(object, &service, error);
    if (code == ARCTIC_OK)
        code = arci_service_validate(&service, error);
    if (code == ARCTIC_OK)
        code = read_routes(object, &service, error);
    if (code < 0)
        return code;
    *ret_service = service;
    service.routes = (struct arci_routes){0};
    return ARCTIC_OK;
}
