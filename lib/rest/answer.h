/* Reading the answers of the API on the client's side. */
#ifndef ARCI_REST_ANSWER_H
#define ARCI_REST_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

/*
 * Turns an answer of status 400 or more into its error: {"error", "code"[, "field"]} where the body is that,
 * else what the status alone tells. Returns the code.
 */
int arci_answer_error(int32_t status, const char *body, size_t length, struct arctic_error *error);

/*
 * Reads the answer of /v1/oauth/token. *ret_token is to be freed with arci_free_secret(); *ret_lifetime is in
 * seconds. Errors: ARCTIC_E_PROTOCOL, ARCTIC_E_NO_MEMORY.
 */
int arci_answer_token(const char *body, size_t length, char **ret_token, int64_t *ret_lifetime,
                      struct arctic_error *error);

#endif
