/* Who an https endpoint has to be: the holder of one key, or of a certificate from a CA of this host. */
#include "rest/transfer.h"

#include <stdio.h>
#include <string.h>

#include <arctic/error.h>

#include "crypto/fingerprint.h"

void arci_transfer_set_trust(CURL *curl, const struct arci_transfer *transfer, bool trust_any)
{
    if (strncmp(transfer->endpoint, "https:", 6) != 0)
        return;
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L); /* for arci_transfer_shown() */
    if (transfer->fingerprint || trust_any) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (transfer->fingerprint && !trust_any) {
        char pin[ARCI_FINGERPRINT_CURL_PIN];
        curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY,
                         arci_fingerprint_curl_pin(transfer->fingerprint, pin));
    }
}

bool arci_transfer_shown(CURL *curl, uint8_t ret_fingerprint[ARCI_SHA256_SIZE])
{
    static const char label[] = "Cert:";
    struct curl_certinfo *chain = NULL;
    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain || chain->num_of_certs < 1)
        return false;
    for (struct curl_slist *entry = chain->certinfo[0]; entry; entry = entry->next) {
        if (strncmp(entry->data, label, strlen(label)) == 0)
            return arci_fingerprint_of_pem(entry->data + strlen(label), ret_fingerprint, NULL) == ARCTIC_OK;
    }
    return false;
}

static void explain_mismatch(CURL *curl, struct arci_transfer *transfer)
{
    char wanted[ARCI_FINGERPRINT_TEXT];
    char shown[ARCI_FINGERPRINT_TEXT] = "that cannot be read";
    uint8_t fingerprint[ARCI_SHA256_SIZE];
    if (arci_transfer_shown(curl, fingerprint))
        arci_fingerprint_format(fingerprint, shown);
    snprintf(
        transfer->reason, sizeof transfer->reason,
        "it shows the key %s, expected %s: the agent has got a new key, or another host answers in its place",
        shown, arci_fingerprint_format(transfer->fingerprint, wanted));
}

/* A connection that was broken off over a certificate does not tell which one it was. */
static void explain_unknown(CURL *curl, struct arci_transfer *transfer, const char *detail)
{
    char shown[ARCI_FINGERPRINT_TEXT];
    uint8_t fingerprint[ARCI_SHA256_SIZE];
    if (arci_transfer_look(curl, transfer, fingerprint) == ARCTIC_OK)
        snprintf(transfer->reason, sizeof transfer->reason,
                 "%.120s; its key is %s: expect this fingerprint, if it is the agent's", detail,
                 arci_fingerprint_format(fingerprint, shown));
    else
        snprintf(transfer->reason, sizeof transfer->reason,
                 "%.160s: expect the fingerprint of the agent's key", detail);
}

bool arci_transfer_explain_tls(CURL *curl, struct arci_transfer *transfer, CURLcode result,
                               const char *detail, int *ret_code)
{
    *ret_code = ARCTIC_E_UNTRUSTED;
    switch (result) {
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        explain_mismatch(curl, transfer);
        return true;
    case CURLE_PEER_FAILED_VERIFICATION:
        explain_unknown(curl, transfer, *detail ? detail : curl_easy_strerror(result));
        return true;
    case CURLE_SSL_CONNECT_ERROR:
        *ret_code = ARCTIC_E_UNREACHABLE;
        snprintf(transfer->reason, sizeof transfer->reason,
                 "%.160s: does it speak TLS? https:// goes to the agent's API_TLS_PORT",
                 *detail ? detail : curl_easy_strerror(result));
        return true;
    default:
        return false;
    }
}
