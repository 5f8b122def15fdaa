/*
 * The route table under any sequence of changes: after each, a lookup agrees with the explanation, which goes through all routes
 * one by one.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/match.h>

#include "base/address.h"
#include "tests/fuzz/fuzz.h"

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static struct arctic_id take_service(struct input *input)
{
    struct arctic_id id;
    snprintf(id.text, sizeof id.text, "svc_0000000000000000000000000%u", take(input) % 4u);
    return id;
}

/* Two bytes make an address: few enough that prefixes meet. */
static struct arctic_address take_address(struct input *input, uint8_t family)
{
    struct arctic_address address = {.family = family};
    uint8_t first = take(input);
    uint8_t second = take(input);
    size_t size = arci_address_size(family);
    for (size_t i = 0; i < size; i++)
        address.bytes[i] = i % 2 ? second : first;
    return address;
}

static struct arctic_cidr take_cidr(struct input *input, uint8_t family)
{
    struct arctic_cidr cidr = {.address = take_address(input, family)};
    cidr.length = (uint8_t)(take(input) % (arci_address_size(family) * 8 + 1));
    cidr.address = arci_address_mask(&cidr.address, cidr.length);
    return cidr;
}

static void change(struct arctic_route_table *table, struct input *input, uint8_t kind)
{
    uint8_t family = kind & 0x80 ? ARCTIC_FAMILY_IPV6 : ARCTIC_FAMILY_IPV4;
    struct arctic_id service = take_service(input);
    uint64_t id = 1 + take(input) % 32u;
    struct arctic_cidr source = take_cidr(input, family);
    struct arctic_cidr destination = take_cidr(input, family);
    switch (kind % 8) {
    case 0:
        arctic_route_table_remove_service(table, &service, NULL);
        break;
    case 1:
        arctic_route_table_add_service(table, &service, kind & 0x40 ? "mv0" : NULL, NULL);
        break;
    case 2:
    case 3:
        arctic_route_table_remove_route(table, &service, id, NULL);
        break;
    default:
        arctic_route_table_add_route(table, &service, id, kind & 0x20 ? NULL : &source,
                                     kind & 0x10 ? NULL : &destination, 1 + take(input) % 4, NULL);
    }
}

static void check(const struct arctic_route_table *table, struct input *input, uint8_t kind)
{
    uint8_t family = kind & 0x80 ? ARCTIC_FAMILY_IPV6 : ARCTIC_FAMILY_IPV4;
    struct arctic_flow flow = {.source = take_address(input, family),
                               .destination = take_address(input, family)};
    struct arctic_match match;
    struct arctic_match *rows;
    size_t count;
    if (kind & 0x08)
        memcpy(flow.interface, "mv0", 4);
    int code = arctic_route_table_match(table, &flow, &match, NULL);
    assert(arctic_route_table_explain(table, &flow, &rows, &count, NULL) == ARCTIC_OK);
    int explained = count > 0 && rows[0].reason == ARCTIC_MATCH_WINNER;
    assert(explained == (code == ARCTIC_OK));
    if (explained) {
        assert(arctic_id_equal(&match.service_id, &rows[0].service_id));
        assert(match.route_id == rows[0].route_id && match.match_class == rows[0].match_class);
    }
    arctic_match_free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct arctic_route_table *table;
    if (arctic_route_table_create(&table, NULL) < 0)
        return 0;
    while (input.size > 0) {
        uint8_t kind = take(&input);
        change(table, &input, kind);
        check(table, &input, kind);
    }
    arctic_route_table_free(table);
    return 0;
}
