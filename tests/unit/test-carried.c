/* Messages that carry requests and answers between peers: what is written can be read, and nothing else. */
#include "unit.h"

#include <string.h>

#include "cluster/carried.h"

static json_t *parse(const char *text)
{
    struct arctic_error error;
    json_t *message = NULL;
    assert_ok(arci_json_parse(text, strlen(text), &message, &error), error);
    return message;
}

static void test_a_request_there_and_back(void **state)
{
    (void)state;
    const struct arci_carried_request request = {.id = 7,
                                                 .method = "PUT",
                                                 .target = "/v1/services/x?a=%20b",
                                                 .authorization = "Bearer abc.def",
                                                 .body = "{\"name\":\"\xc3\xa9\\\"\"}",
                                                 .body_length = 14};
    struct arci_carried_request back;
    struct arctic_error error;
    json_t *made = NULL;
    assert_ok(arci_carried_request_to_json(&request, &made, &error), error);
    ARCI_JSON *message = made;
    assert_ok(arci_carried_request_from_json(message, &back, &error), error);
    assert_int_equal(back.id, 7);
    assert_string_equal(back.method, "PUT");
    assert_string_equal(back.target, request.target);
    assert_string_equal(back.authorization, request.authorization);
    assert_int_equal(back.body_length, request.body_length);
    assert_memory_equal(back.body, request.body, request.body_length);
}

static void test_an_answer_there_and_back(void **state)
{
    (void)state;
    const struct arci_carried_response response = {
        .id = 1, .status = 422, .content_type = "application/json", .body = "{}\n", .body_length = 3};
    struct arci_carried_response back;
    struct arctic_error error;
    json_t *made = NULL;
    assert_ok(arci_carried_response_to_json(&response, &made, &error), error);
    ARCI_JSON *message = made;
    assert_ok(arci_carried_response_from_json(message, &back, &error), error);
    assert_int_equal(back.status, 422);
    assert_string_equal(back.content_type, "application/json");
    assert_int_equal(back.body_length, 3);
    assert_memory_equal(back.body, "{}\n", 3);
}

static void test_what_has_no_body_has_none(void **state)
{
    (void)state;
    struct arci_carried_response back;
    struct arctic_error error;
    json_t *made = NULL;
    const struct arci_carried_response response = {.id = 2, .status = 204};
    assert_ok(arci_carried_response_to_json(&response, &made, &error), error);
    ARCI_JSON *message = made;
    assert_ok(arci_carried_response_from_json(message, &back, &error), error);
    assert_null(back.content_type);
    assert_null(back.body);
    assert_int_equal(back.body_length, 0);
}

static void test_a_body_that_is_no_text(void **state)
{
    (void)state;
    json_t *made = NULL;
    const struct arci_carried_request request = {
        .id = 1, .method = "POST", .target = "/", .body = "\xff", .body_length = 1};
    assert_int_equal(arci_carried_request_to_json(&request, &made, NULL), ARCTIC_E_INVALID_REQUEST);
    assert_null(made);
}

static void assert_bad_request(const char *text, int64_t id)
{
    struct arci_carried_request request;
    struct arctic_error error = {0};
    ARCI_JSON *message = parse(text);
    assert_int_equal(arci_carried_request_from_json(message, &request, &error), ARCTIC_E_PROTOCOL);
    assert_true(error.message[0]);
    assert_int_equal(request.id, id);
}

static void test_bad_requests(void **state)
{
    (void)state;
    assert_bad_request("{}", 0);
    assert_bad_request("{\"id\":0,\"method\":\"GET\",\"target\":\"/\"}", 0);
    assert_bad_request("{\"id\":-1,\"method\":\"GET\",\"target\":\"/\"}", 0);
    assert_bad_request("{\"id\":9007199254740993,\"method\":\"GET\",\"target\":\"/\"}", 0);
    assert_bad_request("{\"id\":\"1\",\"method\":\"GET\",\"target\":\"/\"}", 0);
    assert_bad_request("{\"id\":1,\"target\":\"/\"}", 1);
    assert_bad_request("{\"id\":1,\"method\":\"GET\"}", 1);
    assert_bad_request("{\"id\":1,\"method\":\"ABCDEFGHIJKLMNOP\",\"target\":\"/\"}", 1);
    assert_bad_request("{\"id\":1,\"method\":\"GET\",\"target\":\"/\\r\\nX: y\"}", 1);
    assert_bad_request("{\"id\":1,\"method\":\"GET\",\"target\":\"/\",\"authorization\":\"a\\nb\"}", 1);
    assert_bad_request("{\"id\":1,\"method\":\"GET\",\"target\":\"/\",\"authorization\":7}", 1);
    assert_bad_request("{\"id\":1,\"method\":\"GET\",\"target\":\"/\",\"body\":{}}", 1);
}

static void test_a_target_has_a_limit(void **state)
{
    (void)state;
    struct arci_carried_request request;
    char target[ARCI_CARRIED_TARGET_MAX + 2] = "/";
    memset(target + 1, 'a', ARCI_CARRIED_TARGET_MAX);
    ARCI_JSON *long_one = json_pack("{s:i, s:s, s:s}", "id", 1, "method", "GET", "target", target);
    assert_int_equal(arci_carried_request_from_json(long_one, &request, NULL), ARCTIC_E_PROTOCOL);
    target[ARCI_CARRIED_TARGET_MAX] = '\0';
    ARCI_JSON *longest = json_pack("{s:i, s:s, s:s}", "id", 1, "method", "GET", "target", target);
    assert_int_equal(arci_carried_request_from_json(longest, &request, NULL), ARCTIC_OK);
}

static void test_bad_answers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"id\":1}",
        "{\"id\":1,\"status\":101}",
        "{\"id\":1,\"status\":600}",
        "{\"id\":1,\"status\":\"200\"}",
        "{\"id\":1,\"status\":200,\"content_type\":\"text/plain\\r\\nSet-Cookie: a=b\"}",
        "{\"id\":1,\"status\":200,\"body\":[]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arci_carried_response response;
        struct arctic_error error = {0};
        ARCI_JSON *message = parse(texts[i]);
        assert_int_equal(arci_carried_response_from_json(message, &response, &error), ARCTIC_E_PROTOCOL);
        assert_true(error.message[0]);
        assert_int_equal(response.id, 1);
    }
}

static void test_the_size_of_a_body(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "plain", "\"quoted\" \\ \n\t\x01", "\xc3\xa9\xe2\x82\xac/\x7f"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        ARCI_JSON *string = json_string(bodies[i]);
        ARCI_FREE char *text = arci_json_canonical(string);
        assert_true(arci_carried_body_size(bodies[i], strlen(bodies[i])) >= strlen(text));
        assert_true(arci_carried_body_size(bodies[i], strlen(bodies[i])) <= 6 * strlen(bodies[i]) + 2);
    }
    /* What the API answers is counted to the byte but for its newline. */
    assert_int_equal(arci_carried_body_size("{\"a\":1}", 7), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_there_and_back),
        cmocka_unit_test(test_an_answer_there_and_back),
        cmocka_unit_test(test_what_has_no_body_has_none),
        cmocka_unit_test(test_a_body_that_is_no_text),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_a_target_has_a_limit),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_the_size_of_a_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
