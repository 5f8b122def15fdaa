/* Addresses, prefixes, endpoints, ids and times as text: what is taken must come back the same from its own text. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/address.h>
#include <arctic/id.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "base/utf8.h"
#include "model/name.h"
#include "tests/fuzz/fuzz.h"

static void try_cidr(const char *text,
                     int (*parse)(const char *, struct arctic_cidr *, struct arctic_error *))
{
    struct arctic_cidr cidr;
    struct arctic_cidr back;
    char canonical[ARCTIC_CIDR_TEXT];
    if (parse(text, &cidr, NULL) < 0)
        return;
    assert(parse(arctic_cidr_format(&cidr, canonical), &back, NULL) == ARCTIC_OK);
    assert(arctic_cidr_equal(&cidr, &back));
}

static void try_endpoint(const char *text)
{
    struct arctic_endpoint endpoint;
    struct arctic_endpoint back;
    char canonical[ARCTIC_ENDPOINT_TEXT];
    if (arctic_endpoint_parse(text, &endpoint, NULL) < 0)
        return;
    assert(arctic_endpoint_parse(arctic_endpoint_format(&endpoint, canonical), &back, NULL) == ARCTIC_OK);
    assert(arctic_address_compare(&endpoint.address, &back.address) == 0 && endpoint.port == back.port);
}

static void try_id(const char *text)
{
    for (int32_t kind = ARCTIC_ID_PEER; kind <= ARCTIC_ID_CUSTOMER; kind++) {
        struct arctic_id id;
        struct arctic_id back;
        if (arctic_id_parse(kind, text, &id, NULL) < 0)
            continue;
        assert(arctic_id_parse(kind, id.text, &back, NULL) == ARCTIC_OK && arctic_id_equal(&id, &back));
    }
}

static void try_time(const char *text)
{
    int64_t milliseconds;
    int64_t back;
    char canonical[ARCI_TIME_TEXT];
    if (arci_time_parse(text, &milliseconds, NULL) < 0)
        return;
    arci_time_format(milliseconds, canonical);
    /* An offset may move the first or last day out of the four-digit years, which have no text that is read. */
    if (milliseconds >= -62167219200000 && milliseconds <= 253402300799999)
        assert(arci_time_parse(canonical, &back, NULL) == ARCTIC_OK && back == milliseconds);
}

static void try_base64(const char *text)
{
    size_t length = strlen(text);
    size_t got;
    ARCI_FREE uint8_t *bytes = malloc(length + 1);
    ARCI_FREE char *again = malloc(ARCI_BASE64_TEXT(length));
    if (bytes && again && arci_base64_decode(text, length, bytes, length, &got))
        assert(strcmp(arci_base64_encode(bytes, got, again), text) == 0);
}

/* An error that quotes the text, or the text itself repaired, is valid UTF-8. */
static void try_repair(char *text)
{
    struct arctic_error error;
    arci_name_validate(text, "name", &error);
    arci_description_validate(text, "description", &error);
    arci_utf8_repair(text);
    while (*text) {
        uint32_t codepoint;
        size_t length = arci_utf8_decode(text, &codepoint);
        assert(length > 0 && arci_utf8_printable(codepoint));
        text += length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARCI_FREE char *text = malloc(size + 1);
    struct arctic_address address;
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    arctic_address_parse(text, &address, NULL);
    try_cidr(text, arctic_cidr_parse);
    try_cidr(text, arctic_cidr_parse_host);
    try_endpoint(text);
    try_id(text);
    try_time(text);
    try_base64(text);
    try_repair(text);
    return 0;
}
