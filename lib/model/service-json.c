/* Services in requests and answers of the API. */
#include "model/service.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "model/members.h"
#include "model/service-read.h"

#define BANDWIDTH_HIGHEST_MBPS 1000000
#define RTT_HIGHEST_MS 10000
#define MEMORY_HIGHEST_KB 4194304

static int read_transport(const json_t *object, enum arci_transport_type *ret_transport,
                          struct arctic_error *error)
{
    const char *name = NULL;
    int code = arci_json_text(object, "transport_type", false, &name, error);
    return code < 0 || !name ? code : arci_transport_parse(name, ret_transport, error);
}

static int read_when_unreachable(const json_t *object, enum arci_when_unreachable *ret_choice,
                                 struct arctic_error *error)
{
    const char *name = NULL;
    int code = arci_json_text(object, "when_unreachable", false, &name, error);
    return code < 0 || !name ? code : arci_when_unreachable_parse(name, ret_choice, error);
}

static int read_limit(const json_t *object, const char *name, int64_t highest, int64_t *ret,
                      struct arctic_error *error)
{
    return arci_json_integer(object, name, false, 0, highest, ret, error);
}

static int read_qos_object(const json_t *object, struct arci_qos *qos, struct arctic_error *error)
{
    int code =
        read_limit(object, "bandwidth_limit_mbps", BANDWIDTH_HIGHEST_MBPS, &qos->bandwidth_limit_mbps, error);
    if (code == ARCTIC_OK)
        code = read_limit(object, "rtt_ms", RTT_HIGHEST_MS, &qos->rtt_ms, error);
    if (code == ARCTIC_OK)
        code = read_limit(object, "memory_limit_kb", MEMORY_HIGHEST_KB, &qos->memory_limit_kb, error);
    return code;
}

/* The limit has two places in a request, so that `{"bandwidth_limit_mbps": 500}` alone works; they must not
 * contradict. */
static int read_qos(const json_t *object, struct arci_qos *ret_qos, struct arctic_error *error)
{
    struct arci_qos qos = *ret_qos;
    const json_t *nested = NULL;
    int code = arci_json_object(object, "qos", false, &nested, error);
    if (code == ARCTIC_OK && nested)
        code = read_qos_object(nested, &qos, error);
    int64_t flat = qos.bandwidth_limit_mbps;
    if (code == ARCTIC_OK)
        code = read_limit(object, "bandwidth_limit_mbps", BANDWIDTH_HIGHEST_MBPS, &flat, error);
    if (code < 0)
        return code;
    bool twice = nested && json_is_integer(json_object_get(nested, "bandwidth_limit_mbps"));
    if (twice && flat != qos.bandwidth_limit_mbps)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "bandwidth_limit_mbps",
                         "'bandwidth_limit_mbps' is %lld but %lld in 'qos', give it once", (long long)flat,
                         (long long)qos.bandwidth_limit_mbps);
    qos.bandwidth_limit_mbps = flat;
    *ret_qos = qos;
    return ARCTIC_OK;
}

int arci_service_read_settings(const json_t *object, struct arci_service *service, struct arctic_error *error)
{
    int code = arci_read_name(object, false, service->name, error);
    if (code == ARCTIC_OK)
        code = read_transport(object, &service->transport, error);
    if (code == ARCTIC_OK)
        code = read_when_unreachable(object, &service->when_unreachable, error);
    if (code == ARCTIC_OK)
        code = arci_json_boolean(object, "requires_interface", false, &service->requires_interface, error);
    if (code == ARCTIC_OK)
        code = arci_json_boolean(object, "fully_transparent", false, &service->fully_transparent, error);
    if (code == ARCTIC_OK)
        code = arci_read_cidr(object, "desired_interface_ipv4", arctic_cidr_parse_host,
                              &service->desired_ipv4, error);
    if (code == ARCTIC_OK)
        code = arci_read_cidr(object, "desired_interface_ipv6", arctic_cidr_parse_host,
                              &service->desired_ipv6, error);
    return code < 0 ? code : read_qos(object, &service->qos, error);
}

/* Unknown members are a request's error only: a record may come from a newer version. */
static int check_request_members(const json_t *object, const char *const *members, struct arctic_error *error)
{
    static const char *const qos_members[] = {"bandwidth_limit_mbps", "rtt_ms", "memory_limit_kb", NULL};
    int code = arci_json_check_members(object, members, error);
    const json_t *qos = json_object_get(object, "qos");
    if (code == ARCTIC_OK && json_is_object(qos))
        code = arci_json_check_members(qos, qos_members, error);
    return code;
}

