/* The file of former kernel settings: what is read back from it may be written to /proc/sys, so nothing else passes. */
#include "tests/unit/unit.h"

#include <string.h>

#include "kernel/sysctl-file.h"

#define BOOT "0f3a"

static int parse(const char *text, struct arci_sysctls *ret_sysctls)
{
    struct arctic_error error;
    return arci_sysctl_file_parse(text, strlen(text), BOOT, ret_sysctls, &error);
}

static size_t index_of(const char *name)
{
    size_t i = 0;
    while (strcmp(arci_sysctl_name(i), name) != 0)
        i++;
    return i;
}

static void test_what_was_written(void **state)
{
    struct arci_sysctls sysctls = {0};
    (void)state;
    assert_int_equal(parse("{\"boot_id\":\"" BOOT
                           "\",\"settings\":{\"net.ipv4.tcp_slow_start_after_idle\":{\"before\":\"1\","
                           "\"ours\":\"0\"},\"net.ipv4.tcp_wmem\":{\"before\":\"1\\t2\\t3\",\"ours\":"
                           "\"1\\t2\\t67108864\"}}}",
                           &sysctls),
                     ARCTIC_OK);
    size_t idle = index_of("net.ipv4.tcp_slow_start_after_idle");
    size_t wmem = index_of("net.ipv4.tcp_wmem");
    for (size_t i = 0; i < ARCI_SYSCTL_COUNT; i++)
        assert_int_equal(sysctls.items[i].written, i == idle || i == wmem);
    assert_string_equal(sysctls.items[idle].before, "1");
    assert_string_equal(sysctls.items[wmem].before, "1\t2\t3");
    assert_string_equal(sysctls.items[wmem].ours, "1\t2\t67108864");
}

static void test_what_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"boot_id\":\"" BOOT "\"}",
        "{\"boot_id\":7,\"settings\":{}}",
        "{\"boot_id\":\"" BOOT "\",\"settings\":{\"net.ipv4.tcp_rmem\":7}}",
        "{\"boot_id\":\"" BOOT "\",\"settings\":{\"net.ipv4.tcp_rmem\":{\"before\":\"1\\t2\\t3\"}}}",
        "{\"boot_id\":\"" BOOT
        "\",\"settings\":{\"net.ipv4.tcp_rmem\":{\"before\":\"1\\t2\",\"ours\":\"1\\t2\\t3\"}}}",
        "{\"boot_id\":\"" BOOT
        "\",\"settings\":{\"net.ipv4.tcp_rmem\":{\"before\":\"1\\t2\\t3 4\",\"ours\":\"1\\t2\\t3\"}}}",
        "{\"boot_id\":\"" BOOT
        "\",\"settings\":{\"net.ipv4.tcp_slow_start_after_idle\":{\"before\":\"x\",\"ours\":\"0\"}}}",
        /* only looked at by the agent, and never to be set by a file */
        "{\"boot_id\":\"" BOOT "\",\"settings\":{\"net.ipv4.ip_forward\":{\"before\":\"1\",\"ours\":\"0\"}}}",
        "{\"boot_id\":\"another\",\"settings\":{}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arci_sysctls sysctls = {0};
        if (parse(bad[i], &sysctls) >= 0)
            fail_msg("taken: %s", bad[i]);
        for (size_t j = 0; j < ARCI_SYSCTL_COUNT; j++)
            assert_false(sysctls.items[j].written);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
