/* The parts of the REST library that stand without a network, with each allocation failing in turn. */
#include "tests/unit/unit.h"

#include <string.h>

#include <arctic/client.h>

#include "base/secret.h"
#include "rest/answer.h"
#include "rest/target.h"
#include "tests/unit/alloc-failure.h"

static bool parse_target(void *context)
{
    (void)context;
    struct arci_target target;
    int code = arci_target_parse("/v1/services/a%20b?x=1", &target, NULL);
    arci_target_release(&target);
    return code == ARCTIC_OK;
}

static bool read_token(void *context)
{
    (void)context;
    static const char body[] = "{\"access_token\":\"a\",\"expires_in\":10}";
    char *token = NULL;
    int64_t lifetime = 0;
    int code = arci_answer_token(body, strlen(body), &token, &lifetime, NULL);
    arci_free_secret(token);
    return code == ARCTIC_OK;
}

static bool escape(void *context)
{
    (void)context;
    char *text = arctic_client_escape("a b");
    arctic_client_free_text(text);
    return text != NULL;
}

static bool make_client(void *context)
{
    (void)context;
    struct arctic_client *client = NULL;
    const char *const endpoints[] = {"http://a", "https://b:1", NULL};
    struct arctic_client_options options = {.size = sizeof options,
                                            .endpoints = endpoints,
                                            .client_id = "cli_x",
                                            .client_secret = "sec_y",
                                            .token = "t",
                                            .user_agent = "u"};
    int code = arctic_client_create(&options, &client, NULL);
    arctic_client_free(client);
    return code == ARCTIC_OK;
}

static void test_nothing_leaks_or_succeeds_by_half(void **state)
{
    (void)state;
    alloc_failure_try_all(parse_target, NULL);
    alloc_failure_try_all(read_token, NULL);
    alloc_failure_try_all(escape, NULL);
    alloc_failure_try_all(make_client, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_leaks_or_succeeds_by_half)};
    return cmocka_run_group_tests_name("rest memory", tests, NULL, NULL);
}