int arci_service_from_json(const json_t *object, struct arci_service *ret_service, struct arctic_error *error)
{
    static const char *const members[] = {"name",
                                          "source_peer_id",
                                          "target_peer_id",
                                          "transport_type",
                                          "when_unreachable",
                                          "requires_interface",
                                          "fully_transparent",
                                          "desired_interface_ipv4",
                                          "desired_interface_ipv6",
                                          "qos",
                                          "bandwidth_limit_mbps",
                                          NULL};
    struct arci_service service = {.next_route_id = 1};
    const char *transport = NULL;
    int code = check_request_members(object, members, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(object, "target_peer_id", true, ARCTIC_ID_PEER, &service.target_peer_id, error);
    if (code == ARCTIC_OK)
        code = arci_json_text(object, "transport_type", true, &transport, error);
    if (code == ARCTIC_OK)
        code = arci_read_id(object, "source_peer_id", false, ARCTIC_ID_PEER, &service.source_peer_id, error);
    if (code == ARCTIC_OK)
        code = arci_service_read_settings(object, &service, error);
    if (code == ARCTIC_OK)
        code = arci_service_validate(&service, error);
    if (code < 0)
        return code;
    *ret_service = service;
    return ARCTIC_OK;
}

/* Ids are members of a service, so "unknown member" would be a riddle. */
static int refuse_fixed_members(const json_t *object, struct arctic_error *error)
{
    static const char *const fixed[] = {"id", "source_peer_id", "target_peer_id"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (json_object_get(object, fixed[i]))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, fixed[i],
                             "'%s' cannot be changed, create another service instead", fixed[i]);
    }
    return ARCTIC_OK;
}

/* Null would mean "clear", which an address of the interface alone can be. */
static int refuse_null_settings(const json_t *object, struct arctic_error *error)
{
    static const char *const clearable[] = {"desired_interface_ipv4", "desired_interface_ipv6", NULL};
    static const char *const none[] = {NULL};
    int code = arci_refuse_null(object, clearable, error);
    const json_t *qos = json_object_get(object, "qos");
    return code == ARCTIC_OK && qos ? arci_refuse_null(qos, none, error) : code;
}

int arci_service_update_from_json(const json_t *object, struct arci_service *service,
                                  struct arctic_error *error)
{
    static const char *const members[] = {"name",
                                          "transport_type",
                                          "when_unreachable",
                                          "requires_interface",
                                          "fully_transparent",
                                          "desired_interface_ipv4",
                                          "desired_interface_ipv6",
                                          "qos",
                                          "bandwidth_limit_mbps",
                                          NULL};
    struct arci_service changed = *service; /* shares the routes, which no member here touches */
    int code = refuse_fixed_members(object, error);
    if (code == ARCTIC_OK)
        code = check_request_members(object, members, error);
    if (code == ARCTIC_OK)
        code = refuse_null_settings(object, error);
    if (code == ARCTIC_OK)
        code = arci_service_read_settings(object, &changed, error);
    if (code == ARCTIC_OK)
        code = arci_service_validate(&changed, error);
    if (code < 0)
        return code;
    *service = changed;
    return ARCTIC_OK;
}

json_t *arci_qos_to_json(const struct arci_qos *qos)
{
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_integer(object, "bandwidth_limit_mbps", qos->bandwidth_limit_mbps) ||
        !arci_put_integer(object, "rtt_ms", qos->rtt_ms) ||
        !arci_put_integer(object, "memory_limit_kb", qos->memory_limit_kb))
        return NULL;
    return arci_steal(object);
}

bool arci_service_put_settings(json_t *object, const struct arci_service *service)
{
    return arci_put_text(object, "name", service->name) &&
           arci_put_text(object, "transport_type", arci_transport_name(service->transport)) &&
           arci_put_text(object, "when_unreachable", arci_when_unreachable_name(service->when_unreachable)) &&
           arci_put_boolean(object, "requires_interface", service->requires_interface) &&
           arci_put_boolean(object, "fully_transparent", service->fully_transparent) &&
           arci_put_cidr(object, "desired_interface_ipv4", &service->desired_ipv4) &&
           arci_put_cidr(object, "desired_interface_ipv6", &service->desired_ipv6) &&
           json_object_set_new(object, "qos", arci_qos_to_json(&service->qos)) == 0;
}

static bool put_live(json_t *object, const struct arci_service_live *live)
{
    return arci_put_text(object, "interface_name", live->interface_name) &&
           arci_put_text(object, "interface_mac", live->interface_mac) &&
           arci_put_cidr(object, "actual_interface_ipv4", &live->actual_ipv4) &&
           arci_put_cidr(object, "actual_interface_ipv6", &live->actual_ipv6) &&
           json_object_set_new(object, "interface_dhcp", arci_service_lease_to_json(&live->lease)) == 0 &&
           arci_put_text(object, "state", arci_service_state_name(live->state)) &&
           arci_put_text(object, "state_reason", live->state_reason);
}

json_t *arci_service_to_json(const struct arci_service *service, const struct arci_service_live *live,
                             bool with_routes)
{
    static const struct arci_service_live nothing_seen = {.state = ARCI_SERVICE_PENDING};
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_text(object, "id", service->id.text) ||
        !arci_put_text(object, "source_peer_id", service->source_peer_id.text) ||
        !arci_put_text(object, "target_peer_id", service->target_peer_id.text) ||
        !arci_service_put_settings(object, service) ||
        !arci_put_integer(object, "bandwidth_limit_mbps", service->qos.bandwidth_limit_mbps) ||
        !put_live(object, live ? live : &nothing_seen) ||
        !arci_put_integer(object, "route_count", (int64_t)service->routes.count) ||
        !arci_put_time(object, "created_at", service->created_at) ||
        !arci_put_time(object, "updated_at", service->updated_at))
        return NULL;
    if (with_routes && json_object_set_new(object, "routes", arci_routes_to_json(&service->routes)) < 0)
        return NULL;
    return arci_steal(object);
}
