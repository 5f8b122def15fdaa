/* Where the API's key and certificate come from: the files that were given, or one that the agent makes for itself. */
#include "agent/api/api-certificate.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/secret-file.h"

#define CERTIFICATE_FILE "api.pem"
/* A certificate with its chain, and a key of any kind. */
#define PEM_LIMIT ((size_t)256 * 1024)

/* Key and certificate in one file, so that they cannot get apart. */
static int save_certificate(const struct arci_api_certificate *certificate, const char *path,
                            struct arctic_error *error)
{
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer text = {.limit = 0};
    arci_buffer_text(&text, certificate->key);
    arci_buffer_text(&text, certificate->chain);
    if (text.failed)
        return arci_fail_memory(error);
    return arci_secret_file_write(path, text.data, text.length, error);
}

static int make_own(const struct arctic_agent *agent, const char *path,
                    struct arci_api_certificate *ret_certificate, struct arctic_error *error)
{
    char host[HOST_NAME_MAX + 1] = "";
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    int code = arci_api_certificate_generate(host, ret_certificate, error);
    if (code == ARCTIC_OK)
        code = save_certificate(ret_certificate, path, error);
    if (code == ARCTIC_OK)
        arci_log_info(agent->log, "api", "made a key and a certificate for the API over TLS",
                      ARCI_TEXT("file", path));
    return code;
}

static int load_own(const struct arctic_agent *agent, struct arci_api_certificate *ret_certificate,
                    struct arctic_error *error)
{
    char path[sizeof agent->settings.data_dir + sizeof CERTIFICATE_FILE + 1];
    ARCI_CLEANUP(arci_secret_cleanup) char *text = NULL;
    size_t length;
    snprintf(path, sizeof path, "%s/%s", agent->settings.data_dir, CERTIFICATE_FILE);
    int code = arci_secret_file_read(path, PEM_LIMIT, &text, &length, error);
    if (code == ARCTIC_E_NOT_FOUND)
        return make_own(agent, path, ret_certificate, error);
    if (code == ARCTIC_OK)
        code = arci_api_certificate_read(text, text, ret_certificate, error);
    if (code == ARCTIC_E_CORRUPT)
        return arci_fail_within(
            error, code,
            "%s is damaged: restore it from a backup, or remove it for a new key, whose fingerprint clients "
            "have to be told",
            path);
    return code;
}

static int load_given(const struct arctic_agent *agent, struct arci_api_certificate *ret_certificate,
                      struct arctic_error *error)
{
    const char *chain_path = agent->settings.api_tls_cert;
    const char *key_path = agent->settings.api_tls_key;
    ARCI_FREE char *chain = NULL;
    ARCI_CLEANUP(arci_secret_cleanup) char *key = NULL;
    size_t length;
    int code = arci_plain_file_read(chain_path, PEM_LIMIT, &chain, &length, error);
    if (code < 0)
        return arci_fail_within(error, code, "API_TLS_CERT");
    code = arci_secret_file_read(key_path, PEM_LIMIT, &key, &length, error);
    if (code < 0)
        return arci_fail_within(error, code, "API_TLS_KEY");
    code = arci_api_certificate_read(chain, key, ret_certificate, error);
    if (code == ARCTIC_E_CORRUPT)
        return arci_fail_within(
            error, code, "API_TLS_CERT %.120s and API_TLS_KEY %.120s must be PEM files that belong together",
            chain_path, key_path);
    return code;
}

int arci_api_certificate_load(const struct arctic_agent *agent, struct arci_api_certificate *ret_certificate,
                              struct arctic_error *error)
{
    return agent->settings.api_tls_cert[0] ? load_given(agent, ret_certificate, error)
                                           : load_own(agent, ret_certificate, error);
}
