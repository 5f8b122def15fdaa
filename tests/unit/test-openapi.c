/* The OpenAPI document is made from the table of endpoints: a row without its schemas is found here and not by a user. */
#include "tests/unit/unit.h"

#include "agent/api/api.h"
#include "agent/api/openapi.h"

static void test_every_row_of_the_table_has_its_schemas(void **state)
{
    struct arctic_error error;
    json_t *document = NULL;
    (void)state;
    assert_ok(arci_openapi_make(arci_api_endpoints, &document, &error), error);
    const json_t *paths = json_object_get(document, "paths");
    for (const struct arci_http_endpoint *row = arci_api_endpoints; row->method; row++)
        assert_non_null(json_object_get(paths, row->path));
    json_decref(document);
}

static void handler(void *context, struct arci_request *request)
{
    (void)context;
    (void)request;
}

static void test_a_row_that_lacks_something_is_named(void **state)
{
    const struct arci_http_endpoint rows[] = {
        {.method = "POST", .path = "/x", .flags = ARCI_HTTP_JSON, .response = "Health"},
        {.method = "GET", .path = "/x", .request = "NoMembers", .response = "Health"},
        {.method = "GET", .path = "/x"},
        {.method = "DELETE", .path = "/x", .status = 204, .response = "Health"},
        {.method = "GET", .path = "/x", .response = "NoSuchSchema"},
        {.method = "GET", .path = "/x", .response = "Health", .query = "is_local,no_such_parameter"},
        {.method = "GET", .path = "/x/{no_such_parameter}", .response = "Health"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arci_http_endpoint table[] = {rows[i], {.method = NULL}};
        struct arctic_error error;
        json_t *document = NULL;
        table[0].handler = handler;
        table[0].summary = "x";
        assert_int_equal(arci_openapi_make(table, &document, &error), ARCTIC_E_INTERNAL);
        assert_non_null(strstr(error.message, rows[i].path));
        assert_null(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_of_the_table_has_its_schemas),
        cmocka_unit_test(test_a_row_that_lacks_something_is_named),
    };
    return cmocka_run_group_tests_name("openapi", tests, NULL, NULL);
}
