/* See name.h. */
#include "kernel/interface/name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"

#define TAIL_LENGTH 11u

void arci_interface_name(const struct arctic_id *service, unsigned choice, char *ret_name)
{
    static const char *const prefixes[ARCI_INTERFACE_NAMES] = {"arc-", "arx-"};
    size_t length = strlen(service->text);
    const char *tail = service->text + (length > TAIL_LENGTH ? length - TAIL_LENGTH : 0);
    snprintf(ret_name, ARCI_INTERFACE_NAME_SIZE, "%s%.11s", prefixes[choice % ARCI_INTERFACE_NAMES], tail);
    for (char *letter = ret_name; *letter; letter++)
        *letter = (char)tolower((unsigned char)*letter);
}

bool arci_interface_may_be_called(const struct arctic_id *service, const char *name)
{
    char own[ARCI_INTERFACE_NAME_SIZE];
    for (unsigned choice = 0; choice < ARCI_INTERFACE_NAMES; choice++) {
        arci_interface_name(service, choice, own);
        if (strcmp(own, name) == 0)
            return true;
    }
    return false;
}

int arci_interface_mac(const struct arctic_id *service, const struct arctic_id *peer,
                       uint8_t ret_mac[ARCI_MAC_SIZE], struct arctic_error *error)
{
    char text[2 * sizeof service->text + sizeof "arctic interface  "];
    uint8_t digest[ARCI_SHA256_SIZE];
    int length = snprintf(text, sizeof text, "arctic interface %s %s", service->text, peer->text);
    int code = arci_sha256(text, (size_t)length, digest, error);
    if (code < 0)
        return code;
    /* IEEE 802, section 8.2: bit 0 of the first octet says multicast, bit 1 locally administered. */
    digest[0] = (uint8_t)((digest[0] & 0xfc) | 0x02);
    memcpy(ret_mac, digest, ARCI_MAC_SIZE);
    return ARCTIC_OK;
}

char *arci_mac_format(const uint8_t mac[ARCI_MAC_SIZE], char *text)
{
    snprintf(text, ARCI_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
    return text;
}
