/* The recovery token. */
#include "agent/api/recovery.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/client-secret.h"
#include "crypto/secret-file.h"
#include "proxy/own-addresses.h"

#define TOKEN_SIZE 32

static void file_path(const struct arctic_agent *agent, char *path, size_t size)
{
    snprintf(path, size, "%s/recovery.token", agent->settings.run_dir);
}

/* Only the hash stays in memory. */
static int make_token(struct arctic_agent *agent, const char *path, struct arctic_error *error)
{
    uint8_t bytes[TOKEN_SIZE];
    char token[ARCI_BASE64_TEXT(TOKEN_SIZE)];
    char hash[sizeof agent->recovery.hash];
    int code = arci_random_bytes(bytes, sizeof bytes, error);
    if (code < 0)
        return code;
    arci_base64_encode(bytes, sizeof bytes, token);
    code = arci_client_secret_hash(token, hash, sizeof hash, error);
    if (code >= 0)
        code = arci_secret_file_write(path, token, strlen(token), error);
    arci_wipe(bytes, sizeof bytes);
    arci_wipe(token, sizeof token);
    if (code >= 0)
        memcpy(agent->recovery.hash, hash, sizeof hash);
    return code;
}

void arci_recovery_create(struct arctic_agent *agent)
{
    char path[512];
    struct arctic_error error;
    file_path(agent, path, sizeof path);
    if (make_token(agent, path, &error) < 0)
        arci_log_error(agent->log, "auth", "there is no recovery token: its file cannot be written",
                       ARCI_ERROR(&error));
}

/* A remote host cannot complete a TCP handshake from an address of this one: the answers would not leave it. */
static bool is_from_this_host(struct arctic_agent *agent, const struct arci_request *request)
{
    if (arci_request_is_loopback(request))
        return true;
    const struct arctic_address remote = arci_request_remote(request).address;
    const struct arci_host_addresses *host = arci_own_addresses(&agent->recovery.addresses);
    for (size_t i = 0; i < host->own.count; i++) {
        if (arctic_address_compare(&host->own.items[i], &remote) == 0)
            return true;
    }
    return false;
}

static void log_refusal(struct arctic_agent *agent, const struct arci_request *request,
                        const struct arctic_error *reason)
{
    struct arctic_endpoint remote = arci_request_remote(request);
    char text[ARCTIC_ENDPOINT_TEXT];
    char path[ARCI_PATH_LOG_SIZE];
    int64_t suppressed;
    /* Nobody guesses 256 bits, but anybody could fill the log with the tries. */
    if (!arci_log_allowed(&agent->recovery.refusal_log, arci_time_monotonic(), &suppressed))
        return;
    arci_log_warn(agent->log, "auth", "a recovery token was refused",
                  ARCI_TEXT("remote", arctic_endpoint_format(&remote, text)),
                  ARCI_TEXT("method", arci_request_method(request)),
                  ARCI_TEXT("path", arci_request_path_for_log(request, path)), ARCI_INT("more", suppressed),
                  ARCI_ERROR(reason));
}

static int judge(struct arctic_agent *agent, const struct arci_request *request, const char *token,
                 struct arctic_error *error)
{
    if (arci_request_is_carried(request))
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL,
                         "a recovery token counts at its own agent only: send the request to that one");
    /* Before the token is looked at: what came in the clear over a network tells nobody whether it was right. */
    if (!arci_request_is_tls(request) && !is_from_this_host(agent, request))
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL,
                         "a recovery token is taken from the agent's own host, or over https");
    if (!agent->recovery.hash[0])
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL,
                         "this agent has no recovery token: its log says why, and a restart makes one");
    if (!arci_client_secret_matches(token, agent->recovery.hash))
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL,
                         "the recovery token is wrong: each start of the agent writes a new one to "
                         "recovery.token in its RUN_DIR");
    return ARCTIC_OK;
}

int arci_recovery_check(struct arctic_agent *agent, const struct arci_request *request, const char *token,
                        struct arctic_error *error)
{
    struct arctic_error problem;
    struct arctic_endpoint remote = arci_request_remote(request);
    char text[ARCTIC_ENDPOINT_TEXT];
    char path[ARCI_PATH_LOG_SIZE];
    int code = judge(agent, request, token, &problem);
    if (code < 0) {
        log_refusal(agent, request, &problem);
        return arci_fail(error, code, NULL, "%s", problem.message);
    }
    /* One that is looked at again, when its body has come, is still the same request. */
    if (arci_request_principal(request))
        return ARCTIC_OK;
    arci_log_warn(agent->log, "auth", "request with the recovery token",
                  ARCI_TEXT("remote", arctic_endpoint_format(&remote, text)),
                  ARCI_TEXT("method", arci_request_method(request)),
                  ARCI_TEXT("path", arci_request_path_for_log(request, path)));
    return ARCTIC_OK;
}

void arci_recovery_remove(struct arctic_agent *agent)
{
    char path[512];
    if (agent->recovery.hash[0]) {
        file_path(agent, path, sizeof path);
        unlink(path);
    }
    agent->recovery.hash[0] = '\0';
    arci_own_addresses_release(&agent->recovery.addresses);
}
