/* Services: list, show, create, change, delete. */
#include <stdio.h>
#include <string.h>

#include "agent/api/api.h"
#include "agent/api/service-answer.h"
#include "agent/api/service-change.h"
#include "agent/api/service-text.h"
#include "agent/peers/peers.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/time.h"

static void respond_service(struct arctic_agent *agent, struct arci_request *request,
                            const struct arci_entry *entry, int status, json_t *extra)
{
    (void)extra;
    arci_answer_service(agent, request, entry, status);
}

struct service_filter {
    struct arctic_id source_peer_id; /* "": any */
    struct arctic_id target_peer_id; /* "": any */
    bool by_interface;
    bool requires_interface;
};

/* What is no peer id matches nothing, and is more likely a slip than a wish. */
static int read_peer_id(const struct arci_request *request, const char *name, struct arctic_id *ret_id,
                        struct arctic_error *error)
{
    const char *text = arci_request_query(request, name);
    if (!text || arctic_id_parse(ARCTIC_ID_PEER, text, ret_id, NULL) >= 0)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "'%s' must be a peer id, not '%.60s'", name,
                     text);
}

static int read_filter(const struct arci_request *request, struct service_filter *ret_filter,
                       struct arctic_error *error)
{
    struct service_filter filter = {
        .by_interface = arci_request_query(request, "requires_interface") != NULL,
    };
    int code = read_peer_id(request, "source_peer_id", &filter.source_peer_id, error);
    if (code >= 0)
        code = read_peer_id(request, "target_peer_id", &filter.target_peer_id, error);
    if (code >= 0)
        code = arci_request_query_boolean(request, "requires_interface", &filter.requires_interface, error);
    if (code >= 0)
        *ret_filter = filter;
    return code;
}

static bool passes(const struct service_filter *filter, const struct arci_service *service)
{
    if (filter->source_peer_id.text[0] && !arctic_id_equal(&filter->source_peer_id, &service->source_peer_id))
        return false;
    if (filter->target_peer_id.text[0] && !arctic_id_equal(&filter->target_peer_id, &service->target_peer_id))
        return false;
    return !filter->by_interface || filter->requires_interface == service->requires_interface;
}

void arci_api_services_list(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct service_filter filter;
    struct arctic_error error;
    const struct arci_entry *entry;
    size_t cursor = 0;
    if (read_filter(request, &filter, &error) < 0) {
        arci_request_fail(request, &error);
        return;
    }
    struct arci_buffer text = {.limit = 0};
    const char *separator = "";
    arci_buffer_text(&text, "{\"services\":[");
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        if (!passes(&filter, &entry->content.service))
            continue;
        arci_buffer_text(&text, separator);
        arci_service_text_append(agent, entry, false, &text);
        separator = ",";
    }
    arci_buffer_text(&text, "]}\n");
    arci_request_respond_text(request, 200, "application/json", arci_buffer_take_text(&text));
}

void arci_api_services_get(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry;
    struct arctic_error error;
    if (arci_api_find_service(agent, request, &entry, &error) < 0)
        arci_request_fail(request, &error);
    else
        arci_answer_service(agent, request, entry, 200);
}

static int check_name(struct arctic_agent *agent, const struct arci_service *service,
                      struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        const struct arci_service *other = &entry->content.service;
        if (strcmp(other->name, service->name) == 0 && !arctic_id_equal(&other->id, &service->id))
            return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, "name", "service %s is named '%s' already",
                             other->id.text, other->name);
    }
    if (arci_service_change_names(agent, service->name, &service->id))
        return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, "name", "another service is being renamed to '%s'",
                         service->name);
    return ARCTIC_OK;
}

static int check_source(struct arctic_agent *agent, struct arci_service *service, struct arctic_error *error)
{
    if (!service->source_peer_id.text[0])
        service->source_peer_id = agent->local_id;
    if (arctic_id_equal(&service->source_peer_id, &agent->local_id))
        return ARCTIC_OK;
    const struct arci_agent_peer *peer = arci_peers_find(agent, &service->source_peer_id);
    if (!peer)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, "source_peer_id",
                         "peer %s does not exist, see arctic peers list", service->source_peer_id.text);
    return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "source_peer_id",
                     "a service is created at its source peer: send this request to %s", peer->live.address);
}

