/* Endpoint URLs, taken apart by libcurl's own parser so that check and use never differ. */
#include "rest/url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/address.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"

static void curl_text_cleanup(char **text)
{
    curl_free(*text);
}

#define CURL_TEXT ARCI_CLEANUP(curl_text_cleanup) char

ARCI_DEFINE_CLEANUP(CURLU *, curl_url_cleanup, url_cleanup)

static bool has_part(CURLU *url, CURLUPart part)
{
    CURL_TEXT *text = NULL;
    return curl_url_get(url, part, &text, 0) == CURLUE_OK && *text;
}

static bool has_only_host(CURLU *url)
{
    CURL_TEXT *path = NULL;
    if (curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK || strcmp(path, "/") != 0)
        return false;
    return !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD) &&
           !has_part(url, CURLUPART_QUERY) && !has_part(url, CURLUPART_FRAGMENT) &&
           !has_part(url, CURLUPART_OPTIONS);
}

static bool is_http(CURLU *url)
{
    CURL_TEXT *scheme = NULL;
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return false;
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

int arci_url_endpoint(const char *text, char **ret_url, struct arctic_error *error)
{
    if (!strstr(text, "://") && strstr(text, ":/"))
        return arci_fail(error, ARCTIC_E_USAGE, "endpoints",
                         "'%.200s' is no URL: an endpoint is http://host:port or https://host:port", text);
    if (!strstr(text, "://"))
        return arci_fail(error, ARCTIC_E_USAGE, "endpoints",
                         "'%.200s' is no URL, did you mean http://%.200s?", text, text);
    ARCI_CLEANUP(url_cleanup) CURLU *url = curl_url();
    if (!url)
        return arci_fail_memory(error);
    CURLUcode parsed = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (parsed == CURLUE_OUT_OF_MEMORY)
        return arci_fail_memory(error);
    if (parsed != CURLUE_OK)
        return arci_fail(error, ARCTIC_E_USAGE, "endpoints", "'%.200s' is no URL: %s", text,
                         curl_url_strerror(parsed));
    if (!is_http(url) || !has_only_host(url))
        return arci_fail(error, ARCTIC_E_USAGE, "endpoints",
                         "'%.200s': an endpoint is http://host:port or https://host:port and nothing more",
                         text);
    CURL_TEXT *normal = NULL;
    if (curl_url_get(url, CURLUPART_URL, &normal, 0) != CURLUE_OK)
        return arci_fail_memory(error);
    size_t length = strlen(normal);
    if (length > 0 && normal[length - 1] == '/')
        normal[length - 1] = '\0';
    *ret_url = strdup(normal);
    return *ret_url ? ARCTIC_OK : arci_fail_memory(error);
}

static bool is_loopback(const char *host)
{
    char bare[ARCTIC_ADDRESS_TEXT + 2] = "";
    size_t length = strlen(host);
    if (strcmp(host, "localhost") == 0)
        return true;
    if (length >= sizeof bare)
        return false;
    bool bracketed = host[0] == '[' && host[length - 1] == ']';
    memcpy(bare, host + bracketed, length - (bracketed ? 2 : 0));
    struct arctic_address address;
    if (!arci_address_read(bare, &address))
        return false;
    return arci_address_is_loopback(&address);
}

bool arci_url_is_private(const char *text)
{
    ARCI_CLEANUP(url_cleanup) CURLU *url = curl_url();
    CURL_TEXT *scheme = NULL;
    CURL_TEXT *host = NULL;
    if (!url || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return false;
    if (strcmp(scheme, "https") == 0)
        return true;
    return strcmp(scheme, "http") == 0 && is_loopback(host);
}
