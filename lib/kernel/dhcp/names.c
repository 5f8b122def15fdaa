/* Host names and domains. */
#include "kernel/dhcp/names.h"

#include <string.h>

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define LABEL_MAX 63

bool arci_dhcp_is_hostname(const char *text)
{
    size_t length = strspn(text, LETTERS_AND_DIGITS "-");
    if (length == 0 || length > LABEL_MAX || text[length] != '\0')
        return false;
    return text[0] != '-' && text[length - 1] != '-';
}

bool arci_dhcp_is_domain(const char *text)
{
    return text[strspn(text, LETTERS_AND_DIGITS "-_.")] == '\0';
}
