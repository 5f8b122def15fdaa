/* Names and MAC addresses of services' interfaces. */
#include "tests/unit/unit.h"

#include <string.h>

#include "kernel/interface/name.h"

static const struct arctic_id service = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"};
static const struct arctic_id neighbour = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ13"};
static const struct arctic_id peer = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ99"};
static const struct arctic_id other_peer = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ98"};

static void test_names(void **state)
{
    (void)state;
    char name[ARCI_INTERFACE_NAME_SIZE];
    arci_interface_name(&service, 0, name);
    assert_string_equal(name, "arc-qrstvwxyz12");
    arci_interface_name(&service, 1, name);
    assert_string_equal(name, "arx-qrstvwxyz12");
    assert_true(arci_interface_may_be_called(&service, name));
    assert_false(arci_interface_may_be_called(&neighbour, name));
    assert_false(arci_interface_may_be_called(&service, "arc-"));
    assert_false(arci_interface_may_be_called(&service, "eth0"));
}

/* Nothing that went wrong with the kernel's state may give neighbours another address to learn. */
static void test_mac(void **state)
{
    (void)state;
    uint8_t first[ARCI_MAC_SIZE] = {0};
    uint8_t again[ARCI_MAC_SIZE] = {0};
    uint8_t others[ARCI_MAC_SIZE] = {0};
    char text[ARCI_MAC_TEXT];
    assert_int_equal(arci_interface_mac(&service, &peer, first, NULL), ARCTIC_OK);
    assert_int_equal(arci_interface_mac(&service, &peer, again, NULL), ARCTIC_OK);
    assert_memory_equal(first, again, sizeof first);
    assert_int_equal(first[0] & 0x03, 0x02); /* unicast, locally administered */
    assert_int_equal(arci_interface_mac(&neighbour, &peer, others, NULL), ARCTIC_OK);
    assert_memory_not_equal(first, others, sizeof first);
    assert_int_equal(arci_interface_mac(&service, &other_peer, others, NULL), ARCTIC_OK);
    assert_memory_not_equal(first, others, sizeof first);
    const uint8_t known[ARCI_MAC_SIZE] = {0x02, 0x0a, 0xff, 0, 1, 0x10};
    assert_string_equal(arci_mac_format(known, text), "02:0a:ff:00:01:10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_mac),
    };
    return cmocka_run_group_tests_name("interface-name", tests, NULL, NULL);
}
