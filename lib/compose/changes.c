/*
 * Both services are written by the model in the API's form, and compared member by member: a table says what a member is called in a
 * compose file.
 */
#include "compose/changes.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "model/service-read.h"

struct setting {
    const char *field;  /* in a compose file */
    const char *member; /* in the API */
    bool in_qos;
};

static const struct setting settings[] = {
    {"transport_type", "transport_type", false},
    {"fully_transparent", "fully_transparent", false},
    {"interface.enabled", "requires_interface", false},
    {"interface.ipv4", "desired_interface_ipv4", false},
    {"interface.ipv6", "desired_interface_ipv6", false},
    {"when_unreachable", "when_unreachable", false},
    {"qos.bandwidth_limit_mbps", "bandwidth_limit_mbps", true},
    {"qos.rtt_ms", "rtt_ms", true},
    {"qos.memory_limit_kb", "memory_limit_kb", true},
};

bool arci_changes_add(json_t *changes, const char *field, json_t *old_value, json_t *new_value)
{
    json_t *change = json_pack("{s:s, s:o, s:o}", "field", field, "old", old_value, "new", new_value);
    return json_array_append_new(changes, change) == 0;
}

static const json_t *value_of(const json_t *service, const struct setting *setting)
{
    const json_t *object = setting->in_qos ? json_object_get(service, "qos") : service;
    return json_object_get(object, setting->member);
}

static bool put(json_t *body, const struct setting *setting, const json_t *value)
{
    if (!setting->in_qos)
        return json_object_set(body, setting->member, (json_t *)value) == 0;
    if (!json_object_get(body, "qos") && json_object_set_new(body, "qos", json_object()) < 0)
        return false;
    return json_object_set(json_object_get(body, "qos"), setting->member, (json_t *)value) == 0;
}

int arci_changes_find(const struct arci_service *live, const struct arci_service *wanted,
                      json_t **ret_changes, json_t **ret_body, struct arctic_error *error)
{
    ARCI_JSON *old_service = json_object();
    ARCI_JSON *new_service = json_object();
    ARCI_JSON *changes = json_array();
    ARCI_JSON *body = json_object();
    bool good = old_service && new_service && changes && body &&
                arci_service_put_settings(old_service, live) &&
                arci_service_put_settings(new_service, wanted);
    for (size_t i = 0; good && i < sizeof settings / sizeof settings[0]; i++) {
        const json_t *old_value = value_of(old_service, &settings[i]);
        const json_t *new_value = value_of(new_service, &settings[i]);
        if (json_equal(old_value, new_value))
            continue;
        good = put(body, &settings[i], new_value) &&
               arci_changes_add(changes, settings[i].field, json_incref((json_t *)old_value),
                                json_incref((json_t *)new_value));
    }
    if (!good)
        return arci_fail_memory(error);
    *ret_changes = arci_steal(changes);
    *ret_body = arci_steal(body);
    return ARCTIC_OK;
}

json_t *arci_changes_new_service(const struct arci_service *wanted, const struct arctic_id *source,
                                 const struct arctic_id *target)
{
    ARCI_JSON *body = json_object();
    if (!body || !arci_service_put_settings(body, wanted) ||
        json_object_set_new(body, "source_peer_id", json_string(source->text)) < 0 ||
        json_object_set_new(body, "target_peer_id", json_string(target->text)) < 0)
        return NULL;
    return arci_steal(body);
}
