/* Whose the things are that requests are about: the `owner` functions of the table of endpoints. */
#include "agent/api/api.h"
#include "agent/api/credentials.h"

static void owner_of(const struct arctic_agent *agent, enum arci_record_kind kind, const char *text,
                     int32_t id_kind, struct arctic_id *ret_owner)
{
    struct arctic_id id;
    if (arctic_id_parse(id_kind, text, &id, NULL) < 0)
        return;
    const struct arci_entry *entry = arci_registry_find(agent->registry, kind, &id);
    if (entry)
        *ret_owner = entry->record.owner;
}

void arci_api_owner_of_service(void *context, const struct arci_request *request, struct arctic_id *ret_owner)
{
    owner_of(context, ARCI_RECORD_SERVICE, arci_request_parameter(request, "id"), ARCTIC_ID_SERVICE,
             ret_owner);
}

void arci_api_owner_of_new_service(void *context, const struct arci_request *request,
                                   struct arctic_id *ret_owner)
{
    const struct arctic_agent *agent = context;
    const char *text = json_string_value(json_object_get(arci_request_json(request), "source_peer_id"));
    struct arctic_id id;
    /* The handler has the words for a peer that does not exist. */
    if (text && arctic_id_parse(ARCTIC_ID_PEER, text, &id, NULL) >= 0 &&
        arci_registry_find(agent->registry, ARCI_RECORD_PEER, &id))
        *ret_owner = id;
}

void arci_api_owner_of_peer(void *context, const struct arci_request *request, struct arctic_id *ret_owner)
{
    owner_of(context, ARCI_RECORD_PEER, arci_request_parameter(request, "id"), ARCTIC_ID_PEER, ret_owner);
}

void arci_api_owner_of_credential(void *context, const struct arci_request *request,
                                  struct arctic_id *ret_owner)
{
    owner_of(context, ARCI_RECORD_CREDENTIAL, arci_request_parameter(request, "client_id"), ARCTIC_ID_CLIENT,
             ret_owner);
}

void arci_api_owner_of_cluster_credential(void *context, const struct arci_request *request,
                                          struct arctic_id *ret_owner)
{
    const struct arci_entry *entry;
    (void)request;
    if (arci_credentials_find_shared(context, &entry, NULL) >= 0)
        *ret_owner = entry->record.owner;
}
