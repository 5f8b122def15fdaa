/* Request targets: splitting, percent-decoding, query pairs, and the choice of an endpoint. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rest/routing.h"
#include "rest/target.h"

static void never_called(void *context, struct arci_request *request)
{
    (void)context;
    (void)request;
    abort();
}

static const struct arci_http_endpoint table[] = {
    {.method = "GET", .path = "/livez", .handler = never_called, .summary = ""},
    {.method = "GET", .path = "/v1/peers/{id}", .handler = never_called, .summary = ""},
    {.method = "DELETE", .path = "/v1/peers/self", .handler = never_called, .summary = ""},
    {.method = "DELETE", .path = "/v1/peers/{id}", .handler = never_called, .summary = ""},
    {.method = "PUT", .path = "/v1/services/{id}/routes/{route_id}", .handler = never_called, .summary = ""},
    {.method = NULL},
};

static void check_text(const char *text)
{
    for (const char *byte = text; *byte; byte++)
        assert((unsigned char)*byte >= 0x20 && *byte != 0x7f);
}

static void check_target(const struct arci_target *target)
{
    assert(target->segment_count >= 1 && target->segment_count <= ARCI_TARGET_SEGMENTS);
    for (size_t i = 0; i < target->segment_count; i++)
        check_text(target->segments[i]);
    assert(target->query.count <= ARCI_PAIRS_MAX);
    for (size_t i = 0; i < target->query.count; i++) {
        check_text(target->query.items[i].name);
        check_text(target->query.items[i].value);
        assert(arci_pairs_get(&target->query, target->query.items[i].name) == target->query.items[i].value);
    }
}

static void check_routing(const struct arci_target *target)
{
    static const char *const methods[] = {"GET", "HEAD", "DELETE", "PUT", "FROBNICATE"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        const struct arci_http_endpoint *endpoint = NULL;
        char allow[ARCI_ALLOW_SIZE];
        struct arctic_error error = {0};
        int code = arci_routing_find(table, methods[i], target, &endpoint, allow, &error);
        assert((code == ARCTIC_OK) == (endpoint != NULL));
        assert((code == ARCTIC_E_NOT_FOUND) == !allow[0]);
        const char *id = endpoint ? arci_routing_parameter(endpoint, target, "id") : NULL;
        assert(!id || *id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    struct arci_target target;
    struct arctic_error error = {0};
    int code = arci_target_parse(text, &target, &error);
    assert(code == ARCTIC_OK || error.message[0]);
    if (code == ARCTIC_OK) {
        check_target(&target);
        check_routing(&target);
    }
    arci_target_release(&target);
    free(text);
    return 0;
}
