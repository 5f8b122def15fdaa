/* Requests and records of services, routes, peers and credentials: what is read can be written, and then reads as the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/credential.h"
#include "model/peer.h"
#include "model/service.h"
#include "tests/fuzz/fuzz.h"

static void require_same(const json_t *a, const json_t *b)
{
    assert(a && b && json_equal((json_t *)a, (json_t *)b));
}

/* A refusal can be sent: its text is valid UTF-8. */
static void require_error(const struct arctic_error *error)
{
    ARCI_JSON *text = json_string(error->message);
    ARCI_JSON *field = json_string(error->field);
    assert(text && field && error->message[0]);
}

static void try_service_record(const json_t *object)
{
    struct arci_service service;
    struct arci_service back;
    struct arctic_error error;
    if (arci_service_from_record(object, &service, &error) < 0) {
        require_error(&error);
        return;
    }
    ARCI_JSON *record = arci_service_to_record(&service);
    assert(arci_service_from_record(record, &back, NULL) == ARCTIC_OK);
    ARCI_JSON *again = arci_service_to_record(&back);
    require_same(record, again);
    ARCI_JSON *shown = arci_service_to_json(&service, NULL, true);
    assert(shown != NULL);
    assert(arci_service_validate(&service, NULL) == ARCTIC_OK);
    arci_service_release(&service);
    arci_service_release(&back);
}

static void try_service_requests(const json_t *object)
{
    struct arci_service service = {0};
    struct arctic_error error;
    if (arci_service_from_json(object, &service, &error) < 0)
        require_error(&error);
    if (arci_service_update_from_json(object, &service, &error) < 0)
        require_error(&error);
}

static void try_routes(const json_t *object)
{
    struct arci_route route = {0};
    struct arci_routes routes;
    struct arctic_error error;
    if (arci_route_from_json(object, &route, &error) < 0)
        require_error(&error);
    else
        assert(arci_route_validate(&route, NULL) == ARCTIC_OK);
    if (arci_route_update_from_json(object, &route, &error) == ARCTIC_OK)
        assert(arci_route_validate(&route, NULL) == ARCTIC_OK);
    if (arci_routes_from_json(object, 1, &routes, &error) < 0) {
        require_error(&error);
        return;
    }
    struct arci_routes back;
    ARCI_JSON *array = arci_routes_to_json(&routes);
    assert(arci_routes_from_record(array, &back, NULL) == ARCTIC_OK && back.count == routes.count);
    arci_routes_release(&routes);
    arci_routes_release(&back);
}

static void try_peers(const json_t *object)
{
    struct arci_peer peer = {0};
    struct arci_peer back;
    struct arci_peer_live live;
    struct arci_peer_request request;
    struct arctic_error error;
    if (arci_peer_request_from_json(object, &request, &error) < 0)
        require_error(&error);
    if (arci_peer_live_from_record(object, &live, &error) == ARCTIC_OK) {
        ARCI_JSON *record = arci_peer_live_to_record(&live);
        assert(arci_peer_live_from_record(record, &live, NULL) == ARCTIC_OK);
    }
    if (arci_peer_from_record(object, &peer, &error) < 0) {
        require_error(&error);
    } else {
        ARCI_JSON *record = arci_peer_to_record(&peer);
        assert(arci_peer_from_record(record, &back, NULL) == ARCTIC_OK);
        ARCI_JSON *again = arci_peer_to_record(&back);
        require_same(record, again);
    }
    if (arci_peer_update_from_json(object, &peer, &error) < 0)
        require_error(&error);
}

static void try_credentials(const json_t *object)
{
    struct arci_credential credential;
    struct arci_credential back;
    struct arctic_error error;
    if (arci_credential_from_json(object, &credential, &error) < 0)
        require_error(&error);
    else
        assert(credential.scopes && !(credential.scopes & ~ARCI_SCOPES_ALL) && !credential.bootstrap);
    if (arci_credential_from_record(object, &credential, &error) < 0) {
        require_error(&error);
        return;
    }
    ARCI_JSON *shown = arci_credential_to_json(&credential);
    assert(shown && !json_object_get(shown, "secret_hash") && !json_object_get(shown, "former_secrets"));
    ARCI_JSON *record = arci_credential_to_record(&credential);
    assert(arci_credential_from_record(record, &back, NULL) == ARCTIC_OK);
    ARCI_JSON *again = arci_credential_to_record(&back);
    require_same(record, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARCI_JSON *object = NULL;
    struct arctic_error error;
    if (arci_json_parse(data, size, &object, &error) < 0) {
        require_error(&error);
        return 0;
    }
    try_service_record(object);
    try_service_requests(object);
    try_routes(object);
    try_peers(object);
    try_credentials(object);
    return 0;
}
