/* Routes: what a request may say, what it is told when it may not, and the list a service keeps. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/json.h"
#include "model/route.h"
#include "tests/unit/alloc-failure.h"

static json_t *parse(const char *text)
{
    struct arctic_error error;
    json_t *object = NULL;
    assert_ok(arci_json_parse(text, strlen(text), &object, &error), error);
    return object;
}

static void assert_text(json_t *object, const char *wanted)
{
    char *text = arci_json_canonical(object);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(object);
}

static void assert_refused(const char *text, int code, const char *field, const char *message)
{
    struct arctic_error error = {0};
    struct arci_route route = {.id = 77};
    ARCI_JSON *object = parse(text);
    assert_int_equal(arci_route_from_json(object, &route, &error), code);
    assert_int_equal(error.code, code);
    assert_string_equal(error.field, field);
    if (message)
        assert_string_equal(error.message, message);
    assert_int_equal(route.id, 77);
}

static void test_requests_that_are_right(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"{\"source_cidr\":\"10.0.0.0/8\",\"dest_cidr\":\"192.168.100.0/24\",\"priority\":100}",
         "{\"dest_cidr\":\"192.168.100.0/24\",\"id\":0,\"priority\":100,\"source_cidr\":\"10.0.0.0/8\"}"},
        {"{\"dest_cidr\":\"::/0\",\"priority\":2147483647}",
         "{\"dest_cidr\":\"::/0\",\"id\":0,\"priority\":2147483647,\"source_cidr\":null}"},
        {"{\"source_cidr\":\"0.0.0.0/0\",\"dest_cidr\":null,\"priority\":1}",
         "{\"dest_cidr\":null,\"id\":0,\"priority\":1,\"source_cidr\":\"0.0.0.0/0\"}"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arci_route route;
        struct arctic_error error;
        ARCI_JSON *object = parse(texts[i][0]);
        assert_ok(arci_route_from_json(object, &route, &error), error);
        assert_text(arci_route_to_json(&route), texts[i][1]);
    }
}

static void test_requests_that_are_wrong(void **state)
{
    (void)state;
    assert_refused("{\"source_cidr\":\"10.1.2.3/8\",\"priority\":1}", ARCTIC_E_INVALID_CIDR, "source_cidr",
                   "10.1.2.3/8: host bits set, did you mean 10.0.0.0/8?");
    assert_refused("{\"dest_cidr\":\"10.0.0.0\",\"priority\":1}", ARCTIC_E_INVALID_CIDR, "dest_cidr",
                   "10.0.0.0: no prefix length, use slash notation such as 10.0.0.0/32 for this one address");
    assert_refused("{\"dest_cidr\":\"\",\"priority\":1}", ARCTIC_E_INVALID_CIDR, "dest_cidr", NULL);
    assert_refused("{\"dest_cidr\":5,\"priority\":1}", ARCTIC_E_INVALID_REQUEST, "dest_cidr",
                   "'dest_cidr' must be a string, not an integer");
    assert_refused("{\"source_cidr\":\"10.0.0.0/8\",\"dest_cidr\":\"::/0\",\"priority\":1}",
                   ARCTIC_E_INVALID_CIDR, "dest_cidr",
                   "source_cidr 10.0.0.0/8 and dest_cidr ::/0 must be of one family, IPv4 or IPv6");
    assert_refused("{\"priority\":1}", ARCTIC_E_MISSING_FIELD, "dest_cidr", NULL);
    assert_refused("{\"source_cidr\":null,\"priority\":1}", ARCTIC_E_MISSING_FIELD, "dest_cidr", NULL);
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\"}", ARCTIC_E_MISSING_FIELD, "priority",
                   "'priority' is required");
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":0}", ARCTIC_E_INVALID_PRIORITY, "priority",
                   "priority must be between 1 and 2147483647, not 0");
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":2147483648}", ARCTIC_E_INVALID_PRIORITY,
                   "priority", NULL);
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":4294967297}", ARCTIC_E_INVALID_PRIORITY,
                   "priority", "priority must be between 1 and 2147483647, not 4294967297");
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":-9223372036854775808}",
                   ARCTIC_E_INVALID_PRIORITY, "priority", NULL);
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":\"1\"}", ARCTIC_E_INVALID_REQUEST, "priority",
                   NULL);
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":1.0}", ARCTIC_E_INVALID_REQUEST, "priority",
                   NULL);
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":null}", ARCTIC_E_INVALID_REQUEST, "priority",
                   NULL);
    assert_refused("{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":1,\"id\":5}", ARCTIC_E_INVALID_REQUEST, "id",
                   "unknown member 'id'");
}

static void test_updates(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int code;
        const char *field;
        const char *after;
    } cases[] = {
        {"{}", ARCTIC_OK, "",
         "{\"dest_cidr\":\"192.168.0.0/16\",\"id\":3,\"priority\":100,\"source_cidr\":\"10.0.0.0/8\"}"},
        {"{\"priority\":50}", ARCTIC_OK, "",
         "{\"dest_cidr\":\"192.168.0.0/16\",\"id\":3,\"priority\":50,\"source_cidr\":\"10.0.0.0/8\"}"},
        {"{\"source_cidr\":null}", ARCTIC_OK, "",
         "{\"dest_cidr\":\"192.168.0.0/16\",\"id\":3,\"priority\":100,\"source_cidr\":null}"},
        {"{\"dest_cidr\":null,\"source_cidr\":\"::/0\"}", ARCTIC_OK, "",
         "{\"dest_cidr\":null,\"id\":3,\"priority\":100,\"source_cidr\":\"::/0\"}"},
        {"{\"dest_cidr\":null,\"source_cidr\":null}", ARCTIC_E_MISSING_FIELD, "dest_cidr", NULL},
        {"{\"source_cidr\":\"::/0\"}", ARCTIC_E_INVALID_CIDR, "dest_cidr", NULL},
        {"{\"priority\":50,\"dest_cidr\":\"10.1.2.3/8\"}", ARCTIC_E_INVALID_CIDR, "dest_cidr", NULL},
        {"{\"priority\":0}", ARCTIC_E_INVALID_PRIORITY, "priority", NULL},
        {"{\"priority\":null}", ARCTIC_E_INVALID_REQUEST, "priority", NULL},
        {"{\"cidr\":null}", ARCTIC_E_INVALID_REQUEST, "cidr", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arctic_error error = {0};
        struct arci_route route = {.id = 3, .priority = 100};
        assert_int_equal(arctic_cidr_parse("10.0.0.0/8", &route.source, NULL), ARCTIC_OK);
        assert_int_equal(arctic_cidr_parse("192.168.0.0/16", &route.destination, NULL), ARCTIC_OK);
        ARCI_JSON *object = parse(cases[i].body);
        assert_int_equal(arci_route_update_from_json(object, &route, &error), cases[i].code);
        assert_string_equal(error.field, cases[i].field);
        assert_text(arci_route_to_json(&route), cases[i].after ? cases[i].after : cases[0].after);
    }
}

static int read_body(const char *text, struct arci_routes *routes, struct arctic_error *error)
{
    ARCI_JSON *object = parse(text);
    return arci_routes_from_json(object, 7, routes, error);
}

static void test_bodies_of_several_routes(void **state)
{
    (void)state;
    struct arci_routes routes = {0};
    struct arctic_error error;
    assert_ok(read_body("{\"routes\":[{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":1},{\"dest_cidr\":\"::/"
                        "0\",\"priority\":2}]}",
                        &routes, &error),
              error);
    assert_int_equal(routes.count, 2);
    assert_int_equal(routes.items[0].id, 7);
    assert_int_equal(routes.items[1].id, 8);
    arci_routes_release(&routes);
    /* One wrong route refuses all, and is named. */
    assert_int_equal(read_body("{\"routes\":[{\"dest_cidr\":\"10.0.0.0/"
                               "8\",\"priority\":1},{\"dest_cidr\":\"::/0\",\"priority\":0}]}",
                               &routes, &error),
                     ARCTIC_E_INVALID_PRIORITY);
    assert_string_equal(error.field, "priority");
    assert_string_equal(error.message, "routes[1]: priority must be between 1 and 2147483647, not 0");
    assert_int_equal(
        read_body("{\"routes\":[{\"dest_cidr\":\"10.1.2.3/8\",\"priority\":1}]}", &routes, &error),
        ARCTIC_E_INVALID_CIDR);
    assert_string_equal(error.message, "10.1.2.3/8: host bits set, did you mean 10.0.0.0/8?");
    assert_int_equal(read_body("{\"routes\":[]}", &routes, &error), ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(read_body("{\"routes\":{}}", &routes, &error), ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(read_body("{\"routes\":[5]}", &routes, &error), ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(read_body("{}", &routes, &error), ARCTIC_E_MISSING_FIELD);
    assert_string_equal(error.field, "routes");
    assert_int_equal(read_body("{\"routes\":[],\"more\":1}", &routes, &error), ARCTIC_E_INVALID_REQUEST);
    assert_string_equal(error.field, "more");
    assert_int_equal(routes.count, 0);
}

static void test_list(void **state)
{
    (void)state;
    struct arci_routes routes = {0};
    struct arci_routes copy;
    struct arctic_error error;
    for (uint64_t id = 2; id <= 60; id += 2)
        assert_ok(
            arci_routes_append(&routes, &(struct arci_route){.id = id, .priority = (int32_t)id}, &error),
            error);
    assert_ok(arci_routes_copy(&routes, &copy, &error), error);
    for (uint64_t id = 0; id <= 61; id++) {
        const struct arci_route *found = arci_routes_find(&routes, id);
        bool there = id >= 2 && id <= 60 && id % 2 == 0;
        assert_int_equal(found != NULL, there);
        if (found)
            assert_int_equal(found->priority, id);
    }
    assert_int_equal(arci_routes_remove(&routes, 3, &error), ARCTIC_E_NOT_FOUND);
    for (uint64_t id = 60; id >= 2; id -= 4)
        assert_ok(arci_routes_remove(&routes, id, &error), error);
    assert_int_equal(routes.count, 15);
    assert_non_null(arci_routes_find(&routes, 58));
    assert_null(arci_routes_find(&routes, 60));
    assert_int_equal(copy.count, 30);
    arci_routes_release(&routes);
    arci_routes_release(&copy);
}

static void test_list_has_a_limit(void **state)
{
    (void)state;
    struct arci_routes routes = {0};
    struct arctic_error error;
    for (uint64_t id = 1; id <= ARCI_ROUTES_MAX; id++)
        assert_ok(arci_routes_append(&routes, &(struct arci_route){.id = id}, &error), error);
    assert_int_equal(arci_routes_append(&routes, &(struct arci_route){.id = ARCI_ROUTES_MAX + 1}, &error),
                     ARCTIC_E_LIMIT);
    assert_int_equal(routes.count, ARCI_ROUTES_MAX);
    arci_routes_release(&routes);
}

static int read_record(const char *text, struct arci_routes *routes)
{
    ARCI_JSON *object = parse(text);
    return arci_routes_from_record(json_object_get(object, "routes"), routes, NULL);
}

/* A record comes from another peer: whatever it says, the list stays in order. */
static void test_records(void **state)
{
    (void)state;
    struct arci_routes routes = {0};
    assert_int_equal(
        read_record("{\"routes\":[{\"id\":2,\"dest_cidr\":\"::/0\",\"priority\":1,\"newer\":true},"
                    "{\"id\":5,\"dest_cidr\":\"::/0\",\"priority\":1}]}",
                    &routes),
        ARCTIC_OK);
    assert_int_equal(routes.items[1].id, 5);
    arci_routes_release(&routes);
    static const char *const wrong[] = {
        "{\"routes\":[{\"id\":2,\"dest_cidr\":\"::/0\",\"priority\":1},{\"id\":2,\"dest_cidr\":\"::/"
        "0\",\"priority\":1}]}",
        "{\"routes\":[{\"id\":0,\"dest_cidr\":\"::/0\",\"priority\":1}]}",
        "{\"routes\":[{\"id\":9223372036854775807,\"dest_cidr\":\"::/0\",\"priority\":1}]}",
        "{\"routes\":[{\"id\":9223372036854775806,\"dest_cidr\":\"::/"
        "0\",\"priority\":1},{\"id\":1,\"dest_cidr\":\"::/0\",\"priority\":1}]}",
        "{\"routes\":[{\"dest_cidr\":\"::/0\",\"priority\":1}]}",
        "{\"routes\":[{\"id\":1,\"dest_cidr\":\"::1/0\",\"priority\":1}]}",
        "{\"routes\":[{\"id\":1,\"dest_cidr\":\"::/0\",\"priority\":0}]}",
        "{\"routes\":[[]]}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_true(read_record(wrong[i], &routes) < 0);
}

static bool body_attempt(void *body)
{
    struct arci_routes routes;
    if (arci_routes_from_json(body, 1, &routes, NULL) < 0)
        return false;
    json_t *array = arci_routes_to_json(&routes);
    arci_routes_release(&routes);
    bool written = array != NULL;
    json_decref(array);
    return written;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    ARCI_JSON *body = parse("{\"routes\":[{\"dest_cidr\":\"10.0.0.0/8\",\"priority\":1},{\"dest_cidr\":\"::/"
                            "0\",\"priority\":2}]}");
    alloc_failure_try_all(body_attempt, body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_that_are_right),
        cmocka_unit_test(test_requests_that_are_wrong),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_bodies_of_several_routes),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_has_a_limit),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
