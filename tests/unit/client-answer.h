/* What tests of the client expect of a request that succeeds. */
#ifndef ARCI_TESTS_CLIENT_ANSWER_H
#define ARCI_TESTS_CLIENT_ANSWER_H

#include <arctic/client.h>

#include "tests/unit/rest-raw.h"

/* The request is answered with a status, and `part` is in the answer. */
static void assert_gets(struct arctic_client *client, const char *method, const char *path, const char *body,
                        int status, const char *part)
{
    struct arctic_error error = {0};
    char *answer = NULL;
    int32_t got = 0;
    assert_ok(arctic_client_request(client, method, path, body, &got, &answer, &error), error);
    assert_int_equal(got, status);
    assert_contains(answer, part);
    arctic_client_free_text(answer);
}

#endif
