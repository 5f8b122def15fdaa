/* Client identifiers. */
#include "kernel/dhcp/identifier.h"

#include <string.h>

#include "base/error.h"
#include "kernel/dhcp/wire.h"

#define DIGITS 26

/* The ULID of an id, see <arctic/id.h>. */
static bool read_ulid(const char *text, uint8_t ret_bytes[16])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned __int128 value = 0;
    for (int i = 0; i < DIGITS; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        value = value << 5 | (unsigned)(digit - digits);
    }
    for (int i = 15; i >= 0; i--) {
        ret_bytes[i] = (uint8_t)value;
        value >>= 8;
    }
    return true;
}

int arci_dhcp_identifier(const struct arctic_id *service, uint8_t ret_identifier[ARCI_DHCP_IDENTIFIER_SIZE],
                         struct arctic_error *error)
{
    uint8_t identifier[ARCI_DHCP_IDENTIFIER_SIZE] = {255};
    struct arctic_id checked;
    int code = arctic_id_parse(ARCTIC_ID_SERVICE, service->text, &checked, error);
    if (code < 0)
        return arci_fail(error, ARCTIC_E_USAGE, "service", "'%.31s' is no id of a service", service->text);
    arci_put_be32(identifier + 1, 1);
    arci_put_be16(identifier + 5, 4);
    if (!read_ulid(checked.text + strlen("svc_"), identifier + 7))
        return arci_fail(error, ARCTIC_E_USAGE, "service", "'%.31s' is no id of a service", service->text);
    memcpy(ret_identifier, identifier, sizeof identifier);
    return ARCTIC_OK;
}
