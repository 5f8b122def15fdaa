/* libcurl's easy interface, set up anew for each transfer. */
#include "rest/transfer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <arctic/client.h>

#include "base/secret.h"

/* libcurl copies list entries; these hold a token, so they are wiped before they go. */
static void free_headers(struct curl_slist **list)
{
    for (struct curl_slist *entry = *list; entry; entry = entry->next)
        arci_wipe(entry->data, strlen(entry->data));
    curl_slist_free_all(*list);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer line = {.limit = 0};
    arci_buffer_format(&line, "%s: %s", name, value);
    struct curl_slist *longer = line.failed ? NULL : curl_slist_append(*list, (char *)line.data);
    if (!longer)
        return false;
    *list = longer;
    return true;
}

/* Where there is something to say. */
static bool add_optional(struct curl_slist **list, const char *name, const char *value)
{
    return !value || add_header(list, name, value);
}

static bool make_headers(const struct arci_transfer *transfer, struct curl_slist **list)
{
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer bearer = {.limit = 0};
    if (!add_header(list, "Accept", "application/json"))
        return false;
    if (transfer->body && !add_header(list, "Content-Type", transfer->content_type))
        return false;
    if (!add_optional(list, "X-Arctic-Peer", transfer->peer) ||
        !add_optional(list, "X-Arctic-Recovery", transfer->recovery_token))
        return false;
    if (!transfer->token)
        return true;
    arci_buffer_format(&bearer, "Bearer %s", transfer->token);
    return !bearer.failed && add_header(list, "Authorization", (char *)bearer.data);
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct arci_buffer *answer = context;
    arci_buffer_append(answer, bytes, size * count);
    return answer->failed ? 0 : size * count;
}

static int mark_socket(void *mark, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    return setsockopt(fd, SOL_SOCKET, SO_MARK, mark, sizeof(uint32_t)) < 0 ? CURL_SOCKOPT_ERROR
                                                                           : CURL_SOCKOPT_OK;
}

static void set_limits(CURL *curl, const struct arci_transfer *transfer)
{
    int64_t connect = transfer->connect_timeout_ms < transfer->timeout_ms ? transfer->connect_timeout_ms
                                                                          : transfer->timeout_ms;
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)transfer->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    if (transfer->socket_mark) {
        curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, mark_socket);
        curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, &transfer->socket_mark);
    }
}

/* Without a body such a request still says that its length is 0 (RFC 9110 section 8.6). */
static bool wants_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0;
}

static void set_request(CURL *curl, const struct arci_transfer *transfer, const char *url)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, transfer->user_agent);
    if (transfer->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(transfer->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer->body);
    } else if (wants_body(transfer->method)) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, transfer->method);
    if (strcmp(transfer->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
}

static int fail(struct arci_transfer *transfer, int code, const char *reason)
{
    snprintf(transfer->reason, sizeof transfer->reason, "%s", reason);
    return code;
}

/* libcurl's own words for a refused connection name the address once more, but not the reason. */
static void give_reason(CURL *curl, struct arci_transfer *transfer, CURLcode result, const char *detail)
{
    long errnum = 0;
    if (result == CURLE_GOT_NOTHING) {
        fail(transfer, 0, "it closed the connection without an answer; http:// goes to the agent's API_PORT");
        return;
    }
    if (result == CURLE_COULDNT_CONNECT)
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &errnum);
    fail(transfer, 0,
         errnum > 0 ? strerrordesc_np((int)errnum)
         : *detail  ? detail
                    : curl_easy_strerror(result));
}

static int explain(CURL *curl, struct arci_transfer *transfer, CURLcode result, const char *detail)
{
    if (transfer->answer.failed)
        return fail(transfer, ARCTIC_E_LIMIT, "the answer is too large");
    transfer->timed_out = result == CURLE_OPERATION_TIMEDOUT;
    int code;
    if (arci_transfer_explain_tls(curl, transfer, result, detail, &code))
        return code;
    give_reason(curl, transfer, result, detail);
    switch (result) {
    case CURLE_OUT_OF_MEMORY:
        return ARCTIC_E_NO_MEMORY;
    case CURLE_OPERATION_TIMEDOUT:
        return transfer->sent ? ARCTIC_E_TIMEOUT : ARCTIC_E_UNREACHABLE;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return ARCTIC_E_PROTOCOL;
    default:
        return ARCTIC_E_UNREACHABLE;
    }
}

int arci_transfer_run(CURL *curl, struct arci_transfer *transfer)
{
    char detail[CURL_ERROR_SIZE] = "";
    ARCI_BUFFER url = {.limit = 0};
    ARCI_CLEANUP(free_headers) struct curl_slist *headers = NULL;
    arci_buffer_format(&url, "%s%s", transfer->endpoint, transfer->path);
    if (url.failed || !make_headers(transfer, &headers))
        return fail(transfer, ARCTIC_E_NO_MEMORY, "out of memory");
    arci_buffer_clear(&transfer->answer);
    transfer->answer.limit = ARCTIC_CLIENT_ANSWER_MAX;

    curl_easy_reset(curl);
    set_limits(curl, transfer);
    arci_transfer_set_trust(curl, transfer, false);
    set_request(curl, transfer, (char *)url.data);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer->answer);
    CURLcode result = curl_easy_perform(curl);

    long request_size = 0;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_size);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->sent = request_size > 0;
    int code = result == CURLE_OK ? ARCTIC_OK : explain(curl, transfer, result, detail);
    /* The handle lives on, what these point to does not. */
    curl_easy_reset(curl);
    if (code < 0)
        return code;
    transfer->status = (int32_t)status;
    return ARCTIC_OK;
}

int arci_transfer_look(CURL *curl, struct arci_transfer *transfer, uint8_t ret_fingerprint[ARCI_SHA256_SIZE])
{
    char detail[CURL_ERROR_SIZE] = "";
    curl_easy_reset(curl);
    set_limits(curl, transfer);
    arci_transfer_set_trust(curl, transfer, true);
    curl_easy_setopt(curl, CURLOPT_URL, transfer->endpoint);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode result = curl_easy_perform(curl);
    int code = result == CURLE_OK ? ARCTIC_OK : explain(curl, transfer, result, detail);
    if (code == ARCTIC_OK && !arci_transfer_shown(curl, ret_fingerprint))
        code = fail(transfer, ARCTIC_E_PROTOCOL, "it shows no certificate that could be read");
    curl_easy_reset(curl);
    return code;
}