/* The target must have completed a handshake with this agent at some time; whether it answers now does not matter. */
static int check_target(struct arctic_agent *agent, const struct arci_service *service,
                        struct arctic_error *error)
{
    if (arctic_id_equal(&service->target_peer_id, &agent->local_id))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "target_peer_id",
                         "source and target are the same peer");
    if (arci_peers_find(agent, &service->target_peer_id))
        return ARCTIC_OK;
    if (arci_registry_revocation_of_peer(agent->registry, &service->target_peer_id))
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "target_peer_id", "peer %s has been revoked",
                         service->target_peer_id.text);
    const struct arci_entry *target =
        arci_registry_find(agent->registry, ARCI_RECORD_PEER, &service->target_peer_id);
    const struct arci_entry *self = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    if (target)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "target_peer_id",
                         "the service's source %s has heard of peer %s (%s) from others and has not met it "
                         "itself yet",
                         self ? self->content.peer.name : "", target->content.peer.name,
                         service->target_peer_id.text);
    return arci_fail(error, ARCTIC_E_NOT_FOUND, "target_peer_id",
                     "peer %s does not exist, see arctic peers list", service->target_peer_id.text);
}

static int check_room(struct arctic_agent *agent, struct arctic_error *error)
{
    size_t limit = agent->license->max_services;
    if (arci_registry_count(agent->registry, ARCI_RECORD_SERVICE) < limit)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_SERVICE_LIMIT_EXCEEDED, NULL,
                     "the licence allows %zu service%s and they are all there: delete one, or install a "
                     "larger licence: arctic license update --license-file FILE",
                     limit, limit == 1 ? "" : "s");
}

/* An unnamed service is called by the end of its id: short, and as unique. */
static void default_name(struct arci_service *service)
{
    const char *id = service->id.text;
    snprintf(service->name, sizeof service->name, "service-%s", id + strlen(id) - 8);
}

static int prepare_service(struct arctic_agent *agent, const json_t *object, struct arci_service *service,
                           struct arctic_error *error)
{
    int code = arci_service_from_json(object, service, error);
    if (code >= 0)
        code = arctic_id_generate(ARCTIC_ID_SERVICE, &service->id, error);
    if (code >= 0)
        code = check_source(agent, service, error);
    if (code >= 0)
        code = check_target(agent, service, error);
    if (code >= 0)
        code = check_room(agent, error);
    if (code < 0)
        return code;
    if (!service->name[0])
        default_name(service);
    service->next_route_id = 1;
    service->created_at = arci_time_now();
    service->updated_at = service->created_at;
    return check_name(agent, service, error);
}

void arci_api_services_create(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arci_service service = {0};
    struct arctic_error error;
    int code = prepare_service(agent, arci_request_json(request), &service, &error);
    if (code >= 0)
        code = arci_registry_put_service(agent->registry, &service, &error);
    struct arctic_id id = service.id;
    arci_service_release(&service);
    if (code < 0)
        arci_request_fail(request, &error);
    else
        arci_api_answer_after_change(agent, request, &id, 201, respond_service, NULL);
}

static int update_service(struct arctic_agent *agent, const struct arci_request *request,
                          struct arci_service *service, json_t **ret_result, struct arctic_error *error)
{
    int code = arci_service_update_from_json(arci_request_json(request), service, error);
    (void)ret_result;
    return code < 0 ? code : check_name(agent, service, error);
}

void arci_api_services_update(void *context, struct arci_request *request)
{
    arci_service_change(context, request, update_service, 200, respond_service);
}

void arci_api_services_delete(void *context, struct arci_request *request)
{
    arci_service_change(context, request, NULL, 204, NULL);
}
