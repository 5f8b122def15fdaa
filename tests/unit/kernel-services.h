/*
 * Random services for the tests of lib/kernel: few addresses and many overlaps, so that every rule decides
 * somewhere.
 */
#ifndef ARCTIC_TESTS_KERNEL_SERVICES_H
#define ARCTIC_TESTS_KERNEL_SERVICES_H

#include <stdio.h>
#include <string.h>

#include <arctic/id.h>

#include "base/address.h"
#include "kernel/service.h"
#include "tests/unit/random.h"

#define SERVICES 5
#define ROUTES 24

struct random_services {
    struct arci_kernel_service services[SERVICES];
    size_t count;
    struct arci_route routes[SERVICES][ROUTES];
    char interfaces[SERVICES][8];
};

static inline struct arctic_address random_address(struct test_random *dice, uint8_t family)
{
    struct arctic_address address = {.family = family};
    size_t size = arci_address_size(family);
    address.bytes[0] = family == ARCTIC_FAMILY_IPV4 ? 10 : 0xfd;
    address.bytes[1] = (uint8_t)test_random_below(dice, 2);
    address.bytes[size - 1] = (uint8_t)test_random_below(dice, 4);
    return address;
}

static inline struct arctic_cidr random_cidr(struct test_random *dice, uint8_t family)
{
    static const uint8_t lengths4[] = {0, 8, 15, 16, 31, 32};
    static const uint8_t lengths6[] = {0, 8, 15, 16, 127, 128};
    struct arctic_cidr cidr = {
        .length = (family == ARCTIC_FAMILY_IPV4 ? lengths4 : lengths6)[test_random_below(dice, 6)]};
    struct arctic_address address = random_address(dice, family);
    cidr.address = arci_address_mask(&address, cidr.length);
    return cidr;
}

static inline void random_routes(struct test_random *dice, struct arci_route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t family = test_random_below(dice, 2) ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
        uint32_t kind = test_random_below(dice, 3);
        routes[i] = (struct arci_route){.id = i + 1, .priority = (int32_t)test_random_below(dice, 2) + 1};
        if (kind != 0)
            routes[i].source = random_cidr(dice, family);
        if (kind != 1)
            routes[i].destination = random_cidr(dice, family);
    }
}

/* Each of SERVICES ids is there or not; some are withdrawn, blocked, or have an interface. */
static inline void random_services(struct test_random *dice, struct random_services *all)
{
    memset(all, 0, sizeof *all);
    for (unsigned i = 0; i < SERVICES; i++) {
        if (test_random_below(dice, 5) == 0)
            continue;
        struct arci_kernel_service *service = &all->services[all->count];
        snprintf(service->id.text, sizeof service->id.text, "svc_%026u", i + 1);
        if (test_random_below(dice, 3) == 0)
            snprintf(all->interfaces[all->count], sizeof all->interfaces[0], "own%u", i);
        service->interface = all->interfaces[all->count];
        service->tproxy_port = (uint16_t)(40000 + test_random_below(dice, 2));
        service->withdrawn = test_random_below(dice, 8) == 0;
        service->block = test_random_below(dice, 8) == 0;
        service->route_count = test_random_below(dice, 4) ? test_random_below(dice, ROUTES + 1) : 0;
        random_routes(dice, all->routes[all->count], service->route_count);
        service->routes = all->routes[all->count];
        for (size_t j = 0; j < sizeof service->revision; j++)
            service->revision[j] = (uint8_t)test_random_next(dice);
        all->count++;
    }
}

/*
 * Services come, go and change, some of them only in whether they are withdrawn; those that stay as they were are named in `ret_kept`
 * (as many as services).
 */
static inline void random_changes(struct test_random *dice, const struct random_services *before,
                                  struct random_services *ret_after, bool *ret_kept)
{
    random_services(dice, ret_after);
    for (size_t i = 0; i < ret_after->count; i++) {
        ret_kept[i] = false;
        bool stays = test_random_below(dice, 3) > 0;
        for (size_t j = 0; j < before->count && stays; j++) {
            if (!arctic_id_equal(&ret_after->services[i].id, &before->services[j].id))
                continue;
            ret_kept[i] = true;
            memcpy(ret_after->routes[i], before->routes[j], sizeof before->routes[j]);
            memcpy(ret_after->interfaces[i], before->interfaces[j], sizeof before->interfaces[j]);
            ret_after->services[i] = before->services[j];
            ret_after->services[i].routes = ret_after->routes[i];
            ret_after->services[i].interface = ret_after->interfaces[i];
            if (test_random_below(dice, 8) == 0) {
                ret_after->services[i].withdrawn = !ret_after->services[i].withdrawn;
                ret_kept[i] = false;
            }
        }
    }
}

#endif
